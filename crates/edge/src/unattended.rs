//! A person for whom something is done while nobody waits: by every scope, for the token that asked may be gone, and from no network, for nothing
//! is sent to one. So what is open to some networks alone is not open to it.

use std::sync::Arc;

use domain::{
    decision::{Principal, Who},
    grant::Net,
    user::User,
};
use jiff::Timestamp;

use crate::invitations::every_scope;

/// The person, as whoever goes on with something for them decides.
#[must_use]
pub fn principal(user: &Arc<User>, now: Timestamp) -> Principal {
    Principal { who: Who::Token { user: Arc::clone(user), token: Arc::new(every_scope(user, now)) }, net: Net::Unknown }
}
