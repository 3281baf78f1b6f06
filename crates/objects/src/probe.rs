//! Looking for what is to be registered: an object, a Zarr, a folder, or nothing.

use domain::{
    dataset::Kind,
    decision::Permit,
    object::ObjectKey,
    path::ObjectPath,
    source::Source,
    timing::{Timing, Validity},
};
use jiff::Timestamp;

use crate::{
    Objects, ObjectsError,
    listing::{Below, ListQuery},
    presigner::{Asked, SignError, SignedMethod},
    stream::ObjectMeta,
};

/// Any of these in a folder makes it a Zarr: version 3, a group of version 2, an array of version 2.
const ZARR_FILES: [&str; 3] = ["zarr.json", ".zgroup", ".zarray"];

impl Objects {
    /// What lies at `path`, a path inside the source at or below the dataset that the permit lets something be registered in; `None`: nothing.
    /// A path without a trailing `/` that is both an object and a folder is the object.
    ///
    /// # Errors
    /// [`ObjectsError`]; [`SignError::Permit`] in it where the permit is not one to register there.
    pub async fn probe(&self, permit: &Permit, path: &ObjectPath, now: Timestamp) -> Result<Option<Kind>, ObjectsError> {
        let place = permit.place_to_register().ok_or(SignError::Permit)?;
        if !place.dataset.path.covers(&path.to_folder()) {
            return Err(SignError::Permit.into());
        }
        let source = &place.source;
        let key = source.prefix.join(path).map_err(SignError::from)?;
        if !key.is_folder() && self.head_key(source, &key, now).await?.is_some() {
            return Ok(Some(Kind::File));
        }
        let folder = key.to_folder();
        for name in ZARR_FILES {
            let Ok(file) = ObjectPath::from_decoded(name).and_then(|name| folder.join(&name)) else { continue };
            if self.head_key(source, &file, now).await?.is_some() {
                return Ok(Some(Kind::Zarr));
            }
        }
        let query = ListQuery { delimiter: Some("/".to_owned()), max: 2, ..ListQuery::default() };
        let (page, is_marked) = self.list_below(source, Below { folder: &folder, scope: None }, &query, now).await?;
        Ok((is_marked || !page.objects.is_empty() || !page.prefixes.is_empty()).then_some(Kind::Folder))
    }

    /// What is known of one key of a source, asked by ourselves.
    async fn head_key(&self, source: &Source, key: &ObjectPath, now: Timestamp) -> Result<Option<ObjectMeta>, ObjectsError> {
        let url = self.own_url(source, SignedMethod::Head, key, now).await?;
        self.head_at(&url).await
    }

    /// A URL that never leaves this process, for one key of a source. It rests on no link: whoever calls holds a permit of its own.
    pub(crate) async fn own_url(
        &self,
        source: &Source,
        method: SignedMethod,
        key: &ObjectPath,
        now: Timestamp,
    ) -> Result<String, ObjectsError> {
        let signing = self.access(source)?.signing(now).await?;
        let validity = Validity::at(now, Timing::PRIVATE, None, signing.credentials.until()).ok_or(SignError::NothingLeft)?;
        Ok(signing.url_text(&signing.internal, &Asked { method, key: ObjectKey::whole(key), scope: None, validity })?)
    }
}
