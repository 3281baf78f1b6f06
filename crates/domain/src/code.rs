//! Codes: eight characters that stand in print for a link that is meant to be public.

use core::fmt;

use thiserror::Error;

use crate::limits::CODE_CHARS;

/// Crockford's base32 alphabet: no I, L, O or U (<https://www.crockford.com/base32.html>).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a code")]
pub struct CodeError;

/// What a publication link has for print, and an event link by wish (SEMANTICS 2): 40 random bits as 8 characters. Whoever guesses it reads what
/// the link opens, so no other link has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code([u8; CODE_CHARS]);

impl Code {
    /// The code of 40 random bits.
    #[must_use]
    pub fn new(bits: [u8; 5]) -> Self {
        let bits = bits.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut text = [b'0'; CODE_CHARS];
        for (to, place) in text.iter_mut().rev().zip(0_u32..) {
            let value = usize::try_from(bits >> place.saturating_mul(5) & 31).unwrap_or_default();
            *to = ALPHABET.get(value).copied().unwrap_or(b'0');
        }
        Self(text)
    }

    /// Reads a code as people type it: in either case, with hyphens and spaces, O for 0, I and L for 1.
    ///
    /// # Errors
    /// [`CodeError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut read = text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')).map(|byte| match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            byte => byte,
        });
        let mut code = [b'0'; CODE_CHARS];
        for to in &mut code {
            *to = read.next().filter(|byte| ALPHABET.contains(byte)).ok_or(CodeError)?;
        }
        if read.next().is_some() { Err(CodeError) } else { Ok(Self(code)) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        assert_eq!(Code::new([0; 5]).to_string(), "00000000");
        assert_eq!(Code::new([0xff; 5]).to_string(), "ZZZZZZZZ");
        let code = Code::new([0x08, 0x42, 0x10, 0x84, 0x3f]);
        assert_eq!(code.to_string(), "1111111Z");
        for text in ["1111111Z", "1111-111z", "iIlL11-1Z", " 1111 111Z "] {
            assert_eq!(Code::parse(text), Ok(code), "{text}");
        }
        assert_eq!(Code::parse("oO0o-0000"), Ok(Code::new([0; 5])));
    }

    #[test]
    fn nothing_else_is_a_code() {
        for text in ["", "1111111", "111111111", "1111111U", "1111_111", "1111111é", "../11111", "abcdefghijklmnopqrstuvwxyz234567"] {
            assert_eq!(Code::parse(text), Err(CodeError), "{text}");
        }
    }
}
