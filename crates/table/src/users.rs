//! People and their API tokens. A token is kept as a hash only.

use domain::{
    decision::Permit,
    id::{TokenId, UserId},
    key::KeyHash,
    token::{Scope, Token},
    user::{Standing, User},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Table,
    audit::Audited,
    error::TableError,
    item::{Row, item, number, row, time, time_if, unreadable},
    read::{Cost, Stretch},
    schema::{self, Key},
    write::{Change, Condition, Outcome, Tag, Write},
};

#[derive(Serialize, Deserialize)]
pub(crate) struct UserRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    name: String,
    administrator: bool,
    standing: String,
}

impl Row for UserRow {
    const WHAT: &'static str = "a user";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl UserRow {
    fn of(user: &User) -> Self {
        let standing = match user.standing {
            Standing::Active => "active",
            Standing::Suspended => "suspended",
        };
        Self {
            needs: Vec::new(),
            version: 1,
            id: user.id.to_string(),
            name: user.name.clone(),
            administrator: user.administrator,
            standing: standing.to_owned(),
        }
    }

    pub(crate) fn user(self) -> Result<User, TableError> {
        let standing = match self.standing.as_str() {
            "active" => Standing::Active,
            "suspended" => Standing::Suspended,
            _ => return Err(TableError::Unreadable { what: Self::WHAT }),
        };
        let id = UserId::parse(&self.id).map_err(unreadable(Self::WHAT))?;
        Ok(User { id, name: self.name, administrator: self.administrator, standing })
    }
}

#[derive(Serialize, Deserialize)]
struct TokenRow {
    needs: Vec<String>,
    version: u64,
    id: String,
    hash: String,
    owner: String,
    label: String,
    scopes: Vec<String>,
    until: i64,
    made: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<i64>,
}

impl Row for TokenRow {
    const WHAT: &'static str = "a token";

    fn needs(&self) -> Option<&[String]> {
        Some(&self.needs)
    }
}

impl TokenRow {
    fn of(token: &Token) -> Self {
        Self {
            needs: Vec::new(),
            version: 1,
            id: token.id.to_string(),
            hash: token.hash.to_string(),
            owner: token.owner.to_string(),
            label: token.label.clone(),
            scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
            until: token.until.as_millisecond(),
            made: token.made.as_millisecond(),
            revoked: token.revoked.map(Timestamp::as_millisecond),
        }
    }

    fn token(self) -> Result<Token, TableError> {
        let unreadable_scope = TableError::Unreadable { what: Self::WHAT };
        Ok(Token {
            id: TokenId::parse(&self.id).map_err(unreadable(Self::WHAT))?,
            hash: KeyHash::parse(&self.hash).map_err(unreadable(Self::WHAT))?,
            owner: UserId::parse(&self.owner).map_err(unreadable(Self::WHAT))?,
            label: self.label,
            scopes: self.scopes.iter().map(|word| Scope::of(word)).collect::<Option<_>>().ok_or(unreadable_scope)?,
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

impl Table {
    /// A user.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer or the row cannot be read.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, TableError> {
        let found = self.get(&schema::user(id), &mut Cost::default()).await?;
        found.map(|item| row::<UserRow>(item)?.user()).transpose()
    }

    /// The token of this hash and its owner, in two round trips; `None`: there is no such token. Whether it is live is the decision's to say.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] for a token without an owner, too.
    pub async fn bearer(&self, hash: KeyHash) -> Result<Option<(User, Token)>, TableError> {
        let Some(found) = self.get(&schema::token(hash), &mut Cost::default()).await? else { return Ok(None) };
        let token = row::<TokenRow>(found)?.token()?;
        let owner = self.user(token.owner).await?.ok_or(TableError::Unreadable { what: "a token's owner" })?;
        Ok(Some((owner, token)))
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
        let (cost, stretch) = (&mut Cost::default(), Stretch { pk: schema::user_partition(user), prefix: schema::TOKEN_PREFIX });
        let mut keys = Vec::new();
        for item in self.all(&stretch, cost).await? {
            let pointer: TokenPointerRow = row(item)?;
            keys.push(schema::token(KeyHash::parse(&pointer.hash).map_err(unreadable(TokenPointerRow::WHAT))?));
        }
        let found = self.batch(keys, cost).await?;
        let mut tokens = found.into_values().map(|item| row::<TokenRow>(item)?.token()).collect::<Result<Vec<_>, _>>()?;
        tokens.sort_by_key(|token| (token.made, token.id));
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
            .put(Tag::New, item(&schema::user(user.id), &UserRow::of(user))?, Condition::absent());
        self.commit_new(with_token(write, token)?, "an administrator").await
    }

    /// A further user, by an administrator.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit, [`TableError::Exists`] for an id that is taken.
    pub async fn insert_user(&self, permit: &Permit, user: &User, now: Timestamp) -> Result<(), TableError> {
        let by = permit.allows_administer().ok_or(TableError::NotForThis)?;
        let after = json!({ "name": user.name, "administrator": user.administrator });
        let write = Write::audited(Audited::new(now, by, "user.create", &user.id)?.to(&after)).put(
            Tag::New,
            item(&schema::user(user.id), &UserRow::of(user))?,
            Condition::absent(),
        );
        self.commit_new(write, "the user").await
    }

    /// A further token of an administrator's own. Nobody makes one for somebody else: it would act with that person's rights.
    ///
    /// # Errors
    /// [`TableError::NotForThis`] without an administrator's permit or for another owner, [`TableError::Exists`] for a token that is there.
    pub async fn insert_token(&self, permit: &Permit, token: &Token, now: Timestamp) -> Result<(), TableError> {
        let by = permit.allows_administer().filter(|by| *by == token.owner).ok_or(TableError::NotForThis)?;
        let write = with_token(Write::audited(Audited::new(now, by, "token.create", &token.id)?.to(&token_facts(token))), token)?;
        self.commit_new(write, "the token").await
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
        match self.commit(Write::audited(audited).change(Tag::Seen, change)).await? {
            Outcome::Done | Outcome::Refused(_) => self.token(&key).await,
            Outcome::Busy => Err(TableError::Throttled),
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

fn with_token(write: Write, token: &Token) -> Result<Write, TableError> {
    let pointer = item(&schema::token_pointer(token.owner, token.id), &TokenPointerRow { hash: token.hash.to_string() })?;
    Ok(write.put(Tag::New, item(&schema::token(token.hash), &TokenRow::of(token))?, Condition::absent()).put(
        Tag::New,
        pointer,
        Condition::absent(),
    ))
}

fn token_facts(token: &Token) -> serde_json::Value {
    json!({ "label": token.label, "scopes": token.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>(), "until": token.until.to_string() })
}
