//! `/datasets/{id}/links/new`: a link is made, after what it gives was said. Its page shows the URL.

use askama::Template;
use axum::response::Response;
use data_encoding::BASE32_NOPAD;
use edge::{
    App,
    asked::{Filters, Id},
};
use http::StatusCode;
use serde::Deserialize;
use wire::{
    dataset::Dataset,
    link::{Link, LinkTrial, NewLink},
    secret::Secret,
};

use crate::{
    api::{Api, How},
    form::{OwnForm, typed},
    link_page::address,
    maker::{Done, Maker},
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong, status_of},
    words::{Moment, STAYS, count, span},
};

/// What a link is for: the API's word, and what it sets.
pub(crate) const CLASSES: [(&str, &str, &str); 4] = [
    ("collaboration", "collaboration", "open for 30 days unless you say otherwise"),
    ("review", "review", "for anonymous reviewers: owner, path and project stay hidden, and it ends after 90 days"),
    ("publication", "publication", "for a paper: it has no end, and outlives your account"),
    ("event", "talk or poster", "open for 30 days unless you say otherwise"),
];
/// How long a link is open, by page; an empty word: as its class says.
pub(crate) const LIVES: [(&str, &str); 6] = [
    ("", "the usual for what it is for"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "1 year"),
    ("never", "no end"),
];

/// Where the path comes from, on the way here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    #[serde(default)]
    path: String,
}

/// What was typed.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Typed {
    path: String,
    class: String,
    until: String,
    label: String,
    password: String,
    zones: String,
    strict: Option<String>,
    hide_listing: Option<String>,
    preview: Option<String>,
    /// Whether it is to be made, or only looked at.
    act: String,
    /// The form's own key: what it makes, it makes once.
    once: String,
}

impl Typed {
    fn ask(&self, dataset: &str) -> NewLink {
        NewLink {
            dataset: dataset.to_owned(),
            path: typed(&self.path),
            class: typed(&self.class),
            until: typed(&self.until),
            label: typed(&self.label),
            strict: self.strict.is_some().then_some(true),
            role: self.preview.is_some().then(|| "preview".to_owned()),
            zones: self.zones.split([',', ' ']).map(str::trim).filter(|zone| !zone.is_empty()).map(str::to_owned).collect(),
            hide_listing: self.hide_listing.is_some().then_some(true),
            password: Some(self.password.clone()).filter(|password| !password.is_empty()).map(Secret),
            ..NewLink::default()
        }
    }

    /// Whether something beyond the first fields was said.
    fn has_more(&self) -> bool {
        [&self.password, &self.zones].iter().any(|text| !text.is_empty())
            || [&self.strict, &self.hide_listing, &self.preview].iter().any(|tick| tick.is_some())
    }
}

#[derive(Template)]
#[template(path = "link_new.html")]
struct New {
    frame: Frame,
    dataset: String,
    place: String,
    typed: Typed,
    classes: &'static [(&'static str, &'static str, &'static str)],
    lives: &'static [(&'static str, &'static str)],
    gives: Option<Vec<String>>,
    wrong: Option<Wrong>,
}

impl New {
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.is_at(field))
    }
}

/// Shows the form, and what a link as it stands there would give.
///
/// # Errors
/// 404 for a dataset that is not the person's to know of; those of the API.
pub(crate) async fn show(app: App, maker: Maker, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Refused> {
    let typed = Typed { path: ask.path, class: "collaboration".to_owned(), once: key(&app)?, ..Typed::default() };
    shown(&maker, &id, typed, None).await
}

/// Makes the link, or says what the one that was typed would give.
///
/// # Errors
/// 403 `cross-site`, 404, and what the API refuses that no other form would change.
pub(crate) async fn create(app: App, maker: Maker, Id(id): Id, OwnForm(mut typed): OwnForm<Typed>) -> Result<Response, Refused> {
    if typed.once.is_empty() {
        typed.once = key(&app)?;
    }
    if typed.act == "try" {
        return shown(&maker, &id, typed, None).await;
    }
    let how = How { once: Some(&typed.once), ..How::default() };
    match maker.api.make::<Link>(&["links"], how, &typed.ask(&id)).await {
        Ok((status, link)) => {
            let act = if status == StatusCode::CREATED { "create" } else { "same" };
            Done::lead(&app, &maker.caller, &address(&link.id), act, None)
        }
        Err(refused) => {
            // Refused, it may be sent again otherwise: as another request.
            let typed = Typed { once: key(&app)?, ..typed };
            shown(&maker, &id, typed, Some(refused.on_form()?)).await
        }
    }
}

/// A key of a form's own.
pub(crate) fn key(app: &App) -> Result<String, Refused> {
    let bits: [u8; 15] = app.random()?;
    Ok(BASE32_NOPAD.encode(&bits))
}

async fn shown(maker: &Maker, id: &str, typed: Typed, wrong: Option<Wrong>) -> Result<Response, Refused> {
    let dataset: Dataset = maker.api.get(&["datasets", id], &[]).await?;
    let (gives, wrong) = match (wrong, gives(&maker.api, &typed.ask(id)).await) {
        (Some(wrong), tried) => (tried.ok(), Some(wrong)),
        (None, Ok(gives)) => (Some(gives), None),
        (None, Err(refused)) => (None, Some(refused.on_form()?)),
    };
    let new = New {
        frame: Frame::of_part(&maker.caller, "links"),
        dataset: dataset.id,
        place: plain(&dataset.place),
        // A password is not sent back.
        typed: Typed { password: String::new(), ..typed },
        classes: &CLASSES,
        lives: &LIVES,
        gives,
        wrong,
    };
    Ok(scripted(status_of(new.wrong.as_ref()), &new)?)
}

/// What such a link gives, in sentences, by the API's own trial.
pub(crate) async fn gives(api: &Api, ask: &NewLink) -> Result<Vec<String>, Refused> {
    let trial: LinkTrial = api.act(&["links"], How { is_trial: true, ..How::default() }, ask).await?;
    let who = if ask.password.is_some() { "Whoever has this link and its password" } else { "Anyone who has this link" };
    let what = match trial.role.as_str() {
        "preview" => "can see the metadata and coarse levels of",
        _ => "can read",
    };
    let until = trial.until.as_deref().and_then(Moment::of);
    let until = until.map_or_else(|| "without an end".to_owned(), |until| format!("until {}", until.exact()));
    let mut told = vec![format!("{who} {what} {} {until}.", plain(&trial.place))];
    if trial.left_out > 0 {
        let is = if trial.left_out == 1 { "is" } else { "are" };
        told.push(format!("{} {is} left out.", count(trial.left_out, "restricted part")));
    }
    if !trial.rests_on.is_empty() {
        told.push("It opens no longer, and from nowhere else, than your own right to share.".to_owned());
    }
    told.push(format!("If you revoke it, reading stops within {}. {STAYS}", span(trial.stops_within_secs)));
    Ok(told)
}
