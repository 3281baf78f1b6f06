//! A multiscale image of OME-Zarr: its axes, levels and channels, as 0.4 and 0.5 define them; of other versions what reads alike.

use domain::{
    limits::{SEEN_AXES_MAX, SEEN_ITEMS_MAX},
    path::ObjectPath,
};
use serde_json::Value;

use crate::{
    array::Array,
    attributes::{folder_of, scale},
    documents::text_of,
};

/// A multiscale image, or one of plain arrays beside each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// The folder that it is the metadata of, below what is looked at; the root as a rule.
    pub folder: ObjectPath,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its axes, in the order of its arrays; empty: not stated.
    pub axes: Vec<Axis>,
    /// Its levels, finest first as listed: at most [`SEEN_ITEMS_MAX`].
    pub levels: Vec<Level>,
    /// How many are listed.
    pub levels_listed: usize,
    /// Its channels: at most [`SEEN_ITEMS_MAX`]; empty: not stated.
    pub channels: Vec<Channel>,
}

/// A direction of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its name: `z`.
    pub name: String,
    /// `space`, `time` or `channel`, where stated.
    pub kind: Option<String>,
    /// The unit of its scale: `micrometer`.
    pub unit: Option<String>,
}

/// One array of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Its folder, below the image's.
    pub folder: ObjectPath,
    /// The size of an element along each axis; `None`: not stated.
    pub scale: Option<Vec<f64>>,
    /// The array; `None`: not known.
    pub array: Option<Array>,
}

/// A channel, as `omero` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its label.
    pub label: Option<String>,
    /// Its colour: red, green, blue.
    pub colour: Option<[u8; 3]>,
    /// What is shown from black to full, by value of the elements.
    pub window: Option<(f64, f64)>,
    /// Whether it is shown at first.
    pub is_active: bool,
}

impl Axis {
    /// Whether it is a direction in space.
    #[must_use]
    pub fn is_space(&self) -> bool {
        self.kind.as_deref().map_or_else(|| matches!(self.name.as_str(), "x" | "y" | "z"), |kind| kind == "space")
    }

    /// Whether it counts channels.
    #[must_use]
    pub fn is_channel(&self) -> bool {
        self.kind.as_deref().map_or(self.name == "c", |kind| kind == "channel")
    }

    /// Whether it is time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        self.kind.as_deref().map_or(self.name == "t", |kind| kind == "time")
    }
}

impl Image {
    /// The image of a group's OME-Zarr attributes; the fields that could not be read are added to `unread`. `None`: it has none.
    #[must_use]
    pub fn of(attributes: &Value, folder: &ObjectPath, unread: &mut Vec<String>) -> Option<Self> {
        let first = attributes.get("multiscales")?;
        let Some(first) = first.as_array().and_then(|images| images.first()).filter(|first| first.is_object()) else {
            unread.push("multiscales".to_owned());
            return None;
        };
        let axes = axes(first).unwrap_or_else(|| {
            unread.push("multiscales[0].axes".to_owned());
            Vec::new()
        });
        let (levels, levels_listed) = levels(first, unread);
        Some(Self {
            folder: folder.clone(),
            name: first.get("name").and_then(text_of).filter(|name| !name.is_empty() && name != "/"),
            axes,
            levels,
            levels_listed,
            channels: channels(attributes, unread),
        })
    }

    /// Where an axis of this name is among the axes.
    #[must_use]
    pub fn at(&self, name: &str) -> Option<usize> {
        self.axes.iter().position(|axis| axis.name == name)
    }

    /// Where its channels are counted.
    #[must_use]
    pub fn channel_axis(&self) -> Option<usize> {
        self.axes.iter().position(Axis::is_channel)
    }

    /// The finest array that is known.
    #[must_use]
    pub fn finest(&self) -> Option<(&Level, &Array)> {
        self.levels.iter().find_map(|level| Some((level, level.array.as_ref()?)))
    }
}

/// The axes of an image: objects since 0.4, bare names in 0.3, and x, y, z, c, t by definition before that. `None`: they cannot be read.
fn axes(image: &Value) -> Option<Vec<Axis>> {
    let listed = image.get("axes")?.as_array().filter(|listed| listed.len() <= SEEN_AXES_MAX)?;
    let read = |axis: &Value| match axis {
        Value::String(_) => Some(Axis { name: text_of(axis)?, kind: None, unit: None }),
        _ => Some(Axis {
            name: axis.get("name").and_then(text_of)?,
            kind: axis.get("type").and_then(text_of),
            unit: axis.get("unit").and_then(text_of),
        }),
    };
    listed.iter().map(read).collect()
}

/// The levels of an image that can be read, and how many it lists.
fn levels(image: &Value, unread: &mut Vec<String>) -> (Vec<Level>, usize) {
    let Some(listed) = image.get("datasets").and_then(Value::as_array) else {
        unread.push("multiscales[0].datasets".to_owned());
        return (Vec::new(), 0);
    };
    // One scale for all levels may stand above them; where it is none, the levels' own hold.
    let all = scale(image);
    let mut levels = Vec::new();
    for (number, level) in listed.iter().enumerate().take(SEEN_ITEMS_MAX) {
        let Some(folder) = level.get("path").and_then(Value::as_str).and_then(folder_of) else {
            unread.push(format!("multiscales[0].datasets[{number}].path"));
            continue;
        };
        let own = scale(level);
        if own.is_none() && level.get("coordinateTransformations").is_some() {
            unread.push(format!("multiscales[0].datasets[{number}].coordinateTransformations"));
        }
        let scale = own.map(|own| match &all {
            Some(all) if all.len() == own.len() => own.iter().zip(all).map(|(own, all)| own * all).collect(),
            _ => own,
        });
        levels.push(Level { folder, scale, array: None });
    }
    (levels, listed.len())
}

/// The channels of `omero`.
fn channels(attributes: &Value, unread: &mut Vec<String>) -> Vec<Channel> {
    let Some(omero) = attributes.get("omero") else { return Vec::new() };
    let Some(listed) = omero.get("channels").and_then(Value::as_array) else {
        unread.push("omero.channels".to_owned());
        return Vec::new();
    };
    listed.iter().take(SEEN_ITEMS_MAX).map(channel).collect()
}

fn channel(said: &Value) -> Channel {
    let window = said.get("window").and_then(|window| Some((number(window, "start")?, number(window, "end")?)));
    Channel {
        label: said.get("label").and_then(text_of).filter(|label| !label.is_empty()),
        colour: said.get("color").and_then(Value::as_str).and_then(colour),
        window: window.filter(|(start, end)| start < end),
        is_active: said.get("active").and_then(Value::as_bool).unwrap_or(true),
    }
}

fn number(of: &Value, name: &str) -> Option<f64> {
    of.get(name)?.as_f64().filter(|number| number.is_finite())
}

/// A colour as `RRGGBB`, with or without a `#` before it.
fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(attributes: &Value) -> (Option<Image>, Vec<String>) {
        let mut unread = Vec::new();
        (Image::of(attributes, &ObjectPath::default(), &mut unread), unread)
    }

    // OME-Zarr 0.4, "multiscales" and "omero"
    #[test]
    fn an_image_has_axes_levels_and_channels() {
        let (image, unread) = read(&json!({
            "multiscales": [{ "version": "0.4", "name": "embryo",
                "axes": [{ "name": "c", "type": "channel" }, { "name": "z", "type": "space", "unit": "micrometer" }, { "name": "y", "type": "space", "unit": "micrometer" }],
                "datasets": [
                    { "path": "0", "coordinateTransformations": [{ "type": "scale", "scale": [1, 2.0, 0.5] }] },
                    { "path": "1/", "coordinateTransformations": [{ "type": "scale", "scale": [1, 2.0, 1.0] }, { "type": "translation", "translation": [0, 0, 0.25] }] }],
                "coordinateTransformations": [{ "type": "scale", "scale": [1, 10, 10] }] }],
            "omero": { "channels": [
                { "label": "nuclei", "color": "00ff7F", "window": { "start": 10, "end": 900, "min": 0, "max": 65535 }, "active": false },
                { "color": "red", "window": { "start": 9, "end": 9 } }] },
        }));
        let image = image.unwrap();
        assert_eq!((unread, image.name.as_deref(), image.levels_listed), (vec![], Some("embryo"), 2));
        let shown: Vec<_> = image.levels.iter().map(|level| (level.folder.to_string(), level.scale.clone().unwrap())).collect();
        assert_eq!(shown, [("0/".to_owned(), vec![1.0, 20.0, 5.0]), ("1/".to_owned(), vec![1.0, 20.0, 10.0])]);
        assert!(image.axes[0].is_channel() && image.axes[1].is_space() && !image.axes[1].is_time());
        assert_eq!((image.channel_axis(), image.at("y"), image.at("t")), (Some(0), Some(2), None));
        let [nuclei, other] = image.channels.as_slice() else { panic!("{image:?}") };
        assert_eq!((nuclei.colour, nuclei.window, nuclei.is_active), (Some([0, 255, 127]), Some((10.0, 900.0)), false));
        assert_eq!((other.label.as_deref(), other.colour, other.window, other.is_active), (None, None, None, true));
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_holds() {
        let (image, unread) = read(
            &json!({ "multiscales": [{ "axes": "zyx", "datasets": [{ "path": "../x" }, { "path": "1", "coordinateTransformations": 1 }, 5] }], "omero": [] }),
        );
        assert_eq!(image.unwrap().levels.len(), 1);
        let want = [
            "multiscales[0].axes",
            "multiscales[0].datasets[0].path",
            "multiscales[0].datasets[1].coordinateTransformations",
            "multiscales[0].datasets[2].path",
            "omero.channels",
        ];
        assert_eq!(unread, want);
        assert_eq!(read(&json!({ "multiscales": {} })), (None, vec!["multiscales".to_owned()]));
        assert_eq!(read(&json!({})), (None, vec![]));
        // 0.3 has bare names.
        let (older, unread) = read(&json!({ "multiscales": [{ "axes": ["t", "c", "x"], "datasets": [{ "path": "0" }] }] }));
        assert!(
            unread.is_empty()
                && older.is_some_and(|older| older.axes[0].is_time() && older.axes[1].is_channel() && older.axes[2].is_space())
        );
    }

    #[test]
    fn what_is_huge_is_shown_in_part() {
        let many: Vec<_> = (0..10_000).map(|number| json!({ "path": number.to_string(), "label": "x".repeat(5_000) })).collect();
        let (image, _) = read(&json!({ "multiscales": [{ "axes": [], "datasets": many }], "omero": { "channels": many } }));
        let image = image.unwrap();
        assert_eq!((image.levels.len(), image.levels_listed, image.channels.len()), (SEEN_ITEMS_MAX, 10_000, SEEN_ITEMS_MAX));
        assert!(image.channels[0].label.as_ref().is_some_and(|label| label.len() < 1_000));
    }
}
