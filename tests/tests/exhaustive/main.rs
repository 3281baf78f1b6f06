//! Exhaustive models: small worlds whose every state is looked at, so that no order of late, lost and repeated messages is left out.
//!
//! Each model has the product's way of writing, which must hold, and broken ways, which must be found to fail: a search that
//! finds nothing in those would find nothing anywhere. A message that was sent stays under way for good. It may arrive late, in any order,
//! again and again, or never; so a retry is the same message arriving once more, and a lost answer is one that nobody acts upon.
//!
//! Not here: the product's code. What holds that to the same promises is the stateful model beside this one.

mod adopt;
mod connections;
mod copies;
mod grants;
mod group_sync;
mod idempotency;
mod invitations;
mod outbox;
mod retarget;
mod revocation;

use std::{fmt::Debug, hash::Hash};

use pathfinding::directed::bfs::{bfs, bfs_reach};

/// What can happen in a state: each step, and where it leads.
type Steps<Step, State> = Vec<(Step, State)>;

/// All states that a model can come to.
struct Search<State, Next> {
    what: String,
    steps: Next,
    states: Vec<State>,
}

impl<State: Clone + Eq + Hash, Step: Debug, Next: Fn(&State) -> Steps<Step, State>> Search<State, Next> {
    /// Goes everywhere from `start`.
    fn all(what: impl Debug, start: State, steps: Next) -> Self {
        let states: Vec<State> = bfs_reach(start, |state| steps(state).into_iter().map(|(_, next)| next)).collect();
        println!("{what:?}: {} states", states.len());
        Self { what: format!("{what:?}"), steps, states }
    }

    /// Some state must be `sought`, or none, as `expected`. The shortest way to one is told step by step.
    fn finds(&self, expected: bool, what: &str, sought: impl Fn(&State) -> bool) {
        let way = self.states.iter().any(&sought).then(|| self.way(sought));
        assert_eq!(way.is_some(), expected, "{}: {what}: {way:#?}", self.what);
        if let Some(way) = way {
            println!("{}: {what}, in {} steps: {way:?}", self.what, way.len());
        }
    }

    /// The fewest steps from the start to a state that is `sought`.
    fn way(&self, sought: impl Fn(&State) -> bool) -> Vec<Step> {
        let next = |state: &State| (self.steps)(state).into_iter().map(|(_, next)| next).collect::<Vec<_>>();
        let states = bfs(&self.states[0], next, sought).expect("one of the states is sought");
        let step = |from: &State, to: &State| (self.steps)(from).into_iter().find(|(_, next)| next == to).expect("a step").0;
        states.iter().zip(&states[1..]).map(|(from, to)| step(from, to)).collect()
    }
}
