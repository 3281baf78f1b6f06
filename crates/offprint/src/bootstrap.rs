//! The first user of a deployment, named administrator, and a token for this person: made where the table can be written to directly, because
//! nobody can be asked for permission yet.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use clap::Args;
use domain::{
    decision::{Action, Facts, Principal, Who, decide},
    grant::Net,
    id::{TokenId, UserId},
    limits::LABEL_CHARS_MAX,
    token::{Scope, Token, TokenKind, TokenSecret},
    user::{Standing, User},
};
use jiff::{SignedDuration, Timestamp};
use table::Table;
use uuid::Uuid;

use crate::{exit::Failure, output};

/// How long a token made here lives, in days.
const TOKEN_DAYS: i64 = 365;

/// Make the first user and a token, or one more token for that user. Needs the right to write to the table.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint admin bootstrap --table offprint > token
  OFFPRINT_TOKEN=$(cat token) OFFPRINT_URL=https://app.example.org offprint whoami")]
pub(crate) struct Bootstrap {
    /// The table's name.
    #[arg(long, value_name = "NAME", env = "OFFPRINT_TABLE", default_value = "offprint")]
    table: String,
    /// The table's endpoint, where it is not AWS.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_DYNAMODB")]
    table_endpoint: Option<String>,
    /// The table's region.
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// The first user's name.
    #[arg(long, value_name = "NAME", default_value = "administrator")]
    user: String,
    /// Let the first user act and administer again, where that was taken away.
    #[arg(long)]
    reinstate: bool,
}

/// Runs it: prints the token on stdout, once.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(ask: Bootstrap) -> Result<(), Failure> {
    let settings = Table::settings(ask.table_endpoint, &ask.region, None::<Credentials>)
        .context("the table needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")?;
    let table = Table::new(settings, ask.table);
    if ask.reinstate {
        reinstate(&table, edge::system_now()).await?;
    }
    let secret = random_token()?;
    found(&table, &secret, &ask.user, edge::system_now()).await?;
    output::say("A token for the first user, an administrator, good for 365 days. It is shown once: treat it like a password.");
    output::data(&format!("{}\n", secret.reveal()))
}

/// A token nobody has.
///
/// # Errors
/// Where no random bits can be had.
pub(crate) fn random_token() -> Result<TokenSecret> {
    let mut bits = [0; 20];
    getrandom::fill(&mut bits).context("no random bits can be had")?;
    Ok(TokenSecret::new(bits))
}

/// Lets the first user act and administer again, where there is one who may not.
///
/// # Errors
/// Where the table cannot be read or written.
pub(crate) async fn reinstate(table: &Table, now: Timestamp) -> Result<()> {
    let Some(id) = table.founder().await.context("the table does not answer")? else { return Ok(()) };
    let user = table.user(id).await?.context("the first user is not there")?;
    if out_of_office(&user).is_some() {
        table.reinstate_founder(now).await.context("the first user cannot be reinstated")?;
    }
    Ok(())
}

/// Why a person may not administer the deployment, in words; `None`: the person may.
pub(crate) fn out_of_office(user: &User) -> Option<String> {
    let why = match (user.standing, user.administrator) {
        (Standing::Suspended, _) => "is suspended",
        (Standing::Active, false) => "is no administrator any more",
        (Standing::Active, true) => return None,
    };
    Some(format!("the first user, {}, {why}", output::printable(&user.name)))
}

/// Makes `secret` a token of the first user, and the first user where there is none.
///
/// # Errors
/// Where the table cannot be written.
pub(crate) async fn found(table: &Table, secret: &TokenSecret, name: &str, now: Timestamp) -> Result<()> {
    let founder = table.founder().await.context("the table does not answer")?;
    let token = Token {
        id: TokenId::new(random_uuid(now)?),
        // Whoever runs the deployment is signed in by that: it makes tokens for programs.
        kind: TokenKind::Session,
        hash: secret.hash(),
        owner: founder.unwrap_or(UserId::new(random_uuid(now)?)),
        label: "first token".to_owned(),
        scopes: Scope::ALL.to_vec(),
        dataset: None,
        until: now.checked_add(SignedDuration::from_hours(TOKEN_DAYS.saturating_mul(24)))?,
        made: now,
        revoked: None,
    };
    let Some(id) = founder else {
        let name = name.chars().take(LABEL_CHARS_MAX).collect();
        let user = User { administrator: true, ..User::new(token.owner, name) };
        return table.bootstrap(&user, &token, now).await.context("the first user cannot be made");
    };
    let user = table.user(id).await?.context("the first user is not there")?;
    if let Some(why) = out_of_office(&user) {
        bail!("{why}: another administrator can change that, or whoever runs this Offprint with --reinstate");
    }
    let principal = Principal { who: Who::Token { user: Arc::new(user), token: Arc::new(token.clone()) }, net: Net::Unknown };
    let permit = decide(&principal, Action::Administer, &Facts::Deployment, now)?;
    table.insert_session(&permit, &token, now).await.context("a new token cannot be made")
}

fn random_uuid(now: Timestamp) -> Result<Uuid> {
    let mut bits = [0; 10];
    getrandom::fill(&mut bits).context("no random bits can be had")?;
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
}
