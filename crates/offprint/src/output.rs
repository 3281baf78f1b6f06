//! What a command says: data on stdout in the format asked for, everything else on stderr.

use std::{
    io::{self, IsTerminal, Write},
    num::NonZeroUsize,
};

use clap::ValueEnum;
use domain::timing::Timing;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    csv,
    exit::{Exit, Failure},
};

/// How data are printed. The words have no documentation of their own: clap would turn every `--help` into its long form for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    // For people: aligned columns, times to the second.
    #[default]
    Table,
    // What the API answered, as one document.
    Json,
    // The same, one item a line.
    Jsonl,
    // For spreadsheets; no cell is taken for a formula.
    Csv,
}

/// One column: its name, and where its value stands in an item's JSON (RFC 6901).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    at: &'static str,
}

/// A column.
pub(crate) const fn column(name: &'static str, at: &'static str) -> Column {
    Column { name, at }
}

/// Reads one field that is chosen: the name of a column, or of a field of the API, with dots to those inside it.
///
/// # Errors
/// What a name looks like.
pub(crate) fn read_field(text: &str) -> Result<Column, String> {
    let fits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !text.split('.').all(fits) {
        return Err("write names of columns, or of the API's fields, with dots to those inside: id,until,s3.bucket".to_owned());
    }
    // Read once, and needed until the process ends.
    Ok(column(text.to_owned().leak(), format!("/{}", text.replace('.', "/")).leak()))
}

/// The two streams of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) quiet: bool,
    /// What is printed of each item, in this order, instead of what a table or JSON has; empty: that.
    pub(crate) fields: &'static [Column],
}

impl Output {
    /// Whether a person reads it as it comes: what some commands then print has a form of its own.
    pub(crate) fn is_for_reading(self) -> bool {
        self.format == Format::Table && self.fields.is_empty()
    }

    /// The chosen fields, by the columns that have their names; says on stderr which no item has.
    fn chosen(self, columns: &[Column], items: &[Value]) -> Vec<Column> {
        let known = |field: &Column| columns.iter().find(|column| column.name == field.name);
        let chosen: Vec<Column> = self.fields.iter().map(|field| *known(field).unwrap_or(field)).collect();
        let is_nowhere = |field: &&Column| known(field).is_none() && items.iter().all(|item| item.pointer(field.at).is_none());
        for field in self.fields.iter().filter(is_nowhere).filter(|_| !items.is_empty()) {
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            self.note(&format!("warning: nothing here has a field `{}`; columns are {}", field.name, names.join(", ")));
        }
        chosen
    }

    /// Prints the chosen fields of items.
    fn list_chosen(self, columns: &[Column], items: &[Value]) -> Result<(), Failure> {
        let columns = self.chosen(columns, items);
        let picked = || items.iter().map(|item| pick(&columns, item)).collect::<Vec<_>>();
        match self.format {
            Format::Table if items.is_empty() => {
                self.note("Nothing here.");
                Ok(())
            }
            Format::Table => data(&table(&columns, items)),
            Format::Json => data(&pretty(&Items { items: &picked() })?),
            Format::Jsonl => data(&text(picked().iter().map(row).collect::<Result<Vec<_>, _>>()?.into_iter())),
            Format::Csv => data(&sheet(&columns, items)),
        }
    }

    /// Prints items. Columns are what a table shows; JSON has all there is, as the API's listings have it.
    pub(crate) fn list(self, columns: &[Column], items: &[impl Serialize]) -> Result<(), Failure> {
        if !self.fields.is_empty() {
            return self.list_chosen(columns, &values(items)?);
        }
        match self.format {
            Format::Table if items.is_empty() => {
                self.note("Nothing here.");
                Ok(())
            }
            Format::Table => data(&table(columns, &values(items)?)),
            Format::Json => data(&pretty(&Items { items })?),
            Format::Jsonl => data(&text(items.iter().map(row).collect::<Result<Vec<_>, _>>()?.into_iter())),
            Format::Csv => data(&sheet(columns, &values(items)?)),
        }
    }

    /// Prints one item: in a table, a line for each column that it has.
    pub(crate) fn one(self, columns: &[Column], item: &impl Serialize) -> Result<(), Failure> {
        if !self.fields.is_empty() {
            let item = value(item)?;
            let columns = self.chosen(columns, std::slice::from_ref(&item));
            return match self.format {
                Format::Table => data(&lines(&columns, &item)),
                Format::Json => data(&pretty(&pick(&columns, &item))?),
                Format::Jsonl => data(&text(std::iter::once(row(&pick(&columns, &item))?))),
                Format::Csv => data(&sheet(&columns, &[item])),
            };
        }
        match self.format {
            Format::Table => data(&lines(columns, &value(item)?)),
            Format::Json => data(&pretty(item)?),
            Format::Jsonl => data(&text(std::iter::once(row(item)?))),
            Format::Csv => data(&sheet(columns, &[value(item)?])),
        }
    }

    /// Says that a listing was cut.
    pub(crate) fn more(self, more: bool, limit: NonZeroUsize) {
        if more {
            self.note(&format!("There are more than {limit}; ask for them with --limit."));
        }
    }

    /// Says something to the person, unless they want quiet.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Says what an act will do, and asks. `yes` answers beforehand.
    ///
    /// # Errors
    /// [`Exit::Usage`] where nobody is there to answer, [`Exit::Failed`] for a no.
    pub(crate) async fn confirm(self, consequence: &str, question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            self.note(consequence);
            return Ok(());
        }
        say(consequence);
        if !io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Usage, "nobody is here to answer").hint("add -y to answer yes"));
        }
        let prompt = format!("{question} [y/N] ");
        let answer = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            // Unlocked again before the answer: Ctrl-C has to be said meanwhile.
            io::stderr().write_all(prompt.as_bytes())?;
            io::stdin().read_line(&mut line).map(|_bytes| line)
        });
        let line = answer.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
        if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(Failure::new(Exit::Failed, "nothing was changed"))
    }
}

/// Writes data to stdout.
///
/// # Errors
/// A silent end where the reader has gone (`| head`): it has what it wanted.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// The same of what may be no text.
///
/// # Errors
/// As [`data`].
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Err(Failure::silent(Exit::Done)),
        Err(why) => Err(Failure::new(Exit::Failed, format!("the output cannot be written: {why}"))),
    }
}

/// Items as an aligned table, for what is more than one list.
///
/// # Errors
/// Never, for what the API sends.
pub(crate) fn rows(columns: &[Column], items: &[impl Serialize]) -> Result<String, Failure> {
    Ok(table(columns, &values(items)?))
}

/// Lines as one text.
pub(crate) fn text(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Writes a line to stderr. A stderr that is gone has nobody to be told.
pub(crate) fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// The text with control and direction characters escaped: a path or a label cannot redraw the terminal.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// An instant to the second, never earlier than it is: `2027-01-31 14:03:25 UTC`.
pub(crate) fn instant(at: Timestamp) -> String {
    let whole = at.round(jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Ceil)).unwrap_or(at);
    whole.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// An instant as the API writes it, as [`instant`] says it; any other text as it stands.
pub(crate) fn instant_of(text: &str) -> String {
    text.parse().map_or_else(|_not_a_time| printable(text), instant)
}

/// The bound in words: "65 seconds", "5 minutes 30 seconds".
pub(crate) fn bound(timing: Timing) -> String {
    seconds(timing.revoke_bound_secs)
}

/// So many seconds, for a person.
pub(crate) fn seconds(secs: u32) -> String {
    match (secs.div_euclid(60), secs.rem_euclid(60)) {
        (..=1, _) => format!("{secs} seconds"),
        (minutes, 0) => format!("{minutes} minutes"),
        (minutes, secs) => format!("{minutes} minutes {secs} seconds"),
    }
}

/// Of an item its chosen fields, by their names; `null` for one that it does not have.
fn pick(columns: &[Column], item: &Value) -> Value {
    let field = |column: &Column| (column.name.to_owned(), item.pointer(column.at).cloned().unwrap_or_default());
    Value::Object(columns.iter().map(field).collect())
}

/// A listing, as the API has it.
#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

fn pretty(item: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(item).map(|json| format!("{json}\n")).map_err(unwritten)
}

fn row(item: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(item).map_err(unwritten)
}

fn value(item: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(item).map_err(unwritten)
}

fn values(items: &[impl Serialize]) -> Result<Vec<Value>, Failure> {
    items.iter().map(value).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "taken by `map_err`")]
fn unwritten(why: serde_json::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the output cannot be written as JSON: {why}"))
}

/// What a cell says to a person; `None`: the item has no such value.
fn shown(column: Column, item: &Value) -> Option<String> {
    Some(match item.pointer(column.at)? {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::Array(items) if items.is_empty() => return None,
        Value::String(text) => instant_of(text),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(printable).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    })
}

/// What a cell says to a program.
fn plain(column: Column, item: &Value) -> String {
    match item.pointer(column.at) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    }
}

fn sheet(columns: &[Column], items: &[Value]) -> String {
    let head = csv::line(columns.iter().map(|column| column.name));
    let rows = items.iter().map(|item| {
        let cells: Vec<String> = columns.iter().map(|column| plain(*column, item)).collect();
        csv::line(cells.iter().map(String::as_str))
    });
    std::iter::once(head).chain(rows).collect()
}

fn table(columns: &[Column], items: &[Value]) -> String {
    let head: Vec<String> = columns.iter().map(|column| column.name.replace('_', " ").to_uppercase()).collect();
    let rows = items.iter().map(|item| columns.iter().map(|column| shown(*column, item).unwrap_or_else(|| "-".to_owned())).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    text(rows.iter().map(|row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    }))
}

fn lines(columns: &[Column], item: &Value) -> String {
    let width = columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    let named = columns.iter().filter_map(|column| Some((column.name.replace('_', " "), shown(*column, item)?)));
    text(named.map(|(name, value)| format!("{name:width$}  {value}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 4] =
        [column("id", "/id"), column("label", "/label"), column("until", "/until"), column("s3_bucket", "/s3/bucket")];

    fn items() -> [Value; 2] {
        [
            json!({ "id": "l1", "label": "=cmd", "until": "2027-01-31T12:00:00.5Z", "s3": { "bucket": "b" } }),
            json!({ "id": "long-id", "label": "a\u{1b}[2J\u{202e}b" }),
        ]
    }

    #[test]
    fn a_table_is_aligned_and_cannot_redraw_the_terminal() {
        assert_eq!(
            table(&COLUMNS, &items()),
            "ID       LABEL                UNTIL                    S3 BUCKET\n\
             l1       =cmd                 2027-01-31 12:00:01 UTC  b\n\
             long-id  a\\u{1b}[2J\\u{202e}b  -                        -\n"
        );
    }

    #[test]
    fn one_item_is_a_line_a_value() {
        assert_eq!(lines(&COLUMNS, &items()[1]), "id         long-id\nlabel      a\\u{1b}[2J\\u{202e}b\n");
    }

    #[test]
    fn a_sheet_keeps_values_and_makes_no_formula() {
        assert_eq!(sheet(&COLUMNS, &items()[..1]), "id,label,until,s3_bucket\r\nl1,'=cmd,2027-01-31T12:00:00.5Z,b\r\n");
    }

    #[test]
    fn chosen_fields_are_those_of_the_table_or_of_the_api_in_the_order_asked_for() {
        let fields: Vec<Column> = ["s3.bucket", "label", "s3_bucket"].iter().map(|text| read_field(text).unwrap()).collect();
        let out = Output { format: Format::Json, quiet: true, fields: fields.leak() };
        let columns = out.chosen(&COLUMNS, &items());
        assert_eq!(sheet(&columns, &items()[..1]), "s3.bucket,label,s3_bucket\r\nb,'=cmd,b\r\n");
        assert_eq!(pick(&columns, &items()[0]), json!({ "s3.bucket": "b", "label": "=cmd", "s3_bucket": "b" }));
        assert_eq!(pick(&columns[..1], &items()[1]), json!({ "s3.bucket": null }));
        assert_eq!(table(&columns[1..], &items()[..1]), "LABEL  S3 BUCKET\n=cmd   b\n");
        for text in ["", ".", "id.", "Id", "a b", "/id", "id,until"] {
            assert!(read_field(text).is_err(), "{text}");
        }
    }

    // UX 1
    #[test]
    fn the_bound_is_said_in_words() {
        assert_eq!([Timing::STRICT, Timing::PRIVATE, Timing::WORLD].map(bound), ["15 seconds", "65 seconds", "5 minutes 30 seconds"]);
    }
}
