//! Tests of reading and comparing whole books.

mod businesses;
mod coupons;
mod difference;
mod hostile;
mod knobs;
mod mistakes;
mod prices;
mod terms;
mod unison;

use super::{Book, read};

/// Unison's price book, as shipped.
const UNISON: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/unison.toml"));

/// The price books of all five businesses, as shipped.
const SHIPPED: &[&str] = &[
    UNISON,
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/frontier.toml")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/lumen.toml")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/apex.toml")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/grosso.toml")),
];

fn unison() -> Book {
    good(UNISON)
}

fn good(text: &str) -> Book {
    read("book.toml", text).unwrap_or_else(|mistakes| panic!("{}", report(&mistakes)))
}

/// What a person sees of a book with mistakes.
fn bad(text: &str) -> String {
    report(&read("book.toml", text).expect_err("the book has mistakes"))
}

fn report(mistakes: &[super::Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}
