//! Secrets we hand out: 256 random bits, of which only a SHA-256 is kept. With that much randomness a
//! slow hash would protect nothing more.

use kernel::{Error, Result};
use sha2::{Digest, Sha256};

/// 52 characters of lower-case base32 (RFC 4648 alphabet), 256 bits from the operating system.
///
/// Errors: `internal` when the system has no randomness.
pub(crate) fn new() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(52);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(ALPHABET[((bits >> held) & 31) as usize]));
        }
    }
    text.push(char::from(ALPHABET[((bits << (5 - held)) & 31) as usize]));
    Ok(text)
}

/// What is stored of a secret.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, two) = (super::new().unwrap(), super::new().unwrap());
        assert_eq!((one.len(), two.len()), (52, 52));
        assert_ne!(one, two);
        assert!(one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        assert_ne!(super::hash(&one), super::hash(&two));
    }
}
