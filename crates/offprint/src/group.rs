//! `offprint group`: create, list, show, members, add, sync, remove, retire, reinstate.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use domain::{limits::BATCH_ITEMS_MAX, timing::Timing};
use reqwest::Method;
use wire::group::{Group, GroupChanged, GroupEdit, Member, Members, MembersChanged, NewGroup, SyncAsk, SyncDone};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    effects::{Spoken, Sure},
    exit::{Exit, Failure},
    link::NOT_REACHED,
    output::{Column, Format, Output, bound, column, printable},
    user,
};

/// What a group shows.
const GROUP: [Column; 6] = [
    column("id", "/id"),
    column("name", "/name"),
    column("owner", "/owner"),
    column("kind", "/kind"),
    column("state", "/state"),
    column("made", "/made"),
];
/// What a person in a group shows.
const MEMBER: [Column; 5] =
    [column("id", "/user"), column("name", "/name"), column("since", "/since"), column("counts", "/counts"), column("until", "/until")];
/// What a change of a group's members shows.
const CHANGED: [Column; 4] =
    [column("id", "/group/id"), column("name", "/group/name"), column("changed", "/changed"), column("enforced_by", "/enforced_by")];

/// What an ordered update shows.
const SYNCED: [Column; 5] = [
    column("id", "/group/id"),
    column("name", "/group/name"),
    column("changed", "/changed"),
    column("late", "/late"),
    column("enforced_by", "/enforced_by"),
];

/// Put people together, to grant to all of them at once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offprint group create imaging-core\n  offprint group add imaging-core ada grace")]
pub(crate) struct GroupCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a group: you own it and are its first member.
    #[command(after_help = "Example:\n  offprint group create imaging-core")]
    Create {
        /// Its name, which no two have: a-z, 0-9 and -.
        name: String,
        /// What fills it: manual, synced (by ordered updates of a directory) or claimed (whenever somebody signs in).
        #[arg(long, value_name = "WORD", default_value = "manual")]
        kind: String,
    },
    /// List the groups that you are in.
    #[command(after_help = "Example:\n  offprint group list --json")]
    List {
        /// The most groups to list.
        #[arg(long, value_name = "N", default_value = "100")]
        limit: NonZeroUsize,
    },
    /// Show one group.
    #[command(after_help = "Example:\n  offprint group show imaging-core")]
    Show(One),
    /// List who is in a group.
    #[command(after_help = "Example:\n  offprint group members imaging-core -o csv")]
    Members {
        #[command(flatten)]
        group: One,
        /// The most people to list.
        #[arg(long, value_name = "N", default_value = "1000")]
        limit: NonZeroUsize,
    },
    /// Add people: they get what was granted to the group.
    #[command(after_help = "Example:\n  offprint group add imaging-core ada grace")]
    Add {
        #[command(flatten)]
        group: One,
        /// The people: names or ids.
        #[arg(value_name = "NAME|ID", required = true)]
        users: Vec<String>,
    },
    /// Tell a synced group who is in it, by the directory's own order: what is late or told again changes nothing, and ends with exit code 8.
    #[command(
        after_help = "Examples:\n  offprint group sync everybody people.txt --order 17\n  offprint group sync everybody left.txt --order 18 --remove"
    )]
    Sync {
        #[command(flatten)]
        group: One,
        /// A file with one name or id a line, read and sent a thousand at a time; - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The place of this in the directory's order: a number that grows, such as the time in milliseconds since 1970, and is no higher.
        #[arg(long, value_name = "N")]
        order: u64,
        /// They are not in it.
        #[arg(long)]
        remove: bool,
    },
    /// Take people out: they lose what they had through the group alone.
    #[command(after_help = "Example:\n  offprint group remove imaging-core ada --wait")]
    Remove {
        #[command(flatten)]
        group: One,
        /// The people: names or ids.
        #[arg(value_name = "NAME|ID", required = true)]
        users: Vec<String>,
        #[command(flatten)]
        sure: Sure,
    },
    /// Leave a group that somebody else owns.
    #[command(after_help = "Example:\n  offprint group leave imaging-core")]
    Leave {
        #[command(flatten)]
        group: One,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
    },
    /// Take a group out: nobody gets anything through it any more.
    #[command(after_help = "Example:\n  offprint group retire imaging-core")]
    Retire {
        #[command(flatten)]
        group: One,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
    },
    /// Take a group back in.
    #[command(after_help = "Example:\n  offprint group reinstate imaging-core")]
    Reinstate(One),
}

/// The group that is meant.
#[derive(Debug, Args)]
struct One {
    /// The group: its name or its id.
    #[arg(value_name = "GROUP")]
    group: String,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: GroupCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Create { name, kind } => {
            let group: Group = api.create(&["groups"], &NewGroup { name, kind: Some(kind) }).await?.body;
            let name = printable(&group.name);
            match group.kind.as_str() {
                "synced" => {
                    out.note(&format!("Fill it: offprint group sync {name} PEOPLE.txt --order 1; then: offprint group reinstate {name}"));
                }
                "claimed" => out.note("Whoever signs in with a token that names it is in it."),
                _ => out.note(&format!("Add people to it: offprint group add {name} NAME")),
            }
            show(&api, out, group).await
        }
        Verb::List { limit } => {
            let (groups, more): (Vec<Group>, bool) = api.list(&["groups"], &[], limit.get()).await?;
            out.list(&GROUP, &groups)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Show(One { group }) => show(&api, out, find(&api, &group).await?).await,
        Verb::Members { group: One { group }, limit } => {
            let (members, more): (Vec<Member>, bool) = api.list(&["groups", &group, "members"], &[], limit.get()).await?;
            out.list(&MEMBER, &members)?;
            out.more(more, limit);
            Ok(())
        }
        Verb::Add { group: One { group }, users } => {
            let changed = api.create::<MembersChanged>(&["groups", &group, "members"], &Members { users }).await?;
            tell(out, changed, false).await
        }
        Verb::Sync { group: One { group }, file, order, remove } => sync(&api, out, &group, &file, order, remove).await,
        Verb::Remove { group: One { group }, users, sure } => remove(&api, out, &group, users, &sure).await,
        Verb::Leave { group: One { group }, yes } => {
            let consequence = format!("You lose what only {} gives you. {}", printable(&group), how_fast());
            out.confirm(&consequence, "Leave this group?", yes).await?;
            tell(out, api.create(&["groups", &group, "leave"], &serde_json::json!({})).await?, false).await
        }
        Verb::Retire { group: One { group }, yes } => {
            let group = find(&api, &group).await?;
            let consequence = format!("Nobody gets anything through {} until it is reinstated. {}", printable(&group.name), how_fast());
            out.confirm(&consequence, "Retire this group?", yes).await?;
            stand(&api, out, &group, "retired").await
        }
        Verb::Reinstate(One { group }) => stand(&api, out, &find(&api, &group).await?, "active").await,
    }
}

/// Sends the people of a file, a request for each thousand: however many there are, no more of them are held.
async fn sync(api: &Api, out: Output, group: &str, file: &Path, order: u64, remove: bool) -> Result<(), Failure> {
    let read = |why: std::io::Error| Failure::new(Exit::Usage, format!("{} cannot be read: {why}", file.display()));
    let from: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).map_err(read)?))
    };
    let mut last: Option<Reply<SyncDone>> = None;
    let mut sum = (0_usize, 0_usize);
    let mut enforced_by = None;
    let mut lines =
        from.lines().map(|line| line.map(|line| line.trim().to_owned())).filter(|line| !line.as_ref().is_ok_and(String::is_empty));
    loop {
        let people = lines.by_ref().take(BATCH_ITEMS_MAX).collect::<Result<Vec<_>, _>>().map_err(read)?;
        if people.is_empty() && last.is_some() {
            break;
        }
        let ask =
            if remove { SyncAsk { order, add: Vec::new(), remove: people } } else { SyncAsk { order, add: people, remove: Vec::new() } };
        let done = api.act::<SyncDone>(&["groups", group, "sync"], &ask).await?;
        sum = (sum.0.saturating_add(done.body.changed), sum.1.saturating_add(done.body.late));
        // The last that took somebody out is in force the latest.
        enforced_by = done.body.enforced_by.clone().or(enforced_by);
        last = Some(done);
    }
    let Some(Reply { body: mut done, date, .. }) = last else { return Ok(()) };
    (done.changed, done.late) = sum;
    done.enforced_by = enforced_by;
    out.one(&SYNCED, &done)?;
    InForce { stops: Stops::Beyond, by: done.enforced_by.as_deref(), date, wait: false }.tell(out).await;
    if done.late == 0 {
        return Ok(());
    }
    out.note(&late(done.late, order));
    Err(Failure::silent(Exit::Some))
}

/// What the directory's words did not do.
fn late(people: usize, order: u64) -> String {
    let who = if people == 1 { "1 person stays as it was".to_owned() } else { format!("{people} people stay as they were") };
    format!("{who}: something of the order {order}, or of a higher one, was said before. Send what holds now under a higher order.")
}

async fn find(api: &Api, text: &str) -> Result<Group, Failure> {
    Ok(api.get(&["groups", text]).await?.body)
}

/// Prints a group; to a person, its owner by name.
async fn show(api: &Api, out: Output, mut group: Group) -> Result<(), Failure> {
    if out.format == Format::Table
        && let Some(name) = user::names(api, [group.owner.as_str()]).await.remove(&group.owner)
    {
        group.owner = name;
    }
    out.one(&GROUP, &group)
}

async fn stand(api: &Api, out: Output, group: &Group, state: &str) -> Result<(), Failure> {
    let edit = GroupEdit { state: state.to_owned() };
    let Reply { body: GroupChanged { group, enforced_by }, date, .. } =
        api.edit::<GroupChanged>(&["groups", &group.id], group.version, &edit).await?;
    show(api, out, group).await?;
    InForce { stops: Stops::Beyond, by: enforced_by.as_deref(), date, wait: false }.tell(out).await;
    Ok(())
}

async fn tell(out: Output, Reply { body: changed, date, .. }: Reply<MembersChanged>, wait: bool) -> Result<(), Failure> {
    out.one(&CHANGED, &changed)?;
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait }.tell(out).await;
    Ok(())
}

async fn remove(api: &Api, out: Output, group: &str, users: Vec<String>, sure: &Sure) -> Result<(), Failure> {
    let spoken = Spoken { said: Some(removal(group, &users)), by: "the group", asks: true };
    let (path, ask) = (["groups", group, "members", "remove"], Members { users });
    // Who has answered yes already waits for no sum.
    let would = if sure.yes { None } else { Some(api.trial::<MembersChanged>(Method::POST, &path, None, &ask).await?) };
    if !spoken.is_wanted(out, &would.and_then(|would| would.effects).unwrap_or_default(), sure).await? {
        return Ok(());
    }
    tell(out, api.create(&path, &ask).await?, sure.wait).await
}

/// What taking people out does.
fn removal(group: &str, users: &[String]) -> String {
    let who = match users {
        [only] => printable(only),
        many => format!("{} people", many.len()),
    };
    let (verb, they) = if users.len() == 1 { ("loses", "this person") } else { ("lose", "they") };
    format!("{who} {verb} what only the group {} gives, and links stop that {they} could make by it alone.", printable(group))
}

fn how_fast() -> String {
    format!(
        "Reading that only the group allowed stops within {}, by links within {} at the latest. {NOT_REACHED}",
        bound(Timing::PRIVATE),
        bound(Timing::WORLD)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_as_before_is_said() {
        assert!(late(1, 7).starts_with("1 person stays as it was: something of the order 7, or of a higher one, was said before."));
        assert!(late(20, 7).starts_with("20 people stay as they were"));
    }

    #[test]
    fn who_is_taken_out_is_said() {
        let said = |users: &[&str]| removal("core\u{1b}", &users.iter().map(|user| (*user).to_owned()).collect::<Vec<_>>());
        let one = "ada loses what only the group core\\u{1b} gives, and links stop that this person could make by it alone.";
        assert_eq!(said(&["ada"]), one);
        assert!(said(&["ada", "grace"]).starts_with("2 people lose what only the group"));
    }
}
