//! The demo data of a first start: three small OME-Zarr images and three plain files.
//!
//! Everything is computed, so a checkout carries no data and every machine gets the same bytes.
//! The images show the same made-up embryo (nuclei in one channel, membranes in the other) in the
//! three ways that Zarr is stored today: version 3, version 2, and version 3 with shards. Each
//! lacks one chunk of its finest level on purpose, because a missing chunk has to read as zeros
//! through a link too, and no voxel of the picture itself is zero.
//!
//! The bytes are written here and not by `zarrs`: that crate would add about fifty others to the
//! binary for this module alone, and with raw little-endian chunks there is nothing to encode but
//! a shard's index. Hence no compression here. Sources: the Zarr core specifications 2 and 3.1,
//! its `sharding_indexed` and `crc32c` codecs, OME-Zarr 0.4 and 0.5.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "every operand derives from the constants of this file; the largest product stays below 2^40"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crc_fast::CrcAlgorithm;
use serde_json::{Value, json};
use thiserror::Error;

/// The dataset that the first link opens. Its name holds what breaks careless URLs (a space, `#`,
/// `%`, `+`, a letter beyond ASCII), and it lies one folder down.
pub const FIRST: &str = "exp #3/50% +é.ome.zarr";

const PLAIN_V2: &str = "plain-v2.ome.zarr";
const SHARDED_V3: &str = "sharded-v3.ome.zarr";
const TABLE: &str = "table.csv";
const NOISE: &str = "random.bin";
/// Written last: a folder that has it is complete.
const README: &str = "README.md";
const README_TEXT: &str = "\
# Demo data

Made by Offprint at its first start; safe to delete, and made again when this file is missing.

- `exp #3/50% +é.ome.zarr`: OME-Zarr 0.5 on Zarr version 3
- `plain-v2.ome.zarr`: OME-Zarr 0.4 on Zarr version 2
- `sharded-v3.ome.zarr`: OME-Zarr 0.5 on Zarr version 3, with shards
- `table.csv`: where the cells are, in nanometres
- `random.bin`: 1 MiB of noise, the same everywhere

Each image shows one made-up embryo: 2 channels, 3 levels, `uint16`. Each lacks one chunk of
level 0, channel 1, on purpose: it reads as zeros, the dark corner of the membranes.
";

const NOISE_BYTES: usize = 1 << 20;
const NOISE_SEED: u64 = 0x6f66_6670_7269_6e74;

/// Why the demo data could not be made.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A folder could not be made.
    #[error("the folder `{}` cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("the file `{}` cannot be written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the demo data in `dir`, 3.6 MB in 171 files, and `dir` itself where it is missing.
///
/// A complete folder is left alone, even where it is read-only; one that an earlier run left half
/// made is made whole. Two runs at once write the same bytes.
///
/// # Errors
/// [`DemoError`] when a folder or file cannot be written. What is there stays and counts as
/// incomplete.
pub fn write(dir: &Path) -> Result<(), DemoError> {
    if is_complete(dir) {
        return Ok(());
    }
    for image in IMAGES {
        image.write(dir)?;
    }
    put(dir, TABLE, table().as_bytes())?;
    put(dir, NOISE, &noise())?;
    put(dir, README, README_TEXT.as_bytes())
}

/// Compared whole, so that a README cut short does not count.
fn is_complete(dir: &Path) -> bool {
    fs::read(dir.join(README)).is_ok_and(|text| text == README_TEXT.as_bytes())
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), DemoError> {
    let path = dir.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| DemoError::Folder { path: folder.to_owned(), source })?;
    }
    fs::write(&path, bytes).map_err(|source| DemoError::File { path, source })
}

fn put_json(dir: &Path, name: &str, value: &Value) -> Result<(), DemoError> {
    put(dir, name, format!("{value:#}\n").as_bytes())
}

// The images.

/// Sizes and positions, in the order of the axes: c, z, y, x.
type Czyx = [u64; 4];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    V2,
    V3,
    /// Version 3, the files being shards of so many voxels.
    Sharded,
}

struct Image {
    path: &'static str,
    layout: Layout,
    /// The size of a level-0 pixel in y and x; a plane is always 2 micrometres from the next.
    pixel_um: f64,
    /// The chunk of level 0 that is not written, counted in chunks.
    hole: Czyx,
    levels: [Level; 3],
}

struct Level {
    name: &'static str,
    /// How many level-0 voxels one of its voxels spans in z, y and x.
    factor: f64,
    shape: Czyx,
    chunk: Czyx,
    /// What one file holds: a shard, or else the chunk again.
    file: Czyx,
}

/// The shapes are chosen so that chunks end on the edge of the image in the first, and past it in
/// the other two.
const IMAGES: [Image; 3] = [
    Image {
        path: FIRST,
        layout: Layout::V3,
        pixel_um: 0.5,
        hole: [1, 1, 0, 3],
        levels: [
            level("0", 1.0, [2, 16, 128, 128], [1, 8, 32, 32], [1, 8, 32, 32]),
            level("1", 2.0, [2, 8, 64, 64], [1, 8, 32, 32], [1, 8, 32, 32]),
            level("2", 4.0, [2, 4, 32, 32], [1, 4, 16, 16], [1, 4, 16, 16]),
        ],
    },
    Image {
        path: PLAIN_V2,
        layout: Layout::V2,
        pixel_um: 0.64,
        hole: [1, 1, 0, 2],
        levels: [
            level("0", 1.0, [2, 16, 100, 100], [1, 8, 36, 36], [1, 8, 36, 36]),
            level("1", 2.0, [2, 8, 50, 50], [1, 8, 28, 28], [1, 8, 28, 28]),
            level("2", 4.0, [2, 4, 25, 25], [1, 4, 16, 16], [1, 4, 16, 16]),
        ],
    },
    Image {
        path: SHARDED_V3,
        layout: Layout::Sharded,
        pixel_um: 0.8,
        hole: [1, 1, 0, 4],
        levels: [
            level("0", 1.0, [2, 16, 80, 80], [1, 8, 16, 16], [1, 16, 48, 48]),
            level("1", 2.0, [2, 8, 40, 40], [1, 4, 8, 8], [1, 8, 32, 32]),
            level("2", 4.0, [2, 4, 20, 20], [1, 4, 8, 8], [1, 4, 16, 16]),
        ],
    },
];

const fn level(name: &'static str, factor: f64, shape: Czyx, chunk: Czyx, file: Czyx) -> Level {
    Level { name, factor, shape, chunk, file }
}

impl Image {
    fn write(&self, dir: &Path) -> Result<(), DemoError> {
        let root = dir.join(self.path);
        self.write_metadata(&root)?;
        for level in &self.levels {
            let hole = (level.factor <= 1.0).then_some(self.hole);
            for [c, z, y, x] in grid(each(level.shape, level.file, u64::div_ceil)) {
                let at = each([c, z, y, x], level.file, |index, size| index * size);
                let bytes = match self.layout {
                    Layout::Sharded => level.shard(at, hole),
                    Layout::V2 | Layout::V3 if hole == Some([c, z, y, x]) => continue,
                    Layout::V2 | Layout::V3 => level.chunk(at),
                };
                let name = match self.layout {
                    Layout::V2 => format!("{}/{c}/{z}/{y}/{x}", level.name),
                    Layout::V3 | Layout::Sharded => format!("{}/c/{c}/{z}/{y}/{x}", level.name),
                };
                put(&root, &name, &bytes)?;
            }
        }
        Ok(())
    }

    fn write_metadata(&self, root: &Path) -> Result<(), DemoError> {
        if self.layout != Layout::V2 {
            let group = json!({ "zarr_format": 3, "node_type": "group", "attributes": { "ome": self.ome("0.5") } });
            put_json(root, "zarr.json", &group)?;
            return self.levels.iter().try_for_each(|level| put_json(root, &format!("{}/zarr.json", level.name), &level.v3(self.layout)));
        }
        let group = json!({ "zarr_format": 2 });
        let attributes = self.ome("0.4");
        put_json(root, ".zgroup", &group)?;
        put_json(root, ".zattrs", &attributes)?;
        let mut all = serde_json::Map::from_iter([(".zgroup".to_owned(), group), (".zattrs".to_owned(), attributes)]);
        for level in &self.levels {
            let (name, array) = (format!("{}/.zarray", level.name), level.v2());
            put_json(root, &name, &array)?;
            all.insert(name, array);
        }
        put_json(root, ".zmetadata", &json!({ "zarr_consolidated_format": 1, "metadata": all }))
    }

    /// What OME-Zarr keeps of an image: under `ome` in 0.5, and as the attributes themselves in 0.4.
    fn ome(&self, version: &str) -> Value {
        let space = |name: &str| json!({ "name": name, "type": "space", "unit": "micrometer" });
        let datasets = self.levels.each_ref().map(|level| {
            let size = [2.0 * level.factor, self.pixel_um * level.factor];
            // A coarse voxel's centre lies between the centres of the fine ones that it spans.
            let shift = [(level.factor - 1.0), self.pixel_um * (level.factor - 1.0) / 2.0];
            json!({ "path": level.name, "coordinateTransformations": [
                { "type": "scale", "scale": [1.0, size[0], size[1], size[1]] },
                { "type": "translation", "translation": [0.0, shift[0], shift[1], shift[1]] },
            ] })
        });
        let channel = |label: &str, color: &str, end: u16| {
            json!({
                "label": label, "color": color, "active": true, "coefficient": 1, "family": "linear", "inverted": false,
                "window": { "min": 0, "max": 65535, "start": BACKGROUND, "end": end },
            })
        };
        let mut multiscale = json!({
            "name": self.path.rsplit('/').next(),
            "axes": [{ "name": "c", "type": "channel" }, space("z"), space("y"), space("x")],
            "datasets": datasets,
        });
        let mut omero = json!({
            "channels": [channel("nuclei", "4FB3FF", 30_000), channel("membranes", "FF8A3D", 26_000)],
            "rdefs": { "model": "color", "defaultT": 0, "defaultZ": 8 },
        });
        // 0.5 has one version for all of it, 0.4 one in each part.
        match (self.layout, multiscale.as_object_mut(), omero.as_object_mut()) {
            (Layout::V2, Some(scales), Some(channels)) => {
                scales.insert("version".to_owned(), json!(version));
                channels.insert("version".to_owned(), json!(version));
                json!({ "multiscales": [multiscale], "omero": omero })
            }
            _ => json!({ "version": version, "multiscales": [multiscale], "omero": omero }),
        }
    }
}

impl Level {
    fn v2(&self) -> Value {
        json!({
            "zarr_format": 2, "shape": self.shape, "chunks": self.chunk, "dtype": "<u2", "order": "C", "fill_value": 0,
            "compressor": null, "filters": null, "dimension_separator": "/",
        })
    }

    fn v3(&self, layout: Layout) -> Value {
        let raw = json!({ "name": "bytes", "configuration": { "endian": "little" } });
        let codecs = if layout == Layout::Sharded {
            json!([{ "name": "sharding_indexed", "configuration": {
                "chunk_shape": self.chunk, "codecs": [raw], "index_codecs": [raw, { "name": "crc32c" }], "index_location": "end",
            } }])
        } else {
            json!([raw])
        };
        json!({
            "zarr_format": 3, "node_type": "array", "shape": self.shape, "data_type": "uint16", "fill_value": 0,
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": self.file } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "codecs": codecs, "dimension_names": ["c", "z", "y", "x"], "attributes": {},
        })
    }

    /// The bytes of the chunk whose first voxel is `at`. Past the edge of the image they are zeros.
    fn chunk(&self, [c, z, y, x]: Czyx) -> Vec<u8> {
        let [_, depth, height, width] = self.chunk; // always of one channel
        let mut bytes = Vec::new();
        for z in z..z + depth {
            for y in y..y + height {
                for x in x..x + width {
                    let voxel = [c, z, y, x];
                    let light = if is_inside(voxel, self.shape) { brightness(voxel, self.shape) } else { 0 };
                    bytes.extend_from_slice(&light.to_le_bytes());
                }
            }
        }
        bytes
    }

    /// The shard whose first voxel is `at`: its chunks one after the other, then an index of offset
    /// and length for each, then the index's checksum. A chunk that is not there, because it lies
    /// wholly past the edge or is the `hole`, has ones in both.
    fn shard(&self, at: Czyx, hole: Option<Czyx>) -> Vec<u8> {
        let (mut shard, mut index) = (Vec::new(), Vec::new());
        let mut offset = 0_u64;
        for inside in grid(each(self.file, self.chunk, |file, chunk| file / chunk)) {
            let first = each(at, each(inside, self.chunk, |index, size| index * size), |from, step| from + step);
            let is_hole = hole == Some(each(first, self.chunk, |voxel, size| voxel / size));
            if is_hole || !is_inside(first, self.shape) {
                index.extend([u64::MAX, u64::MAX]);
                continue;
            }
            shard.extend(self.chunk(first));
            let bytes = 2 * self.chunk.iter().product::<u64>();
            index.extend([offset, bytes]);
            offset += bytes;
        }
        let index: Vec<u8> = index.into_iter().flat_map(u64::to_le_bytes).collect();
        let checksum = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, &index);
        shard.extend(index);
        // The function answers any width as 64 bits; a CRC-32 is the low half.
        shard.extend(checksum.to_le_bytes().into_iter().take(4));
        shard
    }
}

fn each(left: Czyx, right: Czyx, make: impl Fn(u64, u64) -> u64) -> Czyx {
    let ([c, z, y, x], [other_c, other_z, other_y, other_x]) = (left, right);
    [make(c, other_c), make(z, other_z), make(y, other_y), make(x, other_x)]
}

/// All positions below `size`, the last axis fastest.
fn grid([cs, zs, ys, xs]: Czyx) -> impl Iterator<Item = Czyx> {
    (0..cs).flat_map(move |c| (0..zs).flat_map(move |z| (0..ys).flat_map(move |y| (0..xs).map(move |x| [c, z, y, x]))))
}

fn is_inside([c, z, y, x]: Czyx, [cs, zs, ys, xs]: Czyx) -> bool {
    c < cs && z < zs && y < ys && x < xs
}

// The picture.

/// A cell: its centre in x, y and z, and its radius.
struct Cell(i64, i64, i64, i64);

/// In units of 1/2048 of the image's width, 31.25 nm, from its middle.
const CELLS: [Cell; 13] = [
    Cell(-30, 40, 20, 270),
    Cell(470, 90, -150, 250),
    Cell(240, 500, 90, 235),
    Cell(-290, 490, -110, 245),
    Cell(-540, 60, 130, 255),
    Cell(-330, -400, -60, 265),
    Cell(180, -430, 60, 275),
    Cell(620, -330, 110, 205),
    Cell(690, 420, -40, 165),
    Cell(-20, 770, 20, 150),
    Cell(-700, -370, -120, 150),
    Cell(-90, -780, -40, 160),
    Cell(-690, 430, 30, 160),
];
const HALF_WIDTH: u64 = 1024;
const HALF_DEPTH: u64 = 512;
/// The embryo's own radius.
const SHELL: i64 = 960;
/// What every voxel has at least, so that only a missing chunk is zero.
const BACKGROUND: u16 = 300;

/// The brightness at the middle of a voxel of an image of this `shape`: whole numbers only, so that
/// every machine draws the same.
fn brightness([channel, z, y, x]: Czyx, [_, depth, height, width]: Czyx) -> u16 {
    let x = from_middle(x, width, HALF_WIDTH);
    let y = from_middle(y, height, HALF_WIDTH);
    let z = from_middle(z, depth, HALF_DEPTH);
    let centre = x * x + y * y + z * z;
    let glow = 900 * fade(centre, (SHELL + 100) * (SHELL + 100)) / 256;
    let shell = if channel == 0 { 0 } else { 9_000 * square(fade((centre - SHELL * SHELL).abs(), 90_000)) };
    let mut cells = 0;
    for Cell(cell_x, cell_y, cell_z, radius) in &CELLS {
        let (x, y, z) = (x - cell_x, y - cell_y, z - cell_z);
        let from_cell = x * x + y * y + z * z;
        let radius = radius * radius;
        if from_cell > 2 * radius {
            continue; // beyond its membrane: most cells are, for any one voxel
        }
        cells += if channel == 0 {
            34_000 * square(fade(from_cell, radius * 2 / 5))
        } else {
            22_000 * square(fade((from_cell - radius).abs(), radius * 3 / 10))
        };
    }
    u16::try_from(i64::from(BACKGROUND) + glow + (shell + cells) / 65_536).unwrap_or(u16::MAX)
}

/// Where the middle of voxel `index` of `count` lies between `-half` and `half`.
fn from_middle(index: u64, count: u64, half: u64) -> i64 {
    ((2 * index + 1) * half / count).cast_signed() - half.cast_signed()
}

/// 256 at no distance, 0 from `reach` on, a straight line between.
fn fade(distance: i64, reach: i64) -> i64 {
    if distance < reach { 256 - distance * 256 / reach } else { 0 }
}

fn square(part: i64) -> i64 {
    part * part
}

// The plain files.

fn table() -> String {
    let nanometres = |units: i64| units * 125 / 4;
    let half_width = HALF_WIDTH.cast_signed();
    let half_depth = HALF_DEPTH.cast_signed();
    let rows = CELLS.iter().zip(1_u32..).map(|(Cell(x, y, z, radius), number)| {
        let (x, y, z) = (nanometres(x + half_width), nanometres(y + half_width), nanometres(z + half_depth));
        format!("{number},{x},{y},{z},{}\n", nanometres(*radius))
    });
    std::iter::once("cell,x_nm,y_nm,z_nm,radius_nm\n".to_owned()).chain(rows).collect()
}

/// Noise by `SplitMix64` (Steele, Lea, Flood 2014): looks random, is no secret.
fn noise() -> Vec<u8> {
    let mut state = NOISE_SEED;
    let mut bytes = Vec::with_capacity(NOISE_BYTES);
    while bytes.len() < NOISE_BYTES {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use sha2::{Digest, Sha256};

    use super::*;

    const BYTES_MAX: usize = 4_000_000;
    const HOLE: &str = "0/c/1/1/0/3";

    fn made() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path()).expect("demo data");
        dir
    }

    /// Every file below `dir` with its bytes.
    fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(dir).expect("below").to_owned();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        found
    }

    fn changed(dir: &Path) -> Vec<(PathBuf, SystemTime)> {
        let time = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).expect("a time");
        files(dir).into_keys().map(|name| (name.clone(), time(&dir.join(&name)))).collect()
    }

    fn json(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).expect("metadata")).expect("JSON")
    }

    #[test]
    fn a_complete_folder_is_left_alone() {
        let dir = made();
        fs::write(dir.path().join(TABLE), "mine").expect("an edit");
        let before = changed(dir.path());
        write(dir.path()).expect("a second start");
        assert_eq!(changed(dir.path()), before);
        assert_eq!(fs::read(dir.path().join(TABLE)).expect("the table"), b"mine");
    }

    #[test]
    fn a_half_made_folder_is_made_whole() {
        let dir = made();
        let whole = files(dir.path());
        fs::write(dir.path().join(README), README_TEXT.trim_end()).expect("cut short");
        fs::remove_dir_all(dir.path().join(PLAIN_V2)).expect("removed");
        write(dir.path()).expect("a second start");
        assert!(files(dir.path()) == whole, "something is missing or differs");
    }

    #[test]
    fn every_machine_makes_the_same_bytes() {
        let (one, other) = (made(), made());
        let found = files(one.path());
        assert!(found == files(other.path()), "two runs differ");
        assert!(found.values().map(Vec::len).sum::<usize>() < BYTES_MAX);
        // JSON is left out: how it is printed is the printer's business.
        let mut digest = Sha256::new();
        for (name, bytes) in found.iter().filter(|(_, bytes)| !bytes.starts_with(b"{")) {
            digest.update(name.to_str().expect("UTF-8"));
            digest.update(bytes);
        }
        assert_eq!(data_encoding::HEXLOWER.encode(&digest.finalize()), "51114b14cb3dda98f8686f58219a16354fa8b12ac96ed2492765882d16315d95");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("a file in the way");
        let why = write(&file.join("demo")).expect_err("no folder fits below a file");
        assert!(matches!(&why, DemoError::Folder { path, .. } if path.starts_with(&file)), "{why}");
    }

    #[test]
    fn each_image_lacks_the_chunk_that_it_should_and_no_other() {
        let dir = made();
        let found = files(dir.path());
        for image in IMAGES.iter().filter(|image| image.layout != Layout::Sharded) {
            for level in &image.levels {
                for [c, z, y, x] in grid(each(level.shape, level.chunk, u64::div_ceil)) {
                    let c_folder = if image.layout == Layout::V2 { "" } else { "c/" };
                    let name = format!("{}/{}/{c_folder}{c}/{z}/{y}/{x}", image.path, level.name);
                    let is_hole = level.name == "0" && image.hole == [c, z, y, x];
                    assert_eq!(found.contains_key(Path::new(&name)), !is_hole, "{name}");
                }
            }
        }
        assert!(!dir.path().join(FIRST).join(HOLE).exists());
    }

    #[test]
    fn no_voxel_of_the_picture_is_zero() {
        for level in IMAGES.iter().flat_map(|image| &image.levels) {
            assert!(grid(level.shape).all(|voxel| brightness(voxel, level.shape) >= BACKGROUND));
        }
    }

    #[test]
    fn a_shard_has_its_chunks_where_its_index_says() {
        let dir = made();
        let [_, _, image] = &IMAGES;
        let [level, ..] = &image.levels;
        let shard = fs::read(dir.path().join(SHARDED_V3).join("0/c/1/0/0/1")).expect("a shard");
        // 2 x 3 x 3 chunks, of which the third column lies past the edge and one is the hole.
        let (chunks, index) = shard.split_at(shard.len() - (18 * 16 + 4));
        let words: Vec<u64> = index[..18 * 16].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        let mut missing = Vec::new();
        for ([_, z, y, x], entry) in grid([1, 2, 3, 3]).zip(words.chunks(2)) {
            if entry == [u64::MAX, u64::MAX] {
                missing.push([z, y, x]);
                continue;
            }
            let from = usize::try_from(entry[0]).unwrap();
            let to = from + usize::try_from(entry[1]).unwrap();
            assert_eq!(chunks[from..to], level.chunk([1, z * 8, y * 16, 48 + x * 16]), "{z} {y} {x}");
        }
        assert_eq!(missing, [[0, 0, 2], [0, 1, 2], [0, 2, 2], [1, 0, 1], [1, 0, 2], [1, 1, 2], [1, 2, 2]]);
        // CRC-32C bit by bit (RFC 3720, appendix B.4), to hold the library to something else.
        let crc = !index[..18 * 16]
            .iter()
            .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1))));
        assert_eq!(index[18 * 16..], crc.to_le_bytes());
    }

    #[test]
    fn metadata_have_the_fields_that_readers_need() {
        let dir = made();
        for image in &IMAGES {
            let root = dir.path().join(image.path);
            let (ome, scales) = if image.layout == Layout::V2 {
                assert_eq!(json(&root.join(".zgroup")), json!({ "zarr_format": 2 }));
                let ome = json(&root.join(".zattrs"));
                let all = json(&root.join(".zmetadata"));
                assert_eq!(all["metadata"][".zattrs"], ome);
                assert_eq!(all["metadata"]["2/.zarray"], json(&root.join("2/.zarray")));
                (ome.clone(), ome["multiscales"][0].clone())
            } else {
                let group = json(&root.join("zarr.json"));
                assert_eq!((&group["zarr_format"], &group["node_type"]), (&json!(3), &json!("group")));
                let ome = group["attributes"]["ome"].clone();
                assert_eq!(ome["version"], "0.5");
                (ome.clone(), ome["multiscales"][0].clone())
            };
            assert_eq!(scales["version"], if image.layout == Layout::V2 { json!("0.4") } else { json!(null) });
            let axes: Vec<_> = scales["axes"].as_array().unwrap().iter().map(|axis| axis["name"].as_str().unwrap()).collect();
            assert_eq!(axes, ["c", "z", "y", "x"]);
            assert!((1..4).all(|axis| scales["axes"][axis]["unit"] == "micrometer"));
            assert_eq!(ome["omero"]["channels"].as_array().unwrap().len(), 2);
            assert!(ome["omero"]["channels"][1]["window"]["end"].is_u64() && ome["omero"]["channels"][1]["color"].is_string());
            for (level, dataset) in image.levels.iter().zip(scales["datasets"].as_array().unwrap()) {
                assert_eq!(dataset["path"], level.name);
                assert_eq!(dataset["coordinateTransformations"][0]["scale"][1], 2.0 * level.factor);
                let file = if image.layout == Layout::V2 { ".zarray" } else { "zarr.json" };
                let array = json(&root.join(level.name).join(file));
                assert_eq!((&array["shape"], &array["fill_value"]), (&json!(level.shape), &json!(0)));
                match image.layout {
                    Layout::V2 => assert_eq!((&array["chunks"], &array["dimension_separator"]), (&json!(level.chunk), &json!("/"))),
                    Layout::V3 => assert_eq!(array["codecs"][0]["name"], "bytes"),
                    Layout::Sharded => assert_eq!(array["codecs"][0]["configuration"]["chunk_shape"], json!(level.chunk)),
                }
            }
        }
    }

    #[test]
    fn the_table_says_where_the_cells_are() {
        let text = table();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (CELLS.len() + 1, "cell,x_nm,y_nm,z_nm,radius_nm"));
        assert_eq!(lines[1], "1,31062,33250,16625,8437");
    }
}
