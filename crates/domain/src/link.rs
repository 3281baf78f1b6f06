//! Links: a capability URL to a dataset or to a path inside it, and its life.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::{
    code::Code,
    dataset::{Dataset, Kind},
    decision::{Permit, Place, Via},
    grant::Zones,
    id::{DatasetId, LinkId, SourceId, UserId},
    key::{Epoch, KeyHash},
    limits::{BYTES_PER_DAY_MAX, LABEL_CHARS_MAX, REASON_CHARS_MAX, REQUESTS_PER_SECOND_MAX, SAME_EXTENSION_SECS},
    pass::Guard,
    path::ObjectPath,
    rights::Role,
    source::{Audience, CeilingOf},
    timing::Timing,
};

/// What a link is for. A class sets defaults and rules (L6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// For colleagues: 30 days unless asked otherwise.
    Collaboration,
    /// For reviewers: always streamed under a neutral name, so that no answer shows bucket, path or owner; 90 days. Once the review is over it
    /// may become a publication link.
    Review,
    /// For a publication: meant for everybody, stewarded, never revoked without a reason; no end.
    Publication,
    /// For a talk or a poster: 30 days.
    Event,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Collaboration, Self::Review, Self::Publication, Self::Event];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Collaboration => "collaboration",
            Self::Review => "review",
            Self::Publication => "publication",
            Self::Event => "event",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// The audience that a link of this class opens for.
    #[must_use]
    pub const fn audience(self) -> Audience {
        match self {
            Self::Collaboration | Self::Review | Self::Event => Audience::Link,
            Self::Publication => Audience::World,
        }
    }

    /// Whether a link of this class gets a code, which may be guessed: a publication link always, an event link where its maker asks for one.
    ///
    /// # Errors
    /// [`LinkError::Code`] where it was asked for otherwise.
    pub const fn has_code(self, asked: Option<bool>) -> Result<bool, LinkError> {
        match (self, asked) {
            (Self::Publication, Some(false)) | (Self::Collaboration | Self::Review, Some(true)) => Err(LinkError::Code),
            (Self::Publication, _) | (Self::Event, Some(true)) => Ok(true),
            (Self::Collaboration | Self::Review | Self::Event, _) => Ok(false),
        }
    }

    /// The life of a link whose maker named none, in days.
    const fn default_days(self) -> Option<u32> {
        match self {
            Self::Collaboration | Self::Event => Some(30),
            Self::Review => Some(90),
            Self::Publication => None,
        }
    }
}

/// When a link ends, as asked. Two askings are equal when they were asked alike: "30d" equals "30d" on another day (L7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// As its class has it.
    ClassDefault,
    /// This many days from the making or the edit.
    Days(u32),
    /// At this instant, which is out (half-open).
    At(Timestamp),
    /// Never by itself.
    Never,
}

impl Until {
    /// The instant; `None`: never.
    ///
    /// # Errors
    /// [`LinkError::UntilPast`] for no days or an instant that has passed, [`LinkError::UntilTooFar`] where the calendar ends.
    pub fn resolve(self, class: Class, now: Timestamp) -> Result<Option<Timestamp>, LinkError> {
        let after = |days: u32| {
            let life = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
            now.checked_add(life).map(Some).map_err(|_why| LinkError::UntilTooFar { days_max: 365_000, of: None })
        };
        match self {
            Self::Never => Ok(None),
            Self::ClassDefault => class.default_days().map_or(Ok(None), after),
            Self::Days(0) => Err(LinkError::UntilPast),
            Self::Days(days) => after(days),
            Self::At(at) if at <= now => Err(LinkError::UntilPast),
            Self::At(at) => Ok(Some(at)),
        }
    }
}

/// What a maker chooses (L11).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Options {
    /// What only its maker sees.
    pub label: String,
    /// When it ends, as asked.
    pub until: Until,
    /// When it begins; `None`: at once.
    pub not_before: Option<Timestamp>,
    /// Stopped within 15 s, for more reads of the table (L11).
    pub strict: bool,
    /// The most that it gives: preview, view or download.
    pub role: Role,
    /// From where it opens.
    pub zones: Zones,
    /// Whether bytes leave for these zones only: then every answer is streamed, because a signed URL works from everywhere.
    pub hard_zones: bool,
    /// Whether folders show what is in them to nobody.
    pub hide_listing: bool,
    /// From which level of multiscale images on chunks open, too, by the role preview; 0 would be the finest. `None`: no chunk.
    pub level: Option<u8>,
    /// The version of the link with which its password was set; `None`: it has none. The password itself is nowhere near a decision.
    pub password: Option<u64>,
    /// How many passes it gives in all; `None`: as many as are asked for.
    pub sessions_max: Option<u32>,
    /// How many requests it answers in a second, by each process that serves; `None`: as many as come.
    pub requests_per_second: Option<u32>,
    /// How many bytes it gives in a day (UTC), about; `None`: as many as are asked for. Whoever counts them notes [`Link::over_until`].
    pub bytes_per_day: Option<u64>,
}

impl Default for Options {
    /// What a maker gets who chooses nothing.
    fn default() -> Self {
        Self {
            label: String::new(),
            until: Until::ClassDefault,
            not_before: None,
            strict: false,
            role: Role::Download,
            zones: Zones::EVERYWHERE,
            hard_zones: false,
            hide_listing: false,
            level: None,
            password: None,
            sessions_max: None,
            requests_per_second: None,
            bytes_per_day: None,
        }
    }
}

impl Options {
    /// Whether bytes must not leave for anywhere but its zones.
    const fn are_zones_hard(&self) -> bool {
        self.hard_zones && !self.zones.is_everywhere()
    }

    /// What it asks for before it opens; `None`: nothing.
    #[must_use]
    pub fn guard(&self) -> Option<Guard> {
        self.password.or(self.sessions_max.map(|_| 0)).map(Guard)
    }

    /// Whether `after` gives anything, in any place or for any time, that these do not.
    fn are_widened_by(&self, after: &Self) -> bool {
        let finer = match (self.level, after.level) {
            (Some(old), Some(new)) => new < old,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        // Another password opens to others.
        let other_password = self.password.is_some() && self.password != after.password;
        // Whatever gives more than a preview gives every level.
        (self.role == Role::Preview && finer)
            || !self.role.rights().holds(after.role.rights())
            || !after.zones.lie_in(&self.zones)
            || (self.are_zones_hard() && !after.are_zones_hard())
            || (self.hide_listing && !after.hide_listing)
            || (self.strict && !after.strict)
            || other_password
            || is_raised(self.sessions_max, after.sessions_max)
            || is_raised(self.requests_per_second, after.requests_per_second)
            || is_raised(self.bytes_per_day, after.bytes_per_day)
    }
}

/// Whether a bound that is there becomes a higher one, or none.
fn is_raised<N: Ord>(before: Option<N>, after: Option<N>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// What is asked for a new link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// The path below the dataset that the link opens; the root for all of it.
    pub subpath: ObjectPath,
    /// What it is for.
    pub class: Class,
    /// What its maker chose.
    pub options: Options,
}

/// A change of a link's options; a `None` leaves what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// Another label.
    pub label: Option<String>,
    /// Another end, counted from the edit.
    pub until: Option<Until>,
    /// Another beginning; `Some(None)`: at once.
    pub not_before: Option<Option<Timestamp>>,
    /// Strict or not.
    pub strict: Option<bool>,
    /// Another role.
    pub role: Option<Role>,
    /// Other zones; none: from everywhere.
    pub zones: Option<Zones>,
    /// Zones hard or not.
    pub hard_zones: Option<bool>,
    /// Listings hidden or not.
    pub hide_listing: Option<bool>,
    /// From another level on; `Some(None)`: no chunk.
    pub level: Option<Option<u8>>,
    /// A password, whatever there was: `Some(false)` takes it off.
    pub password: Option<bool>,
    /// Another number of passes; `Some(None)`: without end.
    pub sessions_max: Option<Option<u32>>,
    /// Another number of requests in a second; `Some(None)`: as many as come.
    pub requests_per_second: Option<Option<u32>>,
    /// Another number of bytes in a day; `Some(None)`: as many as are asked for.
    pub bytes_per_day: Option<Option<u64>>,
}

/// A link, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The hash of its key.
    pub hash: KeyHash,
    /// The dataset that it stands on: its anchor.
    pub dataset: DatasetId,
    /// The source of that dataset.
    pub source: SourceId,
    /// The path below the dataset.
    pub subpath: ObjectPath,
    /// The last segment in its URL.
    pub name: String,
    /// What stands for its key in print. It stays for good, like the key.
    pub code: Option<Code>,
    /// What it is for.
    pub class: Class,
    /// What its maker chose.
    pub options: Options,
    /// When it ends; `None`: by no wish of its maker.
    pub until: Option<Timestamp>,
    /// Who made it. It never gives more than this person may now, unless stewarded.
    pub maker: UserId,
    /// By what the maker could share when the link was made: where to look first, never a reason to believe it.
    pub via: Option<Via>,
    /// The dataset's act rather than its maker's: always so for publication links.
    pub stewarded: bool,
    /// Not paused.
    pub enabled: bool,
    /// The dataset's `links_gen` when it was made.
    pub links_gen: u64,
    /// With the deployment's secret and the id, what its key is derived from.
    pub epoch: Epoch,
    /// When what was handed out under a wider bound than the link's own ends: manifests, credentials, and what was signed before the link became strict.
    pub given_until: Option<Timestamp>,
    /// Until when it gives nothing, because it gave more than its budget: written by whoever counts, whatever the version.
    pub over_until: Option<Timestamp>,
    /// When it was made.
    pub made: Timestamp,
    /// Counts every accepted change but the revoke.
    pub version: u64,
}

/// The record of a revoke: written once, never changed, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserId,
    /// Why, if said.
    pub reason: Option<String>,
}

/// What a link is at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// It opens.
    Live,
    /// Paused by its maker.
    Paused,
    /// It has not begun.
    NotYet,
    /// It has ended.
    Expired,
    /// Its maker, dataset or source no longer allows it.
    Stopped,
    /// Revoked, for good.
    Revoked,
    /// A revoked publication link.
    Withdrawn,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 7] = [Self::Live, Self::Paused, Self::NotYet, Self::Expired, Self::Stopped, Self::Revoked, Self::Withdrawn];

    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Why a link cannot be made or changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkError {
    /// It would end before it begins to matter.
    #[error("the link would end in the past")]
    UntilPast,
    /// Longer than the source allows, or the deployment, or the calendar goes.
    #[error("the link would live longer than the `{days_max}` days that {} allows", of.map_or("the calendar", CeilingOf::noun))]
    UntilTooFar {
        /// The longest life.
        days_max: u32,
        /// Whose ceiling it is; `None`: the calendar ends there.
        of: Option<CeilingOf>,
    },
    /// It would end before it begins.
    #[error("the link would end before it begins")]
    NeverOpen,
    /// Wider than the source allows, or the deployment.
    #[error("{} allows no link of this class", of.noun())]
    AudienceTooWide {
        /// Whose ceiling it is.
        of: CeilingOf,
    },
    /// A label out of bounds.
    #[error("a label has at most `{LABEL_CHARS_MAX}` characters and none that controls")]
    Label,
    /// A path below a dataset that is one object, or too long.
    #[error("the dataset has no such path inside")]
    Subpath,
    /// A level without the role preview, or the finest.
    #[error("a level goes with the role `preview`, and is 1 or more")]
    Level,
    /// A level that the dataset has not, as far as is known.
    #[error("the dataset is not known to have images of such a level")]
    NoLevel,
    /// A link that would give no pass at all.
    #[error("a link that counts its passes gives 1 or more")]
    NoSession,
    /// A link that would answer nothing, or as much as nobody asks for.
    #[error("a link answers `1` to `{REQUESTS_PER_SECOND_MAX}` requests in a second")]
    Requests,
    /// A link that would give no byte, or as many as nobody counts.
    #[error("a link gives `1` to `{BYTES_PER_DAY_MAX}` bytes in a day")]
    Bytes,
    /// A code for what is not meant to be public, or a publication link without one.
    #[error("a publication link has a code, an event link may have one, and no other link")]
    Code,
    /// A role that no link gives.
    #[error("a link gives the role `preview`, `view` or `download`")]
    Role,
    /// A place that the link's URL would not fit: another ending, or an object for a folder.
    #[error("the link's URL would not fit what is there")]
    OtherForm,
    /// A review link without an end (L12).
    #[error("a review link ends by itself")]
    Endless,
    /// All that it would open lies in a restricted dataset below its own (ACCESS R2).
    #[error("what lies there was restricted, and no link from above opens it")]
    Restricted,
    /// A publication link is the dataset's own act (ACCESS R4).
    #[error("a publication link needs the right to administer its dataset, for good")]
    NotSteward,
    /// Only a review link becomes a publication link.
    #[error("only a review link becomes a publication link")]
    NotReview,
    /// Another's label: a word of the maker's own.
    #[error("a link's label is its maker's")]
    NotMaker,
    /// The permit is not one for this.
    #[error("the permit was given for something else")]
    Permit,
    /// A revoke of a publication link that does not say why.
    #[error("withdrawing a publication link needs a reason")]
    ReasonNeeded,
    /// A reason out of bounds.
    #[error("a reason has at most `{REASON_CHARS_MAX}` characters")]
    Reason,
}

/// Random bits and the key's hash for a new link, made by the caller: the domain makes no randomness.
#[derive(Debug, Clone, Copy)]
pub struct Birth {
    /// The id.
    pub id: LinkId,
    /// The epoch.
    pub epoch: Epoch,
    /// The hash of the key derived from both.
    pub hash: KeyHash,
    /// Its code, where its [class has one](Class::has_code).
    pub code: Option<Code>,
    /// By what the maker may share.
    pub via: Option<Via>,
}

impl Link {
    /// A new link on `place`, by whoever `permit` was given to.
    ///
    /// # Errors
    /// [`LinkError`], each naming the rule.
    pub fn new(permit: &Permit, place: &Place, ask: NewLink, birth: Birth, now: Timestamp) -> Result<Self, LinkError> {
        let maker = permit.allows_share_on(place.dataset.id).ok_or(LinkError::Permit)?;
        let NewLink { subpath, class, options } = ask;
        check_target(permit, place, &subpath, class)?;
        // Where nothing shows bucket and path, the name does not, either (SEMANTICS 2).
        let hides = class == Class::Review || options.are_zones_hard() || place.source.are_zones_hard();
        let name = if hides { neutral_name(place, &subpath) } else { own_name(place, &subpath).to_owned() };
        let link = Self {
            id: birth.id,
            hash: birth.hash,
            dataset: place.dataset.id,
            source: place.source.id,
            name,
            code: birth.code,
            subpath,
            until: options.until.resolve(class, now)?,
            options,
            maker,
            via: birth.via,
            stewarded: class == Class::Publication,
            class,
            enabled: true,
            links_gen: place.dataset.links_gen,
            epoch: birth.epoch,
            given_until: None,
            over_until: None,
            made: now,
            version: 1,
        };
        link.class.has_code(link.code.map(|_| true))?;
        link.check()?;
        link.check_end()?;
        link.check_level(place)?;
        link.check_ceiling(place)?;
        Ok(link)
    }

    /// The same link with other options; the URL stays (L2).
    ///
    /// # Errors
    /// [`LinkError`], each naming the rule.
    pub fn edited(&self, place: &Place, edit: Edit, now: Timestamp) -> Result<Self, LinkError> {
        let mut link = self.clone();
        if let Some(until) = edit.until {
            link.until = until.resolve(link.class, now)?;
            link.options.until = until;
            link.check_end()?;
        }
        link.options.label = edit.label.unwrap_or(link.options.label);
        link.options.not_before = edit.not_before.unwrap_or(link.options.not_before);
        link.options.strict = edit.strict.unwrap_or(link.options.strict);
        link.options.role = edit.role.unwrap_or(link.options.role);
        link.options.zones = edit.zones.unwrap_or(link.options.zones);
        link.options.hard_zones = edit.hard_zones.unwrap_or(link.options.hard_zones);
        link.options.hide_listing = edit.hide_listing.unwrap_or(link.options.hide_listing);
        if let Some(level) = edit.level {
            link.options.level = level;
            link.check_level(place)?;
        }
        if let Some(password) = edit.password {
            link.options.password = password.then_some(self.version.saturating_add(1));
        }
        link.options.sessions_max = edit.sessions_max.unwrap_or(link.options.sessions_max);
        link.options.requests_per_second = edit.requests_per_second.unwrap_or(link.options.requests_per_second);
        link.options.bytes_per_day = edit.bytes_per_day.unwrap_or(link.options.bytes_per_day);
        if is_raised(self.options.bytes_per_day, link.options.bytes_per_day) {
            // It opens again at once; whoever counts notes it anew where that is spent, too.
            link.over_until = None;
        }
        if link.options.strict && !self.options.strict {
            link.given_until = Some(self.timing().given_until(now, self.given_until));
        }
        link.check()?;
        // A ceiling that fell meanwhile binds at use; it must not keep anybody from narrowing a link.
        if self.is_widened_by(&link) {
            link.check_ceiling(place)?;
        }
        Ok(link)
    }

    /// Whether this person, who may change the link, may change the label: a word of the maker's own, by which the maker finds the link, and
    /// part of what makes two links the same. A stewarded link is the dataset's, and so is its label: of whoever may change it.
    #[must_use]
    pub fn is_labelled_by(&self, person: UserId) -> bool {
        self.stewarded || self.maker == person
    }

    /// The same link, which stands at `from`, on another place; key, name and so its URL stay (L13). `permit` is one to share the dataset there.
    ///
    /// # Errors
    /// [`LinkError`], each naming the rule: those of a new link there, and [`LinkError::OtherForm`].
    pub fn retargeted(
        &self,
        permit: &Permit,
        from: &Place,
        place: &Place,
        subpath: ObjectPath,
        via: Option<Via>,
        now: Timestamp,
    ) -> Result<Self, LinkError> {
        permit.allows_share_on(place.dataset.id).ok_or(LinkError::Permit)?;
        check_target(permit, place, &subpath, self.class)?;
        let ends_alike = ending_of(own_name(place, &subpath)) == ending_of(&self.name) || neutral_name(place, &subpath) == self.name;
        if !ends_alike || opens_object(from, &self.subpath) != opens_object(place, &subpath) {
            return Err(LinkError::OtherForm);
        }
        let comes_to_strict = place.dataset.strict && place.dataset.id != self.dataset;
        let link = Self {
            dataset: place.dataset.id,
            source: place.source.id,
            subpath,
            links_gen: place.dataset.links_gen,
            // What was signed where it stood outlives the bound of a strict dataset that knows nothing of it.
            given_until: if comes_to_strict { Some(self.timing().given_until(now, self.given_until)) } else { self.given_until },
            // What a stewarded link rests on is the dataset itself.
            via: via.filter(|_| !self.stewarded),
            ..self.clone()
        };
        link.check_ceiling(place)?;
        link.check_level(place)?;
        Ok(link)
    }

    /// The same link as a publication link, on the place that it stands on; key, name and so its URL stay, and so do the other options (L12). It gets `code`, for print.
    /// `permit` is one to share the dataset. A publication link stays as it is, whatever end is asked for.
    ///
    /// # Errors
    /// [`LinkError`], each naming the rule: those of a new publication link there, and [`LinkError::NotReview`].
    pub fn promoted(
        &self,
        permit: &Permit,
        place: &Place,
        (until, code): (Until, Option<Code>),
        now: Timestamp,
    ) -> Result<Self, LinkError> {
        let on = permit.allows_share_on(self.dataset).filter(|_| place.dataset.id == self.dataset);
        on.ok_or(LinkError::Permit)?;
        match self.class {
            Class::Review => {}
            Class::Publication => return Ok(self.clone()),
            Class::Collaboration | Class::Event => return Err(LinkError::NotReview),
        }
        check_target(permit, place, &self.subpath, Class::Publication)?;
        let mut link = Self { class: Class::Publication, stewarded: true, via: None, code, ..self.clone() };
        link.until = until.resolve(link.class, now)?;
        link.options.until = until;
        link.check()?;
        link.check_ceiling(place)?;
        Ok(link)
    }

    /// The same link, ending at the earliest when `until` says: an end that is later already stays (L9). So does one that was asked for
    /// in as many days within the last hour: a request may be sent twice without a key, and the same days come to a later end each time.
    ///
    /// # Errors
    /// As [`Link::edited`].
    pub fn extended(&self, place: &Place, until: Until, now: Timestamp) -> Result<Self, LinkError> {
        let edited = self.edited(place, Edit { until: Some(until), ..Edit::default() }, now)?;
        Ok(if self.ends_before(&edited) && !self.is_extended_again(&edited) { edited } else { self.clone() })
    }

    fn ends_before(&self, after: &Self) -> bool {
        match (self.until, after.until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(old), Some(new)) => new > old,
        }
    }

    fn is_extended_again(&self, after: &Self) -> bool {
        let (Until::Days(old_days), Until::Days(new_days)) = (self.options.until, after.options.until) else { return false };
        let moves = |(old, new): (Timestamp, Timestamp)| new.duration_since(old) < SignedDuration::from_secs(SAME_EXTENSION_SECS);
        old_days == new_days && self.until.zip(after.until).is_some_and(moves)
    }

    /// What holds for every link, new or changed.
    fn check(&self) -> Result<(), LinkError> {
        let label = &self.options.label;
        if label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
            return Err(LinkError::Label);
        }
        if self.options.role > Role::Download {
            return Err(LinkError::Role);
        }
        if self.options.level.is_some_and(|level| level == 0 || self.options.role != Role::Preview) {
            return Err(LinkError::Level);
        }
        if self.options.sessions_max == Some(0) {
            return Err(LinkError::NoSession);
        }
        if self.options.requests_per_second.is_some_and(|requests| !(1..=REQUESTS_PER_SECOND_MAX).contains(&requests)) {
            return Err(LinkError::Requests);
        }
        if self.options.bytes_per_day.is_some_and(|bytes| !(1..=BYTES_PER_DAY_MAX).contains(&bytes)) {
            return Err(LinkError::Bytes);
        }
        if let (Some(begin), Some(end)) = (self.options.not_before, self.until)
            && end <= begin
        {
            return Err(LinkError::NeverOpen);
        }
        Ok(())
    }

    /// A review ends, and its links with it (L12).
    fn check_end(&self) -> Result<(), LinkError> {
        if self.class == Class::Review && self.until.is_none() { Err(LinkError::Endless) } else { Ok(()) }
    }

    /// A level that the dataset has not, or of which nobody knows, would open nothing.
    fn check_level(&self, place: &Place) -> Result<(), LinkError> {
        if self.options.level.is_some_and(|level| !place.dataset.levels.reach(level)) { Err(LinkError::NoLevel) } else { Ok(()) }
    }

    /// Holds a life to its source's ceiling: as long is legal, longer or without end is not.
    fn check_ceiling(&self, place: &Place) -> Result<(), LinkError> {
        if let (Some((days_max, of)), Some(ceiling)) = (place.source.link_days_max(), place.source.link_end(self.made))
            && self.until.is_none_or(|until| until > ceiling)
        {
            return Err(LinkError::UntilTooFar { days_max, of: Some(of) });
        }
        Ok(())
    }

    /// Whether `after` lets anybody read what this one does not, at any time: such a change needs the right to share, a mere narrowing does not (ACCESS R5).
    #[must_use]
    pub fn is_widened_by(&self, after: &Self) -> bool {
        let begins_earlier = after.options.not_before.unwrap_or(Timestamp::MIN) < self.options.not_before.unwrap_or(Timestamp::MIN);
        self.ends_before(after) || begins_earlier || (after.enabled && !self.enabled) || self.options.are_widened_by(&after.options)
    }

    /// The row of SEMANTICS 5 that this link lives by of itself; where a dataset that it rests on is strict, [`LinkFacts::timing`] is shorter.
    ///
    /// [`LinkFacts::timing`]: crate::decision::LinkFacts::timing
    #[must_use]
    pub fn timing(&self) -> Timing {
        if self.options.strict {
            return Timing::STRICT;
        }
        match self.class {
            Class::Publication => Timing::WORLD,
            Class::Collaboration | Class::Review | Class::Event => Timing::PRIVATE,
        }
    }

    /// When a narrowing of this link that was done by `now` is in force everywhere, `on` being the dataset that it stands on as it was after that:
    /// by the link's own times, and sooner where the dataset is strict. What was handed out before the link became what it is, or came where it is, counts.
    /// Of a dataset that it does not stand on nothing follows.
    #[must_use]
    pub fn enforced_by(&self, on: &Dataset, now: Timestamp) -> Timestamp {
        let own = self.timing().enforced_by(now, self.given_until);
        let is_strict = on.strict && on.id == self.dataset;
        if is_strict { own.min(Timing::STRICT.enforced_by(now, self.given_until.max(on.given_until))) } else { own }
    }

    /// How many seconds after a revoke at `now` its URLs work, at most.
    #[must_use]
    pub fn stops_within_secs(&self, on: &Dataset, now: Timestamp) -> u32 {
        let within = |timing: Timing, given: Option<Timestamp>| {
            let left = given.map_or(0, |given| given.as_second().saturating_sub(now.as_second()));
            u32::try_from(left).unwrap_or(0).max(timing.revoke_bound_secs)
        };
        let own = within(self.timing(), self.given_until);
        if on.strict { own.min(within(Timing::STRICT, self.given_until.max(on.given_until))) } else { own }
    }

    /// Whether every answer is streamed, because a redirect would show bucket and path, or its URL would work from outside its zones.
    #[must_use]
    pub fn hides_its_path(&self) -> bool {
        self.class == Class::Review || self.options.are_zones_hard()
    }

    /// The state of a revoked link of this class.
    #[must_use]
    pub fn ended_state(&self) -> LinkState {
        if self.class == Class::Publication { LinkState::Withdrawn } else { LinkState::Revoked }
    }

    /// When the link ends by its own wish or its source's ceiling, whichever is first.
    #[must_use]
    pub fn end(&self, place: &Place) -> Option<Timestamp> {
        [self.until, place.source.link_end(self.made)].into_iter().flatten().min()
    }

    /// The reason to write into a tombstone.
    ///
    /// # Errors
    /// [`LinkError::ReasonNeeded`] for a publication link without one, [`LinkError::Reason`] for one too long.
    pub fn revoke_reason(&self, reason: Option<String>) -> Result<Option<String>, LinkError> {
        let reason = reason.filter(|text| !text.trim().is_empty());
        if reason.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX) {
            return Err(LinkError::Reason);
        }
        if self.class == Class::Publication && reason.is_none() {
            return Err(LinkError::ReasonNeeded);
        }
        Ok(reason)
    }
}

/// What holds of a place that a link of this class stands on.
fn check_target(permit: &Permit, place: &Place, subpath: &ObjectPath, class: Class) -> Result<(), LinkError> {
    if place.dataset.kind == Kind::File && !subpath.is_root() {
        return Err(LinkError::Subpath);
    }
    let opens = place.dataset.path.join(subpath).map_err(|_too_long| LinkError::Subpath)?;
    if place.dataset.is_cut(&opens) {
        return Err(LinkError::Restricted);
    }
    if let Some(of) = place.source.forbids(class.audience()) {
        return Err(LinkError::AudienceTooWide { of });
    }
    if class == Class::Publication && !permit.may_steward() {
        return Err(LinkError::NotSteward);
    }
    Ok(())
}

/// Whether one object is opened rather than a folder.
pub(crate) fn opens_object(place: &Place, subpath: &ObjectPath) -> bool {
    place.dataset.kind == Kind::File || !subpath.is_folder()
}

/// The last segment of what a link opens: its path's, else its dataset's, else its source's name.
fn own_name<'a>(place: &'a Place, subpath: &'a ObjectPath) -> &'a str {
    subpath.name().or_else(|| place.dataset.path.name()).unwrap_or(place.source.name.as_str())
}

/// A name that tells only what kind of thing it is; the endings by which readers choose their format stay.
fn neutral_name(place: &Place, subpath: &ObjectPath) -> String {
    match (ending_of(own_name(place, subpath)), place.dataset.kind) {
        (Some(ending), _) => format!("data{ending}"),
        (None, Kind::Zarr) if subpath.is_root() => "data.zarr".to_owned(),
        (None, _) => "data".to_owned(),
    }
}

/// The ending by which readers choose a format.
fn ending_of(name: &str) -> Option<&'static str> {
    let endings = [
        ".ome.zarr",
        ".zarr",
        ".n5",
        ".ozx",
        ".ome.tif",
        ".ome.tiff",
        ".tif",
        ".tiff",
        ".csv",
        ".json",
        ".png",
        ".pdf",
        ".txt",
        ".md",
        ".zip",
        ".h5",
    ];
    endings.into_iter().find(|ending| name.to_ascii_lowercase().ends_with(ending))
}
