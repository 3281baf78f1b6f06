//! `GET /api/v1/openapi.json`: the API's own description. Generated from the code of every function, committed, and compared by a test.

use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

/// The description of the whole API, as committed.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Answers the description of the whole API. Needs no token: it holds nothing of the deployment.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about", operation_id = "openapi", security(()),
    responses((status = 200, description = "This document")))]
pub(crate) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], DOCUMENT).into_response()
}

/// The part of the description that this function answers for.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Offprint", description = "Sharing scientific data in place, by link.", version = "1"),
    modifiers(&Tokens),
    paths(
        document,
        crate::list::list,
        crate::create::create,
        crate::show::show,
        crate::edit::edit,
        crate::pause::pause,
        crate::resume::resume,
        crate::promote::promote,
        crate::retarget::retarget,
        crate::revoke::revoke,
        crate::revoke_all::revoke_all,
        crate::resolve::resolve,
        crate::batch::create,
        crate::batch::revoke,
        crate::batch::extend,
        crate::pass::create,
    ),
    components(responses(wire::problem::Refused)),
    security(("token" = []))
)]
struct Description;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API token, `offprint_…`; each operation names the scope that it needs"))
            .build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}
