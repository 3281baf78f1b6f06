//! Rules of connections: what two people agree lies under both, and what they share connects them while it lasts.

use domain::{
    connection::{Connection, ConnectionState, Turn, connection_asked},
    decision::{Action, Facts, Permit},
    grant::{Conditions, ProjectRole, Subject},
    id::UserId,
    limits::{CONNECTION_PENDING_SECS, CONNECTIONS_ASKED_DAY_MAX, CONNECTIONS_MAX, CONNECTIONS_PENDING_MAX, CONTEXT_PEOPLE_MAX},
    rights::Role,
    source::State,
    user::Standing,
};
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use table::{Page, TableError, connections::Pair, contexts::Contexts, once::Once};

use crate::{
    example::{Deployment, later, now, once},
    faults::{Fault, Faults},
    people::{Person, key, spread_id, text},
    stores::Store,
};

impl Person {
    fn connects(&self) -> Permit {
        self.decide(Action::Gather, &Facts::Deployment).unwrap()
    }
}

impl Deployment {
    async fn pair(&self, one: &Person, other: &Person) -> Pair {
        self.table.pair(one.user.id, other.user.id).await.unwrap()
    }

    /// What `by` sends, on what was read.
    async fn asks_on(&self, pair: &Pair, by: &Person, to: &Person, key: Option<&Once>, at: Timestamp) -> Result<Connection, TableError> {
        let request = connection_asked(&by.connects(), &to.user, pair.connection.as_ref(), at).unwrap().expect("nothing waits");
        self.table.ask_connection(&by.connects(), pair, &request, key, at).await
    }

    async fn asks(&self, by: &Person, to: &Person) -> Result<Connection, TableError> {
        self.asks_on(&self.pair(by, to).await, by, to, None, now()).await
    }

    async fn turns_on(&self, pair: &Pair, by: &Person, other: &Person, turn: Turn, key: Option<&Once>) -> Result<Connection, TableError> {
        let after = pair.connection.unwrap().turned(&by.connects(), &other.user, turn, now()).unwrap().expect("it is not so yet");
        self.table.turn_connection(&by.connects(), pair, &after, key, now()).await
    }

    async fn turns(&self, by: &Person, other: &Person, turn: Turn) -> Result<Connection, TableError> {
        self.turns_on(&self.pair(by, other).await, by, other, turn, None).await
    }

    async fn state(&self, one: &Person, other: &Person) -> Option<ConnectionState> {
        self.pair(one, other).await.connection.map(|connection| connection.state)
    }

    async fn connections(&self, of: &Person) -> Vec<Connection> {
        self.table.connections_of(of.user.id, &Page::default()).await.unwrap().items
    }

    async fn contexts(&self, one: &Person, other: &Person) -> Contexts {
        let contexts = self.table.contexts(one.user.id, other.user.id, now()).await.unwrap();
        let turned = self.table.contexts(other.user.id, one.user.id, now()).await.unwrap();
        assert_eq!((turned.connect(), turned.more), (contexts.connect(), contexts.more), "from both sides");
        contexts
    }

    async fn stands(&self, person: &Person, standing: Standing) {
        self.table.edit_user(&self.administer(), person.user.id, standing.into(), None, None, now()).await.unwrap();
    }
}

// ACCESS 7, 10
pub async fn a_connection_lies_under_both_and_is_asked_for_again(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (bo, cy, dee) = (deployment.person("Bo").await, deployment.person("Cy").await, deployment.person("Dee").await);
    let (nothing, keyed) = (deployment.pair(&bo, &cy).await, once("ask", 1));
    assert_eq!(nothing.connection, None);
    let made = deployment.asks_on(&nothing, &bo, &cy, Some(&keyed), now()).await.unwrap();
    assert_eq!((made.by, made.to, made.state, made.version), (bo.user.id, cy.user.id, ConnectionState::Pending, 1));
    assert_eq!(deployment.asks_on(&nothing, &bo, &cy, Some(&keyed), now()).await, Ok(made), "sent twice");
    assert_eq!(deployment.asks_on(&nothing, &bo, &cy, None, now()).await, Err(TableError::Stale), "a late copy without a key");
    for (one, other) in [(&bo, &cy), (&cy, &bo)] {
        assert_eq!(deployment.pair(one, other).await.connection, Some(made), "every attribute reads back");
        assert_eq!(deployment.connections(one).await, [made]);
    }
    assert!(deployment.connections(&dee).await.is_empty());
    let (asked, keyed) = (deployment.pair(&cy, &bo).await, once("accept", 1));
    let accepted = deployment.turns_on(&asked, &cy, &bo, Turn::Accept, Some(&keyed)).await.unwrap();
    assert_eq!((accepted.state, accepted.version), (ConnectionState::Accepted, 2));
    assert_eq!(deployment.turns_on(&asked, &cy, &bo, Turn::Accept, Some(&keyed)).await, Ok(accepted), "sent twice");
    assert_eq!(deployment.turns_on(&asked, &cy, &bo, Turn::Accept, None).await, Err(TableError::Stale));
    assert_eq!((deployment.connections(&bo).await, deployment.connections(&cy).await), (vec![accepted], vec![accepted]));
    for (pk, sk) in [(&bo, &cy), (&cy, &bo)].map(|(of, with)| (format!("U#{}", of.user.id), format!("C#{}", with.user.id))) {
        assert!(!deployment.item(&pk, &sk).await.contains_key("ttl"), "what was agreed is never dropped");
    }
    // Each end, and each of the two asks after it.
    let removed = deployment.turns(&bo, &cy, Turn::Remove).await.unwrap();
    assert_eq!((removed.state, deployment.state(&cy, &bo).await), (ConnectionState::Removed, Some(ConnectionState::Removed)));
    let item = deployment.item(&format!("U#{}", bo.user.id), &format!("C#{}", cy.user.id)).await;
    assert!(item.contains_key("ttl"));
    assert_eq!(deployment.asks(&cy, &bo).await.map(|asked| (asked.by, asked.version)), Ok((cy.user.id, 4)));
    deployment.turns(&cy, &bo, Turn::Cancel).await.unwrap();
    deployment.asks(&bo, &cy).await.unwrap();
    deployment.turns(&cy, &bo, Turn::Reject).await.unwrap();
    let rejected = deployment.pair(&bo, &cy).await;
    assert_eq!(deployment.asks(&cy, &bo).await.map(|asked| asked.version), Ok(8), "whoever rejected may ask");
    assert_eq!(deployment.turns_on(&asked, &cy, &bo, Turn::Accept, None).await, Err(TableError::Stale), "of what was asked long before");
    assert_eq!(rejected.connection.unwrap().state, ConnectionState::Rejected);
    // What expired is asked for anew, and what the store dropped of it on one side is written again.
    let (pk, sk) = (format!("U#{}", bo.user.id), format!("C#{}", cy.user.id));
    let sdk = deployment.store.sdk();
    sdk.delete_item().table_name(&deployment.name).set_key(Some(key(&pk, &sk))).send().await.unwrap();
    let pair = deployment.pair(&bo, &cy).await;
    let again = deployment.asks_on(&pair, &bo, &cy, None, later(CONNECTION_PENDING_SECS)).await.unwrap();
    assert_eq!(again.by, bo.user.id);
    assert_eq!((deployment.connections(&bo).await, deployment.connections(&cy).await), (vec![again], vec![again]));
    // The last is of the next month.
    for (verb, of_bo, of_cy) in [
        ("connection.ask", 2, 2),
        ("connection.accept", 1, 0),
        ("connection.remove", 0, 1),
        ("connection.cancel", 1, 0),
        ("connection.reject", 1, 0),
    ] {
        let audited = (deployment.audited(verb, bo.user.id).await, deployment.audited(verb, cy.user.id).await);
        assert_eq!(audited, (of_bo, of_cy), "{verb}");
    }
    let odd = Page { position: Some("x".to_owned()), items_max: 10 };
    assert_eq!(deployment.table.connections_of(bo.user.id, &odd).await, Err(TableError::Position));
    // A permit of somebody else's, and facts about others.
    let pair = deployment.pair(&bo, &dee).await;
    let request = connection_asked(&bo.connects(), &dee.user, None, now()).unwrap().unwrap();
    for (permit, pair) in [(dee.connects(), &pair), (bo.connects(), &rejected)] {
        assert_eq!(deployment.table.ask_connection(&permit, pair, &request, None, now()).await, Err(TableError::NotForThis));
    }
    let waits = deployment.pair(&bo, &cy).await;
    let taken = Connection { state: ConnectionState::Accepted, version: 10, ..again };
    assert_eq!(deployment.table.turn_connection(&dee.connects(), &waits, &taken, None, now()).await, Err(TableError::NotForThis));
    // Page by page, each once.
    for _more in 0..4 {
        let other = deployment.person("Eli").await;
        deployment.asks(&dee, &other).await.unwrap();
    }
    let (mut seen, mut page) = (Vec::new(), Page { position: None, items_max: 2 });
    loop {
        let found = deployment.table.connections_of(dee.user.id, &page).await.unwrap();
        seen.extend(found.items.iter().map(|connection| connection.to));
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    let whole: Vec<UserId> = deployment.connections(&dee).await.iter().map(|connection| connection.to).collect();
    assert_eq!((seen.len(), seen), (4, whole));
}

/// What becomes of a request, or of those whom it is about, between the look and the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Cancelled,
    Rejected,
    AskedAgain,
    AskerSuspended,
    AskedSuspended,
}

// ACCESS 10
pub async fn a_connection_is_accepted_on_what_was_seen(store: Store) {
    let deployment = Deployment::new(&store).await;
    for meanwhile in [
        Meanwhile::Nothing,
        Meanwhile::Cancelled,
        Meanwhile::Rejected,
        Meanwhile::AskedAgain,
        Meanwhile::AskerSuspended,
        Meanwhile::AskedSuspended,
    ] {
        let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
        deployment.asks(&bo, &cy).await.unwrap();
        let seen = deployment.pair(&cy, &bo).await;
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Cancelled => drop(deployment.turns(&bo, &cy, Turn::Cancel).await.unwrap()),
            Meanwhile::Rejected => drop(deployment.turns(&cy, &bo, Turn::Reject).await.unwrap()),
            // A copy of the acceptance that is late connects nobody by the next request.
            Meanwhile::AskedAgain => {
                deployment.turns(&cy, &bo, Turn::Accept).await.unwrap();
                deployment.turns(&cy, &bo, Turn::Remove).await.unwrap();
                deployment.asks(&bo, &cy).await.unwrap();
            }
            Meanwhile::AskerSuspended => deployment.stands(&bo, Standing::Suspended).await,
            Meanwhile::AskedSuspended => deployment.stands(&cy, Standing::Suspended).await,
        }
        let before = deployment.state(&bo, &cy).await;
        let accepted = deployment.turns_on(&seen, &cy, &bo, Turn::Accept, None).await.map(|there| there.state);
        if meanwhile == Meanwhile::Nothing {
            assert_eq!(accepted, Ok(ConnectionState::Accepted));
        } else {
            assert_eq!((accepted, deployment.state(&bo, &cy).await), (Err(TableError::Stale), before), "{meanwhile:?}");
        }
    }
    // Nobody who may not act asks or is asked.
    let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
    deployment.stands(&cy, Standing::Suspended).await;
    assert_eq!(deployment.asks(&bo, &cy).await, Err(TableError::Stale));
    assert_eq!(deployment.asks(&cy, &bo).await, Err(TableError::Stale));
    assert_eq!(deployment.state(&bo, &cy).await, None);
    deployment.stands(&cy, Standing::Active).await;
    deployment.asks(&bo, &cy).await.unwrap();
    deployment.turns(&cy, &bo, Turn::Accept).await.unwrap();
    deployment.stands(&cy, Standing::Suspended).await;
    assert_eq!(deployment.state(&bo, &cy).await, Some(ConnectionState::Accepted), "what was agreed stays");
    assert!(deployment.turns(&bo, &cy, Turn::Remove).await.is_ok());
}

/// Both ask at once, accept and cancel at once, and each twice at once.
pub async fn of_what_two_people_do_at_once_one_counts(store: Store) {
    let deployment = Deployment::new(&store).await;
    for round in 0..6 {
        let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
        let nothing = deployment.pair(&bo, &cy).await;
        let ask = async |by, to| deployment.asks_on(&nothing, by, to, None, now()).await;
        let (one, other) = join(ask(&bo, &cy), ask(&cy, &bo)).await;
        assert!(one.is_err() || other.is_err(), "{one:?} {other:?}");
        if one.is_err() && other.is_err() {
            ask(&bo, &cy).await.unwrap();
        }
        let waits = deployment.pair(&bo, &cy).await;
        let asks = waits.connection.unwrap().by;
        let (by, to) = if asks == bo.user.id { (&bo, &cy) } else { (&cy, &bo) };
        let turn = async |by, other, turn| deployment.turns_on(&waits, by, other, turn, None).await;
        let (accepted, cancelled) = join(turn(to, by, Turn::Accept), turn(by, to, Turn::Cancel)).await;
        match deployment.state(&bo, &cy).await.unwrap() {
            ConnectionState::Accepted => assert!(accepted.is_ok() && cancelled.is_err(), "{accepted:?} {cancelled:?}"),
            ConnectionState::Cancelled => assert!(accepted.is_err() && cancelled.is_ok(), "{accepted:?} {cancelled:?}"),
            state => assert!(accepted.is_err() && cancelled.is_err(), "{state:?}: {accepted:?} {cancelled:?}"),
        }
        let (dee, eli) = (deployment.person("Dee").await, deployment.person("Eli").await);
        let (nothing, keyed) = (deployment.pair(&dee, &eli).await, once(&format!("ask {round}"), 1));
        let ask = || deployment.asks_on(&nothing, &dee, &eli, Some(&keyed), now());
        let (one, other) = join(ask(), ask()).await;
        assert!(one.is_ok() && one == other, "{one:?} {other:?}");
        let (waits, keyed) = (deployment.pair(&dee, &eli).await, once(&format!("accept {round}"), 1));
        let accept = || deployment.turns_on(&waits, &eli, &dee, Turn::Accept, Some(&keyed));
        let (one, other) = join(accept(), accept()).await;
        assert!(one.is_ok() && one == other, "{one:?} {other:?}");
        assert_eq!(
            (deployment.audited("connection.ask", eli.user.id).await, deployment.audited("connection.accept", dee.user.id).await),
            (1, 1)
        );
        let stands = deployment.pair(&dee, &eli).await;
        let remove = async |by, other| deployment.turns_on(&stands, by, other, Turn::Remove, None).await;
        let (one, other) = join(remove(&dee, &eli), remove(&eli, &dee)).await;
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
        assert_eq!(deployment.state(&dee, &eli).await, Some(ConnectionState::Removed));
    }
}

pub async fn requests_and_connections_of_one_person_are_bounded(store: Store) {
    let deployment = Deployment::new(&store).await;
    let bo = deployment.person("Bo").await;
    let others = join_all((0..=CONNECTIONS_ASKED_DAY_MAX).map(|_| deployment.person("Cy"))).await;
    for other in others.iter().take(CONNECTIONS_ASKED_DAY_MAX) {
        deployment.asks(&bo, other).await.unwrap();
    }
    let last = others.last().unwrap();
    let daily = TableError::TooMany { what: "requests for a connection by one person in a day", max: CONNECTIONS_ASKED_DAY_MAX };
    assert_eq!(deployment.asks(&bo, last).await, Err(daily));
    let tomorrow = later(86_400);
    let pair = deployment.pair(&bo, last).await;
    deployment.asks_on(&pair, &bo, last, None, tomorrow).await.unwrap();
    // So many wait: those of days before count, and what ended does not.
    let waits = deployment.item(&format!("U#{}", bo.user.id), &format!("C#{}", last.user.id)).await;
    let copies = |count: usize, pk: String| {
        (0..count).map(move |_| {
            let id = spread_id(UserId::new);
            let mut item = key(&pk, &format!("C#{id}"));
            item.insert("to".to_owned(), text(&id));
            item
        })
    };
    let own = format!("U#{}", bo.user.id);
    deployment.copies(&waits, copies(CONNECTIONS_PENDING_MAX - CONNECTIONS_ASKED_DAY_MAX - 1, own.clone())).await;
    let another = deployment.person("Dee").await;
    let pair = deployment.pair(&bo, &another).await;
    let waiting = TableError::TooMany { what: "requests of one person that wait", max: CONNECTIONS_PENDING_MAX };
    assert_eq!(deployment.asks_on(&pair, &bo, &another, None, tomorrow).await, Err(waiting));
    deployment.turns(&bo, last, Turn::Cancel).await.unwrap();
    deployment.asks_on(&pair, &bo, &another, None, tomorrow).await.unwrap();
    // So many people have to do with one.
    let mut ended = waits.clone();
    ended.insert("state".to_owned(), text("cancelled"));
    let kept = usize::from(CONNECTIONS_MAX) - CONNECTIONS_PENDING_MAX - 1;
    deployment.copies(&ended, copies(kept, own)).await;
    let whole = TableError::TooMany { what: "connections and requests of one person", max: usize::from(CONNECTIONS_MAX) };
    let eli = deployment.person("Eli").await;
    for (by, to) in [(&bo, &eli), (&eli, &bo)] {
        let pair = deployment.pair(by, to).await;
        assert_eq!(deployment.asks_on(&pair, by, to, None, tomorrow).await, Err(whole.clone()));
    }
    assert!(deployment.asks(&bo, last).await.is_err(), "today is full");
    let pair = deployment.pair(&bo, last).await;
    deployment.turns(&bo, &another, Turn::Cancel).await.unwrap();
    assert!(deployment.asks_on(&pair, &bo, last, None, tomorrow).await.is_ok(), "with whom there was something, it takes no more room");
}

// ACCESS 7: derived, never stored; the index proposes, the items decide
pub async fn what_two_people_are_named_in_connects_them_while_it_lasts(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let dataset = deployment.place.dataset.id;
    let named = |contexts: &Contexts| contexts.datasets.iter().map(|common| common.what.dataset.id).collect::<Vec<_>>();
    assert!(!deployment.contexts(&ada, &bo).await.connect());
    // An owner and whom the dataset is granted to, and two whom it is granted to.
    let given = deployment.give(&ada, dataset, bo.to(), Role::View).await;
    assert_eq!(named(&deployment.contexts(&ada, &bo).await), [dataset]);
    assert!(!deployment.contexts(&bo, &cy).await.connect());
    deployment.give(&ada, dataset, cy.to(), Role::Preview).await;
    assert_eq!(named(&deployment.contexts(&bo, &cy).await), [dataset]);
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    assert!(!deployment.contexts(&bo, &cy).await.connect() && !deployment.contexts(&ada, &bo).await.connect());
    // It passes with the ownership.
    let notes = deployment.below(&deployment.root.dataset.clone(), "notes/").await.id;
    deployment.give(&ada, notes, cy.to(), Role::View).await;
    deployment.passes_on(&ada, notes, &bo).await;
    assert_eq!(named(&deployment.contexts(&bo, &cy).await), [notes]);
    assert_eq!(named(&deployment.contexts(&ada, &cy).await), [dataset]);
    // Neither a group, nor what is open to everybody, nor what lies above names anybody.
    let dee = deployment.person("Dee").await;
    let group = deployment.group(&ada, "imaging").await;
    deployment.set_members(&group, &[&cy, &dee], domain::grant::Hold::Active).await.unwrap();
    deployment.give(&ada, dataset, Subject::Group(group.id), Role::View).await;
    deployment.give(&ada, deployment.root.dataset.id, dee.to(), Role::View).await;
    assert!(!deployment.contexts(&cy, &dee).await.connect());
    // A grant that ended, though the list names it.
    let mut giving = deployment.giving(&ada, dataset, dee.to(), Role::View).await;
    giving.grant.conditions = Conditions { until: Some(later(10)), ..Conditions::default() };
    deployment.send(&giving, None).await.unwrap();
    assert_eq!(named(&deployment.contexts(&cy, &dee).await), [dataset]);
    let after = deployment.table.contexts(cy.user.id, dee.user.id, later(10)).await.unwrap();
    assert!(!after.connect());

    // A project, as long as both are in it and it lets people in.
    let (eli, fay) = (deployment.person("Eli").await, deployment.person("Fay").await);
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&eli, &fay], Some(ProjectRole::Member)).await.unwrap();
    let joined = |contexts: &Contexts| contexts.projects.iter().map(|common| common.what.id).collect::<Vec<_>>();
    for (one, other) in [(&eli, &fay), (&ada, &eli)] {
        assert_eq!(joined(&deployment.contexts(one, other).await), [project.id]);
    }
    deployment.take_in(&ada, &project, &[&fay], None).await.unwrap();
    assert!(!deployment.contexts(&eli, &fay).await.connect());
    deployment.take_in(&ada, &project, &[&fay], Some(ProjectRole::Leader)).await.unwrap();
    let there = deployment.table.project(project.id).await.unwrap().unwrap();
    let retired = domain::project::Project { state: State::Retired, ..there.clone() };
    let retired = deployment.table.edit_project(&ada.manages(&there), &there, &retired, None, now()).await.unwrap();
    assert!(!deployment.contexts(&eli, &fay).await.connect());
    let active = domain::project::Project { state: State::Active, ..retired.clone() };
    deployment.table.edit_project(&ada.manages(&retired), &retired, &active, None, now()).await.unwrap();
    // What is kept between the two is not touched by it.
    assert_eq!(deployment.state(&eli, &fay).await, None);
    assert!(deployment.contexts(&eli, &fay).await.connect() && !deployment.contexts(&eli, &eli).await.connect());
}

// ACCESS 7: of at most 500
#[tokio::test]
async fn a_project_of_more_than_five_hundred_connects_nobody_and_costs_no_more() {
    let direct = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let deployment = direct.through(&direct.store.faulty(&direct.name, &faults));
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let project = deployment.project(&ada, "retina").await;
    deployment.take_in(&ada, &project, &[&bo, &cy], Some(ProjectRole::Member)).await.unwrap();
    let crowd = deployment.crowd(usize::from(CONTEXT_PEOPLE_MAX) - 3).await;
    let join_in = async |people: &[UserId], role| {
        deployment.table.set_participants(&ada.manages(&project), &project, people, role, None, now()).await.unwrap();
    };
    join_in(&crowd, Some(ProjectRole::Member)).await;
    let look = async || {
        faults.count();
        let contexts = deployment.table.contexts(bo.user.id, cy.user.id, now()).await.unwrap();
        (contexts.connect(), faults.count().0.len())
    };
    // Both's grants and projects; the project and their parts in it; its sixteen partitions.
    let small = 4 + 1 + 16;
    assert_eq!(look().await, (true, small), "500");
    let one_more = deployment.crowd(1).await;
    join_in(&one_more, Some(ProjectRole::Member)).await;
    assert!(!look().await.0, "501");
    // Whoever left counts no more.
    join_in(&crowd[..1], None).await;
    assert!(look().await.0, "500 again");
    let many = deployment.crowd(1_500).await;
    join_in(&many, Some(ProjectRole::Member)).await;
    let (connects, calls) = look().await;
    assert!(!connects && calls <= small + 16, "{calls} calls for 2,000 people");
    // Two who share nothing are told apart by what lists them.
    let (dee, eli) = (deployment.person("Dee").await, deployment.person("Eli").await);
    faults.count();
    assert!(!deployment.table.contexts(dee.user.id, eli.user.id, now()).await.unwrap().connect());
    assert_eq!(faults.count().0.len(), 4);
    // One dataset: its item and its source, and both's grants.
    deployment.give(&ada, deployment.place.dataset.id, dee.to(), Role::View).await;
    faults.count();
    assert!(deployment.table.contexts(dee.user.id, ada.user.id, now()).await.unwrap().connect());
    assert_eq!(faults.count().0.len(), 4 + 3);
}

// ACCESS 10: narrowing never fails for bookkeeping
#[tokio::test]
async fn a_connection_is_ended_where_transactions_conflict() {
    let direct = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let deployment = direct.through(&direct.store.faulty(&direct.name, &faults));
    let (bo, cy) = (deployment.person("Bo").await, deployment.person("Cy").await);
    for (turns, by, wanted, verb) in [
        (vec![Turn::Cancel], &bo, ConnectionState::Cancelled, "connection.cancel"),
        (vec![Turn::Accept, Turn::Remove], &cy, ConnectionState::Removed, "connection.remove"),
        (vec![Turn::Reject], &cy, ConnectionState::Rejected, "connection.reject"),
    ] {
        let other = if by.user.id == bo.user.id { &cy } else { &bo };
        let asked = deployment.asks(&bo, &cy).await.unwrap();
        let (last, first) = turns.split_last().unwrap();
        for turn in first {
            deployment.turns(by, other, *turn).await.unwrap();
        }
        let seen = deployment.pair(&bo, &cy).await;
        faults.always("TransactWriteItems", Fault::Conflict);
        faults.next("UpdateItem", Fault::LostAfter);
        assert_eq!(deployment.turns(by, other, *last).await.map(|there| there.state), Ok(wanted));
        faults.heal();
        // Everybody is told of it, though one of the two items says otherwise.
        for person in [&bo, &cy] {
            assert_eq!(deployment.connections(person).await.iter().map(|there| there.state).collect::<Vec<_>>(), [wanted]);
        }
        assert_eq!(deployment.audited(verb, other.user.id).await, 1);
        let decides = deployment.item(&format!("U#{}", bo.user.id), &format!("C#{}", cy.user.id)).await;
        assert!(!decides.contains_key("ttl"), "what went alone is kept, for the other item says otherwise");
        if *last != Turn::Remove {
            assert_eq!(deployment.turns_on(&seen, &cy, &bo, Turn::Accept, None).await, Err(TableError::Stale), "{asked:?}");
        }
    }
    // Agreeing is no narrowing.
    deployment.asks(&cy, &bo).await.unwrap();
    faults.always("TransactWriteItems", Fault::Conflict);
    assert_eq!(deployment.turns(&bo, &cy, Turn::Accept).await, Err(TableError::Throttled));
    faults.heal();
    assert_eq!(deployment.state(&bo, &cy).await, Some(ConnectionState::Pending));
    assert!(deployment.turns(&bo, &cy, Turn::Accept).await.is_ok(), "on both items again");
}
