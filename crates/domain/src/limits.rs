//! Every bound of the product, with its unit in its name. A promise in seconds is a sum of bounds, and the compiler checks the sum.

/// Bytes of a decoded object path, and of any one stored key.
pub const PATH_BYTES_MAX: usize = 1_024;
/// Characters of the key in a link's URL: 160 bits in base32.
pub const KEY_CHARS: usize = 32;
/// Characters of a code: 40 bits in Crockford's base32.
pub const CODE_CHARS: usize = 8;
/// The fewest bytes of the key that addresses are hashed with.
pub const ADDRESS_KEY_BYTES_MIN: usize = 32;
/// Bytes of an e-mail address (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of an e-mail address before the `@` (RFC 5321, section 4.5.3.1.1).
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// How long an invitation waits for its address, in seconds.
pub const INVITATION_SECS: i64 = 30 * 86_400;
/// How long a request waits for its answer, in seconds.
pub const REQUEST_SECS: i64 = 30 * 86_400;
/// How long a request for a connection waits for its answer, in seconds.
pub const CONNECTION_PENDING_SECS: i64 = 30 * 86_400;
/// How long whoever was rejected waits before asking the same person again, in seconds.
pub const CONNECTION_AGAIN_SECS: i64 = 30 * 86_400;
/// How long what ended between two people is kept, in seconds: longer than any copy of a request can be late, and than a rejection counts.
pub const CONNECTION_KEPT_SECS: i64 = 30 * 86_400;
/// Requests for a connection that one person may make in a day (UTC).
pub const CONNECTIONS_ASKED_DAY_MAX: usize = 20;
/// Requests for a connection of one person's that wait at a time.
pub const CONNECTIONS_PENDING_MAX: usize = 100;
/// People with whom one person has a connection or a request, those that ended within [`CONNECTION_KEPT_SECS`] too: each asking counts them.
pub const CONNECTIONS_MAX: u16 = 1_000;
/// The direct grants of a person, the latest first, that are looked at for what two people are both named in.
pub const CONTEXT_GRANTS_MAX: usize = 1_000;
/// The projects of a person, the latest joined first, that are looked at for the same.
pub const CONTEXT_PROJECTS_MAX: usize = 100;
/// People of a project that connects them with each other.
pub const CONTEXT_PEOPLE_MAX: u16 = 500;
/// How long a notice is kept, whatever became of it, in seconds: one that could not be told by then is not told.
pub const NOTICE_KEPT_SECS: i64 = 30 * 86_400;
/// How long whoever took a notice to tell it has for that, in seconds: then another may.
pub const NOTICE_LEASE_SECS: i64 = 60;
/// Seconds within which a person is told once of the same, by the same person's act: giving and taking back, over and over, is one mail.
pub const NOTICE_REPEATED_SECS: i64 = 86_400;
/// How long handing one mail over may take, in seconds.
pub const MAIL_SEND_SECS: u64 = 20;
/// How long after each try that failed the next may begin, in seconds. After the last the notice is given up: about two days after it came.
pub const NOTICE_RETRY_SECS: [i64; 7] = [60, 300, 1_800, 2 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600];
/// Notices of one mail: a transaction takes them all, and each takes a line or two.
pub const NOTICES_OF_MAIL_MAX: usize = 40;
/// How long before a link's end its maker is told, in seconds. Of one that is asked for less than that nobody is told.
pub const LINK_ENDS_TOLD_SECS: i64 = 7 * 86_400;
/// Links that end soon which are looked at in one round: those that end first.
pub const LINKS_ENDING_AT_ONCE_MAX: usize = 100;
/// Notices of one shard that are looked at in one round: those that are due longest.
pub const NOTICES_AT_ONCE_MAX: usize = 400;
/// How often what is due is looked for, in seconds.
pub const NOTICES_LOOKED_FOR_SECS: u64 = 2;
/// How long a notice may have waited, in seconds, to be told by itself: what nobody could tell before, all of a person's goes in one mail.
pub const NOTICE_LATE_SECS: i64 = 86_400;
/// Copies of datasets that one person may have under way at a time.
pub const COPIES_OF_PERSON_MAX: u8 = 4;
/// Copies of one dataset that may be under way at a time.
pub const COPIES_OF_DATASET_MAX: u8 = 4;
/// Objects of one copy.
pub const COPY_OBJECTS_MAX: u64 = 10_000_000;
/// Bytes of one copy: 100 TiB.
pub const COPY_BYTES_MAX: u64 = 100 << 40;
/// Objects that are counted, about, to say beforehand what a copy comes to.
pub const COPY_COUNTED_MAX: u64 = 20_000;
/// Objects of one page of a copy: how far it is is written down after each.
pub const COPY_PAGE_OBJECTS_MAX: u16 = 250;
/// Objects of one copy that are copied at the same time.
pub const COPY_OBJECTS_AT_ONCE_MAX: usize = 8;
/// Bytes of an object that S3 copies whole; a larger one is copied in parts.
pub const COPY_WHOLE_BYTES_MAX: u64 = 5 << 30;
/// Bytes of a part that a large object is copied in, at the least.
pub const COPY_PART_BYTES_MIN: u64 = 512 << 20;
/// Parts of one object, as S3 has it.
pub const COPY_PARTS_MAX: u64 = 10_000;
/// How long one request for a copy of an object or of a part may take, in seconds.
pub const COPY_TRY_SECS: u64 = 600;
/// How often an object is tried before its copy waits for a while.
pub const COPY_OBJECT_TRIES_MAX: u32 = 3;
/// How long whoever took a copy to go on with it has for that, in seconds, unless the time is extended: then another may.
pub const COPY_LEASE_SECS: i64 = 20;
/// How often that time is extended, in seconds. Whether the copy still may be made is decided each time.
pub const COPY_KEPT_UP_SECS: u64 = 5;
/// How long a copy is gone on with before others have their turn, in seconds.
pub const COPY_TURN_SECS: i64 = 20;
/// How long before whoever goes on with copies is ended, in seconds, the last object is begun: what is under way has that long.
pub const COPY_BEGUN_SECS: i64 = 240;
/// How long before that end, in seconds, what is still under way is left: an object so large is copied by nobody who is ended so soon.
pub const COPY_DROPPED_SECS: i64 = 15;
/// How long after each try that got nowhere the next may begin, in seconds. After the last the copy has failed.
pub const COPY_RETRY_SECS: [i64; 6] = [5, 15, 60, 300, 1_800, 7_200];
/// How long a copy that has ended can be seen, in seconds.
pub const COPY_KEPT_SECS: i64 = 90 * 86_400;
/// How often copies that are due are looked for, in seconds.
pub const COPIES_LOOKED_FOR_SECS: u64 = 2;
/// Copies of one shard that are looked at in one round: those that are due longest.
pub const COPIES_AT_ONCE_MAX: usize = 16;
const _: () = assert!(COPY_KEPT_UP_SECS * 3 < COPY_LEASE_SECS.unsigned_abs());
const _: () = assert!(COPY_KEPT_UP_SECS * 2 < COPY_DROPPED_SECS.unsigned_abs() && COPY_DROPPED_SECS < COPY_BEGUN_SECS);
/// The hour of the day (UTC) at which a day's mail goes.
pub const NOTICE_DIGEST_HOUR: i8 = 7;
// What is told once for an end is known to be told until that is over.
const _: () = assert!(LINK_ENDS_TOLD_SECS < NOTICE_KEPT_SECS);
// Whoever took a notice has handed it over, or given up, before another takes it.
const _: () = assert!(MAIL_SEND_SECS * 2 < NOTICE_LEASE_SECS.unsigned_abs());
/// How long one mail may take whole, in seconds: what it says is read, it is handed over, and what became of it is written. Whoever ends sooner begins none.
pub const MAIL_WHOLE_SECS: i64 = 30;
/// Datasets, and projects, that are told of as what two people are both named in.
pub const CONTEXTS_MAX: usize = 20;
const _: () = assert!(CONNECTION_AGAIN_SECS <= CONNECTION_KEPT_SECS);
/// Invitations that one person may send in a day (UTC).
pub const INVITATIONS_DAY_MAX: usize = 20;
/// People that one request may take into a project or group where each may have to be asked first: whether two are connected takes looks.
pub const ASKED_ABOUT_MAX: usize = 100;
/// Invitations that one sign-in looks at; the rest wait for the next.
pub const INVITATIONS_AT_SIGN_IN_MAX: u16 = 50;
/// How long an administrator may read what he granted himself in an emergency, in hours.
pub const BREAK_GLASS_HOURS_MAX: u16 = 24;
/// Ancestors a dataset may have, the source's root dataset included.
pub const ANCESTORS_MAX: usize = 4;
/// Datasets that one request looks at to let them name a dataset registered above them, about; the same request again goes on from there.
pub const ADOPTED_MAX: usize = 1_000;
/// Characters of a label, a title, or a source's name.
pub const LABEL_CHARS_MAX: usize = 200;
/// Characters of a group's or a project's name.
pub const GROUP_NAME_CHARS_MAX: usize = 63;
/// Characters of the notes on a reference clone.
pub const CLONE_NOTES_CHARS_MAX: usize = 4_000;
/// Characters of a reason given with a change.
pub const REASON_CHARS_MAX: usize = 1_000;

/// How old the facts behind a world or publication link may be, in seconds.
pub const WORLD_FACTS_CACHE_SECS: u32 = 30;
/// How long a URL signed for a world or publication link works.
pub const WORLD_PRESIGN_SECS: u32 = 300;
/// The signing instant of a world or publication link is rounded down to this.
pub const WORLD_WINDOW_SECS: u32 = 60;
/// After a revoke's reply, no URL of a world or publication link works longer than this.
pub const WORLD_REVOKE_BOUND_SECS: u32 = 330;

/// How old the facts behind a private link may be, in seconds.
pub const PRIVATE_FACTS_CACHE_SECS: u32 = 5;
/// How long a URL signed for a private link works. With [`PRIVATE_FACTS_CACHE_SECS`] it makes the bound.
pub const PRIVATE_PRESIGN_SECS: u32 = 60;
/// The signing instant of a private link is rounded down to this.
pub const PRIVATE_WINDOW_SECS: u32 = 15;
/// After a revoke's reply, no URL of a private link works longer than this.
pub const PRIVATE_REVOKE_BOUND_SECS: u32 = 65;

/// Facts of a strict link or dataset are read every time.
pub const STRICT_FACTS_CACHE_SECS: u32 = 0;
/// How long a URL signed for a strict link, or by what rests on a strict dataset, works.
pub const STRICT_PRESIGN_SECS: u32 = 15;
/// The signing instant of a strict link is rounded down to this.
pub const STRICT_WINDOW_SECS: u32 = 1;
/// After a revoke's reply, no URL of a strict link works longer than this.
pub const STRICT_REVOKE_BOUND_SECS: u32 = 15;

const _: () = assert!(WORLD_FACTS_CACHE_SECS + WORLD_PRESIGN_SECS <= WORLD_REVOKE_BOUND_SECS);
const _: () = assert!(PRIVATE_FACTS_CACHE_SECS + PRIVATE_PRESIGN_SECS <= PRIVATE_REVOKE_BOUND_SECS);
const _: () = assert!(STRICT_FACTS_CACHE_SECS + STRICT_PRESIGN_SECS <= STRICT_REVOKE_BOUND_SECS);

/// How long an accepted change may take from its decision to its effect, its tries included, in seconds.
pub const WRITE_SETTLES_SECS: u32 = 10;

/// A refusal or an unknown key is remembered at most this long, so that a new link works at once.
pub const REFUSAL_CACHE_SECS: u32 = 1;
/// A signature ends at least this long before the credentials that made it.
pub const CREDENTIALS_MARGIN_SECS: u32 = 30;
/// With less life than this left, nothing is signed.
pub const SIGN_LEAST_SECS: u32 = 5;
/// A redirect may be cached until this long before its signature ends.
pub const REDIRECT_CACHE_MARGIN_SECS: u32 = 15;
/// A clock that differs from the event's own time by more than this signs nothing.
pub const CLOCK_SKEW_MAX_SECS: i64 = 120;

/// Entries of an HTML index; a larger folder answers 413 and names `ListObjectsV2`.
pub const INDEX_ENTRIES_MAX: usize = 20_000;
/// Keys and prefixes of one `ListObjectsV2` page.
pub const LIST_PAGE_MAX: u16 = 1_000;
/// Requests of the store for one page: what is left out is passed over. More than a dataset has cuts, each of which takes one.
pub const LIST_REQUESTS_MAX: usize = 100;
/// On Lambda, a streamed object over this many bytes is refused before the first byte (a response ends at 200 MB there).
pub const LAMBDA_STREAM_BYTES_MAX: u64 = 190_000_000;

/// How often the data origin tells one address that nothing is there, when sustained: once in this many milliseconds.
pub const MISS_INTERVAL_MILLIS: u32 = 5;
/// How often it does at once.
pub const MISSES_BURST_MAX: u32 = 1_000;
/// How many bursts an address may owe: misses that were answered at once, beyond one burst, before any of them was counted.
pub const MISSES_OWED_BURSTS_MAX: u32 = 4;
/// Addresses whose misses one process remembers.
pub const MISSES_ADDRESSES_MAX: usize = 65_536;

/// Items of one page of an API listing.
pub const API_PAGE_MAX: u16 = 100;
/// Bytes of an answer of the API that a page is made of: two of the longest lists.
pub const API_ANSWER_BYTES_MAX: usize = 4 * 1_048_576;
/// How long a page waits for a connection to the API, in milliseconds.
pub const API_CONNECT_MS: u64 = 2_000;
/// How long a page waits for an answer of the API, in milliseconds: the front doors wait 30 s for the page.
pub const API_ANSWER_MS: u64 = 25_000;
/// How long a connection to the API is kept for the next page, in seconds.
pub const API_IDLE_SECS: u64 = 10;
/// Items of one batch.
pub const BATCH_ITEMS_MAX: usize = 1_000;
/// Bytes of a request body of the API.
pub const BODY_BYTES_MAX: usize = 1_048_576;
/// Bytes that are read, and forgotten, of a request body that is too large, so that its client hears why.
pub const BODY_DRAINED_BYTES_MAX: usize = 16_777_216;
/// The longest life of a token, in days.
pub const TOKEN_DAYS_MAX: u16 = 365;
/// How long a session lives, in seconds.
pub const SESSION_SECS: i64 = 12 * 3_600;
/// How long a sign-in through an identity provider may take, in seconds.
pub const SIGN_IN_SECS: u32 = 600;
/// How long a viewer may read with what a person gave it, in seconds: a working day.
pub const VIEWER_TOKEN_SECS: i64 = 8 * 3_600;
/// Bytes of the address on this origin that a page leads back to.
pub const LOCAL_PATH_BYTES_MAX: usize = 1_024;
/// Datasets in each list of the home page.
pub const HOME_ITEMS_MAX: u16 = 50;
/// How long a code for signing in may be used, in seconds.
pub const CODE_SECS: i64 = 86_400;
/// The longest life of a ticket, in minutes.
pub const TICKET_MINUTES_MAX: u16 = 720;
/// Tokens, sessions and tickets of one person that live at once.
pub const TOKENS_MAX: usize = 1_000;
/// Characters of a link's password, at the least.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of a link's password, at the most.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Memory that Argon2id fills for a password, in KiB (RFC 9106; the smaller of OWASP's settings, which fits a small function).
pub const PASSWORD_MEMORY_KIB: u32 = 19_456;
/// How often it passes over that memory.
pub const PASSWORD_PASSES: u32 = 2;
/// Its lanes.
pub const PASSWORD_LANES: u32 = 1;
/// Passwords that one process looks at at the same time: each takes its memory.
pub const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// How long a password waits for its turn, in seconds: whoever asked is told to come back then.
pub const PASSWORD_TURN_SECS: u64 = 10;
/// Tries of a link's password from one address at once.
pub const PASSWORD_TRIES_MAX: u32 = 10;
/// After those, one more try in so many milliseconds: ten in 5 minutes.
pub const PASSWORD_TRY_INTERVAL_MILLIS: u32 = 30_000;
/// How long a pass lives, in seconds.
pub const PASS_SECS: i64 = 15 * 60;
/// What whoever asks for a pass is told to wait where all that a link gives were given, in seconds: its maker may let it give more.
pub const NO_SESSION_LEFT_RETRY_SECS: u32 = 3_600;
/// Requests that a link may say it answers in a second, at the most: more is no limit that anybody notices.
pub const REQUESTS_PER_SECOND_MAX: u32 = 10_000;
/// How many seconds' worth of them are answered at once: a viewer asks for a screen of chunks in one go.
pub const REQUESTS_BURST_SECS: u32 = 10;
/// Links whose requests one process of `serve` counts.
pub const REQUESTS_LINKS_MAX: usize = 16_384;
/// Bytes that a link may say it gives in a day, at the most: 1 EiB, beyond which nobody counts.
pub const BYTES_PER_DAY_MAX: u64 = 1 << 60;
/// Links whose bytes one process counts.
pub const BYTES_LINKS_MAX: usize = 65_536;
/// How often what was counted is looked at, and noted on the links that are over, in seconds.
pub const BYTES_NOTED_SECS: u64 = 2;
/// How long a listing's cursor may be used, in seconds.
pub const CURSOR_SECS: i64 = 3_600;
/// How long an `Idempotency-Key` is remembered, in seconds.
pub const IDEMPOTENCY_SECS: i64 = 86_400;
/// How long the same count of days, asked for a link again, is the same asking, in seconds.
pub const SAME_EXTENSION_SECS: i64 = 3_600;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;
/// Folders between a source's root and a dataset in it: each is checked when the dataset is registered.
pub const DATASET_DEPTH_MAX: usize = 32;
/// Bytes of a text of data-use terms.
pub const TERMS_BYTES_MAX: usize = 20_000;
/// Texts of data-use terms that are remembered as accepted by one person: more than can be in force, one a source and the deployment's.
pub const TERMS_ACCEPTED_MAX: usize = 128;
/// Networks in one condition.
pub const ZONES_MAX: usize = 32;
/// Restricted datasets that one ancestor may keep out of reach of what is granted on it.
pub const CUTS_MAX: usize = 64;
/// Arrays of multiscale images that one dataset keeps the levels of.
pub const LEVEL_ARRAYS_MAX: usize = 64;
/// Label images of one dataset whose levels are looked for.
pub const LABEL_IMAGES_MAX: usize = 16;
/// Wells of one plate, and images beside each other in one dataset, whose levels are looked for.
pub const LEVEL_IMAGES_MAX: usize = 8;
/// How long levels may be looked for in one dataset, in seconds.
pub const LEVELS_READ_SECS: u64 = 8;
/// Bytes of a metadata document that is read whole, to find levels or to show them in part.
pub const METADATA_BYTES_MAX: usize = 4 * 1_048_576;
/// Metadata documents that are asked for to show what a dataset is: those that are missing count.
pub const SEEN_DOCUMENTS_MAX: usize = 32;
/// Bytes of each of them.
pub const SEEN_DOCUMENT_BYTES_MAX: usize = 1_048_576;
/// How long a page waits for them, its README and its list of files, in milliseconds. What is not there by then is not known.
pub const SEEN_MS: u64 = 1_500;
/// Directions of an array that is shown.
pub const SEEN_AXES_MAX: usize = 16;
/// Levels, channels, labels and series that are shown of an image, each.
pub const SEEN_ITEMS_MAX: usize = 32;
/// Characters of a text in metadata that is shown.
pub const SEEN_TEXT_CHARS_MAX: usize = 200;
/// Bytes of a README that is shown.
pub const README_BYTES_MAX: usize = 64 * 1_024;
/// Files and folders that a link's page lists.
pub const FILES_SHOWN_MAX: u16 = 100;
/// Bytes of a metadata document that a link's page shows as it is stored.
pub const STORED_SHOWN_BYTES_MAX: usize = 8 * 1_024;
/// Groups and projects that one dataset may be granted to: a decision asks for a membership in each.
pub const GROUP_GRANTS_MAX: usize = 16;
/// The same, with those from which it was withdrawn and whose rows are still there: a decision reads them, too.
pub const GROUP_GRANTS_KEPT_MAX: usize = 64;
/// Datasets, and pairs of a person and a dataset, that are looked at before a change of a project, to say what it would do.
pub const EFFECTS_MAX: usize = 1_000;
/// Links that are named of those that stop by a change.
pub const LINKS_ENDED_MAX: usize = 100;
/// Datasets in a link set: a grant on each, and each dataset's version, are two actions of the 100 that a transaction has (ACCESS 10).
pub const LINK_SET_DATASETS_MAX: usize = 40;
/// Links that are looked at to name them.
pub const LINKS_LOOKED_AT_MAX: usize = 1_000;
/// Datasets inside one, after which no more are counted, to say how many are opened with it.
pub const OPENED_COUNTED_MAX: usize = 1_000;
/// How coarsely it is kept when a token was last used, in seconds: noting it is a write, which no request should pay for.
pub const TOKEN_USE_SECS: i64 = 3_600;
/// How long the row of a grant that was withdrawn from a group is kept, in seconds: longer than any copy of a request can be late.
pub const WITHDRAWN_KEPT_SECS: i64 = 30 * 86_400;
/// How long a provider's token that was verified is believed without another look at its signature, in seconds: with a second more for
/// what is refused, the bound on a key that its issuer withdrew. Its own end is asked at every request.
pub const PROVIDER_TOKEN_CACHE_SECS: i64 = 300;
/// Verified tokens of a provider that a process remembers.
pub const PROVIDER_TOKENS_CACHED_MAX: usize = 4_096;
/// Bytes of a provider's token in a header.
pub const PROVIDER_TOKEN_BYTES_MAX: usize = 8 * 1_024;
/// A synced group that was not synced for this long lets nobody in, in seconds.
pub const GROUP_FRESH_SECS: i64 = 7 * 86_400;
/// How far the order of a directory's update may lie ahead of our clock, taken as a time, in seconds.
pub const ORDER_AHEAD_SECS: i64 = 86_400;
/// Sources of one deployment: the panic switch turns all of them off in one transaction of 100 actions, and the policy binds all of them in one.
pub const SOURCES_MAX: usize = 97;

/// How long a read of the table may take before its one retry, in milliseconds.
pub const TABLE_TRY_MS: u64 = 300;
/// How long a request that names no version is decided anew because others change the same, in milliseconds.
pub const ROUNDS_MS: u64 = 1_000;
/// What a client is told to wait after a 503, in seconds.
pub const RETRY_AFTER_SECS: u32 = 2;
/// Bounds of the facts cache of one process.
pub const FACTS_CACHE_ENTRIES_MAX: usize = 65_536;
/// Bytes that the facts cache of one process may hold.
pub const FACTS_CACHE_BYTES_MAX: u64 = 32 * 1_048_576;
