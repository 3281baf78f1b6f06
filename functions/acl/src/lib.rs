//! Sources, datasets and tokens: what may be shared, and by whom.
//!
//! Each verb has its file: extract, load, decide, act, answer. Not here: any rule (`domain`), any row (`table`), what a refusal
//! looks like (`edge/problem.rs`).

mod dataset_list;
mod dataset_register;
mod dataset_show;
mod endpoint;
mod me;
mod openapi;
mod serving;
mod source_doctor;
mod source_edit;
mod source_list;
mod source_register;
mod source_show;
mod token_create;
mod token_list;
mod token_revoke;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use edge::{App, app_origin};

pub use openapi::openapi;

/// The URL map of `acl`.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/api/v1/sources", get(source_list::list).post(source_register::register))
        .route("/api/v1/sources/{id}", get(source_show::show).patch(source_edit::edit))
        .route("/api/v1/sources/{id}/doctor", post(source_doctor::doctor))
        .route("/api/v1/serving", post(serving::serving))
        .route("/api/v1/datasets", get(dataset_list::list).post(dataset_register::register))
        .route("/api/v1/datasets/{id}", get(dataset_show::show))
        .route("/api/v1/me", get(me::me))
        .route("/api/v1/tokens", get(token_list::list).post(token_create::create))
        .route("/api/v1/tokens/{id}/revoke", post(token_revoke::revoke))
        .layer(middleware::from_fn_with_state(app.clone(), app_origin::answer))
        .with_state(app)
}
