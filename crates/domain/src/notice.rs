//! Notices: what one person is told of another's act (ACCESS 6).
//!
//! A notice names ids and nothing else: names are read when it is told, and never a key. Not here: how it is kept (`table/outbox.rs`), whether
//! it is still to be told and how it reads (`functions/jobs`).

use core::fmt;

use jiff::{SignedDuration, Timestamp, Zoned, civil::Time, tz::TimeZone};
use uuid::Uuid;

use crate::{
    id::{DatasetId, LinkId, ProjectId, UserId},
    invitation::Target,
    limits::{LINK_ENDS_TOLD_SECS, NOTICE_DIGEST_HOUR, NOTICE_RETRY_SECS},
};

/// Something that somebody else did, and a person is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// The person was granted a dataset by name.
    Shared(DatasetId),
    /// An administrator broke the glass of the person's dataset.
    GlassBroken(DatasetId),
    /// A dataset was offered to the person.
    Offered(DatasetId),
    /// The person's offer of a dataset was accepted.
    OfferAccepted(DatasetId),
    /// A dataset of a suspended owner became the person's.
    HandedOver(DatasetId),
    /// A dataset for which the person had asked was marked as curated.
    Curated(DatasetId),
    /// A curator did not mark a dataset for which the person had asked.
    CurationDeclined(DatasetId),
    /// Somebody asks to open the person's dataset to everybody, and waits for an answer.
    OpeningAsked(DatasetId),
    /// A second person approved what the person asked to open.
    OpeningApproved(DatasetId),
    /// A second person did not approve what the person asked to open.
    OpeningDeclined(DatasetId),
    /// The person was taken into a project.
    Joined(ProjectId),
    /// Somebody invites the person to a dataset or into a project, and waits for an answer.
    Invited(Target),
    /// Whom the person invited accepted.
    InvitationAccepted(Target),
    /// Somebody asks to be connected with the person.
    ConnectionAsked,
    /// Whom the person asked accepted.
    ConnectionAccepted,
    /// The copy that the person had made is there, as this dataset.
    Copied(DatasetId),
    /// The copy of this dataset that the person had made failed.
    CopyFailed(DatasetId),
    /// An administrator made a code by which one signs in as the person.
    CodeMade,
    /// The person's link ends soon. Nobody did it: it is put down to the person.
    LinkEnds(LinkId),
    /// The person's link was made to end sooner.
    LinkShortened(LinkId),
    /// The person's link was paused.
    LinkPaused(LinkId),
    /// The person's link was revoked.
    LinkRevoked(LinkId),
}

impl Occasion {
    /// What it is about, of what has an id.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shared(_) => "shared",
            Self::GlassBroken(_) => "glass-broken",
            Self::Offered(_) => "offered",
            Self::OfferAccepted(_) => "offer-accepted",
            Self::HandedOver(_) => "handed-over",
            Self::Curated(_) => "curated",
            Self::CurationDeclined(_) => "curation-declined",
            Self::OpeningAsked(_) => "opening-asked",
            Self::OpeningApproved(_) => "opening-approved",
            Self::OpeningDeclined(_) => "opening-declined",
            Self::Joined(_) => "joined",
            Self::Invited(_) => "invited",
            Self::InvitationAccepted(_) => "invitation-accepted",
            Self::ConnectionAsked => "connection-asked",
            Self::ConnectionAccepted => "connection-accepted",
            Self::Copied(_) => "copied",
            Self::CopyFailed(_) => "copy-failed",
            Self::CodeMade => "code-made",
            Self::LinkEnds(_) => "link-ends",
            Self::LinkShortened(_) => "link-shortened",
            Self::LinkPaused(_) => "link-paused",
            Self::LinkRevoked(_) => "link-revoked",
        }
    }

    /// The dataset that it is about.
    #[must_use]
    pub const fn dataset(self) -> Option<DatasetId> {
        match self {
            Self::Shared(id)
            | Self::GlassBroken(id)
            | Self::Offered(id)
            | Self::OfferAccepted(id)
            | Self::HandedOver(id)
            | Self::Curated(id)
            | Self::CurationDeclined(id)
            | Self::Copied(id)
            | Self::CopyFailed(id)
            | Self::OpeningAsked(id)
            | Self::OpeningApproved(id)
            | Self::OpeningDeclined(id)
            | Self::Invited(Target::Dataset(id))
            | Self::InvitationAccepted(Target::Dataset(id)) => Some(id),
            _ => None,
        }
    }

    /// The link that it is about.
    #[must_use]
    pub const fn link(self) -> Option<LinkId> {
        match self {
            Self::LinkEnds(id) | Self::LinkShortened(id) | Self::LinkPaused(id) | Self::LinkRevoked(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it is the end of something that the person set going: nobody is told of the own act otherwise.
    #[must_use]
    pub const fn is_of_own_act(self) -> bool {
        matches!(self, Self::Copied(_) | Self::CopyFailed(_))
    }

    /// The project that it is about.
    #[must_use]
    pub const fn project(self) -> Option<ProjectId> {
        match self {
            Self::Joined(id) | Self::Invited(Target::Project(id)) | Self::InvitationAccepted(Target::Project(id)) => Some(id),
            _ => None,
        }
    }

    /// What [`Occasion::word`] says of this dataset, project or link; `None`: there is no such word, or it is about something else.
    #[must_use]
    pub fn of(word: &str, dataset: Option<DatasetId>, project: Option<ProjectId>, link: Option<LinkId>) -> Option<Self> {
        if let Some(id) = link {
            let of_link = [Self::LinkEnds(id), Self::LinkShortened(id), Self::LinkPaused(id), Self::LinkRevoked(id)];
            return of_link.into_iter().find(|one| one.word() == word && dataset.is_none() && project.is_none());
        }
        let found = match (word, dataset, project) {
            ("shared", Some(id), None) => Self::Shared(id),
            ("glass-broken", Some(id), None) => Self::GlassBroken(id),
            ("invited", Some(id), None) => Self::Invited(Target::Dataset(id)),
            ("invited", None, Some(id)) => Self::Invited(Target::Project(id)),
            ("invitation-accepted", Some(id), None) => Self::InvitationAccepted(Target::Dataset(id)),
            ("invitation-accepted", None, Some(id)) => Self::InvitationAccepted(Target::Project(id)),
            ("offered", Some(id), None) => Self::Offered(id),
            ("offer-accepted", Some(id), None) => Self::OfferAccepted(id),
            ("handed-over", Some(id), None) => Self::HandedOver(id),
            ("curated", Some(id), None) => Self::Curated(id),
            ("curation-declined", Some(id), None) => Self::CurationDeclined(id),
            ("copied", Some(id), None) => Self::Copied(id),
            ("copy-failed", Some(id), None) => Self::CopyFailed(id),
            ("opening-asked", Some(id), None) => Self::OpeningAsked(id),
            ("opening-approved", Some(id), None) => Self::OpeningApproved(id),
            ("opening-declined", Some(id), None) => Self::OpeningDeclined(id),
            ("joined", None, Some(id)) => Self::Joined(id),
            ("connection-asked", None, None) => Self::ConnectionAsked,
            ("connection-accepted", None, None) => Self::ConnectionAccepted,
            ("code-made", None, None) => Self::CodeMade,
            _ => return None,
        };
        Some(found)
    }
}

/// What tells two notices apart: one act tells one person once. So a write that is sent again tells nothing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId {
    /// The entry of the audit that the act left; sorts by time.
    pub entry: Uuid,
    /// Who is told.
    pub to: UserId,
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry.hyphenated(), self.to)
    }
}

/// A notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Which.
    pub id: NoticeId,
    /// Who did it.
    pub by: UserId,
    /// What.
    pub occasion: Occasion,
    /// When.
    pub at: Timestamp,
}

/// How a person wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// A mail for each.
    #[default]
    Each,
    /// One mail a day, of all that came until [`NOTICE_DIGEST_HOUR`].
    Daily,
    /// Not at all.
    Never,
}

impl Wanted {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Each, Self::Daily, Self::Never];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Daily => "daily",
            Self::Never => "none",
        }
    }

    /// The way of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wanted| wanted.word() == word)
    }
}

/// The next [`NOTICE_DIGEST_HOUR`] (UTC) after `now`: when a day's mail goes.
#[must_use]
pub fn next_digest(now: Timestamp) -> Timestamp {
    let here: Zoned = now.to_zoned(TimeZone::UTC);
    let hour = Time::new(NOTICE_DIGEST_HOUR, 0, 0, 0).unwrap_or(Time::MIN);
    let at = |date: jiff::civil::Date| date.to_datetime(hour).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let today = at(here.date()).ok().filter(|at| now < *at);
    today.or_else(|| at(here.date().tomorrow().ok()?).ok()).unwrap_or(now)
}

/// When the maker of a link that ends at `until` is told, where the end was set at `set`; `None`: it ends too soon for that, or so soon that whoever set
/// it knows.
#[must_use]
pub fn told_of_end(until: Option<Timestamp>, set: Timestamp) -> Option<Timestamp> {
    let at = until?.checked_sub(SignedDuration::from_secs(LINK_ENDS_TOLD_SECS)).ok()?;
    (set < at).then_some(at)
}

/// How long, in seconds, after the try of this number (from 1) the next may begin; `None`: there is no next, and the notice is given up.
#[must_use]
pub fn retry_after(tries: u32) -> Option<i64> {
    NOTICE_RETRY_SECS.get(usize::try_from(tries).ok()?.checked_sub(1)?).copied()
}

/// Whether the try before the one of this number (from 1) was the last.
#[must_use]
pub fn is_after_last(tries: u32) -> bool {
    tries > 1 && retry_after(tries.saturating_sub(1)).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occasion_reads_back_by_its_word_and_what_it_is_about() {
        let (dataset, project) = (DatasetId::new(Uuid::from_u128(1)), ProjectId::new(Uuid::from_u128(2)));
        let link = LinkId::new(Uuid::from_u128(3));
        for occasion in [
            Occasion::Shared(dataset),
            Occasion::GlassBroken(dataset),
            Occasion::Offered(dataset),
            Occasion::OfferAccepted(dataset),
            Occasion::HandedOver(dataset),
            Occasion::Curated(dataset),
            Occasion::CurationDeclined(dataset),
            Occasion::Copied(dataset),
            Occasion::CopyFailed(dataset),
            Occasion::OpeningAsked(dataset),
            Occasion::OpeningApproved(dataset),
            Occasion::OpeningDeclined(dataset),
            Occasion::Joined(project),
            Occasion::Invited(Target::Dataset(dataset)),
            Occasion::Invited(Target::Project(project)),
            Occasion::InvitationAccepted(Target::Dataset(dataset)),
            Occasion::InvitationAccepted(Target::Project(project)),
            Occasion::ConnectionAsked,
            Occasion::ConnectionAccepted,
            Occasion::CodeMade,
            Occasion::LinkEnds(link),
            Occasion::LinkShortened(link),
            Occasion::LinkPaused(link),
            Occasion::LinkRevoked(link),
        ] {
            let word = occasion.word();
            assert_eq!(Occasion::of(word, occasion.dataset(), occasion.project(), occasion.link()), Some(occasion));
            for link in [None, Some(link)] {
                assert_eq!(Occasion::of(word, Some(dataset), Some(project), link), None, "about one thing at the most");
            }
        }
        assert_eq!(Occasion::of("shared", None, None, None), None);
        assert_eq!(Occasion::of("shared", Some(dataset), None, Some(link)), None);
        for wanted in Wanted::ALL {
            assert_eq!(Wanted::of(wanted.word()), Some(wanted));
        }
    }

    #[test]
    fn a_days_mail_goes_at_the_next_hour_of_mails() {
        for (now, next) in [
            ("2027-01-31T06:59:59.999Z", "2027-01-31T07:00:00Z"),
            ("2027-01-31T07:00:00Z", "2027-02-01T07:00:00Z"),
            ("2027-12-31T23:00:00Z", "2028-01-01T07:00:00Z"),
        ] {
            assert_eq!(next_digest(now.parse().unwrap()), next.parse().unwrap(), "{now}");
        }
    }

    // L5
    #[test]
    fn an_end_is_told_a_week_before_unless_it_was_set_later_than_that() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let until = at("2027-01-31T12:00:00Z");
        for (set, told) in [
            ("2027-01-01T00:00:00Z", true),
            ("2027-01-24T11:59:59Z", true),
            ("2027-01-24T12:00:00Z", false),
            ("2027-01-30T00:00:00Z", false),
        ] {
            assert_eq!(told_of_end(Some(until), at(set)), told.then(|| at("2027-01-24T12:00:00Z")), "{set}");
        }
        assert_eq!(told_of_end(None, at("2027-01-01T00:00:00Z")), None);
        assert_eq!(told_of_end(Some(Timestamp::MIN), Timestamp::MIN), None);
    }

    #[test]
    fn every_try_but_the_last_is_followed_by_a_later_one() {
        let waits: Vec<_> = (1..).map_while(retry_after).collect();
        assert_eq!(waits, NOTICE_RETRY_SECS);
        assert!(waits.is_sorted());
        assert_eq!(retry_after(0), None);
        let last = u32::try_from(waits.len()).unwrap() + 1;
        assert_eq!((1..=last + 1).find(|tries| is_after_last(*tries)), Some(last + 1), "the last is made");
    }
}
