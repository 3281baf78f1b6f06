//! Whom a request names: a person, a group or a project by name or id, everybody with an account, or the world.

use domain::{
    grant::{Grant, Subject, group_name},
    id::{DatasetId, GroupId, ProjectId, UserId},
    project::project_name,
    user::User,
};
use edge::{App, problem::Problem};
use http::StatusCode;

use crate::group;

/// Reads `user:NAME|ID`, `group:NAME|ID`, `project:NAME|ID`, `accounts` or `world`.
///
/// # Errors
/// 422 `no-such-user`, `no-such-group`, `no-such-project`, `subject`.
pub(crate) async fn subject(app: &App, text: &str) -> Result<Subject, Problem> {
    match text.split_once(':') {
        Some(("user", name)) => Ok(Subject::User(person(app, name, "/to").await?.id)),
        Some(("group", name)) => group_of(app, name).await.map(Subject::Group),
        Some(("project", name)) => project(app, name).await.map(Subject::Project),
        None if text == "accounts" => Ok(Subject::Accounts),
        None if text == "world" => Ok(Subject::World),
        _ => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "subject", "nobody can be named so")
            .at("/to")
            .hint("`user:NAME`, `group:NAME`, `project:NAME`, `accounts` or `world`; an e-mail address is invited")),
    }
}

/// The person of a name or an id.
///
/// # Errors
/// 422 `no-such-user`.
pub(crate) async fn person(app: &App, text: &str, pointer: &'static str) -> Result<User, Problem> {
    let found = match UserId::parse(text) {
        Ok(id) => app.table.user(id).await?,
        Err(_a_name) => app.table.user_named(text).await?,
    };
    found.ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-user", "nobody here has this name")
            .at(pointer)
            .hint("the whole name, as the person's own `offprint whoami` shows it")
    })
}

async fn group_of(app: &App, text: &str) -> Result<GroupId, Problem> {
    let found = match (GroupId::parse(text), group_name(text)) {
        (Ok(id), _) => app.table.group(id).await?,
        (_, Some(name)) => app.table.group_named(&name).await?,
        _ => None,
    };
    found.map(|group| group.id).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-group", "there is no such group")
            .at("/to")
            .hint("see `offprint group list`")
    })
}

async fn project(app: &App, text: &str) -> Result<ProjectId, Problem> {
    let found = match (ProjectId::parse(text), project_name(text)) {
        (Ok(id), _) => app.table.project(id).await?,
        (_, Ok(name)) => app.table.project_named(&name).await?,
        _ => None,
    };
    found.map(|project| project.id).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-project", "there is no such project")
            .at("/to")
            .hint("see `offprint project list`")
    })
}

/// A subject as answers name it.
pub(crate) fn word(subject: Subject) -> String {
    match subject {
        Subject::User(user) => format!("user:{user}"),
        Subject::Group(group) => format!("group:{group}"),
        Subject::Project(project) => format!("project:{project}"),
        Subject::Accounts => "accounts".to_owned(),
        Subject::World => "world".to_owned(),
    }
}

/// Grants as answers show them, with the names of whom they are for.
pub(crate) async fn shown(app: &App, dataset: DatasetId, grants: &[Grant]) -> Result<Vec<wire::grant::Grant>, Problem> {
    let people: Vec<_> =
        grants.iter().filter_map(|grant| if let Subject::User(user) = grant.subject { Some(user) } else { None }).collect();
    let people = app.table.users(&people).await?;
    let mut all = Vec::new();
    for grant in grants {
        let mut group = None;
        let name = match grant.subject {
            Subject::User(id) => people.iter().find(|person| person.id == id).map(|person| person.name.clone()),
            Subject::Group(id) => {
                let there = app.table.group(id).await?.map(|group| group::shown(&group));
                group = there.as_ref().map(|there| wire::grant::GrantedGroup {
                    owner: there.owner.clone(),
                    kind: there.kind.clone(),
                    state: there.state.clone(),
                });
                there.map(|there| there.name)
            }
            Subject::Project(id) => app.table.project(id).await?.map(|project| project.name),
            Subject::Accounts | Subject::World => None,
        };
        all.push(wire::grant::Grant { group, ..one(dataset, grant, name) });
    }
    Ok(all)
}

fn one(dataset: DatasetId, grant: &Grant, name: Option<String>) -> wire::grant::Grant {
    wire::grant::Grant {
        dataset: dataset.to_string(),
        to: word(grant.subject),
        name,
        group: None,
        role: grant.role.word().to_owned(),
        may_share: grant.may_share,
        level: grant.level,
        not_before: grant.conditions.not_before.map(|at| at.to_string()),
        until: grant.conditions.until.map(|at| at.to_string()),
        zones: grant.conditions.zones.texts().collect(),
        by: grant.by.to_string(),
        break_glass: grant.is_broken_glass(),
        at: grant.at.to_string(),
        state: match grant.hold {
            domain::grant::Hold::Active => "active",
            domain::grant::Hold::Withdrawn => "withdrawn",
        }
        .to_owned(),
        counts: None,
        version: grant.version,
    }
}
