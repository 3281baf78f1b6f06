//! Every bound of this crate, with its unit in its name.

/// Bytes of a bearer token; a longer one is not looked at.
pub const TOKEN_BYTES_MAX: usize = 8_192;
/// Characters of a `kid`, in a header and in a key set.
pub const KEY_ID_CHARS_MAX: usize = 128;
/// Bytes of a `sub` (OpenID Connect Core 1.0, section 2).
pub const SUBJECT_BYTES_MAX: usize = 255;
/// Bytes of an e-mail address (RFC 5321, section 4.5.3.1.3, less the brackets); a longer one counts as none.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of a group's name; a longer one counts as none.
pub const GROUP_BYTES_MAX: usize = 255;
/// Groups of one token.
pub const GROUPS_MAX: usize = 256;
/// How far an issuer's clock may differ from ours, in seconds.
pub const LEEWAY_SECS: i64 = 5;

/// Identity providers of one deployment.
pub const ISSUERS_MAX: usize = 16;
/// Bytes of an issuer's name and of any address of it.
pub const ADDRESS_BYTES_MAX: usize = 1_024;
/// Bytes of a key set, and of a discovery document.
pub const DOCUMENT_BYTES_MAX: usize = 65_536;
/// Keys that are kept of one set.
pub const KEYS_MAX: usize = 64;
/// Keys older than this are fetched anew when they are next used, in seconds: how long a withdrawn key may still be good.
pub const KEYS_FRESH_SECS: u64 = 300;
/// The least time between two fetches of one set, in seconds.
pub const KEYS_REFETCH_SECS: u64 = 60;
/// How long keys serve while their issuer is away, in seconds.
pub const KEYS_STALE_SECS: u64 = 86_400;
/// How long a fetch may take, in milliseconds.
pub const FETCH_MS: u64 = 3_000;
/// How long a provider may take to change a code for tokens, in milliseconds: somebody waits for it, and the code works once.
pub const EXCHANGE_MS: u64 = 10_000;
/// How long a connection may take to be made, in milliseconds.
pub const CONNECT_MS: u64 = 1_000;

const _: () = assert!(KEYS_REFETCH_SECS <= KEYS_FRESH_SECS && KEYS_FRESH_SECS <= KEYS_STALE_SECS);
const _: () = assert!(CONNECT_MS <= FETCH_MS && FETCH_MS <= EXCHANGE_MS && FETCH_MS < KEYS_REFETCH_SECS * 1_000);
