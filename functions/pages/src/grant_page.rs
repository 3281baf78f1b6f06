//! `/datasets/{id}/sharing/add` and `/remove`: somebody is let in or taken out, after what that does was said by the API's own trial.

use askama::Template;
use axum::response::Response;
use edge::{
    App,
    asked::{Filters, Id},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use wire::{
    dataset::Dataset,
    grant::{Email, Given, InvitationSent, NewGrant, NewInvitation, WithdrawAsk, Withdrawn},
    project::{Effect, Effects},
};

use crate::{
    api::How,
    dataset_sharing::{ROLES, address},
    form::{self, OwnForm},
    link_new::LIVES,
    maker::{Done, Maker},
    page::{Frame, plain, scripted},
    refused::{Refused, Wrong, status_of},
    words::{STAYS, count, rights},
};

/// Whom something can be given to by name: the API's word, and a page's.
const KINDS: [(&str, &str); 3] = [("user", "a person"), ("group", "a group"), ("project", "a project")];
/// People named in one sentence.
const NAMED: usize = 10;

/// Whom to let in, and to what.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Typed {
    /// A person, a group or a project.
    kind: String,
    to: String,
    role: String,
    may_share: Option<String>,
    until: String,
    /// The version of the grant that is there.
    version: Option<u64>,
    confirm: Option<String>,
}

impl Typed {
    fn is_address(&self) -> bool {
        self.kind == "user" && self.to.contains('@')
    }

    fn until(&self) -> Option<String> {
        Some(self.until.clone()).filter(|until| !until.is_empty())
    }

    fn grant(&self) -> NewGrant {
        let may_share = self.may_share.is_some().then_some(true);
        NewGrant {
            to: format!("{}:{}", self.kind, self.to.trim()),
            role: self.role.clone(),
            may_share,
            until: self.until(),
            ..NewGrant::default()
        }
    }

    fn invitation(&self) -> NewInvitation {
        let may_share = self.may_share.is_some().then_some(true);
        let email = Email(self.to.trim().to_owned());
        NewInvitation { email, role: self.role.clone(), may_share, until: self.until(), ..NewInvitation::default() }
    }
}

#[derive(Template)]
#[template(path = "grant_add.html")]
struct Add {
    frame: Frame,
    dataset: String,
    place: String,
    typed: Typed,
    kinds: &'static [(&'static str, &'static str)],
    roles: &'static [(&'static str, &'static str)],
    lives: &'static [(&'static str, &'static str)],
    does: Option<Vec<String>>,
    wrong: Option<Wrong>,
}

impl Add {
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.is_at(field))
    }
}

/// Says what letting somebody in would do; with `confirm`, does it.
///
/// # Errors
/// 403 `cross-site`, 404, and what the API refuses that no other form would change.
pub(crate) async fn add(app: App, maker: Maker, Id(id): Id, OwnForm(mut typed): OwnForm<Typed>) -> Result<Response, Refused> {
    let tried = if typed.confirm.is_some() {
        match give(&app, &maker, &id, &typed).await {
            Ok(given) => return Ok(given),
            Err(refused) => Err(refused),
        }
    } else {
        trial(&maker, &id, &mut typed).await
    };
    let (does, wrong) = match tried {
        Ok(does) => (Some(does), None),
        Err(refused) => (None, Some(refused.on_form()?)),
    };
    let dataset: Dataset = maker.api.get(&["datasets", &id], &[]).await?;
    let add = Add {
        frame: Frame::of_part(&maker.caller, "sources"),
        place: plain(&dataset.place),
        dataset: dataset.id,
        typed,
        kinds: &KINDS,
        roles: &ROLES,
        lives: &LIVES,
        does,
        wrong,
    };
    Ok(scripted(status_of(add.wrong.as_ref()), &add)?)
}

/// What it would do, in sentences.
async fn trial(maker: &Maker, id: &str, typed: &mut Typed) -> Result<Vec<String>, Refused> {
    if typed.is_address() {
        return Ok(vec![
            "Whoever proves to have this address gets it, once they sign in here. It waits for 30 days.".to_owned(),
            "You are not told whether anybody has it.".to_owned(),
        ]);
    }
    let how = How { is_trial: true, version: typed.version, ..How::default() };
    let asked = maker.api.act::<Given>(&["datasets", id, "grants"], how, &typed.grant()).await;
    let given = match asked {
        // There is a grant that says something else: this changes it, and the page says so.
        Err(refused) if refused.code() == "exists" => {
            typed.version = refused.number("version");
            let how = How { is_trial: true, version: typed.version, ..How::default() };
            maker.api.act::<Given>(&["datasets", id, "grants"], how, &typed.grant()).await?
        }
        asked => asked?,
    };
    let mut told = Vec::new();
    if typed.version.is_some() {
        told.push("They have a role here already: this takes its place.".to_owned());
    }
    told.extend(effects(given.effects.as_ref()));
    if !given.also.is_empty() {
        told.push(format!("The same on {} of its link set: all or none.", count(given.also.len(), "other dataset")));
    }
    Ok(told)
}

async fn give(app: &App, maker: &Maker, id: &str, typed: &Typed) -> Result<Response, Refused> {
    let page = address(id);
    if typed.is_address() {
        let _sent: InvitationSent = maker.api.act(&["datasets", id, "invitations"], How::default(), &typed.invitation()).await?;
        return Done::lead(app, &maker.caller, &page, "invite", None);
    }
    let how = How { version: typed.version, ..How::default() };
    let (status, body) = maker.api.make::<Value>(&["datasets", id, "grants"], how, &typed.grant()).await?;
    let act = match (status, body.get("waits_until")) {
        (StatusCode::ACCEPTED, Some(_)) => "asked",
        (StatusCode::ACCEPTED, None) => "second",
        _ => "share",
    };
    Done::lead(app, &maker.caller, &page, act, body.get("enforced_by").and_then(Value::as_str))
}

/// Whom to take out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Out {
    to: String,
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "grant_remove.html")]
struct Remove {
    frame: Frame,
    dataset: String,
    place: String,
    out: Out,
    who: String,
    does: Vec<String>,
    wrong: Option<Wrong>,
}

/// Says what taking somebody out would do.
///
/// # Errors
/// 404; those of the API.
pub(crate) async fn show(maker: Maker, Id(id): Id, Filters(out): Filters<Out>) -> Result<Response, Refused> {
    removal(&maker, &id, out, None).await
}

/// Takes somebody out.
///
/// # Errors
/// 403 `cross-site`, 404, and what the API refuses that no other form would change.
pub(crate) async fn remove(app: App, maker: Maker, Id(id): Id, OwnForm(out): OwnForm<Out>) -> Result<Response, Refused> {
    let ask = WithdrawAsk { to: out.to.clone(), reason: form::typed(&out.reason) };
    match maker.api.act::<Withdrawn>(&["datasets", &id, "grants", "withdraw"], How::default(), &ask).await {
        Ok(withdrawn) => Done::lead(&app, &maker.caller, &address(&id), "remove", withdrawn.enforced_by.as_deref()),
        Err(refused) => removal(&maker, &id, out, Some(refused.on_form()?)).await,
    }
}

async fn removal(maker: &Maker, id: &str, out: Out, wrong: Option<Wrong>) -> Result<Response, Refused> {
    let how = How { is_trial: true, ..How::default() };
    let ask = WithdrawAsk { to: out.to.clone(), reason: None };
    let tried: Withdrawn = maker.api.act(&["datasets", id, "grants", "withdraw"], how, &ask).await?;
    let dataset: Dataset = maker.api.get(&["datasets", id], &[]).await?;
    let mut does = effects(tried.effects.as_ref());
    if !tried.remains.is_empty() {
        let all: Vec<_> = tried.remains.iter().flat_map(|way| way.rights.iter().cloned()).collect();
        does.push(format!("They can still {} by {}.", rights(&all), count(tried.remains.len(), "other way")));
    }
    let who = match (&tried.grant.name, tried.grant.to.as_str()) {
        (Some(name), _) => plain(name),
        (None, "accounts") => "everyone with an account here".to_owned(),
        (None, "world") => "everyone on the internet".to_owned(),
        (None, other) => plain(other),
    };
    let remove = Remove {
        frame: Frame::of_part(&maker.caller, "sources"),
        place: plain(&dataset.place),
        dataset: dataset.id,
        out,
        who,
        does,
        wrong,
    };
    Ok(scripted(status_of(remove.wrong.as_ref()), &remove)?)
}

/// Who gains and who loses, in sentences.
fn effects(effects: Option<&Effects>) -> Vec<String> {
    let Some(effects) = effects else { return Vec::new() };
    let mut told = Vec::new();
    let people = |all: &[Effect], does: &str| {
        let named = all.iter().take(NAMED).map(|one| format!("{} ({})", plain(&one.name), rights(&one.rights))).collect::<Vec<_>>();
        let rest = all.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        format!("{} {does}: {}{rest}.", count(all.len(), "account"), named.join(", "))
    };
    match (effects.gains.as_slice(), effects.loses.as_slice()) {
        ([], []) => told.push("Nobody who can be named here gains or loses anything: what they have by other ways they keep.".to_owned()),
        (gains, loses) => {
            told.extend((!gains.is_empty()).then(|| people(gains, if gains.len() == 1 { "gains" } else { "gain" })));
            told.extend((!loses.is_empty()).then(|| people(loses, if loses.len() == 1 { "loses" } else { "lose" })));
        }
    }
    if effects.more > 0 {
        told.push(format!("{} more are concerned, who are not told one by one.", effects.more));
    }
    if effects.unnamed {
        told.push("Members of a group or project that you may not know of are concerned, too.".to_owned());
    }
    if !effects.links_ended.is_empty() {
        let more = if effects.more_links { " at least" } else { "" };
        told.push(format!("{}{more} that they made stop. {STAYS}", count(effects.links_ended.len(), "link")));
    }
    told
}
