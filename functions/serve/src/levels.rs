//! Metadata for a reader who may have coarse levels only: they name these levels and no others, so that a viewer never asks for more (L11).

use axum::{body::Body, response::Response};
use domain::{decision::Permit, limits::METADATA_BYTES_MAX, path::ObjectPath};
use edge::{problem::Problem, trace::Delivery};
use http::{HeaderValue, header};

use crate::Reading;

impl Reading<'_> {
    /// The metadata document at `path` without what is finer than `permit` allows. What cannot be understood is not shown.
    pub(crate) async fn thinned(&mut self, permit: &Permit, path: &ObjectPath) -> Result<Response, Problem> {
        self.verdict.delivery = Some(Delivery::Stream);
        let found = self.app.objects.document(permit, path, METADATA_BYTES_MAX, self.now).await?;
        let mut answer = Response::new(Body::from(found.ok_or_else(Problem::no_such_object)?));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(answer)
    }
}
