//! Grants: who gets which role on a dataset, and under which conditions. And groups, whose members they reach.

use core::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    dataset::Dataset,
    id::{GroupId, ProjectId, UserId},
    levels::opens_within,
    limits::{BREAK_GLASS_HOURS_MAX, GROUP_FRESH_SECS, GROUP_NAME_CHARS_MAX, ORDER_AHEAD_SECS, ZONES_MAX},
    rights::{Right, Rights, Role},
    source::CeilingOf,
};

/// Whom a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// One person.
    User(UserId),
    /// The members of a group.
    Group(GroupId),
    /// The members of a project.
    Project(ProjectId),
    /// Everybody with an account here: the terms of visibility `accounts`.
    Accounts,
    /// Everybody: the terms of visibility `world`.
    World,
}

/// Addresses that a condition admits; empty: every one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Zones(Vec<IpNet>);

/// The text is no list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("zones are at most `{ZONES_MAX}` networks such as `192.0.2.0/24` or `2001:db8::/32`")]
pub struct ZonesError;

/// Where a question comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// This address, as the front door saw it.
    At(IpAddr),
    /// Nobody knows: in no zone.
    Unknown,
    /// Every zone at once: for questions about a link or grant itself, never for a reader.
    Anywhere,
}

impl Zones {
    /// Every address.
    pub const EVERYWHERE: Self = Self(Vec::new());

    /// Reads networks in CIDR notation (RFC 4632, RFC 4291); a bare address is a network of one.
    ///
    /// # Errors
    /// [`ZonesError`] for a text that is none, or too many.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ZonesError> {
        if texts.len() > ZONES_MAX {
            return Err(ZonesError);
        }
        let read = |text: &T| {
            let text = text.as_ref().trim();
            text.parse::<IpNet>().map(|net| net.trunc()).or_else(|_why| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_why| ZonesError)
        };
        let mut nets = texts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        nets.sort_unstable();
        nets.dedup();
        Ok(Self(nets))
    }

    /// The networks as text, `192.0.2.0/24`.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }

    /// The bytes that they take beside themselves.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    /// Whether every address is admitted.
    #[must_use]
    pub const fn is_everywhere(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a question from there is admitted. An IPv4 address in the form of an IPv6 one is that IPv4 address.
    #[must_use]
    pub fn admit(&self, net: Net) -> bool {
        match net {
            _ if self.0.is_empty() => true,
            Net::Anywhere => true,
            Net::Unknown => false,
            Net::At(address) => {
                let address = address.to_canonical();
                self.0.iter().any(|zone| zone.contains(&address))
            }
        }
    }

    /// Whether each of these networks lies in one of `others`: whoever is admitted here is admitted there.
    #[must_use]
    pub fn lie_in(&self, others: &Self) -> bool {
        others.is_everywhere() || (!self.is_everywhere() && self.0.iter().all(|net| others.0.iter().any(|other| other.contains(net))))
    }
}

/// When and from where a grant counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Conditions {
    /// From when on; `None`: at once.
    pub not_before: Option<Timestamp>,
    /// Until when: this instant is out (half-open). `None`: for good.
    pub until: Option<Timestamp>,
    /// From where.
    pub zones: Zones,
}

impl Conditions {
    /// Whether they hold no more, and never again.
    #[must_use]
    pub fn are_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|end| end <= now)
    }

    /// Whether they hold.
    #[must_use]
    pub fn hold(&self, net: Net, now: Timestamp) -> bool {
        self.not_before.is_none_or(|begin| begin <= now) && !self.are_over(now) && self.zones.admit(net)
    }

    /// Whether these hold only where and when `others` do, from now on (ACCESS R2).
    #[must_use]
    pub fn lie_in(&self, others: &Self, now: Timestamp) -> bool {
        let begin = |conditions: &Self| conditions.not_before.unwrap_or(Timestamp::MIN).max(now);
        let end = |conditions: &Self| conditions.until.unwrap_or(Timestamp::MAX);
        begin(others) <= begin(self) && end(self) <= end(others) && self.zones.lie_in(&others.zones)
    }
}

/// Whether a grant or a membership counts. Neither is ever deleted: a late copy of what was taken back fails on what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// It counts.
    Active,
    /// It was taken back.
    Withdrawn,
}

/// What a subject gets on a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is for.
    pub subject: Subject,
    /// What they get.
    pub role: Role,
    /// Whether they may make links, too, from the role view up.
    pub may_share: bool,
    /// From which level of multiscale images on chunks open, too, by the role preview; 0 would be the finest. `None`: no chunk.
    pub level: Option<u8>,
    /// When and from where.
    pub conditions: Conditions,
    /// Who gave it. It outlives its giver.
    pub by: UserId,
    /// When it was given or last changed.
    pub at: Timestamp,
    /// Whether it counts.
    pub hold: Hold,
    /// Counts its changes.
    pub version: u64,
}

impl Grant {
    /// Whether an administrator gave it to himself: nobody else may.
    #[must_use]
    pub fn is_broken_glass(&self) -> bool {
        self.subject == Subject::User(self.by)
    }

    /// Whether it counts at `now`, from somewhere.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> bool {
        self.hold == Hold::Active && self.conditions.hold(Net::Anywhere, now)
    }

    /// Whether it counts at `now` or will: it was neither taken back nor has it ended.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.hold == Hold::Active && !self.conditions.are_over(now)
    }
}

impl Grant {
    /// What it gives while its conditions hold. What everybody gets is bounded by [`Rights::PUBLIC`].
    #[must_use]
    pub fn rights(&self) -> Rights {
        if self.hold != Hold::Active {
            return Rights::NONE;
        }
        let role = self.role.rights();
        let shared = if self.may_share && self.role >= Role::View { Rights::of(&[Right::Share]) } else { Rights::NONE };
        match self.subject {
            Subject::User(_) | Subject::Group(_) | Subject::Project(_) => role.or(shared).without(Rights::of(&[Right::Own])),
            Subject::Accounts | Subject::World => role.and(Rights::PUBLIC),
        }
    }

    /// From which level of multiscale images on it opens chunks while its conditions hold; 0 is the finest, `None` opens none.
    #[must_use]
    pub fn opens_from(&self) -> Option<u8> {
        self.rights().level(self.level)
    }

    /// Whether somebody may get less, from now on, by this one than by the one before it.
    #[must_use]
    pub fn narrows(&self, before: &Self, now: Timestamp) -> bool {
        let had = before.rights();
        let keeps = self.rights().holds(had)
            && opens_within(before.opens_from(), self.opens_from())
            && before.conditions.lie_in(&self.conditions, now);
        !had.is_empty() && !keeps
    }
}

/// A named set of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the deployment: 1 to 63 of `a-z0-9-`.
    pub name: String,
    /// Who changes its members, and always is one.
    pub owner: UserId,
    /// What it is filled by.
    pub kind: GroupKind,
    /// Whether its members count.
    pub state: GroupState,
    /// When it was made.
    pub made: Timestamp,
    /// Counts its own changes, not those of its members.
    pub version: u64,
}

/// What fills a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// Its owner, by hand.
    Manual,
    /// The identity provider, which last said so at `synced`; too long ago, and its members count no more.
    Synced {
        /// When.
        synced: Timestamp,
    },
    /// The identity provider, person by person: whoever signs in is in the groups that it names, for so long after.
    Claimed,
}

/// Whether a group's members count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// They do.
    Active,
    /// It is being filled: they do not yet.
    Loading,
    /// It was taken out.
    Retired,
}

impl Group {
    /// Until when its members count; `None`: never.
    #[must_use]
    pub fn counts_until(&self) -> Option<Timestamp> {
        match (self.state, self.kind) {
            (GroupState::Loading | GroupState::Retired, _) => None,
            (GroupState::Active, GroupKind::Manual | GroupKind::Claimed) => Some(Timestamp::MAX),
            (GroupState::Active, GroupKind::Synced { synced }) => Some(fresh_until(synced)),
        }
    }

    /// Until when one membership counts, of which the provider said so last at `confirmed`; `None`: never. In a group that is filled person
    /// by person, a membership of which it never did is none.
    #[must_use]
    pub fn lets_in_until(&self, confirmed: Option<Timestamp>) -> Option<Timestamp> {
        let until = self.counts_until()?;
        match self.kind {
            GroupKind::Manual | GroupKind::Synced { .. } => Some(until),
            GroupKind::Claimed => confirmed.map(fresh_until),
        }
    }

    /// Whether one membership still stands, of which the provider said so last at `confirmed`, whether or not the group's members count now.
    /// Where it says so person by person, its word lasts as long as a synced group's.
    #[must_use]
    pub fn still_names(&self, confirmed: Option<Timestamp>, now: Timestamp) -> bool {
        match self.kind {
            GroupKind::Manual | GroupKind::Synced { .. } => true,
            GroupKind::Claimed => confirmed.is_some_and(|confirmed| now < fresh_until(confirmed)),
        }
    }
}

fn fresh_until(synced: Timestamp) -> Timestamp {
    synced.checked_add(jiff::SignedDuration::from_secs(GROUP_FRESH_SECS)).unwrap_or(Timestamp::MAX)
}

/// Reads a group's name, 1 to [`GROUP_NAME_CHARS_MAX`] of `a-z0-9-`; `None` for any other text.
#[must_use]
pub fn group_name(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ((1..=GROUP_NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with('-')).then(|| text.to_owned())
}

/// Whether a directory may say something under this order: an event's number, or its time in milliseconds, which lies at most
/// [`ORDER_AHEAD_SECS`] after `now`. Above the highest order nothing could be said any more, and nobody taken out.
#[must_use]
pub fn is_order(order: u64, now: Timestamp) -> bool {
    let last = now.as_millisecond().saturating_add(ORDER_AHEAD_SECS.saturating_mul(1_000));
    u64::try_from(last).is_ok_and(|last| order <= last)
}

/// That a person belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// Until when it counts: the end of what the group's state allows.
    pub until: Timestamp,
}

/// What a project lets its members do with its datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How much they see: at most [`Role::Full`].
    pub view: Role,
    /// Whether they may store views.
    pub figures: bool,
    /// How they may clone.
    pub clone: ClonePolicy,
}

/// How a project's members may clone its datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClonePolicy {
    /// Not at all.
    None,
    /// The files.
    Files,
    /// Files, views and description.
    Full,
}

impl ClonePolicy {
    /// Every one, the narrowest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Files, Self::Full];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Files => "files",
            Self::Full => "full",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clone| clone.word() == word)
    }
}

/// A person's part in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectRole {
    /// Gets what its policy says.
    Member,
    /// A member with a label, and nothing more.
    Leader,
    /// Has the manager's role on its datasets, and changes it.
    Manager,
}

impl ProjectRole {
    /// Every one, the weakest first.
    pub const ALL: [Self; 3] = [Self::Member, Self::Leader, Self::Manager];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Leader => "leader",
            Self::Manager => "manager",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// That a person takes part in a project, and what its policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participation {
    /// The project.
    pub project: ProjectId,
    /// As what.
    pub role: ProjectRole,
    /// The project's policy, as it is now: read at each decision, never copied.
    pub policy: Policy,
}

impl Participation {
    /// What it gives on the project's datasets.
    #[must_use]
    pub fn rights(&self) -> Rights {
        const FIGURES: Rights = Rights::of(&[Right::Figures]);
        const FILES: Rights = Rights::of(&[Right::CloneFiles]);
        const WHOLE: Rights = FILES.or(Rights::of(&[Right::CloneFull]));
        if self.role == ProjectRole::Manager {
            return Role::Manager.rights();
        }
        let seen = self.policy.view.min(Role::Full).rights().without(FIGURES.or(WHOLE));
        let figures = if self.policy.figures { FIGURES } else { Rights::NONE };
        let clone = match self.policy.clone {
            ClonePolicy::None => Rights::NONE,
            ClonePolicy::Files => FILES,
            ClonePolicy::Full => WHOLE,
        };
        seen.or(figures).or(clone)
    }
}

/// What is known of one person's, or nobody's, access to one dataset: the grants on it and above it, and whom they reach.
///
/// Grants, memberships and datasets above are positive facts, of which any part may be missing: less of them is less right. Whether
/// the person is blocked is a negative one, and always known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Whose; `None`: nobody's, who has what the world has.
    pub user: Option<UserId>,
    /// The grants on the dataset itself.
    pub here: Vec<Grant>,
    /// The datasets that it lies in, as far as they were read.
    pub above: Vec<Above>,
    /// The groups that the person belongs to, sorted by id: those that the grants name.
    pub groups: Vec<Membership>,
    /// The projects that the person takes part in: those that the datasets and grants name.
    pub projects: Vec<Participation>,
    /// Of the projects that the datasets are in, those that are known to be retired. They give nothing, and decide nothing here.
    pub retired: Vec<ProjectId>,
    /// Whether the person is blocked at the source.
    pub blocked: bool,
}

/// A dataset above the one that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// The dataset, whose own cuts say whether it reaches down.
    pub dataset: Dataset,
    /// The grants on it.
    pub grants: Vec<Grant>,
}

/// Why a grant or a group cannot be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GrantError {
    /// The permit is not one for this.
    #[error("the permit was given for something else")]
    Permit,
    /// To oneself.
    #[error("nobody grants to himself")]
    ToOneself,
    /// Ownership.
    #[error("ownership is handed over, not granted")]
    Ownership,
    /// More than the giver has, or for longer, or from further away.
    #[error("a grant gives at most what its giver has, no longer and from nowhere else")]
    MoreThanGiver,
    /// What lasts, by who administers the dataset for a while or from some networks only; or takes it into a project, by a project only.
    #[error(
        "this takes owning the dataset, or administering it for good and from everywhere, and not by a project where it is to change projects"
    )]
    NotForGood,
    /// Beyond what everybody may be given.
    #[error("everybody gets at most the role `download`, and never the right to share")]
    MoreThanPublic,
    /// Wider than the source allows, or the deployment.
    #[error("{} allows no such audience", of.noun())]
    AudienceTooWide {
        /// Whose ceiling it is.
        of: CeilingOf,
    },
    /// By the deployment's policy somebody else approves what opens to everybody.
    #[error("here a second person approves what opens data to everybody")]
    SecondPerson,
    /// An end that has passed, or comes before the beginning.
    #[error("the grant would never count")]
    NeverCounts,
    /// More than reading, by breaking the glass.
    #[error("by breaking the glass one reads, and no more")]
    MoreThanReading,
    /// Too long, or not at all, by breaking the glass.
    #[error("the glass stays broken for 1 to `{BREAK_GLASS_HOURS_MAX}` hours")]
    Hours,
    /// The person owns it, by breaking the glass.
    #[error("whoever owns the data breaks no glass")]
    Owns,
    /// Somebody gave the person a grant, which this would take the place of.
    #[error("there is a grant to the person already")]
    HasGrant,
    /// Links for those who may see coarse levels only.
    #[error("links may be made from the role `view` up")]
    SharePreview,
    /// A level without the role preview, or the finest.
    #[error("a level goes with the role `preview`, and is 1 or more")]
    Level,
    /// A level that the image has not, as far as is known.
    #[error("the dataset is not known to have images of such a level")]
    NoLevel,
    /// The person declined the same, not long ago.
    #[error("the person declined this; it may be offered again from `{from}` on")]
    DeclinedLately {
        /// From when on.
        from: Timestamp,
    },
    /// A name out of bounds.
    #[error("a group's name has 1 to `{GROUP_NAME_CHARS_MAX}` of `a-z0-9-`, begins with a letter or digit, and is no id")]
    Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn zones_admit_addresses_in_every_spelling_and_nothing_unknown() {
        let zones = Zones::parse(&["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]).unwrap();
        for (address, want) in [
            ("192.0.2.9", true),
            ("::ffff:192.0.2.9", true),
            ("192.0.3.9", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("::", false),
        ] {
            assert_eq!(zones.admit(Net::At(address.parse().unwrap())), want, "{address}");
        }
        assert!(!zones.admit(Net::Unknown) && zones.admit(Net::Anywhere));
        assert!(Zones::default().admit(Net::Unknown));
        for wrong in ["", "192.0.2.0/33", "192.0.2", "::/129", "lab", "192.0.2.0/24,10.0.0.0/8"] {
            assert_eq!(Zones::parse(&[wrong]), Err(ZonesError), "{wrong}");
        }
        assert_eq!(Zones::parse(&["10.1.2.3/8"]).unwrap().texts().collect::<Vec<_>>(), ["10.0.0.0/8"], "host bits mean nothing");
    }

    #[test]
    fn zones_take_their_bytes_each() {
        let [none, one, two] =
            [&[][..], &["10.0.0.0/8"], &["10.0.0.0/8", "192.0.2.0/24"]].map(|texts| Zones::parse(texts).unwrap().bytes());
        assert!(none == 0 && one > 0 && two == 2 * one, "{none}, {one}, {two}");
    }

    #[test]
    fn a_word_means_what_it_is_the_word_of_and_no_other_means_anything() {
        assert_eq!(ClonePolicy::ALL.map(|clone| ClonePolicy::of(clone.word())), ClonePolicy::ALL.map(Some));
        assert_eq!(ProjectRole::ALL.map(|role| ProjectRole::of(role.word())), ProjectRole::ALL.map(Some));
        assert_eq!((ClonePolicy::of("Full"), ClonePolicy::of("")), (None, None));
        assert_eq!((ProjectRole::of("owner"), ProjectRole::of("")), (None, None));
    }

    #[test]
    fn an_order_is_bounded_by_the_time_it_may_be_ahead() {
        let last = u64::try_from((1_000 + ORDER_AHEAD_SECS) * 1_000).unwrap();
        let are = [0, 7, last - 1, last, last + 1, u64::MAX].map(|order| is_order(order, at(1_000)));
        assert_eq!(are, [true, true, true, true, false, false]);
        assert!(!is_order(0, at(-1_000 - ORDER_AHEAD_SECS)), "before there was any time");
    }

    #[test]
    fn zones_lie_in_wider_ones() {
        let zones = |texts: &[&str]| Zones::parse(texts).unwrap();
        for (inner, outer, want) in [
            (&["10.1.0.0/16"][..], &["10.0.0.0/8"][..], true),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], false),
            (&["10.1.0.0/16", "192.0.2.1"], &["10.0.0.0/8", "192.0.2.0/24"], true),
            (&["10.1.0.0/16", "192.0.3.1"], &["10.0.0.0/8", "192.0.2.0/24"], false),
            (&[], &["10.0.0.0/8"], false),
            (&["10.0.0.0/8"], &[], true),
            (&[], &[], true),
        ] {
            assert_eq!(zones(inner).lie_in(&zones(outer)), want, "{inner:?} {outer:?}");
        }
    }

    #[test]
    fn conditions_are_half_open_and_nest() {
        let within =
            |begin: Option<i64>, end: Option<i64>| Conditions { not_before: begin.map(at), until: end.map(at), zones: Zones::default() };
        for (second, want) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(within(Some(10), Some(20)).hold(Net::Unknown, at(second)), want, "{second}");
        }
        for (inner, outer, want) in [
            (within(None, Some(20)), within(None, Some(20)), true),
            (within(None, Some(21)), within(None, Some(20)), false),
            (within(None, None), within(None, Some(20)), false),
            (within(None, Some(20)), within(None, None), true),
            (within(None, Some(20)), within(Some(5), None), true),
            (within(None, Some(20)), within(Some(11), None), false),
            (within(Some(11), Some(20)), within(Some(11), None), true),
        ] {
            assert_eq!(inner.lie_in(&outer, at(10)), want, "{inner:?} {outer:?}");
        }
    }

    #[test]
    fn a_grant_narrows_another_where_any_right_or_moment_is_lost() {
        let grant = |role, may_share, until: Option<i64>, hold| Grant {
            subject: Subject::Accounts,
            role,
            may_share,
            level: None,
            conditions: Conditions { not_before: None, until: until.map(at), zones: Zones::default() },
            by: UserId::new(uuid::Uuid::nil()),
            at: at(0),
            hold,
            version: 1,
        };
        let person = |grant: Grant| Grant { subject: Subject::User(UserId::new(uuid::Uuid::nil())), ..grant };
        let view = || person(grant(Role::View, false, Some(20), Hold::Active));
        for (after, want) in [
            (view(), false),
            (person(grant(Role::Download, true, None, Hold::Active)), false),
            (person(grant(Role::Preview, false, None, Hold::Active)), true),
            (person(grant(Role::Download, false, Some(19), Hold::Active)), true),
            (person(grant(Role::View, false, Some(20), Hold::Withdrawn)), true),
        ] {
            assert_eq!(after.narrows(&view(), at(10)), want, "{after:?}");
            assert!(!after.narrows(&person(grant(Role::Full, true, None, Hold::Withdrawn)), at(10)), "nothing was left to lose");
        }
        let preview = |level| Grant { level, ..person(grant(Role::Preview, false, None, Hold::Active)) };
        for (after, before, want) in [
            (preview(Some(2)), preview(Some(1)), true),
            (preview(None), preview(Some(1)), true),
            (preview(Some(1)), preview(Some(1)), false),
            (preview(Some(1)), preview(Some(2)), false),
            (preview(Some(1)), preview(None), false),
            (preview(Some(1)), view(), true),
            (view(), preview(Some(1)), true),
            (Grant { level: Some(1), ..view() }, view(), false),
        ] {
            assert_eq!(after.narrows(&before, at(10)), want, "{after:?} {before:?}");
        }
        assert!(view().narrows(&person(grant(Role::View, true, Some(20), Hold::Active)), at(10)), "no more links");
        assert!(
            !grant(Role::Full, false, None, Hold::Active).narrows(&grant(Role::Manager, true, None, Hold::Active), at(10)),
            "never everybody's"
        );
    }

    #[test]
    fn a_group_counts_while_it_is_active_and_lately_synced() {
        let group = |kind, state| Group {
            id: GroupId::new(uuid::Uuid::nil()),
            name: "imaging".to_owned(),
            owner: UserId::new(uuid::Uuid::nil()),
            kind,
            state,
            made: at(0),
            version: 1,
        };
        assert_eq!(group(GroupKind::Manual, GroupState::Active).counts_until(), Some(Timestamp::MAX));
        assert_eq!(group(GroupKind::Manual, GroupState::Loading).counts_until(), None);
        assert_eq!(group(GroupKind::Manual, GroupState::Retired).counts_until(), None);
        assert_eq!(group(GroupKind::Synced { synced: at(100) }, GroupState::Active).counts_until(), Some(at(100 + GROUP_FRESH_SECS)));
        for (kind, confirmed, want) in [
            (GroupKind::Manual, None, Some(Timestamp::MAX)),
            (GroupKind::Synced { synced: at(100) }, None, Some(at(100 + GROUP_FRESH_SECS))),
            (GroupKind::Claimed, None, None),
            (GroupKind::Claimed, Some(at(100)), Some(at(100 + GROUP_FRESH_SECS))),
        ] {
            assert_eq!(group(kind, GroupState::Active).lets_in_until(confirmed), want, "{kind:?}");
            assert_eq!(group(kind, GroupState::Retired).lets_in_until(confirmed), None, "{kind:?}");
        }
        for (kind, confirmed, now, want) in [
            (GroupKind::Manual, None, at(0), true),
            (GroupKind::Synced { synced: at(100) }, None, at(101 + GROUP_FRESH_SECS), true),
            (GroupKind::Claimed, None, at(0), false),
            (GroupKind::Claimed, Some(at(100)), at(99 + GROUP_FRESH_SECS), true),
            (GroupKind::Claimed, Some(at(100)), at(100 + GROUP_FRESH_SECS), false),
        ] {
            assert_eq!(group(kind, GroupState::Retired).still_names(confirmed, now), want, "{kind:?} {confirmed:?} {now}");
        }
        assert_eq!((group_name("imaging-2"), group_name("Imaging"), group_name("")), (Some("imaging-2".to_owned()), None, None));
        // The refusal names the bound that holds.
        assert!(group_name(&"a".repeat(63)).is_some() && group_name(&"a".repeat(64)).is_none());
        assert!(GrantError::Name.to_string().starts_with("a group's name has 1 to `63` of"), "{}", GrantError::Name);
    }
}
