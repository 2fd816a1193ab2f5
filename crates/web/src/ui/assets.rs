//! The files a page refers to, compiled into the program: nothing is read from disk.

/// A file, its content type and the quoted strong `ETag` of its bytes.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    etag: &'static str,
}

/// Reads a file of the assets folder into the program, with its etag computed by the compiler.
macro_rules! asset {
    ($name:literal, $content_type:literal) => {{
        const BYTES: &[u8] = include_bytes!(concat!("../../assets/", $name));
        const TAG: [u8; 18] = etag(BYTES);
        Asset { name: $name, content_type: $content_type, bytes: BYTES, etag: ascii(&TAG) }
    }};
}

const ASSETS: [Asset; 4] = [
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("app.js", "text/javascript; charset=utf-8"),
    asset!("try.js", "text/javascript; charset=utf-8"),
    asset!("favicon.svg", "image/svg+xml"),
];

/// The asset of this name (`style.css`) as (content type, bytes, quoted `ETag`), or `None` if there is none.
pub fn find(name: &str) -> Option<(&'static str, &'static [u8], &'static str)> {
    ASSETS.iter().find(|asset| asset.name == name).map(|asset| (asset.content_type, asset.bytes, asset.etag))
}

/// Every asset's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|asset| asset.name)
}

/// The address a page uses for an asset: it changes with the content, so an answer may be cached for ever.
pub(crate) fn href(name: &str) -> String {
    let version = find(name).map_or("", |(_, _, etag)| etag.trim_matches('"'));
    format!("/assets/{name}?v={version}")
}

/// FNV-1a, 64 bits, as 16 hexadecimal digits in quotes. It tells versions apart; it protects nothing.
const fn etag(bytes: &[u8]) -> [u8; 18] {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    let mut tag = [b'"'; 18];
    let mut digit = 0;
    while digit < 16 {
        tag[digit + 1] = b"0123456789abcdef"[(hash >> (60 - 4 * digit)) as usize & 15];
        digit += 1;
    }
    tag
}

const fn ascii(tag: &'static [u8; 18]) -> &'static str {
    match str::from_utf8(tag) {
        Ok(text) => text,
        Err(_) => panic!("hexadecimal digits and quotes are ASCII"),
    }
}
