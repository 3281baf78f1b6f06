//! The bucket operations: `ListBuckets`, `HeadBucket`, `GetBucketLocation`, `ListObjects` and `ListObjectsV2`.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{
    Bucket, CommonPrefix, ETag, EncodingType, GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass, Timestamp,
};
use s3s::{S3, S3Error as Refusal, S3ErrorCode, S3Request, S3Response, S3Result};

use crate::s3::folder::{Folders, refusal};
use crate::s3::listing::{self, Ask, Item, Page};
use crate::s3::names::Kept;

/// The most keys and groups of one page.
const PAGE_ITEMS_MAX: i32 = 1_000;
/// The region that every bucket is in.
const REGION: &str = "us-east-1";
/// The operations that are answered; `GetObject` and `HeadObject` have their own route.
const ANSWERED: [&str; 5] = ["ListBuckets", "HeadBucket", "GetBucketLocation", "ListObjects", "ListObjectsV2"];
/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// Lets the answered operations pass, for signed requests alone.
#[derive(Debug)]
pub(super) struct ReadOnly;

#[async_trait::async_trait]
impl S3Access for ReadOnly {
    async fn check(&self, asked: &mut S3AccessContext<'_>) -> S3Result<()> {
        if asked.credentials().is_some() && ANSWERED.contains(&asked.s3_op().name()) {
            return Ok(());
        }
        Err(refusal(S3ErrorCode::AccessDenied, "Access Denied: these buckets are read-only"))
    }
}

/// The buckets, and what is kept of their folders' names.
#[derive(Debug)]
pub(super) struct Buckets {
    folders: Arc<Folders>,
    kept: Arc<Kept>,
}

#[async_trait::async_trait]
impl S3 for Buckets {
    async fn list_buckets(&self, _asked: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.folders.all().into_iter().map(|(name, root)| Bucket {
            name: Some(name.to_owned()),
            creation_date: root.metadata().and_then(|meta| meta.modified()).ok().map(Timestamp::from),
            ..Bucket::default()
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() }))
    }

    async fn head_bucket(&self, asked: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        let _root = self.folders.root(&asked.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(REGION.to_owned()), ..HeadBucketOutput::default() }))
    }

    async fn get_bucket_location(&self, asked: S3Request<GetBucketLocationInput>) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let _root = self.folders.root(&asked.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects_v2(&self, asked: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let asked = asked.input;
        let max = page_size(asked.max_keys)?;
        let after = match &asked.continuation_token {
            Some(token) => from_token(token)?,
            None => asked.start_after.clone().unwrap_or_default(),
        };
        let write = Writer::new(asked.encoding_type.as_ref())?;
        let ask = Ask {
            prefix: asked.prefix.clone().unwrap_or_default(),
            delimiter: asked.delimiter.clone().unwrap_or_default(),
            after,
            max: usize::try_from(max).unwrap_or_default(),
        };
        let page = self.page(&asked.bucket, ask).await?;
        let next = page.items.last().filter(|_| page.is_truncated).map(|last| to_token(last.at()));
        let key_count = i32::try_from(page.items.len()).ok();
        let is_truncated = Some(page.is_truncated);
        let (contents, common_prefixes) = write.items(page);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(asked.bucket),
            prefix: Some(write.text(asked.prefix.unwrap_or_default())),
            delimiter: asked.delimiter.filter(|delimiter| !delimiter.is_empty()).map(|text| write.text(text)),
            start_after: asked.start_after.map(|text| write.text(text)),
            max_keys: Some(max),
            key_count,
            continuation_token: asked.continuation_token,
            next_continuation_token: next,
            is_truncated,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            encoding_type: asked.encoding_type,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn list_objects(&self, asked: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let asked = asked.input;
        let max = page_size(asked.max_keys)?;
        let write = Writer::new(asked.encoding_type.as_ref())?;
        let ask = Ask {
            prefix: asked.prefix.clone().unwrap_or_default(),
            delimiter: asked.delimiter.clone().unwrap_or_default(),
            after: asked.marker.clone().unwrap_or_default(),
            max: usize::try_from(max).unwrap_or_default(),
        };
        let has_groups = !ask.delimiter.is_empty();
        let page = self.page(&asked.bucket, ask).await?;
        let last = page.items.last().filter(|_| page.is_truncated && has_groups);
        let next_marker = last.map(|last| write.text(last.at().to_owned()));
        let is_truncated = Some(page.is_truncated);
        let (contents, common_prefixes) = write.items(page);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(asked.bucket),
            prefix: Some(write.text(asked.prefix.unwrap_or_default())),
            marker: Some(write.text(asked.marker.unwrap_or_default())),
            delimiter: asked.delimiter.filter(|delimiter| !delimiter.is_empty()).map(|text| write.text(text)),
            max_keys: Some(max),
            next_marker,
            is_truncated,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            encoding_type: asked.encoding_type,
            ..ListObjectsOutput::default()
        }))
    }
}

impl Buckets {
    /// The buckets over these folders.
    pub(super) fn new(folders: Arc<Folders>) -> Self {
        Self { folders, kept: Arc::default() }
    }

    /// One page, read off the runtime's threads.
    async fn page(&self, bucket: &str, ask: Ask) -> Result<Page, Refusal> {
        let root = self.folders.root(bucket)?.clone();
        let kept = Arc::clone(&self.kept);
        tokio::task::spawn_blocking(move || listing::page(&root, &ask, &kept)).await.map_err(Refusal::internal_error)?
    }
}

/// How many items a page may have.
fn page_size(asked: Option<i32>) -> Result<i32, Refusal> {
    match asked {
        None => Ok(PAGE_ITEMS_MAX),
        Some(max @ 0..) => Ok(max.min(PAGE_ITEMS_MAX)),
        Some(_) => Err(refusal(S3ErrorCode::InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647")),
    }
}

/// A continuation token: the last item of the page before, in letters that every client passes on unchanged.
fn to_token(at: &str) -> String {
    format!("1.{}", utf8_percent_encode(at, NON_ALPHANUMERIC))
}

fn from_token(token: &str) -> Result<String, Refusal> {
    let wrong = || refusal(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect");
    let encoded = token.strip_prefix("1.").ok_or_else(wrong)?;
    let at = percent_decode_str(encoded).decode_utf8().map_err(|_not_text| wrong())?;
    if at.is_empty() || to_token(&at) != token {
        return Err(wrong());
    }
    Ok(at.into_owned())
}

/// Writes keys and prefixes, encoded if `encoding-type=url` was asked for.
#[derive(Clone, Copy)]
struct Writer {
    is_url: bool,
}

impl Writer {
    fn new(asked: Option<&EncodingType>) -> Result<Self, Refusal> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self { is_url: false }),
            Some("url") => Ok(Self { is_url: true }),
            Some(_) => Err(refusal(S3ErrorCode::InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    fn text(self, text: String) -> String {
        if self.is_url { utf8_percent_encode(&text, PLAIN).to_string().replace("%20", "+") } else { text }
    }

    /// The objects and the groups of a page.
    fn items(self, page: Page) -> (Vec<Object>, Vec<CommonPrefix>) {
        let (mut objects, mut groups) = (Vec::new(), Vec::new());
        for item in page.items {
            match item {
                Item::Object { key, facts } => objects.push(Object {
                    key: Some(self.text(key)),
                    size: i64::try_from(facts.length).ok(),
                    e_tag: Some(ETag::Strong(facts.tag)),
                    last_modified: Some(Timestamp::from(facts.modified)),
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                    ..Object::default()
                }),
                Item::Group(prefix) => groups.push(CommonPrefix { prefix: Some(self.text(prefix)) }),
            }
        }
        (objects, groups)
    }
}
