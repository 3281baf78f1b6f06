//! `GET /api/v1/audit`: who did what, by month, and the same as JSON lines or CSV to keep.

use axum::{body::Body, response::Response};
use domain::{
    address::SourceHash,
    decision::{Action, Facts},
    id::{DatasetId, UserId},
};
use edge::{
    App,
    asked::{Filling, Filters, Listing},
    caller::Caller,
    problem::Problem,
};
use http::{HeaderValue, StatusCode, header};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use table::audit::{AuditEntry, VERBS};

use crate::subject::person;

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// The month, in UTC, as `2027-01`; missing: this one.
    month: Option<String>,
    /// Only what this person did: a name or an id.
    actor: Option<String>,
    /// Only what was done to this, by id. Whoever administers a dataset may ask for it; everything else is for administrators.
    target: Option<String>,
    /// Only this verb, as `link.create`, or all of a noun, as `link`.
    verb: Option<String>,
    /// Only what was done from where an entry of this month with this `source` was.
    source: Option<String>,
    /// `json`, which it is if missing; `jsonl` or `csv` for a file, whose `Link` header leads to the rest.
    format: Option<String>,
    /// The most items, 1 to 100.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what was done in a month, the latest first. A page may be short before the last one; `next_cursor` says whether there is more.
///
/// # Errors
/// 403 for anybody but an administrator, except about a dataset that the caller administers; 400 `month`, `format`, `verb`; 422 `no-such-user`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit", security(("token" = ["read"])), params(Ask),
    responses((status = 200, description = "A page of entries", body = wire::page::Page<wire::audit::AuditEntry>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let month = month(ask.month.as_deref(), now)?;
    let format = ask.format.as_deref().unwrap_or("json");
    if !matches!(format, "json" | "jsonl" | "csv") {
        return Err(wrong("format", "there is no such format", "/format", "`json`, `jsonl` or `csv`"));
    }
    let filters = [
        ("month", ask.month.as_deref()),
        ("actor", ask.actor.as_deref()),
        ("target", ask.target.as_deref()),
        ("verb", ask.verb.as_deref()),
        ("source", ask.source.as_deref()),
        ("format", ask.format.as_deref()),
    ];
    let listing = Listing::new("/api/v1/audit", &filters, ask.limit)?;
    let position = listing.position(&caller, ask.cursor.as_deref(), now)?;
    let reads_all = may_read(&app, &caller, ask.target.as_deref(), now).await?;
    let wanted = Wanted::read(&app, &ask).await?;
    let mut filling = listing.filling(position);
    while let Some(page) = filling.look() {
        let found = app.table.audit_page(month, &page).await?;
        let kept = found.items.iter().filter(|entry| wanted.takes(entry)).map(|entry| shown(entry, reads_all, &ask));
        filling.keep(kept, found.next);
    }
    let Filling { items, next, .. } = filling;
    let file = match format {
        "jsonl" => Some((lines(&items), "application/x-ndjson")),
        "csv" => Some((csv(&items), "text/csv; charset=utf-8")),
        _ => None,
    };
    let mut answer = listing.answer(&app, &caller, items, next.as_deref(), now)?;
    if let Some((text, kind)) = file {
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        *answer.body_mut() = Body::from(text);
    }
    Ok(answer)
}

/// Whether the caller may read all of it, and not only what is about this.
async fn may_read(app: &App, caller: &Caller, target: Option<&str>, now: Timestamp) -> Result<bool, Problem> {
    let everything = caller.may(Action::Audit, &Facts::Deployment, now).map(|_permit| true);
    let own = target.filter(|target| DatasetId::parse(target).is_ok());
    let Some(target) = own.filter(|_| everything.is_err()) else { return everything };
    let facts = caller.dataset(app, target).await?;
    caller.may(Action::Audit, &Facts::Dataset(facts), now).map(|_permit| false)
}

/// Which entries of a month are asked for.
struct Wanted<'a> {
    actor: Option<UserId>,
    ask: &'a Ask,
}

impl<'a> Wanted<'a> {
    /// Reads what can be known to be nobody's and nothing's: a list without an entry would look like nothing was done.
    async fn read(app: &App, ask: &'a Ask) -> Result<Self, Problem> {
        if let Some(verb) = ask.verb.as_deref().filter(|verb| !VERBS.iter().any(|there| is_of(there, verb))) {
            return Err(wrong("verb", "nothing is ever done by that verb", "/verb", "such as `grant.give`, or all of a noun, as `grant`")
                .with("asked", verb));
        }
        if ask.source.as_deref().is_some_and(|source| SourceHash::parse(source).is_none()) {
            return Err(wrong("source", "no entry has such a source", "/source", "the `source` of an entry of the same month"));
        }
        let actor = match ask.actor.as_deref() {
            Some(text) => Some(person(app, text, "/actor").await?.id),
            None => None,
        };
        Ok(Self { actor, ask })
    }

    fn takes(&self, entry: &AuditEntry) -> bool {
        let Self { actor, ask } = self;
        let from = ask.source.is_none() || ask.source == entry.source;
        let by = actor.is_none_or(|actor| actor == entry.actor);
        let to = ask.target.as_ref().is_none_or(|target| *target == entry.target || entry.also.contains(target));
        from && by && to && ask.verb.as_deref().is_none_or(|verb| is_of(&entry.verb, verb))
    }
}

/// Whether a verb is the one that is asked for, or of the noun that is.
fn is_of(verb: &str, asked: &str) -> bool {
    verb == asked || verb.split_once('.').is_some_and(|(noun, _done)| noun == asked)
}

fn shown(entry: &AuditEntry, reads_all: bool, ask: &Ask) -> wire::audit::AuditEntry {
    let json = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    // What else it is about is not everybody's to know of who may ask about one of these.
    let is_told = |id: &str| reads_all || ask.target.as_deref() == Some(id);
    wire::audit::AuditEntry {
        id: entry.id.clone(),
        at: entry.at.to_string(),
        actor: entry.actor.to_string(),
        verb: entry.verb.clone(),
        target: entry.target.clone(),
        also: entry.also.iter().filter(|id| is_told(id)).cloned().collect(),
        before: json(&entry.before).map(|before| told_of(before, is_told)),
        after: json(&entry.after),
        reason: entry.reason.clone(),
        source: entry.source.clone(),
    }
}

/// How it was before, without what stands there under the id of a dataset that is not to be told of.
fn told_of(before: Value, is_told: impl Fn(&str) -> bool) -> Value {
    match before {
        Value::Object(of_each) => of_each.into_iter().filter(|(id, _)| DatasetId::parse(id).is_err() || is_told(id)).collect(),
        other => other,
    }
}

fn lines(items: &[wire::audit::AuditEntry]) -> String {
    items.iter().filter_map(|item| serde_json::to_string(item).ok()).map(|line| line + "\n").collect()
}

fn csv(items: &[wire::audit::AuditEntry]) -> String {
    let mut text = "at,actor,verb,target,also,before,after,reason,source,id\r\n".to_owned();
    for item in items {
        let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        let (reason, source) = (item.reason.clone().unwrap_or_default(), item.source.clone().unwrap_or_default());
        let also = item.also.join(" ");
        let cells =
            [&item.at, &item.actor, &item.verb, &item.target, &also, &json(&item.before), &json(&item.after), &reason, &source, &item.id];
        text.push_str(&cells.map(|text| cell(text)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell of CSV (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe before it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The first instant of a month as a request writes it.
fn month(text: Option<&str>, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(text) = text else { return Ok(now) };
    let first = (text.len() == 7).then(|| format!("{text}-01").parse::<Date>().ok()).flatten();
    first
        .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
        .map(|midnight| midnight.timestamp())
        .ok_or_else(|| wrong("month", "that is no month", "/month", "such as `2027-01`"))
}

fn wrong(code: &'static str, detail: &'static str, pointer: &'static str, hint: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail).at(pointer).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T37
    #[test]
    fn a_cell_is_never_a_formula() {
        for (text, want) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=\"a\",b", "\"'=\"\"a\"\",b\""),
            ("\tx", "'\tx"),
        ] {
            assert_eq!(cell(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_month_is_read_in_one_form() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(month(Some("2027-01"), now).unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(month(None, now).unwrap(), now);
        for text in ["", "2027", "2027-13", "2027-1", "2027-01-01", "01-2027"] {
            assert_eq!(month(Some(text), now).unwrap_err().code, "month", "{text}");
        }
    }
}
