//! `offprint grant invite`, `invitations` and `uninvite`: grants that wait for an e-mail address, or for a person who is to accept; and
//! `offprint invitation`: list, accept, decline what waits for whoever asks.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use wire::grant::{Email, Invitation, InvitationSent, NewInvitation, UninviteAsk};

use crate::{
    api::{Api, Remote, Reply},
    dataset::Named,
    exit::Failure,
    grant::Terms,
    output::{Column, Output, column, instant_of, printable},
};

/// What an invitation shows that was sent.
const SENT: [Column; 5] = [
    column("email", "/email"),
    column("address", "/address"),
    column("dataset", "/dataset"),
    column("role", "/role"),
    column("waits_until", "/waits_until"),
];
/// What an invitation shows in a list.
pub(crate) const LIST: [Column; 7] = [
    column("address", "/address"),
    column("name", "/name"),
    column("role", "/role"),
    column("by", "/by"),
    column("at", "/at"),
    column("waits_until", "/waits_until"),
    column("state", "/state"),
];

/// What the own show.
const MINE: [Column; 7] = [
    column("dataset", "/dataset"),
    column("project", "/project"),
    column("place", "/place"),
    column("role", "/role"),
    column("by", "/by_name"),
    column("waits_until", "/waits_until"),
    column("state", "/state"),
];

/// What somebody invites you to whom you are not connected with: it waits for 30 days until you accept, and gives nothing before.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint invitation list")]
pub(crate) struct InvitationCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what waits for you.
    #[command(after_help = "Example:\n  offprint invitation list -o csv")]
    List {
        /// The most invitations to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Accept an invitation: you have from then on what it says.
    #[command(after_help = "Example:\n  offprint invitation accept DATASET-ID")]
    Accept {
        /// The dataset's or project's id, as `offprint invitation list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Decline an invitation: nobody invites you to the same again before it would have ended.
    #[command(after_help = "Example:\n  offprint invitation decline DATASET-ID")]
    Decline {
        /// The dataset's or project's id, as `offprint invitation list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: InvitationCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    let nothing = serde_json::json!({});
    let answered = match command.verb {
        Verb::List { limit } => {
            let (items, more): (Vec<Invitation>, bool) = api.list(&["me", "invitations"], &[], limit.get()).await?;
            out.list(&MINE, &items)?;
            out.more(more, limit);
            return Ok(());
        }
        Verb::Accept { id } => api.create::<Invitation>(&["me", "invitations", &id, "accept"], &nothing).await?,
        Verb::Decline { id } => api.act::<Invitation>(&["me", "invitations", &id, "decline"], &nothing).await?,
    };
    out.one(&MINE, &answered.body)
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  offprint grant invite lab:retina/exp-03.ome.zarr --email nia@lab.example --role view

Nothing is mailed: tell the person to sign in. Nobody learns whether there is an account with the address.")]
pub(crate) struct Invite {
    /// What it is about: NAME:PATH, or a dataset's id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// The address, whole.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint grant invitations lab:retina/exp-03.ome.zarr -o csv")]
pub(crate) struct Invitations {
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// The most invitations to list.
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint grant uninvite lab:retina/exp-03.ome.zarr --email nia@lab.example")]
pub(crate) struct Uninvite {
    /// What it is about: NAME:PATH, or a dataset's id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    /// The address.
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["address", "user"])]
    email: Option<String>,
    /// What stands for the address in the list.
    #[arg(long, value_name = "TEXT", conflicts_with = "email")]
    address: Option<String>,
    /// The name or id of the person that it waits for.
    #[arg(long, value_name = "NAME|ID", conflicts_with_all = ["email", "address"])]
    user: Option<String>,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Sends an invitation.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn invite(api: &Api, out: Output, ask: Invite) -> Result<(), Failure> {
    let dataset = ask.dataset.dataset(api, out).await?;
    let Terms { role, may_share, level, until, not_before, zones } = ask.terms;
    let may_share = may_share.then_some(true);
    let new = NewInvitation { email: Email(ask.email), role, may_share, level, not_before, until, zones };
    let Reply { body: sent, .. } = api.create::<InvitationSent>(&["datasets", &dataset.id, "invitations"], &new).await?;
    let (role, place, until) = (printable(&sent.role), printable(&dataset.place), instant_of(&sent.waits_until));
    out.note(&format!("The role {role} on {place} waits for the address until {until}. Nothing was mailed."));
    out.one(&SENT, &sent)
}

/// Lists invitations.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn list(api: &Api, out: Output, ask: Invitations) -> Result<(), Failure> {
    let id = ask.dataset.id(api, out).await?;
    let (items, more): (Vec<Invitation>, bool) = api.list(&["datasets", &id, "invitations"], &[], ask.limit.get()).await?;
    out.list(&LIST, &items)?;
    out.more(more, ask.limit);
    Ok(())
}

/// Takes an invitation back. It lets nobody in while it waits, so nothing is lost by it and nothing is asked.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn uninvite(api: &Api, out: Output, ask: Uninvite) -> Result<(), Failure> {
    let dataset = ask.dataset.dataset(api, out).await?;
    let withdraw = UninviteAsk { email: ask.email.map(Email), address: ask.address, user: ask.user, reason: ask.reason };
    let Reply { body: gone, .. } = api.act::<Invitation>(&["datasets", &dataset.id, "invitations", "withdraw"], &withdraw).await?;
    if gone.state == "met" {
        out.note("Its person has met it already: to take back what was granted, `offprint grant withdraw`.");
    }
    out.one(&LIST, &gone)
}
