//! A browser without scripts: it keeps cookies, says where a form comes from, and follows no redirect by itself.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use axum::Router;
use edge::{App, config::Config, provider::Provider, provider::ProviderSettings};
use http::{HeaderMap, StatusCode};

use crate::support::{Answer, OPEN, TestApp};

/// The app origin of these tests.
pub(crate) const APP: &str = "https://app.test";
/// A viewer that the deployment allows.
pub(crate) const VIEWER: &str = "https://viewer.test";

/// A deployment, with or without a provider.
pub(crate) async fn start(provider: Option<ProviderSettings>) -> TestApp {
    let router = |mut app: App| -> Router {
        let settings = Config {
            app_url: Some(APP.to_owned()),
            viewer_origins: vec!["https://other.test".to_owned(), VIEWER.to_owned()],
            provider: provider.clone(),
            ..(*app.config).clone()
        };
        app.config = Arc::new(settings);
        app.provider = provider.map(|settings| Provider::new(settings, true));
        pages::router(app)
    };
    TestApp::start(router, OPEN).await
}

/// A person's browser.
pub(crate) struct Browser<'a> {
    app: &'a TestApp,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(app: &'a TestApp) -> Self {
        Self { app, cookies: RefCell::default() }
    }

    /// One that is signed in by this token.
    pub(crate) fn signed_in(app: &'a TestApp, token: &str) -> Self {
        let browser = Self::of(app);
        browser.cookies.borrow_mut().insert("__Host-offprint-session".to_owned(), token.to_owned());
        browser
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    /// Sends a form from a page of the app's.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, &[("origin", APP), ("sec-fetch-site", "same-origin")], form).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let cookies = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        if method == "POST" {
            all.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let answer = self.app.send(method, path, "", &all, form.to_owned()).await;
        keep(&mut self.cookies.borrow_mut(), &answer.headers);
        answer
    }
}

/// Keeps the cookies of an answer.
pub(crate) fn keep(cookies: &mut BTreeMap<String, String>, headers: &HeaderMap) {
    for line in headers.get_all("set-cookie") {
        let line = line.to_str().unwrap();
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        if value.is_empty() || line.contains("Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Answer {
    /// The text of a page.
    #[track_caller]
    pub(crate) fn page(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers["content-type"], "text/html; charset=utf-8", "{self:?}");
        self.json.as_str().expect("a page is no JSON")
    }

    /// Where it leads: always a whole address.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        self.headers["location"].to_str().unwrap()
    }
}
