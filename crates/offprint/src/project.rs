//! `offprint project`: create, list, show, members, datasets, links, edit, add, remove, leave, put, take, retire, reinstate,
//! invitations, uninvite.

use std::num::NonZeroUsize;

use clap::{ArgGroup, Args, Subcommand, builder::PossibleValuesParser};
use reqwest::Method;
use serde::Serialize;
use wire::{
    dataset::Dataset,
    grant::{Invitation, SharedLink},
    project::{
        NewProject, Participant, ParticipantsAsk, ParticipantsChanged, ParticipantsOut, PlaceAsk, Placed, PolicyAsk, Project,
        ProjectChanged, ProjectEdit, UninviteAsk,
    },
};

use crate::{
    api::{Api, InForce, Remote, Reply, Stops},
    dataset::{Named, find_id},
    effects::{Spoken, Sure, how_fast},
    exit::Failure,
    invitation::LIST as INVITATION,
    output::{Column, Output, column, printable},
};

/// What a project shows.
const PROJECT: [Column; 8] = [
    column("id", "/id"),
    column("name", "/name"),
    column("role", "/role"),
    column("view", "/policy/view"),
    column("figures", "/policy/figures"),
    column("clone", "/policy/clone"),
    column("state", "/state"),
    column("made", "/made"),
];
/// What a person in a project shows.
const MEMBER: [Column; 4] = [column("id", "/user"), column("name", "/name"), column("role", "/role"), column("since", "/since")];
/// What a dataset in a project shows.
const DATASET: [Column; 5] =
    [column("id", "/id"), column("kind", "/kind"), column("audience", "/audience"), column("place", "/place"), column("rights", "/rights")];
/// What a link on such a dataset shows.
const LINK: [Column; 6] = [
    column("dataset", "/dataset"),
    column("link", "/id"),
    column("path", "/path"),
    column("class", "/class"),
    column("state", "/state"),
    column("until", "/until"),
];
/// What a change of members shows.
const CHANGED: [Column; 3] = [column("project", "/project"), column("changed", "/changed"), column("enforced_by", "/enforced_by")];
/// What a dataset that was put or taken out shows.
const PLACED: [Column; 4] = [
    column("id", "/dataset/id"),
    column("place", "/dataset/place"),
    column("project", "/dataset/project"),
    column("visibility", "/dataset/visibility"),
];

/// Share datasets among people, under one policy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  offprint project create retina --view download
  offprint project add retina ada grace
  offprint project put retina lab:retina/exp-03.ome.zarr")]
pub(crate) struct ProjectCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a project: you are its first manager.
    #[command(after_help = "Example:\n  offprint project create retina --view download --clone files")]
    Create {
        /// Its name, which no two have: a-z, 0-9 and -.
        name: String,
        #[command(flatten)]
        policy: PolicyWords,
    },
    /// List the projects that you are in.
    #[command(after_help = "Example:\n  offprint project list --json")]
    List(Most),
    /// Show one project: its policy, and your part in it.
    #[command(after_help = "Example:\n  offprint project show retina")]
    Show(One),
    /// List who is in a project.
    #[command(after_help = "Example:\n  offprint project members retina -o csv")]
    Members {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        most: Most,
    },
    /// List who is invited into a project and is to accept: people whom whoever asked them is not connected with.
    #[command(after_help = "Example:\n  offprint project invitations retina")]
    Invitations {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        most: Most,
    },
    /// Take an invitation into a project back.
    #[command(after_help = "Example:\n  offprint project uninvite retina nia")]
    Uninvite {
        #[command(flatten)]
        project: One,
        /// The name or id of the person that it waits for.
        #[arg(value_name = "NAME|ID")]
        user: String,
        /// Why: it stays with the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// List what is in a project.
    #[command(after_help = "Example:\n  offprint project datasets retina")]
    Datasets {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        most: Most,
    },
    /// List the links on what is in a project: yours, and where you decide who gets in, everybody's.
    #[command(after_help = "Example:\n  offprint project links retina --json")]
    Links {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        most: Most,
    },
    /// Change its name or what its members may do, after saying who gains and who loses by it.
    #[command(
        after_help = "Examples:\n  offprint project edit retina --view full --dry-run\n  offprint project edit retina --name retina-2027"
    )]
    Edit(Edit),
    /// Take people in, or give them another role.
    #[command(after_help = "Example:\n  offprint project add retina ada grace --role leader")]
    Add {
        #[command(flatten)]
        project: One,
        /// The people: names or ids.
        #[arg(value_name = "NAME|ID", required = true)]
        users: Vec<String>,
        /// As what: member, leader (a member with a label) or manager.
        #[arg(long, value_name = "WORD", default_value = "member", value_parser = PossibleValuesParser::new(["member", "leader", "manager"]), hide_possible_values = true)]
        role: String,
        #[command(flatten)]
        sure: Sure,
    },
    /// Take people out: they lose what they had through the project alone.
    #[command(after_help = "Example:\n  offprint project remove retina ada --wait")]
    Remove {
        #[command(flatten)]
        project: One,
        /// The people: names or ids.
        #[arg(value_name = "NAME|ID", required = true)]
        users: Vec<String>,
        #[command(flatten)]
        sure: Sure,
    },
    /// Leave a project. What you put into it stays there.
    #[command(after_help = "Example:\n  offprint project leave retina")]
    Leave {
        #[command(flatten)]
        project: One,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
    },
    /// Put a dataset into a project, out of another where it is in one.
    #[command(after_help = "Example:\n  offprint project put retina lab:retina/exp-03.ome.zarr")]
    Put(Place),
    /// Take a dataset out of a project.
    #[command(after_help = "Example:\n  offprint project take retina lab:retina/exp-03.ome.zarr --dry-run")]
    Take(Place),
    /// Take a project out: nobody gets anything through it any more.
    #[command(after_help = "Example:\n  offprint project retire retina")]
    Retire {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        sure: Sure,
    },
    /// Take a project back in.
    #[command(after_help = "Example:\n  offprint project reinstate retina")]
    Reinstate {
        #[command(flatten)]
        project: One,
        #[command(flatten)]
        sure: Sure,
    },
}

/// The project that is meant.
#[derive(Debug, Args)]
struct One {
    /// The project: its name or its id.
    #[arg(value_name = "PROJECT")]
    project: String,
}

/// How many are listed.
#[derive(Debug, Args)]
struct Most {
    /// The most to list.
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
}

/// A policy, as far as it is said.
#[derive(Debug, Args)]
struct PolicyWords {
    /// How much members see: preview, view, download or full.
    #[arg(long, value_name = "WORD", value_parser = PossibleValuesParser::new(["preview", "view", "download", "full"]), hide_possible_values = true)]
    view: Option<String>,
    /// Whether they may store views: true or false.
    #[arg(long, value_name = "BOOL")]
    figures: Option<bool>,
    /// How they may clone: none, files or full.
    #[arg(long, value_name = "WORD", value_parser = PossibleValuesParser::new(["none", "files", "full"]), hide_possible_values = true)]
    clone: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").args(["name", "view", "figures", "clone"]).required(true).multiple(true))]
struct Edit {
    #[command(flatten)]
    project: One,
    /// Another name; the one that it has leads to it still.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    policy: PolicyWords,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    project: One,
    /// The dataset: NAME:PATH, or its id.
    #[arg(value_name = "PLACE|ID")]
    dataset: Named,
    #[command(flatten)]
    sure: Sure,
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(command: ProjectCommand) -> Result<(), Failure> {
    let (api, out) = (command.remote.api()?, command.remote.out());
    match command.verb {
        Verb::Create { name, policy } => {
            let project: Project = api.create(&["projects"], &NewProject { name, policy: policy.into() }).await?.body;
            let name = printable(&project.name);
            out.note(&format!("Take people in: offprint project add {name} NAME; put data in: offprint project put {name} PLACE"));
            out.one(&PROJECT, &project)
        }
        Verb::List(most) => list::<Project>(&api, out, &["projects"], &PROJECT, &most).await,
        Verb::Show(One { project }) => out.one(&PROJECT, &find(&api, &project).await?),
        Verb::Members { project, most } => list::<Participant>(&api, out, &["projects", &project.project, "members"], &MEMBER, &most).await,
        Verb::Invitations { project, most } => {
            list::<Invitation>(&api, out, &["projects", &project.project, "invitations"], &INVITATION, &most).await
        }
        Verb::Uninvite { project, user, reason } => {
            let path = ["projects", &project.project, "invitations", "withdraw"];
            let Reply { body: gone, .. } = api.act::<Invitation>(&path, &UninviteAsk { user, reason }).await?;
            out.one(&INVITATION, &gone)
        }
        Verb::Datasets { project, most } => list::<Dataset>(&api, out, &["projects", &project.project, "datasets"], &DATASET, &most).await,
        Verb::Links { project, most } => list::<SharedLink>(&api, out, &["projects", &project.project, "links"], &LINK, &most).await,
        Verb::Edit(ask) => edit(&api, out, ask).await,
        Verb::Add { project, users, role, sure } => {
            let ask = ParticipantsAsk { users, role: Some(role) };
            members(&api, out, &["projects", &project.project, "members"], &ask, (&sure, false)).await
        }
        Verb::Remove { project, users, sure } => {
            let ask = ParticipantsOut { users };
            members(&api, out, &["projects", &project.project, "members", "remove"], &ask, (&sure, true)).await
        }
        Verb::Leave { project: One { project }, yes } => {
            let consequence = format!(
                "You lose what only {} gives you. What you put into it stays there. {}",
                printable(&project),
                how_fast("the project")
            );
            out.confirm(&consequence, "Leave this project?", yes).await?;
            let left = api.create::<ParticipantsChanged>(&["projects", &project, "leave"], &serde_json::json!({})).await?;
            tell(out, left, false).await
        }
        Verb::Put(ask) => place(&api, out, &ask, false).await,
        Verb::Take(ask) => place(&api, out, &ask, true).await,
        Verb::Retire { project, sure } => stand(&api, out, &project, "retired", &sure).await,
        Verb::Reinstate { project, sure } => stand(&api, out, &project, "active", &sure).await,
    }
}

impl From<PolicyWords> for PolicyAsk {
    fn from(PolicyWords { view, figures, clone }: PolicyWords) -> Self {
        Self { view, figures, clone }
    }
}

async fn list<T: serde::de::DeserializeOwned + Serialize>(
    api: &Api,
    out: Output,
    path: &[&str],
    columns: &[Column],
    most: &Most,
) -> Result<(), Failure> {
    let (items, more): (Vec<T>, bool) = api.list(path, &[], most.limit.get()).await?;
    out.list(columns, &items)?;
    out.more(more, most.limit);
    Ok(())
}

async fn find(api: &Api, text: &str) -> Result<Project, Failure> {
    Ok(api.get(&["projects", text]).await?.body)
}

async fn edit(api: &Api, out: Output, ask: Edit) -> Result<(), Failure> {
    let project = find(api, &ask.project.project).await?;
    change(api, out, &project, &ProjectEdit { name: ask.name, policy: ask.policy.into(), state: None }, &ask.sure).await
}

async fn stand(api: &Api, out: Output, project: &One, state: &str, sure: &Sure) -> Result<(), Failure> {
    let project = find(api, &project.project).await?;
    change(api, out, &project, &ProjectEdit { state: Some(state.to_owned()), ..ProjectEdit::default() }, sure).await
}

async fn change(api: &Api, out: Output, project: &Project, edit: &ProjectEdit, sure: &Sure) -> Result<(), Failure> {
    let path = ["projects", project.id.as_str()];
    let would: ProjectChanged = api.trial(Method::PATCH, &path, Some(project.version), edit).await?;
    if !spoken(false).is_wanted(out, &would.effects.unwrap_or_default(), sure).await? {
        return Ok(());
    }
    let Reply { body: changed, date, .. } = api.edit::<ProjectChanged>(&path, project.version, edit).await?;
    out.one(&PROJECT, &changed)?;
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait: sure.wait }.tell(out).await;
    Ok(())
}

async fn members(api: &Api, out: Output, path: &[&str], ask: &impl Serialize, (sure, asks): (&Sure, bool)) -> Result<(), Failure> {
    let would: ParticipantsChanged = api.trial(Method::POST, path, None, ask).await?;
    if !spoken(asks).is_wanted(out, &would.effects.unwrap_or_default(), sure).await? {
        return Ok(());
    }
    let changed = api.create::<ParticipantsChanged>(path, ask).await?;
    tell(out, changed, sure.wait).await
}

async fn place(api: &Api, out: Output, ask: &Place, takes: bool) -> Result<(), Failure> {
    let project = ask.project.project.as_str();
    // Only what is registered is in a project; what is to be in one may be registered for it.
    let dataset = if takes { find_id(api, &ask.dataset.to_string()).await? } else { ask.dataset.dataset(api, out).await?.id };
    let body = PlaceAsk { dataset };
    let put = ["projects", project, "datasets"];
    let take = ["projects", project, "datasets", "remove"];
    let path: &[&str] = if takes { &take } else { &put };
    let would: Placed = api.trial(Method::POST, path, None, &body).await?;
    if !spoken(takes).is_wanted(out, &would.effects.unwrap_or_default(), &ask.sure).await? {
        return Ok(());
    }
    let Reply { body: placed, date, .. } = api.create::<Placed>(path, &body).await?;
    out.one(&PLACED, &placed)?;
    InForce { stops: Stops::Beyond, by: placed.enforced_by.as_deref(), date, wait: ask.sure.wait }.tell(out).await;
    Ok(())
}

async fn tell(out: Output, Reply { body: changed, date, .. }: Reply<ParticipantsChanged>, wait: bool) -> Result<(), Failure> {
    out.one(&CHANGED, &changed)?;
    if !changed.invited.is_empty() {
        let names: Vec<_> =
            changed.invited.iter().filter_map(|sent| sent.name.as_deref().or(sent.user.as_deref())).map(printable).collect();
        out.note(&format!("Asked first, and not in it before accepting: {}.", names.join(", ")));
    }
    InForce { stops: Stops::Beyond, by: changed.enforced_by.as_deref(), date, wait }.tell(out).await;
    Ok(())
}

/// A change of a project, which asks in any case where that is said.
fn spoken(asks: bool) -> Spoken<'static> {
    Spoken { said: None, by: "the project", asks }
}
