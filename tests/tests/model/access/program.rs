//! Random programs: what is done to who may read, how often, and what goes wrong meanwhile.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::reference::{Act, By, PEOPLE, Part, Role, Spot, Subject, Visibility};
use crate::weather::{Weather, any_weather};

/// What happens, one after the other.
#[derive(Debug, Clone)]
pub struct Program {
    /// Both datasets are in one link set from the beginning.
    pub together: bool,
    /// The acts.
    pub steps: Vec<Step>,
}

/// One act, and what happens around it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Late writes of earlier steps arrive before it.
    pub late_arrive: bool,
    /// Who does it.
    pub by: By,
    /// What is done.
    pub act: Act,
    /// What goes wrong with the table meanwhile.
    pub weather: Weather,
    /// The client sends it a second time, in fair weather.
    pub twice: bool,
    /// Time that passes after it, beside the cache's.
    pub pass_secs: i64,
    /// What goes wrong while somebody reads afterwards.
    pub reading: Weather,
}

/// Programs that failed once, made small, and what was wrong.
pub fn kept() -> Vec<(&'static str, Program)> {
    let apart = |steps| Program { together: false, steps };
    let step = |act| plain(By::Owner, act);
    let suspend = |suspended| step(Act::Suspend { person: 0, suspended });
    let give = |role| step(Act::Give { on: Spot::Outer, to: Subject::Person(0), role, may_share: false, until_in_secs: None });
    vec![
        (
            "a suspension was undone by the late copy of an earlier activation",
            apart(vec![
                give(Role::View),
                suspend(true),
                Step { weather: Weather::Late(4), ..suspend(false) },
                suspend(false),
                suspend(true),
                Step { late_arrive: true, ..step(Act::Add { group: 0, person: 1 }) },
            ]),
        ),
        (
            "an edit of a dataset whose answer was lost was refused when it was sent again",
            apart(vec![Step { weather: Weather::Late(1), twice: true, ..step(Act::Open { on: Spot::Outer, to: Visibility::Accounts }) }]),
        ),
        ("a grant changed to less did not say by when", apart(vec![give(Role::Manager), give(Role::Preview)])),
    ]
}

/// Programs of up to this many steps.
pub fn any_program(steps_max: usize) -> impl Strategy<Value = Program> {
    // Most begin with people who can do something: who has nothing is refused everything.
    let begin =
        prop_oneof![4 => Just(beginning()), 4 => Just(of_a_project()), 4 => any_spot().prop_map(of_a_strict_one), 2 => Just(Vec::new())];
    let steps = vec(any_step(), steps_max / 2..=steps_max);
    (prop::bool::weighted(0.5), begin, steps).prop_map(|(together, begin, steps)| {
        let first = if together { of_a_set() } else { Vec::new() };
        Program { together, steps: [first, begin, steps].concat() }
    })
}

fn beginning() -> Vec<Step> {
    let give = |on, to, role| Act::Give { on, to: Subject::Person(to), role, may_share: true, until_in_secs: None };
    vec![
        plain(By::Owner, give(Spot::Outer, 0, Role::Manager)),
        plain(By::Person(0), give(Spot::Inner, 1, Role::View)),
        plain(By::Person(1), Act::Link { on: Spot::Inner }),
        plain(By::Person(0), Act::Clone { on: Spot::Inner }),
        plain(By::Person(0), Act::Clone { on: Spot::Outer }),
        plain(By::Person(0), Act::Retire { on: Spot::Outer }),
    ]
}

fn of_a_project() -> Vec<Step> {
    vec![
        plain(By::Owner, Act::Put { on: Spot::Outer }),
        plain(By::Owner, Act::Join { person: 0, part: Part::Manager }),
        plain(By::Person(0), Act::Join { person: 1, part: Part::Member }),
        plain(By::Person(0), Act::Link { on: Spot::Outer }),
        plain(By::Person(0), Act::Clone { on: Spot::Outer }),
    ]
}

/// What goes to both datasets, by whoever administers both, and from both.
fn of_a_set() -> Vec<Step> {
    let give = |on, to| Act::Give { on, to, role: Role::Manager, may_share: false, until_in_secs: None };
    vec![
        plain(By::Owner, give(Spot::Outer, Subject::Person(0))),
        plain(By::Person(0), give(Spot::Inner, Subject::Person(1))),
        plain(By::Owner, give(Spot::Inner, Subject::Group(0))),
        plain(By::Owner, Act::Withdraw { on: Spot::Outer, from: Subject::Person(1) }),
        plain(By::Person(0), Act::Withdraw { on: Spot::Outer, from: Subject::Person(0) }),
    ]
}

/// Everybody is given a view of what is strict, for so long that its promises are short; then it is taken from one.
fn of_a_strict_one(on: Spot) -> Vec<Step> {
    let give = |to| plain(By::Owner, Act::Give { on, to: Subject::Person(to), role: Role::View, may_share: true, until_in_secs: None });
    let link = |by| plain(By::Person(by), Act::Link { on });
    let strict = Step { pass_secs: 340, ..plain(By::Owner, Act::Strict { on, strict: true }) };
    let given = (0..PEOPLE).flat_map(|person| [give(person), link(person)]);
    given.chain([strict, plain(By::Owner, Act::Withdraw { on, from: Subject::Person(0) })]).collect()
}

fn plain(by: By, act: Act) -> Step {
    Step { late_arrive: false, by, act, weather: Weather::Fair, twice: false, pass_secs: 0, reading: Weather::Fair }
}

fn any_step() -> impl Strategy<Value = Step> {
    let pass_secs = select(vec![0, 0, 0, 1, 3, 20, 100]);
    (prop::bool::weighted(0.5), any_deed(), any_weather(), prop::bool::weighted(0.3), pass_secs, any_weather()).prop_map(
        |(late_arrive, (by, act), weather, twice, pass_secs, reading)| Step { late_arrive, by, act, weather, twice, pass_secs, reading },
    )
}

/// Who does what. Only people make links and clones here.
fn any_deed() -> impl Strategy<Value = (By, Act)> {
    let by = prop_oneof![3 => Just(By::Owner), 1 => any_person().prop_map(By::Person)];
    let person = || any_person().prop_map(By::Person);
    prop_oneof![
        30 => (by, any_act()),
        4 => (person(), any_spot().prop_map(|on| Act::Link { on })),
        3 => (person(), any_spot().prop_map(|on| Act::Revoke { on })),
        3 => (person(), any_spot().prop_map(|on| Act::Clone { on })),
        2 => (person(), any_spot().prop_map(|on| Act::Retire { on })),
        2 => (person(), Just(Act::Leave)),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let role = select(vec![Role::Preview, Role::View, Role::View, Role::Manager, Role::Manager]);
    let until = option::weighted(0.2, select(vec![20, 60, 600]));
    let give = (any_spot(), any_subject(), role, prop::bool::weighted(0.4), until)
        .prop_map(|(on, to, role, may_share, until_in_secs)| Act::Give { on, to, role, may_share, until_in_secs });
    prop_oneof![
        10 => give,
        6 => (any_spot(), any_subject()).prop_map(|(on, from)| Act::Withdraw { on, from }),
        4 => (0..2_usize, any_person()).prop_map(|(group, person)| Act::Add { group, person }),
        3 => (0..2_usize, any_person()).prop_map(|(group, person)| Act::Remove { group, person }),
        3 => (any_person(), any::<bool>()).prop_map(|(person, suspended)| Act::Suspend { person, suspended }),
        3 => (any_person(), any::<bool>()).prop_map(|(person, blocked)| Act::Block { person, blocked }),
        3 => (any_spot(), select(vec![Visibility::Private, Visibility::Project, Visibility::Accounts])).prop_map(|(on, to)| Act::Open { on, to }),
        2 => any::<bool>().prop_map(|restricted| Act::Restrict { restricted }),
        3 => (any_spot(), any::<bool>()).prop_map(|(on, strict)| Act::Strict { on, strict }),
        6 => (any_person(), select(vec![Part::Out, Part::Out, Part::Member, Part::Member, Part::Manager]))
            .prop_map(|(person, part)| Act::Join { person, part }),
        3 => (select(vec![Role::Preview, Role::View]), prop::bool::weighted(0.8)).prop_map(|(view, active)| Act::Rule { view, active }),
        4 => any_spot().prop_map(|on| Act::Put { on }),
        2 => any_spot().prop_map(|on| Act::Take { on }),
    ]
}

fn any_spot() -> impl Strategy<Value = Spot> {
    select(vec![Spot::Outer, Spot::Inner])
}

fn any_person() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn any_subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        5 => any_person().prop_map(Subject::Person),
        3 => (0..2_usize).prop_map(Subject::Group),
        1 => Just(Subject::Accounts),
    ]
}
