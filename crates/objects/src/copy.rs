//! Copying: one object from one place to another by the store itself, no byte of it through us.
//!
//! A copy is conditioned on the original as it was listed, goes over nothing that is there, and is looked at afterwards: its length, and its entity
//! tag where both are what S3 makes of unencrypted objects of one piece, which is MD5. Tags and access lists of the original are not copied, and the
//! target's bucket says how it is encrypted. Both places must be on one endpoint, with one signer that may read here and write there.

use core::time::Duration;
use std::{fmt, sync::Arc};

use aws_sdk_s3::{
    Client,
    config::{self, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::head_object::HeadObjectOutput,
    types::{CompletedMultipartUpload, CompletedPart, RequestPayer, ServerSideEncryption, TaggingDirective},
};
use domain::{
    copy::WriteScope,
    decision::{Denial, Permit, ReadScope},
    limits::{COPY_PART_BYTES_MIN, COPY_PARTS_MAX, COPY_TRY_SECS, COPY_WHOLE_BYTES_MAX},
    path::{ObjectPath, encode_key},
    source::Source,
};
use http::StatusCode;
use jiff::Timestamp;
use thiserror::Error;
use tokio::task::JoinSet;

use crate::{
    Objects, ObjectsError,
    access::Access,
    listing::{Below, ListPage, ListQuery, ObjectEntry},
    presigner::SignError,
    stream::refusal,
};

/// Parts of one object that are copied at the same time.
const PARTS_AT_ONCE_MAX: usize = 4;
/// Digits of MD5 in hexadecimal.
const MD5_DIGITS: usize = 32;

/// Copies objects of one dataset to one folder, as long as both permits are good.
#[derive(Clone)]
pub struct Copier<'p> {
    access: Arc<Access>,
    from: ReadScope<'p>,
    to: WriteScope<'p>,
    whole_bytes_max: u64,
    part_bytes_min: u64,
}

/// Why an object was not copied. It never holds a path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CopyObjectError {
    /// The permits are for something else, or do not open the object.
    #[error("the permit does not open this")]
    Denied(#[from] Denial),
    /// The places are on two endpoints, or have two signers.
    #[error("the two places are not on one store, with one signer")]
    Apart,
    /// The original is not the one that was listed.
    #[error("the object changed, or is gone")]
    Changed,
    /// Something lies there that is not this object's copy.
    #[error("something else lies where the object goes")]
    Taken,
    /// What arrived is not like the original.
    #[error("the copy is not like the object")]
    Unlike,
    /// The store copies no object of this size.
    #[error("the object is larger than what the store copies")]
    TooLarge,
    /// As for reads.
    #[error(transparent)]
    Store(#[from] ObjectsError),
}

impl CopyObjectError {
    /// Whether the same may succeed a little later.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        use ObjectsError::{Credentials, Timeout, Unavailable, Unreachable};
        matches!(self, Self::Store(Credentials(_) | Timeout | Unavailable { .. } | Unreachable))
    }
}

/// One object, as its copy is asked for.
struct Asked {
    from_bucket: String,
    from_key: String,
    to_bucket: String,
    to_key: String,
    size: u64,
    etag: String,
    payer: Option<RequestPayer>,
}

/// Why one request failed.
enum Failed {
    /// A condition did not hold: the original's, or that nothing is there.
    Condition,
    /// The store knows no such request.
    Unknown,
    For(CopyObjectError),
}

impl From<Failed> for CopyObjectError {
    fn from(why: Failed) -> Self {
        match why {
            Failed::Condition => Self::Changed,
            Failed::Unknown => Self::Store(refusal(StatusCode::NOT_IMPLEMENTED, Some("NotImplemented".to_owned()))),
            Failed::For(why) => why,
        }
    }
}

impl Objects {
    /// What copies from what `from` opens to below `folder`, in the source of `to`. Nothing is asked of the store.
    ///
    /// # Errors
    /// [`CopyObjectError::Apart`], and [`CopyObjectError::Denied`] where the permits are for something else.
    pub fn copier<'p>(&self, from: &'p Permit, to: &'p Permit, folder: &ObjectPath) -> Result<Copier<'p>, CopyObjectError> {
        let other = CopyObjectError::Denied(Denial::NotDiscoverable);
        let (from, to) = (from.scope().ok_or(other.clone())?, WriteScope::of(to, folder).ok_or(other)?);
        if !self.is_together(from.source(), to.source()) {
            return Err(CopyObjectError::Apart);
        }
        let access = self.access_to_copy(from.source(), to.source()).map_err(ObjectsError::from)?;
        Ok(Copier { access, from, to, whole_bytes_max: COPY_WHOLE_BYTES_MAX, part_bytes_min: COPY_PART_BYTES_MIN })
    }

    /// A page of what lies below the folder that `to` writes to: all of it, whoever asks, but what no link carries.
    ///
    /// # Errors
    /// As [`Objects::list`].
    pub async fn list_arrived(&self, to: &WriteScope<'_>, query: &ListQuery, now: Timestamp) -> Result<ListPage, ObjectsError> {
        let folder = to.folder().map_err(SignError::from)?;
        let (page, _marked) = self.list_below(to.source(), Below { folder: &folder, scope: None }, query, now).await?;
        Ok(page)
    }

    /// Tries what copies into a source take, at a key that is not there and will not be: whether the store copies in parts, too.
    pub(crate) async fn tries_to_copy_into(&self, source: &Source, missing: &ObjectPath, now: Timestamp) -> Result<bool, ObjectsError> {
        let of_store = |why: Failed| match CopyObjectError::from(why) {
            CopyObjectError::Store(why) => why,
            _other => ObjectsError::Unreadable,
        };
        let access = self.access_to_copy(source, source)?;
        drop(access.signing(now).await?);
        let (client, bucket, key) = (access.client(), &source.store.bucket, missing.as_str());
        let none = format!("{bucket}/{}", encode_key(key));
        match client
            .copy_object()
            .bucket(bucket)
            .key(format!("{key}-copy"))
            .copy_source(none)
            .tagging_directive(TaggingDirective::Replace)
            .send()
            .await
        {
            Ok(_copied) => return Err(ObjectsError::Unreadable),
            Err(why) => match failed(&why) {
                // It is not there, which whoever may not write is not told.
                Failed::For(CopyObjectError::Changed) => {}
                why => return Err(of_store(why)),
            },
        }
        match client.create_multipart_upload().bucket(bucket).key(key).send().await {
            Ok(begun) => {
                let dropped = client.abort_multipart_upload().bucket(bucket).key(key).set_upload_id(begun.upload_id).send().await;
                dropped.map(|_dropped| true).map_err(|why| of_store(failed(&why)))
            }
            Err(why) => match failed(&why) {
                Failed::Unknown => Ok(false),
                why => Err(of_store(why)),
            },
        }
    }

    /// Whether one request can name both.
    fn is_together(&self, from: &Source, to: &Source) -> bool {
        let endpoint =
            |source: &Source| source.store.endpoint.as_ref().or(self.0.settings.endpoint.as_ref()).map(|url| url.to_ascii_lowercase());
        let role = |source| self.0.issuer.copier_of(source).map(|role| role.arn);
        endpoint(from) == endpoint(to) && role(from) == role(to)
    }
}

impl Copier<'_> {
    /// The same, which copies objects of more than `whole_bytes_max` bytes in parts of `part_bytes_min` at the least: for a store whose bounds
    /// are not those of S3.
    #[must_use]
    pub fn in_parts_from(self, whole_bytes_max: u64, part_bytes_min: u64) -> Self {
        Self { whole_bytes_max, part_bytes_min, ..self }
    }

    /// Where it writes to.
    #[must_use]
    pub const fn to(&self) -> &WriteScope<'_> {
        &self.to
    }

    /// Copies an object, as it was listed in the original. `may_be_there`: an earlier try may have copied it; then what is there is looked at.
    ///
    /// # Errors
    /// [`CopyObjectError`]. After one that [may pass](CopyObjectError::may_pass) the copy may be there all the same.
    pub async fn copy(&self, entry: &ObjectEntry, may_be_there: bool, now: Timestamp) -> Result<(), CopyObjectError> {
        let asked = self.asked(entry)?;
        self.renewed(now).await?;
        if self.head(&asked.to_bucket, &asked.to_key, &asked).await?.is_some() {
            return self.is_taken(&asked, may_be_there).await;
        }
        let copied = match self.original(&asked).await? {
            _original if entry.size <= self.whole_bytes_max => self.whole(&asked).await,
            original => self.in_parts(&asked, original).await,
        };
        match copied {
            Ok(()) => self.is_like(&asked, CopyObjectError::Unlike).await,
            Err(Failed::Condition) if self.head(&asked.to_bucket, &asked.to_key, &asked).await?.is_some() => {
                self.is_taken(&asked, may_be_there).await
            }
            Err(why) => Err(why.into()),
        }
    }

    /// What it means that something is there.
    async fn is_taken(&self, asked: &Asked, may_be_there: bool) -> Result<(), CopyObjectError> {
        if may_be_there { self.is_like(asked, CopyObjectError::Taken).await } else { Err(CopyObjectError::Taken) }
    }

    /// The original, as it was listed. Not every store that takes a copy's conditions keeps them: Ceph's copies another object as well, and over
    /// what is there, so both places are looked at before.
    async fn original(&self, asked: &Asked) -> Result<HeadObjectOutput, CopyObjectError> {
        let original = self.head(&asked.from_bucket, &asked.from_key, asked).await?;
        original.filter(|original| original.e_tag() == Some(asked.etag.as_str())).ok_or(CopyObjectError::Changed)
    }

    /// Looks whether what is there is this object's copy.
    ///
    /// # Errors
    /// [`CopyObjectError::Taken`] where it is not.
    pub async fn check(&self, entry: &ObjectEntry, now: Timestamp) -> Result<(), CopyObjectError> {
        let asked = self.asked(entry)?;
        self.renewed(now).await?;
        self.is_like(&asked, CopyObjectError::Taken).await
    }

    fn asked(&self, entry: &ObjectEntry) -> Result<Asked, CopyObjectError> {
        let path = ObjectPath::from_decoded(entry.key.as_str()).map_err(Denial::Path)?;
        let pays = self.from.store().requester_pays || self.to.source().store.requester_pays;
        Ok(Asked {
            from_bucket: self.from.store().bucket.clone(),
            from_key: self.from.key(&path)?.as_str().to_owned(),
            to_bucket: self.to.source().store.bucket.clone(),
            to_key: self.to.key(&path)?.as_str().to_owned(),
            size: entry.size,
            // Without one nothing says that it is still the same object.
            etag: entry.etag.clone().ok_or(ObjectsError::Unreadable)?,
            payer: pays.then_some(RequestPayer::Requester),
        })
    }

    /// Sees to it that there are credentials, which the client then signs with.
    async fn renewed(&self, now: Timestamp) -> Result<(), CopyObjectError> {
        self.access.signing(now).await.map(drop).map_err(|why| ObjectsError::from(why).into())
    }

    /// One request, and another without the condition that nothing is there where the store does not know that: it was looked before.
    async fn whole(&self, asked: &Asked) -> Result<(), Failed> {
        match self.whole_if(asked, Some("*".to_owned())).await {
            Err(Failed::Unknown) => self.whole_if(asked, None).await,
            copied => copied,
        }
    }

    async fn whole_if(&self, asked: &Asked, none_match: Option<String>) -> Result<(), Failed> {
        let request = self
            .access
            .client()
            .copy_object()
            .bucket(&asked.to_bucket)
            .key(&asked.to_key)
            .copy_source(asked.copy_source())
            .copy_source_if_match(&asked.etag)
            .set_if_none_match(none_match)
            .tagging_directive(TaggingDirective::Replace)
            .set_request_payer(asked.payer.clone());
        request.customize().config_override(once()).send().await.map(drop).map_err(|why| failed(&why))
    }

    async fn in_parts(&self, asked: &Asked, original: HeadObjectOutput) -> Result<(), Failed> {
        let client = self.access.client();
        // What goes with the bytes is not copied with parts.
        let begun = client
            .create_multipart_upload()
            .bucket(&asked.to_bucket)
            .key(&asked.to_key)
            .set_content_type(original.content_type)
            .set_content_encoding(original.content_encoding)
            .set_content_language(original.content_language)
            .set_content_disposition(original.content_disposition)
            .set_cache_control(original.cache_control)
            .set_metadata(original.metadata)
            .set_request_payer(asked.payer.clone())
            .send()
            .await;
        let begun = begun.map_err(|why| match failed(&why) {
            Failed::Unknown => Failed::For(CopyObjectError::TooLarge),
            other => other,
        })?;
        let id = begun.upload_id().ok_or(Failed::For(ObjectsError::Unreadable.into()))?;
        let copied = match parts(client, asked, id, self.part_bytes_min).await {
            Ok(parts) => {
                let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
                let ends = client.complete_multipart_upload().bucket(&asked.to_bucket).key(&asked.to_key).upload_id(id);
                let ends = ends.multipart_upload(whole).if_none_match("*").set_request_payer(asked.payer.clone());
                ends.customize().config_override(once()).send().await.map(drop).map_err(|why| failed(&why))
            }
            Err(why) => Err(why),
        };
        if copied.is_err() {
            let ended = client.abort_multipart_upload().bucket(&asked.to_bucket).key(&asked.to_key).upload_id(id).send().await;
            if ended.is_err() {
                tracing::warn!("the parts of a copy that broke off could not be dropped: the bucket's lifecycle has to");
            }
        }
        copied
    }

    /// Holds what is there to the original: by its length, and its entity tag where it can be.
    async fn is_like(&self, asked: &Asked, otherwise: CopyObjectError) -> Result<(), CopyObjectError> {
        let Some(there) = self.head(&asked.to_bucket, &asked.to_key, asked).await? else { return Err(otherwise) };
        if there.content_length().and_then(|length| u64::try_from(length).ok()) != Some(asked.size) {
            return Err(otherwise);
        }
        let made = there.e_tag().unwrap_or_default();
        if !is_md5(made) || !is_md5(&asked.etag) || made == asked.etag || is_veiled(&there) {
            return Ok(());
        }
        // They differ: perhaps only because the original's is no MD5.
        if is_veiled(&self.original(asked).await?) { Ok(()) } else { Err(otherwise) }
    }

    /// What is known of an object on either side; `None`: it is not there.
    async fn head(&self, bucket: &str, key: &str, asked: &Asked) -> Result<Option<HeadObjectOutput>, CopyObjectError> {
        let request = self.access.client().head_object().bucket(bucket).key(key).set_request_payer(asked.payer.clone());
        match request.send().await {
            Ok(there) => Ok(Some(there)),
            Err(SdkError::ServiceError(answer)) if answer.raw().status().as_u16() == 404 => Ok(None),
            Err(why) => Err(failed(&why).into()),
        }
    }
}

impl Asked {
    fn copy_source(&self) -> String {
        format!("{}/{}", self.from_bucket, encode_key(&self.from_key))
    }
}

/// Copies an object's parts, a few at a time.
async fn parts(client: &Client, asked: &Asked, upload: &str, part_bytes_min: u64) -> Result<Vec<CompletedPart>, Failed> {
    let mut ranges = ranges(asked.size, part_bytes_min).into_iter();
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    loop {
        while running.len() < PARTS_AT_ONCE_MAX {
            let Some((number, first, last)) = ranges.next() else { break };
            let part = client
                .upload_part_copy()
                .bucket(&asked.to_bucket)
                .key(&asked.to_key)
                .upload_id(upload)
                .part_number(number)
                .copy_source(asked.copy_source())
                .copy_source_if_match(&asked.etag)
                .copy_source_range(format!("bytes={first}-{last}"))
                .set_request_payer(asked.payer.clone())
                .customize()
                // Ceph wants it said that there is no body.
                .mutate_request(|part| drop(part.headers_mut().insert("content-length", "0")))
                .config_override(patience());
            running.spawn(async move { part.send().await.map(|part| (number, part)).map_err(|why| failed(&why)) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (number, part) = ended.map_err(|_ended| Failed::For(ObjectsError::Unreachable.into()))??;
        let etag = part.copy_part_result().and_then(|part| part.e_tag()).map(str::to_owned);
        done.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
    }
    done.sort_unstable_by_key(CompletedPart::part_number);
    Ok(done)
}

/// The parts of an object: their numbers from 1, and their first and last bytes. All but the last are of one size, and there are not too many.
fn ranges(size: u64, part_bytes_min: u64) -> Vec<(i32, u64, u64)> {
    let bytes = part_bytes_min.max(size.div_ceil(COPY_PARTS_MAX)).max(1);
    let firsts = (0..).map(|part: u64| part.saturating_mul(bytes)).take_while(|first| *first < size);
    firsts.zip(1..).map(|(first, number)| (number, first, first.saturating_add(bytes).min(size).saturating_sub(1))).collect()
}

/// Whether an entity tag can be the MD5 of the bytes: one of parts has a hyphen.
fn is_md5(etag: &str) -> bool {
    let digits = etag.trim_matches('"');
    digits.len() == MD5_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether an object is encrypted so that its entity tag says nothing of its bytes.
fn is_veiled(object: &HeadObjectOutput) -> bool {
    let is_own = object.server_side_encryption().is_none_or(|how| *how == ServerSideEncryption::Aes256);
    !is_own || object.sse_customer_algorithm().is_some()
}

/// The same, asked once: after an answer that was lost, who asks again has to know that it may have been done.
fn once() -> config::Builder {
    patience().retry_config(RetryConfig::disabled())
}

/// Copies take the store longer than lists.
fn patience() -> config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(COPY_TRY_SECS)).build();
    config::Config::builder().timeout_config(timeouts)
}

/// What a failed request means.
fn failed<E: ProvideErrorMetadata>(why: &SdkError<E>) -> Failed {
    let of_store = |why: ObjectsError| Failed::For(why.into());
    match why {
        SdkError::ServiceError(answer) => {
            let status = StatusCode::from_u16(answer.raw().status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
            let code = answer.err().code().map(str::to_owned);
            match (status.as_u16(), code.as_deref()) {
                (412, _) | (_, Some("PreconditionFailed")) => Failed::Condition,
                (_, Some("NotImplemented")) => Failed::Unknown,
                (_, Some("NoSuchKey")) => Failed::For(CopyObjectError::Changed),
                // Somebody else writes the same key just now.
                (409, _) => of_store(ObjectsError::Unavailable { status: 409 }),
                // A copy is answered 200 before it is done: a failure after that has its code alone.
                (_, Some("InternalError" | "SlowDown" | "ServiceUnavailable")) => of_store(ObjectsError::Unavailable { status: 503 }),
                _ => of_store(refusal(status, code)),
            }
        }
        SdkError::TimeoutError(_) => of_store(ObjectsError::Timeout),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => of_store(ObjectsError::Timeout),
        SdkError::ResponseError(_) => of_store(ObjectsError::Unreadable),
        _ => of_store(ObjectsError::Unreachable),
    }
}

impl fmt::Debug for Copier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copier").field("access", &self.access).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_one_size_and_no_more_than_the_store_takes() {
        assert_eq!(ranges(10, 4), [(1, 0, 3), (2, 4, 7), (3, 8, 9)]);
        assert_eq!(ranges(8, 4), [(1, 0, 3), (2, 4, 7)]);
        assert_eq!(ranges(0, 4), []);
        for size in [COPY_WHOLE_BYTES_MAX + 1, 5 << 40, 48 << 40] {
            let parts = ranges(size, COPY_PART_BYTES_MIN);
            assert!(parts.len() <= usize::try_from(COPY_PARTS_MAX).unwrap());
            assert!(parts.iter().all(|(_, first, last)| last - first < COPY_WHOLE_BYTES_MAX));
            assert!(parts.windows(2).all(|pair| pair[0].2 + 1 == pair[1].1));
            assert_eq!(parts.last().unwrap().2, size - 1);
        }
    }

    #[test]
    fn only_what_can_be_md5_is_compared() {
        for (etag, is) in [
            ("\"d41d8cd98f00b204e9800998ecf8427e\"", true),
            ("\"d41d8cd98f00b204e9800998ecf8427e-3\"", false),
            ("\"7b-20-65a1\"", false),
            ("", false),
        ] {
            assert_eq!(is_md5(etag), is, "{etag}");
        }
    }
}
