//! Networks, as a request writes them, and conditions, as answers do.

use domain::{decision::LinkFacts, grant::Zones};
use http::StatusCode;
use jiff::Timestamp;

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

/// The conditions of the right by which a link's maker may share it: see [`LinkFacts::rests_on`].
#[must_use]
pub fn rests_on(facts: &LinkFacts, now: Timestamp) -> Vec<wire::link::RestsOn> {
    let shown = |until: Option<Timestamp>, zones: &Zones| wire::link::RestsOn {
        until: until.map(|at| at.to_string()),
        zones: zones.texts().collect(),
    };
    facts.rests_on(now).iter().map(|conditions| shown(conditions.until, &conditions.zones)).collect()
}
