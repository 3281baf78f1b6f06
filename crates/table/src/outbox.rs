//! The outbox: what somebody is to be told of, written in the transaction of what happened, and taken from it by whoever tells (ADR 0058).
//!
//! A notice lies in one of [`SHARDS`] partitions, by whom it is for. While it waits it stands in GSI2 under the instant at which it is due. Whoever
//! takes it puts that instant off, so that nobody else takes it meanwhile, and says afterwards what became of it, on the condition that nobody took it
//! since. Not here: whether and how it is told (`functions/jobs`).

use std::collections::BTreeSet;

use domain::{
    id::{DatasetId, LinkId, ProjectId, UserId},
    limits::{
        LINK_ENDS_TOLD_SECS, LINKS_ENDING_AT_ONCE_MAX, NOTICE_KEPT_SECS, NOTICE_LEASE_SECS, NOTICE_REPEATED_SECS, NOTICES_AT_ONCE_MAX,
    },
    notice::{Notice, NoticeId, Occasion},
    timing::later,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{Item, Row, item, number, row, text, time, unreadable},
    read::Cost,
    schema::{self, GSI2_PK, GSI2_SK, Key},
    write::{Change, Condition, Outcome, Tag, Write},
};

/// How many partitions the outbox is spread over.
pub const SHARDS: u8 = schema::OUTBOX_SHARDS;

/// What has become of a notice.
const WAITING: &str = "waiting";

#[derive(Serialize, Deserialize)]
struct NoticeRow {
    needs: Vec<String>,
    version: u64,
    by: String,
    to: String,
    occasion: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    at: i64,
    state: String,
    due: i64,
    /// How often it was taken.
    tries: u32,
    /// It goes with others, once a day.
    #[serde(default)]
    digest: bool,
    /// The first notice of the mail that it was taken for, and how many that has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mail: Option<String>,
    #[serde(default)]
    of: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2sk: Option<String>,
    ttl: i64,
}

impl Row for NoticeRow {
    const WHAT: &'static str = "a notice";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

/// When somebody was told last of something by somebody.
#[derive(Serialize, Deserialize)]
struct ToldRow {
    /// By which notice.
    entry: String,
    at: i64,
    ttl: i64,
}

impl Row for ToldRow {
    const WHAT: &'static str = "what was told lately";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

impl NoticeRow {
    fn waiting(self) -> Result<Waiting, TableError> {
        let wrong = || TableError::Unreadable { what: Self::WHAT };
        let dataset = self.dataset.map(|id| DatasetId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?;
        let project = self.project.map(|id| ProjectId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?;
        let link = self.link.map(|id| LinkId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?;
        let to = UserId::parse(&self.to).map_err(unreadable(Self::WHAT))?;
        let mail = self.mail.as_deref().map(|sk| schema::notice_of(sk).ok_or_else(wrong)).transpose()?;
        let notice = Notice {
            // Its key says which; see `Table::due_of`.
            id: NoticeId { entry: Uuid::nil(), to },
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            occasion: Occasion::of(&self.occasion, dataset, project, link).ok_or_else(wrong)?,
            at: time(self.at, Self::WHAT)?,
        };
        let due = time(self.due, Self::WHAT)?;
        Ok(Waiting { notice, due, tries: self.tries, digest: self.digest, mail, of: self.of, version: self.version })
    }
}

/// The event of a notice: a part of the transaction that leaves the entry `audited`; `None`: nobody is told of the own act, but
/// of how what it set going ended. What begins later is told then, at `due`.
pub(crate) fn event(audited: &Audited, to: UserId, occasion: Occasion, due: Option<Timestamp>) -> Result<Option<Item>, TableError> {
    if to == audited.actor && !occasion.is_of_own_act() {
        return Ok(None);
    }
    let notice = Notice {
        id: NoticeId { entry: audited.id, to },
        by: audited.actor,
        occasion,
        at: due.map_or(audited.at, |due| due.max(audited.at)),
    };
    waiting_from(&notice).map(Some)
}

/// The item of a notice that waits from the instant of what it tells of.
fn waiting_from(notice: &Notice) -> Result<Item, TableError> {
    let Notice { id, by, occasion, at } = notice;
    let key = schema::notice(*id);
    let row = NoticeRow {
        needs: Vec::new(),
        version: 1,
        by: by.to_string(),
        to: id.to.to_string(),
        occasion: occasion.word().to_owned(),
        dataset: occasion.dataset().map(|id| id.to_string()),
        project: occasion.project().map(|id| id.to_string()),
        link: occasion.link().map(|id| id.to_string()),
        at: at.as_millisecond(),
        state: WAITING.to_owned(),
        due: at.as_millisecond(),
        tries: 0,
        digest: false,
        mail: None,
        of: 0,
        gsi2pk: Some(key.pk.clone()),
        gsi2sk: Some(schema::notice_rank(*at, &key)),
        ttl: at.as_second().saturating_add(NOTICE_KEPT_SECS),
    };
    item(&key, &row)
}

/// A link that stands among what is due, as the index has it.
struct DueLink {
    key: Key,
    link: LinkId,
    maker: UserId,
    at: Timestamp,
    rank: String,
}

impl DueLink {
    fn of(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok();
        let rank = text(GSI2_SK)?.clone();
        let (at, link) = rank.split_once('#')?;
        let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        Some(Self { key: Key::of(item)?, link: LinkId::parse(link).ok()?, maker: UserId::parse(text("maker")?).ok()?, at, rank })
    }

    /// What its maker is told: by an id that follows from the link and its end.
    fn notice(&self) -> Notice {
        let occasion = Occasion::LinkEnds(self.link);
        let entry = Audited::derived(self.at, self.maker, occasion.word(), &self.link).id;
        Notice { id: NoticeId { entry, to: self.maker }, by: self.maker, occasion, at: self.at }
    }

    /// That it is due no more, unless its end was changed since.
    fn done(&self) -> Change {
        Change::new(self.key.clone(), Condition::is(GSI2_SK, text(&self.rank))).set_if(GSI2_PK, None).set_if(GSI2_SK, None)
    }
}

/// A notice that nobody has told yet, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The notice.
    pub notice: Notice,
    /// When it is due: to be told, or taken from whoever took it and did not say what became of it.
    pub due: Timestamp,
    /// How often it was taken.
    pub tries: u32,
    /// Whether it waits for the day's mail.
    pub digest: bool,
    /// The mail that it was taken for before, named by the first notice of it: it goes in that one or in none.
    pub mail: Option<NoticeId>,
    /// How many notices that mail has.
    pub of: usize,
    version: u64,
}

/// What was found of notices that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Those that are due, in the order in which they were asked for.
    pub waiting: Vec<Waiting>,
    /// Those that cannot be read: somebody has to look.
    pub unreadable: Vec<NoticeId>,
}

/// Which notice an item of the table is, by its key as the table's stream has it; `None`: it is none.
#[must_use]
pub fn notice_at(pk: &str, sk: &str) -> Option<NoticeId> {
    schema::notice_of(sk).filter(|id| schema::notice(*id) == Key { pk: pk.to_owned(), sk: sk.to_owned() })
}

/// Notices that one mail tells, taken to be told: nobody else has them until [`NOTICE_LEASE_SECS`] have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which mail: each try has the same name, whoever makes it.
    pub mail: NoticeId,
    /// What it tells, to one person, by when it happened.
    pub notices: Vec<Waiting>,
}

/// What became of notices that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The mail was handed over.
    Sent,
    /// What they tell of is so no more, or the person may not know of it.
    Over,
    /// The person was told the same within a day.
    Repeated,
    /// The person wants none.
    Unwanted,
    /// No address of the person's is known.
    NoAddress,
}

impl Told {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Over => "over",
            Self::Repeated => "repeated",
            Self::Unwanted => "unwanted",
            Self::NoAddress => "no-address",
        }
    }
}

impl Waiting {
    fn change(&self) -> Change {
        let unchanged = Condition::is("version", number(self.version)).and(Condition::is("state", text(WAITING)));
        Change::new(schema::notice(self.notice.id), unchanged).set("version", number(self.version.saturating_add(1)))
    }

    /// Due at another instant.
    fn due_at(&self, due: Timestamp) -> Change {
        let key = schema::notice(self.notice.id);
        self.change().set("due", number(due.as_millisecond())).set(GSI2_SK, text(schema::notice_rank(due, &key)))
    }

    /// Due never again.
    fn ended(&self, state: &str) -> Change {
        self.change().set("state", text(state)).set_if(GSI2_PK, None).set_if(GSI2_SK, None)
    }
}

impl Table {
    /// The notices of one of the [`SHARDS`] that are due at `now`, those that are due longest first, at most [`NOTICES_AT_ONCE_MAX`]. One that cannot be
    /// read is left where it is.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn due_notices(&self, shard: u8, now: Timestamp) -> Result<Vec<Waiting>, TableError> {
        let found = self.due(&schema::outbox(shard), &schema::due_until(now), NOTICES_AT_ONCE_MAX).await?;
        let ids: Vec<_> = found.iter().filter_map(Key::of).filter_map(|key| schema::notice_of(&key.sk)).collect();
        // The index only proposes.
        Ok(self.due_of(&ids, now).await?.waiting)
    }

    /// Those of these notices that are due at `now`, whoever named them.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn due_of(&self, ids: &[NoticeId], now: Timestamp) -> Result<Due, TableError> {
        let mut found = self.batch(ids.iter().map(|id| schema::notice(*id)), &mut Cost::default()).await?;
        let mut due = Due::default();
        for id in ids {
            // One that is named twice is found once.
            let Some(item) = found.remove(&schema::notice(*id)) else { continue };
            match row::<NoticeRow>(item).and_then(|there| if there.state == WAITING { there.waiting().map(Some) } else { Ok(None) }) {
                Ok(Some(mut there)) if there.due <= now => {
                    there.notice.id = *id;
                    due.waiting.push(there);
                }
                Ok(_told_or_not_yet) => {}
                Err(why) => {
                    tracing::error!(notice.id = %id, error = %why, "a notice waits that cannot be read");
                    due.unreadable.push(*id);
                }
            }
        }
        Ok(due)
    }

    /// Takes notices to one person, all of them or none, to be told in one mail; `None`: somebody else took one of them.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer: they may be taken all the same, and are due again when the time of whoever took them is over.
    pub async fn take_notices(&self, notices: &[Waiting], now: Timestamp) -> Result<Option<Taken>, TableError> {
        let Some(first) = notices.iter().map(|one| one.notice.id).min() else { return Ok(None) };
        let mail = notices.iter().find_map(|one| one.mail).unwrap_or(first);
        let is_one_mail = notices.iter().all(|one| one.notice.id.to == mail.to && one.mail.is_none_or(|before| before == mail));
        if !is_one_mail {
            return Err(TableError::NotForThis);
        }
        let until = later(now, NOTICE_LEASE_SECS);
        let take = |one: &Waiting| {
            let counted = one.due_at(until).set("tries", number(one.tries.saturating_add(1)));
            counted.set("mail", text(schema::notice(mail).sk)).set("of", number(i64::try_from(notices.len()).unwrap_or(i64::MAX)))
        };
        if !self.change_together(notices.iter().map(take).collect()).await? {
            return Ok(None);
        }
        let taken = |one: &Waiting| Waiting {
            due: until,
            tries: one.tries.saturating_add(1),
            mail: Some(mail),
            of: notices.len(),
            version: one.version.saturating_add(1),
            ..*one
        };
        let mut notices: Vec<_> = notices.iter().map(taken).collect();
        notices.sort_unstable_by_key(|one| one.notice.id);
        Ok(Some(Taken { mail, notices }))
    }

    /// Puts notices that nobody has taken off until the day's mail. Answers whether that was done; `false`: somebody changed one of them.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn keep_for_digest(&self, notices: &[Waiting], until: Timestamp) -> Result<bool, TableError> {
        let keep = |one: &Waiting| one.due_at(until).set("digest", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
        self.change_together(notices.iter().map(keep).collect()).await
    }

    /// Says what became of notices that were taken, for good. Answers whether it was written; `false`: their time was over, and somebody else took them.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer: then they are due again when that time is over.
    pub async fn notices_told(&self, taken: &Taken, told: Told) -> Result<bool, TableError> {
        self.change_together(taken.notices.iter().map(|one| one.ended(told.word())).collect()).await
    }

    /// Remembers for [`NOTICE_REPEATED_SECS`] that a person was told of these. Nothing rests on it but how often he is told the same.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn remember_told(&self, notices: &[Waiting], now: Timestamp) -> Result<(), TableError> {
        // The first of a day counts: being told of others does not put it off.
        let since = later(now, -NOTICE_REPEATED_SECS).as_millisecond();
        let is_another_day = Condition::absent().or(Condition::below("at", number(since)));
        let ttl = now.as_second().saturating_add(NOTICE_REPEATED_SECS);
        for one in notices {
            let row = ToldRow { entry: one.notice.id.entry.to_string(), at: now.as_millisecond(), ttl };
            self.put_alone(item(&schema::told(&one.notice), &row)?, is_another_day.clone()).await?;
        }
        Ok(())
    }

    /// Those of these notices whose person was told the same, by another act of the same person, within [`NOTICE_REPEATED_SECS`].
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn told_lately(&self, notices: &[Waiting], now: Timestamp) -> Result<BTreeSet<NoticeId>, TableError> {
        let found = self.batch(notices.iter().map(|one| schema::told(&one.notice)), &mut Cost::default()).await?;
        let since = later(now, -NOTICE_REPEATED_SECS).as_millisecond();
        let is_told = |one: &&Waiting| {
            let there = found.get(&schema::told(&one.notice)).and_then(|there| row::<ToldRow>(there.clone()).ok());
            there.is_some_and(|there| since < there.at && there.entry != one.notice.id.entry.to_string())
        };
        Ok(notices.iter().filter(is_told).map(|one| one.notice.id).collect())
    }

    /// Says that notices which were taken could not be told, and are due again at `until`.
    ///
    /// # Errors
    /// As [`Table::notices_told`].
    pub async fn notices_failed(&self, taken: &Taken, until: Timestamp) -> Result<bool, TableError> {
        self.change_together(taken.notices.iter().map(|one| one.due_at(until)).collect()).await
    }

    /// Gives notices that were taken up: a dead letter, which stays in the audit as `notice.undelivered`, for whoever reads that. Answers as
    /// [`Table::notices_told`].
    ///
    /// # Errors
    /// As [`Table::notices_told`].
    pub async fn notices_given_up(&self, taken: &Taken, why: &str, now: Timestamp) -> Result<bool, TableError> {
        let Some(first) = taken.notices.first() else { return Ok(false) };
        let told: Vec<_> =
            taken.notices.iter().map(|one| json!({ "by": one.notice.by.to_string(), "what": one.notice.occasion.word() })).collect();
        let said = json!({ "to": taken.mail.to.to_string(), "tries": first.tries, "why": why, "notices": told });
        // Nobody acted: it is put down to whoever's act it tells of first.
        let audited = Audited::new(now, first.notice.by, "notice.undelivered", &taken.mail)?.to(&said).of_another(true);
        let write = taken.notices.iter().fold(Write::audited(audited), |write, one| write.change(Tag::Seen, one.ended("undelivered")));
        match self.commit(write).await? {
            Outcome::Done => Ok(true),
            Outcome::Refused(_) => Ok(false),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// What has become of a notice: `waiting`, a word of [`Told`], or `undelivered`; `None`: there is none, or none any more.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn notice_state(&self, id: NoticeId) -> Result<Option<String>, TableError> {
        let found = self.get(&schema::notice(id), &mut Cost::default()).await?;
        Ok(found.map(row::<NoticeRow>).transpose()?.map(|there| there.state))
    }

    /// Has the makers of links that end soon be told so, once for each end: those links first that end first, at most [`LINKS_ENDING_AT_ONCE_MAX`].
    /// Whether that is still so is looked at when it is told.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer: what was not done is done by the next call.
    pub async fn tell_of_ends(&self, now: Timestamp) -> Result<(), TableError> {
        // What was to be told before that has ended meanwhile.
        let months = BTreeSet::from([later(now, -LINK_ENDS_TOLD_SECS), now].map(schema::due_in));
        for month in months {
            for item in self.due(&month, &schema::due_until(now), LINKS_ENDING_AT_ONCE_MAX).await? {
                let Some(due) = DueLink::of(&item) else {
                    tracing::error!(month, "a link that ends soon cannot be read");
                    continue;
                };
                if later(due.at, LINK_ENDS_TOLD_SECS) > now {
                    // The same end is told once: a second notice of it has the same key.
                    self.put_alone(waiting_from(&due.notice())?, Condition::absent()).await?;
                }
                self.change_alone(&due.done()).await?;
            }
        }
        Ok(())
    }

    /// Tells somebody of a change that was made and went alone, as its entry follows it: the change stands whether or not this succeeds.
    pub(crate) async fn tell_after(&self, audited: &Audited, to: UserId, occasion: Occasion) {
        let put = async {
            match event(audited, to, occasion, None)? {
                Some(event) => self.put_alone(event, Condition::absent()).await,
                None => Ok(false),
            }
        };
        if let Err(why) = put.await {
            tracing::error!(audit.id = %audited.id, audit.verb = audited.verb, error = %why, "nobody is told of a change that was made");
        }
    }

    /// The items that GSI2 lists in a partition up to a place, the first first, as the index has them.
    pub(crate) async fn due(&self, partition: &str, until: &str, most: usize) -> Result<Vec<Item>, TableError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let (items, next) = self.due_page(partition, until, after, &mut Cost::default()).await?;
            found.extend(items);
            if next.is_none() || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
            after = next;
        }
    }
}
