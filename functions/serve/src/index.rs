//! A folder as a page: what wget, rclone, fsspec, Neuroglancer and people browse.
//!
//! Clients read it with patterns: one anchor an entry and no other, `href` its last attribute, complete or an error (CLIENTS 3).

use std::fmt::Write as _;

use axum::{body::Body, response::Response};
use domain::{
    decision::Permit,
    path::{ObjectPath, encode_key},
};
use edge::{problem::Problem, trace::Delivery};
use http::{HeaderValue, Method, header};

use objects::listing::{FolderEntry, ListQuery};

use crate::Reading;

impl Reading<'_> {
    /// `GET` or `HEAD` of a path that ends with a slash: a page, or `ListObjectsV2` where the query asks for it.
    pub(crate) async fn folder(&mut self, permit: &Permit, path: &ObjectPath) -> Result<Response, Problem> {
        self.verdict.delivery = Some(Delivery::Listing);
        if self.parts.method == Method::HEAD {
            let there = path.is_root() || self.has_folder(permit, path).await?;
            return if there { Ok(page(String::new())) } else { Err(Problem::no_such_object()) };
        }
        if let Some(asked) = self.asked_of_folder()? {
            return self.list_folder(permit, path, asked).await;
        }
        // An empty root is a folder all the same; a folder deeper down is there as far as it holds something.
        let entries = match self.app.objects.folder(permit, path, self.now).await? {
            Some(entries) => entries,
            None if path.is_root() => Vec::new(),
            None => return Err(Problem::no_such_object()),
        };
        let name = path.name().or_else(|| permit.scope().map(|scope| scope.name())).unwrap_or_default();
        Ok(page(index(name, &entries)))
    }
}

impl Reading<'_> {
    /// Whether anything that is shown lies below `path`.
    pub(crate) async fn has_folder(&self, permit: &Permit, path: &ObjectPath) -> Result<bool, Problem> {
        let one = ListQuery { max: 1, ..ListQuery::default() };
        let page = self.app.objects.list(permit, path, &one, self.now).await?;
        Ok(!page.objects.is_empty() || page.next.is_some())
    }
}

/// The page of a folder; `entries` are names, a folder's with a slash behind it.
fn index(name: &str, entries: &[FolderEntry]) -> String {
    let title = escape(name);
    let mut html = String::with_capacity(entries.len().saturating_mul(80).saturating_add(256));
    let _infallible = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<pre>\n"
    );
    for FolderEntry { name: entry, .. } in entries {
        let _infallible = writeln!(html, "<a href=\"{}\">{}</a>", encode_key(entry), escape(entry));
    }
    html.push_str("</pre>\n</body>\n</html>\n");
    html
}

/// Text as HTML has it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn page(html: String) -> Response {
    let length = html.len();
    let mut answer = Response::new(Body::from(html));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if length > 0 {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_one_escaped_anchor_an_entry_and_no_other() {
        let html =
            index("a<b>.zarr", &["0/", "zarr.json", "x:y +é&\"'<.png"].map(|name| FolderEntry { name: name.to_owned(), object: None }));
        assert_eq!(html.matches("<a ").count(), 3);
        assert!(html.contains("<a href=\"0/\">0/</a>\n"));
        assert!(html.contains("<a href=\"zarr.json\">zarr.json</a>\n"));
        assert!(html.contains("<a href=\"x%3Ay%20%2B%C3%A9%26%22%27%3C.png\">x:y +é&amp;&quot;&#39;&lt;.png</a>\n"));
        assert!(html.contains("<title>a&lt;b&gt;.zarr</title>"));
    }
}
