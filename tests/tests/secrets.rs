//! Logs and state of a run are searched for every secret that it issued: none is there, but where the documents say so. SECURITY T4, T6;
//! STYLE, house rule 14.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use embed::Keys;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    oidc::{AUDIENCE, Oidc},
    world::{Door, Expect, Link, Up, World, embedded_s3, embedded_table},
};

/// What the links are to.
const PLAIN: &str = "sharded-v3.ome.zarr";

/// A piece of a secret, and what it is a piece of.
type Secret = (&'static str, Vec<u8>);

/// Every secret that a run issued, in every form that it might be written in.
#[derive(Default)]
struct Secrets(BTreeSet<Secret>);

impl Secrets {
    fn add(&mut self, what: &'static str, text: &str) {
        assert!(text.len() >= 16, "{what} is too short to be looked for: {text}");
        self.0.insert((what, text.as_bytes().to_vec()));
        self.0.insert((what, text.to_ascii_uppercase().into_bytes()));
        self.0.insert((what, data_encoding::BASE64.encode(text.as_bytes()).trim_end_matches('=').as_bytes().to_vec()));
    }

    /// The signature of a signed URL, and its session token if it has one.
    fn add_signed(&mut self, url: &str) {
        let mut signatures = 0;
        for pair in url.split(['?', '&']) {
            if let Some(signature) = pair.strip_prefix("X-Amz-Signature=") {
                self.add("a signature", signature);
                signatures += 1;
            }
            if let Some(token) = pair.strip_prefix("X-Amz-Security-Token=") {
                self.add("a session token", token);
            }
        }
        assert_eq!(signatures, 1, "a signed URL has one signature");
    }

    /// Which of them stand in `bytes`.
    fn found_in(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        let finds = |secret: &[u8]| memmem(bytes, secret);
        self.0.iter().filter(|(_, secret)| finds(secret)).map(|(what, _)| *what).collect()
    }
}

/// Whether `needle` lies in `hay`: the first byte is sought by a fast library call, the rest compared.
fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    let mut rest = hay;
    while let Some(at) = rest.iter().position(|byte| *byte == needle[0]) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Uses a deployment in every form that puts a secret on the wire, well and badly; what was issued.
async fn used(world: &World) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add("the administrator's token", &world.token);
    let mut links = Vec::new();
    for (number, options) in
        [json!({}), json!({ "strict": true }), json!({ "class": "review" }), json!({ "class": "event" })].into_iter().enumerate()
    {
        let mut options = options;
        options["label"] = json!(format!("secrets {number}"));
        let link = world.link(PLAIN, options).await;
        secrets.add("a link's key", link.key());
        links.push(link);
    }
    for link in &links {
        read(world, link, &mut secrets).await;
        // The API shows keys, and is given them.
        for body in [json!({ "url": link.url }), json!({ "url": link.key() }), json!({ "url": link.streamed_at("zarr.json") })] {
            world.api(Method::POST, "/api/v1/links/resolve", Some(body)).await;
        }
        world.api(Method::GET, &format!("/api/v1/links/{}", link.id), None).await.expect_status(http::StatusCode::OK).await;
        // A key where it does not belong: in a query, and in a body that is refused.
        world.api(Method::GET, &format!("/api/v1/links?q={}", link.key()), None).await;
        world.api(Method::POST, "/api/v1/links", Some(json!({ "dataset": link.url, "nonsense": link.key() }))).await;
        world.api(Method::POST, &format!("/api/v1/links/{}/pause", link.id), None).await;
        world.get(&link.at("zarr.json")).await;
        world.api(Method::POST, &format!("/api/v1/links/{}/resume", link.id), None).await;
    }
    world.api(Method::GET, "/api/v1/links", None).await.expect_status(http::StatusCode::OK).await;
    // A token that is none, and one where it does not belong.
    let wrong = format!("{}x", world.token);
    world.client.get(format!("{}/api/v1/links", world.app_url)).bearer_auth(&wrong).send().await.expect("an answer");
    let asked = world.client.get(links[0].at("zarr.json")).bearer_auth(&world.token).send().await.expect("an answer");
    assert!(asked.status().is_redirection() || asked.status().is_client_error());
    for link in &links {
        world.revoke(link).await;
        world.get(&link.at("zarr.json")).await;
        world.get(&link.streamed_at("zarr.json")).await;
    }
    behind_a_password(world, &mut secrets).await;
    in_a_browser(&world.dataset("table.csv").await, world, &mut secrets).await;
    secrets
}

/// A link with a password, and a pass for it; right, wrong, and where they do not belong.
async fn behind_a_password(world: &World, secrets: &mut Secrets) {
    const PASSWORD: &str = "qz correct horse battery staple";
    const WRONG: &str = "qz wrong horse battery staple";
    secrets.add("a link's password", PASSWORD);
    secrets.add("a password that was tried", WRONG);
    let link = world.link(PLAIN, json!({ "label": "password", "password": PASSWORD })).await;
    secrets.add("a link's key", link.key());
    let ask = async |body: Value| {
        let request = world.client.post(format!("{}/api/v1/passes", world.app_url)).json(&body);
        request.send().await.expect("an answer")
    };
    for body in [
        json!({ "url": link.url, "password": WRONG }),
        json!({ "url": PASSWORD, "password": PASSWORD }),
        json!({ "url": link.url, "password": [PASSWORD] }),
        json!({ "url": link.url, "nonsense": PASSWORD }),
    ] {
        assert!(ask(body).await.status().is_client_error());
    }
    let pass = ask(json!({ "url": link.url, "password": PASSWORD })).await.expect_status(http::StatusCode::CREATED).await;
    let url = pass["url"].as_str().expect("a URL");
    secrets.add("a pass", url.split("/~").nth(1).and_then(|rest| rest.get(..32)).expect("a pass"));
    for path in ["", "/", "/zarr.json", "/none", "?x=y"] {
        let answer = world.get(&format!("{url}{path}")).await;
        if let Some(location) = answer.headers().get("location").and_then(|value| value.to_str().ok()).filter(|to| to.contains("X-Amz-")) {
            secrets.add_signed(location);
        }
    }
    // Typed on the link's page.
    let page = format!("{}/s/{}", world.app_url, link.key());
    world.client.get(&page).send().await.expect("an answer");
    for (password, status) in [(WRONG, 422), (PASSWORD, 201)] {
        let form = format!("password={}", password.replace(' ', "+"));
        secrets.add("a password as a form has it", &form);
        let sent = world.client.post(&page).header("origin", &world.app_url).header("content-type", "application/x-www-form-urlencoded");
        let answer = sent.body(form).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        let text = answer.text().await.expect("a page");
        if let Some(pass) = text.split("/~").nth(1).and_then(|rest| rest.get(..32)) {
            secrets.add("a pass from a page", pass);
        }
    }
    let edit = json!({ "password": "qz another horse battery staple", "nonsense": PASSWORD });
    world.api(Method::PATCH, &format!("/api/v1/links/{}", link.id), Some(edit)).await;
    world.revoke(&link).await;
}

/// Everything that a person is given on pages: a code, a session, a ticket, a viewer's token; right and wrong.
async fn in_a_browser(dataset: &Value, world: &World, secrets: &mut Secrets) {
    let dataset = dataset["id"].as_str().expect("an id");
    let invited =
        world.api(Method::POST, "/api/v1/users", Some(json!({ "name": "Ada" }))).await.expect_status(http::StatusCode::CREATED).await;
    let code = invited["code"].as_str().expect("a code");
    secrets.add("a code", code);
    let grant = json!({ "to": "user:Ada", "role": "view" });
    world
        .api(Method::POST, &format!("/api/v1/datasets/{dataset}/grants"), Some(grant))
        .await
        .expect_status(http::StatusCode::CREATED)
        .await;
    let send = async |path: &str, cookie: &str, form: &str| {
        let request = world.client.post(format!("{}{path}", world.app_url)).header("origin", &world.app_url).header("cookie", cookie);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await.expect("an answer")
    };
    send("/sign-in", "", &format!("code={code}&surprise={code}")).await;
    let signed = send("/sign-in", "", &format!("code={code}")).await;
    assert_eq!(signed.status(), http::StatusCode::SEE_OTHER);
    let cookie = signed.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    secrets.add("a session", cookie.split('=').nth(1).expect("a session"));
    for (path, form, what, before) in [
        (format!("/datasets/{dataset}/tickets/new"), "minutes=60", "a ticket", "/~"),
        ("/api/v1/authorize".to_owned(), "viewer=https%3A%2F%2Fviewer.test", "a viewer's token", "data-token=\"offprint_"),
    ] {
        let page = send(&path, &cookie, form).await.text().await.expect("a page");
        let secret = page.split(before).nth(1).unwrap_or_else(|| panic!("{what}: {page}")).get(..32).expect("a secret");
        secrets.add(what, secret);
    }
    // A code, and a session, where they do not belong.
    for path in [format!("/sign-in?next=/{code}"), format!("/{code}"), format!("/sign-in/callback?code={code}&state={code}")] {
        world.client.get(format!("{}{path}", world.app_url)).header("cookie", &cookie).send().await.expect("an answer");
    }
    send("/sign-in", &cookie, &format!("code={code}")).await;
    send("/sign-out", &cookie, "").await;
}

/// Reads a link in every form.
async fn read(world: &World, link: &Link, secrets: &mut Secrets) {
    let key = link.key();
    for url in [
        link.at("zarr.json"),
        link.at("0/c/9/9/9/9"),
        link.at("zarr.json?x=y"),
        link.streamed_at("zarr.json"),
        link.streamed_at("not there"),
        link.at(""),
        link.url.clone(),
        format!("{}/{key}?list-type=2&max-keys=2", world.data_url),
        format!("{}/{key}-s/?list-type=2&prefix={}", world.data_url, "sharded-v3.ome.zarr/"),
        format!("{}/?list-type=2&prefix={key}/", world.data_url),
        format!("{}/{key}?location", world.data_url),
        format!("{}/{key}/wrong.zarr/zarr.json", world.data_url),
        format!("{}/{key}/%2e%2e/x", world.data_url),
        format!("{}/{}/x", world.data_url, key.to_ascii_uppercase()),
        format!("{}/{key}{key}/x", world.data_url),
        format!("{}/nothing/{key}", world.data_url),
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
            let answer = world
                .client
                .request(method.clone(), &url)
                .header("referer", &link.url)
                .header("user-agent", key)
                .send()
                .await
                .expect("an answer");
            let Some(location) = answer.headers().get("location").map(|value| value.to_str().expect("text").to_owned()) else { continue };
            if location.contains("X-Amz-") {
                secrets.add_signed(&location);
                // Used as it should be, and with a byte changed: object storage refuses that, and must not say why at length.
                world.client.request(method, &location).send().await.expect("object storage answers");
                let broken = location.replace("X-Amz-Signature=", "X-Amz-Signature=0");
                world.client.get(&broken).send().await.expect("object storage answers");
            }
        }
    }
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_product_leaves_no_secret_behind() {
    let world = World::fresh(Door::Http).await;
    let mut secrets = used(&world).await;
    let state = world.dir.path().join("state");
    let ready: Value = serde_json::from_slice(&std::fs::read(state.join("ready.json")).expect("the ready file")).expect("JSON");
    let first = ready["first_link"]["url"].as_str().expect("the first link").split('/').nth(3).expect("a key");
    secrets.add("the first link's key", first);
    let deployment = std::fs::read(state.join("secret")).expect("the deployment's secret");
    secrets.0.insert(("the deployment's secret", deployment.clone()));
    secrets.0.insert(("the deployment's secret", data_encoding::HEXLOWER.encode(&deployment).into_bytes()));
    secrets.0.insert(("the deployment's secret", data_encoding::BASE64.encode(&deployment).into_bytes()));
    let of_addresses = std::fs::read(state.join("address-key")).expect("the key of addresses");
    secrets.0.insert(("the key of addresses", of_addresses.clone()));
    secrets.0.insert(("the key of addresses", data_encoding::HEXLOWER.encode(&of_addresses).into_bytes()));
    secrets.0.insert(("the key of addresses", data_encoding::BASE64.encode(&of_addresses).into_bytes()));
    // Access lines are written out every second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    let documented: &[(&str, &[&str])] = &[
        ("admin-token", &["the administrator's token"]),
        ("secret", &["the deployment's secret"]),
        ("address-key", &["the key of addresses"]),
        ("ready.json", &["the first link's key"]),
        // What `up` prints on the terminal, for the person who started it.
        ("state.output", &["the first link's key"]),
    ];
    let mut searched = Vec::new();
    for path in files_below(world.dir.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("text").to_owned();
        let found = secrets.found_in(&std::fs::read(&path).expect("a file"));
        let copy_of_ready = name.starts_with("state.ready-");
        let allowed = documented
            .iter()
            .find(|(file, _)| *file == name || (copy_of_ready && *file == "ready.json"))
            .map_or(&[][..], |(_, what)| *what);
        let more: Vec<_> = found.iter().filter(|what| !allowed.contains(what)).collect();
        assert!(more.is_empty(), "{} holds {more:?}", path.display());
        if matches!(name.as_str(), "admin-token" | "secret" | "address-key" | "ready.json") {
            assert_eq!(found.len(), allowed.len(), "{name} holds what the documents say, so the search finds what is there");
            let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().expect("metadata").permissions());
            assert_eq!(mode & 0o077, 0, "{name} is for its owner alone");
        }
        searched.push(name);
    }
    for name in ["state.output", "access.jsonl", "table.db", "folders.json"] {
        assert!(searched.iter().any(|searched| searched == name), "{name} was searched: {searched:?}");
    }
    let log = std::fs::read_to_string(world.dir.path().join("state.output")).expect("a log");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all that it can");
    let lines = std::fs::read_to_string(state.join("access.jsonl")).expect("the access log");
    assert!(lines.lines().count() > 200, "every request has its line");
}

/// In front of a store of one's own its keys are secrets, too; here they are known, and so can be looked for.
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_store_are_not_left_behind() {
    let dir = TempDir::new().expect("a folder");
    let (demo, state) = (dir.path().join("demo"), dir.path().join("of-offprint").join("state"));
    std::fs::create_dir(state.parent().expect("a parent")).expect("a folder");
    offprint::demo::write(&demo).expect("demo data");
    let keys =
        Keys { access_key_id: "AKIATESTTESTTEST".to_owned(), secret_access_key: "qzKeyOfTheStore/ofThisTest+0123456789abc".to_owned() };
    let (s3_url, table_url) = (embedded_s3(&demo, &keys).await, embedded_table(&keys).await);
    let arguments = ["--s3-endpoint", &s3_url, "--s3-bucket", "demo", "--table-endpoint", &table_url].map(str::to_owned);
    let environment = [("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()), ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone())];
    // Started elsewhere: it waits by blocking, and the parts that it needs run on this runtime.
    let started = state.clone();
    let up = tokio::task::spawn_blocking(move || {
        Up::start_with(&started, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), &environment)
    })
    .await
    .expect("it starts");
    let text = |field: &str| up.ready[field].as_str().expect("a field of the ready file").to_owned();
    let token = std::fs::read_to_string(text("token_file")).expect("a token");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let post = async |path: String, body: Value| -> Value {
        let answer =
            client.post(format!("{}{path}", text("app_url"))).bearer_auth(token.trim()).json(&body).send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        assert!(status.is_success(), "{path}: {body}");
        body
    };
    let mut secrets = Secrets::default();
    secrets.add("the store's secret key", &keys.secret_access_key);
    let dataset = post("/api/v1/datasets".to_owned(), json!({ "source": "demo", "path": "sharded-v3.ome.zarr" })).await;
    let link = Link::of(&post("/api/v1/links".to_owned(), json!({ "dataset": dataset["id"] })).await);
    secrets.add("a link's key", link.key());
    for url in [link.at("zarr.json"), link.streamed_at("zarr.json"), link.at(""), link.streamed_at("missing")] {
        let answer = client.get(&url).send().await.expect("an answer");
        if let Some(location) = answer.headers().get("location") {
            secrets.add_signed(location.to_str().expect("text"));
        }
    }
    post(format!("/api/v1/sources/{}/doctor", dataset["source"].as_str().expect("an id")), json!({})).await;
    post(format!("/api/v1/links/{}/revoke", link.id), json!({})).await;
    assert!(up.stop(), "it ends cleanly");
    let mut searched = 0;
    for path in files_below(state.parent().expect("a parent")) {
        let found = secrets.found_in(&std::fs::read(&path).expect("a file"));
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
        searched += 1;
    }
    assert!(searched >= 3, "log, access lines and token were searched");
}

/// Whoever signs in through a provider brings tokens and codes of its, which are credentials there, too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_provider_is_left_behind() {
    const ISSUER: &str = "secrets";
    let oidc = Oidc::start();
    let dir = TempDir::new().expect("a folder");
    let state = dir.path().join("state");
    let arguments = ["--oidc-issuer", &oidc.issuer(ISSUER), "--oidc-audience", AUDIENCE, "--oidc-client-id", &oidc.client_id];
    let up = Up::start_with(&state, &arguments, &[("OFFPRINT_OIDC_CLIENT_SECRET", oidc.client_secret.clone())]);
    let app = up.ready["app_url"].as_str().expect("an address");
    let data = up.ready["data_url"].as_str().expect("an address");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut secrets = Secrets::default();
    secrets.add("the client's secret", &oidc.client_secret);
    // The API: a token, one that is broken, and both where they do not belong.
    let token = oidc.token(ISSUER, "RS256").await;
    let broken = token.replacen('.', ".e", 1);
    for (what, text) in [("a provider's token", &token), ("a provider's token, broken", &broken)] {
        secrets.add(what, text);
        secrets.add(what, text.rsplit('.').next().expect("a signature"));
    }
    let sign_in = async |ask: Value| client.post(format!("{app}/api/v1/sign-in")).json(&ask).send().await.expect("an answer");
    let signed = sign_in(json!({ "token": token })).await.expect_status(http::StatusCode::OK).await;
    secrets.add("a session", signed["session"]["secret"].as_str().expect("a secret"));
    for wrong in [json!({ "token": broken }), json!({ "code": token }), json!({ "nonsense": token }), json!({ "token": [token] })] {
        assert!(sign_in(wrong).await.status().is_client_error());
    }
    let unknown = format!("{data}/d{}/x.zarr/zarr.json", "a".repeat(26));
    for text in [&token, &broken] {
        for url in [format!("{app}/api/v1/me"), format!("{app}/api/v1/links?q={text}"), unknown.clone(), format!("{data}/{text}/x")] {
            client.get(&url).bearer_auth(text).header("referer", format!("{app}/{text}")).send().await.expect("an answer");
        }
        client.get(&unknown).basic_auth("anybody", Some(text)).send().await.expect("an answer");
    }
    // A browser: what it keeps meanwhile, what it is led back with, and the session; well, badly, and again.
    let begun = client.get(format!("{app}/sign-in/provider")).send().await.expect("an answer");
    let cookie = begun.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    let address = begun.headers()["location"].to_str().expect("text").to_owned();
    let kept = cookie.split_once('=').and_then(|(_name, value)| value.split_once(':')).expect("an attempt, and where to go").0;
    secrets.add("a sign-in under way", kept);
    for (what, part) in ["a sign-in's state", "a sign-in's nonce", "a code verifier"].into_iter().zip(kept.split('.')) {
        secrets.add(what, part);
    }
    let back = oidc.visit(&address, app).await;
    for url in [&address, &back] {
        for (name, what) in [("state", "a sign-in's state"), ("nonce", "a sign-in's nonce"), ("code", "a provider's code")] {
            if let Some(value) = url.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')) {
                secrets.add(what, value);
            }
        }
    }
    let come = async |url: &str| client.get(url).header("cookie", &cookie).send().await.expect("an answer");
    assert!(!come(&back.replacen("state=", "state=x", 1)).await.headers().contains_key("location"));
    let home = come(&back).await;
    assert_eq!(home.status(), http::StatusCode::SEE_OTHER, "{}", home.text().await.unwrap_or_default());
    let session = home.headers().get_all("set-cookie").iter().find_map(|line| line.to_str().ok()?.split_once("=offprint_"));
    let session = session.expect("a session").1.split(';').next().expect("a cookie");
    secrets.add("a browser's session", session);
    let told = oidc.told(ISSUER).await;
    assert_eq!(told.split('.').count(), 3, "a provider's ID token: {told}");
    secrets.add("a provider's ID token", &told);
    secrets.add("a provider's ID token", told.rsplit('.').next().expect("a signature"));
    come(&back).await;
    assert!(up.stop(), "it ends cleanly");
    let mut searched = 0;
    for path in files_below(dir.path()) {
        let found = secrets.found_in(&std::fs::read(&path).expect("a file"));
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
        searched += 1;
    }
    assert!(searched >= 3, "log, access lines and table were searched");
    let log = std::fs::read_to_string(state.with_extension("output")).expect("a log");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all that it can");
}

/// What is in the environment of this process's children under `name`.
fn of_children(name: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for task in std::fs::read_dir("/proc/self/task").expect("tasks") {
        let children = std::fs::read_to_string(task.expect("a task").path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let environment = std::fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
            let variables = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            values.extend(variables.filter_map(|variable| Some(variable.strip_prefix(name)?.strip_prefix('=')?.to_owned())));
        }
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_log_no_secret() {
    let world = World::fresh(Door::Lambda).await;
    let mut secrets = used(&world).await;
    let keys = of_children("AWS_SECRET_ACCESS_KEY");
    assert!(!keys.is_empty(), "the functions were given keys");
    keys.iter().for_each(|key| secrets.add("the functions' secret key", key));
    for name in ["serve", "links", "acl", "pages"] {
        let log = std::fs::read(world.dir.path().join(format!("{name}.log"))).expect("a log");
        let found = secrets.found_in(&log);
        assert!(found.is_empty(), "{name} logged {found:?}");
        let text = String::from_utf8_lossy(&log);
        assert!(text.contains("\"kind\":\"access\""), "{name} wrote its access lines");
        assert!(text.lines().any(|line| line.contains("TRACE") || line.contains("DEBUG")), "{name} said all that it can");
    }
}
