//! Paths: what is accepted re-encodes to itself, and has no segment that any client would rewrite (SEMANTICS 2.5).

use domain::{
    limits::PATH_BYTES_MAX,
    path::{ObjectPath, encode_key},
};
use edge::target::{Target, split_root_prefix};

/// The bytes of a path, and the same as the whole target of a request.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(path) = ObjectPath::from_raw(bytes) {
        is_clean(&path);
        assert_eq!(ObjectPath::from_raw(path.encode().as_bytes()), Ok(path));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(Target::Object { name, path, .. }) = Target::parse(text) {
        assert!(!name.is_empty() && !name.contains('/'), "{name:?}");
        // The same address, written as we would write it, is the same target.
        let first = text.strip_prefix('/').unwrap_or(text).split('/').next().unwrap_or_default();
        let below = path.as_ref().map(|path| format!("/{}", path.encode())).unwrap_or_default();
        assert_eq!(Target::parse(&format!("/{first}/{}{below}", encode_key(&name))), Target::parse(text));
        if let Some(path) = path {
            is_clean(&path);
        }
    }
    let _whatever = split_root_prefix(text);
}

fn is_clean(path: &ObjectPath) {
    let text = path.as_str();
    assert!(text.len() <= PATH_BYTES_MAX);
    assert!(!text.contains('\\') && !text.contains(char::is_control), "{text:?}");
    let inside = text.strip_suffix('/').unwrap_or(text);
    assert!(text.is_empty() || inside.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{text:?}");
}
