//! The policy as a table: every principal, every state of a link, every action, and the rule that decided.
//! A change of policy shows as a diff of the snapshot, for reviewers to read.

use std::{fmt::Write as _, sync::Arc};

use domain::{
    clone::ReferenceClone,
    dataset::{Dataset, Kind},
    decision::{Action, DatasetFacts, Denial, Facts, LinkFacts, OfferFacts, Permit, Place, Principal, Who, decide},
    grant::{Net, Reach, Zones},
    id::{CloneId, DatasetId, LinkId, RequestId, SourceId, TermsId, TokenId, UserId},
    key::{Epoch, KeyHash},
    levels::{Arrays, Levels},
    limits::{BYTES_PER_DAY_MAX, REQUESTS_PER_SECOND_MAX},
    link::{Birth, Class, Edit, Link, LinkError, LinkState, NewLink, Options, Tombstone, Until},
    pass::{Guard, Pass},
    path::ObjectPath,
    policy::DeploymentPolicy,
    request::{Request, RequestState, Wish},
    rights::Role,
    source::{Audience, CeilingOf, Ceilings, Source, SourceName, State, Store},
    timing::Timing,
    token::{Scope, Token, TokenKind},
    user::{Standing, User},
};
use jiff::Timestamp;
use uuid::Uuid;

const NOW_SECS: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW_SECS + second).unwrap()
}

fn now() -> Timestamp {
    at(0)
}

fn user(id: u128) -> User {
    User::new(UserId::new(Uuid::from_u128(id)), format!("user {id}"))
}

fn owner() -> User {
    user(1)
}

fn place() -> Place {
    let source = SourceId::new(Uuid::from_u128(10));
    let root = DatasetId::new(Uuid::from_u128(11));
    let store = Store {
        bucket: "lab".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: None,
        path_style: true,
        role: None,
        requester_pays: false,
    };
    let above = Dataset::root(root, source, owner().id, now());
    let path = ObjectPath::from_decoded("raw/em.ome.zarr").unwrap();
    let dataset = Dataset::below(&above, DatasetId::new(Uuid::from_u128(12)), path, Kind::Zarr, now()).unwrap();
    let source = Source {
        id: source,
        name: SourceName::parse("lab").unwrap(),
        store,
        prefix: ObjectPath::from_decoded("project/").unwrap(),
        ceilings: Ceilings { audience: Audience::World, link_days_max: None, zones: Zones::default(), hard_zones: false, terms: None },
        policy: DeploymentPolicy::NONE,
        writable: false,
        serving: true,
        state: State::Active,
        root,
        version: 1,
    };
    Place { source, dataset }
}

fn options() -> Options {
    Options { label: String::new(), until: Until::Days(30), not_before: None, ..Options::default() }
}

fn principal(user: User, scopes: &[Scope]) -> Principal {
    let token = Token {
        id: TokenId::new(Uuid::from_u128(20)),
        kind: TokenKind::Session,
        hash: KeyHash::of("x"),
        owner: user.id,
        label: String::new(),
        scopes: scopes.to_vec(),
        dataset: None,
        until: at(1_000),
        made: at(-1_000),
        revoked: None,
    };
    Principal { who: Who::Token { user: Arc::new(user), token: Arc::new(token) }, net: Net::Unknown }
}

const HOLDER: Principal = Principal { who: Who::Holder, net: Net::Unknown };

/// The data-use terms that guests accepted.
const TERMS: Option<TermsId> = Some(TermsId::new(Uuid::from_u128(50)));
/// Those that nobody did.
const OTHER_TERMS: Option<TermsId> = Some(TermsId::new(Uuid::from_u128(51)));

/// Whoever holds a pass for the link.
fn guest(mark: Option<u64>, until: Timestamp) -> Principal {
    let pass = Pass { hash: KeyHash::of("pass"), link: KeyHash::of("key"), guard: mark.map(Guard), terms: [TERMS, None], until };
    Principal { who: Who::Guest(Arc::new(pass)), net: Net::Unknown }
}

/// What a person has at the place by nothing but owning it.
fn reach(user: &User) -> Reach {
    Reach { user: Some(user.id), ..Reach::default() }
}

fn dataset_facts(place: Place, user: &User) -> Facts {
    Facts::Dataset(Arc::new(DatasetFacts::new(place, reach(user)).unwrap()))
}

fn share_permit(place: &Place) -> Permit {
    decide(&principal(owner(), &Scope::ALL), Action::Share, &dataset_facts(place.clone(), &owner()), now()).unwrap()
}

fn new_link(place: &Place, ask: NewLink) -> Result<Link, LinkError> {
    let permit = share_permit(place);
    let birth = Birth { id: LinkId::new(Uuid::from_u128(30)), epoch: Epoch::new([0; 16]), hash: KeyHash::of("key"), code: None, via: None };
    Link::new(&permit, place, ask, birth, now())
}

fn link(class: Class) -> Link {
    new_link(&place(), NewLink { subpath: ObjectPath::default(), class, options: options() }).unwrap()
}

fn facts(link: Link, place: Place) -> LinkFacts {
    LinkFacts::new(link, None, place, owner(), reach(&owner())).unwrap()
}

/// A change of the live facts.
type Change = fn(&mut LinkFacts);

/// Every state that a link's facts can be in, with its name.
fn states() -> Vec<(&'static str, Class, Change)> {
    let tombstone = |facts: &mut LinkFacts| facts.tombstone = Some(Tombstone { at: now(), by: owner().id, reason: None });
    vec![
        ("live", Class::Collaboration, |_| {}),
        ("live review", Class::Review, |_| {}),
        ("live publication", Class::Publication, |_| {}),
        ("revoked", Class::Collaboration, tombstone),
        ("revoked and paused and expired", Class::Collaboration, |facts| {
            facts.tombstone = Some(Tombstone { at: now(), by: owner().id, reason: None });
            facts.link.enabled = false;
            facts.link.until = Some(at(-1));
        }),
        ("withdrawn", Class::Publication, tombstone),
        ("revoked with its dataset", Class::Collaboration, |facts| facts.place.dataset.links_gen += 1),
        ("paused", Class::Collaboration, |facts| facts.link.enabled = false),
        ("begins in a second", Class::Collaboration, |facts| facts.link.options.not_before = Some(at(1))),
        ("begins now", Class::Collaboration, |facts| facts.link.options.not_before = Some(at(0))),
        ("ends now", Class::Collaboration, |facts| facts.link.until = Some(at(0))),
        ("ends in a second", Class::Collaboration, |facts| facts.link.until = Some(at(1))),
        ("older than the source's longest life", Class::Collaboration, |facts| {
            facts.link.made = at(-86_400);
            facts.place.source.ceilings.link_days_max = Some(1);
        }),
        ("ceiling below links", Class::Collaboration, |facts| facts.place.source.ceilings.audience = Audience::Accounts),
        ("ceiling below publications", Class::Publication, |facts| facts.place.source.ceilings.audience = Audience::Link),
        ("older than the policy's longest life", Class::Collaboration, |facts| {
            facts.link.made = at(-86_400);
            facts.place.source.policy.ceilings.link_days_max = Some(1);
        }),
        ("policy below links", Class::Collaboration, |facts| {
            facts.place.source.policy.ceilings.audience = Audience::Accounts;
        }),
        ("policy below publications", Class::Publication, |facts| {
            facts.place.source.policy.ceilings.audience = Audience::Link;
        }),
        ("ceiling and policy below links", Class::Collaboration, |facts| {
            facts.place.source.ceilings.audience = Audience::Accounts;
            facts.place.source.policy.ceilings.audience = Audience::Named;
        }),
        ("policy's zones elsewhere", Class::Collaboration, |facts| {
            facts.place.source.policy.ceilings.zones = Zones::parse(&["192.0.2.0/24"]).unwrap();
        }),
        ("dataset retired", Class::Collaboration, |facts| facts.place.dataset.state = State::Retired),
        ("source retired", Class::Collaboration, |facts| facts.place.source.state = State::Retired),
        ("maker no longer owns", Class::Collaboration, |facts| facts.place.dataset.owner = user(2).id),
        ("maker no longer owns a publication", Class::Publication, |facts| facts.place.dataset.owner = user(2).id),
        ("maker suspended", Class::Collaboration, |facts| facts.maker.standing = Standing::Suspended),
        ("facts of another maker", Class::Collaboration, |facts| facts.maker = user(2)),
        ("facts of what another has", Class::Collaboration, |facts| facts.reach = reach(&user(2))),
        ("opens from elsewhere", Class::Collaboration, |facts| {
            facts.link.options.zones = Zones::parse(&["192.0.2.0/24"]).unwrap();
        }),
        ("gives the role view", Class::Collaboration, |facts| facts.link.options.role = Role::View),
        ("gives a preview", Class::Collaboration, |facts| facts.link.options.role = Role::Preview),
        ("gives a preview from level 1", Class::Collaboration, |facts| {
            (facts.link.options.role, facts.link.options.level) = (Role::Preview, Some(1));
            facts.place.dataset.levels = levels();
        }),
        ("gives a preview from level 1, unknown", Class::Collaboration, |facts| {
            (facts.link.options.role, facts.link.options.level) = (Role::Preview, Some(1));
        }),
        ("gives a preview of a publication", Class::Publication, |facts| facts.link.options.role = Role::Preview),
        ("hides its listing", Class::Collaboration, |facts| facts.link.options.hide_listing = true),
        ("serving off", Class::Collaboration, |facts| facts.place.source.serving = false),
        ("asks for a password", Class::Collaboration, |facts| facts.link.options.password = Some(1)),
        ("asks for another password", Class::Collaboration, |facts| facts.link.options.password = Some(2)),
        ("counts its passes", Class::Collaboration, |facts| facts.link.options.sessions_max = Some(5)),
        ("asks for a password and is revoked", Class::Collaboration, |facts| {
            facts.link.options.password = Some(1);
            facts.tombstone = Some(Tombstone { at: now(), by: owner().id, reason: None });
        }),
        ("asks for terms", Class::Collaboration, |facts| facts.place.source.ceilings.terms = TERMS),
        ("asks for other terms", Class::Collaboration, |facts| facts.place.source.ceilings.terms = OTHER_TERMS),
        ("policy asks for terms", Class::Publication, |facts| facts.place.source.policy.ceilings.terms = TERMS),
        ("asks for terms and a password", Class::Collaboration, |facts| {
            (facts.place.source.ceilings.terms, facts.link.options.password) = (TERMS, Some(1));
        }),
        ("over its budget for two seconds", Class::Collaboration, |facts| facts.link.over_until = Some(at(2))),
        ("over its budget until now", Class::Collaboration, |facts| facts.link.over_until = Some(at(0))),
    ]
}

/// The dataset, which its owner offers to the stranger, for who has this there.
fn offer(asking: Reach) -> OfferFacts {
    let request = Request {
        id: RequestId::new(Uuid::from_u128(40)),
        dataset: place().dataset.id,
        wish: Wish::Transfer { from: owner().id, to: user(2).id },
        by: owner().id,
        reason: None,
        answer: None,
        at: at(-1_000),
        until: at(1),
        state: RequestState::Waiting,
        version: 1,
    };
    let dataset = Arc::new(DatasetFacts::new(place(), asking).unwrap());
    OfferFacts { dataset, request, maker: owner(), reach: reach(&owner()) }
}

/// A clone of the owner's, of whatever dataset: the card.
fn clone() -> ReferenceClone {
    ReferenceClone {
        id: CloneId::new(Uuid::from_u128(41)),
        of: place().dataset.id,
        owner: owner().id,
        title: "mine".to_owned(),
        notes: None,
        state: State::Active,
        made: at(-1_000),
        version: 1,
    }
}

type OfferChange = fn(&mut OfferFacts);

/// Every state that an offer can be in.
fn offers() -> Vec<(&'static str, OfferChange)> {
    vec![
        ("(an offer)", |_| {}),
        ("(an offer until now)", |facts| facts.request.until = at(0)),
        ("(an offer, accepted)", |facts| facts.request.state = RequestState::Accepted),
        ("(an offer, declined)", |facts| facts.request.state = RequestState::Declined),
        ("(an offer, withdrawn)", |facts| facts.request.state = RequestState::Withdrawn),
        ("(an offer, maker suspended)", |facts| facts.maker.standing = Standing::Suspended),
        ("(an offer, of a manager's)", |facts| (facts.maker, facts.reach, facts.request.by) = (user(3), reach(&user(3)), user(3).id)),
        ("(an offer of who owned it before)", |facts| {
            facts.request.wish = Wish::Transfer { from: user(4).id, to: user(2).id };
        }),
        ("(an offer, dataset retired)", |facts| Arc::make_mut(&mut facts.dataset).place.dataset.state = State::Retired),
        ("(an offer, who is blocked)", |facts| Arc::make_mut(&mut facts.dataset).reach.blocked = true),
        ("(an offer, facts of another)", |facts| facts.reach = reach(&user(3))),
        ("(an offer of another dataset)", |facts| facts.request.dataset = place().source.root),
    ]
}

/// What the dataset may know of its arrays.
fn levels() -> Levels {
    let arrays = |text: &str| Arrays { any: 0, folder: ObjectPath::from_decoded(text).unwrap() };
    Levels::new(vec![(arrays("0/"), 0), (arrays("1/"), 1), (arrays("2/"), 2), (arrays("labels/a/1/"), 1)]).unwrap()
}

/// Chunks that are asked for, one of a level each.
const CHUNKS: [&str; 2] = ["0/c/0", "1/c/0"];

fn principals() -> Vec<(&'static str, Principal)> {
    let suspended = User { standing: Standing::Suspended, ..owner() };
    let mut dead = principal(owner(), &Scope::ALL);
    let mut borrowed = principal(owner(), &Scope::ALL);
    for (principal, change) in [(&mut dead, true), (&mut borrowed, false)] {
        if let Who::Token { token, .. } = &mut principal.who {
            let token = Arc::make_mut(token);
            if change { token.until = now() } else { token.owner = user(9).id }
        }
    }
    vec![
        ("holder", HOLDER),
        ("guest", guest(Some(1), at(1))),
        ("guest without password", guest(Some(0), at(1))),
        ("guest, terms alone", guest(None, at(1))),
        ("guest, pass ended", guest(Some(1), now())),
        ("owner", principal(owner(), &Scope::ALL)),
        ("owner, read only", principal(owner(), &[Scope::Read])),
        ("owner, suspended", principal(suspended, &Scope::ALL)),
        ("owner, token ended", dead),
        ("owner, another's token", borrowed),
        ("administrator", principal(User { administrator: true, ..user(3) }, &Scope::ALL)),
        ("auditor", principal(User { auditor: true, ..user(4) }, &Scope::ALL)),
        ("auditor, read only", principal(User { auditor: true, ..user(4) }, &[Scope::Read])),
        ("curator", principal(User { curator: true, ..user(5) }, &Scope::ALL)),
        ("curator, read only", principal(User { curator: true, ..user(5) }, &[Scope::Read])),
        ("stranger", principal(user(2), &Scope::ALL)),
    ]
}

const ACTIONS: [Action; 19] = Action::ALL;

fn row(table: &mut String, who: &str, what: &str, principal: &Principal, facts: &Facts) {
    write!(table, "{who:<24} {what:<38}").unwrap();
    let cell = |answer: Result<(), Denial>| match answer {
        Ok(()) => "YES".to_owned(),
        Err(Denial::Scope { needed }) => format!("no:Scope-{}", needed.word()),
        Err(Denial::OverBudget { secs }) => format!("no:OverBudget-{secs}"),
        Err(Denial::Ceiling { of: CeilingOf::Source }) => "no:Ceiling".to_owned(),
        Err(Denial::Ceiling { of: CeilingOf::Deployment }) => "no:PolicyCeiling".to_owned(),
        Err(Denial::TermsNeeded { .. }) => "no:TermsNeeded".to_owned(),
        Err(Denial::Lacks { right }) => format!("no:Lacks-{}", right.word()),
        Err(why) => format!("no:{why:?}"),
    };
    let decided = |action| decide(principal, action, facts, now());
    let chunk = |path: &str| decided(Action::Read)?.scope().unwrap().key(&ObjectPath::from_decoded(path).unwrap()).map(drop);
    for answer in ACTIONS.map(|action| decided(action).map(drop)) {
        write!(table, " {:<19}", cell(answer)).unwrap();
    }
    // A read of nothing that is here is refused as a read is.
    let is_here = !matches!(facts, Facts::Deployment | Facts::Orphan { .. } | Facts::Offer(_) | Facts::Clone(_));
    for answer in CHUNKS.iter().filter(|_| is_here).map(|path| chunk(path)) {
        write!(table, " {:<19}", cell(answer)).unwrap();
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
}

/// What the person who asks has by nothing but owning things.
fn asking(principal: &Principal) -> Option<Reach> {
    match &principal.who {
        Who::Token { user, .. } => Some(reach(user)),
        Who::Holder | Who::Guest(_) | Who::Nobody => None,
    }
}

#[test]
fn the_policy() {
    let mut table = format!("{:<24} {:<38}", "who", "state");
    for action in ACTIONS {
        write!(table, " {:<19}", format!("{action:?}")).unwrap();
    }
    for path in CHUNKS {
        write!(table, " {path:<19}").unwrap();
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
    for (who, principal) in principals() {
        for (what, class, change) in states() {
            let mut facts = facts(link(class), place());
            change(&mut facts);
            facts.asking = asking(&principal);
            row(&mut table, who, what, &principal, &Facts::Link(Arc::new(facts)));
        }
        row(
            &mut table,
            who,
            "(a dataset)",
            &principal,
            &Facts::Dataset(Arc::new(DatasetFacts::new(place(), asking(&principal).unwrap_or_default()).unwrap())),
        );
        for (what, standing) in [("(owner active)", Standing::Active), ("(owner suspended)", Standing::Suspended)] {
            let dataset = Arc::new(DatasetFacts::new(place(), asking(&principal).unwrap_or_default()).unwrap());
            row(&mut table, who, what, &principal, &Facts::Orphan { dataset, owner: Arc::new(User { standing, ..owner() }) });
        }
        // Only whom it is made to is told more than that there is nothing.
        for (what, change) in offers().into_iter().take(if who == "stranger" { usize::MAX } else { 1 }) {
            let mut offer = offer(asking(&principal).unwrap_or_default());
            change(&mut offer);
            row(&mut table, who, what, &principal, &Facts::Offer(Arc::new(offer)));
        }
        row(&mut table, who, "(a clone of the owner's)", &principal, &Facts::Clone(Arc::new(clone())));
        row(&mut table, who, "(the deployment)", &principal, &Facts::Deployment);
    }
    insta::assert_snapshot!(table);
}

/// P2, P3: a negative fact added to any state never adds a right.
#[test]
fn no_negative_fact_ever_adds_a_right() {
    let negatives: [Change; 15] = [
        |facts| facts.tombstone = Some(Tombstone { at: now(), by: owner().id, reason: None }),
        |facts| facts.link.enabled = false,
        |facts| facts.link.until = Some(at(-5)),
        |facts| facts.place.source.serving = false,
        |facts| facts.place.source.ceilings.audience = Audience::Named,
        |facts| facts.place.source.policy.ceilings.audience = Audience::Named,
        |facts| facts.place.source.policy.ceilings.link_days_max = Some(1),
        |facts| facts.place.source.policy.ceilings.zones = Zones::parse(&["198.51.100.0/24"]).unwrap(),
        |facts| facts.place.dataset.state = State::Retired,
        |facts| facts.place.dataset.links_gen += 7,
        |facts| facts.link.options.zones = Zones::parse(&["198.51.100.0/24"]).unwrap(),
        |facts| facts.link.options.role = Role::Preview,
        |facts| facts.link.options.hide_listing = true,
        |facts| facts.link.options.password = Some(7),
        |facts| facts.link.over_until = Some(at(9)),
    ];
    for (_, principal) in principals() {
        for (what, class, change) in states() {
            let mut before = facts(link(class), place());
            change(&mut before);
            for (index, negative) in negatives.iter().enumerate() {
                let mut after = before.clone();
                negative(&mut after);
                for action in ACTIONS {
                    let yes = |facts: &LinkFacts| decide(&principal, action, &Facts::Link(Arc::new(facts.clone())), now()).is_ok();
                    assert!(yes(&before) || !yes(&after), "{what}, {action:?}, negative {index}");
                }
            }
        }
    }
}

/// P8: after a tombstone nothing yields a permit to read, whatever else changes.
#[test]
fn nothing_reads_past_a_tombstone() {
    for (what, class, change) in states() {
        let mut facts = facts(link(class), place());
        change(&mut facts);
        facts.tombstone = Some(Tombstone { at: now(), by: owner().id, reason: None });
        for (who, principal) in principals() {
            for action in [Action::Read, Action::List] {
                assert!(decide(&principal, action, &Facts::Link(Arc::new(facts.clone())), now()).is_err(), "{who} {what} {action:?}");
            }
        }
    }
}

/// P9, L2: pausing and resuming restores exactly what was.
#[test]
fn a_resumed_link_is_the_link_it_was() {
    let before = link(Class::Collaboration);
    let mut paused = before.clone();
    paused.enabled = false;
    assert!(paused.is_widened_by(&before) && !before.is_widened_by(&paused));
    paused.enabled = true;
    assert_eq!(paused, before);
}

#[test]
fn a_permit_names_objects_below_its_link_only() {
    for (subpath, path, want) in [
        ("", "0/c/1", "project/raw/em.ome.zarr/0/c/1"),
        ("labels/", "0", "project/raw/em.ome.zarr/labels/0"),
        ("zarr.json", "", "project/raw/em.ome.zarr/zarr.json"),
    ] {
        let ask = NewLink { subpath: ObjectPath::from_decoded(subpath).unwrap(), class: Class::Collaboration, options: options() };
        let facts = Facts::Link(Arc::new(facts(new_link(&place(), ask).unwrap(), place())));
        let permit = decide(&HOLDER, Action::Read, &facts, now()).unwrap();
        let scope = permit.scope().unwrap();
        assert_eq!(scope.key(&ObjectPath::from_decoded(path).unwrap()).unwrap().as_str(), want);
        assert_eq!(scope.is_single_object(), subpath == "zarr.json");
        assert_eq!(scope.until(), Some(at(30 * 86_400)));
        if scope.is_single_object() {
            assert!(scope.key(&ObjectPath::from_decoded("x").unwrap()).is_err(), "nothing lies inside an object");
        }
    }
    let seen =
        decide(&principal(owner(), &Scope::ALL), Action::See, &Facts::Link(Arc::new(facts(link(Class::Review), place()))), now()).unwrap();
    assert!(seen.scope().is_none(), "a permit to see is none to read");
}

#[test]
fn a_permit_is_for_one_thing() {
    let facts_of = dataset_facts(place(), &owner());
    let owner_token = principal(owner(), &Scope::ALL);
    let share = decide(&owner_token, Action::Share, &facts_of, now()).unwrap();
    assert_eq!(share.allows_share_on(place().dataset.id), Some(owner().id));
    assert_eq!(share.allows_share_on(DatasetId::new(Uuid::from_u128(99))), None);
    assert_eq!(share.allows(Action::RevokeAll, place().dataset.id), None);
    assert_eq!(share.allows_administer(), None);
    assert!(share.place_to_register().is_none());
    let register = decide(&owner_token, Action::Register, &facts_of, now()).unwrap();
    assert!(register.place_to_register().is_some());
    assert_eq!(register.allows_share_on(place().dataset.id), None);
}

#[test]
fn new_links_keep_the_rules() {
    let ask = |class, until, change: fn(&mut Options)| {
        let mut options = Options { until, ..options() };
        change(&mut options);
        NewLink { subpath: ObjectPath::default(), class, options }
    };
    let mut short = place();
    short.source.ceilings.link_days_max = Some(30);
    let mut named = place();
    named.source.ceilings.audience = Audience::Named;
    let mut narrow = place();
    narrow.source.ceilings.audience = Audience::Link;
    let mut brief = place();
    brief.source.policy.ceilings.link_days_max = Some(7);
    let mut shut = place();
    shut.source.policy.ceilings.audience = Audience::Named;
    let mut file = place();
    file.dataset.kind = Kind::File;
    let far = LinkError::UntilTooFar { days_max: 30, of: Some(CeilingOf::Source) };
    let inside = NewLink { subpath: ObjectPath::from_decoded("x").unwrap(), class: Class::Event, options: options() };
    for (what, place, ask, want) in [
        ("the class's own life", &place(), ask(Class::Review, Until::ClassDefault, |_| {}), Ok(Some(at(90 * 86_400)))),
        ("a publication has no end", &place(), ask(Class::Publication, Until::ClassDefault, |_| {}), Ok(None)),
        ("never", &place(), ask(Class::Event, Until::Never, |_| {}), Ok(None)),
        ("as long as the ceiling", &short, ask(Class::Event, Until::Days(30), |_| {}), Ok(Some(at(30 * 86_400)))),
        ("longer than the ceiling", &short, ask(Class::Event, Until::Days(31), |_| {}), Err(far)),
        ("never, under a ceiling", &short, ask(Class::Event, Until::Never, |_| {}), Err(far)),
        ("as long as the deployment lets", &brief, ask(Class::Event, Until::Days(7), |_| {}), Ok(Some(at(7 * 86_400)))),
        (
            "longer than the deployment lets",
            &brief,
            ask(Class::Event, Until::Days(8), |_| {}),
            Err(LinkError::UntilTooFar { days_max: 7, of: Some(CeilingOf::Deployment) }),
        ),
        (
            "the deployment allows no links",
            &shut,
            ask(Class::Event, Until::Days(1), |_| {}),
            Err(LinkError::AudienceTooWide { of: CeilingOf::Deployment }),
        ),
        ("no days", &place(), ask(Class::Event, Until::Days(0), |_| {}), Err(LinkError::UntilPast)),
        ("an end that is now", &place(), ask(Class::Event, Until::At(now()), |_| {}), Err(LinkError::UntilPast)),
        (
            "days beyond the calendar",
            &place(),
            ask(Class::Event, Until::Days(u32::MAX), |_| {}),
            Err(LinkError::UntilTooFar { days_max: 365_000, of: None }),
        ),
        (
            "ends before it begins",
            &place(),
            ask(Class::Event, Until::At(at(10)), |options| options.not_before = Some(at(10))),
            Err(LinkError::NeverOpen),
        ),
        (
            "links are not allowed",
            &named,
            ask(Class::Event, Until::Days(1), |_| {}),
            Err(LinkError::AudienceTooWide { of: CeilingOf::Source }),
        ),
        (
            "publications are not allowed",
            &narrow,
            ask(Class::Publication, Until::Never, |_| {}),
            Err(LinkError::AudienceTooWide { of: CeilingOf::Source }),
        ),
        (
            "a label with a line break",
            &place(),
            ask(Class::Event, Until::Days(1), |options| options.label = "a\nb".to_owned()),
            Err(LinkError::Label),
        ),
        ("a label too long", &place(), ask(Class::Event, Until::Days(1), |options| options.label = "é".repeat(201)), Err(LinkError::Label)),
        ("inside a file", &file, inside, Err(LinkError::Subpath)),
    ] {
        assert_eq!(new_link(place, ask).map(|link| link.until), want, "{what}");
    }
}

#[test]
fn a_link_is_named_after_what_it_opens_unless_it_hides_that() {
    for (class, subpath, want) in [
        (Class::Collaboration, "", "em.ome.zarr"),
        (Class::Collaboration, "labels/nuclei/", "nuclei"),
        (Class::Review, "", "data.ome.zarr"),
        (Class::Review, "labels/nuclei/", "data"),
        (Class::Review, "table.csv", "data.csv"),
    ] {
        let ask = NewLink { subpath: ObjectPath::from_decoded(subpath).unwrap(), class, options: options() };
        assert_eq!(new_link(&place(), ask).unwrap().name, want);
    }
    assert!(link(Class::Review).hides_its_path() && !link(Class::Event).hides_its_path());
    // SEMANTICS 2: hard zones are streamed, under a neutral name; the source's, too.
    let hard = Options { zones: Zones::parse(&["10.0.0.0/8"]).unwrap(), hard_zones: true, ..options() };
    let ask = |options| NewLink { subpath: ObjectPath::default(), class: Class::Event, options };
    let made = new_link(&place(), ask(hard.clone())).unwrap();
    assert!(made.hides_its_path() && made.name == "data.ome.zarr");
    let soft = new_link(&place(), ask(Options { hard_zones: false, ..hard })).unwrap();
    assert!(!soft.hides_its_path() && soft.name == "em.ome.zarr");
    let mut within = place();
    within.source.ceilings.zones = Zones::parse(&["10.0.0.0/8"]).unwrap();
    within.source.ceilings.hard_zones = true;
    let made = new_link(&within, ask(options())).unwrap();
    assert_eq!(made.name, "data.ome.zarr");
    let inside = Principal { net: Net::At("10.0.0.1".parse().unwrap()), ..HOLDER };
    let permit = decide(&inside, Action::Read, &Facts::Link(Arc::new(facts(made, within))), now()).unwrap();
    assert!(permit.scope().unwrap().is_streamed(), "the source's hard zones are streamed by every link");
    let mut policy = place();
    policy.source.policy.ceilings.zones = Zones::parse(&["10.0.0.0/8"]).unwrap();
    policy.source.policy.ceilings.hard_zones = true;
    let made = new_link(&policy, ask(options())).unwrap();
    assert_eq!(made.name, "data.ome.zarr", "the deployment's hard zones, too");
    let permit = decide(&inside, Action::Read, &Facts::Link(Arc::new(facts(made, policy))), now()).unwrap();
    assert!(permit.scope().unwrap().is_streamed(), "and they are streamed");
}

// L11, SECURITY T32
#[test]
fn a_preview_opens_chunks_from_its_level_on_and_nothing_that_nobody_knows() {
    let folder = |text: &str| ObjectPath::from_decoded(text).unwrap();
    let mut place = place();
    place.dataset.levels = levels();
    let ask = |role, level| NewLink {
        subpath: ObjectPath::default(),
        class: Class::Collaboration,
        options: Options { role, level, ..options() },
    };
    for (role, level, want) in
        [(Role::Preview, Some(3), LinkError::NoLevel), (Role::Preview, Some(0), LinkError::Level), (Role::View, Some(1), LinkError::Level)]
    {
        assert_eq!(new_link(&place, ask(role, level)), Err(want), "{role:?} {level:?}");
    }
    assert_eq!(new_link(&self::place(), ask(Role::Preview, Some(1))), Err(LinkError::NoLevel), "nobody knows its levels");
    let link = new_link(&place, ask(Role::Preview, Some(1))).unwrap();
    let opens = |link: &Link, at: &str| {
        let permit = decide(&HOLDER, Action::Read, &Facts::Link(Arc::new(facts(link.clone(), place.clone()))), now()).unwrap();
        permit.scope().unwrap().key(&folder(at)).map(drop)
    };
    for at in ["1/c/0/0", "2/0.0", "labels/a/1/c/0", "0/zarr.json", ".zattrs"] {
        assert_eq!(opens(&link, at), Ok(()), "{at}");
    }
    for at in ["0/c/0/0", "0/0.0", "10/c/0", "1", "labels/a/0/c/0", "labels/1/c/0", "x/1/c/0", "table.csv"] {
        assert_eq!(opens(&link, at), Err(Denial::CoarseOnly), "{at}");
    }
    // The same places under a link to a part of it: levels count by the whole key.
    let part = NewLink { subpath: folder("labels/a/"), ..ask(Role::Preview, Some(1)) };
    let part = new_link(&place, part).unwrap();
    assert_eq!((opens(&part, "1/c/0"), opens(&part, "0/c/0")), (Ok(()), Err(Denial::CoarseOnly)));
    let none = new_link(&place, ask(Role::Preview, None)).unwrap();
    assert_eq!(opens(&none, "2/c/0"), Err(Denial::CoarseOnly), "without a level no chunk opens");
    let level = |level| Edit { level: Some(level), ..Edit::default() };
    for (from, to, widens) in [(&link, Some(2), false), (&link, None, false), (&none, Some(2), true)] {
        assert_eq!(from.is_widened_by(&from.edited(&place, level(to), now()).unwrap()), widens, "{to:?}");
    }
    let second = link.edited(&place, level(Some(2)), now()).unwrap();
    assert!(second.is_widened_by(&link), "a finer level is more");
    assert_eq!(opens(&second, "1/c/0"), Err(Denial::CoarseOnly));
    let forgotten = facts(link, self::place());
    let permit = decide(&HOLDER, Action::Read, &Facts::Link(Arc::new(forgotten)), now()).unwrap();
    assert_eq!(permit.scope().unwrap().key(&folder("2/c/0")), Err(Denial::CoarseOnly), "levels that were lost open nothing");
}

#[test]
fn an_edit_tells_what_it_widens() {
    let link = link(Class::Collaboration);
    for (what, edit, widens) in [
        ("nothing", Edit::default(), false),
        ("a label", Edit { label: Some("x".to_owned()), ..Edit::default() }, false),
        ("a later end", Edit { until: Some(Until::Days(31)), ..Edit::default() }, true),
        ("no end", Edit { until: Some(Until::Never), ..Edit::default() }, true),
        ("a sooner end", Edit { until: Some(Until::Days(1)), ..Edit::default() }, false),
        ("a later beginning", Edit { not_before: Some(Some(at(5))), ..Edit::default() }, false),
        ("strict", Edit { strict: Some(true), ..Edit::default() }, false),
    ] {
        let after = link.edited(&place(), edit, now()).unwrap();
        assert_eq!(link.is_widened_by(&after), widens, "{what}");
        if widens {
            assert!(!after.is_widened_by(&link), "{what}, back");
        }
    }
    let strict = link.edited(&place(), Edit { strict: Some(true), ..Edit::default() }, now()).unwrap();
    assert_eq!((strict.timing(), link.timing()), (Timing::STRICT, Timing::PRIVATE));
    assert!(strict.is_widened_by(&link), "leaving strict lets URLs live longer");
    let zones = |texts: &[&str]| Some(Zones::parse(texts).unwrap());
    let narrow = link.edited(&place(), Edit { zones: zones(&["10.0.0.0/24"]), role: Some(Role::View), ..Edit::default() }, now()).unwrap();
    let firm = Edit { hard_zones: Some(true), hide_listing: Some(true), ..Edit::default() };
    let firm = narrow.edited(&place(), firm, now()).unwrap();
    assert!(!link.is_widened_by(&narrow) && narrow.is_widened_by(&link) && !narrow.is_widened_by(&firm));
    for (what, edit, widens) in [
        ("a wider network", Edit { zones: zones(&["10.0.0.0/8"]), ..Edit::default() }, true),
        ("one more network", Edit { zones: zones(&["10.0.0.0/24", "192.0.2.0/24"]), ..Edit::default() }, true),
        ("from everywhere", Edit { zones: zones(&[]), ..Edit::default() }, true),
        ("a smaller network", Edit { zones: zones(&["10.0.0.128/25"]), ..Edit::default() }, false),
        ("redirects again", Edit { hard_zones: Some(false), ..Edit::default() }, true),
        ("listings again", Edit { hide_listing: Some(false), ..Edit::default() }, true),
        ("more rights", Edit { role: Some(Role::Download), ..Edit::default() }, true),
        ("fewer rights", Edit { role: Some(Role::Preview), ..Edit::default() }, false),
    ] {
        assert_eq!(firm.is_widened_by(&firm.edited(&place(), edit, now()).unwrap()), widens, "{what}");
    }
    let edited = |link: &Link, edit| link.edited(&place(), edit, now()).unwrap();
    let locked = edited(&link, Edit { password: Some(true), sessions_max: Some(Some(5)), ..Edit::default() });
    assert_eq!(locked.options.guard(), Some(Guard(link.version + 1)), "by the version that it gets");
    assert!(!link.is_widened_by(&locked) && locked.is_widened_by(&link));
    for (what, edit, widens) in [
        ("another password", Edit { password: Some(true), ..Edit::default() }, true),
        ("no password", Edit { password: Some(false), ..Edit::default() }, true),
        ("more passes", Edit { sessions_max: Some(Some(6)), ..Edit::default() }, true),
        ("as many as are asked for", Edit { sessions_max: Some(None), ..Edit::default() }, true),
        ("fewer passes", Edit { sessions_max: Some(Some(4)), ..Edit::default() }, false),
        ("a label beside it", Edit { label: Some("x".to_owned()), ..Edit::default() }, false),
    ] {
        let before = Link { version: locked.version + 1, ..locked.clone() };
        let after = edited(&before, edit.clone());
        assert_eq!(before.is_widened_by(&after), widens, "{what}");
        assert_eq!(
            edit.password.is_some(),
            before.options.guard() != after.options.guard(),
            "{what}: passes are void where the password changes"
        );
    }
    assert_eq!(edited(&locked, Edit { password: Some(false), ..Edit::default() }).options.guard(), Some(Guard(0)), "still counted");
    assert_eq!(link.edited(&place(), Edit { sessions_max: Some(Some(0)), ..Edit::default() }, now()), Err(LinkError::NoSession));
    for role in [Role::Full, Role::Manager, Role::Owner] {
        assert_eq!(link.edited(&place(), Edit { role: Some(role), ..Edit::default() }, now()), Err(LinkError::Role));
    }
}

// D10, ACCESS R5
#[test]
fn a_budget_is_raised_by_who_may_share_and_opens_the_link_again() {
    let edited = |link: &Link, edit: Edit| link.edited(&place(), edit, now()).unwrap();
    let requests = |most| Edit { requests_per_second: Some(most), ..Edit::default() };
    let bytes = |most| Edit { bytes_per_day: Some(most), ..Edit::default() };
    let free = link(Class::Collaboration);
    let over = Link { over_until: Some(now()), ..edited(&edited(&free, requests(Some(5))), bytes(Some(5))) };
    assert!(!free.is_widened_by(&over) && over.is_widened_by(&free));
    for (what, edit, widens, opens) in [
        ("more requests", requests(Some(6)), true, false),
        ("as many as come", requests(None), true, false),
        ("fewer requests", requests(Some(4)), false, false),
        ("more bytes", bytes(Some(6)), true, true),
        ("as many as are asked for", bytes(None), true, true),
        ("fewer bytes", bytes(Some(4)), false, false),
        ("a label", Edit { label: Some("x".to_owned()), ..Edit::default() }, false, false),
    ] {
        let after = edited(&over, edit);
        assert_eq!((over.is_widened_by(&after), after.over_until.is_none()), (widens, opens), "{what}");
    }
    for (edit, why) in [
        (requests(Some(0)), LinkError::Requests),
        (requests(Some(REQUESTS_PER_SECOND_MAX + 1)), LinkError::Requests),
        (bytes(Some(0)), LinkError::Bytes),
        (bytes(Some(BYTES_PER_DAY_MAX + 1)), LinkError::Bytes),
    ] {
        assert_eq!(free.edited(&place(), edit, now()), Err(why));
    }
}

#[test]
fn withdrawing_a_publication_says_why() {
    let (publication, other) = (link(Class::Publication), link(Class::Event));
    assert_eq!(publication.revoke_reason(None), Err(LinkError::ReasonNeeded));
    assert_eq!(publication.revoke_reason(Some("  ".to_owned())), Err(LinkError::ReasonNeeded));
    assert_eq!(publication.revoke_reason(Some("wrong data".to_owned())), Ok(Some("wrong data".to_owned())));
    assert_eq!(other.revoke_reason(None), Ok(None));
    assert_eq!(other.revoke_reason(Some("x".repeat(1_001))), Err(LinkError::Reason));
    assert_eq!((publication.timing(), publication.ended_state()), (Timing::WORLD, LinkState::Withdrawn));
}

#[test]
fn datasets_lie_in_few_others_and_have_their_owner() {
    use domain::dataset::NewDatasetError;
    let root = Dataset::root(DatasetId::new(Uuid::from_u128(1)), SourceId::new(Uuid::from_u128(2)), owner().id, now());
    let below = |above: &Dataset, path: &str, kind| {
        Dataset::below(above, DatasetId::new(Uuid::from_u128(9)), ObjectPath::from_decoded(path).unwrap(), kind, now())
    };
    let first = below(&root, "a", Kind::Folder).unwrap();
    assert_eq!((first.path.as_str(), first.owner, first.ancestors.clone()), ("a/", owner().id, vec![root.id]));
    assert_eq!(below(&first, "a/b.csv", Kind::File).unwrap().path.as_str(), "a/b.csv");
    let mut deepest = first;
    for path in ["a/b", "a/b/c", "a/b/c/d"] {
        deepest = below(&deepest, path, Kind::Folder).unwrap();
    }
    assert_eq!(below(&deepest, "a/b/c/d/e", Kind::Folder), Err(NewDatasetError::TooManyAncestors));
    assert_eq!(below(&root, &"a/".repeat(33), Kind::Folder), Err(NewDatasetError::TooDeep));
    let file = below(&root, "x", Kind::File).unwrap();
    assert_eq!(below(&file, "x/y", Kind::File), Err(NewDatasetError::InsideFile));
}
