//! The links by which a dataset can be reached, wherever they stand.

use domain::{dataset::Dataset, decision::LinkFacts, id::LinkId, path::ObjectPath};
use jiff::Timestamp;

use crate::{
    Listed, Page, Table,
    datasets::{listed_after, rank_of},
    error::TableError,
    item::Item,
    links::hash_of_candidate,
    read::{Cost, Stretch, Window},
    schema::{self, LINK_RANK},
};

/// Links of a dataset above that one page looks at, by what the index says of them, before any is read.
const LOOK_MAX: u16 = 1_000;

impl Table {
    /// The links that stand on `on`, which is `dataset` or one above it, and open `dataset` or a part of it, newest first. A page may be
    /// short, or empty, before the last one.
    ///
    /// # Errors
    /// [`TableError::Position`] for a position that was never given out.
    pub async fn links_reaching(
        &self,
        dataset: &Dataset,
        on: &Dataset,
        page: &Page,
        now: Timestamp,
    ) -> Result<Listed<LinkFacts>, TableError> {
        let pk = schema::links_of_dataset(on.id);
        let after = match &page.position {
            None => None,
            Some(rank) => {
                let id = schema::id_of_rank(rank, LINK_RANK).and_then(|id| LinkId::parse(id).ok()).ok_or(TableError::Position)?;
                Some(listed_after(&schema::link_pointer(on.id, id), &pk, rank))
            }
        };
        // Each of its own is wanted; of those above few may be.
        let most = usize::from(page.items_max());
        let look = if on.id == dataset.id { page.items_max() } else { LOOK_MAX };
        let window = Window { after, items_max: look, newest_first: true, by_index: true };
        let cost = &mut Cost::default();
        let (pointers, more) = self.page(&Stretch { pk, prefix: LINK_RANK }, &window, cost).await?;
        let mut wanted = pointers.iter().filter(|pointer| may_reach(dataset, on, pointer));
        let taken: Vec<_> = wanted.by_ref().take(most).collect();
        let next = match wanted.next() {
            Some(_) => taken.last().and_then(|pointer| rank_of(pointer)).map(str::to_owned),
            None => more.as_ref().and_then(rank_of).map(str::to_owned),
        };
        let hashes = taken.into_iter().map(hash_of_candidate).collect::<Result<Vec<_>, _>>()?;
        let mut items = self.facts_of(&hashes, now, cost).await?;
        // The index only proposes: it may be behind.
        items.retain(|facts| facts.link.dataset == on.id && dataset.is_reached_from(on, &facts.link.subpath));
        Ok(Listed { items, next })
    }
}

/// Whether what the index says of a link lets it reach the dataset. Of a pointer that does not say where it leads, the link itself says it.
fn may_reach(dataset: &Dataset, on: &Dataset, pointer: &Item) -> bool {
    let subpath = pointer.get("subpath").and_then(|value| value.as_s().ok());
    subpath.and_then(|text| ObjectPath::from_decoded(text.as_str()).ok()).is_none_or(|subpath| dataset.is_reached_from(on, &subpath))
}
