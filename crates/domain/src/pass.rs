//! Passes: what whoever knows a link's password, or accepts the terms of what it opens, is given in its place, for tools that can say neither.

use jiff::Timestamp;

use crate::{id::TermsId, key::KeyHash, link::Link};

/// A pass for one link, as it was guarded when the pass was given. It is a ticket of nobody's: in an address it stands where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pass {
    /// The hash of its text.
    pub hash: KeyHash,
    /// The hash of the link's key.
    pub link: KeyHash,
    /// How the link was guarded; `None`: it asked for data-use terms and nothing else.
    pub guard: Option<Guard>,
    /// The data-use terms that whoever asked for it accepted: of the source's and the deployment's.
    pub terms: [Option<TermsId>; 2],
    /// When it ends; that instant is out.
    pub until: Timestamp,
}

/// What a link asks for before it opens, as a mark that changes whenever that changes: the version of the link with which its password was
/// set, 0 for a link without one whose passes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard(pub u64);

impl Pass {
    /// Whether these terms were accepted for it.
    #[must_use]
    pub fn accepts(&self, terms: TermsId) -> bool {
        self.terms.contains(&Some(terms))
    }

    /// Whether it opens `link` at `now`: void once the password was changed or taken off.
    #[must_use]
    pub fn opens(&self, link: &Link, now: Timestamp) -> bool {
        self.link == link.hash && now < self.until && link.options.guard() == self.guard
    }
}
