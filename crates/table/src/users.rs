//! People and their API tokens. A token is kept as a hash only.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    decision::Permit,
    id::{DatasetId, TermsId, TokenId, UserId},
    key::KeyHash,
    limits::{TOKEN_USE_SECS, TOKENS_MAX},
    notice::Occasion,
    token::{Scope, Token, TokenKind},
    user::{AccountEdit, Standing, User},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{NEEDS_DATASET, Row, item, needs, number, row, text, time, time_if, unreadable},
    once::{Asked, Once},
    read::{Cost, Stretch},
    schema::{self, Key},
    write::{Change, Condition, Outcome, Part, Tag, Write},
};

/// Tries of a suspension that meets another change of the person.
const ACCOUNT_TRIES: usize = 4;
/// How long what has ended is kept, in seconds.
const DROP_SECS: i64 = 86_400;
/// How long a program's token that has ended is kept, in seconds.
const API_DROP_SECS: i64 = 90 * 86_400;

#[derive(Serialize, Deserialize)]
pub(crate) struct UserRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    name: String,
    administrator: bool,
    #[serde(default)]
    auditor: bool,
    #[serde(default)]
    curator: bool,
    standing: String,
    /// The data-use terms that the person accepted, those accepted last at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    terms: Vec<String>,
}

impl Row for UserRow {
    const WHAT: &'static str = "a user";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl UserRow {
    fn of(user: &User) -> Self {
        Self {
            needs: Vec::new(),
            version: user.version,
            id: user.id.to_string(),
            name: user.name.clone(),
            administrator: user.administrator,
            auditor: user.auditor,
            curator: user.curator,
            standing: standing_word(user.standing).to_owned(),
            terms: user.accepted.iter().map(|terms| terms.to_string()).collect(),
        }
    }

    pub(crate) fn user(self) -> Result<User, TableError> {
        let standing = match self.standing.as_str() {
            "active" => Standing::Active,
            "suspended" => Standing::Suspended,
            _ => return Err(TableError::Unreadable { what: Self::WHAT }),
        };
        let id = UserId::parse(&self.id).map_err(unreadable(Self::WHAT))?;
        let accepted = self.terms.iter().map(|id| TermsId::parse(id)).collect::<Result<_, _>>().map_err(unreadable(Self::WHAT))?;
        let Self { name, administrator, auditor, curator, version, .. } = self;
        Ok(User { id, name, administrator, auditor, curator, standing, accepted, version })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TokenRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    /// Rows written before there were kinds are API tokens, or the founder's.
    #[serde(default = "api")]
    kind: String,
    hash: String,
    owner: String,
    label: String,
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    until: i64,
    made: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<i64>,
    /// When it was last used, in seconds and within the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<i64>,
    /// When the store may drop it; API tokens stay, to be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

fn api() -> String {
    TokenKind::Api.word().to_owned()
}

impl Row for TokenRow {
    const WHAT: &'static str = "a token";
    const KNOWN_NEEDS: &'static [&'static str] = &[NEEDS_DATASET];

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl TokenRow {
    fn of(token: &Token) -> Self {
        Self {
            needs: needs([(NEEDS_DATASET, token.dataset.is_some())]),
            version: 1,
            id: token.id.to_string(),
            kind: token.kind.word().to_owned(),
            hash: token.hash.to_string(),
            owner: token.owner.to_string(),
            label: token.label.clone(),
            scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
            dataset: token.dataset.map(|dataset| dataset.to_string()),
            until: token.until.as_millisecond(),
            made: token.made.as_millisecond(),
            revoked: token.revoked.map(Timestamp::as_millisecond),
            used: None,
            ttl: Some(ttl_of(token)),
        }
    }

    fn used(&self) -> Option<Timestamp> {
        self.used.and_then(|secs| Timestamp::from_second(secs).ok())
    }

    pub(crate) fn token(self) -> Result<Token, TableError> {
        let unreadable_scope = TableError::Unreadable { what: Self::WHAT };
        Ok(Token {
            id: TokenId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            kind: TokenKind::of(&self.kind).ok_or(TableError::Unreadable { what: Self::WHAT })?,
            hash: KeyHash::parse(&self.hash).map_err(unreadable(Self::WHAT))?,
            owner: UserId::parse(&self.owner).map_err(unreadable(Self::WHAT))?,
            label: self.label,
            scopes: self.scopes.iter().map(|word| Scope::of(word)).collect::<Option<_>>().ok_or(unreadable_scope)?,
            dataset: self.dataset.map(|id| DatasetId::parse(&id)).transpose().map_err(unreadable(Self::WHAT))?,
            until: time(self.until, Self::WHAT)?,
            made: time(self.made, Self::WHAT)?,
            revoked: time_if(self.revoked, Self::WHAT)?,
        })
    }
}

/// By a token's id to its hash.
#[derive(Serialize, Deserialize)]
struct TokenPointerRow {
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

/// What has ended means nothing any more. Sessions, tickets and codes are many; of a program's token its owner sees for a while what became.
fn ttl_of(token: &Token) -> i64 {
    let kept = if token.kind == TokenKind::Api { API_DROP_SECS } else { DROP_SECS };
    token.until.as_second().saturating_add(kept)
}

impl Row for TokenPointerRow {
    const WHAT: &'static str = "a token pointer";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

#[derive(Serialize, Deserialize)]
struct FounderRow {
    user: String,
}

impl Row for FounderRow {
    const WHAT: &'static str = "the founder";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// A user's name in the register.
#[derive(Serialize, Deserialize)]
struct UserNameRow {
    user: String,
}

impl Row for UserNameRow {
    const WHAT: &'static str = "a user's name";

    fn needs(&self) -> Option<&[String]> {
        None
    }
}

/// Who a user is at a provider.
#[derive(Serialize, Deserialize)]
pub(crate) struct IdentityRow {
    needs: Vec<String>,
    user: String,
}

impl IdentityRow {
    pub(crate) fn user(&self) -> Result<UserId, TableError> {
        UserId::parse(&self.user).map_err(unreadable(Self::WHAT))
    }
}

impl Row for IdentityRow {
    const WHAT: &'static str = "an identity";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

/// Who a person is at a provider, as the provider's signature has just proven.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The exact `iss`.
    pub issuer: &'a str,
    /// The exact `sub`.
    pub subject: &'a str,
}

/// A provider's token that was verified, and whom it speaks for: what a read by name is asked with in place of a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proven {
    /// The hash of the token's text.
    pub token: KeyHash,
    identity: KeyHash,
    /// When the token ends.
    pub until: Timestamp,
}

impl Proven {
    /// What a provider's signature proved.
    #[must_use]
    pub fn new(token: KeyHash, identity: Identity<'_>, until: Timestamp) -> Self {
        Self { token, identity: schema::identity_hash(identity.issuer, identity.subject), until }
    }

    pub(crate) fn key(&self) -> Key {
        schema::identity_of(self.identity)
    }

    /// The token, as one of this person's.
    #[must_use]
    pub fn token_of(&self, owner: UserId) -> Token {
        // When it was made nobody asks: it is in no list.
        Token::of_provider(self.token, owner, Timestamp::UNIX_EPOCH, self.until)
    }
}

impl Table {
    /// The person whom a provider's token speaks for, and the token as one of ours, in two round trips; `None`: nobody who has an account.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] for an identity of nobody's, too.
    pub async fn proven(&self, proven: &Proven) -> Result<Option<(User, Token)>, TableError> {
        let Some(found) = self.get(&proven.key(), &mut Cost::default()).await? else { return Ok(None) };
        let id = row::<IdentityRow>(found)?.user()?;
        let user = self.user(id).await?.ok_or(TableError::Unreadable { what: IdentityRow::WHAT })?;
        Ok(Some((user, proven.token_of(id))))
    }

    /// The user who is this person at a provider; `None`: nobody yet.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn identified(&self, identity: Identity<'_>) -> Result<Option<User>, TableError> {
        let found = self.get(&schema::identity(identity.issuer, identity.subject), &mut Cost::default()).await?;
        let Some(found) = found else { return Ok(None) };
        self.user(row::<IdentityRow>(found)?.user()?).await
    }

    /// A new account for a person whom a provider has proven, who had none.
    ///
    /// # Errors
    /// [`TableError::Exists`] for a name that is taken, [`TableError::Stale`] where the person has an account by now.
    pub async fn sign_up(&self, identity: Identity<'_>, user: &User, now: Timestamp) -> Result<(), TableError> {
        if user.administrator || user.auditor || user.curator {
            return Err(TableError::NotForThis);
        }
        let row = IdentityRow { needs: Vec::new(), user: user.id.to_string() };
        let said = json!({ "name": user.name, "issuer": identity.issuer });
        let write = Write::audited(Audited::new(now, user.id, "user.sign-up", &user.id)?.to(&said))
            .put(Tag::Same, item(&schema::identity(identity.issuer, identity.subject), &row)?, Condition::absent())
            .parts(new_user(user)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(failed) if failed.contains(&Tag::Same) => Err(TableError::Stale),
            Outcome::Refused(_) => Err(TableError::Exists { what: "a user of this name" }),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// A session of a person whom a provider has proven.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] for what is no session, [`TableError::Stale`] where the person is suspended or the identity is another's.
    pub async fn sign_in(&self, identity: Identity<'_>, session: &Token, now: Timestamp) -> Result<(), TableError> {
        if session.kind != TokenKind::Session {
            return Err(TableError::NotForThis);
        }
        let audited = Audited::new(now, session.owner, "user.sign-in", &session.id)?.to(&token_facts(session));
        let same = Condition::is("user", text(session.owner.to_string()));
        let active = Condition::is("standing", text(standing_word(Standing::Active)));
        let write = with_token(Write::audited(audited), session)?
            .check(schema::identity(identity.issuer, identity.subject), same)
            .check(schema::user(session.owner), active);
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// A user.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, TableError> {
        let found = self.get(&schema::user(id), &mut Cost::default()).await?;
        found.map(|item| row::<UserRow>(item)?.user()).transpose()
    }

    /// Users by id; those that are not there are left out.
    ///
    /// # Errors
    /// [`TableError`], where any of them cannot be read.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, TableError> {
        let found = self.batch(ids.iter().map(|id| schema::user(*id)), &mut Cost::default()).await?;
        found.into_values().map(|item| row::<UserRow>(item)?.user()).collect()
    }

    /// The user of this name, in letters of either case, composed or not.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or a row cannot be read.
    pub async fn user_named(&self, name: &str) -> Result<Option<User>, TableError> {
        // Where it was typed, `é` may have been two characters; where it was kept, it is one.
        let Some(name) = domain::user::user_name(name) else { return Ok(None) };
        let Some(found) = self.get(&schema::user_name(&name), &mut Cost::default()).await? else { return Ok(None) };
        let id = UserId::parse(&row::<UserNameRow>(found)?.user).map_err(unreadable(UserNameRow::WHAT))?;
        self.user(id).await
    }

    /// The token of this hash and its owner, in two round trips; `None`: there is no such token. Whether it is live is the decision's to say.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] for a token without an owner, too.
    pub async fn bearer(&self, hash: KeyHash) -> Result<Option<(User, Token)>, TableError> {
        Ok(self.bearer_and_use(hash).await?.map(|(owner, token, _used)| (owner, token)))
    }

    /// The same for a request at `now`, and that the token was used: noted at most once in [`TOKEN_USE_SECS`], so a request in that hour
    /// costs what it did. A token that does not live is not noted, and a note that fails fails nothing.
    ///
    /// # Errors
    /// As [`Table::bearer`].
    pub async fn bearer_at(&self, hash: KeyHash, now: Timestamp) -> Result<Option<(User, Token)>, TableError> {
        let Some((owner, token, used)) = self.bearer_and_use(hash).await? else { return Ok(None) };
        let is_noted = used.is_some_and(|used| now.as_second() < used.saturating_add(TOKEN_USE_SECS));
        if !is_noted && token.is_live(now) {
            self.note_use(hash, now).await;
        }
        Ok(Some((owner, token)))
    }

    /// The same, with the second of its last use that was noted.
    async fn bearer_and_use(&self, hash: KeyHash) -> Result<Option<(User, Token, Option<i64>)>, TableError> {
        let Some(found) = self.get(&schema::token(hash), &mut Cost::default()).await? else { return Ok(None) };
        let found: TokenRow = row(found)?;
        let used = found.used;
        let token = found.token()?;
        let owner = self.user(token.owner).await?.ok_or(TableError::Unreadable { what: "a token's owner" })?;
        Ok(Some((owner, token, used)))
    }

    async fn note_use(&self, hash: KeyHash, now: Timestamp) {
        let hour = now.as_second().saturating_sub(now.as_second().rem_euclid(TOKEN_USE_SECS));
        let earlier = Condition::lacks("used").or(Condition::below("used", number(hour)));
        // Beside the version: it changes nothing that anybody decides on.
        let change = Change::new(schema::token(hash), Condition::present().and(earlier)).set("used", number(hour));
        if let Err(why) = self.change_alone(&change).await {
            tracing::warn!(error = %why, "when a token was used could not be noted");
        }
    }

    /// Whom [`Table::bootstrap`] made; `None`: nobody yet.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn founder(&self) -> Result<Option<UserId>, TableError> {
        let found = self.get(&schema::founder(), &mut Cost::default()).await?;
        found.map(|item| UserId::parse(&row::<FounderRow>(item)?.user).map_err(unreadable(FounderRow::WHAT))).transpose()
    }

    /// The tokens of a user, live or not, by the time of their making.
    ///
    /// # Errors
    /// [`TableError`], where any of it could not be read.
    pub async fn tokens_of(&self, user: UserId) -> Result<Vec<Token>, TableError> {
        Ok(self.tokens_and_use(user).await?.into_iter().map(|(token, _used)| token).collect())
    }

    /// The same, each with when it was last used, if that was noted: within the hour, and not where data are read.
    ///
    /// # Errors
    /// As [`Table::tokens_of`].
    pub async fn tokens_and_use(&self, user: UserId) -> Result<Vec<(Token, Option<Timestamp>)>, TableError> {
        let (cost, stretch) = (&mut Cost::default(), Stretch { pk: schema::user_partition(user), prefix: schema::TOKEN_PREFIX });
        let mut keys = Vec::new();
        for item in self.all(&stretch, cost).await? {
            let pointer: TokenPointerRow = row(item)?;
            keys.push(schema::token(KeyHash::parse(&pointer.hash).map_err(unreadable(TokenPointerRow::WHAT))?));
        }
        let found = self.batch(keys, cost).await?;
        let read = |item| {
            let found: TokenRow = row(item)?;
            let last = found.used();
            Ok((found.token()?, last))
        };
        let mut tokens = found.into_values().map(read).collect::<Result<Vec<_>, TableError>>()?;
        tokens.sort_by_key(|(token, _used)| (token.made, token.id));
        Ok(tokens)
    }

    /// The first user of a deployment and that user's token. There is nobody yet who could permit it, so it works once: for whoever
    /// runs the deployment, never behind a request.
    ///
    /// # Errors
    /// [`TableError::Exists`] where it was done before.
    pub async fn bootstrap(&self, user: &User, token: &Token, now: Timestamp) -> Result<(), TableError> {
        if token.owner != user.id {
            return Err(TableError::NotForThis);
        }
        let founder = item(&schema::founder(), &FounderRow { user: user.id.to_string() })?;
        let write = Write::audited(Audited::new(now, user.id, "deployment.bootstrap", &user.id)?)
            .put(Tag::New, founder, Condition::absent())
            .parts(new_user(user)?);
        self.commit_new(with_token(write, token)?, "an administrator").await
    }

    /// Lets the first user act and administer again, whoever took that away: for whoever runs the deployment, never behind a request. Without it a
    /// deployment whose last administrator is gone would have none for ever.
    ///
    /// # Errors
    /// [`TableError::Missing`] where nobody was made first; [`TableError::Stale`] where the account changed meanwhile.
    pub async fn reinstate_founder(&self, now: Timestamp) -> Result<User, TableError> {
        let founder = self.founder().await?.ok_or(TableError::Missing { what: "the first user" })?;
        let before = self.account_now(founder).await?;
        let version = before.version.saturating_add(1);
        let after = User { standing: Standing::Active, administrator: true, version, ..before.clone() };
        let said = |user: &User| json!({ "standing": standing_word(user.standing), "administrator": user.administrator });
        let change = Change::new(schema::user(founder), Condition::is("version", number(before.version)))
            .set("standing", text(standing_word(after.standing)))
            .set("administrator", AttributeValue::Bool(after.administrator))
            .count("version");
        let audited = Audited::new(now, founder, "deployment.bootstrap", &founder)?.from(&said(&before)).to(&said(&after));
        match self.commit(Write::audited(audited).change(Tag::Seen, change)).await? {
            Outcome::Done => Ok(after),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// A further user, and the code by which the person signs in, by an administrator. Answers the code: of a request that was sent before,
    /// the first one.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit, or with another's code; [`TableError::Exists`] for a name or id that is
    /// taken; [`TableError::Mismatch`] for another request under one key.
    pub async fn insert_user(
        &self,
        permit: &Permit,
        user: &User,
        code: &Token,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Token, TableError> {
        let fits = |_: &UserId| code.kind == TokenKind::Code && code.owner == user.id;
        let by = permit.allows_administer().filter(fits).ok_or(TableError::NotForThis)?;
        let after = json!({ "name": user.name, "administrator": user.administrator, "auditor": user.auditor, "curator": user.curator });
        let write = Write::audited(Audited::new(now, by, "user.create", &user.id)?.to(&after)).parts(new_user(user)?);
        self.commit_token(write, code, Asked { by, once, now }, "a user of this name").await
    }

    /// Changes an account, by an administrator: whether the person may act, and the person's roles in the deployment. Links that a suspended
    /// person made stop; grants that the person gave stay.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit, for oneself, and where whoever asks is no administrator any more; [`TableError::Missing`] where there is no such user;
    /// [`TableError::Stale`] for another version than the edit was made on; [`TableError::Mismatch`] for another request under one key.
    pub async fn edit_user(
        &self,
        permit: &Permit,
        user: UserId,
        edit: AccountEdit,
        reason: Option<&str>,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<User, TableError> {
        let by = permit.allows_administer().filter(|by| *by != user).ok_or(TableError::NotForThis)?;
        let mut tries = 1..ACCOUNT_TRIES;
        loop {
            let before = self.account_now(user).await?;
            if self.once_if(by, once, now).await?.is_some() {
                return Ok(before);
            }
            if edit.on.is_some_and(|on| on != before.version) {
                return Err(TableError::Stale);
            }
            let mut after = edit.of(&before);
            if after == before {
                self.remember(once, by, &user.to_string(), now).await?;
                return Ok(before);
            }
            after.version = before.version.saturating_add(1);
            let widens = before.is_widened_by(&after);
            // By the version, not by what it was: a late copy of this very change would fit again once another had undone it.
            let change = Change::new(schema::user(user), Condition::is("version", number(before.version)))
                .set("standing", text(standing_word(after.standing)))
                .set("administrator", AttributeValue::Bool(after.administrator))
                .set("auditor", AttributeValue::Bool(after.auditor))
                .set("curator", AttributeValue::Bool(after.curator))
                .count("version");
            let said = |user: &User| {
                let standing = standing_word(user.standing);
                json!({ "standing": standing, "administrator": user.administrator, "auditor": user.auditor, "curator": user.curator })
            };
            let audited = Audited::new(now, by, "user.edit", &user)?.from(&said(&before)).to(&said(&after)).because(reason);
            // Of two administrators who take the role from each other at the same time one comes too late, or nobody would have it.
            let write = Write::audited(audited.clone())
                .change(Tag::Seen, change.clone())
                .part(Tag::Same, Part::Check(schema::user(by), still_administers()));
            let made = match self.commit(write.parts(Once::part(once, by, &user.to_string(), now)?)).await? {
                Outcome::Done => true,
                // The same request, at the same time: the next round finds what it did.
                Outcome::Refused(failed) if failed.contains(&Tag::Once) && tries.next().is_some() => continue,
                Outcome::Refused(failed) if failed.contains(&Tag::Same) => return Err(TableError::NotForThis),
                Outcome::Refused(_) => false,
                Outcome::Busy if widens || before.administrator => return Err(TableError::Throttled),
                // Suspending never fails for bookkeeping, but that of an administrator.
                Outcome::Busy => {
                    let is_there = async { Ok(self.account_now(user).await? == after) };
                    self.narrow_alone(&change, audited, is_there).await?
                }
            };
            if made {
                return Ok(after);
            }
            // Whatever changed meanwhile, who is to be suspended is; who is to act again is looked at anew.
            if widens || tries.next().is_none() {
                return Err(TableError::Stale);
            }
        }
    }

    pub(crate) async fn account_now(&self, user: UserId) -> Result<User, TableError> {
        let found = self.get(&schema::user(user), &mut Cost::default()).await?.ok_or(TableError::Missing { what: "the person" })?;
        row::<UserRow>(found)?.user()
    }

    /// A further token, or a ticket, of the caller's own. Nobody makes one for somebody else: it would act with that person's rights.
    /// Answers it: of a request that was sent before, the first one.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] for another owner, [`TableError::TooMany`], [`TableError::Exists`] for a token that is there,
    /// [`TableError::Mismatch`] for another request under one key.
    pub async fn insert_token(&self, permit: &Permit, token: &Token, once: Option<&Once>, now: Timestamp) -> Result<Token, TableError> {
        let by = permit.by().filter(|by| *by == token.owner && permit.allows_token(token.kind)).ok_or(TableError::NotForThis)?;
        let asked = Asked { by, once, now };
        // Before they are counted: what was made is one of them.
        if let Some(first) = self.token_made(asked).await? {
            return Ok(first);
        }
        let counts = |there: &Token| there.is_live(now) && there.kind != TokenKind::Code;
        if self.tokens_of(by).await?.into_iter().filter(counts).count() >= TOKENS_MAX {
            return Err(TableError::TooMany { what: "tokens of one person", max: TOKENS_MAX });
        }
        let verb = if token.kind == TokenKind::Ticket { "ticket.create" } else { "token.create" };
        let write = Write::audited(Audited::new(now, by, verb, &token.id)?.to(&token_facts(token)));
        self.commit_token(write, token, asked, "the token").await
    }

    /// A session of an administrator's own, by whoever runs the deployment: never behind a request.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit or for another owner, [`TableError::Exists`] for one that is there.
    pub async fn insert_session(&self, permit: &Permit, session: &Token, now: Timestamp) -> Result<(), TableError> {
        let fits = |by: &UserId| *by == session.owner && session.kind == TokenKind::Session;
        let by = permit.allows_administer().filter(fits).ok_or(TableError::NotForThis)?;
        let audited = Audited::new(now, by, "token.create", &session.id)?.to(&token_facts(session));
        self.commit_new(with_token(Write::audited(audited), session)?, "the token").await
    }

    /// A code by which a person signs in, once, by an administrator. Answers it: of a request that was sent before, the first one.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit, or for anything but a code; [`TableError::Mismatch`] for another
    /// request under one key.
    pub async fn insert_code(&self, permit: &Permit, code: &Token, once: Option<&Once>, now: Timestamp) -> Result<Token, TableError> {
        let by = permit.allows_administer().filter(|_| code.kind == TokenKind::Code).ok_or(TableError::NotForThis)?;
        let write = Write::audited(Audited::new(now, by, "user.code", &code.owner)?).telling([(code.owner, Occasion::CodeMade)])?;
        self.commit_token(write, code, Asked { by, once, now }, "the code").await
    }

    /// What a request with this key made, if it was sent before.
    async fn token_made(&self, Asked { by, once, now }: Asked<'_>) -> Result<Option<Token>, TableError> {
        let Some(made) = self.once_if(by, once, now).await? else { return Ok(None) };
        let unreadable = || TableError::Unreadable { what: "an idempotency item" };
        let (owner, id) = made.split_once('#').ok_or_else(unreadable)?;
        let (Ok(owner), Ok(id)) = (UserId::parse(owner), TokenId::parse(id)) else { return Err(unreadable()) };
        let found = self.get(&schema::token_pointer(owner, id), &mut Cost::default()).await?;
        // A ticket ends, and is dropped, while its request is still remembered.
        let pointer: TokenPointerRow = row(found.ok_or(TableError::Missing { what: "the token" })?)?;
        let hash = KeyHash::parse(&pointer.hash).map_err(crate::item::unreadable(TokenPointerRow::WHAT))?;
        self.token(&schema::token(hash)).await.map(Some)
    }

    /// A transaction that makes a token, and whatever else is in it, once for a request's key. Answers the token that it made now or before.
    async fn commit_token(&self, write: Write, token: &Token, asked: Asked<'_>, what: &'static str) -> Result<Token, TableError> {
        let made = format!("{}#{}", token.owner, token.id);
        let write = with_token(write, token)?.parts(Once::part(asked.once, asked.by, &made, asked.now)?);
        match self.commit(write).await? {
            Outcome::Done => Ok(token.clone()),
            Outcome::Refused(failed) if failed.contains(&Tag::Once) => self.token_made(asked).await?.ok_or(TableError::Throttled),
            Outcome::Refused(_) => Err(TableError::Exists { what }),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Exchanges a code for a session, once: whoever comes second finds it used.
    ///
    /// # Errors
    /// [`TableError::Stale`] for a code that was used or revoked, [`TableError::NotForThis`] for what is no code or no session of its owner.
    pub async fn redeem_code(&self, code: &Token, session: &Token, now: Timestamp) -> Result<(), TableError> {
        let fits = code.kind == TokenKind::Code && session.kind == TokenKind::Session && code.owner == session.owner && code.is_live(now);
        if !fits {
            return Err(TableError::NotForThis);
        }
        let live = Condition::present().and(Condition::lacks("revoked"));
        let change = Change::new(schema::token(code.hash), live).set("revoked", number(now.as_millisecond())).count("version");
        let audited = Audited::new(now, session.owner, "user.sign-in", &session.id)?.to(&token_facts(session));
        let active = Condition::is("standing", text(standing_word(Standing::Active)));
        let write = with_token(Write::audited(audited).change(Tag::Seen, change), session)?.check(schema::user(session.owner), active);
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Stale),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }

    /// Ends a token, by its owner or an administrator. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] for anybody else, [`TableError::Missing`] where there is none.
    pub async fn revoke_token(&self, permit: &Permit, token: &Token, now: Timestamp) -> Result<Token, TableError> {
        let by = permit.by().filter(|by| *by == token.owner || permit.allows_administer().is_some()).ok_or(TableError::NotForThis)?;
        let key = schema::token(token.hash);
        let live = Condition::present().and(Condition::lacks("revoked"));
        let change = Change::new(key.clone(), live).set("revoked", number(now.as_millisecond())).count("version");
        let audited = Audited::new(now, by, "token.revoke", &token.id)?;
        match self.commit(Write::audited(audited.clone()).change(Tag::Seen, change.clone())).await? {
            Outcome::Done | Outcome::Refused(_) => self.token(&key).await,
            // Narrowing never fails for bookkeeping.
            Outcome::Busy => {
                let _ended_now_or_before = self.narrow_alone(&change, audited, async { Ok(true) }).await?;
                self.token(&key).await
            }
        }
    }

    async fn token(&self, key: &Key) -> Result<Token, TableError> {
        let found = self.get(key, &mut Cost::default()).await?.ok_or(TableError::Missing { what: "the token" })?;
        row::<TokenRow>(found)?.token()
    }

    /// A transaction that only makes new things.
    async fn commit_new(&self, write: Write, what: &'static str) -> Result<(), TableError> {
        match self.commit(write).await? {
            Outcome::Done => Ok(()),
            Outcome::Refused(_) => Err(TableError::Exists { what }),
            Outcome::Busy => Err(TableError::Throttled),
        }
    }
}

/// A user and the name that nobody else has.
/// That an account is an administrator's, who may act.
pub(crate) fn still_administers() -> Condition {
    Condition::is("standing", text(standing_word(Standing::Active))).and(Condition::is("administrator", AttributeValue::Bool(true)))
}

/// That an account is a curator's, who may act.
pub(crate) fn still_curates() -> Condition {
    Condition::is("standing", text(standing_word(Standing::Active))).and(Condition::is("curator", AttributeValue::Bool(true)))
}

fn new_user(user: &User) -> Result<[(Tag, Part); 2], TableError> {
    let name = item(&schema::user_name(&user.name), &UserNameRow { user: user.id.to_string() })?;
    let user = item(&schema::user(user.id), &UserRow::of(user))?;
    Ok([(Tag::New, Part::Put(user, Condition::absent())), (Tag::New, Part::Put(name, Condition::absent()))])
}

pub(crate) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Suspended => "suspended",
    }
}

fn with_token(write: Write, token: &Token) -> Result<Write, TableError> {
    let pointer =
        item(&schema::token_pointer(token.owner, token.id), &TokenPointerRow { hash: token.hash.to_string(), ttl: Some(ttl_of(token)) })?;
    Ok(write.put(Tag::New, item(&schema::token(token.hash), &TokenRow::of(token))?, Condition::absent()).put(
        Tag::New,
        pointer,
        Condition::absent(),
    ))
}

fn token_facts(token: &Token) -> serde_json::Value {
    json!({ "kind": token.kind.word(), "label": token.label, "dataset": token.dataset.map(|dataset| dataset.to_string()), "scopes": token.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>(), "until": token.until.to_string() })
}
