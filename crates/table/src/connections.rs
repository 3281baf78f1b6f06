//! Connections: what two people have agreed lies under each of them, in two items that one transaction writes (ACCESS 10). The item under the
//! lower id decides: the other mirrors it for its person's list, and may be behind where a narrowing went alone (ADR 0051).
//!
//! Not here: who may do what about one (`domain/connection.rs`); what connects two people without their asking (`contexts.rs`).

use domain::{
    connection::{Connection, ConnectionState},
    decision::Permit,
    id::UserId,
    limits::{CONNECTION_KEPT_SECS, CONNECTIONS_ASKED_DAY_MAX, CONNECTIONS_MAX, CONNECTIONS_PENDING_MAX},
    notice::Occasion,
    user::User,
};
use futures_util::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Listed, Page, Table,
    audit::Audited,
    error::TableError,
    item::{Item, Row, item, number, row, text, time, unreadable},
    once::Once,
    rate::Daily,
    read::{Cost, Stretch, Window},
    requests::is_active,
    schema::{self, CONNECTION_PREFIX, Key, TTL},
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

#[derive(Serialize, Deserialize)]
struct ConnectionRow {
    needs: Vec<String>,
    version: u64,
    by: String,
    to: String,
    at: i64,
    /// Until when the request waits.
    waits: i64,
    state: String,
    since: i64,
    /// When the store may drop it. What was agreed stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

impl Row for ConnectionRow {
    const WHAT: &'static str = "a connection";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl ConnectionRow {
    fn of(connection: &Connection) -> Self {
        Self {
            needs: Vec::new(),
            version: connection.version,
            by: connection.by.to_string(),
            to: connection.to.to_string(),
            at: connection.at.as_millisecond(),
            waits: connection.until.as_millisecond(),
            state: state_word(connection.state).to_owned(),
            since: connection.since.as_millisecond(),
            ttl: drop_after(connection),
        }
    }

    fn connection(self) -> Result<Connection, TableError> {
        Ok(Connection {
            by: UserId::parse(&self.by).map_err(unreadable(Self::WHAT))?,
            to: UserId::parse(&self.to).map_err(unreadable(Self::WHAT))?,
            at: time(self.at, Self::WHAT)?,
            until: time(self.waits, Self::WHAT)?,
            state: state_of(&self.state).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            since: time(self.since, Self::WHAT)?,
            version: self.version,
        })
    }
}

/// When what is between two people may be dropped: never while they are connected, and else when no late copy of a request can come any more.
fn drop_after(connection: &Connection) -> Option<i64> {
    let ends = match connection.state {
        ConnectionState::Accepted => return None,
        ConnectionState::Pending => connection.until,
        ConnectionState::Rejected | ConnectionState::Cancelled | ConnectionState::Removed => connection.since,
    };
    Some(ends.as_second().saturating_add(CONNECTION_KEPT_SECS))
}

/// What there is between two people, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What they have agreed, or one of them has asked for; `None`: nothing, or nothing that is kept.
    pub connection: Option<Connection>,
    /// Of the item that decides, and of its mirror: where it lies, and its version.
    items: [(Key, Option<u64>); 2],
}

impl Pair {
    /// Both items as `after` has them, each on the condition that it is as it was read.
    fn parts(&self, after: &Connection) -> Result<Vec<(Tag, Part)>, TableError> {
        let part = |(key, version): &(Key, Option<u64>)| {
            let unchanged = version.map_or_else(Condition::absent, |version| Condition::is("version", number(version)));
            Ok((Tag::Seen, Part::Put(item(key, &ConnectionRow::of(after))?, unchanged)))
        };
        self.items.iter().map(part).collect()
    }

    /// The deciding item alone. It is not dropped by the store, for its mirror says otherwise.
    fn alone(&self, after: &Connection) -> Option<Change> {
        let [(key, Some(version)), _mirror] = &self.items else { return None };
        let change = Change::new(key.clone(), Condition::is("version", number(*version)))
            .set("state", text(state_word(after.state)))
            .set("since", number(after.since.as_millisecond()))
            .set("version", number(after.version))
            .set_if(TTL, None);
        Some(change)
    }

    /// Whether `after` is about these two, and follows on what was read.
    fn leads_to(&self, after: &Connection) -> bool {
        let version = self.connection.map_or(0, |there| there.version).saturating_add(1);
        after.version == version && keys(after.by, after.to) == self.items.each_ref().map(|(key, _)| key.clone())
    }
}

/// Where the two items lie: the one that decides, and its mirror.
fn keys(one: UserId, other: UserId) -> [Key; 2] {
    let (lower, higher) = (one.min(other), one.max(other));
    [schema::connection(lower, higher), schema::connection(higher, lower)]
}

fn read(found: Item) -> Result<Connection, TableError> {
    row::<ConnectionRow>(found)?.connection()
}

impl Table {
    /// What there is between two people.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn pair(&self, one: UserId, other: UserId) -> Result<Pair, TableError> {
        let [decides, mirrors] = keys(one, other);
        let mut found = self.batch([decides.clone(), mirrors.clone()], &mut Cost::default()).await?;
        let connection = found.remove(&decides).map(read).transpose()?;
        let mirror = found.remove(&mirrors).map(read).transpose()?;
        let version = |there: Option<Connection>| there.map(|there| there.version);
        Ok(Pair { connection, items: [(decides, version(connection)), (mirrors, version(mirror))] })
    }

    /// What a person has agreed with others, asked of them or was asked, by the others' ids, what ended lately too.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn connections_of(&self, person: UserId, page: &Page) -> Result<Listed<Connection>, TableError> {
        let after = match &page.position {
            None => None,
            Some(id) => {
                let other = UserId::parse(id).map_err(|_not_one| TableError::Position)?;
                Some(schema::connection(person, other).attributes())
            }
        };
        let window = Window { after, items_max: page.items_max(), newest_first: false, by_index: false };
        let stretch = Stretch { pk: schema::user_partition(person), prefix: CONNECTION_PREFIX };
        let cost = &mut Cost::default();
        let (rows, next) = self.page(&stretch, &window, cost).await?;
        let mut items = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        // Of those with a lower id the item that decides lies under the other.
        let decides = |connection: &Connection| {
            let other = connection.other_than(person);
            (other < person).then(|| schema::connection(other, person))
        };
        let found = self.batch(items.iter().filter_map(decides), cost).await?;
        for connection in &mut items {
            if let Some(there) = decides(connection).and_then(|key| found.get(&key)) {
                *connection = read(there.clone())?;
            }
        }
        let next = next.and_then(|key| Key::of(&key)?.sk.strip_prefix(CONNECTION_PREFIX).map(str::to_owned));
        Ok(Listed { items, next })
    }

    /// Writes the request for a connection, by who makes it.
    ///
    /// # Errors
    /// [`TableError::Stale`] where what is between the two changed since it was read, or either of them may not act;
    /// [`TableError::TooMany`] requests in a day, or that wait, or people that either has to do with.
    pub async fn ask_connection(
        &self,
        permit: &Permit,
        pair: &Pair,
        request: &Connection,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Connection, TableError> {
        let is_own = |by: &UserId| *by == request.by && request.waits(now) && pair.leads_to(request);
        let by = permit.allows_connecting().filter(is_own).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.connection_made(request).await;
        }
        let daily = Daily {
            what: "requests for a connection by one person in a day",
            max: CONNECTIONS_ASKED_DAY_MAX,
            kept_secs: CONNECTION_KEPT_SECS,
        };
        let counted = self.one_more(&schema::connections_asked(by, now), daily, now).await?;
        self.check_room(pair, request, now).await?;
        let write = Write::audited(Audited::new(now, by, "connection.ask", &request.to)?.to(&said(request)))
            .parts(pair.parts(request)?)
            .parts([counted, (Tag::Seen, is_active(request.by)), (Tag::Seen, is_active(request.to))])
            .parts(Once::part(once, by, &request.to.to_string(), now)?)
            .telling([(request.to, Occasion::ConnectionAsked)])?;
        let outcome = self.commit(write).await?;
        self.connected(outcome, *request, by, once, now).await
    }

    /// Both have room for one more, and whoever asks for one more that waits. Each other's requests may come in between: a few more are no harm.
    async fn check_room(&self, pair: &Pair, request: &Connection, now: Timestamp) -> Result<(), TableError> {
        let rows = async |person: UserId| {
            let stretch = Stretch { pk: schema::user_partition(person), prefix: CONNECTION_PREFIX };
            let window = Window { after: None, items_max: CONNECTIONS_MAX, newest_first: false, by_index: false };
            self.page(&stretch, &window, &mut Cost::default()).await.map(|(rows, _more)| rows)
        };
        let (own, others) = try_join(rows(request.by), rows(request.to)).await?;
        let most = usize::from(CONNECTIONS_MAX);
        let is_new = pair.items.iter().any(|(_, version)| version.is_none());
        if is_new && own.len().max(others.len()) >= most {
            return Err(TableError::TooMany { what: "connections and requests of one person", max: most });
        }
        let own = own.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if own.iter().filter(|there| there.by == request.by && there.waits(now)).count() >= CONNECTIONS_PENDING_MAX {
            return Err(TableError::TooMany { what: "requests of one person that wait", max: CONNECTIONS_PENDING_MAX });
        }
        Ok(())
    }

    /// Writes what has become of a connection, as [`Connection::turned`] has it. What ends something goes alone where transactions conflict.
    ///
    /// # Errors
    /// [`TableError::Stale`] where what is between the two changed since it was read; where it is accepted, also where either may not act.
    pub async fn turn_connection(
        &self,
        permit: &Permit,
        pair: &Pair,
        after: &Connection,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Connection, TableError> {
        let is_theirs = |by: &UserId| [after.by, after.to].contains(by) && pair.leads_to(after);
        let by = permit.allows_connecting().filter(is_theirs).ok_or(TableError::NotForThis)?;
        if self.once_if(by, once, now).await?.is_some() {
            return self.connection_made(after).await;
        }
        let verb = match after.state {
            ConnectionState::Accepted => "connection.accept",
            ConnectionState::Rejected => "connection.reject",
            ConnectionState::Cancelled => "connection.cancel",
            ConnectionState::Removed => "connection.remove",
            ConnectionState::Pending => return Err(TableError::NotForThis),
        };
        let before = pair.connection.ok_or(TableError::NotForThis)?;
        let other = after.other_than(by);
        let audited = Audited::new(now, by, verb, &other)?.from(&said(&before)).to(&said(after));
        let agrees = after.state == ConnectionState::Accepted;
        let write = Write::audited(audited.clone())
            .parts(pair.parts(after)?)
            .parts([by, other].into_iter().filter(|_| agrees).map(|person| (Tag::Seen, is_active(person))))
            .parts(Once::part(once, by, &other.to_string(), now)?)
            .telling(agrees.then_some((other, Occasion::ConnectionAccepted)))?;
        match (self.commit(write).await?, pair.alone(after)) {
            // Narrowing never fails for bookkeeping.
            (Outcome::Busy, Some(change)) if !agrees => {
                let is_there = async { Ok(self.pair(by, other).await?.connection.as_ref() == Some(after)) };
                if self.narrow_alone(&change, audited, is_there).await? { Ok(*after) } else { Err(TableError::Stale) }
            }
            (outcome, _) => self.connected(outcome, *after, by, once, now).await,
        }
    }

    /// What the outcome of such a write says.
    async fn connected(
        &self,
        outcome: Outcome,
        after: Connection,
        by: UserId,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Connection, TableError> {
        match outcome {
            Outcome::Done => Ok(after),
            // The same request at the same time: it was done by the other.
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => match self.once_if(by, once, now).await? {
                Some(_done) => self.connection_made(&after).await,
                None => Err(TableError::Throttled),
            },
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Remembers a request that met what it asks for: a late copy of it does nothing about what became of the two since.
    ///
    /// # Errors
    /// [`TableError::Mismatch`] where the key was used for something else.
    pub async fn connection_met(&self, permit: &Permit, other: &User, once: Option<&Once>, now: Timestamp) -> Result<(), TableError> {
        let by = permit.allows_connecting().ok_or(TableError::NotForThis)?;
        self.remember(once, by, &other.id.to_string(), now).await
    }

    /// What has become of what a request did before.
    async fn connection_made(&self, like: &Connection) -> Result<Connection, TableError> {
        self.pair(like.by, like.to).await?.connection.ok_or(TableError::Missing { what: "the connection" })
    }
}

/// What the audit says of a connection.
fn said(connection: &Connection) -> serde_json::Value {
    json!({
        "by": connection.by.to_string(), "to": connection.to.to_string(), "waits_until": connection.until.to_string(),
        "state": state_word(connection.state), "version": connection.version,
    })
}

fn state_word(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Pending => "pending",
        ConnectionState::Accepted => "accepted",
        ConnectionState::Rejected => "rejected",
        ConnectionState::Cancelled => "cancelled",
        ConnectionState::Removed => "removed",
    }
}

fn state_of(word: &str) -> Option<ConnectionState> {
    ConnectionState::ALL.into_iter().find(|state| state_word(*state) == word)
}
