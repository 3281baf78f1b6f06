//! What a decision reads and what a change writes, counted: never more for a larger group, a larger table, or more people.
//!
//! Larger: `cargo xtask scale`.

use std::{fmt::Write as _, sync::Arc};

use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, Facts},
    delegation::{BrokenGlass, broken_glass},
    grant::{GroupKind, Hold, ProjectRole, Subject},
    id::{CloneId, DatasetId, UserId},
    key::KeyHash,
    link::LinkState,
    project::Project,
    rights::{Right, Role},
    token::{Token, TokenKind},
    user::{AccountEdit, Standing, User},
};
use table::{
    Cost, Page,
    access::{FactsCache, NamedFacts, TicketFacts},
    grants::Grounds,
    users::{Identity, Proven},
};

use crate::{
    example::{Deployment, a_token, later, now, once},
    faults::Faults,
    people::{Person, grant_key, key, some_secret, spread_id, text},
    stores::Store,
};

/// What is asked for, and whether the answer is a yes.
enum Asked {
    Link(KeyHash),
    Named(DatasetId, Option<KeyHash>, bool),
    Ticket(KeyHash),
    Proven(DatasetId, Proven),
    Clone(CloneId, KeyHash),
}

/// Every way to ask, with the round trips and items that it costs, cold.
const READS: [(&str, u32, u32); 21] = [
    ("link, by the owner", 2, 4),
    ("link, by an owner of what lies above", 2, 5),
    ("link, by a grant to its maker", 2, 5),
    ("link, by a group's grant", 2, 7),
    ("link, by a group's grant above", 2, 8),
    ("link, its grant withdrawn, by a group's", 4, 10),
    ("named, by the owner", 2, 5),
    ("named, by a grant to the person", 2, 6),
    ("named, by a group's grant", 2, 8),
    ("named, by a group's grant above", 3, 9),
    ("named, by a ticket", 3, 7),
    ("named, by a person who has nothing", 2, 5),
    ("named, by nobody", 2, 3),
    ("named, by a provider's token, of a group", 2, 8),
    ("named, by a provider's token, of a claimed group", 2, 8),
    ("link, by a project's manager", 2, 6),
    ("link, by a grant to a project", 2, 7),
    ("named, by a project", 2, 7),
    ("named, by a project above", 3, 8),
    ("named, by a grant to a project", 2, 8),
    ("a clone, by a grant to the person on its original", 3, 7),
];

/// A deployment with every way in, each on a dataset of its own, beside so many others.
async fn ways(members: usize, datasets: usize) -> (Deployment, Vec<Asked>) {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let (ada, bo, cy, dee) =
        (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await, deployment.person("Dee").await);
    for person in [&bo, &cy, &dee] {
        deployment.sign_in(person).await;
    }
    let root = deployment.root.dataset.clone();
    let below = async |at: &str| deployment.below(&root, at).await;
    let (owned, granted, grouped, held, moved) =
        (below("owned/").await, below("granted/").await, below("grouped/").await, below("held/").await, below("moved/").await);
    let cloned = below("cloned/").await;
    deployment.give(&ada, cloned.id, bo.to(), Role::Download).await;
    let inside = deployment.below(&held, "held/inside/").await;
    let group = deployment.group(&ada, "imaging").await;
    let crowd = deployment.crowd(members - 3).await;
    deployment.table.set_members(&ada.gathers(&group), &group, &crowd, Hold::Active, None, now()).await.unwrap();
    deployment.set_members(&group, &[&cy], Hold::Active).await.unwrap();
    let to_group = Subject::Group(group.id);
    deployment.give(&ada, granted.id, bo.to(), Role::Full).await;
    deployment.give(&ada, grouped.id, to_group, Role::Full).await;
    deployment.give(&ada, held.id, to_group, Role::Full).await;
    let gone = deployment.give(&ada, moved.id, cy.to(), Role::Full).await;
    let of_moved = deployment.link_of(&cy, moved.id).await;
    deployment.give(&ada, moved.id, to_group, Role::Full).await;
    deployment.withdraw(&ada, moved.id, &gone).await.unwrap();
    let handed = below("handed/").await;
    deployment.passes_on(&ada, handed.id, &dee).await;
    let ticket = Token { kind: TokenKind::Ticket, dataset: Some(granted.id), ..a_token(&bo.user, &some_secret()) };
    let permit = bo.permit(Action::MakeTicket, &deployment.at(granted.id, &bo).await);
    deployment.table.insert_token(&permit, &ticket, None, now()).await.unwrap();
    let clone = deployment.clones(&bo, cloned.id, "mine", None).await.unwrap();
    // Somebody of a provider's, in that group and in one that the provider fills.
    let identity = Identity { issuer: "https://id.test", subject: "eli" };
    let eli = User::new(spread_id(UserId::new), "Eli".to_owned());
    deployment.table.sign_up(identity, &eli, now()).await.unwrap();
    deployment.table.set_members(&ada.gathers(&group), &group, &[eli.id], Hold::Active, None, now()).await.unwrap();
    let (_, claimed) = deployment.filled(&ada, "of-the-provider", GroupKind::Claimed).await;
    deployment.table.sync_claimed(identity, eli.id, &["of-the-provider".to_owned()], now(), now()).await.unwrap();
    let proven = Proven::new(KeyHash::of("a.b.c"), identity, later(600));
    // A project of as many people and datasets.
    let fay = deployment.person("Fay").await;
    deployment.sign_in(&fay).await;
    let (shared, lent) = (below("shared/").await, below("lent/").await);
    let deep = deployment.below(&shared, "shared/deep/").await;
    let project = deployment.project(&ada, "retina").await;
    deployment.table.set_participants(&ada.manages(&project), &project, &crowd, Some(ProjectRole::Member), None, now()).await.unwrap();
    deployment.take_in(&ada, &project, &[&fay], Some(ProjectRole::Manager)).await.unwrap();
    deployment.put_into(&ada, shared.id, &project).await.unwrap();
    deployment.give(&ada, lent.id, Subject::Project(project.id), Role::Full).await;
    let asked = vec![
        Asked::Link(deployment.link_of(&ada, owned.id).await.hash),
        Asked::Link(deployment.link_of(&ada, handed.id).await.hash),
        Asked::Link(deployment.link_of(&bo, granted.id).await.hash),
        Asked::Link(deployment.link_of(&cy, grouped.id).await.hash),
        Asked::Link(deployment.link_of(&cy, inside.id).await.hash),
        Asked::Link(of_moved.hash),
        Asked::Named(owned.id, Some(ada.token.hash), true),
        Asked::Named(granted.id, Some(bo.token.hash), true),
        Asked::Named(grouped.id, Some(cy.token.hash), true),
        Asked::Named(inside.id, Some(cy.token.hash), true),
        Asked::Ticket(ticket.hash),
        Asked::Named(owned.id, Some(bo.token.hash), false),
        Asked::Named(owned.id, None, false),
        Asked::Proven(grouped.id, proven),
        Asked::Proven(claimed, proven),
        Asked::Link(deployment.link_of(&fay, shared.id).await.hash),
        Asked::Link(deployment.link_of(&fay, lent.id).await.hash),
        Asked::Named(shared.id, Some(fay.token.hash), true),
        Asked::Named(deep.id, Some(fay.token.hash), true),
        Asked::Named(lent.id, Some(fay.token.hash), true),
        Asked::Clone(clone.id, bo.token.hash),
    ];
    deployment.more_datasets(&owned, &granted, &bo, datasets).await;
    deployment.more_in(&project, &shared, datasets).await;
    (deployment, asked)
}

impl Deployment {
    /// Copies of a dataset, its claim and a grant on it to the same person.
    async fn more_datasets(&self, one: &Dataset, granted: &Dataset, to: &Person, count: usize) {
        let claims = format!("S#{}", one.source);
        let item = self.item(&format!("D#{}", one.id), "#").await;
        let claim = self.item(&claims, &format!("D#{}", one.path)).await;
        let grant = self.item(&format!("D#{}", granted.id), &grant_key(to.to())).await;
        let ids: Vec<_> = (0..count).map(|_| spread_id(DatasetId::new)).collect();
        let with = |mut item: crate::people::Item, name: &str, value: String| {
            item.insert(name.to_owned(), text(&value));
            item
        };
        let datasets = ids.iter().map(|id| {
            let copy = with(key(&format!("D#{id}"), "#"), "id", id.to_string());
            with(with(copy, "path", format!("many/{id}/")), "gsi1sk", format!("D#000000000000001#{id}"))
        });
        self.copies(&item, datasets).await;
        let paths = ids.iter().map(|id| with(key(&claims, &format!("D#many/{id}/")), "dataset", id.to_string()));
        self.copies(&claim, paths).await;
        let grants = ids.iter().map(|id| {
            let copy = key(&format!("D#{id}"), &grant_key(to.to()));
            with(copy, "gsi1sk", format!("A#000000000000001#{id}"))
        });
        self.copies(&grant, grants).await;
    }
}

impl Deployment {
    /// Copies of a dataset that is in a project, and of its place there.
    async fn more_in(&self, project: &Project, one: &Dataset, count: usize) {
        let item = self.item(&format!("D#{}", one.id), "#").await;
        let place = self.item(&format!("D#{}", one.id), &format!("P#{}", project.id)).await;
        let ids: Vec<_> = (0..count).map(|_| spread_id(DatasetId::new)).collect();
        let with = |id: &DatasetId, sk: &str| {
            let mut item = key(&format!("D#{id}"), sk);
            item.insert("gsi1sk".to_owned(), text(&format!("D#000000000000001#{id}")));
            item
        };
        let datasets = ids.iter().map(|id| {
            let mut item = with(id, "#");
            item.extend([("id".to_owned(), text(id)), ("path".to_owned(), text(&format!("more/{id}/")))]);
            item
        });
        self.copies(&item, datasets).await;
        let places = ids.iter().map(|id| {
            let mut item = with(id, &format!("P#{}", project.id));
            item.insert("dataset".to_owned(), text(id));
            item
        });
        self.copies(&place, places).await;
        let listed = self.table.datasets_in(project.id, &Page { position: None, items_max: 3 }).await.unwrap();
        assert!(listed.items.len() == 3 && listed.next.is_some(), "they are in it");
    }
}

/// What it costs, and whether the answer is as it should be.
async fn look(deployment: &Deployment, cache: &FactsCache, asked: &Asked) -> (Cost, bool) {
    let opens = |NamedFacts { dataset, bearer }: NamedFacts| {
        let user = bearer.as_ref().map(|(user, _)| &**user);
        dataset.unwrap().rights_of(user, domain::grant::Net::Unknown, now()).has(Right::Read)
    };
    match asked {
        Asked::Link(hash) => {
            let found = cache.link(&deployment.table, *hash, now(), None).await.unwrap();
            (found.cost, found.facts.unwrap().state(now()) == LinkState::Live)
        }
        Asked::Named(dataset, token, wanted) => {
            let found = cache.named(&deployment.table, *dataset, *token, now(), None).await.unwrap();
            (found.cost, opens(found.facts) == *wanted)
        }
        Asked::Clone(clone, token) => {
            let found = cache.named(&deployment.table, *clone, Some(*token), now(), None).await.unwrap();
            (found.cost, opens(found.facts))
        }
        Asked::Proven(dataset, proven) => {
            let found = cache.proven(&deployment.table, *dataset, *proven, now(), None).await.unwrap();
            (found.cost, opens(found.facts))
        }
        Asked::Ticket(ticket) => {
            let found = cache.ticket(&deployment.table, *ticket, now(), None).await.unwrap();
            match found.facts {
                TicketFacts::Named(facts) => (found.cost, opens(facts)),
                TicketFacts::Pass(pass, facts) => (found.cost, pass.opens(&facts.unwrap().link, now())),
            }
        }
    }
}

fn size(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

// ACCESS 4, cost
#[tokio::test]
async fn a_decision_reads_the_same_however_many_there_are() {
    let (members, datasets) = (size("OFFPRINT_TEST_MEMBERS", 2_000), size("OFFPRINT_TEST_DATASETS", 1_000));
    let mut table = format!("{:<42} {:>8} {:>6} {:>6} {:>6} {:>6}\n", "", "members", "sets", "trips", "items", "calls");
    let mut wrong = Vec::new();
    for (members, datasets) in [(10, 10), (members, 10), (10, datasets)] {
        let (deployment, asked) = ways(members, datasets).await;
        let faults = Faults::default();
        let deployment = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
        for ((what, round_trips, items), asked) in READS.into_iter().zip(&asked) {
            let cache = FactsCache::new();
            let (cold, is_right) = look(&deployment, &cache, asked).await;
            let (calls, came) = faults.count();
            let warm = look(&deployment, &cache, asked).await;
            let still = faults.count();
            writeln!(table, "{what:<42} {members:>8} {datasets:>6} {:>6} {:>6} {:>6}", cold.round_trips, cold.items, calls.len()).unwrap();
            let whole = usize::try_from(cold.items).unwrap() == came;
            if !is_right || !whole || cold != (Cost { round_trips, items }) || warm != (Cost::default(), true) || still != (Vec::new(), 0) {
                wrong.push(format!("{what}: right {is_right}, {cold:?}, {came} items came by {calls:?}, warm {warm:?}"));
            }
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What each change writes: the actions of its one transaction.
#[tokio::test]
async fn a_change_is_one_transaction_of_a_few_actions() {
    let deployment = Deployment::new(&Store::embedded().await).await;
    let faults = Faults::default();
    let deployment = deployment.through(&deployment.store.faulty(&deployment.name, &faults));
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let (root, dataset) = (deployment.root.dataset.clone(), deployment.place.dataset.id);
    let crowd = deployment.crowd(1_000).await;
    let group = deployment.group(&ada, "imaging").await;
    deployment.table.set_members(&ada.gathers(&group), &group, &crowd, Hold::Active, None, now()).await.unwrap();
    deployment.give(&ada, dataset, bo.to(), Role::Manager).await;
    deployment.give(&ada, root.id, Subject::Group(group.id), Role::Manager).await;
    deployment.set_members(&group, &[&cy], Hold::Active).await.unwrap();
    let mut deep = root.clone();
    for at in ["a/", "a/b/", "a/b/c/", "a/b/c/d/"] {
        deep = deployment.below(&deep, at).await;
    }
    assert_eq!(deep.ancestors.len(), 4);
    faults.actions();
    let mut counted = Vec::new();
    let mut note = |what: &'static str| counted.push((what, faults.actions()));
    for (what, giver, key) in [
        ("give, by the owner", &ada, None),
        ("give, by a grant, once", &bo, Some(once("give", 1))),
        ("give, by a group's grant above", &cy, None),
    ] {
        let giving = deployment.giving(giver, dataset, deployment.person("Dee").await.to(), Role::View).await;
        faults.actions();
        deployment.send(&giving, key.as_ref()).await.unwrap();
        note(what);
    }
    let given = deployment.give(&ada, dataset, bo.to(), Role::View).await;
    faults.actions();
    deployment.withdraw(&ada, dataset, &given).await.unwrap();
    note("withdraw");
    deployment.set_members(&group, &[&bo], Hold::Active).await.unwrap();
    note("set_members, one more of a thousand");
    deployment.set_members(&group, &[&bo], Hold::Withdrawn).await.unwrap();
    note("set_members, one less");
    let facts = deployment.at(dataset, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    deployment.table.set_visibility(&permit, grounds, Visibility::Accounts, (None, None), now()).await.unwrap();
    note("set_visibility");
    let facts = deployment.at(dataset, &ada).await;
    let (permit, ends) = (ada.permit(Action::Grant, &facts), ada.permit(Action::RevokeAll, &facts));
    let grounds = Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) };
    let closed = deployment.table.close((&permit, &ends), grounds, Visibility::Private, ("over", None), now()).await.unwrap();
    assert_eq!((closed.visibility, closed.links_gen), (Visibility::Private, facts.place.dataset.links_gen + 1));
    assert_eq!(deployment.dataset(dataset).await, closed);
    note("close");
    let facts = deployment.at(dataset, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    deployment.table.set_strict(&permit, grounds, true, None, now()).await.unwrap();
    note("set_strict");
    let facts = deployment.at(dataset, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    let levels = crate::places::levels();
    deployment.table.set_levels(&permit, grounds, levels.clone(), None, now()).await.unwrap();
    note("set_levels");
    let facts = deployment.at(dataset, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    deployment.table.set_levels(&permit, grounds, levels, None, now()).await.unwrap();
    note("set_levels, the same");
    let facts = deployment.at(deep.id, &ada).await;
    let (permit, grounds) = (ada.permit(Action::Grant, &facts), Grounds { facts: &facts, via: ada.via(&facts, Right::Administer) });
    deployment.table.set_restricted(&permit, grounds, true, None, now()).await.unwrap();
    note("set_restricted, four datasets deep");
    let project = deployment.project(&ada, "retina").await;
    note("insert_project");
    deployment
        .table
        .set_participants(&ada.manages(&project), &project, &crowd[..31], Some(ProjectRole::Member), None, now())
        .await
        .unwrap();
    note("set_participants, the first 31");
    deployment.take_in(&ada, &project, &[&bo], Some(ProjectRole::Manager)).await.unwrap();
    note("set_participants, one manager");
    deployment.put_into(&ada, dataset, &project).await.unwrap();
    note("put_dataset");
    deployment.take_out(&ada, dataset).await.unwrap();
    note("take_dataset");
    let facts = deployment.at(dataset, &ada).await;
    // Not the own: whoever owns it breaks no glass on it.
    let eli = deployment.person("Eli").await;
    let may = AccountEdit { administrator: Some(true), ..AccountEdit::default() };
    let user = deployment.table.edit_user(&deployment.administer(), eli.user.id, may, None, None, now()).await.unwrap();
    let eli = Person { user, ..eli };
    faults.actions();
    let permit = eli.permit(Action::BreakGlass, &deployment.at(dataset, &eli).await);
    let grant = broken_glass(&permit, dataset, BrokenGlass { role: Role::View, hours: 1 }, None, now()).unwrap();
    deployment.table.break_glass(&permit, &facts, (&grant, None), ("why", None), now()).await.unwrap();
    note("break_glass");
    let facts = deployment.at(dataset, &ada).await;
    deployment.table.set_successor(&ada.permit(Action::HandOver, &facts), &facts, Some(cy.user.id), None, now()).await.unwrap();
    note("set_successor");
    deployment.passes_on(&ada, dataset, &bo).await;
    note("offer, and accept_offer");
    let owner =
        deployment.table.edit_user(&deployment.administer(), bo.user.id, Standing::Suspended.into(), None, None, now()).await.unwrap();
    note("edit_user");
    let facts = deployment.at(dataset, &ada).await;
    let orphan = Facts::Orphan { dataset: Arc::new(facts.clone()), owner: Arc::new(owner) };
    let permit = deployment.permit(Action::HandOver, &orphan);
    deployment.table.hand_over(&permit, &facts, cy.user.id, (None, None), now()).await.unwrap();
    note("hand_over, a suspended owner's");
    for (what, actions) in &counted {
        println!("{what:<40} {actions:?}");
    }
    let wanted = [
        ("give, by the owner", vec![5]),
        ("give, by a grant, once", vec![8]),
        ("give, by a group's grant above", vec![10]),
        ("withdraw", vec![3]),
        ("set_members, one more of a thousand", vec![5]),
        ("set_members, one less", vec![3]),
        ("set_visibility", vec![2]),
        ("close", vec![2]),
        ("set_strict", vec![2]),
        ("set_levels", vec![2]),
        ("set_levels, the same", vec![]),
        ("set_restricted, four datasets deep", vec![6]),
        ("insert_project", vec![4]),
        ("set_participants, the first 31", vec![97]),
        ("set_participants, one manager", vec![7]),
        ("put_dataset", vec![5]),
        ("take_dataset", vec![3]),
        ("break_glass", vec![5]),
        ("set_successor", vec![3]),
        ("offer, and accept_offer", vec![5, 7]),
        ("edit_user", vec![3]),
        ("hand_over, a suspended owner's", vec![6]),
    ];
    assert_eq!(counted, wanted);
}
