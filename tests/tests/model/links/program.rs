//! Random programs: what is done to the links of one dataset, how often, and what goes wrong meanwhile.

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::weather::{Weather, any_weather};

/// What happens, one after the other.
#[derive(Debug, Clone)]
pub struct Program(pub Vec<Step>);

/// One act, and what happens around it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Late writes of earlier steps arrive before it.
    pub late_arrive: bool,
    /// What is done.
    pub act: Act,
    /// What goes wrong with the table meanwhile.
    pub weather: Weather,
    /// The client sends it a second time, in fair weather, with the same `Idempotency-Key`.
    pub twice: bool,
    /// Time that passes after it, beside the cache's.
    pub pass_secs: i64,
    /// What goes wrong while somebody reads afterwards.
    pub reading: Weather,
}

/// What is done. A link is picked among those that are there.
#[derive(Debug, Clone)]
pub enum Act {
    /// A link is asked for.
    Create(Wish),
    /// The request of an earlier create, acknowledged then, comes once more, `Idempotency-Key` and all.
    Again(u8),
    /// A link is paused.
    Pause(u8),
    /// A link is resumed.
    Resume(u8),
    /// A link is edited; with a version that it does not have, if stale.
    Edit { link: u8, edit: Edit, stale: bool },
    /// A link is moved to the other place; with a version that it does not have, if stale.
    Retarget { link: u8, stale: bool },
    /// A review link is promoted; with a version that it does not have, if stale. Of another link it is asked, too.
    Promote { link: u8, until: End, stale: bool },
    /// A link is revoked.
    Revoke(u8),
    /// Every link of the dataset that they are made on is revoked.
    RevokeAll,
}

/// What is wished of a new link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The number of its label: few, so that the same is asked for again.
    pub label: u8,
    /// When it ends.
    pub until: End,
    /// When it begins, in seconds from now.
    pub begins_in_secs: Option<i64>,
    /// Strict.
    pub strict: bool,
    /// Its class.
    pub class: Class,
}

/// The class of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// For colleagues.
    Collaboration,
    /// It is streamed, and has an end.
    Review,
    /// It needs none.
    Publication,
}

/// When a link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not said.
    ByClass,
    /// In so many days.
    Days(u32),
    /// At the instant that is so many seconds from now.
    InSecs(i64),
    /// Never.
    Never,
}

/// A change of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The number of another label.
    pub label: Option<u8>,
    /// Another end.
    pub until: Option<End>,
    /// Another beginning, in seconds from now; `Some(None)`: at once.
    pub begins_in_secs: Option<Option<i64>>,
    /// Strict or not.
    pub strict: Option<bool>,
}

/// Programs that failed once, made small, and what was wrong.
pub fn kept() -> Vec<(&'static str, Program)> {
    let plain = |act| Step { late_arrive: false, act, weather: Weather::Fair, twice: false, pass_secs: 0, reading: Weather::Fair };
    let wish = Wish { label: 0, until: End::ByClass, begins_in_secs: None, strict: false, class: Class::Collaboration };
    let publication = Wish { class: Class::Publication, ..wish.clone() };
    let strict = Edit { label: None, until: None, begins_in_secs: None, strict: Some(true) };
    vec![
        (
            "a second pause, after the answer to the first was lost, did not say by when it is enforced",
            Program(vec![plain(Act::Create(wish.clone())), Step { twice: true, ..plain(Act::Pause(1)) }]),
        ),
        (
            "a link that had just become strict promised 15 s for its revoke, though what was signed a moment before worked for longer",
            Program(vec![plain(Act::Create(publication)), plain(Act::Edit { link: 1, edit: strict, stale: false }), plain(Act::Revoke(1))]),
        ),
    ]
}

/// Programs of up to this many steps.
pub fn any_program(steps_max: usize) -> impl Strategy<Value = Program> {
    vec(any_step(), steps_max / 2..=steps_max).prop_map(Program)
}

fn any_step() -> impl Strategy<Value = Step> {
    let pass_secs = select(vec![0, 0, 0, 1, 3, 20, 100, 700]);
    (prop::bool::weighted(0.5), any_act(), any_weather(), prop::bool::weighted(0.35), pass_secs, any_weather())
        .prop_map(|(late_arrive, act, weather, twice, pass_secs, reading)| Step { late_arrive, act, weather, twice, pass_secs, reading })
}

fn any_act() -> impl Strategy<Value = Act> {
    let edit = (any::<u8>(), any_edit(), prop::bool::weighted(0.15));
    prop_oneof![
        6 => any_wish().prop_map(Act::Create),
        2 => any::<u8>().prop_map(Act::Again),
        3 => any::<u8>().prop_map(Act::Pause),
        4 => any::<u8>().prop_map(Act::Resume),
        7 => edit.prop_map(|(link, edit, stale)| Act::Edit { link, edit, stale }),
        4 => (any::<u8>(), prop::bool::weighted(0.1)).prop_map(|(link, stale)| Act::Retarget { link, stale }),
        8 => (any::<u8>(), any_end(true), prop::bool::weighted(0.1)).prop_map(|(link, until, stale)| Act::Promote { link, until, stale }),
        3 => any::<u8>().prop_map(Act::Revoke),
        1 => Just(Act::RevokeAll),
    ]
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let begins = option::weighted(0.1, select(vec![20, 200]));
    let class = prop_oneof![12 => Just(Class::Collaboration), 5 => Just(Class::Review), 3 => Just(Class::Publication)];
    (0..3_u8, any_end(true), begins, prop::bool::weighted(0.2), class).prop_map(|(label, until, begins_in_secs, strict, class)| Wish {
        label,
        until,
        begins_in_secs,
        strict,
        class,
    })
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let begins = option::weighted(0.2, option::weighted(0.5, select(vec![20, 200])));
    (option::weighted(0.4, 0..3_u8), option::weighted(0.5, any_end(false)), begins, option::weighted(0.4, any::<bool>()))
        .prop_map(|(label, until, begins_in_secs, strict)| Edit { label, until, begins_in_secs, strict })
}

fn any_end(or_by_class: bool) -> impl Strategy<Value = End> {
    let ends = [End::Days(30), End::Days(1), End::InSecs(40), End::InSecs(300), End::InSecs(3_000), End::Never, End::Never];
    select(ends.into_iter().chain(std::iter::repeat_n(End::ByClass, if or_by_class { 10 } else { 0 })).collect::<Vec<_>>())
}
