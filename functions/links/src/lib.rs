//! Links: create, list, show, edit, pause, resume, promote, revoke; singly, in batches, and all of a dataset's at once.
//!
//! Each verb has its file: extract, load, decide, act, answer. Not here: any rule (`domain`), any row (`table`), what a refusal
//! looks like (`edge/problem.rs`).

mod batch;
mod create;
mod edit;
mod list;
mod openapi;
mod pass;
mod pause;
mod promote;
mod resolve;
mod resume;
mod retarget;
mod revoke;
mod revoke_all;
mod show;

use std::sync::{Arc, OnceLock};

use axum::{
    Extension, Router, middleware,
    routing::{get, post},
};
use domain::key::DeploymentSecret;
use edge::{App, app_origin, asked::plain};

pub use openapi::openapi;

/// The URL map of `links`. The secret makes the URLs that makers are shown; nothing else of the product reads it. It may come later, or never:
/// until then no link is made and no URL shown, but links are seen, paused and revoked.
pub fn router(app: App, secret: Arc<OnceLock<DeploymentSecret>>) -> Router {
    let shown = show::Shown {
        secret,
        data_url: app.config.data_url.as_deref().map(Arc::from),
        app_url: app.config.app_url.as_deref().map(Arc::from),
    };
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/passes", plain(post(pass::create)))
        // The writes of links that `?dry_run=true` tries first: the others take nothing in the query.
        .route("/api/v1/links", get(list::list).post(create::create))
        .route("/api/v1/links/batch", plain(post(batch::create)))
        .route("/api/v1/links/batch/revoke", plain(post(batch::revoke)))
        .route("/api/v1/links/batch/extend", plain(post(batch::extend)))
        .route("/api/v1/links/resolve", plain(post(resolve::resolve)))
        .route("/api/v1/links/{id}", plain(get(show::show).patch(edit::edit)))
        .route("/api/v1/links/{id}/pause", plain(post(pause::pause)))
        .route("/api/v1/links/{id}/resume", plain(post(resume::resume)))
        .route("/api/v1/links/{id}/promote", post(promote::promote))
        .route("/api/v1/links/{id}/retarget", plain(post(retarget::retarget)))
        .route("/api/v1/links/{id}/revoke", plain(post(revoke::revoke)))
        .route("/api/v1/datasets/{id}/links/revoke", plain(post(revoke_all::revoke_all)))
        .layer(Extension(shown))
        .layer(middleware::from_fn_with_state(app.clone(), app_origin::answer))
        .with_state(app)
}
