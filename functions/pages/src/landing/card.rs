//! The data facts of a link's page: what was seen, in words and with units. What is not stated is said to be so, and never taken to be 1.

use zarr::{
    array::Array,
    image::{Axis, Channel, Image},
    seen::{Seen, What},
};

use crate::page::plain;

/// What the data are.
#[derive(Debug)]
pub(crate) struct Card {
    /// `OME-Zarr 0.5`, `Zarr 3 array`.
    pub(crate) kind: String,
    /// The most telling facts, short.
    pub(crate) summary: Vec<String>,
    /// What is not understood of it, as a sentence.
    pub(crate) caveat: Option<String>,
    pub(crate) rows: Vec<(&'static str, String)>,
    pub(crate) channels: Vec<ChannelShown>,
    pub(crate) levels: Vec<LevelShown>,
    /// How many levels there are that are not shown.
    pub(crate) levels_more: usize,
    pub(crate) labels: Vec<String>,
    /// The fields that could not be read.
    pub(crate) unread: Vec<String>,
}

/// A channel.
#[derive(Debug)]
pub(crate) struct ChannelShown {
    pub(crate) label: String,
    /// Its colour as `#00ff7f`.
    pub(crate) hex: Option<String>,
    pub(crate) window: Option<String>,
    pub(crate) is_active: bool,
}

/// A level.
#[derive(Debug)]
pub(crate) struct LevelShown {
    pub(crate) path: String,
    pub(crate) shape: String,
    pub(crate) voxel: String,
    pub(crate) chunks: String,
}

const NOT_STATED: &str = "not stated";
const NOT_KNOWN: &str = "not known";

impl Card {
    /// The facts of what was seen; `title` is what the page is called already.
    pub(crate) fn of(seen: &Seen, title: &str) -> Self {
        let mut card = Self {
            kind: kind(seen),
            summary: Vec::new(),
            caveat: None,
            rows: Vec::new(),
            channels: Vec::new(),
            levels: Vec::new(),
            levels_more: 0,
            labels: seen.labels.iter().map(|label| plain(label)).collect(),
            unread: seen.unread.iter().take(UNREAD_MAX).map(|field| plain(field)).collect(),
        };
        card.rows.push(("Format", format!("{}, {}", card.kind, seen.store.name())));
        if let Some(ome) = seen.ome.as_ref().filter(|ome| !ome.is_understood) {
            card.caveat = Some(format!("OME-Zarr {} is not understood yet: what is shown is what reads as in 0.5.", plain(&ome.number)));
        }
        card.tell_place(seen);
        if let Some(image) = &seen.image {
            card.tell_image(image, title);
        }
        if let What::Array(array) = &seen.what {
            card.tell_shape(&array.names.iter().map(|name| plain(name)).collect::<Vec<_>>(), array);
            card.tell_array(array);
        }
        card
    }

    /// Where the image is among others.
    fn tell_place(&mut self, seen: &Seen) {
        let of =
            |image: &Option<Image>| image.as_ref().map_or(NOT_KNOWN.to_owned(), |image| plain(image.folder.as_str().trim_end_matches('/')));
        match &seen.what {
            What::Plate(plate) => {
                let name = plate.name.as_ref().map(|name| format!("{}: ", plain(name))).unwrap_or_default();
                let size = format!(
                    "{name}{} × {}, {}",
                    counted(plate.rows, "row"),
                    counted(plate.columns, "column"),
                    counted(plate.wells, "well")
                );
                let fields = plate.fields.map(|fields| format!(", up to {fields} fields each")).unwrap_or_default();
                self.summary.push(counted(plate.wells, "well"));
                self.rows.push(("Plate", size + &fields));
                self.rows.push(("Shown below", format!("the image {}", of(&seen.image))));
            }
            What::Well(images) => {
                self.rows.push(("Well", counted(*images, "image")));
                self.rows.push(("Shown below", format!("the image {}", of(&seen.image))));
            }
            What::Series(names) => {
                let listed = if names.is_empty() { "not listed".to_owned() } else { counted(names.len(), "image") };
                self.rows.push(("Series", listed));
                self.rows.push(("Shown below", format!("the image {}", of(&seen.image))));
            }
            What::Array(_) | What::Group | What::Image | What::Labels => {}
        }
    }

    fn tell_image(&mut self, image: &Image, title: &str) {
        if let Some(name) = image.name.as_ref().filter(|name| *name != title) {
            self.rows.push(("Name", plain(name)));
        }
        let finest = image.finest();
        let names: Vec<_> = image.axes.iter().map(|axis| plain(&axis.name)).collect();
        match finest {
            Some((_, array)) => self.tell_shape(&names, array),
            None => self.rows.push((
                "Axes and size",
                if names.is_empty() { NOT_KNOWN.to_owned() } else { format!("{}, size not known", names.join(" ")) },
            )),
        }
        let scale = image.levels.first().and_then(|level| level.scale.as_deref()).filter(|scale| scale.len() == image.axes.len());
        let shape = finest.map(|(_, array)| array.shape.as_slice());
        self.rows.push(("Voxel", along(image, scale, |_at, size| Some(size)).unwrap_or_else(|| NOT_STATED.to_owned())));
        let whole = |at: usize, size: f64| Some(size * precise(shape?.get(at).copied()?));
        self.rows.push(("Physical size", along(image, scale, whole).unwrap_or_else(|| NOT_STATED.to_owned())));
        if let Some(at) = image.axes.iter().position(Axis::is_time) {
            let step = scale.and_then(|scale| scale.get(at).copied());
            let unit = image.axes.get(at).and_then(|axis| axis.unit.as_deref());
            self.rows.push((
                "Time step",
                step.zip(unit).map_or(NOT_STATED.to_owned(), |(step, unit)| format!("{} {}", number(step), short_unit(unit))),
            ));
        }
        if let Some((_, array)) = finest {
            self.tell_array(array);
        }
        self.summary.push(counted(image.levels_listed, "level"));
        self.channels = image.channels.iter().enumerate().map(|(number, channel)| shown(channel, number)).collect();
        self.levels = image.levels.iter().map(|level| level_of(image, level)).collect();
        self.levels_more = image.levels_listed.saturating_sub(image.levels.len());
    }

    fn tell_shape(&mut self, names: &[String], array: &Array) {
        let sizes = array.shape.iter().enumerate().map(|(at, size)| match names.get(at).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} {size}"),
            None => size.to_string(),
        });
        let told = sizes.collect::<Vec<_>>().join(" × ");
        self.summary.push(told.clone());
        self.summary.push(plain(&array.data_type));
        self.rows.push(("Axes and size", if told.is_empty() { "one element".to_owned() } else { told }));
    }

    fn tell_array(&mut self, array: &Array) {
        let order = array.byte_order.map(|order| format!(", {order}-endian")).unwrap_or_default();
        self.rows.push(("Type", format!("{}{order}", plain(&array.data_type))));
        let size = array.bytes().map_or(NOT_KNOWN.to_owned(), |bytes| format!("{} uncompressed, the finest level", bytes_of(bytes)));
        self.rows.push(("Size", size));
        self.rows.push(("Chunks", times(&array.chunks)));
        if let Some(shards) = &array.shards {
            self.rows.push(("Shards", times(shards)));
        }
        let codecs: Vec<_> = array.codecs.iter().map(|codec| plain(&codec.to_string())).collect();
        self.rows.push(("Codecs", if codecs.is_empty() { "none".to_owned() } else { codecs.join(", ") }));
        if let Some(fill) = &array.fill {
            self.rows.push(("Fill value", plain(fill)));
        }
        if let Some(separator) = &array.separator {
            self.rows.push(("Chunk names", format!("numbers with “{}” between them", plain(separator))));
        }
    }
}

/// Fields that are named of those that could not be read.
const UNREAD_MAX: usize = 20;

fn kind(seen: &Seen) -> String {
    let store = seen.store.name();
    let ome = seen.ome.as_ref().map(|ome| format!("OME-Zarr {}", plain(&ome.number)));
    match (&seen.what, ome) {
        (What::Array(_), _) => format!("{store} array"),
        (What::Group, _) => format!("{store} group"),
        (What::Image, Some(ome)) => ome,
        (What::Labels, Some(ome)) => format!("{ome} labels"),
        (What::Series(_), Some(ome)) => format!("{ome} series"),
        (What::Plate(_), Some(ome)) => format!("{ome} plate"),
        (What::Well(_), Some(ome)) => format!("{ome} well"),
        (_, None) => format!("{store} image"),
    }
}

fn shown(channel: &Channel, number: usize) -> ChannelShown {
    ChannelShown {
        label: channel.label.as_ref().map_or_else(|| format!("channel {number}"), |label| plain(label)),
        hex: channel.colour.map(|[red, green, blue]| format!("#{red:02x}{green:02x}{blue:02x}")),
        window: channel.window.map(|(start, end)| format!("{} to {}", self::number(start), self::number(end))),
        is_active: channel.is_active,
    }
}

fn level_of(image: &Image, level: &zarr::image::Level) -> LevelShown {
    let scale = level.scale.as_deref().filter(|scale| scale.len() == image.axes.len());
    LevelShown {
        path: plain(level.folder.as_str().trim_end_matches('/')),
        shape: level.array.as_ref().map_or(NOT_KNOWN.to_owned(), |array| times(&array.shape)),
        voxel: along(image, scale, |_at, size| Some(size)).unwrap_or_else(|| NOT_STATED.to_owned()),
        chunks: level.array.as_ref().map_or(NOT_KNOWN.to_owned(), |array| times(&array.chunks)),
    }
}

/// Sizes along the axes of space, with their unit; `None`: not stated, or not for all of them.
fn along(image: &Image, scale: Option<&[f64]>, size: impl Fn(usize, f64) -> Option<f64>) -> Option<String> {
    let axes: Vec<_> = image.axes.iter().enumerate().filter(|(_, axis)| axis.is_space()).collect();
    let sizes: Vec<f64> = axes.iter().map(|(at, _)| size(*at, scale?.get(*at).copied()?)).collect::<Option<_>>()?;
    let units: Vec<_> = axes.iter().map(|(_, axis)| axis.unit.as_deref()).collect();
    let (first, rest) = units.split_first()?;
    // Without a unit a size says nothing.
    if rest.iter().all(|unit| unit == first) {
        let told = sizes.iter().map(|size| number(*size)).collect::<Vec<_>>().join(" × ");
        return Some(format!("{told} {}", short_unit((*first)?)));
    }
    let each = sizes.iter().zip(&units).map(|(size, unit)| Some(format!("{} {}", number(*size), short_unit((*unit)?))));
    Some(each.collect::<Option<Vec<_>>>()?.join(" × "))
}

fn times(sizes: &[u64]) -> String {
    if sizes.is_empty() { "one element".to_owned() } else { sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ") }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A unit as people write it.
fn short_unit(unit: &str) -> String {
    let short = match unit {
        "meter" => "m",
        "centimeter" => "cm",
        "millimeter" => "mm",
        "micrometer" => "µm",
        "nanometer" => "nm",
        "angstrom" => "Å",
        "second" => "s",
        "millisecond" => "ms",
        "minute" => "min",
        "hour" => "h",
        other => return plain(other),
    };
    short.to_owned()
}

/// A count as a number that is measured with.
fn precise(count: u64) -> f64 {
    // Past 2^53 the last digits are lost, which no size shown here has.
    let (high, low) = (u32::try_from(count >> 32).unwrap_or(u32::MAX), u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A number with four digits that tell.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = if size >= 1_000.0 || size == 0.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 10.0 {
        2
    } else if size >= 1.0 {
        3
    } else if size >= 0.1 {
        4
    } else {
        7
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Bytes in units of a thousand.
pub(crate) fn bytes_of(bytes: u64) -> String {
    let mut size = precise(bytes);
    if bytes < 1_000 {
        return format!("{bytes} bytes");
    }
    let mut units = ["kB", "MB", "GB", "TB", "PB"].into_iter();
    let mut unit = "";
    while size >= 999.95 {
        let Some(next) = units.next() else { break };
        (size, unit) = (size / 1_000.0, next);
    }
    format!("{} {unit}", number((size * 10.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zarr::{documents::Documents, seen::seen};

    use super::*;

    fn card(there: &[(&str, Value)]) -> Card {
        let mut documents = Documents::default();
        for (path, document) in there {
            documents.add(path, Some(document.to_string().as_bytes()));
        }
        Card::of(&seen(&documents).unwrap(), "a.zarr")
    }

    fn row<'c>(card: &'c Card, name: &str) -> &'c str {
        card.rows.iter().find(|(named, _)| *named == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn facts_have_units_and_what_is_not_stated_is_said() {
        let array = |shape: [u64; 4]| json!({ "node_type": "array", "shape": shape, "data_type": "uint16", "chunk_grid": { "configuration": { "chunk_shape": [1, 64, 64, 64] } }, "codecs": [{ "name": "zstd" }], "fill_value": 0 });
        let axes = json!([{ "name": "c", "type": "channel" }, { "name": "z", "type": "space", "unit": "micrometer" }, { "name": "y", "type": "space", "unit": "micrometer" }, { "name": "x", "type": "space", "unit": "micrometer" }]);
        let level =
            |path: &str, scale: [f64; 4]| json!({ "path": path, "coordinateTransformations": [{ "type": "scale", "scale": scale }] });
        let image = |axes: &Value| {
            json!({ "node_type": "group", "attributes": { "ome": { "version": "0.5",
            "omero": { "channels": [{ "label": "a\u{202e}b", "color": "FF0000", "window": { "start": 0, "end": 1500.5 } }] },
            "multiscales": [{ "axes": axes, "datasets": [level("0", [1.0, 2.0, 0.65, 0.65]), level("1", [1.0, 2.0, 1.3, 1.3])] }] } } })
        };
        let there =
            [("zarr.json", image(&axes)), ("0/zarr.json", array([2, 300, 2048, 2048])), ("1/zarr.json", array([2, 300, 1024, 1024]))];
        let card = card(&there);
        assert_eq!(card.kind, "OME-Zarr 0.5");
        assert_eq!(card.summary.join(" · "), "c 2 × z 300 × y 2048 × x 2048 · uint16 · 2 levels");
        assert_eq!(row(&card, "Voxel"), "2 × 0.65 × 0.65 µm");
        assert_eq!(row(&card, "Physical size"), "600 × 1331 × 1331 µm");
        assert_eq!(row(&card, "Size"), "5 GB uncompressed, the finest level");
        assert_eq!((row(&card, "Codecs"), row(&card, "Chunks"), row(&card, "Shards")), ("zstd", "1 × 64 × 64 × 64", ""));
        assert_eq!(card.levels[1].voxel, "2 × 1.3 × 1.3 µm");
        let [channel] = card.channels.as_slice() else { panic!("{card:?}") };
        assert_eq!(
            (channel.label.as_str(), channel.hex.as_deref(), channel.window.as_deref()),
            ("a\u{fffd}b", Some("#ff0000"), Some("0 to 1500"))
        );
        let bare = self::card(&[("zarr.json", image(&json!(["c", "z", "y", "x"])))]);
        assert_eq!(
            (row(&bare, "Voxel"), row(&bare, "Axes and size"), bare.levels[0].shape.as_str()),
            ("not stated", "c z y x, size not known", "not known")
        );
    }

    #[test]
    fn numbers_and_bytes_read_well() {
        for (value, want) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (0.325, "0.325"),
            (2.0, "2"),
            (1331.2, "1331"),
            (123.45, "123.5"),
            (1e-6, "1.000e-6"),
            (0.00065, "0.00065"),
            (1e9, "1.000e9"),
        ] {
            assert_eq!(number(value), want, "{value}");
        }
        for (bytes, want) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1 kB"),
            (1_234_567, "1.2 MB"),
            (999_999_999, "1 GB"),
            (1_200_000_000_000, "1.2 TB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes_of(bytes), want);
        }
    }
}
