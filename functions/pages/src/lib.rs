//! What people see in a browser: signing in and out, home, links, tickets, and consent for viewers. Plain HTML that works without a script.
//!
//! Each verb has its file: extract, load, decide, act, answer; what the API can do is asked of the API (`api`). Not here: any rule (`domain`), any row
//! (`table`), how a person is signed in or a ticket made (`edge`), the API itself (`acl`, `links`).

mod api;
mod authorize;
mod browse;
mod callback;
mod cookie;
mod dataset_page;
mod dataset_sharing;
mod form;
mod grant_page;
mod home;
mod landing;
mod link;
mod link_acts;
mod link_new;
mod link_page;
mod link_revoke;
mod links_list;
mod links_together;
mod local_path;
mod mail;
mod maker;
mod member;
mod origin;
mod page;
mod qr;
mod refused;
mod sign_in;
mod sign_out;
mod sources;
mod style;
mod terms;
mod ticket_new;
mod words;

use axum::{
    Extension, Router, middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use edge::{App, problem::Problem, target::RawTarget};
use http::request::Parts;

use crate::api::Connections;

/// The URL map of `pages`, and what answers every address that is nobody's.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-in/provider", get(callback::begin))
        .route("/sign-in/callback", get(callback::finish))
        .route("/sign-out", post(sign_out::sign_out))
        .route("/sources", get(sources::list))
        .route("/sources/{source}/", get(browse::show))
        .route("/sources/{source}/{*path}", get(browse::show))
        .route("/share", post(browse::share))
        .route("/datasets/{id}", get(dataset_page::show))
        .route("/datasets/{id}/links/new", get(link_new::show).post(link_new::create))
        .route("/datasets/{id}/sharing", get(dataset_sharing::show))
        .route("/datasets/{id}/sharing/add", post(grant_page::add))
        .route("/datasets/{id}/sharing/remove", get(grant_page::show).post(grant_page::remove))
        .route("/datasets/{id}/tickets/new", get(ticket_new::show).post(ticket_new::create))
        .route("/api/v1/authorize", get(authorize::show).post(authorize::allow))
        .route("/terms/{id}", get(terms::show).post(terms::accept))
        .route("/mail/{nonce}", get(mail::show).post(mail::say))
        .route("/s/{key}", get(link::show).post(link::open))
        .route("/s/{key}/qr.svg", get(qr::svg))
        .route("/s/{key}/qr.png", get(qr::png))
        // As QR codes have it, which are smaller in upper case.
        .route("/S/{key}", get(link::show).post(link::open))
        .route("/links", get(links_list::list))
        .route("/links/together", get(links_together::show).post(links_together::act))
        .route("/links/{id}", get(link_page::show))
        .route("/links/{id}/extend", post(link_acts::extend))
        .route("/links/{id}/label", post(link_acts::rename))
        .route("/links/{id}/pause", post(link_acts::pause))
        .route("/links/{id}/resume", post(link_acts::resume))
        .route("/links/{id}/revoke", get(link_revoke::show).post(link_revoke::revoke))
        .route("/assets/{name}", get(style::asset))
        .fallback(nothing)
        .layer(Extension(Connections::default()))
        .layer(middleware::from_fn_with_state(app.clone(), page::answer))
        .with_state(app)
}

/// An address that is nobody's: a page for people, a problem for programs.
async fn nothing(parts: Parts) -> Response {
    let mut answer = Problem::not_found().into_response();
    if RawTarget::of(&parts).0.starts_with("/api/") {
        answer.extensions_mut().insert(page::ForPrograms);
    }
    answer
}
