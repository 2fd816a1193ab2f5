//! Numbers and texts as bytes: LEB128 for numbers, zigzag for signed ones, a length before texts.

use kernel::{Error, Result};

/// Append an unsigned number.
pub fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Append a signed number.
pub fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Append a wide signed number: short when it fits 64 bits, which it nearly always does.
pub fn write_i128(out: &mut Vec<u8>, value: i128) {
    let mut rest = ((value << 1) ^ (value >> 127)) as u128;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Append bytes behind their length.
pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes apart what the functions above put together.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// From the first byte on.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether everything was read.
    pub const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    /// An unsigned number.
    pub fn unsigned(&mut self) -> Result<u64> {
        u64::try_from(self.wide(64)?).map_err(|_| damaged())
    }

    /// A signed number.
    pub fn signed(&mut self) -> Result<i64> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A wide signed number.
    pub fn i128(&mut self) -> Result<i128> {
        let value = self.wide(128)?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    fn wide(&mut self, bits: u32) -> Result<u128> {
        let (mut value, mut shift) = (0_u128, 0);
        loop {
            let byte = self.byte()?;
            if shift >= bits {
                return Err(damaged());
            }
            value |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.unsigned()?).map_err(|_| damaged())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Text behind its length.
    pub fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged())
    }

    /// All that is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// So many bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

fn damaged() -> Error {
    Error::internal("a stored part of the event log cannot be read")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(small: u64, signed: i64, wide: i128, text: String) {
            let mut out = Vec::new();
            write_unsigned(&mut out, small);
            write_signed(&mut out, signed);
            write_i128(&mut out, wide);
            write_bytes(&mut out, text.as_bytes());
            let mut from = Reader::new(&out);
            prop_assert_eq!(from.unsigned().unwrap(), small);
            prop_assert_eq!(from.signed().unwrap(), signed);
            prop_assert_eq!(from.i128().unwrap(), wide);
            prop_assert_eq!(from.text().unwrap(), text);
            prop_assert!(from.is_at_end());
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(bytes: Vec<u8>) {
            let mut from = Reader::new(&bytes);
            while !from.is_at_end() {
                if from.text().and_then(|_| from.i128()).is_err() {
                    break;
                }
            }
        }
    }
}
