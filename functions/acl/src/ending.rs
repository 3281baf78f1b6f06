//! Which links would stop by a change: those that open now, or may again, and would not after it.

use std::collections::BTreeMap;

use domain::{
    dataset::Dataset,
    decision::{DatasetFacts, LinkFacts},
    id::{DatasetId, UserId},
    limits::{LINKS_ENDED_MAX, LINKS_LOOKED_AT_MAX},
    link::LinkState,
    source::State,
};
use edge::{App, problem::Problem};
use jiff::Timestamp;
use table::Page;

/// Where links might stop.
#[derive(Debug, Default)]
pub(crate) struct Ending<'a> {
    on: BTreeMap<DatasetId, On<'a>>,
}

/// What would be another thing for the links on a dataset.
#[derive(Debug, Default)]
struct On<'a> {
    /// The dataset, as it would be.
    after: Option<&'a Dataset>,
    /// What some people would have there.
    makers: BTreeMap<UserId, DatasetFacts>,
}

impl<'a> Ending<'a> {
    /// A dataset that would be this.
    pub(crate) fn of_dataset(&mut self, after: &'a Dataset) {
        self.on.entry(after.id).or_default().after = Some(after);
    }

    /// Somebody who would have this at a dataset.
    pub(crate) fn of_maker(&mut self, maker: UserId, then: DatasetFacts) {
        self.on.entry(then.place.dataset.id).or_default().makers.insert(maker, then);
    }

    /// The ids of those that would stop, the newest of each dataset first; and whether there may be others.
    ///
    /// # Errors
    /// 503 where the table does not answer.
    pub(crate) async fn links(&self, app: &App, now: Timestamp) -> Result<(Vec<String>, bool), Problem> {
        let (mut ended, mut looked) = (Vec::new(), 0_usize);
        for (dataset, on) in &self.on {
            let mut page = Page::default();
            loop {
                if looked >= LINKS_LOOKED_AT_MAX {
                    return Ok((ended, true));
                }
                let found = app.table.links_of_dataset(*dataset, &page, now).await?;
                looked = looked.saturating_add(found.items.len().max(1));
                for link in &found.items {
                    if !on.stops(app, link, now).await? {
                        continue;
                    }
                    if ended.len() >= LINKS_ENDED_MAX {
                        return Ok((ended, true));
                    }
                    ended.push(link.link.id.to_string());
                }
                page.position = found.next;
                if page.position.is_none() {
                    break;
                }
            }
        }
        Ok((ended, false))
    }
}

impl On<'_> {
    async fn stops(&self, app: &App, link: &LinkFacts, now: Timestamp) -> Result<bool, Problem> {
        let known = self.makers.get(&link.link.maker);
        if (known.is_none() && self.after.is_none())
            || matches!(link.state(now), LinkState::Revoked | LinkState::Withdrawn | LinkState::Expired)
        {
            return Ok(false);
        }
        if !link.may_open(now) {
            // It waits, or stopped, and so what it rests on was not all read.
            let whole = app.table.dataset_facts(link.link.dataset, Some(link.link.maker)).await?;
            if !whole.is_some_and(|whole| link.supposing(&whole).may_open(now)) {
                return Ok(false);
            }
        }
        // Nothing opens by what is retired, whoever made it.
        if self.after.is_some_and(|after| after.state != State::Active) {
            return Ok(true);
        }
        if let Some(then) = known {
            return Ok(!link.supposing(then).may_open(now));
        }
        let Some(after) = self.after else { return Ok(false) };
        let by = |facts: DatasetFacts| link.supposing(&facts.supposing(after.clone())).may_open(now);
        if by(DatasetFacts::new(link.place.clone(), link.reach.clone())?) {
            return Ok(false);
        }
        // There may be more than it names as what it was made by.
        let whole = app.table.dataset_facts(link.link.dataset, Some(link.link.maker)).await?;
        Ok(!whole.is_some_and(by))
    }
}
