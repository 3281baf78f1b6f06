//! QR codes of links' pages, for print and for terminals (UX 5; ISO/IEC 18004).

use core::{fmt, iter};

use qrcode::{
    Color, EcLevel, QrCode,
    render::{svg, unicode},
};
use thiserror::Error;

/// Modules around a code that stay white.
const QUIET_MODULES: usize = 4;
/// Pixels of a side of the SVG as it is shown where nothing says otherwise, and at the least of the PNG.
const SVG_PIXELS: u32 = 240;
const PNG_PIXELS: usize = 1_200;

/// No code holds the address.
#[derive(Debug, Error)]
pub enum QrError {
    /// It is longer than any code.
    #[error("the address is too long for a QR code")]
    TooLong(#[from] qrcode::types::QrError),
    /// The picture could not be written.
    #[error("the picture could not be written")]
    Png(#[from] png::EncodingError),
}

/// The QR code of one address.
pub struct Qr {
    code: QrCode,
}

impl fmt::Debug for Qr {
    /// Not what it holds: a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qr").field("modules", &self.code.width()).finish_non_exhaustive()
    }
}

impl Qr {
    /// The code of a link's page, whose address is read in either case: in upper case it takes fewer modules. For print, which is folded and
    /// stained, more of it can be restored: a quarter rather than 15 %.
    ///
    /// # Errors
    /// [`QrError::TooLong`].
    pub fn of(page: &str, is_for_print: bool) -> Result<Self, QrError> {
        let level = if is_for_print { EcLevel::Q } else { EcLevel::M };
        Ok(Self { code: QrCode::with_error_correction_level(page.to_ascii_uppercase(), level)? })
    }

    /// Black on white, as an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        self.code.render::<svg::Color<'_>>().min_dimensions(SVG_PIXELS, SVG_PIXELS).build()
    }

    /// The same as a PNG, a bit a pixel.
    ///
    /// # Errors
    /// [`QrError::Png`].
    pub fn png(&self) -> Result<Vec<u8>, QrError> {
        let modules = self.code.width().saturating_add(QUIET_MODULES.saturating_mul(2));
        let pixels_each = PNG_PIXELS.div_ceil(modules.max(1));
        let side = modules.saturating_mul(pixels_each);
        let mut bytes = Vec::new();
        let side_written = u32::try_from(side).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut bytes, side_written, side_written);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        let rows = (0..modules).flat_map(|y| iter::repeat_n(self.row(y, modules, pixels_each), pixels_each));
        let rows: Vec<u8> = rows.flatten().collect();
        writer.write_image_data(&rows)?;
        writer.finish()?;
        Ok(bytes)
    }

    /// For a terminal, two modules a character.
    #[must_use]
    pub fn text(&self) -> String {
        self.code.render::<unicode::Dense1x2>().dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark).build()
    }

    /// A row of pixels through the modules of row `y`, the quiet zone counted: a bit a pixel, white ones set, the leftmost the highest.
    fn row(&self, y: usize, modules: usize, pixels_each: usize) -> Vec<u8> {
        let pixels: Vec<bool> = (0..modules).flat_map(|x| iter::repeat_n(!self.is_dark(x, y), pixels_each)).collect();
        let of_eight = |pixels: &[bool]| (0..8).fold(0_u8, |byte, bit| byte << 1 | u8::from(pixels.get(bit).is_some_and(|white| *white)));
        pixels.chunks(8).map(of_eight).collect()
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let within = |place: usize| place.checked_sub(QUIET_MODULES).filter(|place| *place < self.code.width());
        within(x).zip(within(y)).is_some_and(|place| self.code[place] == Color::Dark)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test may fail loudly")]
    use super::*;

    const PAGES: [&str; 2] = ["https://share.example.org/s/7K3M-9QXZ", "http://127.0.0.1:8088/s/abcdefghijklmnopqrstuvwxyz234567"];

    fn read(width: usize, height: usize, grey: impl FnMut(usize, usize) -> u8) -> String {
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let [code] = image.detect_grids().try_into().unwrap_or_else(|_found| panic!("not one code"));
        code.decode().unwrap().1
    }

    // UX 10.11.
    #[test]
    fn a_drawn_code_reads_back() {
        for page in PAGES {
            let png = Qr::of(page, page.starts_with("https")).unwrap().png().unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
            let mut rows = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut rows).unwrap();
            let side = usize::try_from(info.width).unwrap();
            assert!(side >= PNG_PIXELS && info.width == info.height);
            let grey = |x: usize, y: usize| if rows[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 };
            assert_eq!(read(side, side, grey), page.to_ascii_uppercase());
        }
    }

    #[test]
    fn a_terminal_shows_the_same_code() {
        for page in PAGES {
            let text = Qr::of(page, true).unwrap().text();
            let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
            // Light characters on a dark ground; each is magnified.
            let is_light = |x: usize, y: usize| match lines[y / 2][x] {
                '█' => true,
                '▀' => y.is_multiple_of(2),
                '▄' => !y.is_multiple_of(2),
                _ => false,
            };
            let (width, height) = (lines[0].len() * 4, lines.len() * 2 * 4);
            assert_eq!(read(width, height, |x, y| if is_light(x / 4, y / 4) { 255 } else { 0 }), page.to_ascii_uppercase());
        }
    }

    #[test]
    fn what_no_code_holds_is_said() {
        assert!(matches!(Qr::of(&"x".repeat(8_000), false), Err(QrError::TooLong(_))));
    }
}
