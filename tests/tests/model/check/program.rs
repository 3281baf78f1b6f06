//! Random deployments: what was done to who may read, before anybody asks.

use proptest::{collection::vec, option, prelude::*, sample::select};

/// The people, beside the owner.
pub const PEOPLE: usize = 3;

/// What was done, one after the other, by the owner of everything.
#[derive(Debug, Clone)]
pub struct Program(pub Vec<Deed>);

/// Which dataset: a folder, and an image and a folder in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    Folder,
    Image,
    Other,
}

impl Spot {
    pub const ALL: [Self; 3] = [Self::Folder, Self::Image, Self::Other];
}

/// Whom a grant is for.
#[derive(Debug, Clone, Copy)]
pub enum To {
    Person(usize),
    Group,
    Accounts,
    World,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Deed {
    Give {
        on: Spot,
        to: To,
        role: &'static str,
        may_share: bool,
        level: Option<u8>,
        /// From when on and until when, in seconds from now.
        begins: Option<i64>,
        ends: Option<i64>,
        zone: Option<&'static str>,
    },
    Withdraw {
        on: Spot,
        to: To,
    },
    Join(usize),
    Leave(usize),
    Show {
        on: Spot,
        visibility: &'static str,
    },
    Restrict {
        on: Spot,
        restricted: bool,
    },
    HandOver {
        on: Spot,
        to: usize,
    },
    Suspend(usize),
    Block(usize),
    /// From where the source may be read.
    Zone(Option<&'static str>),
    Serve(bool),
}

/// Deployments in which most people have something, and hardly anybody everything.
pub fn any_program(deeds_max: usize) -> impl Strategy<Value = Program> {
    vec(any_deed(), deeds_max / 3..=deeds_max).prop_map(Program)
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let role = select(vec!["preview", "preview", "view", "view", "download", "full", "manager"]);
    // Nobody can wait here: the store judges signatures by the machine's clock. So a grant may begin later, and none has ended.
    let edge = |secs| option::weighted(0.15, Just(secs));
    let give = (any_spot(), any_to(), role, any::<bool>(), option::weighted(0.6, Just(1)), edge(600), edge(7_200), any_zone()).prop_map(
        |(on, to, role, may_share, level, begins, ends, zone)| {
            // Elsewhere it would be refused, whatever else is asked.
            let (level, may_share) = if role == "preview" { (level, false) } else { (None, may_share) };
            Deed::Give { on, to, role, may_share: may_share && !matches!(to, To::Accounts | To::World), level, begins, ends, zone }
        },
    );
    prop_oneof![
        20 => give,
        2 => (any_spot(), any_to()).prop_map(|(on, to)| Deed::Withdraw { on, to }),
        6 => any_person().prop_map(Deed::Join),
        1 => any_person().prop_map(Deed::Leave),
        4 => (any_spot(), select(vec!["private", "accounts", "world"])).prop_map(|(on, visibility)| Deed::Show { on, visibility }),
        2 => (select(vec![Spot::Image, Spot::Other]), any::<bool>()).prop_map(|(on, restricted)| Deed::Restrict { on, restricted }),
        1 => (any_spot(), any_person()).prop_map(|(on, to)| Deed::HandOver { on, to }),
        1 => any_person().prop_map(Deed::Suspend),
        1 => any_person().prop_map(Deed::Block),
        1 => any_zone().prop_map(Deed::Zone),
        1 => prop::bool::weighted(0.7).prop_map(Deed::Serve),
    ]
}

fn any_spot() -> impl Strategy<Value = Spot> {
    select(Spot::ALL.to_vec())
}

fn any_person() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn any_to() -> impl Strategy<Value = To> {
    prop_oneof![6 => any_person().prop_map(To::Person), 3 => Just(To::Group), 1 => Just(To::Accounts), 1 => Just(To::World)]
}

fn any_zone() -> impl Strategy<Value = Option<&'static str>> {
    option::weighted(0.3, select(vec!["10.0.0.0/8", "192.0.2.0/24"]))
}
