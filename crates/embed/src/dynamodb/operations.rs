//! The operations by name: JSON in, JSON out. Which ones: those that `dynoxide` has and an SDK asks for.

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tokens::Tokens;

/// Runs `operation`; `None` for a name that is not known. Blocks for the disk.
pub(super) fn run(database: &Database, tokens: &Tokens, operation: &str, body: &[u8]) -> Option<(StatusCode, Bytes)> {
    let done = match operation {
        "BatchGetItem" => call(body, |asked| database.batch_get_item(asked)),
        "BatchWriteItem" => call(body, |asked| database.batch_write_item(asked)),
        "CreateTable" => call(body, |asked| database.create_table(asked)),
        "DeleteItem" => call(body, |asked| database.delete_item(asked)),
        "DeleteTable" => call(body, |asked| database.delete_table(asked)),
        "DescribeStream" => call(body, |asked| database.describe_stream(asked)),
        "DescribeTable" => call(body, |asked| database.describe_table(asked)),
        "DescribeTimeToLive" => call(body, |asked| database.describe_time_to_live(asked)),
        "GetItem" => call(body, |asked| database.get_item(asked)),
        "GetRecords" => call(body, |asked| database.get_records(asked)),
        "GetShardIterator" => call(body, |asked| database.get_shard_iterator(asked)),
        "ListStreams" => call(body, |asked| database.list_streams(asked)),
        "ListTables" => call(body, |asked| database.list_tables(asked)),
        "ListTagsOfResource" => call(body, |asked| database.list_tags_of_resource(asked)),
        "PutItem" => call(body, |asked| database.put_item(asked)),
        "Query" => call(body, |asked| database.query(asked)),
        "Scan" => call(body, |asked| database.scan(asked)),
        "TagResource" => call(body, |asked| database.tag_resource(asked)),
        "TransactGetItems" => call(body, |asked| database.transact_get_items(asked)),
        "TransactWriteItems" => {
            read(body).and_then(|asked| tokens.once(asked, body, |asked| written(&database.transact_write_items(asked)?)))
        }
        "UntagResource" => call(body, |asked| database.untag_resource(asked)),
        "UpdateItem" => call(body, |asked| database.update_item(asked)),
        "UpdateTable" => call(body, |asked| database.update_table(asked)),
        "UpdateTimeToLive" => call(body, |asked| database.update_time_to_live(asked)),
        _ => return None,
    };
    Some(match done {
        Ok(json) => (StatusCode::OK, Bytes::from(json)),
        Err(why) => {
            let status = StatusCode::from_u16(why.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Bytes::from(why.to_json()))
        }
    })
}

/// Reads the request, runs it, writes the answer.
fn call<Asked: DeserializeOwned, Answered: Serialize>(
    body: &[u8],
    run: impl FnOnce(Asked) -> Result<Answered, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    written(&run(read(body)?)?)
}

fn read<Asked: DeserializeOwned>(body: &[u8]) -> Result<Asked, DynoxideError> {
    serde_json::from_slice(body).map_err(|why| unreadable(&why))
}

fn written(answered: &impl Serialize) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(answered).map_err(|why| DynoxideError::InternalServerError(why.to_string()))
}

/// A request that cannot be read, in `DynamoDB`'s class for it.
///
/// `dynoxide` marks the class at the front of its own messages, and the JSON reader adds the place at their end;
/// neither belongs on the wire.
fn unreadable(why: &serde_json::Error) -> DynoxideError {
    let text = why.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _place)| message);
    match text.split_once(':') {
        Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", message)) => {
            DynoxideError::ValidationException(message.to_owned())
        }
        Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", message)) => DynoxideError::SerializationException(message.to_owned()),
        _ if why.is_data() => DynoxideError::ValidationException(text.to_owned()),
        _ => DynoxideError::SerializationException(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_cannot_be_read_is_refused_in_plain_words() {
        let (database, tokens) = (Database::memory().unwrap(), Tokens::default());
        for (operation, body, kind, message) in [
            ("DescribeTable", "{\"TableName\": \"t\"", "SerializationException", ""),
            ("PutItem", "not json", "SerializationException", ""),
            ("CreateTable", "{\"TableName\": \"t\"}", "ValidationException", "1 validation error detected"),
            ("GetItem", "{\"TableName\": \"table\", \"Key\": {\"pk\": {\"X\": \"1\"}}}", "Exception", ""),
        ] {
            let (status, json) = run(&database, &tokens, operation, body.as_bytes()).unwrap();
            let text = String::from_utf8(json.to_vec()).unwrap();
            assert_eq!(status, 400, "{operation} {text}");
            assert!(text.contains(kind) && text.contains(message), "{operation} {text}");
            assert!(!text.contains("VALIDATION") && !text.contains("SERIALIZATION") && !text.contains(" at line "), "{text}");
        }
        assert!(run(&database, &tokens, "NoSuchOperation", b"{}").is_none());
    }
}
