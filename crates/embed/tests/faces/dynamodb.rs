//! The `DynamoDB` face through aws-sdk-dynamodb: what `table` will ask of it, and who is let in (SECURITY T44).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, Delete, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    KeysAndAttributes, Projection, ProjectionType, Put, ReturnValue, ScalarAttributeType, TableStatus, TimeToLiveSpecification,
    TimeToLiveStatus, TransactWriteItem,
};
use embed::dynamodb::{Store, StoreError, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::part::keys;

struct Table {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), StoreError>>,
}

impl Table {
    async fn over(store: Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, store, keys(), async move { drop(stopped.await) }));
        Self { address, stop, served }
    }

    fn client_with(&self, access_key_id: &str, secret: &str) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(Credentials::new(access_key_id, secret, None, None, "test"));
        Client::from_conf(config.build())
    }

    fn client(&self) -> Client {
        self.client_with(&keys().access_key_id, &keys().secret_access_key)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn item(pk: &str, sk: &str, more: &[(&str, AttributeValue)]) -> HashMap<String, AttributeValue> {
    let mut item = HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
    item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    item
}

async fn create(client: &Client) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = |name: &str| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(&format!("{name}pk"), KeyType::Hash))
            .key_schema(key(&format!("{name}sk"), KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .unwrap()
    };
    let mut create = client.create_table().table_name("table").billing_mode(BillingMode::PayPerRequest);
    for name in ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"] {
        let of = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
        create = create.attribute_definitions(of);
    }
    create = create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    create.global_secondary_indexes(index("gsi1")).global_secondary_indexes(index("gsi2")).send().await.unwrap();
}

#[tokio::test]
async fn the_sdk_finds_what_the_product_needs() {
    let table = Table::over(Store::memory().unwrap()).await;
    let client = table.client();
    create(&client).await;
    let described = client.describe_table().table_name("table").send().await.unwrap().table.unwrap();
    assert_eq!(described.table_status(), Some(&TableStatus::Active));
    assert_eq!(described.global_secondary_indexes().len(), 2);
    assert!(client.describe_table().table_name("none").send().await.unwrap_err().into_service_error().is_resource_not_found_exception());

    // A conditional put, and its refusal with the old item.
    let link = item("L#1", "#", &[("gsi1pk", text("U#1")), ("gsi1sk", text("L#1")), ("version", AttributeValue::N("1".to_owned()))]);
    let put = client.put_item().table_name("table").condition_expression("attribute_not_exists(pk)");
    put.clone().set_item(Some(link.clone())).send().await.unwrap();
    let again = put.set_item(Some(link.clone())).send().await.unwrap_err().into_service_error();
    assert!(again.is_conditional_check_failed_exception());
    let update = client.update_item().table_name("table").key("pk", text("L#1")).key("sk", text("#"));
    let update = update.update_expression("SET version = version + :one").condition_expression("version = :seen");
    let update = update.expression_attribute_values(":one", AttributeValue::N("1".to_owned())).return_values(ReturnValue::AllNew);
    let updated = update.clone().expression_attribute_values(":seen", AttributeValue::N("1".to_owned())).send().await.unwrap();
    assert_eq!(updated.attributes.unwrap()["version"], AttributeValue::N("2".to_owned()));
    let stale = update.expression_attribute_values(":seen", AttributeValue::N("1".to_owned())).send().await.unwrap_err();
    assert_eq!(stale.into_service_error().code(), Some("ConditionalCheckFailedException"));

    // Queries, by table (consistent, paged) and by index.
    for number in 0..7 {
        let row = item("D#1", &format!("G#{number}"), &[("gsi2pk", text("DUE#202501")), ("gsi2sk", text(&number.to_string()))]);
        client.put_item().table_name("table").set_item(Some(row)).send().await.unwrap();
    }
    let query = client.query().table_name("table").key_condition_expression("pk = :pk AND begins_with(sk, :g)").consistent_read(true);
    let query = query.expression_attribute_values(":pk", text("D#1")).expression_attribute_values(":g", text("G#")).limit(3);
    let pages: Vec<_> = query.into_paginator().send().try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.items().len()).sum::<usize>(), 7);
    assert!(pages.len() >= 3);
    let due = client.query().table_name("table").index_name("gsi2").key_condition_expression("gsi2pk = :m").scan_index_forward(false);
    let due = due.expression_attribute_values(":m", text("DUE#202501")).send().await.unwrap();
    assert_eq!(due.items().first().unwrap()["gsi2sk"], text("6"));

    // A batch of reads, one of them absent.
    let wanted = KeysAndAttributes::builder().consistent_read(true).keys(item("L#1", "#", &[])).keys(item("D#1", "G#0", &[])).keys(item(
        "D#1",
        "none",
        &[],
    ));
    let got = client.batch_get_item().request_items("table", wanted.build().unwrap()).send().await.unwrap();
    assert_eq!(got.responses.unwrap()["table"].len(), 2);
    assert!(got.unprocessed_keys.unwrap_or_default().is_empty());

    // Time to live.
    let spec = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
    client.update_time_to_live().table_name("table").time_to_live_specification(spec).send().await.unwrap();
    let ttl = client.describe_time_to_live().table_name("table").send().await.unwrap().time_to_live_description.unwrap();
    assert_eq!(ttl.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["table"]);

    let unknown = client.describe_continuous_backups().table_name("table").send().await.unwrap_err().into_service_error();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
    table.stop().await;
}

#[tokio::test]
async fn transactions_are_whole_idempotent_and_say_why_they_fail() {
    let table = Table::over(Store::memory().unwrap()).await;
    let client = table.client();
    create(&client).await;
    let put = |pk: &str| {
        let put = Put::builder().table_name("table").set_item(Some(item(pk, "#", &[]))).condition_expression("attribute_not_exists(pk)");
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let check = |pk: &str| {
        let check =
            ConditionCheck::builder().table_name("table").set_key(Some(item(pk, "#", &[]))).condition_expression("attribute_exists(pk)");
        TransactWriteItem::builder().condition_check(check.build().unwrap()).build()
    };
    let delete = |pk: &str| {
        let delete = Delete::builder().table_name("table").set_key(Some(item(pk, "#", &[])));
        TransactWriteItem::builder().delete(delete.build().unwrap()).build()
    };
    let once = client.transact_write_items().client_request_token("token-1").transact_items(put("A")).transact_items(put("B"));
    once.clone().send().await.unwrap();
    once.send().await.expect("the same token again is the same transaction, done");
    let other = client.transact_write_items().client_request_token("token-1").transact_items(put("C")).send().await.unwrap_err();
    assert!(other.into_service_error().is_idempotent_parameter_mismatch_exception());

    let refused = client
        .transact_write_items()
        .transact_items(put("D"))
        .transact_items(put("A"))
        .transact_items(check("none"))
        .transact_items(delete("B"));
    let refused = refused.send().await.unwrap_err().into_service_error();
    let reasons = match refused {
        aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(why) => why,
        other => panic!("{other:?}"),
    };
    let codes: Vec<_> = reasons.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("")).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "ConditionalCheckFailed", "None"]);
    let there = async |pk: &str| {
        let got = client.get_item().table_name("table").set_key(Some(item(pk, "#", &[]))).consistent_read(true).send().await.unwrap();
        got.item.is_some()
    };
    assert!(there("A").await && there("B").await && !there("C").await && !there("D").await);
    table.stop().await;
}

#[tokio::test]
async fn a_file_keeps_its_items_and_belongs_to_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.db");
    let table = Table::over(Store::open(&path).unwrap()).await;
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
    let client = table.client();
    create(&client).await;
    client
        .put_item()
        .table_name("table")
        .set_item(Some(item("A", "#", &[("gsi1pk", text("U")), ("gsi1sk", text("A"))])))
        .send()
        .await
        .unwrap();
    let spec = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
    client.update_time_to_live().table_name("table").time_to_live_specification(spec).send().await.unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    for (pk, ttl) in [("OLD", now - 60), ("NEW", now + 3600)] {
        let row = item(pk, "#", &[("ttl", AttributeValue::N(ttl.to_string()))]);
        client.put_item().table_name("table").set_item(Some(row)).send().await.unwrap();
    }
    // An answered write is in the files before any clean end: a copy of them as they lie has it.
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["table.db", "table.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.join(name)).unwrap();
    }
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?} is open to others", entry.file_name());
    }
    table.stop().await;

    for path in [path, copy.join("table.db")] {
        let table = Table::over(Store::open(&path).unwrap()).await;
        let client = table.client();
        let get = async |pk: &str| {
            client.get_item().table_name("table").set_key(Some(item(pk, "#", &[]))).consistent_read(true).send().await.unwrap().item
        };
        assert!(get("A").await.is_some() && get("NEW").await.is_some());
        let by_index = client.query().table_name("table").index_name("gsi1").key_condition_expression("gsi1pk = :u");
        assert_eq!(by_index.expression_attribute_values(":u", text("U")).send().await.unwrap().count(), 1);
        let mut tries = 0;
        while get("OLD").await.is_some() {
            tries += 1;
            assert!(tries < 100, "an expired item is not swept at the start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(get("NEW").await.is_some());
        table.stop().await;
    }
    assert!(matches!(Store::open(&folder.path().join("no/such/folder.db")), Err(StoreError::File { .. })));
}

#[tokio::test]
async fn only_who_signs_with_the_keys_is_let_in() {
    let table = Table::over(Store::memory().unwrap()).await;
    create(&table.client()).await;
    for (what, id, secret, code) in [
        ("another access key", "AKIDOTHER", keys().secret_access_key, "UnrecognizedClientException"),
        ("no real access key", "test", "test".to_owned(), "UnrecognizedClientException"),
        ("our access key, as signed URLs show it, without the secret", "AKIDEMBED", "guess".to_owned(), "InvalidSignatureException"),
    ] {
        let why = table.client_with(id, &secret).list_tables().send().await.unwrap_err();
        assert_eq!(why.raw_response().map(|answer| answer.status().as_u16()), Some(403), "{what}");
        assert_eq!(why.into_service_error().code(), Some(code), "{what}");
    }
    let http = reqwest::Client::new();
    let url = format!("http://{}/", table.address);
    let ask = || {
        http.post(&url)
            .header("x-amz-target", "DynamoDB_20120810.ListTables")
            .header("content-type", "application/x-amz-json-1.0")
            .body("{}")
    };
    for (what, request) in [
        ("unsigned", ask()),
        ("Bearer", ask().header("authorization", "Bearer AKIDEMBED")),
        ("an access key inside another", ask().header("authorization", "AWS4-HMAC-SHA256 Credential=x/AKIDEMBED/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00")),
        ("a signature that is made up", ask().header("x-amz-date", "20250101T000000Z").header("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEMBED/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=00")),
        ("a browser's preflight", http.request(reqwest::Method::OPTIONS, &url).header("origin", "https://a.example")),
        ("a look", http.get(&url)),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403, "{what}");
        assert!(answer.headers().get("access-control-allow-origin").is_none(), "{what}");
        assert!(answer.text().await.unwrap().contains("__type"), "{what}");
    }
    table.stop().await;
}
