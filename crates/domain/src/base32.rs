//! Lower-case base32 (RFC 4648 alphabet, no padding): the one text form of keys and ids. This encoding never changes.
//!
//! By hand, for a redirect writes and reads six of them: a library that takes any alphabet from a table needs thrice the time.

/// Bytes of a whole group.
const GROUP_BYTES: usize = 5;
/// Letters of a whole group.
const GROUP_LETTERS: usize = 8;
/// Bits of a letter.
const LETTER_BITS: usize = 5;

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let groups = bytes.chunks(GROUP_BYTES);
    groups.flat_map(|group| letters(group).into_iter().take(letters_of(group.len()))).map(char::from).collect()
}

/// The text of `bytes` in `N` characters, without an allocation; `N` must be what they take.
pub(crate) fn encode_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [b'a'; N];
    for (to, from) in text.chunks_mut(GROUP_LETTERS).zip(bytes.chunks(GROUP_BYTES)) {
        to.iter_mut().zip(letters(from)).for_each(|(to, from)| *to = from);
    }
    text
}

/// The `N` bytes of a text that re-encodes to itself: lower case, no padding, no stray trailing bits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != letters_of(N) {
        return None;
    }
    let mut bytes = [0; N];
    for (to, from) in bytes.chunks_mut(GROUP_BYTES).zip(text.as_bytes().chunks(GROUP_LETTERS)) {
        let mut bits = 0_u64;
        for place in 0..GROUP_LETTERS {
            bits = bits << LETTER_BITS | from.get(place).map_or(Some(0), |letter| value(*letter))?;
        }
        let [_, _, _, group @ ..] = bits.to_be_bytes();
        if group.iter().skip(to.len()).any(|stray| *stray != 0) {
            return None;
        }
        to.iter_mut().zip(group).for_each(|(to, from)| *to = from);
    }
    Some(bytes)
}

/// Letters that so many bytes take.
const fn letters_of(bytes: usize) -> usize {
    bytes.saturating_mul(8).div_ceil(LETTER_BITS)
}

/// The letters of a group, all at once: its forty bits are halved thrice, until each byte of eight holds five of them.
fn letters(group: &[u8]) -> [u8; GROUP_LETTERS] {
    let mut bytes = [0; 8];
    bytes.iter_mut().skip(3).zip(group).for_each(|(to, from)| *to = *from);
    let bits = u64::from_be_bytes(bytes);
    let twenties = (bits & 0x00ff_fff0_0000) << 12 | bits & 0x000f_ffff;
    let tens = (twenties & 0x000f_fc00_000f_fc00) << 6 | twenties & 0x0000_03ff_0000_03ff;
    let fives = (tens & 0x03e0_03e0_03e0_03e0) << 3 | tens & 0x001f_001f_001f_001f;
    // A value from 26 on carries into its byte's highest bit: its letter is a digit, 73 before the one that would follow `z`.
    let digits = (fives.wrapping_add(0x6666_6666_6666_6666) & 0x8080_8080_8080_8080) >> 7;
    fives.wrapping_add(0x6161_6161_6161_6161).wrapping_sub(digits.wrapping_mul(73)).to_be_bytes()
}

/// The value of a letter; `None`: it is none of ours.
fn value(letter: u8) -> Option<u64> {
    match letter {
        b'a'..=b'z' => Some(u64::from(letter.wrapping_sub(b'a'))),
        b'2'..=b'7' => Some(u64::from(letter.wrapping_sub(b'2').wrapping_add(26))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::Specification;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_examples_are_written_and_read() {
        assert_eq!([encode(b""), encode(b"f"), encode(b"fo"), encode(b"foo")], ["", "my", "mzxq", "mzxw6"]);
        assert_eq!([encode(b"foob"), encode(b"fooba"), encode(b"foobar")], ["mzxw6yq", "mzxw6ytb", "mzxw6ytboi"]);
        assert_eq!((decode("mzxw6yq"), encode_array(b"foob")), (Some(*b"foob"), *b"mzxw6yq"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_the_library_writes(bytes in any::<[u8; 20]>(), id in any::<[u8; 16]>()) {
            let mut wanted = Specification::new();
            wanted.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
            let library = wanted.encoding().unwrap();
            prop_assert_eq!(encode(&bytes), library.encode(&bytes));
            prop_assert_eq!(encode_array::<32>(&bytes).to_vec(), library.encode(&bytes).into_bytes());
            prop_assert_eq!(encode_array::<26>(&id).to_vec(), library.encode(&id).into_bytes());
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            prop_assert_eq!(decode(&encode(&id)), Some(id));
        }

        #[test]
        fn what_is_read_re_encodes_to_itself(text in "[a-h2-8A-B=é]{26}|[a-z2-7]{26}") {
            if let Some(bytes) = decode::<16>(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
