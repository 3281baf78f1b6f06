//! `/api/v1/datasets/{id}/invitations`: what waits for an e-mail address, or for a person who is to accept (`invite_person.rs`).
//!
//! For an address no account is looked for, so no answer, and no work, depends on whether there is one (SECURITY T35).

use axum::response::Response;
use domain::{
    address::{AddressKey, EmailAddress, EmailHash},
    decision::{Action, Facts, Permit},
    id::DatasetId,
    invitation::{Invitation, InvitationState, Invitee, Promise, Target, invited},
    limits::INVITATIONS_DAY_MAX,
};
use edge::{
    App,
    asked::{Filters, Id, Listing},
    caller::Caller,
    json,
    json::Body,
    once::Once,
    problem::Problem,
    provider::Provider,
    rounds::Rounds,
};
use http::StatusCode;
use jiff::Timestamp;
use table::TableError;

use crate::{dataset_edit::not_retired, grant_give::terms, paged::Ask, source_edit::bounded, subject::person};

/// Offers a role to whoever proves to have an e-mail address: it waits for 30 days, and becomes a grant when its person signs in through a
/// provider that vouches for the address. Another one for the same address takes the place of the first. Nothing is mailed.
///
/// # Errors
/// 403 for more than the caller may give, 422 `email`, `no-invitations`, 429 `too-many-invitations`. Never a word about whether there is an account.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/invitations", tag = "grants", operation_id = "invite", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible characters, kept 24 h")),
    request_body = wire::grant::NewInvitation,
    responses((status = 202, description = "It waits; the same answer whether or not there is an account", body = wire::grant::InvitationSent), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn invite(
    app: App,
    caller: Caller,
    Id(id): Id,
    once: Once,
    Body { ask, .. }: Body<wire::grant::NewInvitation>,
) -> Result<Response, Problem> {
    let operation = format!("POST /api/v1/datasets/{id}/invitations");
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let facts = caller.dataset(&app, &id).await?;
        let permit = caller.may(Action::Grant, &Facts::Dataset(facts.clone()), now)?;
        let address = address(key(&app)?, &ask.email)?;
        let once = once.of(&operation, &remembered(&ask, address));
        let terms = terms((&ask.role, ask.may_share, ask.level), (ask.not_before.as_deref(), ask.until.as_deref()), &ask.zones, now)?;
        let dataset = facts.place.dataset.id;
        let to = Invitee::Address(address);
        let there = app.table.invitation(to, Target::Dataset(dataset)).await?;
        if let Some(once) = &once
            && let (Some(_before), Some(there)) = (app.table.once(caller.user.id, once, now).await?, &there)
        {
            return Ok(sent(ask.email, address, (dataset, &ask.role), there));
        }
        not_retired(&facts)?;
        if facts.place.dataset.link_set.is_some() && terms.role.goes_together() {
            return Err(in_link_set());
        }
        let invitation = invited(&permit, &caller.user, (dataset, to), terms, there.as_ref(), now)?;
        match app.table.invite(&permit, &invitation, there.as_ref(), once.as_ref(), now).await {
            Ok(invitation) => return Ok(sent(ask.email, address, (dataset, &ask.role), &invitation)),
            Err(TableError::Stale) => rounds.another().await?,
            Err(TableError::TooMany { .. }) => return Err(too_many()),
            Err(why) => return Err(why.into()),
        }
    }
}

/// What waits for somebody becomes one grant on one dataset.
pub(crate) fn in_link_set() -> Problem {
    Problem::new(StatusCode::CONFLICT, "in-link-set", "the dataset is in a link set, where this role goes to all of it or to none")
        .at("/role")
        .hint("invite with the role `download`, and give more once the person is there")
}

/// What a request is remembered by, by its hash: all of it but the address, in whose place its keyed hash stands. Whoever has the table alone
/// cannot try addresses.
fn remembered(ask: &wire::grant::NewInvitation, address: EmailHash) -> Vec<u8> {
    serde_json::to_vec(&wire::grant::NewInvitation { email: wire::grant::Email(address.to_string()), ..ask.clone() }).unwrap_or_default()
}

/// Lists what waits, or waited, on a dataset, the latest first, for who administers it.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/invitations", tag = "grants", operation_id = "list_invitations", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id"), Ask),
    responses((status = 200, description = "A page of invitations", body = wire::page::Page<wire::grant::Invitation>), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn list(app: App, caller: Caller, Id(id): Id, Filters(ask): Filters<Ask>) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::Audit, &Facts::Dataset(facts.clone()), now)?;
    let dataset = facts.place.dataset.id;
    let listing = Listing::new(&format!("/api/v1/datasets/{dataset}/invitations"), &[], ask.limit)?;
    let page = listing.page(&caller, ask.cursor.as_deref(), now)?;
    let found = app.table.invitations_on(Target::Dataset(dataset), &page).await?;
    let items = all_shown(&app, &found.items, now).await?;
    listing.answer(&app, &caller, items, found.next.as_deref(), now)
}

/// Takes an invitation back, by who administers the dataset, whoever sent it. What it has become a grant of is withdrawn as a grant.
///
/// # Errors
/// 404 `no-such-invitation` where none was sent; 422 `email`, `no-such-user`.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/invitations/withdraw", tag = "grants", operation_id = "withdraw_invitation", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")), request_body = wire::grant::UninviteAsk,
    responses((status = 200, description = "The invitation as it is now", body = wire::grant::Invitation), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn withdraw(
    app: App,
    caller: Caller,
    Id(id): Id,
    Body { ask, .. }: Body<wire::grant::UninviteAsk>,
) -> Result<Response, Problem> {
    let facts = caller.dataset(&app, &id).await?;
    let permit = caller.may(Action::Grant, &Facts::Dataset(facts.clone()), app.now())?;
    let to = match (&ask.email, ask.address.as_deref(), ask.user.as_deref()) {
        (Some(email), None, None) => Invitee::Address(address(key(&app)?, email)?),
        (None, Some(text), None) => Invitee::Address(EmailHash::parse(text).map_err(|_not_one| none_such())?),
        (None, None, Some(text)) => Invitee::Person(person(&app, text, "/user").await?.id),
        _ => return Err(not_an_address().hint("one of `email`, `address` and `user`, and no two")),
    };
    withdrawn(&app, &permit, (to, Target::Dataset(facts.place.dataset.id)), bounded(ask.reason)?).await
}

/// Takes an invitation back.
///
/// # Errors
/// 404 `no-such-invitation` where none was sent.
pub(crate) async fn withdrawn(
    app: &App,
    permit: &Permit,
    (to, target): (Invitee, Target),
    reason: Option<String>,
) -> Result<Response, Problem> {
    let mut rounds = Rounds::begin();
    loop {
        let now = app.now();
        let there = app.table.invitation(to, target).await?.ok_or_else(none_such)?;
        match app.table.withdraw_invitation(permit, &there, reason.as_deref(), now).await {
            Err(TableError::Stale) => rounds.another().await?,
            other => return Ok(json::ok(&one_shown(app, &other?, now).await?)),
        }
    }
}

/// The key that addresses are hashed with, where somebody vouches for them.
fn key(app: &App) -> Result<&AddressKey, Problem> {
    let vouched = app.provider.as_ref().is_some_and(Provider::vouches_for_email);
    app.config.address_key.as_ref().filter(|_| vouched).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-invitations", "nobody vouches for e-mail addresses here, so none can be invited")
            .at("/email")
            .hint("grant to the person by name; an administrator may say that the identity provider vouches for addresses")
    })
}

fn address(key: &AddressKey, email: &wire::grant::Email) -> Result<EmailHash, Problem> {
    EmailAddress::parse(&email.0).map(|address| key.email(&address)).map_err(|_not_one| not_an_address())
}

fn not_an_address() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "email", "that is no e-mail address that can be invited")
        .at("/email")
        .hint("one address in ASCII, such as `ada@lab.example`")
}

pub(crate) fn none_such() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-invitation", "nothing waits for this address or person here")
        .hint("see the dataset's invitations; what was met is a grant")
}

pub(crate) fn too_many() -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-invitations", format!("at most `{INVITATIONS_DAY_MAX}` invitations a day"))
        .hint("go on tomorrow (UTC), or make a group and grant to that")
}

fn sent(email: wire::grant::Email, address: EmailHash, (dataset, role): (DatasetId, &str), invitation: &Invitation) -> Response {
    json::accepted(&wire::grant::InvitationSent {
        email,
        address: address.to_string(),
        dataset: dataset.to_string(),
        role: role.to_owned(),
        waits_until: invitation.until.to_string(),
    })
}

/// Invitations as answers show them, with the names of those whom they wait for.
pub(crate) async fn all_shown(app: &App, invitations: &[Invitation], now: Timestamp) -> Result<Vec<wire::grant::Invitation>, Problem> {
    let people = app.table.users(&invitations.iter().filter_map(Invitation::person).collect::<Vec<_>>()).await?;
    let name_of = |person| people.iter().find(|there| Some(there.id) == person).map(|there| there.name.clone());
    let shown = |invitation| wire::grant::Invitation { name: name_of(Invitation::person(invitation)), ..shown(invitation, now) };
    Ok(invitations.iter().map(shown).collect())
}

/// The same of one.
pub(crate) async fn one_shown(app: &App, invitation: &Invitation, now: Timestamp) -> Result<wire::grant::Invitation, Problem> {
    all_shown(app, std::slice::from_ref(invitation), now).await?.pop().ok_or_else(Problem::not_found)
}

fn shown(invitation: &Invitation, now: Timestamp) -> wire::grant::Invitation {
    let (dataset, project, role, terms) = match &invitation.promise {
        Promise::Grant(dataset, terms) => (Some(dataset.to_string()), None, terms.role.word(), Some(terms)),
        Promise::Part(project, role) => (None, Some(project.to_string()), role.word(), None),
    };
    let conditions = terms.map(|terms| &terms.conditions);
    wire::grant::Invitation {
        address: match invitation.to {
            Invitee::Address(address) => Some(address.to_string()),
            Invitee::Person(_) => None,
        },
        user: invitation.person().map(|person| person.to_string()),
        name: None,
        dataset,
        project,
        place: None,
        role: role.to_owned(),
        may_share: terms.is_some_and(|terms| terms.may_share),
        level: terms.and_then(|terms| terms.level),
        not_before: conditions.and_then(|conditions| conditions.not_before).map(|at| at.to_string()),
        until: conditions.and_then(|conditions| conditions.until).map(|at| at.to_string()),
        zones: conditions.map(|conditions| conditions.zones.texts().collect()).unwrap_or_default(),
        by: invitation.by.to_string(),
        by_name: None,
        at: invitation.at.to_string(),
        waits_until: invitation.until.to_string(),
        state: match invitation.state {
            InvitationState::Waiting if invitation.waits(now) => "waiting",
            InvitationState::Waiting => "ended",
            InvitationState::Met => "met",
            InvitationState::Declined => "declined",
            InvitationState::Withdrawn => "withdrawn",
        }
        .to_owned(),
    }
}
