//! The currency, and settings with a default.

use std::ops::Range;

use kernel::Currency;

use super::{
    report::{Report, short},
    section::{Item, Section},
    value,
};

/// `currency`.
pub(super) fn currency(item: &Item<'_>, report: &mut Report) -> Option<Currency> {
    let code = value::text(item, "`currency`", report)?;
    currency_code(code, item.span(), report)
}

/// A currency by its code; what is none is reported at `span`.
pub(super) fn currency_code(code: &str, span: Range<usize>, report: &mut Report) -> Option<Currency> {
    let currency = Currency::parse(code).ok();
    if currency.is_none() {
        let message = format!("`{}` is not the code of a currency (ISO 4217)", short(code));
        report.add_unknown(span, message, code, Currency::all().map(|known| known.code()));
    }
    currency
}

/// Settings with a default.
pub(super) struct Knobs<'s, 't, 'r> {
    pub section: &'s mut Section<'t>,
    pub report: &'r mut Report,
}

impl Knobs<'_, '_, '_> {
    pub(super) fn choose<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], setting: &mut T) {
        let Some(item) = self.section.optional(key) else { return };
        *setting = value::choice(item, &format!("`{key}`"), choices, self.report).unwrap_or(*setting);
    }

    pub(super) fn switch(&mut self, key: &'static str) -> bool {
        let item = self.section.optional(key);
        item.and_then(|item| value::flag(item, &format!("`{key}`"), self.report)).unwrap_or(false)
    }
}
