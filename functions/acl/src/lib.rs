//! Sources, datasets, people, groups, projects, grants and tokens: what may be shared, by whom, and who gets what.
//!
//! Each verb has its file: extract, load, decide, act, answer. Not here: any rule (`domain`), any row (`table`), what a refusal
//! looks like (`edge/problem.rs`).

mod audit;
mod check;
mod clone;
mod connection;
mod copy;
mod curation;
mod dataset_edit;
mod dataset_levels;
mod dataset_list;
mod dataset_register;
mod dataset_retire;
mod dataset_sharing;
mod dataset_show;
mod effects;
mod ending;
mod endpoint;
mod entry_list;
mod grant_break_glass;
mod grant_give;
mod grant_list;
mod grant_withdraw;
mod group;
mod group_sync;
mod invitation;
mod invitation_answer;
mod invite_person;
mod link_set;
mod mail_redeem;
mod me;
mod offer;
mod openapi;
mod opening;
mod openings;
mod paged;
mod policy;
mod project;
mod project_datasets;
mod project_members;
mod serving;
mod shared;
mod sharing_links;
mod sign_in;
mod source_doctor;
mod source_edit;
mod source_list;
mod source_register;
mod source_show;
mod subject;
mod terms;
mod ticket_create;
mod together;
mod token_create;
mod token_list;
mod token_revoke;
mod user;
mod ways;

use axum::{
    Router, middleware,
    routing::{get, patch, post},
};
use edge::{App, app_origin, asked::plain};

pub use openapi::openapi;

/// The URL map of `acl`.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api/v1/sources", plain(get(source_list::list).post(source_register::register)))
        .route("/api/v1/sources/{id}", plain(get(source_show::show).patch(source_edit::edit)))
        .route("/api/v1/entries", get(entry_list::list))
        .route("/api/v1/sources/{id}/doctor", plain(post(source_doctor::doctor)))
        .route("/api/v1/serving", plain(post(serving::serving)))
        .route("/api/v1/policy", plain(get(policy::show)))
        .route("/api/v1/datasets", plain(get(dataset_list::list).post(dataset_register::register)))
        .route("/api/v1/datasets/{id}", get(dataset_show::show))
        .route("/api/v1/datasets/{id}/hand-over", plain(post(dataset_edit::hand_over)))
        .route("/api/v1/datasets/{id}/offers", plain(get(offer::list).post(offer::make)))
        .route("/api/v1/datasets/{id}/offers/accept", plain(post(offer::accept)))
        .route("/api/v1/datasets/{id}/offers/decline", plain(post(offer::decline)))
        .route("/api/v1/datasets/{id}/offers/withdraw", plain(post(offer::withdraw)))
        .route("/api/v1/datasets/{id}/curation", plain(get(curation::list).post(curation::ask)))
        .route("/api/v1/datasets/{id}/curation/mark", plain(post(curation::mark)))
        .route("/api/v1/datasets/{id}/curation/unmark", plain(post(curation::unmark)))
        .route("/api/v1/datasets/{id}/curation/decline", plain(post(curation::decline)))
        .route("/api/v1/datasets/{id}/curation/withdraw", plain(post(curation::withdraw)))
        .route("/api/v1/curation", get(curation::queue))
        .route("/api/v1/curated", get(curation::curated))
        .route("/api/v1/datasets/{id}/openings", plain(get(openings::of_dataset)))
        .route("/api/v1/datasets/{id}/openings/approve", plain(post(openings::approve)))
        .route("/api/v1/datasets/{id}/openings/decline", plain(post(openings::decline)))
        .route("/api/v1/datasets/{id}/openings/withdraw", plain(post(openings::withdraw)))
        .route("/api/v1/openings", plain(get(openings::list)))
        .route("/api/v1/datasets/{id}/levels", plain(post(dataset_levels::read)))
        .route("/api/v1/datasets/{id}/sharing", get(dataset_sharing::sharing))
        .route("/api/v1/datasets/{id}/sharing/links", get(sharing_links::list))
        .route("/api/v1/datasets/{id}/grants", get(grant_list::list))
        .route("/api/v1/datasets/{id}/break-glass", plain(post(grant_break_glass::break_glass)))
        .route("/api/v1/datasets/{id}/invitations", plain(get(invitation::list).post(invitation::invite)))
        .route("/api/v1/datasets/{id}/invitations/withdraw", plain(post(invitation::withdraw)))
        .route("/api/v1/datasets/{id}/tickets", plain(post(ticket_create::create)))
        .route("/api/v1/clones", plain(get(clone::list).post(clone::make)))
        .route("/api/v1/clones/{id}", plain(get(clone::show).patch(clone::edit)))
        .route("/api/v1/clones/{id}/retire", plain(post(clone::retire)))
        .route("/api/v1/check", plain(post(check::check)))
        .route("/api/v1/groups", plain(get(group::list).post(group::create)))
        .route("/api/v1/groups/{id}", plain(get(group::show).patch(group::edit)))
        .route("/api/v1/groups/{id}/members", plain(get(group::members).post(group::add)))
        .route("/api/v1/groups/{id}/sync", plain(post(group_sync::sync)))
        .route("/api/v1/projects", plain(get(project::list).post(project::create)))
        .route("/api/v1/projects/{id}", get(project::show))
        .route("/api/v1/projects/{id}/members", get(project_members::list))
        .route("/api/v1/projects/{id}/invitations", get(invite_person::list))
        .route("/api/v1/projects/{id}/invitations/withdraw", plain(post(invite_person::withdraw)))
        .route("/api/v1/projects/{id}/leave", plain(post(project_members::leave)))
        .route("/api/v1/projects/{id}/datasets", get(project_datasets::list))
        .route("/api/v1/projects/{id}/links", get(project_datasets::links))
        .route("/api/v1/link-sets", plain(get(link_set::list).post(link_set::create)))
        .route("/api/v1/link-sets/{id}", plain(get(link_set::show)))
        .route("/api/v1/link-sets/{id}/datasets", plain(post(link_set::add)))
        .route("/api/v1/link-sets/{id}/datasets/remove", plain(post(link_set::remove)))
        .route("/api/v1/link-sets/{id}/retire", plain(post(link_set::retire)))
        .route("/api/v1/copies", get(copy::list))
        .route("/api/v1/copies/{id}", get(copy::show))
        .route("/api/v1/copies/{id}/cancel", plain(post(copy::cancel)))
        .route("/api/v1/connections", plain(get(connection::list).post(connection::ask)))
        .route("/api/v1/connections/{id}", get(connection::show))
        .route("/api/v1/connections/{id}/accept", plain(post(connection::accept)))
        .route("/api/v1/connections/{id}/reject", plain(post(connection::reject)))
        .route("/api/v1/connections/{id}/cancel", plain(post(connection::cancel)))
        .route("/api/v1/connections/{id}/remove", plain(post(connection::remove)))
        .route("/api/v1/users", plain(post(user::create)))
        .route("/api/v1/users/{id}", plain(get(user::show).patch(user::edit)))
        .route("/api/v1/users/{id}/code", plain(post(user::code)))
        .route("/api/v1/sources/{id}/blocks", plain(get(user::blocks).post(user::block)))
        .route("/api/v1/sign-in", plain(post(sign_in::sign_in)))
        .route("/api/v1/sign-out", plain(post(sign_in::sign_out)))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/mail/redeem", plain(post(mail_redeem::redeem)))
        .route("/api/v1/me", plain(get(me::me).patch(me::edit)))
        .route("/api/v1/me/invitations", get(invitation_answer::mine))
        .route("/api/v1/me/invitations/{id}/accept", plain(post(invitation_answer::accept)))
        .route("/api/v1/me/invitations/{id}/decline", plain(post(invitation_answer::decline)))
        .route("/api/v1/me/offers", get(offer::mine))
        .route("/api/v1/me/shared", get(shared::list))
        .route("/api/v1/me/terms/{id}/accept", plain(post(terms::accept)))
        .route("/api/v1/terms", plain(post(terms::add)))
        .route("/api/v1/terms/{id}", plain(get(terms::show)))
        .route("/api/v1/tokens", plain(get(token_list::list).post(token_create::create)))
        .route("/api/v1/tokens/{id}/revoke", plain(post(token_revoke::revoke)))
        .merge(tried_first())
        .layer(middleware::from_fn_with_state(app.clone(), app_origin::answer))
        .with_state(app)
}

/// Writes that `?dry_run=true` tries first: the others take nothing in the query.
fn tried_first() -> Router<App> {
    Router::new()
        .route("/api/v1/policy", patch(policy::edit))
        .route("/api/v1/datasets/{id}", patch(dataset_edit::edit))
        .route("/api/v1/datasets/{id}/retire", post(dataset_retire::retire))
        .route("/api/v1/datasets/{id}/copies", post(copy::make))
        .route("/api/v1/datasets/{id}/grants", post(grant_give::give))
        .route("/api/v1/datasets/{id}/grants/withdraw", post(grant_withdraw::withdraw))
        .route("/api/v1/groups/{id}/members/remove", post(group::remove))
        .route("/api/v1/groups/{id}/leave", plain(post(group::leave)))
        .route("/api/v1/projects/{id}", patch(project::edit))
        .route("/api/v1/projects/{id}/members", post(project_members::add))
        .route("/api/v1/projects/{id}/members/remove", post(project_members::remove))
        .route("/api/v1/projects/{id}/datasets", post(project_datasets::put))
        .route("/api/v1/projects/{id}/datasets/remove", post(project_datasets::take))
}
