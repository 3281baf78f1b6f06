//! `GET /api/v1/datasets/{id}/sharing`: everyone who can reach it and by which path, links, ceilings.

use std::collections::BTreeSet;

use axum::response::Response;
use domain::{
    dataset::Visibility,
    decision::{Action, DatasetFacts, Facts},
    grant::{Grant, Hold, Subject},
    id::{DatasetId, UserId},
    invitation::Target,
    limits::API_PAGE_MAX,
    source::{Ceilings, State},
    user::Standing,
};
use edge::{App, asked::Id, caller::Caller, json, problem::Problem};
use http::StatusCode;
use table::Page;

use crate::{curation, dataset_show::shown, invitation, sharing_links, source_show::ceilings, subject, ways::words};

/// Grants of one dataset that are shown here: more are a page of their own.
const GRANTS_MAX: usize = 1_000;

/// Shows who can reach a dataset, for who administers it.
///
/// # Errors
/// 404 for a dataset that is not the caller's to know of, 403 for one that the caller does not administer.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/sharing", tag = "grants", operation_id = "show_sharing", security(("token" = ["datasets"])),
    params(("id" = String, Path, description = "The dataset's id")),
    responses((status = 200, description = "Everyone, by which path; links; ceilings", body = wire::grant::Sharing), (status = "4XX", response = wire::problem::Refused), (status = "5XX", response = wire::problem::Refused)))]
pub(crate) async fn sharing(app: App, caller: Caller, Id(id): Id) -> Result<Response, Problem> {
    let now = app.now();
    let facts = caller.dataset(&app, &id).await?;
    let _may_see = caller.may(Action::Audit, &Facts::Dataset(facts.clone()), now)?;
    let (source, dataset) = (&facts.place.source, &facts.place.dataset);
    let (links, next_links) = sharing_links::page(&app, &facts, None, API_PAGE_MAX, now).await?;
    let invitations = app.table.invitations_on(Target::Dataset(dataset.id), &Page::default()).await?;
    let waiting: Vec<_> = invitations.items.into_iter().filter(|invitation| invitation.waits(now)).collect();
    let grants = all_grants(&app, &facts).await?;
    Ok(json::ok(&wire::grant::Sharing {
        owner: dataset.owner.to_string(),
        owners_above: owners_above(&facts),
        projects: projects(&app, &facts).await?,
        suspended: suspended(&app, &facts, &grants).await?,
        grants,
        mark: app.table.mark_on(dataset.id).await?.map(|mark| curation::mark_shown(&mark, &facts, now)),
        ceilings: ceilings(&source.ceilings),
        deployment_ceilings: (source.policy.ceilings != Ceilings::NONE).then(|| ceilings(&source.policy.ceilings)),
        blocked: app.table.blocked_at(source.id).await?.iter().map(ToString::to_string).collect(),
        links,
        more_links: next_links.is_some(),
        invitations: invitation::all_shown(&app, &waiting, now).await?,
        more_invitations: invitations.next.is_some(),
        dataset: shown(&facts, &caller, now),
    }))
}

fn owners_above(facts: &DatasetFacts) -> Vec<wire::grant::OwnerAbove> {
    let above = facts.reach.above.iter().map(|above| &above.dataset);
    above.map(|above| wire::grant::OwnerAbove { dataset: above.id.to_string(), owner: above.owner.to_string() }).collect()
}

/// Those among the owners and the people in `grants` who get nothing of it.
async fn suspended(app: &App, facts: &DatasetFacts, grants: &[wire::grant::Grant]) -> Result<Vec<String>, Problem> {
    let owners = std::iter::once(&facts.place.dataset).chain(facts.reach.above.iter().map(|above| &above.dataset));
    let people = grants.iter().filter_map(|grant| UserId::parse(grant.to.strip_prefix("user:")?).ok());
    let all: BTreeSet<UserId> = owners.map(|dataset| dataset.owner).chain(people).collect();
    let all = app.table.users(&Vec::from_iter(all)).await?;
    Ok(all.iter().filter(|person| person.standing == Standing::Suspended).map(|person| person.id.to_string()).collect())
}

/// The projects whose policies reach the dataset: its own, and those of datasets above, each as far as the visibility there lets it.
async fn projects(app: &App, facts: &DatasetFacts) -> Result<Vec<wire::grant::SharingProject>, Problem> {
    let here = std::iter::once(&facts.place.dataset);
    let reaching = here.chain(facts.reach.above.iter().map(|above| &above.dataset)).filter(|on| on.reaches(&facts.place.dataset));
    let mut all = Vec::new();
    for (on, project) in reaching.filter_map(|on| Some((on, on.project?))) {
        let Some(project) = app.table.project(project).await? else { continue };
        all.push(wire::grant::SharingProject {
            dataset: on.id.to_string(),
            project: project.id.to_string(),
            name: project.name.clone(),
            rights: words(project.gives()),
            counts: on.visibility >= Visibility::Project && project.state == State::Active,
        });
    }
    Ok(all)
}

/// The grants on the dataset, and on those above whose grants reach it.
async fn all_grants(app: &App, facts: &DatasetFacts) -> Result<Vec<wire::grant::Grant>, Problem> {
    let dataset = &facts.place.dataset;
    let above = facts.reach.above.iter().map(|above| &above.dataset).filter(|above| above.reaches(dataset));
    let mut all = Vec::new();
    for on in std::iter::once(dataset).chain(above) {
        let grants = active(app, on.id).await?;
        let shown = subject::shown(app, on.id, &grants).await?;
        all.extend(shown.into_iter().zip(&grants).map(|(shown, grant)| {
            let is_to_all = matches!(grant.subject, Subject::Accounts | Subject::World);
            wire::grant::Grant { counts: is_to_all.then(|| facts.counts(on, grant.subject)), ..shown }
        }));
    }
    Ok(all)
}

/// What counts or will, as far as that is the grant's.
async fn active(app: &App, dataset: DatasetId) -> Result<Vec<Grant>, Problem> {
    let (mut grants, mut page) = (Vec::new(), Page::default());
    loop {
        let found = app.table.grants_on(dataset, &page).await?;
        grants.extend(found.items.into_iter().filter(|grant| grant.hold == Hold::Active));
        if grants.len() > GRANTS_MAX {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-many-grants",
                format!("over `{GRANTS_MAX}` grants are not shown at once"),
            )
            .hint("list its grants page by page"));
        }
        page.position = found.next;
        if page.position.is_none() {
            return Ok(grants);
        }
    }
}
