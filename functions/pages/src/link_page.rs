//! `/links/{id}`: one link: what it is, its addresses, its options, and what can be done to it.

use askama::Template;
use axum::response::Response;
use edge::{
    App,
    asked::{Filters, Id},
};
use serde::Deserialize;
use wire::link::Link;

use crate::{
    links_list::reach,
    maker::{Done, Maker},
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong, status_of},
    words::{Mark, Moment, STAYS, count, link_state, span},
};

/// How far a link may be let open from now on, by page.
pub(crate) const SPANS: [(&str, &str); 5] =
    [("7d", "7 days from now"), ("30d", "30 days from now"), ("90d", "90 days from now"), ("365d", "1 year from now"), ("never", "no end")];

/// What was done on the page before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    done: Option<String>,
}

/// A link as its page shows it.
#[derive(Template)]
#[template(path = "link_page.html")]
struct Shown {
    frame: Frame,
    link: OneLink,
    spans: &'static [(&'static str, &'static str)],
    stays: &'static str,
    told: Option<Vec<String>>,
    /// Whether it was asked for just now: what comes next is to copy its address.
    is_new: bool,
    wrong: Option<Wrong>,
}

impl Shown {
    /// Whether what was wrong is about this field.
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.is_at(field))
    }
}

/// A link in words.
#[expect(clippy::struct_excessive_bools, reason = "each is what a template asks by its own name")]
pub(crate) struct OneLink {
    pub(crate) id: String,
    pub(crate) dataset: String,
    pub(crate) title: String,
    pub(crate) place: String,
    pub(crate) class: String,
    pub(crate) version: u64,
    pub(crate) state: Mark,
    /// What that means, where the word does not say it.
    pub(crate) meaning: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) streamed_url: Option<String>,
    /// Why no address is shown.
    pub(crate) no_url: &'static str,
    /// The page for people.
    pub(crate) page: Option<String>,
    pub(crate) options: Vec<(&'static str, String)>,
    /// Whether something can be done to it at all.
    pub(crate) is_over: bool,
    pub(crate) is_paused: bool,
    pub(crate) is_own: bool,
    pub(crate) is_publication: bool,
    /// How fast it can be stopped.
    pub(crate) within: String,
}

impl OneLink {
    pub(crate) fn of(link: &Link, me: &str, app: &App) -> Self {
        let title = link.label.as_deref().filter(|label| !label.is_empty()).unwrap_or(&link.place);
        // Where `links` was not told where the app is, it says a path.
        let page = |page: &String| {
            if page.starts_with('/') { format!("{}{page}", app.config.app_url.as_deref().unwrap_or_default()) } else { page.clone() }
        };
        Self {
            id: link.id.clone(),
            dataset: link.dataset.clone(),
            title: plain(title),
            place: plain(&link.place),
            class: plain(&link.class),
            version: link.version,
            state: link_state(&link.state),
            meaning: meaning(link),
            url: link.url.clone(),
            streamed_url: link.streamed_url.clone(),
            no_url: match link.no_url.as_deref() {
                Some("not-maker") => "Somebody else made this link: its address is shown to its maker only.",
                _ => {
                    "Its address cannot be shown any more: the deployment holds another secret than when the link was made. It works as before."
                }
            },
            page: link.page.as_ref().map(page),
            options: options(link),
            is_over: matches!(link.state.as_str(), "revoked" | "withdrawn"),
            is_paused: link.state == "paused",
            is_own: link.maker == me,
            is_publication: link.class == "publication",
            within: span(link.stops_within_secs.unwrap_or(domain::limits::WORLD_REVOKE_BOUND_SECS)),
        }
    }
}

/// What a state means, with its time.
fn meaning(link: &Link) -> Option<String> {
    let at = |text: &Option<String>| text.as_deref().and_then(Moment::of).map(Moment::exact);
    match link.state.as_str() {
        "stopped" => Some("Its maker or its source no longer allows it.".to_owned()),
        "not-yet" => at(&link.not_before).map(|at| format!("It opens at {at}.")),
        "expired" => at(&link.until).map(|at| format!("It ended at {at}.")),
        "revoked" | "withdrawn" => link.revoked.as_ref().map(|record| {
            let at = Moment::of(&record.at).map(Moment::exact).unwrap_or_default();
            let why = record.reason.as_deref().map(|reason| format!(" Reason: {}", plain(reason))).unwrap_or_default();
            format!("For good, at {at}.{why}")
        }),
        _ => link
            .over_until
            .as_deref()
            .and_then(Moment::of)
            .map(|until| format!("It gave its bytes of the day: more from {}.", until.clock())),
    }
}

/// The options that are not as they always are, and those that everybody asks for.
fn options(link: &Link) -> Vec<(&'static str, String)> {
    let moment = |text: &Option<String>| text.as_deref().and_then(Moment::of).map(Moment::exact);
    let yes = |is: bool, text: &str| is.then(|| text.to_owned());
    let rests = link.rests_on.iter().filter_map(|right| right.until.as_deref().and_then(Moment::of)).map(Moment::exact).collect::<Vec<_>>();
    let role = match link.role.as_str() {
        "preview" => "metadata and coarse levels only",
        "view" => "open in viewers; whoever can view can keep what they saw",
        _ => "everything, also in bulk",
    };
    let rows = [
        ("Opens for", Some(reach(link))),
        ("Gives", Some(role.to_owned())),
        ("Open from", moment(&link.not_before)),
        ("Open until", Some(moment(&link.until).unwrap_or_else(|| "no end".to_owned()))),
        ("Rests on a right until", Some(rests.join(", or ")).filter(|text| !text.is_empty())),
        ("Networks", Some(link.zones.iter().map(|zone| plain(zone)).collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())),
        ("Bytes", yes(link.hard_zones, "leave for these networks only")),
        ("Coarse levels", link.level.map(|level| format!("from level {level} on"))),
        ("Listing", yes(link.hide_listing, "hidden: objects open by their paths")),
        ("Strict", yes(link.strict, "stops within 15 seconds")),
        ("Sessions", link.sessions_max.map(|most| format!("{} of {most} given", link.sessions_given.unwrap_or_default()))),
        ("Requests", link.requests_per_second.map(|most| format!("{most} a second"))),
        ("Bytes a day", link.bytes_per_day.map(|most| format!("about {most}"))),
        ("Made", Moment::of(&link.made).map(Moment::exact)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Shows it.
///
/// # Errors
/// 404 for a link that is not the person's to know of; those of the API.
pub(crate) async fn show(app: App, maker: Maker, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Refused> {
    let done = Done::told(&app, &maker.caller, &address(&id), ask.done.as_deref());
    shown(&app, &maker, &id, done.as_ref(), None).await
}

/// The page of a link.
pub(crate) fn address(id: &str) -> String {
    format!("/links/{id}")
}

/// The page, with what was done, or with what was wrong with what was to be done.
pub(crate) async fn shown(app: &App, maker: &Maker, id: &str, done: Option<&Done>, wrong: Option<Wrong>) -> Result<Response, Refused> {
    let link: Link = maker.api.get(&["links", id], &[]).await?;
    let shown = Shown {
        frame: Frame::of_part(&maker.caller, "links"),
        is_new: done.is_some_and(|done| matches!(done.act.as_str(), "create" | "same")),
        told: done.map(|done| told(done, &link, app)),
        link: OneLink::of(&link, &maker.caller.user.id.to_string(), app),
        spans: &SPANS,
        stays: STAYS,
        wrong,
    };
    Ok(scripted(status_of(shown.wrong.as_ref()), &shown)?)
}

/// What was done, and when it is in force.
fn told(done: &Done, link: &Link, app: &App) -> Vec<String> {
    let said = match done.act.as_str() {
        "create" => "Link created.".to_owned(),
        "same" => "You already have this link.".to_owned(),
        "pause" => "Link paused.".to_owned(),
        "resume" => "Link resumed: it reads again, at the same URL.".to_owned(),
        "revoke" => "Link revoked.".to_owned(),
        "label" => "Label changed.".to_owned(),
        "extend" => match link.until.as_deref().and_then(Moment::of) {
            Some(until) => format!("Link extended: open until {}. The URL stays.", until.exact()),
            None => "Link extended: it has no end. The URL stays.".to_owned(),
        },
        _ => "Done.".to_owned(),
    };
    let Some(by) = done.enforced_by else { return vec![said] };
    let stops =
        if by.0 <= app.now() { "Reading has stopped.".to_owned() } else { format!("No URL of this link works after {}.", by.clock()) };
    vec![said, format!("{stops} {STAYS}")]
}

/// How many of them, with the slowest bound: before an act on several.
pub(crate) fn slowest(links: &[Link]) -> (String, String) {
    let secs = links.iter().map(|link| link.stops_within_secs.unwrap_or(domain::limits::WORLD_REVOKE_BOUND_SECS)).max();
    (count(links.len(), "link"), span(secs.unwrap_or_default()))
}
