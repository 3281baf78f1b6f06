//! Metadata documents: whoever writes a bucket writes them, and a page shows what they say (V1).

use domain::limits::{SEEN_AXES_MAX, SEEN_ITEMS_MAX};
use zarr::{
    documents::Documents,
    seen::{FIRST, seen},
};

/// The bytes as each of the documents that are asked for first, and then as all that are wanted after them.
pub fn fuzz(bytes: &[u8]) {
    for name in FIRST {
        let mut documents = Documents::default();
        documents.add(name, Some(bytes));
        for _round in 0..4 {
            let Some(found) = seen(&documents) else { break };
            assert!(found.labels.len() <= SEEN_ITEMS_MAX);
            if let Some(image) = &found.image {
                assert!(image.levels.len() <= SEEN_ITEMS_MAX && image.channels.len() <= SEEN_ITEMS_MAX);
                assert!(image.axes.len() <= SEEN_AXES_MAX);
            }
            for path in &found.wanted {
                assert!(documents.get(path).is_none(), "{path} is wanted again");
                documents.add(path, Some(bytes));
            }
        }
    }
}
