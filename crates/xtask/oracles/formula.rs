//! The price a case gives, as a price book says it.

use catalog::{Book, Price, UsagePrice};
use kernel::Exact;
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    read,
};

/// How an amount is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    PerUnit,
    Package,
    Graduated,
    Volume,
    Percentage,
    GraduatedPercentage,
    Dynamic,
}

/// Words that name a model, the longer ones first.
const WORDS: [(&str, Model); 11] = [
    ("graduated_percentage", Model::GraduatedPercentage),
    ("graduated", Model::Graduated),
    ("volume", Model::Volume),
    ("bulk", Model::Volume),
    ("top tier", Model::Volume),
    ("top-tier", Model::Volume),
    ("all-tier", Model::Graduated),
    ("package", Model::Package),
    ("percentage", Model::Percentage),
    ("dynamic", Model::Dynamic),
    ("standard", Model::PerUnit),
];
/// Names of a package's size.
const SIZE: [&str; 4] = ["package_size", "package", "block", "divide_by"];
/// Names of the price of a unit or of a package.
const PRICE: [&str; 4] = ["package_price", "price", "unit", "unit_price"];

impl Model {
    /// The model a case names, or else the one its keys can only mean.
    pub fn of(case: &Case) -> Checked<Self> {
        let named = |text: &str| WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, model)| *model);
        let given = case.given["model"].as_str().and_then(named);
        let has = |keys: &[&str]| case.find(keys).is_some();
        let by_keys = || match () {
            () if has(&["tiers"]) => named(&case.id),
            () if has(&SIZE) => Some(Self::Package),
            () if has(&["rate_pct"]) => Some(Self::Percentage),
            () if has(&["multiplier"]) => Some(Self::Dynamic),
            () if has(&["unit", "unit_price", "unit_minor"]) => Some(Self::PerUnit),
            () => None,
        };
        let model = given.or_else(|| named(&case.topic)).or_else(by_keys);
        model.ok_or_else(|| Miss::not("shape not known: no kind of price can be told from it"))
    }
}

/// The price of a unit, in major units, under any of its names.
pub fn price_of(case: &Case, table: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let minor = || read::major(case, &table[format!("{name}_minor")]).ok();
        read::decimal(&table[*name]).ok().or_else(minor)
    })
}

/// The keys of a price in the book.
pub fn keys(case: &Case) -> Checked<String> {
    let model = Model::of(case)?;
    let price = || price_of(case, &case.given, &PRICE).ok_or_else(|| Miss::not("shape not known: no price"));
    let mut keys = match model {
        Model::PerUnit => format!("price = {:?}", price()?),
        Model::Package => {
            let started = match case.given["round"].as_str() {
                None | Some("up") => "charged",
                Some("down") => "free",
                Some(other) => {
                    return Err(Miss::not(format!("packages are rounded up or down, not {other}")));
                }
            };
            let size = read::decimal(case.need(&SIZE)?)?;
            format!("package = {size:?}, price = {:?}, started = {started:?}", price()?)
        }
        Model::Graduated | Model::Volume | Model::GraduatedPercentage => tiers(case, model)?,
        Model::Percentage => percentage(case)?,
        Model::Dynamic => format!("times = {:?}", read::decimal(case.need(&["multiplier"])?)?),
    };
    for (key, names) in [
        ("free", &["free_units", "included_units"][..]),
        ("minimum", &["minimum", "min", "minimum_amount"]),
        ("maximum", &["maximum", "max", "maximum_amount"]),
    ] {
        let value = price_of(case, &case.given, names).filter(|value| value != "0");
        keys.extend(value.map(|value| format!(", {key} = {value:?}")));
    }
    Ok(keys)
}

fn percentage(case: &Case) -> Checked<String> {
    let mut keys = format!("percent = {:?}", read::decimal(case.need(&["rate_pct"])?)?);
    for (key, names) in [
        ("fixed", &["fixed_per_event", "fixed_amount", "fixed"][..]),
        ("free_amount", &["free_amount", "free_units_per_total_aggregation"]),
        (
            "at_least",
            &["min_per_event", "min_per_transaction", "per_transaction_min_amount", "per_transaction_min"],
        ),
        (
            "at_most",
            &["max_per_event", "max_per_transaction", "per_transaction_max_amount", "per_transaction_max"],
        ),
    ] {
        let value = price_of(case, &case.given, names);
        keys.extend(value.map(|value| format!(", {key} = {value:?}")));
    }
    let events = case.find(&["free_events", "free_units_per_events"]).and_then(Value::as_u64);
    keys.extend(events.filter(|events| *events > 0).map(|events| format!(", free_events = {events}")));
    Ok(keys)
}

fn tiers(case: &Case, model: Model) -> Checked<String> {
    let list = read::several(case.need(&["tiers"])?);
    let mut tiers = Vec::new();
    let mut reached = Exact::zero();
    for (at, tier) in list.iter().enumerate() {
        let mut parts = Vec::new();
        let block = read::number(&tier["block"]);
        // The size of blocks and their number say where a tier ends.
        let blocks = block.clone().zip(read::number(&tier["max_blocks"])).map(|(block, count)| block * count);
        let end = read::number(&tier["up_to"]).or_else(|| blocks.map(|length| &reached + &length));
        // What lies beyond the last tier belongs to it.
        if let Some(end) = end.filter(|_| at + 1 < list.len()) {
            parts.push(format!("up_to = {:?}", end.to_string()));
            reached = end;
        }
        match model {
            Model::GraduatedPercentage => {
                parts.push(format!("percent = {:?}", read::decimal(&tier["rate_pct"])?));
            }
            _ => parts
                .push(format!("price = {:?}", price_of(case, tier, &PRICE).unwrap_or_else(|| "0".into()))),
        }
        parts.extend(price_of(case, tier, &["flat"]).map(|flat| format!("flat = {flat:?}")));
        parts.extend(block.map(|block| format!("package = {:?}", block.to_string())));
        tiers.push(format!("{{ {} }}", parts.join(", ")));
    }
    let way = if model == Model::Volume { "volume" } else { "graduated" };
    // Minimums on tiers come from an engine that always charges the first flat amount: the total is the same
    // with and without, what is added as true-up is not.
    let flat_at_zero = case.policy == "FLAT_AT_ZERO" || case.topic == "commitment.price_minimum";
    Ok(format!("{way} = [{}], flat_at_zero = {flat_at_zero}", tiers.join(", ")))
}

/// A book with usage prices of one meter: the text under `[plans.p.usage]`.
pub fn book(case: &Case, dimensions: &[&str], usage: &str) -> Checked<Book> {
    let code = case.currency();
    let text = format!(
        "book = 1\nname = \"B\"\ncurrency = \"{code}\"\n[meters]\nm = {{ name = \"M\", unit = \"unit\", \
         aggregation = \"sum\", decimals = 9, dimensions = {dimensions:?} }}\n[plans.p]\nname = \"P\"\n\
         price = {{ month = 0 }}\n[plans.p.usage]\n{usage}\n"
    );
    read_book(&text)
}

/// A book the engine reads.
pub fn read_book(text: &str) -> Checked<Book> {
    catalog::read("case.toml", text).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Miss::wrong(format!("the price cannot be written in a price book: {}", mistakes.join("; ")))
    })
}

/// The usage price of a case as the price book has it.
pub fn usage_price(case: &Case) -> Checked<UsagePrice> {
    usage_price_of(case, &keys(case)?)
}

/// A usage price with these keys.
pub fn usage_price_of(case: &Case, keys: &str) -> Checked<UsagePrice> {
    let mut book = book(case, &[], &format!("m = {{ {keys} }}"))?;
    Ok(book.plans.remove(0).usage.remove(0))
}

/// Its price.
pub fn price_in(usage: &UsagePrice) -> &Price {
    &usage.prices[0]
}
