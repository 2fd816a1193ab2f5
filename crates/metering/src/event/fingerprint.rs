//! Fingerprints: what stands for an event's name, content and values where the whole of them is too long.
//!
//! They are keyed with a secret of the environment, so that nobody outside can make two names that look alike.
//! At 128 bits two of a hundred billion different names meet with a chance of about 10⁻¹⁷.

use sha2::{Digest, Sha256};

/// Makes the fingerprints of one environment.
#[derive(Clone, Debug)]
pub struct Fingerprints {
    keyed: Sha256,
}

impl Fingerprints {
    /// With the environment's secret.
    pub fn new(secret: &[u8]) -> Self {
        Self { keyed: Sha256::new_with_prefix(secret) }
    }

    /// Of the name of an event.
    pub fn identity(&self, source: &str, id: &str) -> u128 {
        self.of(b'i', &[source.as_bytes(), id.as_bytes()])
    }

    /// Of everything an event says besides its name.
    pub fn content(&self, meter: &str, subject: &str, at: Option<i64>, data: &str) -> u64 {
        let at = at.map_or([0; 9], |at| {
            let mut bytes = [1; 9];
            bytes[1..].copy_from_slice(&at.to_le_bytes());
            bytes
        });
        (self.of(b'c', &[meter.as_bytes(), subject.as_bytes(), &at, data.as_bytes()]) >> 64) as u64
    }

    /// Of a value of which different ones are counted.
    pub fn value(&self, text: &str) -> u128 {
        self.of(b'v', &[text.as_bytes()])
    }

    /// Each part with its length before it, so that "ab", "c" is not "a", "bc".
    fn of(&self, kind: u8, parts: &[&[u8]]) -> u128 {
        let mut hash = self.keyed.clone();
        hash.update([kind]);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_at(16);
        first.iter().fold(0, |value, byte| (value << 8) | u128::from(*byte))
    }
}
