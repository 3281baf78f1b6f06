//! The part of the API's description that this function answers for; `links` serves the whole.

use utoipa::OpenApi;

/// The description of this function's operations.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    components(responses(wire::problem::Refused)),
    paths(
        crate::source_list::list,
        crate::source_register::register,
        crate::source_show::show,
        crate::source_edit::edit,
        crate::source_doctor::doctor,
        crate::serving::serving,
        crate::dataset_list::list,
        crate::dataset_register::register,
        crate::dataset_show::show,
        crate::me::me,
        crate::token_create::create,
        crate::token_list::list,
        crate::token_revoke::revoke,
    )
)]
struct Description;
