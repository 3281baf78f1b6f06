//! A state of Neuroglancer's that shows an image as it is meant: directions in space and time with their units, a layer a channel, labels as a
//! segmentation (CLIENTS 7).

use domain::path::encode_key;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use zarr::{
    image::{Axis, Channel, Image},
    seen::{Seen, Store, What},
};

/// Bytes of a state in a link: browsers and mail programs cut what is longer.
const STATE_BYTES_MAX: usize = 8 * 1_024;
/// Channels that are shown at first.
const VISIBLE_MAX: usize = 4;
/// Channels that have no colour, in order.
const COLOURS: [&str; 3] = ["#00ffff", "#ff00ff", "#ffff00"];
/// Where a segmentation is drawn among the directions that Neuroglancer shows.
const ORDER: [&str; 4] = ["x", "y", "z", "t"];

/// A state, in the order in which it is written.
#[derive(Serialize)]
struct State {
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_this_order")]
    dimensions: Vec<(String, (f64, &'static str))>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    position: Vec<u64>,
    layers: Vec<Value>,
    layout: &'static str,
}

/// A map whose order counts: the viewer shows the first three directions.
fn in_this_order<S: Serializer>(dimensions: &[(String, (f64, &'static str))], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(dimensions.iter().map(|(name, size)| (name, size)))
}

/// The state, as JSON, of what was seen at `url`. `None`: there is nothing that it shows, or the state would be too long for a link.
pub(super) fn state(seen: &Seen, url: &str) -> Option<String> {
    let full = written(seen, url, usize::MAX)?;
    if full.len() <= STATE_BYTES_MAX {
        return Some(full);
    }
    // With fewer channels: those that are shown at first, and one layer at the least.
    [VISIBLE_MAX, 1].into_iter().find_map(|most| written(seen, url, most).filter(|text| text.len() <= STATE_BYTES_MAX))
}

fn written(seen: &Seen, url: &str, channels_max: usize) -> Option<String> {
    let scheme = match seen.store {
        Store::Zarr2 => "zarr2",
        Store::Zarr3 => "zarr3",
        Store::N5 => "n5",
    };
    if let What::Array(_) = seen.what {
        let layer = json!({ "type": "image", "source": format!("{url}/|{scheme}:"), "name": "array" });
        let state = State { dimensions: Vec::new(), position: Vec::new(), layers: vec![layer], layout: "4panel-alt" };
        return serde_json::to_string(&state).ok();
    }
    let image = seen.image.as_ref()?;
    let folder = image.folder.as_str();
    let source = |below: &str| format!("{url}/{}|{scheme}:", encode_key(&format!("{folder}{below}")));
    let mut layers = layers(image, &source(""), channels_max);
    for label in &seen.labels {
        let below = format!("labels/{}/", label.trim_matches('/'));
        layers.push(json!({ "type": "segmentation", "source": source(&below), "name": format!("labels: {label}"), "visible": false }));
    }
    let layout = if is_flat(image) { "xy" } else { "4panel-alt" };
    serde_json::to_string(&State { dimensions: dimensions(image), position: middle(image), layers, layout }).ok()
}

/// A layer a channel; one for all where no channels are counted.
fn layers(image: &Image, source: &str, channels_max: usize) -> Vec<Value> {
    let counted = image.channel_axis().and_then(|at| Some((image.axes.get(at)?, image.finest()?.1.shape.get(at).copied()?)));
    let Some((axis, count)) = counted else {
        let window = image.channels.first().and_then(|channel| channel.window);
        let shader = window.map(|window| shader(window, None));
        return vec![layer(source, image.name.as_deref().unwrap_or("image"), true, shader.as_deref(), None)];
    };
    let mut shown = 0;
    let of_channel = |number: usize| {
        let channel = image.channels.get(number);
        let is_visible = shown < VISIBLE_MAX && channel.is_none_or(|channel| channel.is_active);
        shown = if is_visible { shown.saturating_add(1) } else { shown };
        let label = channel.and_then(|channel| channel.label.clone()).unwrap_or_else(|| format!("channel {number}"));
        // Neuroglancer keeps a channel's axis to its layer, under its name with a stroke.
        let local = Some((format!("{}'", axis.name), number));
        layer(source, &label, is_visible, Some(&shader_of(channel, number)), local)
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    (0..count.min(channels_max).min(domain::limits::SEEN_ITEMS_MAX)).map(of_channel).collect()
}

fn layer(source: &str, name: &str, is_visible: bool, shader: Option<&str>, local: Option<(String, usize)>) -> Value {
    let mut layer = Map::new();
    layer.insert("type".to_owned(), json!("image"));
    layer.insert("source".to_owned(), json!(source));
    if let Some((axis, number)) = local {
        layer.insert("localDimensions".to_owned(), json!({ axis: [1, ""] }));
        layer.insert("localPosition".to_owned(), json!([number]));
        layer.insert("blend".to_owned(), json!("additive"));
        layer.insert("opacity".to_owned(), json!(1));
    }
    if let Some(shader) = shader {
        layer.insert("shader".to_owned(), json!(shader));
    }
    layer.insert("name".to_owned(), json!(name));
    if !is_visible {
        layer.insert("visible".to_owned(), json!(false));
        layer.insert("archived".to_owned(), json!(true));
    }
    Value::Object(layer)
}

fn shader_of(channel: Option<&Channel>, number: usize) -> String {
    let stated = channel.and_then(|channel| channel.colour).map(|[red, green, blue]| format!("#{red:02x}{green:02x}{blue:02x}"));
    let colour = stated.unwrap_or_else(|| COLOURS.get(number).copied().unwrap_or("#ffffff").to_owned());
    match channel.and_then(|channel| channel.window) {
        Some(window) => shader(window, Some(&colour)),
        None => format!(
            "#uicontrol invlerp normalized\n#uicontrol vec3 color color(default=\"{colour}\")\nvoid main() {{ emitRGB(color * normalized()); }}\n"
        ),
    }
}

fn shader((start, end): (f64, f64), colour: Option<&str>) -> String {
    let range = format!("#uicontrol invlerp normalized(range=[{start}, {end}])");
    match colour {
        Some(colour) => {
            format!("{range}\n#uicontrol vec3 color color(default=\"{colour}\")\nvoid main() {{ emitRGB(color * normalized()); }}\n")
        }
        None => format!("{range}\nvoid main() {{ emitGrayscale(normalized()); }}\n"),
    }
}

/// The directions in space and time, x first, each with the size of an element in metres or seconds: without them Neuroglancer takes them in
/// the order of the array.
fn dimensions(image: &Image) -> Vec<(String, (f64, &'static str))> {
    let scale = image.levels.first().and_then(|finest| finest.scale.as_ref()).filter(|scale| scale.len() == image.axes.len());
    let of = |(axis, at): (&Axis, usize)| {
        let stated = scale.and_then(|scale| scale.get(at).copied()).unwrap_or(1.0);
        let (factor, unit) = axis.unit.as_deref().and_then(si).unwrap_or((1.0, ""));
        (axis.name.clone(), (stated * factor, unit))
    };
    in_order(image).into_iter().map(of).collect()
}

/// The axes that are directions, x first, each with its place among all.
fn in_order(image: &Image) -> Vec<(&Axis, usize)> {
    ORDER
        .iter()
        .filter_map(|name| image.at(name))
        .filter_map(|at| Some((image.axes.get(at)?, at)))
        .filter(|(axis, _)| !axis.is_channel())
        .collect()
}

/// The middle of the image, and its first instant; empty: not known.
fn middle(image: &Image) -> Vec<u64> {
    let Some((_, array)) = image.finest() else { return Vec::new() };
    let of = |(axis, at): (&Axis, usize)| array.shape.get(at).map(|size| if axis.is_time() { 0 } else { size / 2 });
    in_order(image).into_iter().map(of).collect::<Option<_>>().unwrap_or_default()
}

/// Whether there is one plane.
fn is_flat(image: &Image) -> bool {
    let depth = image.at("z").and_then(|z| image.finest()?.1.shape.get(z).copied());
    depth.map_or(!image.axes.is_empty() && image.at("z").is_none(), |depth| depth <= 1)
}

/// A unit of OME-Zarr's in metres or seconds.
fn si(unit: &str) -> Option<(f64, &'static str)> {
    let (prefix, base) = ["meter", "second"].into_iter().find_map(|base| Some((unit.strip_suffix(base)?, base)))?;
    let unit = if base == "meter" { "m" } else { "s" };
    let factor = match prefix {
        "" => 1.0,
        "pico" => 1e-12,
        "nano" => 1e-9,
        "micro" => 1e-6,
        "milli" => 1e-3,
        "centi" => 1e-2,
        "kilo" => 1e3,
        _ => return None,
    };
    Some((factor, unit))
}

#[cfg(test)]
mod tests {
    use zarr::documents::Documents;

    use super::*;

    const URL: &str = "https://data.test/key/a.zarr";

    fn seen(axes: &str, shape: &[u64], channels: &Value) -> Seen {
        let described = |name: char| match name {
            'c' => json!({ "name": "c", "type": "channel" }),
            't' => json!({ "name": "t", "type": "time", "unit": "second" }),
            space => json!({ "name": space.to_string(), "type": "space", "unit": "micrometer" }),
        };
        let scale: Vec<f64> = axes.chars().map(|name| if name == 'z' { 2.0 } else { 0.5 }).collect();
        let root = json!({ "zarr_format": 3, "node_type": "group", "attributes": { "ome": { "version": "0.5", "omero": { "channels": channels }, "multiscales": [{
            "axes": axes.chars().map(described).collect::<Vec<_>>(), "datasets": [{ "path": "0", "coordinateTransformations": [{ "type": "scale", "scale": scale }] }] }] } } });
        let array = json!({ "node_type": "array", "shape": shape, "data_type": "uint16", "chunk_grid": { "configuration": { "chunk_shape": shape } }, "codecs": ["bytes"] });
        let mut documents = Documents::default();
        for (path, document) in [("zarr.json", root), ("0/zarr.json", array)] {
            documents.add(path, Some(document.to_string().as_bytes()));
        }
        documents.add("labels/zarr.json", Some(json!({ "attributes": { "ome": { "labels": ["cells a"] } } }).to_string().as_bytes()));
        zarr::seen::seen(&documents).unwrap()
    }

    fn state_of(seen: &Seen) -> Value {
        serde_json::from_str(&state(seen, URL).unwrap()).unwrap()
    }

    // CLIENTS 7
    #[test]
    fn directions_are_x_first_with_units_and_each_channel_is_a_layer() {
        let channels =
            json!([{ "label": "nuclei", "color": "00FF7F", "window": { "start": 10, "end": 900 } }, { "label": "off", "active": false }]);
        let seen = seen("tczyx", &[5, 6, 40, 100, 200], &channels);
        let (state, written) = (state_of(&seen), state(&seen, URL).unwrap());
        assert_eq!(state["dimensions"], json!({ "x": [5e-7, "m"], "y": [5e-7, "m"], "z": [2e-6, "m"], "t": [0.5, "s"] }));
        assert!(
            written.starts_with("{\"dimensions\":{\"x\":[5e-7,\"m\"],\"y\":[5e-7,\"m\"],\"z\":[2e-6,\"m\"],\"t\":"),
            "the order counts: {written}"
        );
        assert_eq!((&state["position"], &state["layout"]), (&json!([100, 50, 20, 0]), &json!("4panel-alt")));
        let layers = state["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 7);
        let source = |layer: &Value| layer["source"].as_str().unwrap().to_owned();
        assert!(layers[..6].iter().all(|layer| source(layer) == format!("{URL}/|zarr3:")));
        assert_eq!((&layers[1]["localPosition"], &layers[1]["localDimensions"]), (&json!([1]), &json!({ "c'": [1, ""] })));
        let shown: Vec<_> = layers[..6].iter().map(|layer| layer["archived"] != json!(true)).collect();
        assert_eq!(shown, [true, false, true, true, true, false], "four at first, of those that are active");
        let shader = layers[0]["shader"].as_str().unwrap();
        assert!(shader.contains("range=[10, 900]") && shader.contains("#00ff7f"), "{shader}");
        assert!(layers[2]["name"] == "channel 2" && layers[2]["shader"].as_str().unwrap().contains("#ffff00"), "{}", layers[2]);
        assert_eq!((&layers[6]["type"], source(&layers[6])), (&json!("segmentation"), format!("{URL}/labels/cells%20a/|zarr3:")));
    }

    #[test]
    fn one_plane_is_shown_as_one_and_without_channels_there_is_one_layer() {
        let state = state_of(&seen("yx", &[100, 200], &json!([])));
        assert_eq!((&state["layout"], state["layers"].as_array().unwrap().len()), (&json!("xy"), 2));
        assert!(state["layers"][0].get("localPosition").is_none());
        assert_eq!(state_of(&seen("zyx", &[1, 100, 200], &json!([])))["layout"], "xy");
    }

    #[test]
    fn a_state_fits_a_link_whatever_the_labels_of_its_channels() {
        let channels: Vec<_> = (0..40).map(|number| json!({ "label": format!("{number}{}", "é\"<".repeat(60)) })).collect();
        let text = state(&seen("cyx", &[40, 10, 10], &json!(channels)), URL).unwrap();
        assert!(text.len() <= STATE_BYTES_MAX && text.contains("localPosition"), "{}", text.len());
    }
}
