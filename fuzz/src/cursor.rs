//! Cursors: what was not sealed is not opened, and what was opens to itself for its own query, token and hour (SECURITY T38).

use std::sync::LazyLock;

use domain::token::TokenSecret;
use edge::cursor::CursorKey;
use jiff::Timestamp;

const QUERY: &str = "GET /api/v1/links";
const NONCE: [u8; 12] = [7; 12];

static KEY: LazyLock<CursorKey> = LazyLock::new(|| CursorKey::of(&TokenSecret::new([1; 20]).reveal()));
static OTHER_KEY: LazyLock<CursorKey> = LazyLock::new(|| CursorKey::of(&TokenSecret::new([2; 20]).reveal()));
/// The one cursor that the corpus knows.
static SEALED: LazyLock<String> = LazyLock::new(|| KEY.seal(QUERY, "L#1", NONCE, Timestamp::UNIX_EPOCH).expect("it is short"));

/// A text as a cursor, and the same text as a position.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(KEY.open(QUERY, text, now).is_some(), text == *SEALED, "{text}");
    let sealed = KEY.seal(QUERY, text, NONCE, now).expect("it is short");
    assert_eq!(KEY.open(QUERY, &sealed, now).as_deref(), Some(text));
    let late = Timestamp::from_second(3_601).expect("a time");
    for opened in [KEY.open("GET /api/v1/datasets", &sealed, now), KEY.open(QUERY, &sealed, late), OTHER_KEY.open(QUERY, &sealed, now)] {
        assert_eq!(opened, None, "{sealed}");
    }
}
