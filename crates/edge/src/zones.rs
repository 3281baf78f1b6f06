//! Networks, as a request writes them.

use domain::grant::Zones;
use http::StatusCode;

use crate::problem::Problem;

/// Reads networks. A refusal names the field at `pointer`.
///
/// # Errors
/// 422 `zones`.
pub fn read_zones(texts: &[String], pointer: &'static str) -> Result<Zones, Problem> {
    Zones::parse(texts).map_err(|why| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "zones", why.to_string())
            .at(pointer)
            .hint("such as `192.0.2.0/24`; leave it empty for everywhere")
    })
}
