//! What goes together: a grant of the role full, or more, on a dataset in a link set is given, changed and taken back on all of the set, or on none of
//! it (ACCESS 8).

use std::sync::Arc;

use domain::{
    dataset::Dataset,
    decision::{Action, DatasetFacts, Facts, Permit, Via},
    delegation::{NewGrant, granted, may_open},
    grant::{Grant, Hold, Subject},
    id::{DatasetId, UserId},
    link_set::LinkSet,
    rights::Right,
};
use edge::{App, asked::MaybeIfMatch, caller::Caller, problem::Problem};
use http::StatusCode;
use jiff::Timestamp;
use table::{
    TableError,
    grants::Grounds,
    link_sets::Holding,
    once::Once,
    together::{Giving, Taking},
};

use crate::dataset_edit::not_retired;

/// A dataset that the caller administers.
pub(crate) struct Administered {
    pub(crate) facts: Arc<DatasetFacts>,
    permit: Permit,
    via: Option<Via>,
}

impl Administered {
    /// This dataset, if the caller does.
    pub(crate) fn read(caller: &Caller, facts: Arc<DatasetFacts>, now: Timestamp) -> Result<Self, Problem> {
        let permit = caller.may(Action::Grant, &Facts::Dataset(Arc::clone(&facts)), now)?;
        not_retired(&facts)?;
        let via = caller.via(&facts, Right::Administer, now);
        Ok(Self { facts, permit, via })
    }

    /// The same, of who administers it for good: a set binds whoever shares the dataset, for as long as it is in there.
    pub(crate) fn for_good(self) -> Result<Self, Problem> {
        may_open(&self.permit, self.id())?;
        Ok(self)
    }

    /// As a write takes it.
    pub(crate) fn holding(&self) -> Holding<'_> {
        Holding { permit: &self.permit, grounds: Grounds { facts: &self.facts, via: self.via } }
    }

    pub(crate) fn id(&self) -> DatasetId {
        self.facts.place.dataset.id
    }
}

/// The set by which a grant on this dataset is given or taken; `None`: it is in none, or the grant is not one that `goes` together.
///
/// # Errors
/// [`TableError::Stale`] where it was taken out since it was read.
pub(crate) async fn set_of(app: &App, dataset: &Dataset, goes: bool) -> Result<Option<LinkSet>, TableError> {
    let Some(id) = dataset.link_set.filter(|_| goes) else { return Ok(None) };
    let set = app.table.link_set(id).await?.filter(|set| set.datasets.contains(&dataset.id));
    set.map(Some).ok_or(TableError::Stale)
}

/// The facts of datasets for this caller, in their order.
pub(crate) async fn facts_of(app: &App, caller: &Caller, ids: &[DatasetId]) -> Result<Vec<Option<Arc<DatasetFacts>>>, Problem> {
    let pairs: Vec<_> = ids.iter().map(|id| (*id, caller.user.id)).collect();
    Ok(app.table.facts_of_pairs(&pairs).await?.into_iter().map(|facts| facts.map(Arc::new)).collect())
}

/// What to do where a dataset of a set refuses that something is given or taken.
const SHARE_ALONE: &str = "take this dataset out of its link set to share it by itself, which takes no more than administering it";

/// The datasets of a set, each of which the caller administers. `hint` says what to do where not.
///
/// # Errors
/// `link-set-refused`, with the first that the caller does not.
pub(crate) async fn administered(
    app: &App,
    caller: &Caller,
    (ids, hint): (&[DatasetId], &'static str),
    now: Timestamp,
) -> Result<Vec<Administered>, Problem> {
    let read = |facts: Option<Arc<DatasetFacts>>| match facts {
        Some(facts) => {
            Administered::read(caller, Arc::clone(&facts), now).map_err(|why| refused(caller, Some(&facts), &why, now).hint(hint))
        }
        None => Err(refused(caller, None, &Problem::not_found(), now).hint(hint)),
    };
    facts_of(app, caller, ids).await?.into_iter().map(read).collect()
}

/// A refusal by one dataset of a set, which is named to whoever may know of it.
fn refused(caller: &Caller, facts: Option<&Arc<DatasetFacts>>, why: &Problem, now: Timestamp) -> Problem {
    let may_know = |facts: &&Arc<DatasetFacts>| caller.may(Action::See, &Facts::Dataset(Arc::clone(facts)), now).is_ok();
    let Some(facts) = facts.filter(may_know) else {
        let detail = "it is shared together with a dataset that you may not know of, where you may not do this";
        return Problem::new(StatusCode::FORBIDDEN, "link-set-refused", detail).hint(SHARE_ALONE);
    };
    let place = facts.place.to_string();
    Problem::new(why.status, "link-set-refused", format!("it is shared together with `{place}`, where this is refused: {}", why.detail()))
        .hint(SHARE_ALONE)
        .with("dataset", facts.place.dataset.id.to_string())
        .with("because", why.code)
}

/// The code of other terms that are there.
const EXISTS: &str = "exists";
const IF_MATCH: &str = "send `If-Match` with the `ETag` of the grant here, `\"0\"` for none, to give less there than it does";

/// A grant that is to be given, or changed: on one dataset, and where that is in a link set and the grant goes together, on all of the set.
pub(crate) struct GiveAll {
    set: Option<LinkSet>,
    subject: Subject,
    named: DatasetId,
    /// Each dataset, what is to be there (`None`: what is there stays), and what is there.
    all: Vec<(Administered, Option<Grant>, Option<Grant>)>,
}

impl GiveAll {
    /// What `new` on the dataset of `facts` makes of it, and of the others of its set. On one of these where it would narrow what its subject has, it
    /// takes an `If-Match`, as on the one that is named, which has `named_there`. `is_as_asked`: whether a grant says that already.
    ///
    /// # Errors
    /// Why it may not be given; `link-set-refused`, with the dataset of the set that did.
    pub(crate) async fn read(
        app: &App,
        caller: &Caller,
        (facts, set): (&Arc<DatasetFacts>, Option<LinkSet>),
        (new, named_there): (&NewGrant, Option<Grant>),
        (seen, is_as_asked): (&MaybeIfMatch, impl Fn(&Grant) -> bool),
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let named = facts.place.dataset.id;
        let datasets = match &set {
            Some(set) => administered(app, caller, (&set.datasets, SHARE_ALONE), now).await?,
            None => vec![Administered::read(caller, Arc::clone(facts), now)?],
        };
        let named_version = named_there.as_ref().map_or(0, |there| there.version);
        let mut all = Vec::new();
        for on in datasets {
            let is_named = on.id() == named;
            let there = if is_named { named_there.clone() } else { app.table.grant(on.id(), new.subject).await? };
            let goes = is_named || new.terms.role.goes_together() || there.as_ref().is_some_and(Grant::goes_together);
            let stays = !goes || there.as_ref().is_some_and(&is_as_asked);
            all.push((on, stays, there));
        }
        let given = |on: &Administered, there: Option<&Grant>| {
            let grant = granted(&on.permit, &caller.user, on.id(), new.clone(), there, now)?;
            if on.id() == named {
                seen.check(named_version, there.is_some_and(|there| there.hold == Hold::Active))?;
            } else if there.is_some_and(|there| grant.narrows(there, now)) {
                seen.need_sent()?;
            }
            Ok(grant)
        };
        let refuse = |on: &Administered, why: Problem| match why.code {
            _ if on.id() == named => why,
            // What is named to change it is the version of the grant that the request is about.
            EXISTS => refused(caller, Some(&on.facts), &why, now).hint(IF_MATCH).with("version", named_version),
            _ => refused(caller, Some(&on.facts), &why, now),
        };
        let planned = all.into_iter().map(|(on, stays, there)| {
            let grant = if stays { None } else { Some(given(&on, there.as_ref()).map_err(|why| refuse(&on, why))?) };
            Ok((on, grant, there))
        });
        let all = planned.collect::<Result<_, Problem>>()?;
        Ok(Self { set, subject: new.subject, named, all })
    }

    /// What is to be there, where that is another thing than what is.
    pub(crate) fn given(&self) -> impl Iterator<Item = (DatasetId, &Grant)> {
        self.all.iter().filter_map(|(on, grant, _)| Some((on.id(), grant.as_ref()?)))
    }

    /// The dataset that was named, and the grant that is then on it.
    pub(crate) fn named(&self) -> Option<(DatasetId, &Grant)> {
        let (on, grant, there) = self.all.iter().find(|(on, ..)| on.id() == self.named)?;
        Some((on.id(), grant.as_ref().or(there.as_ref())?))
    }

    /// Whether its subject had nothing there.
    pub(crate) fn is_new(&self) -> bool {
        let had = |there: &Option<Grant>| there.as_ref().is_some_and(|there| there.hold == Hold::Active);
        self.all.iter().any(|(on, _, there)| on.id() == self.named && !had(there))
    }

    /// The datasets beside the one that was named.
    pub(crate) fn others(&self) -> Vec<String> {
        self.set.as_ref().map(|set| others(set, self.named)).unwrap_or_default()
    }

    /// The datasets where somebody may get less by it than by what is there; and that which was as asked, for perhaps the reply to what made it so
    /// was lost.
    pub(crate) fn narrowed(&self, now: Timestamp) -> impl Iterator<Item = &Dataset> {
        let narrows = move |on: &Administered, grant: &Option<Grant>, there: &Grant| match grant {
            Some(grant) => grant.narrows(there, now),
            None => on.id() == self.named && there.version > 1,
        };
        let narrowed = self.all.iter().filter(move |(on, grant, there)| there.as_ref().is_some_and(|there| narrows(on, grant, there)));
        narrowed.map(|(on, ..)| &on.facts.place.dataset)
    }

    /// Gives it, by `by`.
    ///
    /// # Errors
    /// As [`table::Table::give`] and [`table::Table::give_together`].
    pub(crate) async fn give(&self, app: &App, by: UserId, once: Option<&Once>, now: Timestamp) -> Result<(), TableError> {
        let Some(set) = &self.set else {
            for (on, grant, there) in &self.all {
                match grant {
                    Some(grant) => {
                        app.table.give(&on.permit, on.holding().grounds, grant, there.as_ref(), once, now).await?;
                    }
                    None => app.table.met_grant(by, (self.named, self.subject), once, now).await?,
                }
            }
            return Ok(());
        };
        app.table.give_together(set, self.subject, &self.giving(), once, now).await
    }

    /// Whether there is a place for it, as far as can be told before it is written.
    ///
    /// # Errors
    /// [`TableError::TooMany`], [`TableError::TooMuch`]; [`TableError`], where any of it could not be read.
    pub(crate) async fn check(&self, app: &App, now: Timestamp) -> Result<(), TableError> {
        match &self.set {
            Some(set) => app.table.check_together(set, self.subject, &self.giving(), now).await,
            None if self.given().next().is_some() && matches!(self.subject, Subject::Group(_) | Subject::Project(_)) => {
                app.table.check_collective(self.named, self.subject).await
            }
            None => Ok(()),
        }
    }

    /// As a write takes it, the dataset that was named first: of that one people are told.
    fn giving(&self) -> Vec<Giving<'_>> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by_key(|(on, ..)| on.id() != self.named);
        all.into_iter().map(|(on, grant, before)| Giving { on: on.holding(), grant: grant.as_ref(), before: before.as_ref() }).collect()
    }
}

/// The ids of a set's datasets beside one.
pub(crate) fn others(set: &LinkSet, named: DatasetId) -> Vec<String> {
    set.datasets.iter().filter(|id| **id != named).map(ToString::to_string).collect()
}

/// A grant that is to be taken back on all of a set where there is one that goes together.
pub(crate) struct TakeAll {
    set: LinkSet,
    /// Each such dataset, the permit, and the grant.
    all: Vec<(Arc<DatasetFacts>, Permit, Grant)>,
}

impl TakeAll {
    /// What `subject` has so on the datasets of the set: all of it may be taken, or none is.
    ///
    /// # Errors
    /// `link-set-refused`, with the dataset that did.
    pub(crate) async fn read(app: &App, caller: &Caller, set: LinkSet, subject: Subject, now: Timestamp) -> Result<Self, Problem> {
        let action = if subject == Subject::User(caller.user.id) { Action::See } else { Action::Grant };
        let mut all = Vec::new();
        for (id, facts) in set.datasets.iter().zip(facts_of(app, caller, &set.datasets).await?) {
            let Some(there) = app.table.grant(*id, subject).await?.filter(Grant::goes_together) else { continue };
            let facts = facts.ok_or_else(|| refused(caller, None, &Problem::not_found(), now))?;
            let permit =
                caller.may(action, &Facts::Dataset(Arc::clone(&facts)), now).map_err(|why| refused(caller, Some(&facts), &why, now))?;
            all.push((facts, permit, there));
        }
        Ok(Self { set, all })
    }

    /// Whether somebody took it meanwhile.
    pub(crate) fn is_done(&self) -> bool {
        self.all.is_empty()
    }

    /// The datasets where something is taken.
    pub(crate) fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.all.iter().map(|(facts, ..)| &facts.place.dataset)
    }

    /// Takes it.
    ///
    /// # Errors
    /// As [`table::Table::withdraw_together`].
    pub(crate) async fn take(&self, app: &App, reason: Option<&str>, now: Timestamp) -> Result<(), TableError> {
        let all: Vec<_> =
            self.all.iter().map(|(facts, permit, before)| Taking { dataset: facts.place.dataset.id, permit, before }).collect();
        app.table.withdraw_together(&self.set, &all, reason, now).await
    }
}
