//! Many links at once: the rows asked for, the pieces sent, and what became of each.

use std::{
    collections::{HashMap, HashSet},
    io::Read,
    path::Path,
    sync::OnceLock,
};

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use wire::{
    link::{Batch, BatchCreate, BatchItem, NewLink},
    problem::Problem,
    secret::Secret,
};

use crate::{
    api::{Api, Reply},
    csv, dataset,
    exit::{Exit, Failure},
    link::Options,
    output::{Column, Format, Output, column, say},
    place::Place,
    progress::Progress,
};

/// Bytes of a batch file.
const FILE_BYTES_MAX: u64 = 16 * 1_048_576;
/// Links that one request makes: below what the API takes, in items and in bytes, so that progress moves.
const MADE_AT_ONCE: usize = 200;
/// Calls under way at the same time, where the API has no batch.
const CALLS_AT_ONCE: usize = 8;
/// What a row of a batch file may say.
const HEAD: [&str; 8] = ["place", "path", "class", "until", "from", "label", "strict", "role"];
/// What an item of a batch shows.
const ITEM: [Column; 7] = [
    column("id", "/link/id"),
    column("state", "/link/state"),
    column("place", "/link/place"),
    column("until", "/link/until"),
    column("enforced_by", "/enforced_by"),
    column("url", "/link/url"),
    column("problem", "/problem/code"),
];
/// Of those, what a table shows: failures are said on stderr, each with its reason.
const ITEM_IN_TABLE: [Column; 5] = [
    column("id", "/link/id"),
    column("state", "/link/state"),
    column("place", "/link/place"),
    column("until", "/link/until"),
    column("enforced_by", "/enforced_by"),
];

/// One link that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) place: Place,
    pub(crate) options: Options,
    /// What was read from the file that the options name.
    pub(crate) password: Option<Secret>,
}

impl Ask {
    /// The request for it, once its dataset is known.
    pub(crate) fn new_link(&self, dataset: String) -> NewLink {
        let options = self.options.clone();
        let Options {
            class,
            until,
            from,
            label,
            strict,
            role,
            zones,
            hard_zones,
            hide_listing,
            level,
            sessions_max,
            requests_per_second,
            bytes_per_day,
            code,
            path,
            ..
        } = options;
        NewLink {
            dataset,
            path,
            class,
            until,
            not_before: from,
            label,
            strict: strict.then_some(true),
            role,
            zones,
            hard_zones: hard_zones.then_some(true),
            hide_listing: hide_listing.then_some(true),
            level,
            password: self.password.clone(),
            sessions_max,
            requests_per_second,
            bytes_per_day,
            code: code.then_some(true),
        }
    }
}

/// Reads a batch file, `-` being stdin; `given` holds for cells that are empty.
///
/// # Errors
/// [`Exit::Usage`] for a file that cannot be read or understood, with the line; nothing has been done then.
pub(crate) async fn read(file: &Path, given: &Options) -> Result<Vec<Ask>, Failure> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let source: Box<dyn Read> = if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(std::fs::File::open(path)?) };
        let mut bytes = Vec::new();
        source.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map(|_count| bytes)
    });
    let name = file.display();
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{name}: {what}"));
    let bytes = read.await.map_err(anyhow::Error::from)?.map_err(|why| wrong(why.to_string()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Limit, format!("{name}: a batch file has at most {FILE_BYTES_MAX} bytes")).hint("split it"));
    }
    let text = String::from_utf8(bytes).map_err(|_why| wrong("the file is not UTF-8".to_owned()))?;
    parse(&text, given).map_err(|why| wrong(why).hint("see `offprint link create --help` for the columns"))
}

fn parse(text: &str, given: &Options) -> Result<Vec<Ask>, String> {
    let mut rows = csv::parse(text).map_err(|line| format!("line {line}: a quoted cell does not end"))?.into_iter();
    let (_, head) = rows.next().ok_or("the file is empty")?;
    let head: Vec<String> = head.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if let Some(other) = head.iter().find(|name| !HEAD.contains(&name.as_str())) {
        return Err(format!("there is no column `{other}`; the first line names columns: {}", HEAD.join(", ")));
    }
    if !head.iter().any(|name| name == "place") {
        return Err("no column `place`".to_owned());
    }
    rows.map(|(line, cells)| ask(&head, &cells, given).map_err(|why| format!("line {line}: {why}"))).collect()
}

fn ask(head: &[String], cells: &[String], given: &Options) -> Result<Ask, String> {
    if cells.len() > head.len() {
        return Err("more cells than columns; quote what has a comma in it".to_owned());
    }
    let cell = |name: &str| {
        let at = head.iter().position(|column| column == name)?;
        cells.get(at).filter(|text| !text.is_empty()).cloned()
    };
    let strict = match cell("strict").map(|text| text.to_ascii_lowercase()).as_deref() {
        None => given.strict,
        Some("yes" | "true" | "1") => true,
        Some("no" | "false" | "0") => false,
        Some(_) => return Err("`strict` is yes or no".to_owned()),
    };
    let given = given.clone();
    Ok(Ask {
        // Read once for all of them.
        password: None,
        place: cell("place").ok_or("no place")?.parse()?,
        options: Options {
            class: cell("class").or(given.class),
            until: cell("until").or(given.until),
            from: cell("from").or(given.from),
            label: cell("label").or(given.label),
            path: cell("path").or(given.path),
            strict,
            role: cell("role").or(given.role),
            ..given
        },
    })
}

/// Registers what is not yet, then makes the links in pieces. A failure is its item's alone; after a piece without an answer the rest is not tried.
pub(crate) async fn create(api: &Api, out: Output, asks: &[Ask]) -> Batch {
    let api = api.silently();
    let datasets = register(&api, out, asks).await;
    let (mut ready, mut items) = (Vec::new(), Vec::new());
    for (index, ask) in asks.iter().enumerate() {
        match datasets.get(&ask.place) {
            Some(Ok(dataset)) => ready.push((index, ask.new_link(dataset.clone()))),
            Some(Err(why)) => items.push(failed(index, why.clone())),
            None => items.push(failed(index, Failure::new(Exit::Failed, "its dataset was not registered"))),
        }
    }
    let mut progress = Progress::new("Creating links", ready.len(), out.quiet);
    let mut broken = None;
    for piece in ready.chunks(MADE_AT_ONCE) {
        let ask = BatchCreate { items: piece.iter().map(|(_, link)| link.clone()).collect() };
        let made = match broken.take() {
            Some(why) => Err(why),
            None => api.create::<Batch>(&["links", "batch"], &ask).await,
        };
        match made {
            Ok(Reply { body, .. }) => items.extend(renumbered(body, piece.iter().map(|(index, _)| *index))),
            Err(why) => {
                items.extend(piece.iter().map(|(index, _)| failed(*index, why.clone())));
                broken = Some(why);
            }
        }
        progress.advance(piece.len());
    }
    items.sort_by_key(|item| item.index);
    Batch { items }
}

/// The ids of the datasets that the rows name, each registered once.
async fn register(api: &Api, out: Output, asks: &[Ask]) -> HashMap<Place, Result<String, Failure>> {
    let mut seen = HashSet::new();
    let places: Vec<&Place> = asks.iter().map(|ask| &ask.place).filter(|place| seen.insert(*place)).collect();
    let progress = Progress::new("Registering datasets", places.len(), out.quiet);
    let done = each(&places, progress, async |place| dataset::register(api, place).await.map(|reply| reply.body.id)).await;
    places.into_iter().cloned().zip(done).collect()
}

/// Calls for each item, a few at a time; results in order. Where nobody answers, or not to this token, the rest is not tried.
pub(crate) async fn each<T, R>(
    items: &[T],
    mut progress: Progress,
    call: impl AsyncFn(&T) -> Result<R, Failure>,
) -> Vec<Result<R, Failure>> {
    let (broken, call) = (OnceLock::new(), &call);
    let called = stream::iter(items).map(|item| {
        let broken = &broken;
        async move {
            if let Some(why) = broken.get() {
                return Err(Failure::clone(why));
            }
            let done = call(item).await;
            if let Err(why) = &done
                && matches!(why.exit, Exit::Unavailable | Exit::SignIn)
            {
                broken.get_or_init(|| why.clone());
            }
            done
        }
    });
    called.buffered(CALLS_AT_ONCE).inspect(|_done| progress.advance(1)).collect().await
}

/// A failure as an item's result.
pub(crate) fn failed(index: usize, why: Failure) -> BatchItem {
    let problem = why.into_problem();
    BatchItem { index, status: problem.status, link: None, enforced_by: None, problem: Some(problem) }
}

/// The items of a piece, with their places in the whole.
pub(crate) fn renumbered(piece: Batch, indices: impl Iterator<Item = usize>) -> impl Iterator<Item = BatchItem> {
    indices.zip(piece.items).map(|(index, item)| BatchItem { index, ..item })
}

/// Prints what became of each.
pub(crate) fn print(out: Output, batch: &Batch) -> Result<(), Failure> {
    if out.format != Format::Table {
        return out.list(&ITEM, &batch.items);
    }
    let done: Vec<&BatchItem> = batch.items.iter().filter(|item| item.problem.is_none()).collect();
    if done.is_empty() { Ok(()) } else { out.list(&ITEM_IN_TABLE, &done) }
}

/// Lists on stderr what failed.
///
/// # Errors
/// [`Exit::Some`] if anything did; where everything did for one reason, the exit code of that.
pub(crate) fn failures(batch: &Batch, name: impl Fn(usize) -> Option<String>) -> Result<(), Failure> {
    let mut exits = Vec::new();
    for item in &batch.items {
        let Some(problem) = &item.problem else { continue };
        let named = name(item.index).unwrap_or_else(|| format!("item {}", item.index.saturating_add(1)));
        let detail = format!("{named}: {}", problem.detail);
        let status = StatusCode::from_u16(item.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let failure = Failure::refused(status, Problem { detail, ..problem.clone() });
        say(&format!("error: {failure}"));
        exits.push(failure.exit);
    }
    let Some(first) = exits.first() else { return Ok(()) };
    let alike = exits.len() == batch.items.len() && exits.iter().all(|exit| exit == first);
    if batch.items.len() > 1 {
        say(&format!("{} of {} failed.", exits.len(), batch.items.len()));
    }
    Err(Failure::silent(if alike { *first } else { Exit::Some }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Options {
        Options { class: Some("event".to_owned()), label: Some("all".to_owned()), strict: true, ..Options::default() }
    }

    #[test]
    fn a_row_says_what_it_wants_and_the_flags_the_rest() {
        let text = "place,label,strict,until\r\nlab:a.zarr,\"one, two\",no,30d\r\n\r\nlab:b c#%,,,\r\nlab:short\r\n";
        let asks = parse(text, &given()).unwrap();
        let options = |label: &str, strict, until: Option<&str>| Options {
            label: Some(label.to_owned()),
            strict,
            until: until.map(str::to_owned),
            ..given()
        };
        let want = [
            ("lab:a.zarr", options("one, two", false, Some("30d"))),
            ("lab:b c#%", options("all", true, None)),
            ("lab:short", options("all", true, None)),
        ];
        assert_eq!(asks, want.map(|(place, options)| Ask { place: place.parse().unwrap(), options, password: None }));
    }

    #[test]
    fn a_file_that_is_not_understood_names_its_line() {
        for (text, want) in [
            ("", "the file is empty"),
            ("lab:a\n", "there is no column `lab:a`"),
            ("label\nx\n", "no column `place`"),
            ("place,label\nlab:a\n,x\n", "line 3: no place"),
            ("place\nlab\n", "line 2: write NAME:PATH"),
            ("place\nlab:a,b\n", "line 2: more cells"),
            ("place,strict\nlab:a,maybe\n", "line 2: `strict`"),
            ("place\n\"lab:a\n", "line 2: a quoted cell"),
        ] {
            let why = parse(text, &Options::default()).unwrap_err();
            assert!(why.starts_with(want), "{text:?}: {why}");
        }
    }

    #[tokio::test]
    async fn where_nobody_answers_the_rest_is_not_tried() {
        let tried = std::sync::atomic::AtomicUsize::new(0);
        let items: Vec<usize> = (0..100).collect();
        let done = each(&items, Progress::new("", 100, true), async |item| {
            tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
            match item {
                3 => Err(Failure::new(Exit::NotFound, "no")),
                20 => Err(Failure::new(Exit::Unavailable, "nobody")),
                _ => Ok(*item),
            }
        })
        .await;
        assert!(tried.into_inner() < 40, "a dead server is asked again and again");
        assert_eq!((done.len(), done[2].as_ref().ok(), done[99].as_ref().unwrap_err().exit), (100, Some(&2), Exit::Unavailable));
        assert_eq!(done[3].as_ref().unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn some_failed_is_8_and_all_for_one_reason_is_that_reason() {
        let bad = |index, exit| failed(index, Failure::new(exit, "no"));
        let good = |index| BatchItem { index, status: 201, link: None, enforced_by: None, problem: None };
        for (items, want) in [
            (vec![good(0), good(1)], None),
            (vec![good(0), bad(1, Exit::Failed)], Some(Exit::Some)),
            (vec![bad(0, Exit::Unavailable), bad(1, Exit::Unavailable)], Some(Exit::Unavailable)),
            (vec![bad(0, Exit::Unavailable), bad(1, Exit::Failed)], Some(Exit::Some)),
        ] {
            assert_eq!(failures(&Batch { items }, |_index| None).err().map(|why| why.exit), want);
        }
    }
}
