//! The `DynamoDB` table: every key, every row, every write.
//!
//! One module a noun; [`access`] reads the facts of a chunk's decision and caches them. Reads are strongly consistent, bounded in
//! time and retried once; a failed read is an error, never an absence. Writes are conditional, audited in their own transaction,
//! and demand a [`domain::decision::Permit`]. Secondary indexes list candidates; they never decide.
//! Not here: decisions (`domain`), statuses (`edge/problem.rs`), a Scan, a delete.

use std::{fmt, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Builder, Region, SharedCredentialsProvider, retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
        TableStatus, TimeToLiveSpecification,
    },
};
use domain::{
    address::SourceHash,
    limits::{API_PAGE_MAX, TABLE_TRY_MS},
};
use thiserror::Error;

pub mod access;
pub mod adopt;
pub mod audit;
pub mod clones;
mod codes;
pub mod connections;
pub mod contexts;
pub mod copies;
pub mod curation;
pub mod datasets;
mod error;
pub mod grants;
pub mod groups;
pub mod invitations;
mod item;
pub mod link_sets;
pub mod links;
pub mod mailboxes;
pub mod once;
pub mod openings;
pub mod outbox;
pub mod passes;
mod placing;
pub mod policy;
pub mod projects;
pub mod promote;
mod questions;
mod rate;
mod reach;
pub mod reaching;
mod read;
pub mod requests;
pub mod retarget;
mod schema;
pub mod sources;
pub mod sync;
pub mod terms;
pub mod together;
pub mod users;
mod write;

pub use error::TableError;
pub use read::{Cost, counted};

use error::Fault;
use schema::{GSI1, GSI1_PK, GSI1_SK, GSI2, GSI2_PK, GSI2_SK, PK, SK, TTL};

/// A write may take this many times as long as a read: its outcome is worth waiting for.
const WRITE_PATIENCE: u32 = 7;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often, and how long apart, a table that is being made is looked at.
const CREATE_LOOKS: u32 = 240;
const CREATE_PAUSE: Duration = Duration::from_millis(250);

/// The table. Cheap to clone; every clone shares the same connections.
#[derive(Clone)]
pub struct Table {
    client: Client,
    name: String,
    write_timeout: Duration,
    source: Option<SourceHash>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

/// No way to sign requests to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")]
pub struct SettingsError;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Where it begins: the `next` of the page before; `None`: at the beginning. Whoever hands it to a client seals it.
    pub position: Option<String>,
    /// How many items at the most, 1 to [`API_PAGE_MAX`]; 0 stands for that many too.
    pub items_max: u16,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items. A page may have fewer than asked for, even none, and another behind it.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<String>,
}

impl Page {
    fn items_max(&self) -> u16 {
        if self.items_max == 0 { API_PAGE_MAX } else { self.items_max.min(API_PAGE_MAX) }
    }
}

impl Table {
    /// The table of this name, through a client with this configuration. The configuration's attempt timeout is a read's; a write has seven times as long.
    #[must_use]
    pub fn new(config: Config, name: impl Into<String>) -> Self {
        let read_timeout = config.timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        let write_timeout = read_timeout.unwrap_or(Duration::from_millis(TABLE_TRY_MS)).saturating_mul(WRITE_PATIENCE);
        Self { client: Client::from_conf(config), name: name.into(), write_timeout, source: None }
    }

    /// The same table, whose entries in the audit say where from it was acted; `None`: they do not say.
    #[must_use]
    pub fn acting_from(&self, source: Option<SourceHash>) -> Self {
        Self { source, ..self.clone() }
    }

    /// How requests are made: where to, signed by `keys` or, without, by `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN` of the environment, each try within [`TABLE_TRY_MS`]. The SDK retries nothing: this crate does.
    ///
    /// # Errors
    /// [`SettingsError`] where neither names keys.
    pub fn settings(endpoint: Option<String>, region: &str, keys: Option<Credentials>) -> Result<Config, SettingsError> {
        let keys = keys.or_else(keys_of_environment).ok_or(SettingsError)?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(Duration::from_millis(TABLE_TRY_MS))
            .build();
        let mut config = Config::builder();
        config.set_endpoint_url(endpoint);
        Ok(config
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build())
    }

    /// Makes the table as `template.yaml` has it, if there is none, and waits until it answers. For `up` and tests: a deployment's table is made by its template.
    /// Without the template's stream: nothing here reads it, and the embedded store takes longer for each write the more records its stream holds.
    ///
    /// # Errors
    /// [`TableError::Unavailable`].
    pub async fn create(&self) -> Result<(), TableError> {
        let made = self
            .client
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(
                [PK, SK, GSI1_PK, GSI1_SK, GSI2_PK, GSI2_SK].into_iter().map(text_attribute).collect::<Result<_, _>>()?,
            ))
            .set_key_schema(Some(key_schema(PK, SK)?))
            .global_secondary_indexes(index(GSI1, GSI1_PK, GSI1_SK)?)
            .global_secondary_indexes(index(GSI2, GSI2_PK, GSI2_SK)?)
            .customize()
            .config_override(self.patience())
            .send();
        match Box::pin(made).await {
            Ok(_) => {}
            Err(SdkError::ServiceError(answer)) if answer.err().is_resource_in_use_exception() => {}
            Err(error) => return Err(Fault::of(&error).into()),
        }
        self.wait_until_active().await?;
        self.forget_by_ttl().await
    }

    async fn wait_until_active(&self) -> Result<(), TableError> {
        for _look in 0..CREATE_LOOKS {
            let described = self.client.describe_table().table_name(&self.name).customize().config_override(self.patience()).send();
            let described = Box::pin(described).await.map_err(|error| TableError::from(Fault::of(&error)))?;
            if described.table.and_then(|table| table.table_status) == Some(TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(CREATE_PAUSE).await;
        }
        Err(TableError::Unavailable { why: "the table does not become active".to_owned() })
    }

    async fn forget_by_ttl(&self) -> Result<(), TableError> {
        let specification = TimeToLiveSpecification::builder().attribute_name(TTL).enabled(true).build().map_err(incomplete)?;
        let enabled = self
            .client
            .update_time_to_live()
            .table_name(&self.name)
            .time_to_live_specification(specification)
            .customize()
            .config_override(self.patience())
            .send();
        match Box::pin(enabled).await.map_err(|error| Fault::of(&error)) {
            Ok(_) => Ok(()),
            // Enabled before: the store refuses to do it twice.
            Err(Fault::Refused(code)) if code == "ValidationException" => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn acted_from(&self) -> Option<SourceHash> {
        self.source
    }

    /// A write's timeouts.
    pub(crate) fn patience(&self) -> Builder {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(self.write_timeout).build();
        Config::builder().timeout_config(timeouts)
    }
}

fn keys_of_environment() -> Option<Credentials> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(Credentials::new(set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?, set("AWS_SESSION_TOKEN"), None, "environment"))
}

fn incomplete(_why: aws_sdk_dynamodb::error::BuildError) -> TableError {
    TableError::Unavailable { why: "an incomplete request".to_owned() }
}

fn text_attribute(name: &str) -> Result<AttributeDefinition, TableError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().map_err(incomplete)
}

fn key_schema(pk: &str, sk: &str) -> Result<Vec<KeySchemaElement>, TableError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(incomplete);
    Ok(vec![element(pk, KeyType::Hash)?, element(sk, KeyType::Range)?])
}

fn index(name: &str, pk: &str, sk: &str) -> Result<GlobalSecondaryIndex, TableError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(pk, sk)?))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .map_err(incomplete)
}
