//! Tokens, keys and hashes: what is accepted is written as it was read, so that nothing has two texts.

use domain::{
    key::{Epoch, KeyHash, LinkKey},
    token::{CodeSecret, TicketSecret, TokenSecret},
};

/// A text as each of them.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(token) = TokenSecret::parse(text) {
        assert_eq!(token.reveal(), text);
    }
    if let Ok(ticket) = TicketSecret::parse(text) {
        assert_eq!(ticket.reveal(), text);
    }
    if let Ok(code) = CodeSecret::parse(text) {
        assert_eq!(code.reveal(), text);
    }
    if let Ok(key) = LinkKey::parse(text) {
        assert_eq!(key.reveal(), text);
        assert_eq!(key.hash(), KeyHash::of(text));
    }
    if let Ok(hash) = KeyHash::parse(text) {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(epoch) = Epoch::parse(text) {
        assert_eq!(epoch.to_string(), text);
    }
}
