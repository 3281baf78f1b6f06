//! The origin of the pages, and whether a request that changes something was made by one of them.

use edge::{App, lambda::OwnOrigin, problem::Problem};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

/// The app's own origin, as configured, else the function's own address; never the `Host` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// The origin of a deployment, for this request.
    pub(crate) fn of(app: &App, own: Option<&OwnOrigin>) -> Self {
        Self(app.config.app_url.clone().or_else(|| own.map(|own| own.0.clone())).unwrap_or_default())
    }

    /// What the middleware found; without it, one that no request comes from.
    pub(crate) fn from_parts(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or(Self(String::new()))
    }

    /// Whether browsers reach it encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// A path on this origin, whole.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Takes a form only from a page of this origin (SECURITY T26). A browser says who made it in `Origin`, always, and in `Sec-Fetch-Site`
    /// where it knows that header; what says neither is no browser with our page.
    ///
    /// # Errors
    /// 403 `cross-site`.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let only = |name: &str| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_first| values.next().is_none()).map(HeaderValue::as_bytes)
        };
        let is_ours = !self.0.is_empty() && only(header::ORIGIN.as_str()) == Some(self.0.as_bytes());
        let is_same_site = !headers.contains_key("sec-fetch-site") || only("sec-fetch-site") == Some(b"same-origin");
        if is_ours && is_same_site {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", "the form was not sent by a page of this app").hint(
            "open the page at the app's own address; if you did, an administrator must name that address in OFFPRINT_APP_URL (AppDomain)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY T26
    #[test]
    fn only_a_page_of_this_origin_changes_anything() {
        let origin = Origin("https://app.example.org".to_owned());
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            origin.admit(&headers).map_err(|problem| (problem.status.as_u16(), problem.code))
        };
        let (ours, same) = (("origin", "https://app.example.org"), ("sec-fetch-site", "same-origin"));
        assert_eq!(asked(&[ours, same]), Ok(()));
        assert_eq!(asked(&[ours]), Ok(()), "a browser that does not know Sec-Fetch-Site");
        for refused in [
            &[][..],
            &[same],
            &[("origin", "null"), same],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://app.example.org.evil.example"), same],
            &[("origin", "http://app.example.org"), same],
            &[("origin", "https://APP.example.org"), same],
            &[ours, ("origin", "https://evil.example"), same],
            &[ours, ("sec-fetch-site", "same-site")],
            &[ours, ("sec-fetch-site", "none")],
            &[ours, same, ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(asked(refused), Err((403, "cross-site")), "{refused:?}");
        }
        let nowhere = Origin(String::new());
        assert!(nowhere.admit(&HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(""))])).is_err());
    }
}
