//! Whom a dataset is open to in effect, beside those whom a grant names.
//!
//! It decides nothing: `decision.rs` sums up what one person has, by the same switch, ceiling and grants.

use jiff::Timestamp;

use crate::{
    dataset::{Dataset, Visibility},
    decision::{DatasetFacts, is_active, is_open, reaching},
    grant::{Grant, Net, Subject},
    rights::Rights,
};

impl DatasetFacts {
    /// The widest audience that gets something here, by the dataset itself or by one above that reaches it: a visibility counts as far as the
    /// source's ceiling lets it, and where something is granted to those whom it lets in, or a project is there and not retired.
    #[must_use]
    pub fn audience(&self, now: Timestamp) -> Visibility {
        let is_there = |project| !self.reach.retired.contains(&project);
        let of_project = |(on, _): (&Dataset, _)| on.visibility >= Visibility::Project && on.project.is_some_and(is_there);
        if !self.given_to_all(Subject::World, now).is_empty() {
            Visibility::World
        } else if !self.given_to_all(Subject::Accounts, now).is_empty() {
            Visibility::Accounts
        } else if is_active(&self.place) && reaching(&self.place, &self.reach).any(of_project) {
            Visibility::Project
        } else {
            Visibility::Private
        }
    }

    /// When a curator marked it, where that counts now.
    #[must_use]
    pub fn curated(&self, now: Timestamp) -> Option<Timestamp> {
        self.place.dataset.curated_for(self.audience(now))
    }

    /// Whether what is granted on `on`, this dataset or one above, to all accounts or the world counts, by its visibility and the source's ceiling.
    #[must_use]
    pub fn counts(&self, on: &Dataset, all: Subject) -> bool {
        is_active(&self.place) && is_open(&self.place, on, all)
    }

    /// What everybody has here now who comes from a network that it is open to: [`Subject::World`], or each person with an account,
    /// [`Subject::Accounts`], who has what the world has, too. Nothing for any other subject.
    #[must_use]
    pub fn given_to_all(&self, all: Subject, now: Timestamp) -> Rights {
        if !is_active(&self.place) {
            return Rights::NONE;
        }
        let holds = |on: &Dataset, grant: &Grant| {
            let is_for = grant.subject == all || (all == Subject::Accounts && grant.subject == Subject::World);
            is_for && is_open(&self.place, on, grant.subject) && grant.conditions.hold(Net::Anywhere, now)
        };
        let granted = reaching(&self.place, &self.reach).flat_map(|(on, grants)| grants.iter().filter(move |grant| holds(on, grant)));
        granted.fold(Rights::NONE, |sum, grant| sum.or(grant.rights()))
    }
}
