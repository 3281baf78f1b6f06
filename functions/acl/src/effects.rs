//! Who would gain and who would lose what by a change of a project, or of a dataset, before anything is written.
//!
//! Each person is asked about at each dataset as things are and as they would be, by the decision's own sum of rights: so what somebody keeps by
//! another way is not lost. Not here: what lies below those datasets, which follows them where nothing restricted is in between.

use std::collections::BTreeMap;

use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, Facts},
    grant::{Hold, Net, Participation, ProjectRole, Subject},
    id::{DatasetId, GroupId, ProjectId, UserId},
    limits::EFFECTS_MAX,
    project::Project,
    rights::Rights,
    source::State,
    user::User,
};
use edge::{App, caller::Caller, problem::Problem};
use jiff::Timestamp;
use std::sync::Arc;
use table::Page;

use crate::ways::words;

/// The part that a person would have then in each project that a change is about.
type Parts = Vec<(ProjectId, Option<Participation>)>;

/// A change that is only supposed.
pub(crate) struct Supposed {
    /// Everybody whom it may concern.
    people: Vec<(UserId, Parts)>,
    /// Every dataset that it may concern; and how one would be then, where that is what changes.
    datasets: Vec<(DatasetId, Option<Dataset>)>,
}

impl Supposed {
    /// A project as it would be after a change of its policy or state.
    pub(crate) async fn change(app: &App, before: &Project, after: Project) -> Result<Self, Problem> {
        let people = app.table.everybody_in(before.id).await?;
        let people = people.into_iter().map(|part| (part.user, vec![(after.id, takes_part(&after, Some(part.role)))])).collect();
        Ok(Self { people, datasets: reached(app, before.id).await? })
    }

    /// People in a project as wanted, or not at all.
    pub(crate) async fn members(
        app: &App,
        project: &Project,
        mut people: Vec<UserId>,
        wanted: Option<ProjectRole>,
    ) -> Result<Self, Problem> {
        people.sort_unstable();
        people.dedup();
        let part = takes_part(project, wanted);
        let people = people.into_iter().map(|user| (user, vec![(project.id, part)])).collect();
        Ok(Self { people, datasets: reached(app, project.id).await? })
    }

    /// A dataset in this project, or in none any more.
    pub(crate) async fn placed(app: &App, before: &Dataset, project: Option<&Project>) -> Result<Self, Problem> {
        let mut people: BTreeMap<UserId, Parts> = BTreeMap::new();
        if let Some(left) = before.project {
            let everybody = app.table.everybody_in(left).await?;
            people.extend(everybody.into_iter().map(|part| (part.user, Vec::new())));
        }
        if let Some(project) = project {
            for part in app.table.everybody_in(project.id).await? {
                people.entry(part.user).or_default().push((project.id, takes_part(project, Some(part.role))));
            }
        }
        let after = before.moved(project.map(|project| project.id));
        Ok(Self { people: people.into_iter().collect(), datasets: vec![(before.id, Some(after))] })
    }

    /// A dataset that is retired: of everybody to whom it is granted, by name, by a group or a project, and who is in its project.
    pub(crate) async fn retired(app: &App, before: &Dataset, after: Dataset) -> Result<Self, Problem> {
        let mut people = vec![before.owner];
        let mut projects: Vec<_> = before.project.into_iter().collect();
        let mut page = Page::default();
        loop {
            let found = app.table.grants_on(before.id, &page).await?;
            for grant in found.items.iter().filter(|grant| grant.hold == Hold::Active) {
                match grant.subject {
                    Subject::User(user) => people.push(user),
                    Subject::Group(group) => people.extend(members(app, group).await?),
                    Subject::Project(project) => projects.push(project),
                    Subject::Accounts | Subject::World => {}
                }
            }
            page.position = found.next;
            if page.position.is_none() {
                break;
            }
        }
        for project in projects {
            people.extend(app.table.everybody_in(project).await?.into_iter().map(|part| part.user));
        }
        people.sort_unstable();
        people.dedup();
        Ok(Self { people: people.into_iter().map(|user| (user, Vec::new())).collect(), datasets: vec![(before.id, Some(after))] })
    }
}

/// The members of a group, about as many as are looked at.
async fn members(app: &App, group: GroupId) -> Result<Vec<UserId>, Problem> {
    let (mut all, mut page) = (Vec::new(), Page::default());
    loop {
        let found = app.table.members(group, &page).await?;
        all.extend(found.items.into_iter().filter(|member| member.hold == Hold::Active).map(|member| member.user));
        page.position = found.next;
        if page.position.is_none() || all.len() > EFFECTS_MAX {
            return Ok(all);
        }
    }
}

fn takes_part(project: &Project, role: Option<ProjectRole>) -> Option<Participation> {
    let role = role.filter(|_| project.state == State::Active)?;
    Some(Participation { project: project.id, role, policy: project.policy })
}

/// Every dataset that is in a project, or granted to its members.
async fn reached(app: &App, project: ProjectId) -> Result<Vec<(DatasetId, Option<Dataset>)>, Problem> {
    let mut all = Vec::new();
    let mut page = Page::default();
    loop {
        let found = app.table.ids_in(project, &page).await?;
        all.extend(found.items);
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    loop {
        let found = app.table.granted_to(Subject::Project(project), &page).await?;
        all.extend(found.items);
        page.position = found.next;
        if page.position.is_none() {
            break;
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all.into_iter().map(|dataset| (dataset, None)).collect())
}

/// What one person would gain and lose, and on how many datasets.
#[derive(Default)]
struct Difference {
    gains: (Rights, usize),
    loses: (Rights, usize),
}

/// What it would do, for who administers what it is about.
///
/// # Errors
/// 503 where the table does not answer.
pub(crate) async fn of(app: &App, caller: &Caller, supposed: &Supposed, now: Timestamp) -> Result<wire::project::Effects, Problem> {
    let all = supposed.people.len().saturating_mul(supposed.datasets.len());
    // Others' rights are for who administers the dataset to see, here as in `check`.
    let some = supposed.datasets.get(..EFFECTS_MAX).unwrap_or(&supposed.datasets);
    let own: Vec<_> = some.iter().map(|(dataset, _)| (*dataset, caller.user.id)).collect();
    let own = app.table.facts_of_pairs(&own).await?;
    let administers =
        |facts: Option<DatasetFacts>| facts.is_some_and(|facts| caller.may(Action::Grant, &Facts::Dataset(Arc::new(facts)), now).is_ok());
    let administered = some.iter().zip(own).filter_map(|(dataset, facts)| administers(facts).then_some(dataset));
    let pairs: Vec<_> =
        administered.flat_map(|dataset| supposed.people.iter().map(move |person| (dataset, person))).take(EFFECTS_MAX).collect();
    let facts = app.table.facts_of_pairs(&pairs.iter().map(|(dataset, person)| (dataset.0, person.0)).collect::<Vec<_>>()).await?;
    let mut people: Vec<_> = pairs.iter().map(|(_, person)| person.0).collect();
    people.sort_unstable();
    people.dedup();
    let known: BTreeMap<UserId, User> = app.table.users(&people).await?.into_iter().map(|user| (user.id, user)).collect();
    let mut differences: BTreeMap<UserId, Difference> = BTreeMap::new();
    for (((_, after), (user, parts)), facts) in pairs.iter().zip(facts) {
        let (Some(user), Some(facts)) = (known.get(user), facts) else { continue };
        note(differences.entry(user.id).or_default(), user, &facts, (after.as_ref(), parts), now);
    }
    let told = |of: fn(&Difference) -> (Rights, usize)| {
        let some = differences.iter().map(|(user, difference)| (user, of(difference))).filter(|(_, (rights, _))| !rights.is_empty());
        let one = |(user, (rights, datasets)): (&UserId, (Rights, usize))| wire::project::Effect {
            user: user.to_string(),
            name: known.get(user).map(|user| user.name.clone()).unwrap_or_default(),
            rights: words(rights),
            datasets,
        };
        some.map(one).collect()
    };
    Ok(wire::project::Effects {
        gains: told(|difference| difference.gains),
        loses: told(|difference| difference.loses),
        more: all.saturating_sub(pairs.len()),
    })
}

fn note(
    difference: &mut Difference,
    user: &User,
    facts: &DatasetFacts,
    (dataset, parts): (Option<&Dataset>, &[(ProjectId, Option<Participation>)]),
    now: Timestamp,
) {
    let dataset = dataset.unwrap_or(&facts.place.dataset);
    let mut then = facts.supposing(dataset.clone());
    for (project, part) in parts {
        then = then.with_part(*project, *part);
    }
    let rights = |facts: &DatasetFacts| facts.rights_of(Some(user), Net::Anywhere, now);
    let (has, would) = (rights(facts), rights(&then));
    for (sum, more) in [(&mut difference.gains, would.without(has)), (&mut difference.loses, has.without(would))] {
        if !more.is_empty() {
            *sum = (sum.0.or(more), sum.1.saturating_add(1));
        }
    }
}
