//! Discovery: an issuer's own document, to the byte, or none (OpenID Connect Discovery 1.0, section 4.3).

use http::StatusCode;
use identity::{
    discovery::{DiscoverError, Discovered, discover},
    limits::DOCUMENT_BYTES_MAX,
    outbound::{FetchError, Outbound},
};
use serde_json::{Value, json};

use crate::{
    server::{Answer, Server},
    with,
};

async fn found(server: &Server, issuer: &str, document: &Value) -> Result<Discovered, DiscoverError> {
    server.answers(Answer::Body(document.to_string().into()));
    discover(&Outbound::new(true), issuer).await
}

#[tokio::test]
async fn an_issuer_names_itself_and_its_addresses() {
    let server = Server::new(Answer::HangUp).await;
    let issuer = format!("{}/realm", server.origin);
    let document = json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"), "response_types_supported": ["code"],
    });
    let want = Discovered {
        keys_url: format!("{issuer}/keys"),
        authorization_url: Some(format!("{issuer}/auth")),
        token_url: Some(format!("{issuer}/token")),
        secret_in_form: false,
        names_itself: false,
    };
    assert_eq!(found(&server, &issuer, &document).await, Ok(want.clone()));
    let slash = format!("{issuer}/");
    for (methods, secret_in_form) in [(json!(["client_secret_post", "none"]), true), (json!(["client_secret_basic"]), false)] {
        let said = with(document.clone(), json!({ "token_endpoint_auth_methods_supported": methods }));
        assert_eq!(found(&server, &issuer, &said).await, Ok(Discovered { secret_in_form, ..want.clone() }));
    }
    assert_eq!(found(&server, &slash, &with(document.clone(), json!({ "issuer": slash }))).await, Ok(want.clone()));
    let naming = with(document.clone(), json!({ "authorization_response_iss_parameter_supported": true }));
    assert_eq!(found(&server, &issuer, &naming).await, Ok(Discovered { names_itself: true, ..want.clone() }));
    let bare = with(document.clone(), json!({ "authorization_endpoint": null, "token_endpoint": null }));
    assert_eq!(found(&server, &issuer, &bare).await, Ok(Discovered { authorization_url: None, token_url: None, ..want }));

    for (what, changes, want) in [
        ("another issuer", json!({ "issuer": "https://evil.example" }), DiscoverError::OtherIssuer),
        ("with a slash", json!({ "issuer": slash }), DiscoverError::OtherIssuer),
        ("in capitals", json!({ "issuer": issuer.to_uppercase() }), DiscoverError::OtherIssuer),
        ("no issuer", json!({ "issuer": null }), DiscoverError::Unreadable),
        ("a list of issuers", json!({ "issuer": [issuer] }), DiscoverError::Unreadable),
        ("no keys", json!({ "jwks_uri": null }), DiscoverError::Unreadable),
        ("keys in a file", json!({ "jwks_uri": "file:///keys" }), DiscoverError::Endpoint("jwks_uri")),
        ("a script", json!({ "authorization_endpoint": "javascript:alert(1)" }), DiscoverError::Endpoint("authorization_endpoint")),
        ("a relative address", json!({ "token_endpoint": "/token" }), DiscoverError::Endpoint("token_endpoint")),
    ] {
        assert_eq!(found(&server, &issuer, &with(document.clone(), changes)).await, Err(want), "{what}");
    }
}

#[tokio::test]
async fn a_document_is_fetched_as_keys_are() {
    let server = Server::new(Answer::HangUp).await;
    let elsewhere = Server::new(Answer::HangUp).await;
    let twice = format!(r#"{{"issuer":"{0}","issuer":"{0}","jwks_uri":"{0}/keys"}}"#, server.origin);
    let long = Answer::Body(" ".repeat(DOCUMENT_BYTES_MAX + 1).into());
    for (answer, want) in [
        (Answer::HangUp, DiscoverError::Fetch(FetchError::Unreachable)),
        (Answer::Status(StatusCode::NOT_FOUND), DiscoverError::Fetch(FetchError::Status(404))),
        (Answer::Redirect(StatusCode::FOUND, elsewhere.url()), DiscoverError::Fetch(FetchError::Status(302))),
        (long, DiscoverError::Fetch(FetchError::TooLong)),
        (Answer::HeadOnly, DiscoverError::Fetch(FetchError::Timeout)),
        (Answer::Body("<html>".into()), DiscoverError::Unreadable),
        (Answer::Body(twice.into()), DiscoverError::Unreadable),
    ] {
        server.answers(answer);
        assert_eq!(discover(&Outbound::new(true), &server.origin).await, Err(want));
    }
    assert_eq!(elsewhere.fetches(), 0);

    let asked = server.fetches();
    for issuer in [&*server.origin, "http://login.lab.example", "https://[::1]", "ftp://login.lab.example", "login.lab.example", ""] {
        assert_eq!(discover(&Outbound::new(false), issuer).await, Err(DiscoverError::Address), "{issuer}");
    }
    for issuer in [format!("{}?a=b", server.origin), format!("{}#a", server.origin)] {
        assert_eq!(discover(&Outbound::new(true), &issuer).await, Err(DiscoverError::Address), "{issuer}");
    }
    assert_eq!(server.fetches(), asked);
}
