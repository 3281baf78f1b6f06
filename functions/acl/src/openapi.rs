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
        crate::dataset_edit::edit,
        crate::dataset_edit::hand_over,
        crate::dataset_retire::retire,
        crate::offer::make,
        crate::offer::list,
        crate::offer::accept,
        crate::offer::decline,
        crate::offer::withdraw,
        crate::offer::mine,
        crate::dataset_levels::read,
        crate::dataset_sharing::sharing,
        crate::sharing_links::list,
        crate::grant_break_glass::break_glass,
        crate::grant_give::give,
        crate::grant_list::list,
        crate::grant_withdraw::withdraw,
        crate::invitation::invite,
        crate::invitation::list,
        crate::invitation::withdraw,
        crate::ticket_create::create,
        crate::check::check,
        crate::group::create,
        crate::group::list,
        crate::group::show,
        crate::group::edit,
        crate::group::members,
        crate::group::add,
        crate::group::remove,
        crate::group_sync::sync,
        crate::project::create,
        crate::project::list,
        crate::project::show,
        crate::project::edit,
        crate::project_members::list,
        crate::project_members::add,
        crate::project_members::remove,
        crate::project_members::leave,
        crate::project_datasets::list,
        crate::project_datasets::put,
        crate::project_datasets::take,
        crate::project_datasets::links,
        crate::user::create,
        crate::user::show,
        crate::user::edit,
        crate::user::code,
        crate::user::blocks,
        crate::user::block,
        crate::sign_in::sign_in,
        crate::sign_in::sign_out,
        crate::audit::list,
        crate::me::me,
        crate::shared::list,
        crate::token_create::create,
        crate::token_list::list,
        crate::token_revoke::revoke,
    )
)]
struct Description;
