//! Versions as SemVer 2.0 orders them.

use std::cmp::Ordering;

/// A version, or as much of one as was written: `1`, `1.2` and `v1.2.0` are read too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    before: Vec<Identifier>,
}

/// A part of what stands behind the hyphen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    /// Numbers come before words.
    Number(u64),
    Word(String),
}

impl Version {
    /// Read it; what is behind `+` is left out, as it orders nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (numbers, before) = text.split_once('-').map_or((text, None), |(n, b)| (n, Some(b)));
        let mut read = [0; 3];
        let mut parts = numbers.split('.');
        for (at, place) in read.iter_mut().enumerate() {
            match parts.next() {
                Some(part) => *place = number(part)?,
                None if at > 0 => {}
                None => return None,
            }
        }
        if parts.next().is_some() {
            return None;
        }
        let before =
            before.map(|text| text.split('.').map(identifier).collect()).unwrap_or(Some(Vec::new()))?;
        Some(Self { numbers: read, before })
    }
}

fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn identifier(text: &str) -> Option<Identifier> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text.is_empty() || !text.bytes().all(plain) {
        return None;
    }
    Some(number(text).map_or_else(|| Identifier::Word(text.to_owned()), Identifier::Number))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.before.is_empty(), other.before.is_empty()) {
                (true, true) => Ordering::Equal,
                // 1.0.0-rc.1 comes before 1.0.0.
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.before.cmp(&other.before),
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
