//! Who would gain and who would lose what by a change of a project, a group, a grant or a dataset, and which links would stop, before anything
//! is written.
//!
//! Each person is asked about at each dataset as things are and as they would be, by the decision's own sum of rights: so what somebody keeps by
//! another way is not lost. Not here: what lies below those datasets, which follows them where nothing restricted is in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    dataset::{Dataset, Visibility},
    decision::{Action, DatasetFacts, Facts},
    grant::{Grant, Hold, Membership, Net, Participation, ProjectRole, Subject},
    id::{DatasetId, GroupId, ProjectId, UserId},
    limits::EFFECTS_MAX,
    project::Project,
    rights::{Right, Rights},
    source::State,
    user::User,
};
use edge::{App, caller::Caller, problem::Problem};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use table::Page;

use crate::{ending::Ending, group, project, ways::words};

/// Whether a change is only asked about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Trial {
    /// Write nothing, and answer who would gain and who would lose what.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// What would be another thing of what somebody has.
#[derive(Debug, Clone)]
enum Turn {
    /// The part in a project.
    Part(ProjectId, Option<Participation>),
    /// The person leaves a group.
    Leaves(GroupId),
    /// The person is in a group, as long as its members count.
    Joins(Membership),
    /// This is granted on the dataset.
    Gains(DatasetId, Arc<Grant>),
    /// Nothing is granted to this subject on the dataset any more.
    Loses(DatasetId, Subject),
    /// The dataset is restricted, or no more.
    Cut(bool),
}

impl Turn {
    fn of(&self, facts: DatasetFacts) -> DatasetFacts {
        match self {
            Self::Part(project, part) => facts.with_part(*project, *part),
            Self::Leaves(group) => facts.without_group(*group),
            Self::Joins(membership) => facts.with_group(*membership),
            Self::Gains(dataset, grant) => facts.with_grant(*dataset, grant),
            Self::Loses(dataset, subject) => facts.without_grant(*dataset, *subject),
            Self::Cut(restricted) => facts.cut_off(*restricted),
        }
    }
}

/// A change that is only supposed.
pub(crate) struct Supposed {
    /// Everybody whom it may concern, of as many as are looked at.
    people: Vec<(UserId, Vec<Turn>)>,
    /// Of whom the caller may be told; `None`: of everybody.
    named: Option<BTreeSet<UserId>>,
    /// How many more there are.
    others: usize,
    /// It concerns somebody of a group or project that is not the caller's to know of: neither who nor how many is told.
    unnamed: bool,
    /// Every dataset that it may concern; and how one would be then, where that is what changes.
    datasets: Vec<(DatasetId, Option<Dataset>)>,
    /// What lies above, as it would be, where links on it may stop by that.
    above: Vec<Dataset>,
}

impl Supposed {
    /// A change of which all may be told whom it concerns, and all are looked at.
    fn of_all(people: Vec<(UserId, Vec<Turn>)>, datasets: Vec<(DatasetId, Option<Dataset>)>) -> Self {
        Self { people, named: None, others: 0, unnamed: false, datasets, above: Vec::new() }
    }

    /// A change for each of those whom subjects name, as far as the caller may be told.
    fn of_named(named: Named, turns: &[Turn], datasets: Vec<(DatasetId, Option<Dataset>)>) -> Self {
        let Named { people, told, others, unnamed } = named;
        Self { people: once_each(people, turns), named: Some(told), others, unnamed, datasets, above: Vec::new() }
    }

    /// A project as it would be after a change of its policy or state.
    pub(crate) async fn change(app: &App, before: &Project, after: Project) -> Result<Self, Problem> {
        let people = app.table.everybody_in(before.id).await?;
        let people = people.into_iter().map(|part| (part.user, vec![Turn::Part(after.id, takes_part(&after, Some(part.role)))])).collect();
        Ok(Self::of_all(people, reached(app, Subject::Project(before.id)).await?))
    }

    /// People in a project as wanted, or not at all.
    pub(crate) async fn members(app: &App, project: &Project, people: Vec<UserId>, wanted: Option<ProjectRole>) -> Result<Self, Problem> {
        let people = once_each(people, &[Turn::Part(project.id, takes_part(project, wanted))]);
        Ok(Self::of_all(people, reached(app, Subject::Project(project.id)).await?))
    }

    /// People who leave a group.
    pub(crate) async fn left(app: &App, group: GroupId, people: Vec<UserId>) -> Result<Self, Problem> {
        let people = once_each(people, &[Turn::Leaves(group)]);
        Ok(Self::of_all(people, reached(app, Subject::Group(group)).await?))
    }

    /// Datasets on which this is granted to `subject`: of those whom it names, alone or as members.
    pub(crate) async fn given(app: &App, caller: &Caller, subject: Subject, given: Vec<(DatasetId, Grant)>) -> Result<Self, Problem> {
        let datasets = given.iter().map(|(dataset, _)| (*dataset, None)).collect();
        let mut turns: Vec<_> = given.into_iter().map(|(dataset, grant)| Turn::Gains(dataset, Arc::new(grant))).collect();
        if let Subject::Group(group) = subject {
            let until = app.table.group(group).await?.and_then(|group| group.counts_until());
            turns.extend(until.map(|until| Turn::Joins(Membership { group, until })));
        }
        let mut supposed = Self::of_named(people_of(app, caller, [subject]).await?, &turns, datasets);
        if let Subject::Project(project) = subject
            && let Some(project) = app.table.project(project).await?
        {
            let parts = app.table.everybody_in(project.id).await?;
            let part = |user| parts.iter().find(|part| part.user == user).map(|part| part.role);
            for (user, turns) in &mut supposed.people {
                turns.push(Turn::Part(project.id, takes_part(&project, part(*user))));
            }
        }
        Ok(supposed)
    }

    /// Datasets on which nothing is granted to `subject` any more: of those whom it names, alone or as members. What all accounts lose, or
    /// the world, is nobody's in particular.
    pub(crate) async fn withdrawn(app: &App, caller: &Caller, datasets: Vec<DatasetId>, subject: Subject) -> Result<Self, Problem> {
        let turns: Vec<_> = datasets.iter().map(|dataset| Turn::Loses(*dataset, subject)).collect();
        let datasets = datasets.into_iter().map(|dataset| (dataset, None)).collect();
        Ok(Self::of_named(people_of(app, caller, [subject]).await?, &turns, datasets))
    }

    /// A dataset in this project, which the caller is in, or in none any more. Who is in the project that it leaves, not everybody may know who
    /// takes it out.
    pub(crate) async fn placed(app: &App, caller: &Caller, before: &Dataset, project: Option<&Project>) -> Result<Self, Problem> {
        let mut named = people_of(app, caller, before.project.map(Subject::Project)).await?;
        let mut parts = BTreeMap::new();
        if let Some(project) = project {
            let everybody = app.table.everybody_in(project.id).await?;
            parts.extend(everybody.into_iter().map(|part| (part.user, Turn::Part(project.id, takes_part(project, Some(part.role))))));
            named.people.extend(parts.keys());
            named.told.extend(parts.keys());
        }
        let datasets = vec![(before.id, Some(before.moved(project.map(|project| project.id))))];
        let mut supposed = Self::of_named(named, &[], datasets);
        for (user, turns) in &mut supposed.people {
            turns.extend(parts.remove(user));
        }
        Ok(supposed)
    }

    /// A dataset that is retired: of everybody to whom it is granted, by name, by a group or a project, and who is in its project.
    pub(crate) async fn retired(app: &App, caller: &Caller, before: &Dataset, after: Dataset) -> Result<Self, Problem> {
        let mut subjects = vec![Subject::User(before.owner)];
        subjects.extend(before.project.map(Subject::Project));
        subjects.extend(granted_on(app, before.id).await?);
        Self::of_subjects(app, caller, subjects, after).await
    }

    /// A dataset with another visibility: of who is in its project, where it is open to the project by that, or no more. What all accounts get, or
    /// the world, is nobody's in particular.
    pub(crate) async fn shown_to(app: &App, caller: &Caller, before: &Dataset, after: Dataset) -> Result<Self, Problem> {
        let is_open = |dataset: &Dataset| dataset.visibility >= Visibility::Project;
        let project = before.project.filter(|_| is_open(before) != is_open(&after)).map(Subject::Project);
        Self::of_subjects(app, caller, project.into_iter().collect(), after).await
    }

    /// A dataset that is restricted, or no more: of everybody to whom something is granted above it, and who is in a project of what lies above.
    pub(crate) async fn cut(app: &App, caller: &Caller, facts: &DatasetFacts, restricted: bool) -> Result<Self, Problem> {
        let mut subjects = Vec::new();
        for above in facts.reach.above.iter().map(|above| &above.dataset) {
            subjects.extend(above.project.map(Subject::Project));
            subjects.extend(granted_on(app, above.id).await?);
        }
        let then = facts.clone().cut_off(restricted);
        let mut supposed = Self::of_subjects(app, caller, subjects, then.place.dataset).await?;
        supposed.people.iter_mut().for_each(|(_, turns)| turns.push(Turn::Cut(restricted)));
        supposed.above = then.reach.above.into_iter().map(|above| above.dataset).collect();
        Ok(supposed)
    }

    /// A dataset that would be this, and whomever these name, alone or as members.
    async fn of_subjects(app: &App, caller: &Caller, mut subjects: Vec<Subject>, after: Dataset) -> Result<Self, Problem> {
        subjects.sort_unstable();
        subjects.dedup();
        Ok(Self::of_named(people_of(app, caller, subjects).await?, &[], vec![(after.id, Some(after))]))
    }

    /// Whether the caller may be told of somebody.
    fn names(&self, user: UserId) -> bool {
        self.named.as_ref().is_none_or(|named| named.contains(&user))
    }
}

/// To whom something is granted on a dataset.
async fn granted_on(app: &App, dataset: DatasetId) -> Result<Vec<Subject>, Problem> {
    let (mut subjects, mut page) = (Vec::new(), Page::default());
    loop {
        let found = app.table.grants_on(dataset, &page).await?;
        subjects.extend(found.items.iter().filter(|grant| grant.hold == Hold::Active).map(|grant| grant.subject));
        page.position = found.next;
        if page.position.is_none() {
            return Ok(subjects);
        }
    }
}

/// Each person once, with what would be another thing for all of them.
fn once_each(people: Vec<UserId>, turns: &[Turn]) -> Vec<(UserId, Vec<Turn>)> {
    BTreeSet::from_iter(people).into_iter().map(|user| (user, turns.to_vec())).collect()
}

/// Whom subjects name, alone or as members.
#[derive(Default)]
struct Named {
    /// About as many as are looked at.
    people: Vec<UserId>,
    /// Those of them of whom the caller may be told: whoever may grant to a group or project by its name is not to learn by that who is in it, nor
    /// how many.
    told: BTreeSet<UserId>,
    /// How many more there are of whom the caller may be told.
    others: usize,
    /// There are those of whom the caller may not be told.
    unnamed: bool,
}

async fn people_of(app: &App, caller: &Caller, subjects: impl IntoIterator<Item = Subject>) -> Result<Named, Problem> {
    let now = app.now();
    let mut named = Named::default();
    for subject in subjects {
        let (people, others, known) = match subject {
            Subject::User(user) => (vec![user], 0, true),
            Subject::Group(group) => {
                let known = is_known(group::load(app, caller, &group.to_string(), Action::See, now).await)?;
                let (people, others) = members(app, group).await?;
                (people, others, known)
            }
            Subject::Project(project) => {
                let known = is_known(project::load(app, caller, &project.to_string(), Action::See, now).await)?;
                (app.table.everybody_in(project).await?.into_iter().map(|part| part.user).collect(), 0, known)
            }
            Subject::Accounts | Subject::World => (Vec::new(), 0, true),
        };
        if known {
            named.told.extend(&people);
            named.others = named.others.saturating_add(others);
        }
        named.unnamed |= !known;
        named.people.extend(people);
    }
    Ok(named)
}

/// Whether something is the caller's to know of.
fn is_known<T>(loaded: Result<T, Problem>) -> Result<bool, Problem> {
    match loaded {
        Ok(_known) => Ok(true),
        Err(why) if why.status == StatusCode::NOT_FOUND => Ok(false),
        Err(why) => Err(why),
    }
}

/// The members of a group, about as many as are looked at; and how many more there are.
async fn members(app: &App, group: GroupId) -> Result<(Vec<UserId>, usize), Problem> {
    let (mut all, mut page) = (Vec::new(), Page::default());
    loop {
        let found = app.table.members(group, &page).await?;
        all.extend(found.items.into_iter().filter(|member| member.hold == Hold::Active).map(|member| member.user));
        page.position = found.next;
        if page.position.is_none() {
            return Ok((all, 0));
        }
        if all.len() > EFFECTS_MAX {
            let more = app.table.count_members(group).await?.saturating_sub(all.len());
            return Ok((all, more));
        }
    }
}

fn takes_part(project: &Project, role: Option<ProjectRole>) -> Option<Participation> {
    let role = role.filter(|_| project.state == State::Active)?;
    Some(Participation { project: project.id, role, policy: project.policy })
}

/// Every dataset that is granted to a subject, or in the project that it is.
async fn reached(app: &App, subject: Subject) -> Result<Vec<(DatasetId, Option<Dataset>)>, Problem> {
    let mut all = Vec::new();
    let mut page = Page::default();
    if let Subject::Project(project) = subject {
        loop {
            let found = app.table.ids_in(project, &page).await?;
            all.extend(found.items);
            page.position = found.next;
            if page.position.is_none() {
                break;
            }
        }
    }
    loop {
        let found = app.table.granted_to(subject, &page).await?;
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
    let all = supposed.people.len().saturating_add(supposed.others).saturating_mul(supposed.datasets.len());
    // Others' rights are for who administers the dataset to see, here as in `check`.
    let some = supposed.datasets.get(..EFFECTS_MAX).unwrap_or(&supposed.datasets);
    let own: Vec<_> = some.iter().map(|(dataset, _)| (*dataset, caller.user.id)).collect();
    let own = app.table.facts_of_pairs(&own).await?;
    let administers =
        |facts: Option<DatasetFacts>| facts.is_some_and(|facts| caller.may(Action::Grant, &Facts::Dataset(Arc::new(facts)), now).is_ok());
    let administered: Vec<_> = some.iter().zip(own).filter_map(|(dataset, facts)| administers(facts).then_some(dataset)).collect();
    let pairs: Vec<_> =
        administered.iter().flat_map(|dataset| supposed.people.iter().map(move |person| (*dataset, person))).take(EFFECTS_MAX).collect();
    let facts = app.table.facts_of_pairs(&pairs.iter().map(|(dataset, person)| (dataset.0, person.0)).collect::<Vec<_>>()).await?;
    let mut people: Vec<_> = pairs.iter().map(|(_, person)| person.0).collect();
    people.sort_unstable();
    people.dedup();
    let known: BTreeMap<UserId, User> = app.table.users(&people).await?.into_iter().map(|user| (user.id, user)).collect();
    let mut differences: BTreeMap<UserId, Difference> = BTreeMap::new();
    let mut ending = Ending::default();
    administered.iter().filter_map(|(_, after)| after.as_ref()).for_each(|after| ending.of_dataset(after));
    for (((_, after), (user, turns)), facts) in pairs.iter().zip(facts) {
        let (Some(user), Some(facts)) = (known.get(user), facts) else { continue };
        let then = supposed_at(&facts, after.as_ref(), turns);
        let lost = note(differences.entry(user.id).or_default(), user, (&facts, &then), now);
        if lost.has(Right::Share) || after.is_some() {
            ending.of_maker(user.id, then);
        }
    }
    supposed.above.iter().for_each(|after| ending.of_dataset(after));
    let (links_ended, more_links) = ending.links(app, now).await?;
    // Where the dataset itself would be another thing, all its links were asked of; else those of the people who were looked at.
    let by_people = supposed.datasets.iter().any(|(_, after)| after.is_none());
    let more_links = more_links || (by_people && all > pairs.len());
    let nameable = supposed.people.iter().filter(|(user, _)| supposed.names(*user)).count();
    let nameable = nameable.saturating_add(supposed.others).saturating_mul(supposed.datasets.len());
    let told = |of: fn(&Difference) -> (Rights, usize)| {
        let some = differences.iter().filter(|(user, _)| supposed.names(**user)).map(|(user, difference)| (user, of(difference)));
        let some = some.filter(|(_, (rights, _))| !rights.is_empty());
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
        more: nameable.saturating_sub(pairs.iter().filter(|(_, (user, _))| supposed.names(*user)).count()),
        unnamed: supposed.unnamed,
        links_ended,
        more_links,
    })
}

/// A dataset, and what somebody has there, as they would be.
fn supposed_at(facts: &DatasetFacts, after: Option<&Dataset>, turns: &[Turn]) -> DatasetFacts {
    let then = facts.supposing(after.unwrap_or(&facts.place.dataset).clone());
    turns.iter().fold(then, |then, turn| turn.of(then))
}

/// Notes what a person would gain and lose at a dataset; answers what would be lost.
fn note(difference: &mut Difference, user: &User, (facts, then): (&DatasetFacts, &DatasetFacts), now: Timestamp) -> Rights {
    let rights = |facts: &DatasetFacts| facts.rights_of(Some(user), Net::Anywhere, now);
    let (has, would) = (rights(facts), rights(then));
    let lost = has.without(would);
    for (sum, more) in [(&mut difference.gains, would.without(has)), (&mut difference.loses, lost)] {
        if !more.is_empty() {
            *sum = (sum.0.or(more), sum.1.saturating_add(1));
        }
    }
    lost
}
