//! Who gets what: people, groups, grants, visibility, restricted parts; and the questions about it.

use domain::{
    dataset::{Dataset, Kind},
    token::Scope,
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    invitations::vouching,
    start,
    support::{Answer, Person, TestApp},
};

/// A dataset of Ada's, and its address in the API.
async fn shared(app: &TestApp) -> (Dataset, String) {
    let dataset = app.a_dataset("fused.ome.zarr", Kind::Zarr, 50).await;
    let address = format!("/api/v1/datasets/{}", dataset.id);
    (dataset, address)
}

async fn give(app: &TestApp, address: &str, by: &Person, to: &str, role: &str) -> Answer {
    app.post(&format!("{address}/grants"), &by.token, json!({ "to": to, "role": role })).await
}

async fn withdraw(app: &TestApp, address: &str, by: &Person, to: &str) -> Answer {
    app.post(&format!("{address}/grants/withdraw"), &by.token, json!({ "to": to, "reason": "over" })).await
}

async fn rights(app: &TestApp, address: &str, who: &Person) -> Vec<String> {
    let answer = app.get(address, &who.token).await;
    let words = answer.json["rights"].as_array().cloned().unwrap_or_default();
    words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Nia, whom an administrator made and who signed in by her code.
async fn nia(app: &TestApp) -> Value {
    let invited = app.post("/api/v1/users", &app.ada.token, json!({ "name": "Nia" })).await.is(201);
    app.post("/api/v1/sign-in", "", json!({ "code": invited.text("/code") })).await.is(200).json
}

#[tokio::test]
async fn a_grant_opens_a_dataset_for_one_person_and_its_withdrawal_closes_it() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    let given = give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    assert_eq!(
        (given.text("/to"), given.text("/name"), given.text("/state")),
        (format!("user:{}", app.eve.user.id).as_str(), "Eve", "active")
    );
    assert_eq!(rights(&app, &address, &app.eve).await, ["discover", "meta", "coarse", "list", "read"]);
    give(&app, &address, &app.ada, "user:eve", "view").await.is(200);
    let listed = app.get(&format!("{address}/grants"), &app.ada.token).await.is(200);
    assert_eq!(listed.json["items"], json!([given.json]));
    let mine = app.get("/api/v1/me/shared", &app.eve.token).await.is(200);
    assert_eq!(mine.json["items"][0]["id"], dataset.id.to_string());
    assert_eq!(app.get("/api/v1/datasets", &app.eve.token).await.is(200).json["items"], json!([]), "she owns nothing");

    let taken = withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    assert_eq!((taken.text("/grant/state"), &taken.json["remains"]), ("withdrawn", &json!([])));
    assert!(taken.text("/enforced_by") > app.now().to_string().as_str());
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    assert_eq!(app.get("/api/v1/me/shared", &app.eve.token).await.is(200).json["items"], json!([]));
    let again = give(&app, &address, &app.ada, "user:Eve", "download").await.is(201);
    assert_eq!(again.json["version"], 3, "what was withdrawn is changed, not made anew");
    assert_eq!(rights(&app, &address, &app.eve).await.last().map(String::as_str), Some("clone-files"));
}

#[tokio::test]
async fn other_terms_replace_those_there_only_by_the_version_that_was_read() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let given = give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    let etag = given.headers["etag"].to_str().unwrap().to_owned();
    let refused = give(&app, &address, &app.ada, "user:Eve", "full").await;
    refused.refuses(409, "exists", "");
    let ask = json!({ "to": "user:Eve", "role": "full", "until": "30d" }).to_string();
    let send = |tag: String| {
        let (app, address, ask) = (&app, &address, ask.clone());
        async move { app.send("POST", &format!("{address}/grants"), &app.ada.token, &[("if-match", tag.as_str())], ask).await }
    };
    send("\"7\"".to_owned()).await.refuses(412, "stale", "");
    let changed = send(etag.clone()).await.is(200);
    assert_eq!((changed.text("/role"), &changed.json["version"]), ("full", &json!(2)));
    assert!(!changed.text("/until").is_empty());
    send(etag).await.refuses(412, "stale", "");
    assert_eq!((given.json.get("enforced_by"), changed.json.get("enforced_by").is_some()), (None, true), "a new end takes something away");
    let ask = json!({ "to": "user:Eve", "role": "preview" }).to_string();
    for _time in 0..2 {
        let narrowed = app.send("POST", &format!("{address}/grants"), &app.ada.token, &[("if-match", "\"2\"")], ask.clone()).await.is(200);
        assert!(!narrowed.text("/enforced_by").is_empty(), "said again where the first reply was lost");
    }
    let ask = json!({ "to": "user:Eve", "role": "view", "until": "30d" }).to_string();
    let headers = [("if-match", "\"3\""), ("idempotency-key", "once")];
    for _time in 0..2 {
        let given = app.send("POST", &format!("{address}/grants"), &app.ada.token, &headers, ask.clone()).await.is(200);
        assert_eq!(given.json["version"], 4, "the same request again, on the version that it names");
    }
    let ask = json!({ "to": "user:Eve", "role": "view" }).to_string();
    let widened = app.send("POST", &format!("{address}/grants"), &app.ada.token, &[("if-match", "*")], ask).await.is(200);
    assert_eq!(widened.json.get("enforced_by"), None);
}

// ACCESS R1 to R3
#[tokio::test]
async fn nobody_gives_more_than_he_has_nor_to_himself() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let nia = nia(&app).await;
    let nia_token = nia["session"]["secret"].as_str().unwrap();
    give(&app, &address, &app.eve, "user:Nia", "view").await.refuses(404, "not-found", "");
    give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    give(&app, &address, &app.eve, "user:Nia", "view").await.refuses(403, "not-allowed", "");
    let manager = json!({ "to": "user:Eve", "role": "manager", "until": "10d" }).to_string();
    app.send("POST", &format!("{address}/grants"), &app.ada.token, &[("if-match", "*")], manager).await.is(200);
    let by_eve = async |ask: Value| app.post(&format!("{address}/grants"), &app.eve.token, ask).await;
    by_eve(json!({ "to": "user:Nia", "role": "view" })).await.refuses(403, "more-than-giver", "");
    by_eve(json!({ "to": "user:Nia", "role": "view", "until": "11d" })).await.refuses(403, "more-than-giver", "");
    by_eve(json!({ "to": "user:Eve", "role": "view", "until": "1d" })).await.refuses(403, "to-oneself", "/to");
    by_eve(json!({ "to": "user:Nia", "role": "owner", "until": "1d" })).await.refuses(422, "ownership", "/role");
    by_eve(json!({ "to": "world", "role": "manager" })).await.refuses(422, "more-than-public", "/role");
    by_eve(json!({ "to": "user:Nia", "role": "preview", "may_share": true, "until": "1d" })).await.refuses(
        422,
        "share-preview",
        "/may_share",
    );
    by_eve(json!({ "to": "user:Nia", "role": "view", "until": "2001-01-01" })).await.refuses(422, "never-counts", "/until");
    by_eve(json!({ "to": "user:Nobody", "role": "view" })).await.refuses(422, "no-such-user", "/to");
    by_eve(json!({ "to": "group:nobody", "role": "view" })).await.refuses(422, "no-such-group", "/to");
    by_eve(json!({ "to": "Nia", "role": "view" })).await.refuses(422, "subject", "/to");
    by_eve(json!({ "to": "user:Nia", "role": "boss" })).await.refuses(422, "grant-role", "/role");
    by_eve(json!({ "to": "user:Nia", "role": "view", "zones": ["lab"] })).await.refuses(422, "zones", "/zones");
    by_eve(json!({ "to": "user:Nia", "role": "view", "owner": "me" })).await.refuses(400, "body", "/owner");
    by_eve(json!({ "to": "user:Nia", "role": "view", "until": "9d" })).await.is(201);
    app.get(&address, nia_token).await.is(200);
    // Grants outlive their giver.
    withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    app.get(&address, nia_token).await.is(200);
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
}

#[tokio::test]
async fn a_group_lets_its_members_in_and_says_so_when_one_way_is_closed() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    app.post("/api/v1/groups", &app.eve.token, json!({ "name": "imaging" })).await.refuses(409, "exists", "");
    app.post("/api/v1/groups", &app.eve.token, json!({ "name": "Imaging!" })).await.refuses(422, "name", "/name");
    let given = give(&app, &address, &app.ada, "group:imaging", "view").await.is(201);
    let of = json!({ "owner": app.ada.user.id.to_string(), "kind": "manual", "state": "active" });
    let sharing = app.get(&format!("{address}/sharing"), &app.ada.token).await.is(200);
    assert_eq!((&given.json["group"], &sharing.json["grants"][0]["group"]), (&of, &of), "who decides on who is in it");
    app.get("/api/v1/groups/imaging", &app.eve.token).await.refuses(404, "not-found", "");
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    let members = "/api/v1/groups/imaging/members";
    let added = app.post(members, &app.ada.token, json!({ "users": ["Eve", app.eve.user.id.to_string()] })).await.is(200);
    assert_eq!((&added.json["changed"], added.json.get("enforced_by")), (&json!(1), None));
    app.post(members, &app.ada.token, json!({ "users": ["Nobody"] })).await.refuses(422, "no-such-user", "/users");
    assert_eq!(rights(&app, &address, &app.eve).await.last().map(String::as_str), Some("read"));
    assert_eq!(app.get("/api/v1/groups", &app.eve.token).await.is(200).json["items"], json!([group.json]));
    let listed = app.get(members, &app.eve.token).await.is(200);
    let mut names: Vec<_> = listed.json["items"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Eve"]);
    app.post(members, &app.eve.token, json!({ "users": ["Ada"] })).await.refuses(403, "not-group-owner", "");
    let shared = app.get("/api/v1/me/shared", &app.eve.token).await.is(200);
    assert_eq!(shared.json["items"].as_array().unwrap().len(), 1);

    // Removing one grant says by which other way she still reaches it.
    give(&app, &address, &app.ada, "user:Eve", "full").await.is(201);
    let taken = withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    assert_eq!(taken.json["remains"][0]["by"], format!("group:{}", group.text("/id")));
    let removed = app.post("/api/v1/groups/imaging/members/remove", &app.ada.token, json!({ "users": ["Eve", "Ada"] })).await.is(200);
    assert_eq!(removed.json["changed"], 1, "its owner stays");
    assert!(removed.json["enforced_by"].is_string());
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");

    // Taken out, it lets nobody in; back in, it does.
    app.post(members, &app.ada.token, json!({ "users": ["Eve"] })).await.is(200);
    app.get(&address, &app.eve.token).await.is(200);
    let retired = app.patch("/api/v1/groups/imaging", &app.ada.token, 1, json!({ "state": "retired" })).await.is(200);
    assert!(retired.text("/state") == "retired" && retired.json["enforced_by"].is_string(), "and by when that holds");
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    app.patch("/api/v1/groups/imaging", &app.ada.token, 1, json!({ "state": "active" })).await.refuses(412, "stale", "");
    let active = app.patch("/api/v1/groups/imaging", &app.ada.token, 2, json!({ "state": "active" })).await.is(200);
    assert_eq!(active.json.get("enforced_by"), None);
    app.get(&address, &app.eve.token).await.is(200);
}

#[tokio::test]
async fn a_restricted_dataset_is_out_of_reach_of_what_is_granted_above() {
    let app = start().await;
    let root = format!("/api/v1/datasets/{}", app.root.id);
    let (_dataset, address) = shared(&app).await;
    give(&app, &root, &app.ada, "user:Eve", "full").await.is(201);
    let seen = app.get(&address, &app.eve.token).await.is(200);
    assert_eq!(seen.json["rights"].as_array().unwrap().len(), 10, "what is granted above reaches it");
    let version = app.get(&address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
    let edit = |version, ask| app.patch(&address, &app.ada.token, version, ask);
    edit(version + 7, json!({ "restricted": true })).await.refuses(412, "stale", "");
    edit(version, json!({ "restricted": true, "visibility": "accounts" })).await.refuses(422, "one-change", "");
    let closed = edit(version, json!({ "restricted": true })).await.is(200);
    assert!(closed.json["dataset"]["restricted"].as_bool().unwrap() && closed.json["enforced_by"].is_string());
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    app.get(&root, &app.eve.token).await.is(200);
    give(&app, &address, &app.ada, "user:Eve", "preview").await.is(201);
    assert_eq!(rights(&app, &address, &app.eve).await, ["discover", "meta", "coarse"], "what is granted on it does");
    let version = app.get(&address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
    edit(version, json!({ "restricted": false })).await.is(200);
    assert_eq!(rights(&app, &address, &app.eve).await.len(), 10);
    let version = app.get(&root, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
    app.patch(&root, &app.ada.token, version, json!({ "restricted": true })).await.refuses(422, "nothing-above", "/restricted");
}

// ACCESS 1: a cut hides whole arrays, never some of their chunks, which would read as fill value.
#[tokio::test]
async fn no_part_of_an_array_is_restricted() {
    let app = start().await;
    let array = "fused.ome.zarr/0";
    for (path, is_part) in [
        (format!("{array}/c"), true),
        (format!("{array}/c/0/0"), true),
        (format!("{array}/zarr.json"), true),
        ("fused.ome.zarr/two/0.0".to_owned(), true),
        (array.to_owned(), false),
        ("fused.ome.zarr/two".to_owned(), false),
        ("fused.ome.zarr/zarr.json".to_owned(), false),
    ] {
        let made = app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": path })).await.is(201);
        let address = format!("/api/v1/datasets/{}", made.text("/id"));
        let restricted = app.patch(&address, &app.ada.token, 1, json!({ "restricted": true })).await;
        if is_part {
            restricted.refuses(422, "in-an-array", "/restricted");
            assert_eq!(app.get(&address, &app.ada.token).await.is(200).json["restricted"], false, "{path}");
        } else {
            restricted.is(200);
        }
    }
}

#[tokio::test]
async fn visibility_opens_a_dataset_to_accounts_by_the_terms_that_were_granted() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    give(&app, &address, &app.ada, "accounts", "view").await.is(201);
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    let version = app.get(&address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
    app.patch(&address, &app.ada.token, version, json!({ "visibility": "everybody" })).await.refuses(422, "visibility", "/visibility");
    let opened = app.patch(&address, &app.ada.token, version, json!({ "visibility": "accounts", "confirm": true })).await.is(200);
    assert_eq!(opened.json.get("enforced_by"), None, "nobody gets less");
    assert_eq!(rights(&app, &address, &app.eve).await, ["discover", "meta", "coarse", "list", "read"]);
    let back = app.patch(&address, &app.ada.token, version + 1, json!({ "visibility": "private" })).await.is(200);
    assert!(back.json["enforced_by"].is_string());
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    let source = format!("/api/v1/sources/{}", app.source.id);
    app.patch(&source, &app.ada.token, 1, json!({ "ceilings": { "audience": "named" } })).await.is(200);
    app.patch(&address, &app.ada.token, version + 2, json!({ "visibility": "accounts" })).await.refuses(
        403,
        "audience-too-wide",
        "/visibility",
    );
    give(&app, &address, &app.ada, "world", "view").await.refuses(403, "audience-too-wide", "/to");
}

// ADR 0044
#[tokio::test]
async fn grants_that_are_given_at_the_same_time_are_all_given() {
    let app = start().await;
    let (_, address) = shared(&app).await;
    let names: Vec<_> = (0..12).map(|number| format!("group:g{number}")).collect();
    for name in &names {
        app.post("/api/v1/groups", &app.ada.token, json!({ "name": name.strip_prefix("group:").unwrap() })).await.is(201);
    }
    // Each meets others, and is never told of an `ETag` that it did not send; one that has no luck for a second is told to come back.
    let given = stream::iter(&names).map(async |to| {
        loop {
            let answer = give(&app, &address, &app.ada, to, "view").await;
            if answer.status != 503 {
                return answer;
            }
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
            answer.refuses(503, "busy", "");
        }
    });
    for answer in given.buffer_unordered(4).collect::<Vec<_>>().await {
        answer.is(201);
    }
    let listed = app.get(&format!("{address}/grants"), &app.ada.token).await.is(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), names.len());
}

#[tokio::test]
async fn a_dataset_goes_to_whom_its_owner_offers_it_and_who_accepts() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    let offers = format!("{address}/offers");
    let offer = async |by: &Person, to: &str| app.post(&offers, &by.token, json!({ "to": to, "reason": "so" })).await;
    let answer = async |by: &Person, word: &str| app.post(&format!("{offers}/{word}"), &by.token, json!({})).await;
    let listed = async |by: &Person| app.get("/api/v1/me/offers", &by.token).await.is(200).json["items"].clone();
    give(&app, &address, &app.ada, "user:Eve", "manager").await.is(201);
    offer(&app.eve, "Eve").await.refuses(403, "not-allowed", "");
    app.get(&offers, &app.eve.token).await.refuses(403, "not-allowed", "");
    offer(&app.ada, "Nobody").await.refuses(422, "no-such-user", "/to");
    offer(&app.ada, "Ada").await.refuses(422, "owns-it", "/to");
    answer(&app.ada, "withdraw").await.refuses(404, "no-such-offer", "");
    app.post(&format!("{address}/hand-over"), &app.ada.token, json!({ "to": "Eve" })).await.refuses(409, "offer-it", "");
    let made = offer(&app.ada, "Eve").await.is(201);
    assert_eq!((made.text("/state"), made.text("/to"), made.text("/reason")), ("waiting", &*app.eve.user.id.to_string(), "so"));
    offer(&app.ada, "Eve").await.refuses(409, "offer-waits", "");
    assert_eq!((listed(&app.eve).await, listed(&app.ada).await), (json!([made.json]), json!([])));
    // Whoever it is not made to is told nothing, the owner's manager or not.
    answer(&app.ada, "accept").await.refuses(404, "not-found", "");
    answer(&app.ada, "decline").await.refuses(404, "not-found", "");
    assert_eq!(answer(&app.eve, "decline").await.is(200).text("/state"), "declined");
    assert_eq!(answer(&app.eve, "decline").await.is(200).text("/state"), "declined", "again");
    answer(&app.eve, "accept").await.refuses(409, "offer-over", "");
    answer(&app.ada, "withdraw").await.refuses(409, "offer-over", "");
    app.wait(SignedDuration::from_millis(5));
    let (ask, key) = (json!({ "to": "Eve" }).to_string(), [("idempotency-key", "offer")]);
    let keyed = async || app.send("POST", &offers, &app.ada.token, &key, ask.clone()).await.is(201);
    let kept = keyed().await;
    assert_eq!(answer(&app.ada, "withdraw").await.is(200).text("/state"), "withdrawn");
    app.wait(SignedDuration::from_millis(5));
    let next = offer(&app.ada, "Eve").await.is(201);
    let late = keyed().await;
    assert_eq!((late.text("/id"), late.text("/state")), (kept.text("/id"), "withdrawn"), "and not {next:?}");
    assert_eq!(answer(&app.ada, "withdraw").await.is(200).text("/state"), "withdrawn");
    answer(&app.eve, "accept").await.refuses(409, "offer-over", "");
    assert_eq!(listed(&app.eve).await, json!([]));
    app.wait(SignedDuration::from_millis(5));
    offer(&app.ada, "Eve").await.is(201);
    app.wait(SignedDuration::from_hours(24 * 30));
    answer(&app.eve, "accept").await.refuses(409, "offer-over", "");
    assert_eq!(listed(&app.eve).await, json!([]));
    offer(&app.ada, "Eve").await.is(201);
    // Whoever is blocked there is told of nothing there.
    let blocks = format!("/api/v1/sources/{}/blocks", app.source.id);
    app.post(&blocks, &app.ada.token, json!({ "user": "Eve", "blocked": true })).await.is(200);
    assert_eq!(listed(&app.eve).await, json!([]));
    answer(&app.eve, "accept").await.refuses(404, "not-found", "");
    app.post(&blocks, &app.ada.token, json!({ "user": "Eve", "blocked": false })).await.is(200);
    let (path, key) = (format!("{offers}/accept"), [("idempotency-key", "accept")]);
    let send = async || app.send("POST", &path, &app.eve.token, &key, String::new()).await;
    let accepted = send().await.is(200);
    assert_eq!(accepted.text("/dataset/owner"), app.eve.user.id.to_string());
    assert!(accepted.json["enforced_by"].is_string());
    assert_eq!(send().await.is(200).json, accepted.json, "where the first answer was lost");
    let states = |listed: &Value| listed["items"].as_array().unwrap().iter().map(|offer| offer["state"].clone()).collect::<Vec<_>>();
    let all = app.get(&offers, &app.eve.token).await.is(200).json;
    assert_eq!(states(&all), ["accepted", "ended", "withdrawn", "withdrawn", "declined"]);
    let page = app.get(&format!("{offers}?limit=1"), &app.eve.token).await.is(200);
    let next = app.get(&format!("{offers}?limit=1&cursor={}", page.text("/next_cursor")), &app.eve.token).await.is(200);
    assert_eq!((states(&page.json), states(&next.json)), (vec![json!("accepted")], vec![json!("ended")]));
    for verb in ["offer.make", "offer.accept", "offer.decline", "offer.withdraw"] {
        let audit = app.get(&format!("/api/v1/audit?verb={verb}&month=2033-05"), &app.ada.token).await;
        assert!(audit.json["items"].as_array().is_some(), "{audit:?}");
    }
    assert_eq!(dataset.id.to_string(), accepted.text("/dataset/id"));
    assert_eq!(rights(&app, &address, &app.eve).await.last().map(String::as_str), Some("own"));
    assert_eq!(app.get("/api/v1/datasets", &app.eve.token).await.is(200).json["items"].as_array().unwrap().len(), 1);
    // Ada owns the dataset above, and so all below.
    assert_eq!(rights(&app, &address, &app.ada).await.last().map(String::as_str), Some("own"));
}

// ADR 0041
#[tokio::test]
async fn a_dataset_is_retired_by_its_owner_and_its_place_is_free() {
    let app = start().await;
    let register = async |path: &str| {
        let asked = app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": path })).await.is(201);
        format!("/api/v1/datasets/{}", asked.text("/id"))
    };
    let retire = async |address: &str, by: &Person, query: &str| {
        app.post(&format!("{address}/retire{query}"), &by.token, json!({ "reason": "done" })).await
    };
    let notes = register("notes").await;
    let plan = register("notes/plan.txt").await;
    retire(&format!("/api/v1/datasets/{}", app.root.id), &app.ada, "").await.refuses(409, "source-root", "");
    for query in ["", "?dry_run=true"] {
        retire(&notes, &app.ada, query).await.refuses(409, "holds-others", "");
    }
    let version = app.get(&plan, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
    app.patch(&plan, &app.ada.token, version, json!({ "restricted": true })).await.is(200);
    retire(&plan, &app.ada, "").await.refuses(409, "restricted", "");
    app.patch(&plan, &app.ada.token, version + 1, json!({ "restricted": false })).await.is(200);
    give(&app, &plan, &app.ada, "user:Eve", "manager").await.is(201);
    retire(&plan, &app.eve, "").await.refuses(403, "not-allowed", "");
    let trial = retire(&plan, &app.ada, "?dry_run=true").await.is(200);
    let losers: Vec<_> = trial.json["effects"]["loses"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert!(losers.len() == 2 && losers.contains(&json!("Ada")) && losers.contains(&json!("Eve")), "{trial:?}");
    assert_eq!((trial.text("/dataset/state"), trial.json.get("enforced_by")), ("active", None), "nothing was written");
    let (path, ask, key) = (format!("{plan}/retire"), json!({ "reason": "done" }).to_string(), [("idempotency-key", "retire")]);
    let send = async || app.send("POST", &path, &app.ada.token, &key, ask.clone()).await;
    let done = send().await.is(200);
    assert!(done.text("/dataset/state") == "retired" && done.json["enforced_by"].is_string());
    assert_eq!(send().await.is(200).json, done.json, "where the first answer was lost");
    retire(&plan, &app.ada, "").await.refuses(410, "dataset-retired", "");
    // It changes no more, and says so at once.
    give(&app, &plan, &app.ada, "user:Eve", "view").await.refuses(410, "dataset-retired", "");
    let version = done.json["dataset"]["version"].as_u64().unwrap();
    app.patch(&plan, &app.ada.token, version, json!({ "visibility": "accounts" })).await.refuses(410, "dataset-retired", "");
    assert!(rights(&app, &plan, &app.eve).await.is_empty(), "who administered it sees what it was, and has nothing there");
    let again = register("notes/plan.txt").await;
    assert_ne!(again, plan);
    retire(&again, &app.ada, "").await.is(200);
    retire(&notes, &app.ada, "").await.is(200);
}

// ACCESS: whoever is not in a group or project does not know of it, and may grant to it by its name.
#[tokio::test]
async fn a_dry_run_names_nobody_of_what_its_caller_does_not_know() {
    let app = start().await;
    let asked = app.post("/api/v1/datasets", &app.ada.token, json!({ "source": "demo", "path": "notes" })).await.is(201);
    let notes = format!("/api/v1/datasets/{}", asked.text("/id"));
    app.post("/api/v1/users", &app.ada.token, json!({ "name": "Bo" })).await.is(201);
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "board" })).await.is(201);
    app.post("/api/v1/groups/board/members", &app.ada.token, json!({ "users": ["Bo"] })).await.is(200);
    app.post("/api/v1/projects", &app.ada.token, json!({ "name": "retina" })).await.is(201);
    app.post("/api/v1/projects/retina/members", &app.ada.token, json!({ "users": ["Bo"] })).await.is(200);
    give(&app, &notes, &app.ada, "user:Eve", "manager").await.is(201);
    for subject in ["group:board", "project:retina"] {
        give(&app, &notes, &app.eve, subject, "view").await.is(201);
        let told = async |by: &Person| {
            let trial = app.post(&format!("{notes}/grants/withdraw?dry_run=true"), &by.token, json!({ "to": subject })).await.is(200);
            let names: Vec<_> = trial.json["effects"]["loses"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
            (names, trial.json["effects"]["unnamed"].as_bool().unwrap(), trial.json["effects"]["more"].clone())
        };
        assert_eq!(told(&app.eve).await, (vec![], true, json!(0)), "{subject}: neither who nor how many");
        assert_eq!(told(&app.ada).await, (vec![json!("Bo")], false, json!(0)), "{subject}");
        app.post(&format!("{notes}/grants/withdraw"), &app.eve.token, json!({ "to": subject })).await.is(200);
    }
}

// A17: whichever was registered first, a folder above never opens what is restricted in it.
#[tokio::test]
async fn a_folder_registered_above_a_restricted_part_does_not_open_it() {
    for restricted_first in [true, false] {
        let app = start().await;
        let register = async |path: &str| {
            let ask = json!({ "source": "demo", "path": path });
            app.post("/api/v1/datasets", &app.ada.token, ask).await.is(201).text("/id").to_owned()
        };
        let part = register("notes/plan.txt").await;
        let restrict = async || {
            let address = format!("/api/v1/datasets/{part}");
            let version = app.get(&address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
            app.patch(&address, &app.ada.token, version, json!({ "restricted": true })).await.is(200);
        };
        if restricted_first {
            restrict().await;
        }
        let folder = register("notes").await;
        if !restricted_first {
            restrict().await;
        }
        give(&app, &format!("/api/v1/datasets/{folder}"), &app.ada, "user:Eve", "view").await.is(201);
        let ask = |path: &str| json!({ "dataset": folder, "user": "Eve", "action": "read", "path": path });
        let hidden = app.post("/api/v1/check", &app.ada.token, ask("plan.txt")).await.is(200);
        assert_eq!((&hidden.json["allowed"], hidden.text("/code")), (&json!(false), "no-such-object"), "{restricted_first}");
        assert_eq!(app.post("/api/v1/check", &app.ada.token, ask("other.txt")).await.is(200).json["allowed"], true);
    }
}

// What wakes up when a dataset is opened was given by others: so who manages it for a while only may close it, and not open it.
#[tokio::test]
async fn only_who_administers_for_good_opens_what_was_closed() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let manager = json!({ "to": "user:Eve", "role": "manager", "until": "10d" });
    app.post(&format!("{address}/grants"), &app.ada.token, manager).await.is(201);
    let version = app.get(&address, &app.eve.token).await.is(200).json["version"].as_u64().unwrap();
    app.patch(&address, &app.eve.token, version, json!({ "visibility": "accounts" })).await.refuses(403, "more-than-giver", "");
    let closed = app.patch(&address, &app.eve.token, version, json!({ "restricted": true })).await.is(200);
    let version = closed.json["dataset"]["version"].as_u64().unwrap();
    app.patch(&address, &app.eve.token, version, json!({ "restricted": false })).await.refuses(403, "more-than-giver", "");
    let open = app.patch(&address, &app.ada.token, version, json!({ "restricted": false })).await.is(200);
    let version = open.json["dataset"]["version"].as_u64().unwrap();
    let strict = app.patch(&address, &app.eve.token, version, json!({ "strict": true })).await.is(200);
    let version = strict.json["dataset"]["version"].as_u64().unwrap();
    app.patch(&address, &app.eve.token, version, json!({ "strict": false })).await.refuses(403, "more-than-giver", "");
    app.patch(&address, &app.ada.token, version, json!({ "strict": false })).await.is(200);
}

// SEMANTICS 5, ADR 0049
#[tokio::test]
async fn a_dataset_becomes_strict_and_each_narrowing_of_it_says_by_when() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let shown = async || app.get(&address, &app.ada.token).await.is(200).json;
    let edit = async |ask: Value| app.patch(&address, &app.ada.token, shown().await["version"].as_u64().unwrap(), ask).await;
    let after = |answer: &Answer| {
        answer.json["enforced_by"].as_str().map(|at| at.parse::<Timestamp>().unwrap().duration_since(app.now()).as_secs())
    };
    let give_and_withdraw = async || {
        give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
        after(&withdraw(&app, &address, &app.ada, "user:Eve").await.is(200))
    };
    let at_first = shown().await;
    assert_eq!((&at_first["strict"], at_first.get("given_until")), (&json!(false), None));
    assert_eq!(give_and_withdraw().await, Some(66));
    app.patch(&address, &app.ada.token, 99, json!({ "strict": true })).await.refuses(412, "stale", "");
    edit(json!({ "strict": true, "visibility": "accounts" })).await.refuses(422, "one-change", "");
    edit(json!({ "strict": null })).await.refuses(400, "body", "/strict");
    app.patch(&address, &app.eve.token, 1, json!({ "strict": true })).await.refuses(404, "not-found", "");
    // A publication on it may have been read until now.
    let strict = edit(json!({ "strict": true })).await.is(200);
    assert_eq!((after(&strict), &strict.json["dataset"]["strict"]), (Some(331), &json!(true)));
    let given = strict.text("/dataset/given_until").parse::<Timestamp>().unwrap();
    assert_eq!(given.duration_since(app.now()).as_secs(), 341, "the edit may have taken ten seconds to have its effect");
    assert_eq!(edit(json!({ "strict": true })).await.is(200).json.get("enforced_by"), None, "as it is already");
    assert_eq!(give_and_withdraw().await, Some(66), "no longer than without it, and no sooner before what was signed has ended");
    app.wait(SignedDuration::from_secs(341 - 40));
    assert_eq!(give_and_withdraw().await, Some(40));
    app.wait(SignedDuration::from_secs(40));
    assert_eq!(shown().await.get("given_until"), None);
    assert_eq!(give_and_withdraw().await, Some(16));
    assert_eq!(after(&edit(json!({ "visibility": "accounts", "confirm": true })).await.is(200)), None);
    assert_eq!(after(&edit(json!({ "visibility": "private" })).await.is(200)), Some(16));
    let sharing = app.get(&format!("{address}/sharing"), &app.ada.token).await.is(200);
    assert_eq!(sharing.json["dataset"]["strict"], true);
    // What concerns more than the dataset promises what holds for all of it.
    assert_eq!(after(&edit(json!({ "restricted": true })).await.is(200)), Some(331));
    edit(json!({ "restricted": false })).await.is(200);
    // Strict no more: the longer bound at once.
    let ended = edit(json!({ "strict": false })).await.is(200);
    assert_eq!((after(&ended), &ended.json["dataset"]["strict"], ended.json["dataset"].get("given_until")), (None, &json!(false), None));
    assert_eq!(give_and_withdraw().await, Some(66));
    edit(json!({ "strict": true })).await.is(200);
    app.wait(SignedDuration::from_secs(341));
    let retired = app.post(&format!("{address}/retire"), &app.ada.token, json!({})).await.is(200);
    assert_eq!(after(&retired), Some(16));
    let audit = app.get(&format!("/api/v1/audit?target={}", at_first["id"].as_str().unwrap()), &app.ada.token).await;
    let entries: Vec<_> =
        audit.json["items"].as_array().into_iter().flatten().filter(|entry| entry["after"]["strict"].is_boolean()).collect();
    assert_eq!(entries.len(), 3, "{audit:?}");
}

// A15; ACCESS P15
#[tokio::test]
async fn a_check_answers_as_the_decision_does_and_names_the_rule() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    let check = async |by: &Person, mut ask: Value| {
        ask["dataset"] = json!(dataset.id.to_string());
        app.post("/api/v1/check", &by.token, ask).await
    };
    check(&app.eve, json!({ "action": "read" })).await.refuses(404, "not-found", "");
    let no = check(&app.ada, json!({ "user": "Eve", "action": "read", "path": "0/c/0" })).await.is(200);
    assert_eq!((&no.json["allowed"], no.text("/code")), (&json!(false), "not-found"));
    give(&app, &address, &app.ada, "user:Eve", "preview").await.is(201);
    let chunk = check(&app.ada, json!({ "user": "Eve", "action": "read", "path": "0/c/0" })).await.is(200);
    assert_eq!((&chunk.json["allowed"], chunk.text("/code")), (&json!(false), "coarse-only"));
    let meta = check(&app.ada, json!({ "user": "Eve", "action": "read", "path": "zarr.json" })).await.is(200);
    assert_eq!((&meta.json["allowed"], meta.text("/ways/0/by")), (&json!(true), "user"));
    assert!(meta.json["gates"].as_array().unwrap().iter().all(|gate| gate["open"] == true));
    let own = check(&app.eve, json!({ "action": "share" })).await.is(200);
    assert_eq!((&own.json["allowed"], own.text("/code")), (&json!(false), "not-allowed"));
    check(&app.eve, json!({ "user": "Ada", "action": "read" })).await.refuses(403, "not-allowed", "");
    check(&app.ada, json!({ "action": "eat" })).await.refuses(422, "action", "/action");
    check(&app.ada, json!({ "action": "read", "address": "lab" })).await.refuses(422, "address", "/address");
    app.patch(&format!("/api/v1/sources/{}", app.source.id), &app.ada.token, 1, json!({ "ceilings": { "zones": ["192.0.2.0/24"] } }))
        .await
        .is(200);
    let far = check(&app.ada, json!({ "action": "read", "path": "0", "address": "198.51.100.1" })).await.is(200);
    assert_eq!(far.text("/code"), "zone");
    let near = check(&app.ada, json!({ "action": "read", "path": "0", "address": "192.0.2.1" })).await.is(200);
    assert_eq!(near.json["allowed"], true);
}

// P14; ACCESS 6
#[tokio::test]
async fn what_is_open_to_everybody_is_among_what_is_shared_and_each_is_there_once() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    let notes = app.a_dataset("notes", Kind::Folder, 51).await;
    let notes_address = format!("/api/v1/datasets/{}", notes.id);
    let listed = async |who: &Person, query: &str| {
        let answer = app.get(&format!("/api/v1/me/shared{query}"), &who.token).await.is(200);
        let ids = answer.json["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (ids, answer.json["next_cursor"].as_str().map(str::to_owned))
    };
    let open = async |address: &str, visibility: &str| {
        let version = app.get(address, &app.ada.token).await.is(200).json["version"].as_u64().unwrap();
        app.patch(address, &app.ada.token, version, json!({ "visibility": visibility, "confirm": true })).await.is(200);
    };
    give(&app, &address, &app.ada, "accounts", "view").await.is(201);
    give(&app, &notes_address, &app.ada, "world", "view").await.is(201);
    assert_eq!(listed(&app.eve, "").await, (vec![], None), "a grant to everybody waits for the switch");
    open(&address, "accounts").await;
    open(&notes_address, "world").await;
    let both = vec![dataset.id.to_string(), notes.id.to_string()];
    assert_eq!(listed(&app.eve, "").await, (both.clone(), None));
    assert_eq!(listed(&app.ada, "").await, (vec![], None), "her own are hers");
    // By as many ways as there are, each is listed once: by page, too.
    give(&app, &notes_address, &app.ada, "user:Eve", "download").await.is(201);
    give(&app, &notes_address, &app.ada, "accounts", "view").await.is(201);
    let (first, cursor) = listed(&app.eve, "?limit=1").await;
    let (second, end) = listed(&app.eve, &format!("?limit=1&cursor={}", cursor.unwrap())).await;
    let mut rest = (second, end);
    while let Some(cursor) = rest.1.take() {
        let (more, end) = listed(&app.eve, &format!("?limit=1&cursor={cursor}")).await;
        rest.0.extend(more);
        rest.1 = end;
    }
    assert_eq!([first, rest.0].concat(), [notes.id.to_string(), dataset.id.to_string()]);
    open(&address, "private").await;
    assert_eq!(listed(&app.eve, "").await.0, [notes.id.to_string()]);
}

// A14
#[tokio::test]
async fn the_sharing_of_a_dataset_is_one_view() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    let root = format!("/api/v1/datasets/{}", app.root.id);
    give(&app, &root, &app.ada, "user:Eve", "view").await.is(201);
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "imaging" })).await.is(201);
    give(&app, &address, &app.ada, "group:imaging", "download").await.is(201);
    app.get(&format!("{address}/sharing"), &app.eve.token).await.refuses(403, "not-allowed", "");
    let view = app.get(&format!("{address}/sharing"), &app.ada.token).await.is(200);
    let names: Vec<_> = view.json["grants"].as_array().unwrap().iter().map(|grant| grant["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["imaging", "Eve"]);
    assert_eq!((&view.json["links"], &view.json["more_links"], &view.json["more_invitations"]), (&json!([]), &json!(false), &json!(false)));
    assert_eq!((view.text("/owner"), view.text("/ceilings/audience")), (app.ada.user.id.to_string().as_str(), "world"));
    assert_eq!(view.json["owners_above"][0]["dataset"], app.root.id.to_string());
}

#[tokio::test]
async fn a_code_signs_in_once_and_a_session_makes_tokens_that_make_none() {
    let app = start().await;
    app.post("/api/v1/users", &app.eve.token, json!({ "name": "Nia" })).await.refuses(403, "not-administrator", "");
    let invited = app.post("/api/v1/users", &app.ada.token, json!({ "name": "Nia" })).await.is(201);
    app.post("/api/v1/users", &app.ada.token, json!({ "name": "nia" })).await.refuses(409, "exists", "");
    app.post("/api/v1/users", &app.ada.token, json!({ "name": " Nia" })).await.refuses(422, "user-name", "/name");
    let code = json!({ "code": invited.text("/code") });
    let signed = app.post("/api/v1/sign-in", "", code.clone()).await.is(200);
    app.post("/api/v1/sign-in", "", code).await.refuses(401, "code", "/code");
    for wrong in ["", "offprint_code_", "offprint_code_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", app.ada.token.as_str()] {
        app.post("/api/v1/sign-in", "", json!({ "code": wrong })).await.refuses(401, "code", "/code");
    }
    let session = signed.text("/session/secret");
    let me = app.get("/api/v1/me", session).await.is(200);
    assert_eq!((me.text("/name"), me.text("/token/kind"), &me.json["administrator"]), ("Nia", "session", &json!(false)));
    assert!(!me.json["token"]["scopes"].as_array().unwrap().contains(&json!("admin")));
    let ask = json!({ "label": "pipeline", "scopes": ["data"], "days": 30 });
    let made = app.post("/api/v1/tokens", session, ask.clone()).await.is(201);
    let token = made.text("/secret");
    app.post("/api/v1/tokens", token, ask).await.refuses(403, "not-session", "");
    app.post("/api/v1/tokens", session, json!({ "label": "x", "scopes": ["admin"], "days": 1 })).await.refuses(403, "scope", "");
    app.post("/api/v1/groups", token, json!({ "name": "lab" })).await.refuses(403, "scope", "");
    app.post("/api/v1/sign-out", session, json!({})).await.is(200);
    app.get("/api/v1/me", session).await.refuses(401, "sign-in", "");
    app.get("/api/v1/me", token).await.is(200);
    let again = app.post("/api/v1/users/Nia/code", &app.ada.token, json!({})).await.is(201);
    app.post("/api/v1/sign-in", "", json!({ "code": again.text("/code") })).await.is(200);
}

#[tokio::test]
async fn whoever_is_suspended_or_blocked_gets_nothing() {
    let app = start().await;
    let (_dataset, address) = shared(&app).await;
    give(&app, &address, &app.ada, "user:Eve", "full").await.is(201);
    let blocks = format!("/api/v1/sources/{}/blocks", app.source.id);
    app.post(&blocks, &app.eve.token, json!({ "user": "Ada", "blocked": true })).await.refuses(403, "not-administrator", "");
    let blocked = app.post(&blocks, &app.ada.token, json!({ "user": "Eve", "blocked": true, "reason": "left" })).await.is(200);
    assert_eq!((blocked.text("/blocked/0/name"), blocked.json["enforced_by"].is_string()), ("Eve", true));
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    app.post(&blocks, &app.ada.token, json!({ "user": "Eve", "blocked": false })).await.is(200);
    assert_eq!(app.get(&blocks, &app.ada.token).await.is(200).json["blocked"], json!([]));
    app.get(&address, &app.eve.token).await.is(200);
    let suspend = |standing: &str| {
        app.send("PATCH", "/api/v1/users/Eve", &app.ada.token, &[], json!({ "standing": standing, "reason": "x" }).to_string())
    };
    suspend("gone").await.refuses(422, "standing", "/standing");
    assert!(suspend("suspended").await.is(200).json["enforced_by"].is_string());
    app.get(&address, &app.eve.token).await.refuses(403, "suspended", "");
    suspend("active").await.is(200);
    app.get(&address, &app.eve.token).await.is(200);
    app.send("PATCH", "/api/v1/users/Ada", &app.ada.token, &[], json!({ "standing": "suspended" }).to_string())
        .await
        .refuses(409, "oneself", "");
    // Whoever is suspended owns nothing for the time being, and so is made no owner.
    let sharing = async || app.get(&format!("{address}/sharing"), &app.ada.token).await.is(200).json;
    assert_eq!(sharing().await["suspended"], json!([]));
    suspend("suspended").await.is(200);
    let told = sharing().await;
    assert_eq!((&told["suspended"], &told["grants"][0]["name"]), (&json!([app.eve.user.id.to_string()]), &json!("Eve")));
    let offer = app.post(&format!("{address}/offers"), &app.ada.token, json!({ "to": "Eve" })).await;
    offer.refuses(422, "suspended-owner", "/to");
}

#[tokio::test]
async fn a_ticket_is_made_for_one_dataset_that_may_be_read() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    let make = async |by: &str, ask: Value| app.post(&format!("{address}/tickets"), by, ask).await;
    make(&app.eve.token, json!({})).await.refuses(404, "not-found", "");
    give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    let ticket = make(&app.eve.token, json!({ "minutes": 30 })).await.is(201);
    assert!(ticket.text("/url").starts_with("https://data.test/~") && ticket.text("/url").ends_with("/fused.ome.zarr/"));
    assert_eq!(ticket.text("/dataset"), dataset.id.to_string());
    for minutes in [-1, 0, 721, 99_999] {
        make(&app.eve.token, json!({ "minutes": minutes })).await.refuses(422, "minutes", "/minutes");
    }
    let narrow = app.token_for(&app.eve.user, &[Scope::Links], 300).await;
    make(&narrow, json!({})).await.refuses(403, "scope", "");
    let secret = ticket.text("/url").trim_start_matches("https://data.test/").split('/').next().unwrap();
    app.get("/api/v1/me", secret).await.refuses(401, "sign-in", "");
    let listed = app.get("/api/v1/tokens", &app.eve.token).await.is(200);
    let ticket_id = ticket.text("/id");
    assert!(listed.json["items"].as_array().unwrap().iter().any(|token| token["id"] == ticket_id && token["kind"] == "ticket"));
    app.post(&format!("/api/v1/tokens/{ticket_id}/revoke"), &app.eve.token, json!({})).await.is(200);
}

// U3; ACCESS P18
#[tokio::test]
async fn every_accepted_change_is_in_the_audit_once_and_is_exported() {
    let app = start().await;
    let (dataset, address) = shared(&app).await;
    give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    give(&app, &address, &app.ada, "user:Eve", "view").await.is(200);
    app.wait(SignedDuration::from_millis(1));
    withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    withdraw(&app, &address, &app.ada, "user:Eve").await.is(200);
    app.get("/api/v1/audit", &app.eve.token).await.refuses(403, "not-auditor", "");
    app.get(&format!("/api/v1/audit?target={}", dataset.id), &app.eve.token).await.refuses(404, "not-found", "");
    let found = app.get(&format!("/api/v1/audit?target={}&verb=grant", dataset.id), &app.ada.token).await.is(200);
    let verbs: Vec<_> = found.json["items"].as_array().unwrap().iter().map(|entry| entry["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs, ["grant.withdraw", "grant.give"], "the latest first, each once");
    assert_eq!(
        (found.text("/items/0/reason"), found.text("/items/0/before/hold"), found.text("/items/0/after/hold")),
        ("over", "active", "withdrawn")
    );
    let mut ids = Vec::new();
    let mut address = "/api/v1/audit?limit=3".to_owned();
    loop {
        let page = app.get(&address, &app.ada.token).await.is(200);
        ids.extend(page.json["items"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        address = format!("/api/v1/audit?limit=3&cursor={cursor}");
    }
    let all = app.app.table.audit(app.now()).await.unwrap();
    assert_eq!(ids, all.iter().rev().map(|entry| entry.id.clone()).collect::<Vec<_>>(), "page by page it is the whole");
    let csv = app.get("/api/v1/audit?format=csv&verb=grant", &app.ada.token).await.is(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.json.as_str().unwrap().lines().count(), 3);
    let lines = app.get("/api/v1/audit?format=jsonl&verb=grant.give", &app.ada.token).await.is(200);
    assert_eq!(lines.json["verb"], "grant.give");
    app.get("/api/v1/audit?month=2001-01", &app.ada.token).await.is(200);
    app.get("/api/v1/audit?month=January", &app.ada.token).await.refuses(400, "month", "/month");
    app.get("/api/v1/audit?format=xml", &app.ada.token).await.refuses(400, "format", "/format");
    // What nobody can have done is no empty list.
    for verb in ["block", "grant.", "grant.gave", "Grant", ""] {
        app.get(&format!("/api/v1/audit?verb={verb}"), &app.ada.token).await.refuses(400, "verb", "/verb");
    }
    app.get("/api/v1/audit?actor=Nobody", &app.ada.token).await.refuses(422, "no-such-user", "/actor");
    let by = async |actor: &str| app.get(&format!("/api/v1/audit?verb=grant&actor={actor}"), &app.ada.token).await.is(200).json;
    assert_eq!(by("Eve").await["items"], json!([]));
    assert_eq!(by("Ada").await, by(&app.ada.user.id.to_string()).await);
    assert_eq!(by("Ada").await["items"].as_array().map(Vec::len), Some(2));
}

// Issue 3, 3: source address hashed; ADR 0029
#[tokio::test]
async fn the_audit_tells_what_was_done_from_one_address_and_never_the_address() {
    let app = start().await;
    let (_, address) = shared(&app).await;
    let revoke = format!("{address}/grants/withdraw");
    let grants = format!("{address}/grants");
    let at = |address: [u8; 4]| Some(std::net::SocketAddr::from((address, 443)));
    let ask = json!({ "to": "user:Eve", "role": "view" }).to_string();
    app.send_from(at([192, 0, 2, 7]), "POST", &grants, &app.ada.token, &[], ask).await.is(201);
    app.wait(SignedDuration::from_millis(1));
    let ask = json!({ "to": "user:Eve" }).to_string();
    app.send_from(at([203, 0, 113, 250]), "POST", &revoke, &app.ada.token, &[("x-forwarded-for", "192.0.2.7")], ask).await.is(200);
    let listed = app.get("/api/v1/audit?verb=grant", &app.ada.token).await.is(200);
    assert_eq!((listed.text("/items/0/verb"), listed.text("/items/1/verb")), ("grant.withdraw", "grant.give"));
    let (withdrawn, given) = (listed.text("/items/0/source").to_owned(), listed.text("/items/1/source").to_owned());
    assert!(
        withdrawn.len() == 16 && given.len() == 16 && withdrawn != given,
        "{withdrawn} {given}: a header that nobody vouches for is nothing"
    );
    let same = app.get(&format!("/api/v1/audit?source={withdrawn}"), &app.ada.token).await.is(200);
    assert_eq!((same.json["items"].as_array().unwrap().len(), same.text("/items/0/verb")), (1, "grant.withdraw"));
    let none = app.get("/api/v1/audit?source=aaaaaaaaaaaaaaaa", &app.ada.token).await.is(200);
    assert_eq!(none.json["items"], json!([]));
    let csv = app.get("/api/v1/audit?format=csv&verb=grant.withdraw", &app.ada.token).await.is(200);
    let (head, row) = csv.json.as_str().unwrap().split_once("\r\n").unwrap();
    assert_eq!(head, "at,actor,verb,target,also,before,after,reason,source,id");
    assert!(row.contains(&format!(",{withdrawn},")), "{row}");
    let lines = app.get("/api/v1/audit?format=jsonl&verb=grant.withdraw", &app.ada.token).await.is(200);
    assert_eq!(lines.text("/source"), withdrawn);
    app.wait(SignedDuration::from_millis(1));
    give(&app, &address, &app.ada, "user:Eve", "view").await.is(201);
    let unknown = app.get("/api/v1/audit?verb=grant.give&limit=1", &app.ada.token).await.is(200);
    assert_eq!(unknown.json["items"][0].get("source"), None, "what is not known is not there");
    let all = app.get("/api/v1/audit", &app.ada.token).await.is(200).json.to_string();
    assert!(!all.contains("203.0.113.250") && !all.contains("192.0.2.7"), "{all}");
}

// Issue 3, 3; ADR 0027: seven days after the provider's word
#[tokio::test]
async fn a_membership_that_the_provider_no_longer_confirms_is_not_shown_as_counting() {
    let app = vouching("false").await;
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "lab-a", "kind": "claimed" })).await.is(201);
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "by-hand" })).await.is(201);
    let identity = table::users::Identity { issuer: "https://id.test", subject: "nia" };
    let id = domain::id::UserId::new(uuid::Uuid::from_u128(77));
    let nia = domain::user::User { id, name: "Nia".to_owned(), ..app.eve.user.clone() };
    app.app.table.sign_up(identity, &nia, app.now()).await.unwrap();
    let token = app.token_for(&nia, &domain::token::Scope::ALL, 177).await;
    let claimed = ["lab-a".to_owned()];
    app.app.table.sync_claimed(identity, id, &claimed, app.now(), app.now()).await.unwrap();
    let until = (app.now() + SignedDuration::from_hours(7 * 24)).to_string();
    app.post("/api/v1/groups/by-hand/members", &app.ada.token, json!({ "users": ["Nia"] })).await.is(200);
    let member = async |group: &str| {
        let listed = app.get(&format!("/api/v1/groups/{group}/members"), &app.ada.token).await.is(200);
        listed.json["items"].as_array().unwrap().iter().find(|member| member["name"] == "Nia").cloned().unwrap()
    };
    let groups = async || {
        let listed = app.get("/api/v1/groups", &token).await.is(200);
        let mut names: Vec<_> =
            listed.json["items"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let fresh = member("lab-a").await;
    assert_eq!((&fresh["counts"], &fresh["until"]), (&json!(true), &json!(until)));
    assert_eq!((member("by-hand").await["counts"].clone(), member("by-hand").await.get("until")), (json!(true), None));
    assert_eq!(groups().await, ["by-hand", "lab-a"]);
    app.get("/api/v1/groups/lab-a", &token).await.is(200);
    app.wait(SignedDuration::from_hours(7 * 24));
    let stale = member("lab-a").await;
    assert_eq!((&stale["counts"], stale.get("until")), (&json!(false), None), "its owner sees that it counts no more");
    assert_eq!(member("by-hand").await["counts"], json!(true));
    assert_eq!(groups().await, ["by-hand"]);
    app.get("/api/v1/groups/lab-a", &token).await.refuses(404, "not-found", "");
    app.get("/api/v1/groups/lab-a/members", &token).await.refuses(404, "not-found", "");
    app.app.table.sync_claimed(identity, id, &claimed, app.now(), app.now()).await.unwrap();
    assert_eq!(member("lab-a").await["counts"], json!(true), "named again");
    app.get("/api/v1/groups/lab-a", &token).await.is(200);
    let retired = "{\"state\":\"retired\"}".to_owned();
    app.send("PATCH", "/api/v1/groups/lab-a", &app.ada.token, &[("if-match", "*")], retired).await.is(200);
    assert_eq!(member("lab-a").await["counts"], json!(false), "nobody counts in a group that was taken out");
}

// ACCESS 10: ordered updates
#[tokio::test]
async fn a_directory_keeps_a_group_by_ordered_updates() {
    let app = start().await;
    let (_, address) = shared(&app).await;
    let group = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "everybody", "kind": "synced" })).await.is(201);
    assert_eq!((group.text("/kind"), group.text("/state"), group.json["synced"].is_string()), ("synced", "loading", true));
    give(&app, &address, &app.ada, "group:everybody", "view").await.is(201);
    let sync = async |ask: Value| app.post("/api/v1/groups/everybody/sync", &app.ada.token, ask).await;
    let added = sync(json!({ "order": 2, "add": ["Eve"] })).await.is(200);
    assert_eq!((&added.json["changed"], &added.json["late"], added.json.get("enforced_by")), (&json!(1), &json!(0), None));
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    let active = "{\"state\":\"active\"}".to_owned();
    app.send("PATCH", "/api/v1/groups/everybody", &app.ada.token, &[("if-match", "*")], active).await.is(200);
    app.get(&address, &app.eve.token).await.is(200);
    let late = sync(json!({ "order": 1, "remove": ["Eve"] })).await.is(200);
    assert_eq!((&late.json["changed"], &late.json["late"], late.json.get("enforced_by")), (&json!(0), &json!(1), None));
    app.get(&address, &app.eve.token).await.is(200);
    let removed = sync(json!({ "order": 3, "remove": ["Eve"] })).await.is(200);
    assert!(removed.json["enforced_by"].is_string() && removed.json["changed"] == 1);
    app.get(&address, &app.eve.token).await.refuses(404, "not-found", "");
    sync(json!({ "order": 4, "add": ["Nobody"] })).await.refuses(422, "no-such-user", "/add");
    sync(json!({ "order": -1 })).await.refuses(422, "order", "/order");
    let last = app.now().as_millisecond() + 86_400_000;
    sync(json!({ "order": last + 1, "add": ["Eve"] })).await.refuses(422, "order", "/order");
    sync(json!({ "order": u64::MAX, "add": ["Eve"] })).await.refuses(422, "order", "/order");
    sync(json!({ "order": 4, "add": vec!["x"; 600], "remove": vec!["x"; 401] })).await.refuses(422, "too-many", "/add");
    let users = json!({ "users": ["Eve"] });
    for by_hand in ["members", "members/remove"] {
        app.post(&format!("/api/v1/groups/everybody/{by_hand}"), &app.ada.token, users.clone()).await.refuses(409, "group-kind", "");
    }
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "by-hand" })).await.is(201);
    let manual = app.post("/api/v1/groups/by-hand/sync", &app.ada.token, json!({ "order": 1, "add": ["Eve"] })).await;
    manual.refuses(409, "group-kind", "");
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "odd", "kind": "scim" })).await.refuses(422, "group-kind", "/kind");
    // Nobody would fill it.
    app.post("/api/v1/groups", &app.ada.token, json!({ "name": "lab-a", "kind": "claimed" })).await.refuses(422, "no-provider", "/kind");
    let app = vouching("false").await;
    let claimed = app.post("/api/v1/groups", &app.ada.token, json!({ "name": "lab-a", "kind": "claimed" })).await.is(201);
    assert_eq!((claimed.text("/kind"), claimed.text("/state")), ("claimed", "active"));
}

#[tokio::test]
async fn whoever_is_blocked_lets_nobody_into_a_group() {
    let app = start().await;
    for (name, kind) in [("eves", "manual"), ("retired", "manual"), ("kept", "synced")] {
        app.post("/api/v1/groups", &app.eve.token, json!({ "name": name, "kind": kind })).await.is(201);
    }
    let stand = async |name: &str, state: &str| {
        app.send("PATCH", &format!("/api/v1/groups/{name}"), &app.eve.token, &[("if-match", "*")], json!({ "state": state }).to_string())
            .await
    };
    stand("retired", "retired").await.is(200);
    let block = async |blocked: bool| {
        app.post("/api/v1/sources/demo/blocks", &app.ada.token, json!({ "user": "Eve", "blocked": blocked })).await.is(200)
    };
    let add = async || app.post("/api/v1/groups/eves/members", &app.eve.token, json!({ "users": ["Ada"] })).await;
    let sync = async |ask: Value| app.post("/api/v1/groups/kept/sync", &app.eve.token, ask).await;
    let new = async || app.post("/api/v1/groups", &app.eve.token, json!({ "name": "new" })).await;
    block(true).await;
    add().await.refuses(403, "blocked", "");
    sync(json!({ "order": 1, "add": ["Ada"] })).await.refuses(403, "blocked", "");
    // Those who are in a group that counts again are let in.
    stand("retired", "active").await.refuses(403, "blocked", "");
    stand("kept", "active").await.refuses(403, "blocked", "");
    new().await.refuses(403, "blocked", "");
    // Taking out and away goes on.
    app.post("/api/v1/groups/eves/members/remove", &app.eve.token, json!({ "users": ["Ada"] })).await.is(200);
    sync(json!({ "order": 2, "remove": ["Ada"] })).await.is(200);
    stand("eves", "retired").await.is(200);
    block(false).await;
    for name in ["eves", "retired", "kept"] {
        stand(name, "active").await.is(200);
    }
    add().await.is(200);
    sync(json!({ "order": 3, "add": ["Ada"] })).await.is(200);
    new().await.is(201);
}
