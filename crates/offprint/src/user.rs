//! `offprint user`: add, show, code, suspend, reinstate; block and unblock at a source.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use domain::timing::Timing;
use futures_util::{StreamExt, stream};
use wire::user::{BlockAsk, Blocks, Invited, NewUser, User, UserChanged, UserEdit};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    exit::Failure,
    link::NOT_REACHED,
    output::{Column, Format, Output, bound, column, data, instant_of, printable},
};

/// What a person shows.
const USER: [Column; 6] = [
    column("id", "/id"),
    column("name", "/name"),
    column("administrator", "/administrator"),
    column("auditor", "/auditor"),
    column("curator", "/curator"),
    column("standing", "/standing"),
];
/// What a person who may sign in with a code shows.
const INVITED: [Column; 4] = [column("id", "/user/id"), column("name", "/user/name"), column("code", "/code"), column("until", "/until")];
/// People whose names are looked up for one answer.
const NAMES_MAX: usize = 100;
/// Look-ups under way at the same time.
const CALLS_AT_ONCE: usize = 8;

/// Let people in, and shut them out.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint user add ada")]
pub(crate) struct UserCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an account, and print the code by which the person signs in, once.
    #[command(after_help = "Example:\n  offprint user add ada > code-for-ada")]
    Add {
        /// The person's name here, which no two have.
        name: String,
        /// Registers sources and sets ceilings. Gives no right to read.
        #[arg(long)]
        administrator: bool,
        /// Sees the audit, and who gets what on every dataset. Gives no right to read.
        #[arg(long)]
        auditor: bool,
        /// Marks datasets as curated. Gives no right to read.
        #[arg(long)]
        curator: bool,
    },
    /// Make a person an administrator, an auditor or a curator, or take that back.
    #[command(after_help = "Example:\n  offprint user role ada --auditor true --reason 'data protection officer'")]
    Role {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        roles: Roles,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show a person, by the whole name or the id.
    #[command(after_help = "Example:\n  offprint user show ada")]
    Show {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
    },
    /// Print a new code for a person who lost the way in; sessions and tokens stay.
    #[command(after_help = "Example:\n  offprint user code ada > code-for-ada")]
    Code {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
    },
    /// Shut a person out: nothing opens for the person, and links that the person made stop.
    #[command(after_help = "Example:\n  offprint user suspend ada --reason 'left the lab'")]
    Suspend {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        #[command(flatten)]
        sure: Sure,
    },
    /// Let a person who was suspended act again.
    #[command(after_help = "Example:\n  offprint user reinstate ada")]
    Reinstate {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Block a person at a source: nothing there opens for the person but what the person owns.
    #[command(after_help = "Example:\n  offprint user block ada --source lab --reason 'agreement ended'")]
    Block {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// The source: its name or its id.
        #[arg(long, value_name = "NAME|ID")]
        source: String,
        #[command(flatten)]
        sure: Sure,
    },
    /// Lift a block.
    #[command(after_help = "Example:\n  offprint user unblock ada --source lab")]
    Unblock {
        /// The person: name or id.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// The source: its name or its id.
        #[arg(long, value_name = "NAME|ID")]
        source: String,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// List who is blocked at a source.
    #[command(after_help = "Example:\n  offprint user blocked lab")]
    Blocked {
        /// The source: its name or its id.
        #[arg(value_name = "SOURCE")]
        source: String,
    },
}

/// Which role in the deployment, and whether the person is to have it.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Roles {
    /// Whether the person registers sources and sets ceilings: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    administrator: Option<bool>,
    /// Whether the person sees the audit, and who gets what on every dataset: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    auditor: Option<bool>,
    /// Whether the person marks datasets as curated: true or false.
    #[arg(long, value_name = "BOOL", hide_possible_values = true)]
    curator: Option<bool>,
}

/// What an act that shuts somebody out is asked with.
#[derive(Debug, Args)]
struct Sure {
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,
    /// Return when it is in force everywhere.
    #[arg(long)]
    wait: bool,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: UserCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Add { name, administrator, auditor, curator } => {
            let [administrator, auditor, curator] = [administrator, auditor, curator].map(|is_one| is_one.then_some(true));
            let ask = NewUser { name, administrator, auditor, curator };
            invited(out, &api.create(&["users"], &ask).await?.body)
        }
        Verb::Code { user } => invited(out, &api.create(&["users", &user, "code"], &serde_json::json!({})).await?.body),
        Verb::Show { user } => out.one(&USER, &find(&api, &user).await?),
        Verb::Role { user, roles: Roles { administrator, auditor, curator }, reason } => {
            let user = find(&api, &user).await?;
            stand(&api, out, &user, UserEdit { administrator, auditor, curator, reason, ..UserEdit::default() }, false).await
        }
        Verb::Suspend { user, sure } => {
            let user = find(&api, &user).await?;
            let consequence = format!(
                "{} may not act here any more: no session and no token of theirs works, and links that they made stop.\nTheir reading stops within {}, by their links within {} at the latest. {NOT_REACHED}",
                printable(&user.name),
                bound(Timing::PRIVATE),
                bound(Timing::WORLD)
            );
            out.confirm(&consequence, "Suspend this person?", sure.yes).await?;
            stand(
                &api,
                out,
                &user,
                UserEdit { standing: Some("suspended".to_owned()), reason: sure.reason, ..UserEdit::default() },
                sure.wait,
            )
            .await
        }
        Verb::Reinstate { user, reason } => {
            let user = find(&api, &user).await?;
            stand(&api, out, &user, UserEdit { standing: Some("active".to_owned()), reason, ..UserEdit::default() }, false).await
        }
        Verb::Block { user, source, sure } => {
            let consequence = format!(
                "Nothing in {} opens for {} any more but what they own, whoever granted it, and links that they made there stop.\nTheir reading stops within {}, by their links within {} at the latest. {NOT_REACHED}",
                printable(&source),
                printable(&user),
                bound(Timing::PRIVATE),
                bound(Timing::WORLD)
            );
            out.confirm(&consequence, "Block this person there?", sure.yes).await?;
            block(&api, out, &source, BlockAsk { user, blocked: true, reason: sure.reason }, sure.wait).await
        }
        Verb::Unblock { user, source, reason } => block(&api, out, &source, BlockAsk { user, blocked: false, reason }, false).await,
        Verb::Blocked { source } => print_blocks(out, &api.get(&["sources", &source, "blocks"]).await?.body),
    }
}

/// The person of a name or an id.
///
/// # Errors
/// The API's refusal: [`Exit::NotFound`](crate::exit::Exit::NotFound) for a name that nobody has.
pub(crate) async fn find(api: &Api, text: &str) -> Result<User, Failure> {
    Ok(api.get(&["users", text]).await?.body)
}

/// The names of people by their ids, for who reads an answer. Who cannot be looked up has none.
pub(crate) async fn names<'a>(api: &Api, ids: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let (api, ids) = (&api.silently(), ids.into_iter().collect::<BTreeSet<_>>());
    let found = stream::iter(ids.into_iter().take(NAMES_MAX)).map(async |id| Some((id.to_owned(), find(api, id).await.ok()?.name)));
    found.buffered(CALLS_AT_ONCE).filter_map(async |named| named).collect().await
}

fn invited(out: Output, invited: &Invited) -> Result<(), Failure> {
    let name = printable(&invited.user.name);
    out.note(&format!(
        "With this code {name} signs in, once, until {}. It is shown once: treat it like a password.",
        instant_of(&invited.until)
    ));
    if out.is_for_reading() { data(&format!("{}\n", invited.code)) } else { out.one(&INVITED, invited) }
}

async fn stand(api: &Api, out: Output, user: &User, edit: UserEdit, wait: bool) -> Result<(), Failure> {
    let Reply { body: changed, date, .. } = api.edit::<UserChanged>(&["users", &user.id], None, &edit).await?;
    match out.format {
        Format::Table | Format::Csv => out.one(&USER, &changed.user)?,
        Format::Json | Format::Jsonl => out.one(&USER, &changed)?,
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait }.tell(out).await;
    Ok(())
}

async fn block(api: &Api, out: Output, source: &str, ask: BlockAsk, wait: bool) -> Result<(), Failure> {
    let Reply { body: blocks, date, .. } = api.create::<Blocks>(&["sources", source, "blocks"], &ask).await?;
    print_blocks(out, &blocks)?;
    InForce { stops: Stops::Beyond, by: blocks.enforced_by.as_deref(), date, wait }.tell(out).await;
    Ok(())
}

fn print_blocks(out: Output, blocks: &Blocks) -> Result<(), Failure> {
    match out.format {
        Format::Table | Format::Csv => out.list(&USER, &blocks.blocked),
        Format::Json | Format::Jsonl => out.one(&USER, blocks),
    }
}
