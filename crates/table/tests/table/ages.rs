//! P19: the facts of a decision are of one age, and none is older than its class allows, by either clock (ADR 0037).
//!
//! Random programs of changes, of time that passes, and of questions, by a clock that stands still or goes back while a function is frozen. What
//! the cache answers must be what the table said at one instant, and that instant may not lie further back than the class allows: not by our
//! clock, and not by the events'.

use std::{fmt, sync::Arc};

use domain::{
    decision::{Action, Facts, LinkFacts},
    grant::{Group, Hold, Net, Subject},
    id::DatasetId,
    limits::REFUSAL_CACHE_SECS,
    link::{Class, Edit, Link, LinkState, NewLink},
    rights::{Right, Role},
    timing::Timing,
    user::Standing,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use table::{Table, TableError, access::FactsCache};

use crate::{
    example::{Deployment, ask, now},
    faults::{Fault, Faults},
    people::Person,
    stores::Store,
};

/// Programs of one run, the same each time; `PROPTEST_CASES` asks for more.
const PROGRAMS: u64 = 8;
const STEPS_MAX: usize = 80;

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Change(Change),
    /// Time passes: so many milliseconds by our clock, and so many by the events'.
    Pass {
        ours: i64,
        events: i64,
    },
    Ask(What),
    /// The table fails from here on, or answers again.
    Fail(bool),
}

/// What changes that facts are made of.
#[derive(Debug, Clone, Copy)]
enum Change {
    Pause(bool),
    Label,
    Give(Role),
    Withdraw,
    Member(bool),
    Serve(bool),
    /// The dataset that all of them rest on.
    Strict(bool),
    Stand(Standing),
    Revoke,
}

/// What is asked for: links of each class of times, and a dataset by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Private,
    Publication,
    Strict,
    Named,
}

impl What {
    const ALL: [Self; 4] = [Self::Private, Self::Publication, Self::Strict, Self::Named];

    /// How old an answer may be.
    fn class_secs(self) -> u32 {
        match self {
            Self::Private | Self::Named => Timing::PRIVATE.facts_cache_secs,
            Self::Publication => Timing::WORLD.facts_cache_secs,
            Self::Strict => Timing::STRICT.facts_cache_secs,
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        2 => any::<bool>().prop_map(Change::Pause),
        3 => Just(Change::Label),
        3 => select(vec![Role::View, Role::Download, Role::Manager]).prop_map(Change::Give),
        2 => Just(Change::Withdraw),
        2 => any::<bool>().prop_map(Change::Member),
        1 => prop::bool::weighted(0.7).prop_map(Change::Serve),
        1 => prop::bool::weighted(0.3).prop_map(Change::Strict),
        1 => select(vec![Standing::Active, Standing::Active, Standing::Suspended]).prop_map(Change::Stand),
    ];
    // Mostly together; while a function is frozen our clock stands; and it may be set back.
    let edges = || select(vec![0_i64, 1, 500, 999, 1_000, 1_001, 4_000, 4_999, 5_000, 29_999, 30_000]);
    let pass = prop_oneof![
        6 => edges().prop_map(|both| Step::Pass { ours: both, events: both }),
        2 => edges().prop_map(|events| Step::Pass { ours: 0, events }),
        1 => edges().prop_map(|ours| Step::Pass { ours, events: 0 }),
        1 => select(vec![-1_i64, -900, -1_000, -40_000]).prop_map(|ours| Step::Pass { ours, events: 0 }),
    ];
    prop_oneof![
        30 => change.prop_map(Step::Change),
        30 => pass,
        80 => select(What::ALL.to_vec()).prop_map(Step::Ask),
        8 => prop::bool::weighted(0.15).prop_map(Step::Fail),
        1 => Just(Step::Change(Change::Revoke)),
    ]
}

/// A moment by our clock, and by the events'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    ours: Timestamp,
    events: Timestamp,
}

impl Moment {
    /// Whether what was read then is young enough now, by both clocks. A clock that was set back proves no age.
    fn is_young(self, now: Self, secs: u32) -> bool {
        let limit = SignedDuration::from_secs(i64::from(secs));
        let (ours, events) = (now.ours.duration_since(self.ours), now.events.duration_since(self.events));
        ours < limit && events < limit && ours > SignedDuration::from_secs(-1)
    }
}

/// What the table said, whether it opened anything, and every moment at which it was so.
struct Said {
    facts: String,
    opens: bool,
    /// Whether the dataset was strict then.
    strict: bool,
    moments: Vec<Moment>,
}

#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    /// Answered from the cache.
    warm: u64,
    /// Answered with what had changed by then.
    old: u64,
    failed: u64,
}

struct Run {
    deployment: Deployment,
    /// The same table, which fails when it is told to.
    failing: Table,
    faults: Faults,
    cache: FactsCache,
    bo: Person,
    group: Group,
    links: [Link; 3],
    dataset: DatasetId,
    moment: Moment,
    strict: bool,
    /// What was said of each, the latest last.
    said: [Vec<Said>; 4],
    number: u64,
    tally: Tally,
}

impl Run {
    async fn begin() -> Self {
        let deployment = Deployment::new(&Store::embedded().await).await;
        let (faults, dataset, ada) = (Faults::default(), deployment.place.dataset.id, deployment.owner());
        let failing = deployment.store.faulty(&deployment.name, &faults);
        let publication = deployment.link(NewLink { class: Class::Publication, ..ask("publication") }).await.link;
        let strict = deployment.link(ask("strict")).await;
        let strict = deployment.edit(&strict, Edit { strict: Some(true), ..Edit::default() }).await.unwrap();
        let bo = deployment.person("Bo").await;
        deployment.sign_in(&bo).await;
        deployment.give(&ada, dataset, bo.to(), Role::View).await;
        let group = deployment.group(&ada, "imaging").await;
        deployment.give(&ada, dataset, Subject::Group(group.id), Role::View).await;
        let private = deployment.link_of(&bo, dataset).await;
        let mut run = Self {
            deployment,
            failing,
            faults,
            cache: FactsCache::new(),
            bo,
            group,
            links: [private, publication, strict],
            dataset,
            moment: Moment { ours: now(), events: now() },
            strict: false,
            said: [const { Vec::new() }; 4],
            number: 0,
            tally: Tally::default(),
        };
        run.note().await;
        run
    }

    /// What a cache says of it, and whether it opens; and how many trips that took.
    async fn look(&self, cache: &FactsCache, table: &Table, what: What) -> Result<(String, bool, u32), TableError> {
        let Moment { ours, events } = self.moment;
        let debug = |facts: &dyn fmt::Debug| format!("{facts:?}");
        let link = match what {
            What::Private => &self.links[0],
            What::Publication => &self.links[1],
            What::Strict => &self.links[2],
            What::Named => {
                let found = cache.named(table, self.dataset, Some(self.bo.token.hash), ours, Some(events)).await?;
                let facts = found.facts.dataset.as_ref().unwrap();
                let user = found.facts.bearer.as_ref().map(|(user, _token)| &**user);
                let opens = facts.place.source.serving && facts.rights_of(user, Net::Anywhere, ours).has(Right::Meta);
                return Ok((debug(&found.facts), opens, found.cost.round_trips));
            }
        };
        let found = cache.link(table, link.hash, ours, Some(events)).await?;
        let facts = found.facts.unwrap();
        Ok((debug(&facts), facts.place.source.serving && facts.state(ours) == LinkState::Live, found.cost.round_trips))
    }

    /// Notes what the table says by now of everything, and that it is so at this moment.
    async fn note(&mut self) {
        for (at, what) in What::ALL.into_iter().enumerate() {
            let (facts, opens, _trips) = self.look(&FactsCache::new(), &self.deployment.table, what).await.unwrap();
            let said = &mut self.said[at];
            if said.last().is_none_or(|last| last.facts != facts) {
                said.push(Said { facts, opens, strict: self.strict, moments: Vec::new() });
            }
            said.last_mut().unwrap().moments.push(self.moment);
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Change(change) => {
                self.change(change).await;
                self.note().await;
            }
            Step::Pass { ours, events } => {
                self.moment.ours += SignedDuration::from_millis(ours);
                self.moment.events += SignedDuration::from_millis(events);
                // All that was so last is so now.
                self.said.iter_mut().for_each(|said| said.last_mut().unwrap().moments.push(self.moment));
            }
            Step::Ask(what) => self.ask(what).await,
            Step::Fail(true) => drop(self.faults.choose(|_operation| Some(Fault::Throttle))),
            Step::Fail(false) => self.faults.heal(),
        }
    }

    async fn ask(&mut self, what: What) {
        self.tally.asked += 1;
        let Ok((facts, _opens, trips)) = self.look(&self.cache, &self.failing, what).await else {
            self.tally.failed += 1;
            return;
        };
        let said = &self.said[What::ALL.iter().position(|other| *other == what).unwrap()];
        self.tally.warm += u64::from(trips == 0);
        if said.last().unwrap().facts == facts {
            return;
        }
        self.tally.old += 1;
        let of_one_age: Vec<_> = said.iter().filter(|said| said.facts == facts).collect();
        assert!(!of_one_age.is_empty(), "{what:?}: never was all of this so at once: {facts}");
        let is_young = |said: &&Said| {
            let class_secs = if said.strict { Timing::STRICT.facts_cache_secs } else { what.class_secs() };
            let secs = if said.opens { class_secs } else { class_secs.min(REFUSAL_CACHE_SECS) };
            said.moments.iter().any(|then| then.is_young(self.moment, secs))
        };
        assert!(of_one_age.iter().any(is_young), "{what:?} at {:?}: this was so only at {:?}: {facts}", self.moment, of_one_age[0].moments);
    }

    async fn change(&mut self, change: Change) {
        let deployment = &self.deployment;
        let ada = deployment.owner();
        self.number += 1;
        match change {
            Change::Pause(is_paused) => self.edit_links(|facts| Link { enabled: !is_paused, ..facts.link.clone() }).await,
            Change::Label => {
                let edit = Edit { label: Some(format!("label {}", self.number)), ..Edit::default() };
                self.edit_links(|facts| facts.link.edited(&facts.place, edit.clone(), now()).unwrap()).await;
            }
            Change::Give(role) => drop(deployment.give(&ada, self.dataset, self.bo.to(), role).await),
            Change::Withdraw => {
                if let Some(there) =
                    deployment.table.grant(self.dataset, self.bo.to()).await.unwrap().filter(|there| there.hold == Hold::Active)
                {
                    deployment.withdraw(&ada, self.dataset, &there).await.unwrap();
                }
            }
            Change::Member(is_in) => {
                let hold = if is_in { Hold::Active } else { Hold::Withdrawn };
                deployment.set_members(&self.group, &[&self.bo], hold).await.unwrap();
            }
            Change::Serve(serving) => {
                deployment.table.set_serving_all(&deployment.administer(), serving, None, None, now()).await.unwrap();
            }
            Change::Strict(strict) => self.strict = deployment.set_strict(&ada, self.dataset, strict).await.unwrap().strict,
            Change::Stand(standing) => {
                deployment.table.edit_user(&deployment.administer(), self.bo.user.id, standing.into(), None, None, now()).await.unwrap();
            }
            Change::Revoke => {
                deployment.revoke(&self.facts(&self.links[1]).await).await;
            }
        }
    }

    /// Of a link, as its maker sees it.
    async fn facts(&self, link: &Link) -> LinkFacts {
        self.deployment.table.link_for(link.hash, link.maker, now()).await.unwrap().unwrap()
    }

    /// Changes every link that its maker may change now.
    async fn edit_links(&self, after: impl Fn(&LinkFacts) -> Link) {
        let ada = self.deployment.owner();
        for link in &self.links {
            let facts = self.facts(link).await;
            let maker = if link.maker == self.bo.user.id { &self.bo } else { &ada };
            let Ok(permit) = maker.decide(Action::Share, &Facts::Link(Arc::new(facts.clone()))) else { continue };
            let changed = self.deployment.table.edit_link(&permit, &facts, &after(&facts), None, now()).await;
            // Whoever is suspended is refused only here.
            assert!(matches!(changed, Ok(_) | Err(TableError::Stale)), "{changed:?}");
        }
    }
}

fn programs() -> Vec<Vec<Step>> {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let one = |seed: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        vec(any_step(), STEPS_MAX / 2..=STEPS_MAX).new_tree(&mut runner).unwrap().current()
    };
    (0..asked.unwrap_or(PROGRAMS)).map(one).collect()
}

#[tokio::test]
async fn facts_are_of_one_age_and_none_is_older_than_its_class_allows() {
    let mut all = Tally::default();
    for program in programs() {
        let mut run = Run::begin().await;
        for step in program {
            run.take(step).await;
        }
        let Tally { asked, warm, old, failed } = run.tally;
        all = Tally { asked: all.asked + asked, warm: all.warm + warm, old: all.old + old, failed: all.failed + failed };
    }
    println!("{all:?}");
    // A cache that never answers, and one that nothing changes under, show nothing.
    assert!(all.warm * 5 > all.asked && all.old * 50 > all.asked && all.failed > 0, "{all:?}");
}
