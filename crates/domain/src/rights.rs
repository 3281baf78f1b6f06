//! Rights, and the roles that bundle them.

/// One thing that may be done with a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Know that it is there.
    Discover,
    /// Read its metadata documents and its README.
    Meta,
    /// Read chunks of coarse pyramid levels.
    Coarse,
    /// List names and sizes.
    List,
    /// Read any object.
    Read,
    /// Take what outlives a request: manifests, credentials.
    Download,
    /// Clone the files.
    CloneFiles,
    /// Store views in its name.
    Figures,
    /// Clone with views and description.
    CloneFull,
    /// Change title and description.
    Edit,
    /// Make links.
    Share,
    /// Change what others get: grants, visibility, others' links.
    Administer,
    /// Hand it over.
    Own,
}

impl Right {
    /// Every right, the weakest first.
    pub const ALL: [Self; 13] = [
        Self::Discover,
        Self::Meta,
        Self::Coarse,
        Self::List,
        Self::Read,
        Self::Download,
        Self::CloneFiles,
        Self::Figures,
        Self::CloneFull,
        Self::Edit,
        Self::Share,
        Self::Administer,
        Self::Own,
    ];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Meta => "meta",
            Self::Coarse => "coarse",
            Self::List => "list",
            Self::Read => "read",
            Self::Download => "download",
            Self::CloneFiles => "clone-files",
            Self::Figures => "figures",
            Self::CloneFull => "clone-full",
            Self::Edit => "edit",
            Self::Share => "share",
            Self::Administer => "administer",
            Self::Own => "own",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.word() == word)
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Discover => 1,
            Self::Meta => 1 << 1,
            Self::Coarse => 1 << 2,
            Self::List => 1 << 3,
            Self::Read => 1 << 4,
            Self::Download => 1 << 5,
            Self::CloneFiles => 1 << 6,
            Self::Figures => 1 << 7,
            Self::CloneFull => 1 << 8,
            Self::Edit => 1 << 9,
            Self::Share => 1 << 10,
            Self::Administer => 1 << 11,
            Self::Own => 1 << 12,
        }
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u16);

impl Rights {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Every one.
    pub const ALL: Self = Self::of(&Right::ALL);
    /// The most that everybody with an account, or the world, may be given.
    pub const PUBLIC: Self =
        Self::of(&[Right::Discover, Right::Meta, Right::Coarse, Right::List, Right::Read, Right::Download, Right::CloneFiles]);
    /// The most that a link gives.
    pub const LINK: Self = Self::of(&[Right::Discover, Right::Meta, Right::Coarse, Right::List, Right::Read, Right::Download]);
    /// Those that move bytes or names of objects: what a source that does not serve, or a foreign network, takes away.
    pub const DATA: Self = Self::of(&[Right::Coarse, Right::List, Right::Read, Right::Download, Right::CloneFiles, Right::CloneFull]);

    /// The set of these.
    #[must_use]
    pub const fn of(rights: &[Right]) -> Self {
        let mut bits = 0;
        let mut rest = rights;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Whether `right` is one of them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether all of `others` are among them.
    #[must_use]
    pub const fn holds(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those in either.
    #[must_use]
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not in `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// From which level of multiscale images on these open chunks, where `asked` is from which on coarse ones do: every level, or those, or
    /// none (`None`).
    #[must_use]
    pub const fn level(self, asked: Option<u8>) -> Option<u8> {
        if self.has(Right::Read) {
            Some(0)
        } else if self.has(Right::Coarse) {
            asked
        } else {
            None
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, the weakest first.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

/// A bundle of rights, each holding those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Metadata, and coarse pyramid levels.
    Preview,
    /// Every object. Whoever can view can save: this hands out bytes.
    View,
    /// What outlives a request, too.
    Download,
    /// Change its description, and clone it whole.
    Full,
    /// Make links, and say who gets what.
    Manager,
    /// Everything. Offered and accepted, never granted.
    Owner,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 6] = [Self::Preview, Self::View, Self::Download, Self::Full, Self::Manager, Self::Owner];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::View => "view",
            Self::Download => "download",
            Self::Full => "full",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What it allows.
    #[must_use]
    pub const fn rights(self) -> Rights {
        const PREVIEW: Rights = Rights::of(&[Right::Discover, Right::Meta, Right::Coarse]);
        const VIEW: Rights = PREVIEW.or(Rights::of(&[Right::List, Right::Read]));
        const DOWNLOAD: Rights = VIEW.or(Rights::of(&[Right::Download, Right::CloneFiles]));
        const FULL: Rights = DOWNLOAD.or(Rights::of(&[Right::Figures, Right::CloneFull, Right::Edit]));
        const MANAGER: Rights = FULL.or(Rights::of(&[Right::Share, Right::Administer]));
        match self {
            Self::Preview => PREVIEW,
            Self::View => VIEW,
            Self::Download => DOWNLOAD,
            Self::Full => FULL,
            Self::Manager => MANAGER,
            Self::Owner => Rights::ALL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_the_one_before_it_and_words_read_back() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[1].rights().holds(pair[0].rights()) && pair[0].rights() != pair[1].rights(), "{pair:?}");
        }
        for role in Role::ALL {
            assert_eq!(Role::of(role.word()), Some(role));
        }
        for right in Right::ALL {
            assert_eq!(Right::of(right.word()), Some(right));
            assert_eq!(Rights::of(&[right]).iter().collect::<Vec<_>>(), [right]);
        }
        assert_eq!(Role::of("admin"), None);
        assert_eq!(Rights::ALL.iter().count(), Right::ALL.len());
    }

    #[test]
    fn a_link_and_the_public_never_change_what_others_get() {
        for right in [Right::Figures, Right::CloneFull, Right::Edit, Right::Share, Right::Administer, Right::Own] {
            assert!(!Rights::PUBLIC.has(right) && !Rights::LINK.has(right), "{right:?}");
        }
        assert_eq!(Rights::PUBLIC.without(Rights::LINK), Rights::of(&[Right::CloneFiles]));
        assert!(!Rights::DATA.has(Right::Discover) && !Rights::DATA.has(Right::Meta));
    }
}
