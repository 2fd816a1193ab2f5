//! From the text of a file to a book, or to all its mistakes.
//!
//! The TOML parser gives every key and value its place. Reading never stops at a mistake: each part is built as
//! well as it can be, mistakes are noted with their place, and the book is handed out only when there are none.

mod addons;
mod advice;
mod amount;
mod billing;
mod cancellation;
mod coupons;
mod features;
mod formula;
mod limits;
mod meters;
mod nearest;
mod plans;
mod prices;
mod report;
mod section;
mod settings;
mod thresholds;
mod tiers;
mod trial;
mod usage;
mod value;

use kernel::Currency;
use plans::Ground;
use report::Report;
use section::{Item, Section};
use toml::de::{DeTable, DeValue};

use super::{
    mistake::{Mistake, Source},
    model::Book,
};

/// The format this program reads.
const FORMAT: u32 = 1;
/// Largest file, in bytes.
const MAX_BYTES: usize = 1_000_000;
/// Most features, meters, plans, add-ons and coupons, taken together.
const MAX_ENTRIES: usize = 10_000;

/// Read a price book. `file_name` only appears in the mistakes.
///
/// # Errors
/// Every mistake of the file, in the order of the file, never an empty list; after 500 the rest are only counted.
/// While the text is not TOML at all, only those mistakes are given.
pub fn read(file_name: &str, text: &str) -> Result<Book, Vec<Mistake>> {
    let source = Source::new(file_name, text);
    let mut report = Report::default();
    let book = read_text(text, &mut report);
    match book {
        Some(book) if report.is_empty() => Ok(book),
        _ => Err(report.into_mistakes(&source)),
    }
}

fn read_text(text: &str, report: &mut Report) -> Option<Book> {
    if text.len() > MAX_BYTES {
        let size = text.len();
        report.add(0..0, format!("the file has {size} bytes; a price book has at most {MAX_BYTES}"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    // After a repeated key the rest of the file still means what it says; after any other error it may not.
    let readable = errors.iter().all(|error| error.message() == "duplicate key");
    for error in errors {
        report.add_syntax(text, error.span().unwrap_or(0..0), error.message());
    }
    if !readable {
        return None;
    }
    let table = Item::new(table.span(), DeValue::Table(table.into_inner()));
    read_book(&table, report)
}

fn read_book(file: &Item<'_>, report: &mut Report) -> Option<Book> {
    // Whatever is missing from the file as a whole is reported at its first character.
    let mut root = Section::open("the price book", 0..0, file, report)?;
    let format = root.required("book", report);
    let name = root.required("name", report);
    let currency = root.required("currency", report).and_then(|item| settings::currency(item, report));
    let billing = root.optional("billing");
    let trial = root.optional("trial");
    let cancellation = root.optional("cancellation");
    let (advice, prompts) = (root.optional("advice"), root.optional("prompts"));
    let features = section::entries("features", root.optional("features"), report);
    let meters = section::entries("meters", root.optional("meters"), report);
    let plans_item = root.required("plans", report);
    let plans = section::entries("plans", plans_item, report);
    let addons = section::entries("addons", root.optional("addons"), report);
    let coupons = section::entries("coupons", root.optional("coupons"), report);
    root.close(report);
    let entries = features.len() + meters.len() + plans.len() + addons.len() + coupons.len();
    if entries > MAX_ENTRIES {
        let limit =
            format!("{MAX_ENTRIES} is the most for features, meters, plans, add-ons and coupons together");
        report.add(0..0, format!("the file has {entries} entries; {limit}"));
        return None;
    }
    if let Some(item) = plans_item.filter(|item| item.get_ref().as_table().is_some_and(DeTable::is_empty)) {
        report.add_hint(item.span(), "there is no plan", "add one, such as [plans.starter]");
    }
    if let Some(format) = format {
        value::whole(format, "the format", u64::from(FORMAT)..=u64::from(FORMAT), report);
    }

    // Everything is read before the first `?`, so that every mistake is found.
    let name = name.and_then(|item| value::name(item, report));
    let features = features::read(&features, report);
    let meters = meters::read(&meters, &features, report);
    let plans = plans::read(&plans, Ground { currency, features: &features, meters: &meters }, report);
    let addons = addons::read(&addons, currency, &features, &meters, &plans, report);
    let coupons = coupons::read(&coupons, currency, &plans, &addons, report);
    let billing = billing::read(billing, currency, report);
    let trial = trial::read(trial, &plans, report);
    let cancellation = cancellation::read(cancellation, &coupons, report);
    let (features, plans) = (features.into_list(), plans.into_list());
    let advice = advice::read(advice, &plans, &features, report);
    let prompts = advice::prompts(prompts, report);
    Some(Book {
        format: FORMAT,
        name: name?,
        currency: currency?,
        billing,
        trial,
        cancellation,
        advice,
        prompts,
        features,
        plans,
        addons,
        meters: meters.into_list(),
        coupons,
    })
}

/// The currency of the book's prices; none when it could not be read, which has been reported then.
type BookCurrency = Option<Currency>;
