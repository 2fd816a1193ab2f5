//! Amounts: one in the book's currency, or one for each currency.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use kernel::{Currency, UnitPrice};
use toml::de::DeTable;

use super::{
    report::Report,
    section::{Entry, Item},
    settings, value,
};

/// An amount as written. An amount of 0 needs no currency beside others that name theirs.
#[derive(Clone, Debug)]
pub(super) struct Amounts {
    span: Range<usize>,
    bare: Option<UnitPrice>,
    each: BTreeMap<Currency, UnitPrice>,
}

impl Amounts {
    /// Read an amount, or a table with one for each currency.
    pub(super) fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let span = item.span();
        let Some(table) = item.get_ref().as_table() else {
            let bare = Some(value::price(item, report)?);
            return Some(Self { span, bare, each: BTreeMap::new() });
        };
        if table.is_empty() {
            let hint = "write { USD = \"49\", EUR = \"45\" } with your own figures";
            report.add_hint(span.clone(), "there is no amount", hint);
            return None;
        }
        let before = report.count();
        let mut each = BTreeMap::new();
        for Entry { key, key_span, item } in by_place(table) {
            let currency = settings::currency_code(key, key_span, report);
            let amount = value::price(item, report);
            each.extend(currency.zip(amount));
        }
        (report.count() == before).then_some(Self { span, bare: None, each })
    }

    /// Nothing, in every currency.
    pub(super) fn nothing() -> Self {
        Self { span: 0..0, bare: Some(UnitPrice::ZERO), each: BTreeMap::new() }
    }

    /// In which currencies the price they belong to is given: the book's when they name none, and no currency at
    /// all when there is nothing but zeros.
    pub(super) fn currencies<'a>(
        amounts: impl IntoIterator<Item = &'a Self>,
        book: Currency,
    ) -> BTreeSet<Currency> {
        let mut currencies = BTreeSet::new();
        for amount in amounts {
            currencies.extend(amount.each.keys());
            currencies.extend(amount.bare.filter(|bare| !bare.is_zero()).map(|_| book));
        }
        currencies
    }

    /// The amount in a currency of the price it belongs to. Where it is missing, that is reported.
    pub(super) fn get(&self, currency: Currency, book: Currency, report: &mut Report) -> Option<UnitPrice> {
        let missing = || format!("there is no amount in {currency}, which this price is given in elsewhere");
        self.get_or(currency, book, missing, report)
    }

    /// The amount in a currency. Where it is missing, that is reported in these words.
    pub(super) fn get_or(
        &self,
        currency: Currency,
        book: Currency,
        missing: impl Fn() -> String,
        report: &mut Report,
    ) -> Option<UnitPrice> {
        let amount = match self.bare {
            Some(bare) if bare.is_zero() || currency == book => Some(bare),
            Some(_) => None,
            None => self.each.get(&currency).copied(),
        };
        if amount.is_none() {
            let hint = "write one for each currency: { USD = \"49\", EUR = \"45\" }";
            report.add_hint(self.span.clone(), missing(), hint);
        }
        amount
    }
}

/// Whether the value can only be an amount for each currency: a table with a key of three letters, which is how
/// currencies are written and, but for `tax`, no key of a section.
pub(super) fn is_by_currency(item: &Item<'_>) -> bool {
    let three_letters =
        |key: &str| key.len() == 3 && key != "tax" && key.bytes().all(|byte| byte.is_ascii_alphabetic());
    item.get_ref().as_table().is_some_and(|table| table.keys().any(|key| three_letters(key.get_ref())))
}

/// The entries of a table in the order of the file.
pub(super) fn by_place<'t>(table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
    let entry = |(key, item): (&'t toml::Spanned<std::borrow::Cow<'t, str>>, &'t Item<'t>)| Entry {
        key: key.get_ref().as_ref(),
        key_span: key.span(),
        item,
    };
    let mut entries: Vec<Entry<'t>> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}
