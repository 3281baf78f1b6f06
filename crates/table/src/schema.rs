//! Every key of the table. This is the only place where one is formatted.
//!
//! | item | pk | sk | listed in GSI1 under |
//! |---|---|---|---|
//! | link | `L#sha256(key)` | `#` | |
//! | tombstone | `L#sha256(key)` | `X` | |
//! | link pointer | `D#dataset` | `L#link-id` | `D#dataset`, `L#made#link-id` |
//! | link id | `N#link-id` | `#` | `U#maker`, `L#made#link-id` |
//! | link options | `H#sha256(maker, target, options)` | `#` | |
//! | link's password | `W#sha256(key)` | `#` | |
//! | tries of a password | `R#sha256(link, address)` | `#` | |
//! | dataset | `D#id` | `#` | `U#owner`, `D#registered#id` |
//! | grant | `D#id` | `A#U#uid`, `A#G#gid`, `A#P#pid`, `A#ANY`, `A#WORLD` | `U#uid`, `G#gid`, `A#ANY#shard`, `A#WORLD#shard`; `A#given#dataset` |
//! | claim | `S#id` | `D#path` | |
//! | block | `S#id` | `B#uid` | |
//! | source | `S#id` | `#` | |
//! | register of sources, with the deployment's policy; a source's name | `S#` | `#`; `N#name` | |
//! | user | `U#uid` | `#` | |
//! | founder; a user's name | `U#` | `#`; `N#name` | |
//! | identity | `I#sha256(issuer, subject)` | `#` | |
//! | register of groups: a group's name | `G#` | `N#name` | |
//! | group | `G#gid` | `#` | |
//! | membership | `G#gid#shard` | `M#uid` | `U#uid`, `G#joined#gid` |
//! | register of projects: a name that a project has or had | `P#` | `N#name` | |
//! | project | `P#pid` | `#` | |
//! | part in a project | `P#pid#shard` | `M#uid` | `U#uid`, `P#joined#pid` |
//! | place in a project | `D#id` | `P#pid` | `P#pid`, `D#put#dataset` |
//! | data-use terms | `V#id` | `#` | |
//! | link set | `J#id` | `#` | `U#maker`, `J#made#id` |
//! | code | `C#CODE` | `#` | |
//! | reference clone | `C#id` | `#` | `U#owner`, `C#made#id` |
//! | invitation | `E#hmac(address)`, `U#uid` | `N#dataset`, `N#pid` | `D#dataset`, `P#pid`; `E#sent#hmac`, `E#sent#uid` |
//! | offer | `D#id` | `Q#transfer#made#request-id` | `U#addressee`, as its sort key; while it waits |
//! | request for the curators' mark | `D#id` | `Q#curation#made#request-id` | `Q#curation`, as its sort key; while it waits |
//! | opening that was asked for | `D#id` | `Q#opening#made#request-id` | `Q#opening`, as its sort key; while it waits |
//! | curators' mark | `D#id` | `Y` | `Y#shard`, `Y#set#dataset`; while it is set |
//! | connection | `U#uid` | `C#uid` | |
//! | rate | `R#what#uid` | `yyyymmdd` | |
//! | mailbox | `U#uid` | `E` | |
//! | what was told lately | `OT#shard` | `uid#uid#word#id` | |
//! | question of a mail | `M#sha256(nonce)` | `#` | |
//! | notice | `O#shard` | `uuid7#uid` | in GSI2 `O#shard`, its instant and `#uuid7#uid`; while it waits |
//! | link that ends | `L#sha256(key)` | `#` | in GSI2 `DUE#yyyymm`, when its maker is told of the end; until that is done |
//! | copy | `Y#copy-id` | `#` | `U#uid`, `Y#made#copy-id`; in GSI2 `Y#shard`, its instant and `##`; while it is under way |
//! | place of a copy that is under way | `Y#uid`, `Y#dataset` | number | |
//! | token; pass | `T#sha256` | `#` | |
//! | token pointer | `U#uid` | `T#token-id` | |
//! | idempotency | `K#uid#key` | `#` | |
//! | audit | `Z#yyyymm#shard` | `uuid7` | |
//!
//! Ids and hashes are of fixed length and free of `#`, so no two items can meet under one key. What a client wrote (a path, an
//! idempotency key, a source's name) stands last in its key, or is checked for `#` by its type.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    address::EmailHash,
    code::Code,
    grant::Subject,
    id::{CloneId, CopyId, DatasetId, GroupId, LinkId, LinkSetId, ProjectId, RequestId, SourceId, TermsId, TokenId, UserId},
    invitation::{Invitee, Target},
    key::KeyHash,
    notice::{Notice, NoticeId},
    path::ObjectPath,
    source::SourceName,
};
use jiff::Timestamp;
use uuid::Uuid;

/// Attribute names of the table's own key and of the index that lists.
pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const GSI1: &str = "GSI1";
pub(crate) const GSI1_PK: &str = "gsi1pk";
pub(crate) const GSI1_SK: &str = "gsi1sk";
/// The index of what expires or is due; the table has it from the first day, because an index is added to a full table slowly.
pub(crate) const GSI2: &str = "GSI2";
pub(crate) const GSI2_PK: &str = "gsi2pk";
pub(crate) const GSI2_SK: &str = "gsi2sk";
/// Seconds since 1970, after which the store may drop the item.
pub(crate) const TTL: &str = "ttl";

/// How many partitions a month of the audit is spread over.
pub(crate) const AUDIT_SHARDS: u8 = 8;
/// Bytes of a dataset's path: a sort key holds 1,024 with its mark.
pub(crate) const CLAIM_PATH_BYTES_MAX: usize = 1_000;

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    /// The one item of a partition, or its head.
    fn head(pk: String) -> Self {
        Self { pk, sk: "#".to_owned() }
    }

    /// The two attributes of the key.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([(PK.to_owned(), AttributeValue::S(self.pk.clone())), (SK.to_owned(), AttributeValue::S(self.sk.clone()))])
    }

    /// The key of an item that was read.
    pub(crate) fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned();
        Some(Self { pk: text(PK)?, sk: text(SK)? })
    }
}

pub(crate) fn link(hash: KeyHash) -> Key {
    Key::head(link_partition(hash))
}

pub(crate) fn tombstone(hash: KeyHash) -> Key {
    Key { pk: link_partition(hash), sk: "X".to_owned() }
}

/// The link and its tombstone lie together, so that one consistent Query reads both.
pub(crate) fn link_partition(hash: KeyHash) -> String {
    format!("L#{hash}")
}

/// Not in the link's own partition: the function that serves reads that one, and must never read this.
pub(crate) fn password(hash: KeyHash) -> Key {
    Key::head(format!("W#{hash}"))
}

pub(crate) fn tries(who: KeyHash) -> Key {
    Key::head(format!("R#{who}"))
}

pub(crate) fn link_pointer(dataset: DatasetId, link: LinkId) -> Key {
    Key { pk: links_of_dataset(dataset), sk: format!("L#{link}") }
}

pub(crate) fn link_id(link: LinkId) -> Key {
    Key::head(format!("N#{link}"))
}

pub(crate) fn link_options(fingerprint: KeyHash) -> Key {
    Key::head(format!("H#{fingerprint}"))
}

pub(crate) fn dataset(dataset: DatasetId) -> Key {
    Key::head(dataset_partition(dataset))
}

/// The partition of a dataset and of the grants on it.
pub(crate) fn dataset_partition(dataset: DatasetId) -> String {
    format!("{DATASET_PREFIX}{dataset}")
}

/// What the partition of every dataset begins with.
pub(crate) const DATASET_PREFIX: &str = "D#";

pub(crate) fn grant(dataset: DatasetId, subject: Subject) -> Key {
    Key { pk: dataset_partition(dataset), sk: format!("{GRANT_PREFIX}{}", subject_text(subject)) }
}

/// What the sort key of every grant begins with.
pub(crate) const GRANT_PREFIX: &str = "A#";
/// Between which the sort keys lie of every grant to a group or a project, and of no other.
pub(crate) const COLLECTIVE_GRANTS: [&str; 2] = ["A#G#", "A#P#~"];

fn subject_text(subject: Subject) -> String {
    match subject {
        Subject::User(user) => format!("U#{user}"),
        Subject::Group(group) => format!("G#{group}"),
        Subject::Project(project) => format!("P#{project}"),
        Subject::Accounts => "ANY".to_owned(),
        Subject::World => "WORLD".to_owned(),
    }
}

/// Whom a grant's sort key is for.
pub(crate) fn subject_of(sk: &str) -> Option<Subject> {
    let text = sk.strip_prefix(GRANT_PREFIX)?;
    match text.split_once('#') {
        Some(("U", id)) => UserId::parse(id).ok().map(Subject::User),
        Some(("G", id)) => GroupId::parse(id).ok().map(Subject::Group),
        Some(("P", id)) => ProjectId::parse(id).ok().map(Subject::Project),
        None if text == "ANY" => Some(Subject::Accounts),
        None if text == "WORLD" => Some(Subject::World),
        _ => None,
    }
}

pub(crate) fn block(source: SourceId, user: UserId) -> Key {
    Key { pk: claims(source), sk: format!("{BLOCK_PREFIX}{user}") }
}

/// What the sort key of every block begins with.
pub(crate) const BLOCK_PREFIX: &str = "B#";

pub(crate) fn group(group: GroupId) -> Key {
    Key::head(group_partition(group))
}

pub(crate) fn group_name(name: &str) -> Key {
    Key { pk: "G#".to_owned(), sk: format!("N#{name}") }
}

pub(crate) fn member(group: GroupId, user: UserId) -> Key {
    member_of(&group_partition(group), user)
}

/// The partition of a group's head, from which those of its memberships are named.
pub(crate) fn group_partition(group: GroupId) -> String {
    format!("{GROUP_PREFIX}{group}")
}

/// What the partition of every group begins with.
pub(crate) const GROUP_PREFIX: &str = "G#";

pub(crate) fn project(project: ProjectId) -> Key {
    Key::head(project_partition(project))
}

/// The partition of a project's head, from which those of its members are named; in GSI1, of what it was granted and what is in it.
pub(crate) fn project_partition(project: ProjectId) -> String {
    format!("{PROJECT_PREFIX}{project}")
}

/// What the partition of every project, and the sort key of a dataset's place in one, begins with.
pub(crate) const PROJECT_PREFIX: &str = "P#";

pub(crate) fn project_name(name: &str) -> Key {
    Key { pk: PROJECT_PREFIX.to_owned(), sk: format!("N#{name}") }
}

pub(crate) fn participant(project: ProjectId, user: UserId) -> Key {
    member_of(&project_partition(project), user)
}

/// That a dataset is in a project: it only lists, for the dataset's own item says so. A grant to the project's members is another item.
pub(crate) fn place_in(project: ProjectId, dataset: DatasetId) -> Key {
    Key { pk: dataset_partition(dataset), sk: project_partition(project) }
}

/// The place of a project in the list of its member.
pub(crate) fn project_rank(at: Timestamp, project: ProjectId) -> String {
    format!("{PROJECT_PREFIX}{:015}#{project}", at.as_millisecond())
}

/// Where somebody's membership lies in the group or project whose head has this partition.
pub(crate) fn member_of(head: &str, user: UserId) -> Key {
    Key { pk: members(head, member_shard(user)), sk: member_key(user) }
}

/// The sort key of a person's membership in any group or project.
pub(crate) fn member_key(user: UserId) -> String {
    format!("{MEMBER_PREFIX}{user}")
}

/// One of the partitions that the memberships of a group or project are spread over.
pub(crate) fn members(head: &str, shard: u8) -> String {
    format!("{head}#{shard:02}")
}

/// Which partition a person's membership lies in: by the id's last random bits.
pub(crate) fn member_shard(user: UserId) -> u8 {
    shard_of(&user.to_string(), MEMBER_SHARDS)
}

/// One of so many partitions, by the last random bits of an id: its last character holds only few.
fn shard_of(id: &str, shards: u8) -> u8 {
    id.bytes().rev().nth(1).unwrap_or_default().checked_rem(shards).unwrap_or_default()
}

/// How many partitions the members of a group or project are spread over.
pub(crate) const MEMBER_SHARDS: u8 = 16;
/// What the sort key of every membership begins with.
pub(crate) const MEMBER_PREFIX: &str = "M#";

pub(crate) fn claim(source: SourceId, path: &ObjectPath) -> Key {
    Key { pk: claims(source), sk: format!("{CLAIM_PREFIX}{}", path.as_str()) }
}

/// The partition of a source and of the claims in it.
pub(crate) fn claims(source: SourceId) -> String {
    format!("S#{source}")
}

/// What the sort key of every claim begins with.
pub(crate) const CLAIM_PREFIX: &str = "D#";

pub(crate) fn source(source: SourceId) -> Key {
    Key::head(claims(source))
}

/// The register of sources: its head counts registrations, so that two of them cannot pass each other unseen.
pub(crate) fn register() -> Key {
    Key::head(REGISTER.to_owned())
}

/// The partition of the register.
pub(crate) const REGISTER: &str = "S#";

pub(crate) fn source_name(name: &SourceName) -> Key {
    Key { pk: REGISTER.to_owned(), sk: format!("N#{}", name.as_str()) }
}

pub(crate) fn user(user: UserId) -> Key {
    Key::head(user_partition(user))
}

/// The partition of a user, and of the user's token pointers and connections; in GSI1, of the user's links and datasets.
pub(crate) fn user_partition(user: UserId) -> String {
    format!("U#{user}")
}

pub(crate) fn founder() -> Key {
    Key::head("U#".to_owned())
}

/// A user's name, which no two have: letters of either case are the same.
pub(crate) fn user_name(name: &str) -> Key {
    Key { pk: "U#".to_owned(), sk: format!("N#{}", name.to_lowercase()) }
}

/// Who a person is at a provider: an issuer and a subject, never an address.
pub(crate) fn identity(issuer: &str, subject: &str) -> Key {
    identity_of(identity_hash(issuer, subject))
}

/// What stands for an issuer and a subject.
pub(crate) fn identity_hash(issuer: &str, subject: &str) -> KeyHash {
    KeyHash::of(&format!("{}:{issuer}{}:{subject}", issuer.len(), subject.len()))
}

pub(crate) fn identity_of(hash: KeyHash) -> Key {
    Key::head(format!("I#{hash}"))
}

pub(crate) fn token(hash: KeyHash) -> Key {
    Key::head(format!("T#{hash}"))
}

pub(crate) fn token_pointer(user: UserId, token: TokenId) -> Key {
    Key { pk: user_partition(user), sk: format!("{TOKEN_PREFIX}{token}") }
}

/// What the sort key of every token pointer begins with.
pub(crate) const TOKEN_PREFIX: &str = "T#";

/// What is between two people, under one of them.
pub(crate) fn connection(of: UserId, with: UserId) -> Key {
    Key { pk: user_partition(of), sk: format!("{CONNECTION_PREFIX}{with}") }
}

/// What the sort key of every connection begins with.
pub(crate) const CONNECTION_PREFIX: &str = "C#";

/// How somebody is written to: beside the person, and never read with the person.
pub(crate) fn mailbox(of: UserId) -> Key {
    Key { pk: user_partition(of), sk: "E".to_owned() }
}

/// One of the partitions that notices are spread over, by whom they are for.
pub(crate) fn outbox(shard: u8) -> String {
    format!("O#{shard}")
}

/// How many partitions the outbox has.
pub(crate) const OUTBOX_SHARDS: u8 = 4;

/// A notice: all of one person's lie in one partition.
pub(crate) fn notice(id: NoticeId) -> Key {
    Key { pk: outbox(shard_of(&id.to.to_string(), OUTBOX_SHARDS)), sk: format!("{}#{}", id.entry.hyphenated(), id.to) }
}

/// What remembers that a person was told of this. Not among the notices, of which the stream tells.
pub(crate) fn told(notice: &Notice) -> Key {
    let Notice { id, by, occasion, .. } = notice;
    let dataset = occasion.dataset().map(|id| id.to_string());
    let about = dataset.or_else(|| occasion.project().map(|id| id.to_string())).or_else(|| occasion.link().map(|id| id.to_string()));
    let about = about.unwrap_or_default();
    let shard = shard_of(&id.to.to_string(), OUTBOX_SHARDS);
    Key { pk: format!("OT#{shard}"), sk: format!("{}#{by}#{}#{about}", id.to, occasion.word()) }
}

/// The notice that a sort key names.
pub(crate) fn notice_of(sk: &str) -> Option<NoticeId> {
    let (entry, to) = sk.split_once('#')?;
    Some(NoticeId { entry: Uuid::parse_str(entry).ok()?, to: UserId::parse(to).ok()? })
}

/// The place of a notice among those that wait, by when it is due.
pub(crate) fn notice_rank(due: Timestamp, notice: &Key) -> String {
    format!("{:015}#{}", due.as_millisecond(), notice.sk)
}

/// Behind the places, in GSI2, of all that is due at an instant.
pub(crate) fn due_until(now: Timestamp) -> String {
    format!("{:015}#~", now.as_millisecond())
}

/// Where what is due in a calendar month (UTC) is listed, in GSI2.
pub(crate) fn due_in(month_of: Timestamp) -> String {
    format!("DUE#{}", month_of.strftime("%Y%m"))
}

/// The place of a link among what is due.
pub(crate) fn due_rank(at: Timestamp, link: LinkId) -> String {
    format!("{:015}#{link}", at.as_millisecond())
}

pub(crate) fn copy(copy: CopyId) -> Key {
    Key::head(format!("{COPY_RANK}{copy}"))
}

/// The place of a copy in the list of whoever had it made.
pub(crate) fn copy_rank(made: Timestamp, copy: CopyId) -> String {
    format!("{COPY_RANK}{:015}#{copy}", made.as_millisecond())
}

/// What the key of every copy, and its place in a list, begins with.
pub(crate) const COPY_RANK: &str = "Y#";

/// Where a copy is listed, in GSI2, while it is under way.
pub(crate) fn copies(copy: CopyId) -> String {
    copies_of_shard(shard_of(&copy.to_string(), COPY_SHARDS))
}

pub(crate) fn copies_of_shard(shard: u8) -> String {
    format!("{COPY_RANK}{shard}")
}

/// How many partitions the copies under way are spread over.
pub(crate) const COPY_SHARDS: u8 = 4;

/// One of the places that a person, or a dataset, has for copies.
pub(crate) fn copy_place(of: &dyn std::fmt::Display, place: u8) -> Key {
    Key { pk: format!("{COPY_RANK}{of}"), sk: place.to_string() }
}

/// What a mail asks, by the hash of what stands in its address.
pub(crate) fn question(nonce: KeyHash) -> Key {
    Key::head(format!("M#{nonce}"))
}

pub(crate) fn once(user: UserId, key: &str) -> Key {
    Key::head(format!("K#{user}#{key}"))
}

pub(crate) fn audit(at: Timestamp, id: Uuid) -> Key {
    let shard = id.as_bytes().last().copied().unwrap_or_default() & (AUDIT_SHARDS - 1);
    Key { pk: audit_partition(at, shard), sk: id.hyphenated().to_string() }
}

pub(crate) fn audit_partition(at: Timestamp, shard: u8) -> String {
    format!("Z#{}#{shard}", at.strftime("%Y%m"))
}

/// Where the links of a dataset are listed, in GSI1.
pub(crate) fn links_of_dataset(dataset: DatasetId) -> String {
    format!("D#{dataset}")
}

/// The place of a link in a list, by the time of its making.
pub(crate) fn link_rank(made: Timestamp, link: LinkId) -> String {
    format!("{LINK_RANK}{:015}#{link}", made.as_millisecond())
}

/// What the place of every link in a list begins with.
pub(crate) const LINK_RANK: &str = "L#";

/// The place of a dataset in the list of its owner, by the time of its registration.
pub(crate) fn dataset_rank(registered: Timestamp, dataset: DatasetId) -> String {
    format!("{DATASET_RANK}{:015}#{dataset}", registered.as_millisecond())
}

/// The place of a grant in the list of its subject, by the time it was given.
pub(crate) fn grant_rank(given: Timestamp, dataset: DatasetId) -> String {
    format!("{GRANT_PREFIX}{:015}#{dataset}", given.as_millisecond())
}

/// Where the grant of a subject on a dataset is listed, in GSI1. Everybody's are spread over [`OPEN_SHARDS`] partitions, by the id's last
/// random bits: they are as many as there are open datasets.
pub(crate) fn grants_of(subject: Subject, dataset: DatasetId) -> String {
    match subject {
        Subject::User(user) => user_partition(user),
        Subject::Group(group) => group_partition(group),
        Subject::Project(project) => project_partition(project),
        Subject::Accounts | Subject::World => open_grants(subject, shard_of(&dataset.to_string(), OPEN_SHARDS)),
    }
}

/// Every partition in which grants of a subject are listed, in GSI1.
pub(crate) fn all_grants_of(subject: Subject) -> Vec<String> {
    match subject {
        Subject::User(user) => vec![user_partition(user)],
        Subject::Group(group) => vec![format!("G#{group}")],
        Subject::Project(project) => vec![format!("P#{project}")],
        Subject::Accounts | Subject::World => (0..OPEN_SHARDS).map(|shard| open_grants(subject, shard)).collect(),
    }
}

/// How many partitions what is open to everybody is listed in.
const OPEN_SHARDS: u8 = 8;

fn open_grants(subject: Subject, shard: u8) -> String {
    format!("{GRANT_PREFIX}{}#{shard}", subject_text(subject))
}

/// The place of a membership in the list of its member.
pub(crate) fn group_rank(at: Timestamp, group: GroupId) -> String {
    format!("{GROUP_RANK}{:015}#{group}", at.as_millisecond())
}

/// What the place of every group in a list begins with.
pub(crate) const GROUP_RANK: &str = "G#";

/// What the place of every dataset in a list begins with.
pub(crate) const DATASET_RANK: &str = "D#";

pub(crate) fn terms(terms: TermsId) -> Key {
    Key::head(format!("V#{terms}"))
}

pub(crate) fn link_set(set: LinkSetId) -> Key {
    Key::head(format!("{LINK_SET_RANK}{set}"))
}

/// The place of a link set in the list of its maker.
pub(crate) fn link_set_rank(made: Timestamp, set: LinkSetId) -> String {
    format!("{LINK_SET_RANK}{:015}#{set}", made.as_millisecond())
}

/// What the key of every link set, and its place in a list, begins with.
pub(crate) const LINK_SET_RANK: &str = "J#";

/// What a code stands for. Upper case and digits: none is a clone's id, which begins in lower case.
pub(crate) fn code(code: Code) -> Key {
    Key::head(format!("{CLONE_RANK}{code}"))
}

/// A reference clone.
pub(crate) fn clone(clone: CloneId) -> Key {
    Key::head(format!("{CLONE_RANK}{clone}"))
}

/// The place of a clone in the list of its owner.
pub(crate) fn clone_rank(made: Timestamp, clone: CloneId) -> String {
    format!("{CLONE_RANK}{:015}#{clone}", made.as_millisecond())
}

/// What the key of every clone, and its place in a list, begins with.
pub(crate) const CLONE_RANK: &str = "C#";

/// What waits for an address, or a person, on a dataset or in a project: ids of either begin differently.
pub(crate) fn invitation(to: Invitee, target: Target) -> Key {
    Key { pk: invitations(to), sk: invitation_sort_key(target) }
}

fn invitation_sort_key(target: Target) -> String {
    match target {
        Target::Dataset(dataset) => format!("{INVITATION_PREFIX}{dataset}"),
        Target::Project(project) => format!("{INVITATION_PREFIX}{project}"),
    }
}

/// The partition of all that waits for an address; of what waits for a person, it is the person's.
pub(crate) fn invitations(to: Invitee) -> String {
    match to {
        Invitee::Address(address) => format!("E#{address}"),
        Invitee::Person(person) => user_partition(person),
    }
}

/// What the sort key of every invitation begins with.
pub(crate) const INVITATION_PREFIX: &str = "N#";

/// Where what waits for somebody on a dataset, or in a project, is listed, in GSI1.
pub(crate) fn invitations_on(target: Target) -> String {
    match target {
        Target::Dataset(dataset) => dataset_partition(dataset),
        Target::Project(project) => project_partition(project),
    }
}

/// The place of an invitation in the list of its dataset or project, by the time it was sent.
pub(crate) fn invitation_rank(sent: Timestamp, to: Invitee) -> String {
    let millis = sent.as_millisecond();
    match to {
        Invitee::Address(address) => format!("{INVITATION_RANK}{millis:015}#{address}"),
        Invitee::Person(person) => format!("{INVITATION_RANK}{millis:015}#{person}"),
    }
}

/// For whom the invitation of a place in a list waits.
pub(crate) fn invitee_of(rank: &str) -> Option<Invitee> {
    let id = id_of_rank(rank, INVITATION_RANK)?;
    UserId::parse(id).map(Invitee::Person).ok().or_else(|| EmailHash::parse(id).map(Invitee::Address).ok())
}

/// What an invitation's sort key is to, or the id in it.
pub(crate) fn target_of(text: &str) -> Option<Target> {
    let id = text.strip_prefix(INVITATION_PREFIX).unwrap_or(text);
    DatasetId::parse(id).map(Target::Dataset).ok().or_else(|| ProjectId::parse(id).map(Target::Project).ok())
}

/// What the place of every invitation in a list begins with.
pub(crate) const INVITATION_RANK: &str = "E#";

/// A request on a dataset, by when it was made: the latest of a kind comes last. It lies under the same sort key in the list of whoever answers it.
pub(crate) fn request(kind: &str, dataset: DatasetId, made: Timestamp, request: RequestId) -> Key {
    Key { pk: dataset_partition(dataset), sk: format!("{kind}{:015}#{request}", made.as_millisecond()) }
}

/// What the sort key of every offer begins with. Requests of another kind have another word here.
pub(crate) const TRANSFERS: &str = "Q#transfer#";
/// What the sort key of every request for the curators' mark begins with.
pub(crate) const CURATIONS: &str = "Q#curation#";
/// Where those are listed, in GSI1, that wait for a curator: one partition, for they are few, and the oldest comes first.
pub(crate) const CURATION_QUEUE: &str = "Q#curation";
/// What the sort key of every opening that was asked for begins with.
pub(crate) const OPENINGS: &str = "Q#opening#";
/// Where those are listed, in GSI1, that wait for a second person: as those for a curator.
pub(crate) const OPENING_QUEUE: &str = "Q#opening";

/// The curators' mark on a dataset.
pub(crate) fn mark(dataset: DatasetId) -> Key {
    Key { pk: dataset_partition(dataset), sk: "Y".to_owned() }
}

/// The place of a mark in the list of all, by the time it was set.
pub(crate) fn mark_rank(set: Timestamp, dataset: DatasetId) -> String {
    format!("{MARK_RANK}{:015}#{dataset}", set.as_millisecond())
}

/// What the place of every mark in a list begins with.
pub(crate) const MARK_RANK: &str = "Y#";

/// Where the mark on a dataset is listed, in GSI1.
pub(crate) fn marks_of(dataset: DatasetId) -> String {
    marks(shard_of(&dataset.to_string(), OPEN_SHARDS))
}

/// Every partition in which marks are listed, in GSI1.
pub(crate) fn all_marks() -> Vec<String> {
    (0..OPEN_SHARDS).map(marks).collect()
}

fn marks(shard: u8) -> String {
    format!("{MARK_RANK}{shard}")
}

/// How many invitations a person has sent on a day (UTC).
pub(crate) fn invitations_sent(user: UserId, at: Timestamp) -> Key {
    rate("invitation", user, at)
}

/// How many requests for a connection a person has made on a day (UTC).
pub(crate) fn connections_asked(user: UserId, at: Timestamp) -> Key {
    rate("connection", user, at)
}

fn rate(what: &str, user: UserId, at: Timestamp) -> Key {
    Key { pk: format!("R#{what}#{user}"), sk: at.strftime("%Y%m%d").to_string() }
}

/// The id at the end of a place in a list.
pub(crate) fn id_of_rank<'a>(rank: &'a str, prefix: &str) -> Option<&'a str> {
    let (made, id) = rank.strip_prefix(prefix)?.split_once('#')?;
    (made.len() == 15 && made.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    /// Keys never change: an item under another key is another item.
    #[test]
    fn the_shape_of_every_key() {
        let (id, hash) = (Uuid::from_u128(7), KeyHash::of("x"));
        let at = Timestamp::from_millisecond(1_767_225_599_999).unwrap();
        let (link_, dataset_, source_) = (LinkId::new(id), DatasetId::new(id), SourceId::new(id));
        let (user_, token_, group_, project_) = (UserId::new(id), TokenId::new(id), GroupId::new(id), ProjectId::new(id));
        let path = ObjectPath::from_decoded("exp #3/50% +é.ome.zarr/").unwrap();
        for (key, pk, sk) in [
            (link(hash), "L#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (tombstone(hash), "L#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "X"),
            (password(hash), "W#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (tries(hash), "R#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (link_pointer(dataset_, link_), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "L#laaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (link_id(link_), "N#laaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (link_options(hash), "H#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (dataset(dataset_), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (claim(source_, &path), "S#saaaaaaaaaaaaaaaaaaaaaaaaa4", "D#exp #3/50% +é.ome.zarr/"),
            (claim(source_, &ObjectPath::default()), "S#saaaaaaaaaaaaaaaaaaaaaaaaa4", "D#"),
            (source(source_), "S#saaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (register(), "S#", "#"),
            (source_name(&SourceName::parse("lab-raw").unwrap()), "S#", "N#lab-raw"),
            (user(user_), "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (founder(), "U#", "#"),
            (token(hash), "T#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (token_pointer(user_, token_), "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "T#taaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (connection(user_, UserId::new(Uuid::nil())), "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "C#uaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            (connections_asked(user_, at), "R#connection#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "20251231"),
            (once(user_, "a#b"), "K#uaaaaaaaaaaaaaaaaaaaaaaaaa4#a#b", "#"),
            (grant(dataset_, Subject::User(user_)), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "A#U#uaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (grant(dataset_, Subject::Group(group_)), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "A#G#gaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (grant(dataset_, Subject::Accounts), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "A#ANY"),
            (grant(dataset_, Subject::World), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "A#WORLD"),
            (
                request(TRANSFERS, dataset_, at, RequestId::new(id)),
                "D#daaaaaaaaaaaaaaaaaaaaaaaaa4",
                "Q#transfer#001767225599999#qaaaaaaaaaaaaaaaaaaaaaaaaa4",
            ),
            (
                request(CURATIONS, dataset_, at, RequestId::new(id)),
                "D#daaaaaaaaaaaaaaaaaaaaaaaaa4",
                "Q#curation#001767225599999#qaaaaaaaaaaaaaaaaaaaaaaaaa4",
            ),
            (
                request(OPENINGS, dataset_, at, RequestId::new(id)),
                "D#daaaaaaaaaaaaaaaaaaaaaaaaa4",
                "Q#opening#001767225599999#qaaaaaaaaaaaaaaaaaaaaaaaaa4",
            ),
            (mark(dataset_), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "Y"),
            (block(source_, user_), "S#saaaaaaaaaaaaaaaaaaaaaaaaa4", "B#uaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (group(group_), "G#gaaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (group_name("imaging"), "G#", "N#imaging"),
            (member(group_, user_), "G#gaaaaaaaaaaaaaaaaaaaaaaaaa4#01", "M#uaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (project(project_), "P#paaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (project_name("retina"), "P#", "N#retina"),
            (participant(project_, user_), "P#paaaaaaaaaaaaaaaaaaaaaaaaa4#01", "M#uaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (place_in(project_, dataset_), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "P#paaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (grant(dataset_, Subject::Project(project_)), "D#daaaaaaaaaaaaaaaaaaaaaaaaa4", "A#P#paaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (code(Code::new([0; 5])), "C#00000000", "#"),
            (clone(CloneId::new(id)), "C#caaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (link_set(LinkSetId::new(id)), "J#jaaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (
                invitation(Invitee::Person(user_), Target::Dataset(dataset_)),
                "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4",
                "N#daaaaaaaaaaaaaaaaaaaaaaaaa4",
            ),
            (
                invitation(Invitee::Person(user_), Target::Project(project_)),
                "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4",
                "N#paaaaaaaaaaaaaaaaaaaaaaaaa4",
            ),
            (copy(CopyId::new(id)), "Y#yaaaaaaaaaaaaaaaaaaaaaaaaa4", "#"),
            (copy_place(&dataset_, 3), "Y#daaaaaaaaaaaaaaaaaaaaaaaaa4", "3"),
            (user_name("Ada"), "U#", "N#ada"),
            (question(hash), "M#fvyrmqvxe2yeialcpsu7xlbs6xefgd5rsa6mjwycewdrpeq2jcaq", "#"),
            (mailbox(user_), "U#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "E"),
            (notice(NoticeId { entry: id, to: user_ }), "O#1", "00000000-0000-0000-0000-000000000007#uaaaaaaaaaaaaaaaaaaaaaaaaa4"),
            (audit(at, id), "Z#202512#7", "00000000-0000-0000-0000-000000000007"),
        ] {
            assert_eq!((key.pk.as_str(), key.sk.as_str()), (pk, sk));
        }
        assert_eq!(link_rank(at, link_), "L#001767225599999#laaaaaaaaaaaaaaaaaaaaaaaaa4");
        assert_eq!((due_in(at).as_str(), due_rank(at, link_).as_str()), ("DUE#202512", "001767225599999#laaaaaaaaaaaaaaaaaaaaaaaaa4"));
        assert!(due_rank(at, link_) < due_until(at) && due_until(at) < due_rank(at + SignedDuration::from_millis(1), link_));
        assert_eq!(dataset_rank(at, dataset_), "D#001767225599999#daaaaaaaaaaaaaaaaaaaaaaaaa4");
        let to = Invitee::Person(user_);
        assert_eq!(invitee_of(&invitation_rank(at, to)), Some(to));
        for target in [Target::Dataset(dataset_), Target::Project(project_)] {
            assert_eq!(target_of(&invitation(to, target).sk), Some(target));
        }
        let noted = NoticeId { entry: id, to: user_ };
        assert_eq!(notice_of(&notice(noted).sk), Some(noted));
        assert!(
            notice_rank(at, &notice(noted)) < due_until(at)
                && due_until(at) < notice_rank(at + SignedDuration::from_millis(1), &notice(noted))
        );
        assert_eq!(id_of_rank(&link_rank(at, link_), LINK_RANK), Some("laaaaaaaaaaaaaaaaaaaaaaaaa4"));
        assert_eq!(mark_rank(at, dataset_), "Y#001767225599999#daaaaaaaaaaaaaaaaaaaaaaaaa4");
        assert!(all_marks().contains(&marks_of(dataset_)));
        let [from, to] = COLLECTIVE_GRANTS;
        for subject in [Subject::User(user_), Subject::Group(group_), Subject::Project(project_), Subject::Accounts, Subject::World] {
            let sk = grant(dataset_, subject).sk;
            assert_eq!(subject_of(&sk), Some(subject));
            let is_collective = matches!(subject, Subject::Group(_) | Subject::Project(_));
            assert_eq!(from <= sk.as_str() && sk.as_str() <= to, is_collective, "{sk}");
        }
        for odd in ["A#", "A#X", "A#U#", "A#G#uaaaaaaaaaaaaaaaaaaaaaaaaa4", "L#ANY", "A#ANY#"] {
            assert_eq!(subject_of(odd), None, "{odd}");
        }
        for odd in ["", "L#", "L#1#x", "D#001767225599999#x", "L#00176722559999x#y"] {
            assert_eq!(id_of_rank(odd, LINK_RANK), None, "{odd}");
        }
    }
}
