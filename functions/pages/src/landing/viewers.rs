//! The viewers that are shipped, matched against what the data need: whatever fits is a way to open them, and whatever does not is told with
//! the reason (V3).

use std::{collections::BTreeMap, sync::LazyLock};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use zarr::seen::{Seen, Store, What};

use super::neuroglancer;

/// All but what no query changes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The community's manifest of a viewer, with one block of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    viewer: Viewer,
    capabilities: Capabilities,
    offprint: Ours,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewer {
    name: String,
    /// The version that this was written about.
    #[expect(dead_code, reason = "a manifest of the community's has it, and a reader of ours shows it nowhere yet")]
    version: String,
    #[expect(dead_code, reason = "as the version")]
    repo: String,
    template_url: Option<String>,
}

/// What a viewer can do. An empty list: not known, so nothing is excluded.
#[derive(Debug, Deserialize)]
struct Capabilities {
    ome_zarr_versions: Vec<String>,
    compression_codecs: Vec<String>,
    #[serde(flatten)]
    features: BTreeMap<String, bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ours {
    #[expect(dead_code, reason = "an administrator's list will name it")]
    id: String,
    kinds: Vec<Kind>,
    /// The versions of Zarr that it reads.
    zarr: Vec<u8>,
    n5: bool,
    carries: Carries,
    /// Whether a folder's address ends with a slash.
    #[serde(default)]
    slash: bool,
    /// What to copy instead of a link.
    command: Option<String>,
    /// Where to put it, where that is no terminal.
    #[serde(rename = "where")]
    place: Option<String>,
    /// Whether it looks at metadata and at no chunk.
    #[serde(default)]
    metadata_only: bool,
}

/// What data are, to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Image,
    Array,
    Plate,
    Group,
}

/// Where a viewer's address has the data's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Carries {
    Query,
    Fragment,
    None,
}

static SHIPPED: LazyLock<Vec<Manifest>> = LazyLock::new(|| serde_json::from_str(include_str!("../../viewers.json")).unwrap_or_default());

/// The ways to open data.
#[derive(Debug, Default)]
pub(crate) struct Viewers {
    pub(crate) links: Vec<Offer>,
    pub(crate) commands: Vec<Command>,
    /// Those that cannot, by name and reason.
    pub(crate) unfit: Vec<(String, String)>,
}

/// A viewer in the browser.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) name: String,
    pub(crate) url: String,
    /// Whether the link goes to its server, whose log will hold it.
    pub(crate) is_logged: bool,
    /// What it does not show.
    pub(crate) lacks: Option<&'static str>,
}

/// A program.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) place: Option<String>,
}

/// The addresses of data, for whoever holds the link.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// That of the folder, without a slash behind it.
    pub(crate) url: String,
    /// The same, never redirected.
    pub(crate) streamed: String,
}

/// What data need of a viewer.
struct Need<'s> {
    seen: &'s Seen,
    kind: Kind,
    codecs: Vec<&'s str>,
    /// Whether chunks open, of any level.
    opens_chunks: bool,
}

/// The viewers of data of which this was seen; `opens_chunks`: the link opens more than metadata.
pub(crate) fn viewers(seen: &Seen, addresses: &Addresses, opens_chunks: bool) -> Viewers {
    let need = Need::of(seen, opens_chunks);
    let mut viewers = Viewers::default();
    for manifest in SHIPPED.iter() {
        let name = manifest.viewer.name.clone();
        if let Err(why) = manifest.fits(&need) {
            viewers.unfit.push((name, why));
            continue;
        }
        if let Some(command) = &manifest.offprint.command {
            let text = manifest.filled(command, seen, addresses);
            viewers.commands.extend(text.map(|text| Command { name, text, place: manifest.offprint.place.clone() }));
        } else if let Some(template) = &manifest.viewer.template_url {
            let url = manifest.filled(template, seen, addresses);
            let is_logged = manifest.offprint.carries == Carries::Query;
            viewers.links.extend(url.map(|url| Offer { name, url, is_logged, lacks: manifest.lacks(&need) }));
        }
    }
    viewers
}

impl<'s> Need<'s> {
    fn of(seen: &'s Seen, opens_chunks: bool) -> Self {
        let kind = match seen.what {
            What::Plate(_) | What::Well(_) => Kind::Plate,
            What::Image | What::Labels | What::Series(_) => Kind::Image,
            What::Array(_) => Kind::Array,
            What::Group => Kind::Group,
        };
        let own = if let What::Array(array) = &seen.what { Some(array.as_ref()) } else { None };
        let of_image = seen.image.as_ref().and_then(|image| image.finest()).map(|(_, array)| array);
        let codecs = own.or(of_image).map(|array| array.codecs.iter().map(|codec| codec.name.as_str()).collect()).unwrap_or_default();
        Self { seen, kind, codecs, opens_chunks }
    }
}

impl Manifest {
    /// Whether it can open them.
    ///
    /// # Errors
    /// Why not, as a sentence's end.
    fn fits(&self, need: &Need<'_>) -> Result<(), String> {
        let ours = &self.offprint;
        if !need.opens_chunks && !ours.metadata_only {
            return Err("the link opens metadata and no picture".to_owned());
        }
        match need.seen.store {
            Store::N5 if !ours.n5 => return Err("does not read N5".to_owned()),
            Store::Zarr2 if !ours.zarr.contains(&2) => return Err("reads Zarr 3 only".to_owned()),
            Store::Zarr3 if !ours.zarr.contains(&3) && need.seen.ome.is_none() => return Err("reads Zarr 2 only".to_owned()),
            Store::Zarr2 | Store::Zarr3 | Store::N5 => {}
        }
        let reads = &self.capabilities.ome_zarr_versions;
        if let Some(ome) = &need.seen.ome
            && !reads.is_empty()
            && !reads.contains(&ome.number)
        {
            return Err(format!("reads OME-Zarr {} only", reads.join(" and ")));
        }
        if need.seen.store == Store::Zarr3 && !ours.zarr.contains(&3) {
            return Err("reads Zarr 2 only".to_owned());
        }
        if !ours.kinds.contains(&need.kind) {
            return Err(match need.kind {
                Kind::Plate => "does not show plates",
                Kind::Array => "reads OME-Zarr images, not plain arrays",
                Kind::Group | Kind::Image => "there is no image at the root to show",
            }
            .to_owned());
        }
        let decodes = &self.capabilities.compression_codecs;
        let unknown = need.codecs.iter().find(|codec| !decodes.is_empty() && !decodes.iter().any(|known| known == *codec));
        unknown.map_or(Ok(()), |codec| Err(format!("does not decode {codec}")))
    }

    /// What there is that it does not show.
    fn lacks(&self, need: &Need<'_>) -> Option<&'static str> {
        let has = |feature: &str| self.capabilities.features.get(feature).copied().unwrap_or(true);
        (!need.seen.labels.is_empty() && !has("labels")).then_some("Without the labels.")
    }

    /// A template with its placeholders filled; `None`: it has one that is unknown, or nothing could be put there.
    fn filled(&self, template: &str, seen: &Seen, addresses: &Addresses) -> Option<String> {
        let url = if self.offprint.slash { format!("{}/", addresses.url) } else { addresses.url.clone() };
        let mut text = template.replace("{DATA_URL|raw}", &url).replace("{STREAM_URL}", &component(&addresses.streamed));
        text = text.replace("{DATA_URL}", &component(&url));
        if text.contains("{NG_STATE}") {
            let state = neuroglancer::state(seen, &addresses.url)?;
            text = text.replace("{NG_STATE}", &component(&state));
        }
        (!text.contains('{')).then_some(text)
    }
}

/// A text as one part of a query or fragment has it.
fn component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

#[cfg(test)]
mod tests {
    use domain::path::ObjectPath;
    use zarr::{
        array::{Array, Codec},
        image::{Image, Level},
        seen::OmeVersion,
    };

    use super::*;

    fn addresses() -> Addresses {
        let at = |form: &str| format!("https://data.test/{}{form}/a%20b.zarr", "k".repeat(32));
        Addresses { url: at(""), streamed: at("-s") }
    }

    fn an_array(codec: &str) -> Array {
        let codecs = vec![Codec { name: codec.to_owned(), with: None }];
        Array::v2(&serde_json::json!({ "shape": [8, 8], "chunks": [8, 8], "dtype": "<u2" })).map(|array| Array { codecs, ..array }).unwrap()
    }

    fn an_image(store: Store, version: &str, codec: &str) -> Seen {
        let level = Level { folder: ObjectPath::from_decoded("0/").unwrap(), scale: None, array: Some(an_array(codec)) };
        Seen {
            store,
            ome: Some(OmeVersion { number: version.to_owned(), is_understood: true }),
            what: What::Image,
            image: Some(Image { levels: vec![level], levels_listed: 1, ..Image::default() }),
            labels: Vec::new(),
            unread: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// Who opens it, and who does not, with the reason.
    fn told(seen: &Seen, opens_chunks: bool) -> (String, String) {
        let viewers = viewers(seen, &addresses(), opens_chunks);
        let fit = viewers.links.iter().map(|offer| &offer.name).chain(viewers.commands.iter().map(|command| &command.name));
        let unfit = viewers.unfit.iter().map(|(name, why)| format!("{name}: {why}"));
        (fit.cloned().collect::<Vec<_>>().join(", "), unfit.collect::<Vec<_>>().join("; "))
    }

    // V3
    #[test]
    fn only_viewers_that_can_read_it_are_offered_and_the_others_have_a_reason() {
        assert_eq!(SHIPPED.len(), 8, "every manifest is understood");
        let all = "Neuroglancer, vizarr, BioNGFF viewer, Avivator, Vol-E, OME-NGFF validator, napari, Fiji";
        assert_eq!(told(&an_image(Store::Zarr2, "0.4", "blosc"), true), (all.to_owned(), String::new()));
        let (fit, unfit) = told(&an_image(Store::Zarr3, "0.5", "zstd"), true);
        assert_eq!(fit, "Neuroglancer, BioNGFF viewer, Vol-E, OME-NGFF validator, napari, Fiji");
        assert_eq!(unfit, "vizarr: reads OME-Zarr 0.4 only; Avivator: reads OME-Zarr 0.4 only");
        assert!(told(&an_image(Store::Zarr2, "0.4", "zstd"), true).1.contains("Avivator: does not decode zstd"));
        let (fit, unfit) = told(&an_image(Store::Zarr3, "0.6", "zstd"), true);
        assert_eq!(fit, "OME-NGFF validator", "{unfit}");
        let (fit, unfit) = told(&an_image(Store::Zarr2, "0.4", "blosc"), false);
        assert!(fit == "OME-NGFF validator" && unfit.contains("Neuroglancer: the link opens metadata and no picture"), "{unfit}");
        let array = Seen { ome: None, image: None, what: What::Array(Box::new(an_array("zstd"))), ..an_image(Store::Zarr3, "", "") };
        assert_eq!(told(&array, true).0, "Neuroglancer, Fiji");
        let n5 = Seen { store: Store::N5, ome: None, ..an_image(Store::N5, "", "gzip") };
        assert_eq!(told(&n5, true).0, "Neuroglancer, Fiji");
        let group = Seen { ome: None, image: None, what: What::Group, ..an_image(Store::Zarr3, "", "") };
        assert_eq!(told(&group, true).0, "");
        let plate = Seen { what: What::Well(1), ..an_image(Store::Zarr2, "0.4", "blosc") };
        assert_eq!(told(&plate, true).0, "vizarr, BioNGFF viewer, OME-NGFF validator, napari");
    }

    // UX 10, no. 9
    #[test]
    fn every_link_is_well_formed_and_carries_the_address_of_the_data_whole() {
        let encoded = format!("https%3A%2F%2Fdata.test%2F{}%2Fa%2520b.zarr", "k".repeat(32));
        let labelled = Seen { labels: vec!["cells".to_owned()], ..an_image(Store::Zarr2, "0.4", "blosc") };
        let viewers = viewers(&labelled, &addresses(), true);
        for offer in &viewers.links {
            let url = ammonia::Url::parse(&offer.url).unwrap();
            assert_eq!(url.scheme(), "https", "{offer:?}");
            assert!(offer.url.contains(&encoded), "{offer:?}");
            assert!(offer.url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`{}".contains(&byte)), "{offer:?}");
            assert_eq!(offer.is_logged, url.query().is_some(), "{offer:?}");
        }
        let lacking: Vec<_> = viewers.links.iter().filter(|offer| offer.lacks.is_some()).map(|offer| offer.name.as_str()).collect();
        assert_eq!(lacking, ["vizarr", "Avivator", "Vol-E"]);
        let napari = viewers.commands.iter().find(|command| command.name == "napari").unwrap();
        assert_eq!(napari.text, format!("napari --plugin napari-ome-zarr https://data.test/{}/a%20b.zarr", "k".repeat(32)));
        let [neuroglancer, ..] = viewers.links.as_slice() else { panic!("{viewers:?}") };
        assert!(!neuroglancer.url.contains(&format!("{}-s", "k".repeat(32))), "it follows redirects");
    }

    #[test]
    fn a_template_with_an_unknown_placeholder_is_no_link() {
        let seen = an_image(Store::Zarr2, "0.4", "blosc");
        let manifest = SHIPPED.first().unwrap();
        assert_eq!(manifest.filled("https://viewer.test/?a={SECRET}", &seen, &addresses()), None);
    }
}
