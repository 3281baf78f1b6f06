//! What people see in a browser: signing in and out, home, tickets, and consent for viewers. Plain HTML that works without a script.
//!
//! Each verb has its file: extract, load, decide, act, answer. Not here: any rule (`domain`), any row (`table`), how a person is signed in or
//! a ticket made (`edge`), the API (`acl`, `links`).

mod authorize;
mod callback;
mod cookie;
mod form;
mod home;
mod landing;
mod link;
mod local_path;
mod mail;
mod member;
mod origin;
mod page;
mod qr;
mod sign_in;
mod sign_out;
mod style;
mod terms;
mod ticket_new;

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use edge::{App, problem::Problem, target::RawTarget};
use http::request::Parts;

/// The URL map of `pages`, and what answers every address that is nobody's.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::home))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-in/provider", get(callback::begin))
        .route("/sign-in/callback", get(callback::finish))
        .route("/sign-out", post(sign_out::sign_out))
        .route("/datasets/{id}/tickets/new", get(ticket_new::show).post(ticket_new::create))
        .route("/api/v1/authorize", get(authorize::show).post(authorize::allow))
        .route("/terms/{id}", get(terms::show).post(terms::accept))
        .route("/mail/{nonce}", get(mail::show).post(mail::say))
        .route("/s/{key}", get(link::show).post(link::open))
        .route("/s/{key}/qr.svg", get(qr::svg))
        .route("/s/{key}/qr.png", get(qr::png))
        // As QR codes have it, which are smaller in upper case.
        .route("/S/{key}", get(link::show).post(link::open))
        .route("/assets/{name}", get(style::asset))
        .fallback(nothing)
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
