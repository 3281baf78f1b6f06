//! What a change would do: who gains and who loses what, and which links stop. Said before it is done, or instead of it.

use clap::Args;
use domain::timing::Timing;
use serde::Serialize;
use wire::project::{Effect, Effects};

use crate::{
    exit::Failure,
    grant::rights_of,
    link::NOT_REACHED,
    output::{Column, Format, Output, bound, column, printable},
};

/// What somebody would gain or lose.
const EFFECT: [Column; 4] =
    [column("who", "/who"), column("by_it", "/by_it"), column("rights", "/rights"), column("datasets", "/datasets")];
/// People whose gains or losses, and links whose ends, are said before a change; all that were looked at are listed by `--dry-run`.
const SAID_MAX: usize = 10;

/// Whether and how something is done.
#[derive(Debug, Args)]
pub(crate) struct Sure {
    /// Only say who would gain and who would lose what, and which links would stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it without asking.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Return when it is in force everywhere.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
}

/// How a change is spoken of.
#[derive(Debug)]
pub(crate) struct Spoken<'a> {
    /// What it does in general, where there is more to say than who gains and loses.
    pub(crate) said: Option<String>,
    /// What no longer allows it: "the project".
    pub(crate) by: &'a str,
    /// Whether to ask though nobody loses anything.
    pub(crate) asks: bool,
}

impl Spoken<'_> {
    /// Says what a change would do, and asks where somebody loses by it. `false`: it was only to be said.
    ///
    /// # Errors
    /// As [`Output::confirm`].
    pub(crate) async fn is_wanted(&self, out: Output, effects: &Effects, sure: &Sure) -> Result<bool, Failure> {
        if sure.dry_run {
            return show(out, effects).map(|()| false);
        }
        let consequence = self.consequence(effects);
        if self.asks || !effects.loses.is_empty() || !effects.links_ended.is_empty() {
            out.confirm(&consequence, "Do this?", sure.yes).await?;
        } else {
            out.note(&consequence);
        }
        Ok(true)
    }

    /// The same in words.
    fn consequence(&self, effects: &Effects) -> String {
        let mut said: Vec<String> = self.said.iter().cloned().collect();
        if said.is_empty() && effects.gains.is_empty() && effects.loses.is_empty() {
            said.push("Nobody gains or loses anything by it.".to_owned());
        }
        said.extend(self::said(effects));
        if self.said.is_some() || !effects.loses.is_empty() {
            said.push(how_fast(self.by));
        }
        said.join("\n")
    }
}

/// Who gains and who loses what, which links stop, and how much nobody looked at: line by line, and not all of very many.
pub(crate) fn said(effects: &Effects) -> Vec<String> {
    let lines = lines(effects);
    let mut said: Vec<String> = lines
        .iter()
        .take(SAID_MAX)
        .map(|line| {
            let datasets = if line.datasets == 1 { "1 dataset".to_owned() } else { format!("{} datasets", line.datasets) };
            format!("{} {} {} on {datasets}.", printable(&line.who), line.by_it, line.rights)
        })
        .collect();
    if lines.len() > SAID_MAX {
        said.push(format!("{} more gain or lose by it; --dry-run lists all.", lines.len().saturating_sub(SAID_MAX)));
    }
    said.extend(links(effects, SAID_MAX));
    said.extend(not_told(effects));
    said
}

/// How fast it stops what `by`, "the project", no longer allows.
pub(crate) fn how_fast(by: &str) -> String {
    let (soon, at_last) = (bound(Timing::PRIVATE), bound(Timing::WORLD));
    format!("Reading that only {by} allowed stops within {soon}, by links within {at_last} at the latest. {NOT_REACHED}")
}

/// Shows what a change would do: who would gain and lose what as lines, the rest on stderr.
///
/// # Errors
/// Where stdout cannot be written.
pub(crate) fn show(out: Output, effects: &Effects) -> Result<(), Failure> {
    match out.format {
        Format::Json | Format::Jsonl => out.one(&EFFECT, effects)?,
        Format::Table if effects.gains.is_empty() && effects.loses.is_empty() => {
            out.note("Nobody by name, group or project gains or loses anything by it.");
        }
        Format::Table | Format::Csv => out.list(&EFFECT, &lines(effects))?,
    }
    for said in links(effects, usize::MAX).into_iter().chain(not_told(effects)) {
        out.note(&said);
    }
    Ok(())
}

/// What one person would gain or lose: a line of the table.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    who: String,
    by_it: &'static str,
    rights: String,
    datasets: usize,
}

fn lines(effects: &Effects) -> Vec<Line> {
    let line = |by_it: &'static str| {
        move |effect: &Effect| Line { who: effect.name.clone(), by_it, rights: rights_of(&effect.rights, None), datasets: effect.datasets }
    };
    effects.loses.iter().map(line("loses")).chain(effects.gains.iter().map(line("gains"))).collect()
}

/// Which links stop, at most so many by their ids.
fn links(effects: &Effects, most: usize) -> Option<String> {
    let ids: Vec<String> = effects.links_ended.iter().take(most).map(|id| printable(id)).collect();
    let left = effects.links_ended.len().saturating_sub(ids.len());
    let others = match (left, effects.more_links) {
        (0, false) => String::new(),
        (0, true) => " and perhaps others".to_owned(),
        (left, false) => format!(" and {left} others"),
        (left, true) => format!(" and {left} others or more"),
    };
    match (ids.is_empty(), effects.more_links) {
        (true, false) => None,
        (true, true) => Some("Links may stop that nobody looked at.".to_owned()),
        (false, _) => Some(format!("Links that stop: {}{others}.", ids.join(", "))),
    }
}

fn not_told(effects: &Effects) -> impl Iterator<Item = String> {
    let more = effects.more;
    let looked = (more > 0).then(|| format!("Of {more} more pairs of a person and a dataset nobody looked."));
    let named = effects.unnamed.then(|| "Members of a group or project that you may not know of are not told of.".to_owned());
    looked.into_iter().chain(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: Spoken<'_> = Spoken { said: None, by: "the project", asks: false };

    fn effect(name: &str, rights: &[&str], datasets: usize) -> Effect {
        Effect { user: "u1".to_owned(), name: name.to_owned(), rights: rights.iter().map(|word| (*word).to_owned()).collect(), datasets }
    }

    #[test]
    fn who_gains_and_who_loses_is_said_losses_first() {
        let gains = vec![effect("ada", &["discover", "meta", "coarse", "list", "read"], 2)];
        let loses = vec![effect("gr\u{1b}ace", &["list", "read"], 1)];
        let effects = Effects { gains, loses, more: 3, unnamed: true, links_ended: vec!["l1".to_owned()], more_links: false };
        let said = PROJECT.consequence(&effects);
        let wanted = "gr\\u{1b}ace loses list, read on 1 dataset.\nada gains view on 2 datasets.\nLinks that stop: l1.\nOf 3 more pairs of a person and a dataset nobody looked.\nMembers of a group or project that you may not know of are not told of.\nReading that only the project allowed";
        assert!(said.starts_with(wanted) && said.contains("within 65 seconds"), "{said}");
        assert_eq!(PROJECT.consequence(&Effects::default()), "Nobody gains or loses anything by it.");
        let many = Effects { gains: vec![effect("ada", &["discover"], 1); 13], ..Effects::default() };
        assert!(PROJECT.consequence(&many).ends_with("\n3 more gain or lose by it; --dry-run lists all."));
        let withdrawn = Spoken { said: Some("ada loses it.".to_owned()), by: "this grant", asks: true };
        assert!(withdrawn.consequence(&Effects::default()).starts_with("ada loses it.\nReading that only this grant allowed"));
    }

    #[test]
    fn which_links_stop_is_said_and_that_there_may_be_others() {
        let ending = |count: usize, more_links: bool| {
            let links_ended = (0..count).map(|number| format!("l{number}")).collect();
            links(&Effects { links_ended, more_links, ..Effects::default() }, 2)
        };
        assert_eq!(ending(0, false), None);
        assert_eq!(ending(2, false).unwrap(), "Links that stop: l0, l1.");
        assert_eq!(ending(2, true).unwrap(), "Links that stop: l0, l1 and perhaps others.");
        assert_eq!(ending(5, false).unwrap(), "Links that stop: l0, l1 and 3 others.");
        assert_eq!(ending(100, true).unwrap(), "Links that stop: l0, l1 and 98 others or more.");
        assert_eq!(ending(0, true).unwrap(), "Links may stop that nobody looked at.");
    }
}
