//! Projects: people who share datasets under one policy.
//!
//! Not here: what a policy gives ([`Participation`]), who may change a project (`decision.rs`), how many managers there are now
//! (`table/projects.rs` counts them in the transaction that changes them).

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    grant::{ClonePolicy, Participation, Policy, ProjectRole, group_name},
    id::ProjectId,
    limits::GROUP_NAME_CHARS_MAX,
    rights::{Rights, Role},
    source::State,
};

/// People, and the policy by which each of them gets rights on the datasets that were put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name: 1 to [`GROUP_NAME_CHARS_MAX`] of `a-z0-9-`. No other project has it, or had it.
    pub name: String,
    /// What its members may do with its datasets.
    pub policy: Policy,
    /// How many of its members manage it: one at the least.
    pub managers: u32,
    /// Whether anybody gets anything by it.
    pub state: State,
    /// When it was made.
    pub made: Timestamp,
    /// Counts its own changes, not those of its members and datasets.
    pub version: u64,
}

impl Project {
    /// What its policy gives a member on each of its datasets.
    #[must_use]
    pub fn gives(&self) -> Rights {
        match self.state {
            State::Active => Participation { project: self.id, role: ProjectRole::Member, policy: self.policy }.rights(),
            State::Retired | State::Arriving => Rights::NONE,
        }
    }
}

/// Why a project cannot be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProjectError {
    /// A name out of bounds.
    #[error("a project's name has 1 to `{GROUP_NAME_CHARS_MAX}` of `a-z0-9-`, begins with a letter or digit, and is no id")]
    Name,
    /// Its members would be its managers.
    #[error("a project lets its members see as `preview`, `view`, `download` or `full`")]
    View,
    /// A clone has every byte.
    #[error("who may not view every object clones none")]
    Clone,
}

/// Reads a project's name.
///
/// # Errors
/// [`ProjectError::Name`], for an id too: nobody should have to guess which of the two a text is.
pub fn project_name(text: &str) -> Result<String, ProjectError> {
    group_name(text).filter(|name| ProjectId::parse(name).is_err()).ok_or(ProjectError::Name)
}

impl Policy {
    /// What a new project begins with: its members view, and no more.
    pub const FIRST: Self = Self { view: Role::View, figures: false, clone: ClonePolicy::None };

    /// The same, if its parts go together.
    ///
    /// # Errors
    /// [`ProjectError::View`] beyond the role full, [`ProjectError::Clone`] where cloning would hand out what may not be viewed.
    pub fn checked(self) -> Result<Self, ProjectError> {
        if self.view > Role::Full {
            return Err(ProjectError::View);
        }
        if self.clone != ClonePolicy::None && self.view < Role::View {
            return Err(ProjectError::Clone);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::Visibility, rights::Right};

    #[test]
    fn a_policy_gives_no_more_than_full_and_no_bytes_by_a_way_round() {
        for view in Role::ALL {
            for clone in ClonePolicy::ALL {
                for figures in [false, true] {
                    let policy = Policy { view, figures, clone };
                    let fits = view <= Role::Full && (view >= Role::View || clone == ClonePolicy::None);
                    assert_eq!(policy.checked().is_ok(), fits, "{policy:?}");
                }
            }
        }
        assert_eq!(Policy::FIRST.checked(), Ok(Policy::FIRST));
    }

    #[test]
    fn a_project_gives_what_its_policy_says_and_nothing_once_it_is_retired() {
        let project = Project {
            id: ProjectId::new(uuid::Uuid::from_u128(1)),
            name: "atlas".to_owned(),
            policy: Policy::FIRST,
            managers: 1,
            state: State::Active,
            made: Timestamp::UNIX_EPOCH,
            version: 1,
        };
        let more = Project { policy: Policy { view: Role::Full, ..Policy::FIRST }, ..project.clone() };
        assert!(project.gives().has(Right::Read) && !project.gives().has(Right::Edit) && more.gives().has(Right::Edit));
        assert!(Project { state: State::Retired, ..more }.gives().is_empty());
    }

    #[test]
    fn a_dataset_in_a_project_is_open_to_it_at_the_least() {
        let (id, source, owner) =
            (uuid::Uuid::from_u128(1), crate::id::SourceId::new(uuid::Uuid::nil()), crate::id::UserId::new(uuid::Uuid::nil()));
        let dataset = crate::dataset::Dataset::root(crate::id::DatasetId::new(id), source, owner, Timestamp::UNIX_EPOCH);
        for (visibility, within, without) in [
            (Visibility::Private, Visibility::Project, Visibility::Private),
            (Visibility::Project, Visibility::Project, Visibility::Private),
            (Visibility::Accounts, Visibility::Accounts, Visibility::Accounts),
            (Visibility::World, Visibility::World, Visibility::World),
        ] {
            let put = crate::dataset::Dataset { visibility, ..dataset.clone() }.moved(Some(ProjectId::new(id)));
            assert_eq!((put.project, put.visibility, put.version), (Some(ProjectId::new(id)), within, 2));
            let taken = crate::dataset::Dataset { visibility, ..put }.moved(None);
            assert_eq!((taken.project, taken.visibility, taken.version), (None, without, 3));
        }
    }

    #[test]
    fn a_projects_name_is_no_id() {
        let id = ProjectId::new(uuid::Uuid::from_u128(7)).to_string();
        for (text, fits) in [("retina", true), ("retina-2026", true), ("", false), ("Retina", false), ("-a", false), (id.as_str(), false)] {
            assert_eq!(project_name(text).is_ok(), fits, "{text}");
        }
    }
}
