//! What one person has at one dataset: read for a decision, in two round trips, or three where groups or projects of datasets above are asked for.
//!
//! However many people a group or project has, however many datasets are in it, and however many people a dataset is granted to, the same
//! items are read: those about this one person, and one membership for each group and project that is named. A positive item that cannot be read counts as absent, a negative one as present.

use std::collections::HashMap;

use domain::{
    dataset::{Dataset, Visibility},
    decision::{DatasetFacts, Place, Through, Via},
    grant::{Above, Grant, Membership, Participation, Reach, Subject},
    id::{DatasetId, ProjectId, SourceId, UserId},
    key::KeyHash,
    pass::Pass,
    source::State,
    token::Token,
    user::User,
};
use futures_util::future::{try_join, try_join_all};

use crate::{
    Table,
    datasets::{DatasetRow, place_of},
    error::TableError,
    grants::{GrantRow, granted_to, is_withdrawn},
    groups::{GroupRow, MemberRow},
    item::{Item, Row, row, unreadable},
    passes::PassRow,
    projects::{ParticipantRow, ProjectRow},
    read::Cost,
    schema::{self, Key},
    sources::BlockRow,
    users::{IdentityRow, Proven, TokenRow, UserRow},
};

/// Pairs of a dataset and a person whose facts are read at the same time.
const PAIRS_AT_ONCE: usize = 32;

/// Items as they were read together.
pub(crate) type Found = HashMap<Key, Item>;

/// What is shown by who asks for a dataset by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    /// The token of this hash.
    Token(KeyHash),
    /// A provider's token.
    Proven(Proven),
}

/// A dataset's facts for whoever asks by name, and who that is.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The dataset's facts; `None`: there is no such dataset.
    pub(crate) dataset: Option<DatasetFacts>,
    /// The person and token of the credential that was shown; `None`: none was, or one that is unknown.
    pub(crate) bearer: Option<(User, Token)>,
}

/// What the text behind `~` in an address stands for.
#[derive(Debug)]
pub(crate) enum ByTicket {
    /// A person's ticket, or nothing.
    Named(Box<Named>),
    /// A pass for a link.
    Pass(Pass),
}

impl Table {
    /// What `user`, or nobody, has at a dataset. `None`: there is no such dataset.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] where dataset or source cannot be judged: never a yes.
    pub async fn dataset_facts(&self, dataset: DatasetId, user: Option<UserId>) -> Result<Option<DatasetFacts>, TableError> {
        let cost = &mut Cost::default();
        let Some(read) = self.head(dataset, user.is_some(), cost).await? else { return Ok(None) };
        let (facts, _found) = self.facts_at(read, user, &[], cost).await?;
        Ok(Some(facts))
    }

    /// The same of several datasets and people, in their order.
    ///
    /// # Errors
    /// As [`Table::dataset_facts`].
    pub async fn facts_of_pairs(&self, pairs: &[(DatasetId, UserId)]) -> Result<Vec<Option<DatasetFacts>>, TableError> {
        let mut all = Vec::with_capacity(pairs.len());
        for some in pairs.chunks(PAIRS_AT_ONCE) {
            all.extend(try_join_all(some.iter().map(|(dataset, user)| self.dataset_facts(*dataset, Some(*user)))).await?);
        }
        Ok(all)
    }

    /// A dataset's facts for whoever shows this, or nothing, with the person and the token.
    pub(crate) async fn named(&self, dataset: DatasetId, token: Option<Shown>, cost: &mut Cost) -> Result<Named, TableError> {
        let (mut of_head, mut of_token) = (Cost::default(), Cost::default());
        let bearer = self.shown(token, &mut of_token);
        let (read, found_token) = try_join(self.head(dataset, token.is_some(), &mut of_head), bearer).await?;
        of_head.beside(of_token);
        cost.then(of_head);
        // Whoever shows a token that is none is told nothing, and asked again soon: the token may just have been made.
        let read = read.filter(|_| token.is_none() || found_token.is_some());
        let token = found_token;
        let user = token.as_ref().map(|token| token.owner);
        let wanted: Vec<_> = user.map(schema::user).into_iter().collect();
        let (dataset, found) = match read {
            Some(read) => {
                let (facts, found) = self.facts_at(read, user, &wanted, cost).await?;
                (Some(facts), found)
            }
            // One more trip all the same: a dataset that is there and one that is not take as long.
            None => (None, self.batch(wanted.into_iter().chain([schema::dataset(dataset)]), cost).await?),
        };
        let bearer = token.map(|token| {
            let item = found.get(&schema::user(token.owner)).cloned().ok_or(TableError::Unreadable { what: "a token's owner" })?;
            Ok::<_, TableError>((row::<UserRow>(item)?.user()?, token))
        });
        Ok(Named { dataset, bearer: bearer.transpose()? })
    }

    /// The token that is shown, if it is one.
    async fn shown(&self, shown: Option<Shown>, cost: &mut Cost) -> Result<Option<Token>, TableError> {
        match shown {
            None => Ok(None),
            Some(Shown::Token(hash)) => {
                let found = self.get(&schema::token(hash), cost).await?;
                found.map(|item| row::<TokenRow>(item)?.token()).transpose()
            }
            Some(Shown::Proven(proven)) => {
                let found = self.get(&proven.key(), cost).await?;
                found.map(|item| Ok(proven.token_of(row::<IdentityRow>(item)?.user()?))).transpose()
            }
        }
    }

    /// The same for the one dataset that a ticket is for: one trip more, because the ticket says which. Or the pass that it is.
    pub(crate) async fn by_ticket(&self, ticket: KeyHash, cost: &mut Cost) -> Result<ByTicket, TableError> {
        let nothing = ByTicket::Named(Box::new(Named { dataset: None, bearer: None }));
        let Some(found) = self.get(&schema::token(ticket), cost).await? else { return Ok(nothing) };
        if PassRow::is_one(&found) {
            return Ok(ByTicket::Pass(row::<PassRow>(found)?.pass()?));
        }
        let Some(dataset) = row::<TokenRow>(found)?.token()?.dataset else { return Ok(nothing) };
        self.named(dataset, Some(Shown::Token(ticket)), cost).await.map(|named| ByTicket::Named(Box::new(named)))
    }

    /// What a person, or nobody, has at a place that was read.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn reach(&self, place: &Place, user: Option<UserId>) -> Result<Reach, TableError> {
        self.reach_at(place, user, &mut Cost::default()).await
    }

    pub(crate) async fn reach_at(&self, place: &Place, user: Option<UserId>, cost: &mut Cost) -> Result<Reach, TableError> {
        let mut found = Found::new();
        if user.is_some() {
            keep(&mut found, self.collective_grants(place.dataset.id, cost).await?);
        }
        self.around(&place.dataset, user, &mut found, &[], cost).await?;
        Ok(assemble(&place.dataset, user, &found))
    }

    /// What everybody with an account has at places that were read, in their order, and nothing that one person has: whom they are open to.
    ///
    /// # Errors
    /// [`TableError`], where the store did not answer.
    pub async fn reaches_of_all(&self, places: &[Place], user: UserId) -> Result<Vec<Reach>, TableError> {
        let cost = &mut Cost::default();
        let datasets = || places.iter().map(|place| &place.dataset);
        let mut found = self.batch(datasets().flat_map(|dataset| &dataset.ancestors).map(|above| schema::dataset(*above)), cost).await?;
        let above = found.values().filter_map(|item| readable(row::<DatasetRow>(item.clone()).and_then(DatasetRow::dataset)));
        // What is open to nobody further needs no look at what is granted to them.
        let switched: Vec<_> = datasets().cloned().chain(above).filter(|on| on.visibility >= Visibility::Accounts).collect();
        let terms = switched.iter().flat_map(|on| [Subject::Accounts, Subject::World].map(|all| schema::grant(on.id, all)));
        let projects = datasets().flat_map(|dataset| projects_on(dataset, &found)).map(schema::project);
        let wanted: Vec<_> = terms.chain(projects).collect();
        found.extend(self.batch(wanted, cost).await?);
        Ok(datasets().map(|dataset| assemble(dataset, Some(user), &found)).collect())
    }

    /// A dataset's own item, and its grants to groups and projects where somebody has to be looked for in them: one trip.
    async fn head(&self, dataset: DatasetId, with_groups: bool, cost: &mut Cost) -> Result<Option<(Dataset, Found)>, TableError> {
        let (mut of_head, mut of_groups) = (Cost::default(), Cost::default());
        let groups = async { if with_groups { self.collective_grants(dataset, &mut of_groups).await } else { Ok(Vec::new()) } };
        let (head, groups) = try_join(self.get(&schema::dataset(dataset), &mut of_head), groups).await?;
        of_head.beside(of_groups);
        cost.then(of_head);
        let Some(head) = head else { return Ok(None) };
        let mut found = Found::new();
        keep(&mut found, groups);
        keep(&mut found, vec![head.clone()]);
        Ok(Some((row::<DatasetRow>(head)?.dataset()?, found)))
    }

    async fn facts_at(
        &self,
        (dataset, mut found): (Dataset, Found),
        user: Option<UserId>,
        wanted: &[Key],
        cost: &mut Cost,
    ) -> Result<(DatasetFacts, Found), TableError> {
        let source = [schema::source(dataset.source)];
        self.around(&dataset, user, &mut found, &[&source, wanted].concat(), cost).await?;
        let place = place_of(&found, dataset.id, dataset.source)?;
        let reach = assemble(&dataset, user, &found);
        let facts = DatasetFacts::new(place, reach).map_err(unreadable(DatasetRow::WHAT))?;
        Ok((facts, found))
    }

    /// Adds to `found` what tells of `user` at a dataset and above it, and what else is `wanted`.
    async fn around(
        &self,
        dataset: &Dataset,
        user: Option<UserId>,
        found: &mut Found,
        wanted: &[Key],
        cost: &mut Cost,
    ) -> Result<(), TableError> {
        let mut keys = wanted.to_vec();
        for on in std::iter::once(dataset.id).chain(dataset.ancestors.iter().copied()) {
            keys.extend((on != dataset.id).then(|| schema::dataset(on)));
            keys.push(schema::grant(on, Subject::World));
            keys.extend(user.into_iter().flat_map(|user| [schema::grant(on, Subject::Accounts), schema::grant(on, Subject::User(user))]));
        }
        keys.extend(user.map(|user| schema::block(dataset.source, user)));
        let asked: Vec<_> = user.map(|user| memberships(dataset, found, user).collect()).unwrap_or_default();
        keys.extend(asked.iter().cloned());
        let (mut of_items, mut of_groups) = (Cost::default(), Vec::new());
        let above = dataset.ancestors.iter().filter(|_| user.is_some()).map(|on| async {
            let mut cost = Cost::default();
            self.collective_grants(*on, &mut cost).await.map(|items| (items, cost))
        });
        let (items, groups) = try_join(self.batch(keys, &mut of_items), try_join_all(above)).await?;
        found.extend(items);
        for (items, cost) in groups {
            keep(found, items);
            of_groups.push(cost);
        }
        for cost in of_groups {
            of_items.beside(cost);
        }
        cost.then(of_items);
        let Some(user) = user else { return Ok(()) };
        let more: Vec<_> = memberships(dataset, found, user).filter(|key| !asked.contains(key)).collect();
        if !more.is_empty() {
            found.extend(self.batch(more, cost).await?);
        }
        Ok(())
    }
}

fn keep(found: &mut Found, items: Vec<Item>) {
    found.extend(items.into_iter().filter_map(|item| Some((Key::of(&item)?, item))));
}

/// The groups and projects that grants among `found` name, those left out that were withdrawn, and the projects that the dataset and those
/// above are in: each one's own item, and the membership of `user` in it.
fn memberships(dataset: &Dataset, found: &Found, user: UserId) -> impl Iterator<Item = Key> {
    let granted = found.iter().filter(|(_, item)| !is_withdrawn(item)).filter_map(|(key, _)| schema::subject_of(&key.sk));
    let mut subjects: Vec<Subject> = granted.chain(projects_on(dataset, found).map(Subject::Project)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects.into_iter().flat_map(move |subject| match subject {
        Subject::Group(group) => vec![schema::group(group), schema::member(group, user)],
        Subject::Project(project) => vec![schema::project(project), schema::participant(project, user)],
        Subject::User(_) | Subject::Accounts | Subject::World => Vec::new(),
    })
}

/// The projects that a dataset, and those above it among `found`, are in and open to.
fn projects_on(dataset: &Dataset, found: &Found) -> impl Iterator<Item = ProjectId> {
    let own = dataset.project.filter(|_| dataset.visibility >= Visibility::Project);
    own.into_iter().chain(dataset.ancestors.iter().filter_map(|on| open_to_project(found.get(&schema::dataset(*on))?)))
}

/// The project that a dataset's item says it is in, and open to.
fn open_to_project(item: &Item) -> Option<ProjectId> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let visibility = text("visibility").and_then(|word| Visibility::of(word))?;
    ProjectId::parse(text("project")?).ok().filter(|_| visibility >= Visibility::Project)
}

/// The keys by which a link's maker has the right that the link was made with, besides those of dataset, source and maker.
pub(crate) fn keys_of_via(dataset: DatasetId, source: SourceId, maker: UserId, via: Option<Via>) -> Vec<Key> {
    let mut keys = vec![schema::block(source, maker)];
    let Some(Via { on, through }) = via else { return keys };
    keys.extend((on != dataset).then(|| schema::dataset(on)));
    keys.extend(granted_to(through, maker).map(|subject| schema::grant(on, subject)));
    match through {
        Through::Person => {}
        Through::Group(group) => keys.extend([schema::group(group), schema::member(group, maker)]),
        Through::Project(project) | Through::Policy(project) => {
            keys.extend([schema::project(project), schema::participant(project, maker)]);
        }
    }
    keys
}

/// What a person, or nobody, has at a dataset, by as many items as were found: fewer of them are less.
pub(crate) fn assemble(dataset: &Dataset, user: Option<UserId>, found: &Found) -> Reach {
    let above = dataset.ancestors.iter().filter_map(|id| {
        let item = found.get(&schema::dataset(*id)).cloned()?;
        let above = readable(row::<DatasetRow>(item).and_then(DatasetRow::dataset))?;
        Some(Above { grants: grants_on(above.id, user, found), dataset: above })
    });
    Reach {
        user,
        here: grants_on(dataset.id, user, found),
        above: above.collect(),
        groups: user.map(|user| groups_of(user, found)).unwrap_or_default(),
        projects: user.map(|user| projects_of(user, found)).unwrap_or_default(),
        retired: projects_on(dataset, found).filter(|project| is_retired(*project, found)).collect(),
        blocked: user.is_some_and(|user| found.get(&schema::block(dataset.source, user)).is_some_and(is_blocking)),
    }
}

/// A positive fact; one that cannot be read counts as absent, and somebody should know.
fn readable<T>(read: Result<T, TableError>) -> Option<T> {
    read.inspect_err(|why| tracing::warn!(error = %why, "a fact that would have permitted something was left out")).ok()
}

/// A negative fact; one that cannot be read counts as present.
pub(crate) fn is_blocking(item: &Item) -> bool {
    row::<BlockRow>(item.clone()).map_or(true, |block| !block.is_lifted())
}

/// The grants on a dataset that may concern the person, sorted by subject.
fn grants_on(dataset: DatasetId, user: Option<UserId>, found: &Found) -> Vec<Grant> {
    let partition = schema::dataset_partition(dataset);
    let mut grants: Vec<Grant> = found
        .iter()
        .filter(|(key, _)| key.pk == partition)
        .filter_map(|(key, item)| Some((schema::subject_of(&key.sk)?, item)))
        .filter(|(subject, _)| !matches!(subject, Subject::User(other) if Some(*other) != user))
        .filter_map(|(subject, item)| readable(row::<GrantRow>(item.clone()).and_then(|row| row.grant(subject))))
        .collect();
    grants.sort_unstable_by_key(|grant| grant.subject);
    grants
}

/// The groups that count the person as a member, sorted by id.
fn groups_of(user: UserId, found: &Found) -> Vec<Membership> {
    let sk = schema::member_key(user);
    let mut groups: Vec<Membership> = found
        .iter()
        .filter(|(key, _)| key.sk == sk && key.pk.starts_with(schema::GROUP_PREFIX))
        .filter_map(|(_, item)| readable(row::<MemberRow>(item.clone()).and_then(MemberRow::counts_in))?)
        .filter_map(|(group, confirmed)| {
            let item = found.get(&schema::group(group)).cloned()?;
            let until = readable(row::<GroupRow>(item).and_then(GroupRow::group))?.lets_in_until(confirmed)?;
            Some(Membership { group, until })
        })
        .collect();
    groups.sort_unstable_by_key(|membership| membership.group);
    groups
}

/// Whether a project was found to be retired.
fn is_retired(project: ProjectId, found: &Found) -> bool {
    let item = found.get(&schema::project(project)).cloned();
    let project = item.and_then(|item| readable(row::<ProjectRow>(item).and_then(ProjectRow::project)));
    project.is_some_and(|project| project.state != State::Active)
}

/// The projects that the person takes part in, with the policy of each as it is now, sorted by id.
fn projects_of(user: UserId, found: &Found) -> Vec<Participation> {
    let sk = schema::member_key(user);
    let mut projects: Vec<Participation> = found
        .iter()
        .filter(|(key, _)| key.sk == sk && key.pk.starts_with(schema::PROJECT_PREFIX))
        .filter_map(|(_, item)| readable(row::<ParticipantRow>(item.clone()).and_then(ParticipantRow::takes_part))?)
        .filter_map(|(id, role)| {
            let item = found.get(&schema::project(id)).cloned()?;
            let project = readable(row::<ProjectRow>(item).and_then(ProjectRow::project))?;
            (project.state == State::Active).then_some(Participation { project: id, role, policy: project.policy })
        })
        .collect();
    projects.sort_unstable_by_key(|part| part.project);
    projects
}
