//! Rules of groups that an identity provider fills.

use std::time::{Duration, Instant};

use domain::{
    decision::{Action, Facts},
    grant::{Group, GroupKind, GroupState, Hold, Net, Subject},
    id::{DatasetId, UserId},
    rights::{Right, Role},
};
use jiff::{SignedDuration, Timestamp};
use table::{Page, TableError, sync::Synced, users::Identity};

use crate::{
    example::{Deployment, now, some_id},
    people::{Person, new_group},
    stores::Store,
};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Deployment {
    /// A group that is filled so, and a dataset's view for it.
    pub async fn filled(&self, owner: &Person, name: &str, kind: GroupKind) -> (Group, DatasetId) {
        let state = if matches!(kind, GroupKind::Synced { .. }) { GroupState::Loading } else { GroupState::Active };
        let group = Group { kind, state, ..new_group(owner, name) };
        let permit = owner.decide(Action::Gather, &Facts::Deployment).unwrap();
        let group = self.table.insert_group(&permit, &group, None, now()).await.unwrap();
        assert_eq!(self.table.group(group.id).await, Ok(Some(group.clone())), "every attribute reads back");
        let dataset = self.below(&self.root.dataset, &format!("{name}/")).await.id;
        self.give(owner, dataset, Subject::Group(group.id), Role::View).await;
        (group, dataset)
    }

    async fn says(&self, group: &Group, order: u64, people: &[(UserId, Hold)]) -> Result<Synced, TableError> {
        self.table.sync_members(&self.owner().gathers(group), group, order, people, now()).await
    }

    async fn reads(&self, person: &Person, dataset: DatasetId, at: Timestamp) -> bool {
        self.at(dataset, person).await.rights_of(Some(&person.user), Net::Unknown, at).has(Right::Read)
    }

    async fn stand(&self, group: &Group, state: GroupState) -> Group {
        self.table.set_group_state(&self.owner().gathers(group), group, state, None, now()).await.unwrap()
    }
}

fn synced() -> GroupKind {
    GroupKind::Synced { synced: now() }
}

// ACCESS 10, group sync; SEMANTICS 6
pub async fn late_and_repeated_words_of_a_directory_change_nothing(store: Store) {
    let deployment = Deployment::new(&store).await;
    let ada = deployment.owner();
    let (group, dataset) = deployment.filled(&ada, "everybody", synced()).await;
    let group = deployment.stand(&group, GroupState::Active).await;
    // Each order in which three words may arrive, each of them twice: the last in the directory's order counts.
    let words = [(1, Hold::Active), (2, Hold::Withdrawn), (3, Hold::Active), (4, Hold::Withdrawn)];
    for last in 1..=words.len() {
        for turn in 0..last {
            for reversed in [false, true] {
                let person = deployment.person("Bo").await;
                let mut sent: Vec<_> = words[..last].to_vec();
                sent.rotate_left(turn);
                if reversed {
                    sent.reverse();
                }
                let mut heard = 0;
                for (order, hold) in sent.iter().flat_map(|word| [word, word]) {
                    let done = deployment.says(&group, *order, &[(person.user.id, *hold)]).await.unwrap();
                    let is_new = *order > heard;
                    assert_eq!((done.changed, done.late), (usize::from(is_new), usize::from(!is_new)), "{order} of {sent:?}");
                    heard = heard.max(*order);
                }
                let wanted = words[last - 1].1 == Hold::Active;
                assert_eq!(deployment.table.is_member(group.id, person.user.id).await, Ok(wanted), "{sent:?}");
                assert_eq!(deployment.reads(&person, dataset, now()).await, wanted, "{sent:?}");
            }
        }
    }
    // A word that changes nothing but the order still counts against later ones.
    let cy = deployment.person("Cy").await;
    for (order, hold) in [(1, Hold::Active), (5, Hold::Active), (3, Hold::Withdrawn)] {
        deployment.says(&group, order, &[(cy.user.id, hold)]).await.unwrap();
    }
    assert_eq!(deployment.table.is_member(group.id, cy.user.id).await, Ok(true));
    let both = [(cy.user.id, Hold::Active), (cy.user.id, Hold::Withdrawn), (ada.user.id, Hold::Withdrawn)];
    assert_eq!(deployment.says(&group, 9, &both).await, Ok(Synced { changed: 1, out: 1, late: 0 }));
    assert_eq!(deployment.table.is_member(group.id, cy.user.id).await, Ok(false), "named both ways is out");
    assert_eq!(deployment.table.is_member(group.id, ada.user.id).await, Ok(true), "the owner stays");
    let nobody = some_id(UserId::new);
    let missing = TableError::Missing { what: "somebody named" };
    assert_eq!(deployment.says(&group, 10, &[(nobody, Hold::Active), (cy.user.id, Hold::Active)]).await, Err(missing));
    assert_eq!(deployment.table.is_member(group.id, cy.user.id).await, Ok(false), "nobody of that part was changed");
    let by_hand = deployment.table.set_members(&ada.gathers(&group), &group, &[cy.user.id], Hold::Active, None, now()).await;
    assert_eq!(by_hand, Err(TableError::NotForThis), "nobody fills it by hand");
    let manual = deployment.group(&ada, "by-hand").await;
    assert_eq!(deployment.says(&manual, 1, &[(cy.user.id, Hold::Active)]).await, Err(TableError::NotForThis));
}

// ACCESS 10: first load; no sync for 7 days
pub async fn a_synced_group_lets_in_while_its_directory_speaks(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo) = (deployment.owner(), deployment.person("Bo").await);
    let (group, dataset) = deployment.filled(&ada, "everybody", synced()).await;
    deployment.says(&group, 1, &[(bo.user.id, Hold::Active)]).await.unwrap();
    assert!(!deployment.reads(&bo, dataset, now()).await, "not while it is being filled");
    let group = deployment.stand(&group, GroupState::Active).await;
    assert!(deployment.reads(&bo, dataset, now()).await);
    let last = now() + WEEK - SignedDuration::from_millis(1);
    assert!(deployment.reads(&bo, dataset, last).await && !deployment.reads(&bo, dataset, now() + WEEK).await, "then it lets nobody in");
    deployment.table.sync_members(&ada.gathers(&group), &group, 2, &[(bo.user.id, Hold::Active)], now() + WEEK).await.unwrap();
    assert!(deployment.reads(&bo, dataset, now() + WEEK).await, "it spoke again");
    deployment.stand(&group, GroupState::Retired).await;
    assert!(!deployment.reads(&bo, dataset, now()).await);
}

// Issue 3, 3: groups synced from the provider's claim
pub async fn whoever_signs_in_is_in_the_groups_that_the_provider_names(store: Store) {
    let deployment = Deployment::new(&store).await;
    let (ada, bo, cy) = (deployment.owner(), deployment.person("Bo").await, deployment.person("Cy").await);
    let (imaging, at_imaging) = deployment.filled(&ada, "imaging", GroupKind::Claimed).await;
    let (lab, at_lab) = deployment.filled(&ada, "lab-a", GroupKind::Claimed).await;
    let by_hand = deployment.group(&ada, "by-hand").await;
    deployment.set_members(&by_hand, &[&bo], Hold::Active).await.unwrap();
    let identity = |subject: &'static str| Identity { issuer: "https://id.test", subject };
    for (person, subject) in [(&bo, "bo"), (&cy, "cy")] {
        let user = domain::user::User { name: format!("{subject} at the provider"), id: some_id(UserId::new), ..person.user.clone() };
        deployment.table.sign_up(identity(subject), &user, now()).await.unwrap();
    }
    let bo = Person { user: deployment.table.identified(identity("bo")).await.unwrap().unwrap(), ..bo };
    let cy = Person { user: deployment.table.identified(identity("cy")).await.unwrap().unwrap(), ..cy };
    deployment.set_members(&by_hand, &[&bo], Hold::Active).await.unwrap();
    let claims = async |names: &[&str], at: Timestamp| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        deployment.table.sync_claimed(identity("bo"), bo.user.id, &names, at, now()).await
    };
    let after = |seconds: i64| now() + SignedDuration::from_secs(seconds);
    let strange = ["imaging", "by-hand", "nowhere", "/Imaging", "", "LAB-A"];
    assert_eq!(claims(&strange, after(1)).await, Ok(1), "no group is made, and none that is filled otherwise is touched");
    assert!(deployment.reads(&bo, at_imaging, now()).await && !deployment.reads(&bo, at_lab, now()).await);
    assert_eq!(claims(&["lab-a"], after(2)).await, Ok(2));
    assert!(!deployment.reads(&bo, at_imaging, now()).await && deployment.reads(&bo, at_lab, now()).await);
    assert_eq!(claims(&["imaging"], after(1)).await, Ok(0), "an older token changes nothing");
    assert_eq!(claims(&["lab-a"], after(2)).await, Ok(0), "nor does the same");
    assert!(!deployment.reads(&bo, at_imaging, now()).await && deployment.reads(&bo, at_lab, now()).await);
    assert!(!deployment.reads(&cy, at_lab, now()).await && !deployment.reads(&bo, at_lab, after(2) + WEEK).await, "each for seven days");
    assert_eq!(claims(&["lab-a"], after(60)).await, Ok(1));
    assert!(deployment.reads(&bo, at_lab, after(2) + WEEK).await && !deployment.reads(&bo, at_lab, after(60) + WEEK).await);
    assert_eq!(claims(&[], after(61)).await, Ok(1), "no claim, no group");
    assert!(!deployment.reads(&bo, at_lab, now()).await);
    assert_eq!(deployment.table.is_member(by_hand.id, bo.user.id).await, Ok(true));
    deployment.stand(&lab, GroupState::Retired).await;
    assert_eq!(claims(&["lab-a", "imaging"], after(62)).await, Ok(1));
    // Its owner is listed, and is let in by nothing but a claim; nobody else's identity moves anybody.
    let of_ada = deployment.table.dataset_facts(at_imaging, Some(ada.user.id)).await.unwrap().unwrap().reach.groups;
    assert_eq!(of_ada, [], "the owner of a claimed group is in it by claim alone");
    let forged = deployment.table.sync_claimed(identity("cy"), bo.user.id, &[], after(70), now()).await;
    assert_eq!(forged, Err(TableError::Stale));
    assert!(deployment.reads(&bo, at_imaging, now()).await);
    assert_eq!(deployment.table.group(imaging.id).await.unwrap().unwrap().kind, GroupKind::Claimed);
}

/// Issue 3, 3: a group of 100,000 in bounded time and memory. Larger: `cargo xtask scale`.
#[tokio::test]
async fn a_large_group_is_loaded_a_thousand_at_a_time() {
    let members = std::env::var("OFFPRINT_TEST_MEMBERS").map_or(2_000, |text| text.parse().unwrap());
    let deployment = Deployment::new(&Store::embedded().await).await;
    let ada = deployment.owner();
    let (group, dataset) = deployment.filled(&ada, "everybody", synced()).await;
    let bo = deployment.person("Bo").await;
    let (mut all, mut slowest) = (Duration::ZERO, Duration::ZERO);
    let mut loaded = 0;
    while loaded < members {
        let crowd: Vec<_> = deployment.crowd(1_000).await.into_iter().map(|user| (user, Hold::Active)).collect();
        let began = Instant::now();
        assert_eq!(deployment.says(&group, 1, &crowd).await, Ok(Synced { changed: 1_000, out: 0, late: 0 }));
        let took = began.elapsed();
        (all, slowest) = (all + took, slowest.max(took));
        loaded += 1_000;
    }
    let half = deployment.says(&group, 1, &[(bo.user.id, Hold::Active)]).await;
    assert_eq!(half, Ok(Synced { changed: 1, out: 0, late: 0 }));
    println!(
        "{loaded} people in {all:?}, the slowest thousand in {slowest:?}; resident with the table and the people: {} MiB",
        resident_mib()
    );
    assert!(slowest < Duration::from_secs(30), "a request of a thousand takes {slowest:?}");
    deployment.stand(&group, GroupState::Active).await;
    assert!(deployment.reads(&bo, dataset, now()).await);
    let mut page = Page::default();
    let mut listed = 0;
    loop {
        let members = deployment.table.members(group.id, &page).await.unwrap();
        listed += members.items.len();
        match members.next {
            Some(next) => page.position = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, loaded + 2, "everybody, Bo and the owner");
}

/// What this process holds, the embedded table included.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
