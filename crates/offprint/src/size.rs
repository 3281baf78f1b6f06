//! Numbers of bytes as people write them: `500MB`, `2TB`, `10GiB`.

/// What stands behind a number, and how many bytes it is: by thousands, or with an `i` by 1,024.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("pb", 1_000_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Reads a whole number of bytes, or of a unit of them.
///
/// # Errors
/// How it is written.
pub(crate) fn read_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
    let unit = unit.trim().to_ascii_lowercase();
    let bytes = UNITS.iter().find(|(word, _)| *word == unit).and_then(|(_, bytes)| number.parse::<u64>().ok()?.checked_mul(*bytes));
    bytes.ok_or_else(|| "write a whole number of bytes, such as 500MB, 2TB or 10GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_people_write_it_and_nothing_else_is_one() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("500MB", 500_000_000),
            ("2TB", 2_000_000_000_000),
            ("2 tb", 2_000_000_000_000),
            ("10GiB", 10 << 30),
        ] {
            assert_eq!(read_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "TB", "1.5TB", "-1", "2XB", "2TB/day", "99999999TB"] {
            assert!(read_size(wrong).is_err(), "{wrong}");
        }
    }
}
