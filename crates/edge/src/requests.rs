//! How many requests a link answers in a second (D10): one number for each link that has such a bound, in each process by itself.
//!
//! Only what would be answered is counted, so whoever a link does not open to takes nothing from those whom it does.

use std::fmt;

use domain::{
    id::LinkId,
    limits::{REQUESTS_BURST_SECS, REQUESTS_LINKS_MAX},
    link::Link,
    rate::{Rate, TooOften},
};
use jiff::Timestamp;

use crate::paid::Paid;

/// What each link with a bound was asked for lately.
pub struct Requests(Paid<LinkId>);

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("links", &self.0.len()).finish()
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

impl Requests {
    /// Nothing was asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Paid::new(REQUESTS_LINKS_MAX))
    }

    /// Counts a request that `link` is about to answer. One without a bound is not looked at further.
    ///
    /// # Errors
    /// [`TooOften`], with how long that lasts.
    pub fn count(&self, link: &Link, now: Timestamp) -> Result<(), TooOften> {
        let Some(per_second) = link.options.requests_per_second else { return Ok(()) };
        self.0.take(link.id, Rate::per_second(per_second, REQUESTS_BURST_SECS), now).map(drop)
    }
}
