//! `offprint link promote`: review links become publication links, at the same URLs.

use clap::Args;
use domain::timing::Timing;
use reqwest::Method;
use wire::link::{Batch, BatchItem, Link, PromoteAsk, Promoted};

use crate::{
    api::{Api, InForce, Reply, Stops},
    batch,
    exit::Failure,
    link::{NAMED_MAX, NOT_REACHED, find, finish, named_at, until},
    output::{Column, Output, bound, column, printable},
    progress::Progress,
};

/// What a promotion shows.
const PROMOTED: [Column; 7] = [
    column("id", "/link/id"),
    column("state", "/link/state"),
    column("class", "/link/class"),
    column("until", "/link/until"),
    column("shows_path", "/shows_path"),
    column("enforced_by", "/enforced_by"),
    column("url", "/link/url"),
];

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  offprint link promote https://data.example.org/KEY/data.ome.zarr --reason 'accepted on 3 May'")]
pub(crate) struct Promote {
    /// The links: ids, URLs, or keys.
    #[arg(value_name = "ID|URL|KEY|CODE", required = true)]
    links: Vec<String>,
    /// When each ends from then on: 30d, 2027-01-31, an instant, or never, as without.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Why: it stays with the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only say what each would be.
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking.
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    /// Return when an earlier end is in force everywhere.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

/// Runs it: what each link would be is asked first, said, and then done to those versions and no others.
///
/// # Errors
/// What went wrong, with its exit code.
pub(crate) async fn run(api: &Api, out: Output, ask: Promote) -> Result<(), Failure> {
    let Promote { links, until, reason, dry_run, yes, wait } = ask;
    let body = PromoteAsk { until, reason };
    let silent = api.silently();
    let looked = batch::each(&links, Progress::new("Looking at links", links.len(), out.quiet), async |text| {
        let link = find(&silent, text).await?;
        let would: Promoted = silent.trial(Method::POST, &["links", &link.id, "promote"], Some(link.version), &body).await?;
        Ok((link, would))
    });
    let (mut found, mut items) = (Vec::new(), Vec::new());
    for (index, looked) in looked.await.into_iter().enumerate() {
        match looked {
            Ok((link, would)) => found.push((index, link, would)),
            Err(why) if links.len() == 1 => return Err(why),
            Err(why) => items.push(batch::failed(index, why)),
        }
    }
    if dry_run {
        match found.as_slice() {
            [(_, _, only)] if links.len() == 1 => out.one(&PROMOTED, only)?,
            all => out.list(&PROMOTED, &all.iter().map(|(_, _, would)| would).collect::<Vec<_>>())?,
        }
        return batch::failures(&Batch { items }, |index| named_at(&links, index));
    }
    if !found.is_empty() {
        let question = if found.len() == 1 { "Promote this link?".to_owned() } else { format!("Promote these {} links?", found.len()) };
        out.confirm(&consequence(&found), &question, yes).await?;
    }
    let promote = async |link: &Link| silent.replace::<Promoted>(&["links", &link.id, "promote"], link.version, &body).await;
    if let ([_only], [(_, link, _)]) = (links.as_slice(), found.as_slice()) {
        let Reply { body: promoted, date, .. } = promote(link).await?;
        out.one(&PROMOTED, &promoted)?;
        InForce { stops: Stops::Beyond, by: promoted.enforced_by.as_deref(), date, wait }.tell(out).await;
        return Ok(());
    }
    let progress = Progress::new("Promoting links", found.len(), out.quiet);
    let done = batch::each(&found, progress, async |(_, link, _)| promote(link).await).await;
    let seen = done.iter().filter_map(|done| done.as_ref().ok()?.date).max();
    items.extend(found.iter().zip(done).map(|((index, ..), done)| match done {
        Ok(Reply { body: Promoted { link, enforced_by, .. }, .. }) => {
            BatchItem { index: *index, status: 200, link: Some(link), enforced_by, problem: None }
        }
        Err(why) => batch::failed(*index, why),
    }));
    items.sort_by_key(|item| item.index);
    finish(out, Batch { items }, &links, (Stops::Beyond, seen, wait)).await
}

/// What a promotion does: to which links, what is hidden no more, and that there is no way back.
fn consequence(found: &[(usize, Link, Promoted)]) -> String {
    let said = |(_, link, would): &(usize, Link, Promoted)| {
        let end = if would.link.until.is_some() { until(&would.link) } else { ", without an end".to_owned() };
        format!("  {} ({}), then {}{end}", printable(&link.place), link.class, would.link.state)
    };
    let mut lines: Vec<String> = found.iter().take(NAMED_MAX).map(said).collect();
    let others = found.len().saturating_sub(lines.len());
    if others > 0 {
        lines.push(format!("  and {others} others"));
    }
    lines.push("The URL stays. From then on it is a publication link, the dataset's own, whoever made it: it may be found by search engines, and there is no way back.".to_owned());
    if found.iter().any(|(_, _, would)| would.shows_path) {
        lines.push("What a review link hides is hidden no more: whoever reads by it sees the bucket and the path in it.".to_owned());
    }
    lines.push(format!("It can be withdrawn, with a reason; reading stops within {} then. {NOT_REACHED}", bound(Timing::WORLD)));
    lines.join("\n")
}
