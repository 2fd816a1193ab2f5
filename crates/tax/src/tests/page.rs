//! `docs/tax.md` says what the table holds.

use std::{fmt::Write, fs, path::Path};

use crate::{Band, Dated, PLACES, Place, Regime};

const HEAD: &str = "# Tax

Which tax an invoice carries follows from the legal entity that issues it (country, region, what it is registered
for), the customer (country, region, tax id, exempt or not) and the tax category of each line. Nothing is charged
where the legal entity is not registered. Each tax of an invoice says why it is as it is; `steelyard explain` and the
page of the invoice show it.

| Sale | Tax |
|---|---|
| Within a country, state or province | Its tax |
| Between member states of the European Union, to a business with a tax id | None: the business accounts for it (reverse charge) |
| The same, to a consumer | That of the consumer's country when registered there or for the One-Stop-Shop (`OSS`), otherwise that of the seller's; category `service`: always that of the seller's |
| Into the European Union from outside, to a business with a tax id | None: reverse charge |
| The same, to a consumer | That of the consumer's country when registered there or for the One-Stop-Shop, otherwise none |
| To anywhere else | None, unless registered where the customer is; then that tax, which in the countries marked R a business accounts for itself |
| To a customer that is exempt, or of category `exempt` | None |

Tax categories are `standard` (a digital service such as software; `digital` and `saas` mean the same), `reduced`,
`service` (rendered by people), `goods` and `exempt`. Any other key is taxed like `standard`.

A tax id is checked for its shape, not asked of an authority. Rates within the United States are the state's alone,
without what counties and cities add. Where a place has several reduced rates, `reduced` is the highest.

The rate is that of the day the invoice falls due, in the legal entity's time zone. Tax is rounded half up, once:
over each tax and rate (`tax_rounding = \"category\"`, the default, as EN 16931 has it), the whole document, or each
line. The parts of the lines always add up to it.

A draft is assessed again when it is finalized; an issued invoice never changes. A credit note gives back, for each
line, the line's tax × what was credited of it to date ÷ its net amount, rounded half up, less what was given back
before: the whole tax with the whole line, whatever the steps. What a change credits and charges again within a day is
the same net amount; its tax, rounded on each document, may differ by a minor unit.

Voiding an invoice posts its tax back with everything else. Marking it uncollectible leaves its tax owed: whether it can
be had back is for the tax return.

## Rates

This page is made of the table in `crates/tax/src/places.rs` by `UPDATE_DOCS=1 cargo test -p tax page`.

| Code | Place | Tax | Rates in percent, with the day they are valid from | Source |
|---|---|---|---|---|
";

/// `standard 19 (2007-01-01), 16 (2020-07-01); reduced 7 (1983-07-01)`.
fn rates(place: &Place) -> String {
    let entry = |rate: &Dated| format!("{} ({})", rate.percent, rate.from);
    let bands = [(Band::Standard, "standard"), (Band::Reduced, "reduced"), (Band::Goods, "goods")];
    let texts = bands.iter().filter_map(|(band, word)| {
        let entries: Vec<String> = place.rates.iter().filter(|rate| rate.band == *band).map(entry).collect();
        (!entries.is_empty()).then(|| format!("{word} {}", entries.join(", ")))
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[test]
fn the_page_of_taxes_is_the_table() {
    let mut page = HEAD.to_owned();
    for place in PLACES {
        let mark = if place.regime == Regime::ReverseCharge { " R" } else { "" };
        let Place { code, name, tax, source, .. } = place;
        writeln!(page, "| `{code}`{mark} | {name} | {tax} | {} | {source} |", rates(place)).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tax.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "docs/tax.md is out of date: run the test with UPDATE_DOCS=1");
}
