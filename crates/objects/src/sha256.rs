//! SHA-256 and HMAC in the form that signing takes most of its time in: what many signatures have in common is hashed once, and each
//! goes on from there. The compression is that of crate `sha2`; here is only the order of the bytes (FIPS 180-4, RFC 2104), held to
//! crates `sha2` and `hmac` by a property test.

use sha2::block_api::compress256;

/// Bytes of a block.
const BLOCK: usize = 64;
/// Where the length stands in the last block.
const LENGTH_AT: usize = 56;
/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A hash begun, with what does not yet fill a block.
#[derive(Clone)]
pub(crate) struct Hash {
    state: [u32; 8],
    block: [u8; BLOCK],
    held: usize,
    bytes: u64,
}

impl Hash {
    pub(crate) const fn new() -> Self {
        Self { state: INITIAL, block: [0; BLOCK], held: 0, bytes: 0 }
    }

    pub(crate) fn update(&mut self, mut data: &[u8]) {
        self.bytes = self.bytes.wrapping_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if self.held > 0 {
            let Some(room) = self.block.get_mut(self.held..) else { return };
            let fits = room.len().min(data.len());
            let (head, rest) = data.split_at_checked(fits).unwrap_or((data, &[]));
            room.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
            self.held = self.held.saturating_add(fits);
            data = rest;
            if self.held < BLOCK {
                return;
            }
            compress256(&mut self.state, &[self.block]);
        }
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.held = rest.len();
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        let bits = self.bytes.wrapping_mul(8).to_be_bytes();
        let mut rest = self.block.iter_mut().skip(self.held);
        if let Some(end) = rest.next() {
            *end = 0x80;
        }
        rest.for_each(|byte| *byte = 0);
        if self.held >= LENGTH_AT {
            compress256(&mut self.state, &[self.block]);
            self.block = [0; BLOCK];
        }
        self.block.iter_mut().skip(LENGTH_AT).zip(bits).for_each(|(to, from)| *to = from);
        compress256(&mut self.state, &[self.block]);
        bytes_of(self.state)
    }
}

/// An HMAC begun: the hashes inside and outside, each past its padded key.
#[derive(Clone)]
pub(crate) struct Mac {
    inner: Hash,
    outer: Hash,
}

impl Mac {
    /// Under `key`, which is hashed first where it is longer than a block.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut hashed = Hash::new();
        hashed.update(key);
        let hashed = hashed.finish();
        let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
        let padded = |with: u8| {
            let mut block = [with; BLOCK];
            block.iter_mut().zip(key).for_each(|(to, from)| *to ^= from);
            let mut hash = Hash::new();
            hash.update(&block);
            hash
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut outer = self.outer;
        outer.update(&self.inner.finish());
        outer.finish()
    }
}

/// In lower-case hexadecimal.
pub(crate) fn hex(bytes: [u8; 32]) -> [u8; 64] {
    let digit = |value: u8| value.wrapping_add(if value < 10 { b'0' } else { b'a'.wrapping_sub(10) });
    let mut text = [0; 64];
    let (pairs, _none) = text.as_chunks_mut::<2>();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
    text
}

fn bytes_of(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (words, _none) = bytes.as_chunks_mut::<4>();
    words.iter_mut().zip(state).for_each(|(to, from)| *to = from.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use hmac::{Hmac, KeyInit, Mac as _};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        // FIPS 180-4's examples, and RFC 4231 test case 2.
        for (text, want) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            let mut hash = Hash::new();
            hash.update(text.as_bytes());
            assert_eq!(hex(hash.finish()), want.as_bytes(), "{text}");
        }
        let mut mac = Mac::new(b"Jefe");
        mac.update(b"what do ya want for nothing?");
        assert_eq!(&hex(mac.finish()), b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    proptest! {
        #[test]
        fn any_parts_hash_as_the_whole_does_elsewhere(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6),
            key in proptest::collection::vec(any::<u8>(), 0..150),
        ) {
            let whole = parts.concat();
            let (mut hash, mut mac) = (Hash::new(), Mac::new(&key));
            for part in &parts {
                hash.update(part);
                mac.update(part);
            }
            let hash = hash.finish();
            prop_assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(&whole)));
            prop_assert_eq!(hex(hash).as_slice(), HEXLOWER.encode(&hash).as_bytes());
            let other = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&whole).finalize().into_bytes();
            prop_assert_eq!(mac.finish(), <[u8; 32]>::from(other));
        }
    }
}
