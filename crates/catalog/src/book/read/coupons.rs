//! `[coupons.…]`.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use kernel::{Currency, Rate, UnitPrice};
use toml::de::DeValue;

use super::{
    super::{
        coupon::{Coupon, Discount, Lasts},
        model::Addon,
    },
    BookCurrency,
    amount::Amounts,
    plans::Plans,
    report::{Report, short},
    section::{Entry, Item, Names, Section},
    value,
};

/// Most free months.
const MAX_MONTHS: u64 = 120;
/// Most redemptions that can be allowed.
const MAX_REDEMPTIONS: u64 = 1_000_000_000;
/// Most characters of a code.
const MAX_CODE: usize = 40;

/// Read `[coupons]`.
pub(super) fn read(
    entries: &[Entry<'_>],
    currency: BookCurrency,
    plans: &Plans,
    addons: &[Addon],
    report: &mut Report,
) -> Vec<Coupon> {
    let keys = plans.iter().flat_map(|plan| {
        std::iter::once(plan.key.as_str()).chain(plan.usage.iter().map(|usage| usage.key.as_str()))
    });
    let sold = keys.chain(addons.iter().map(|addon| addon.key.as_str())).collect();
    let currencies = plans.iter().flat_map(|plan| plan.currencies()).collect();
    let mut reader = Reader { currency, currencies, sold, names: Names::of("coupon"), codes: HashMap::new() };
    entries.iter().filter_map(|entry| reader.read(entry, report)).collect()
}

struct Reader<'a> {
    currency: BookCurrency,
    /// Those any plan is sold in.
    currencies: BTreeSet<Currency>,
    /// The keys of all there is to reduce.
    sold: BTreeSet<&'a str>,
    names: Names,
    codes: HashMap<String, String>,
}

impl Reader<'_> {
    fn read(&mut self, entry: &Entry<'_>, report: &mut Report) -> Option<Coupon> {
        let what = format!("coupon `{}`", short(entry.key));
        let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
        let name_item = section.required("name", report);
        let code = section.optional("code");
        let discount = self.discount(&mut section, entry, report);
        let lasts = section.optional("lasts");
        let applies_to = section.optional("applies_to");
        let redemptions = section.optional("redemptions");
        let per_customer = section.optional("per_customer");
        let new_customers_only = section.optional("new_customers_only");
        let minimum = section.optional("minimum");
        let starts = section.optional("starts");
        let expires = section.optional("expires");
        let stacks = section.optional("stacks");
        section.close(report);

        let name = name_item.and_then(|item| value::name(item, report));
        if let (Some(name), Some(item)) = (&name, name_item) {
            self.names.check(entry.key, name, item, report);
        }
        if let (Some(item), Some(Discount::FreeMonths { .. })) = (lasts, &discount) {
            report.add(item.span(), "free months say themselves how long they last");
        }
        let starts = starts.and_then(|item| date(item, "`starts`", report));
        let minimum = minimum.map(|item| self.minimum(item, discount.as_ref(), report));
        Some(Coupon {
            key: entry.key.to_owned(),
            name: name?,
            code: code.and_then(|item| self.code(item, entry.key, report)),
            discount: discount?,
            lasts: lasts.map_or(Some(Lasts::Once), |item| self::lasts(item, report))?,
            applies_to: applies_to.map(|item| self.keys(item, report)),
            redemptions: redemptions.and_then(|item| count(item, "`redemptions`", report)),
            per_customer: per_customer.and_then(|item| count(item, "`per_customer`", report)).unwrap_or(1),
            new_customers_only: flag(new_customers_only, "`new_customers_only`", report),
            minimum: minimum.unwrap_or_default(),
            starts,
            expires: expires.and_then(|item| self::expires(item, starts, report)),
            stacks: flag(stacks, "`stacks`", report),
        })
    }

    /// Exactly one of `percent`, `amount` and `free_months`.
    fn discount(
        &self,
        section: &mut Section<'_>,
        entry: &Entry<'_>,
        report: &mut Report,
    ) -> Option<Discount> {
        let percent = section.optional("percent");
        let amount = section.optional("amount");
        let months = section.optional("free_months");
        let given = [("percent", percent), ("amount", amount), ("free_months", months)];
        let mut given = given.iter().filter_map(|(key, item)| item.map(|item| (key, item)));
        let Some((first, _)) = given.next() else {
            let hint = "add `percent`, `amount` or `free_months`";
            report.add_hint(entry.key_span.clone(), "the coupon takes nothing off", hint);
            return None;
        };
        if let Some((second, item)) = given.next() {
            let message = format!("a coupon takes one thing off, and this one has `{first}` and `{second}`");
            report.add_hint(item.span(), message, "make two coupons of it");
            return None;
        }
        match (percent, amount, months) {
            (Some(item), ..) => {
                let rate = value::percent(item, report)?;
                if rate.is_zero() || rate > Rate::WHOLE {
                    report.add(item.span(), "a discount is above 0 and at most 100 %");
                }
                Some(Discount::Percent { rate })
            }
            (_, Some(item), _) => self.amount(item, report),
            (.., months) => {
                let months = value::whole(months?, "`free_months`", 1..=MAX_MONTHS, report)?;
                Some(Discount::FreeMonths { months: u32::try_from(months).ok()? })
            }
        }
    }

    fn amount(&self, item: &Item<'_>, report: &mut Report) -> Option<Discount> {
        let amounts = Amounts::read(item, report)?;
        let book = self.currency?;
        let currencies = Amounts::currencies([&amounts], book);
        if currencies.is_empty() {
            report.add(item.span(), "the amount of a coupon is above 0");
        }
        let each = |currency| amounts.get(currency, book, report).map(|amount| (currency, amount));
        let amounts: Option<Vec<_>> = currencies.into_iter().map(each).collect();
        Some(Discount::Amount { amounts: amounts? })
    }

    /// `minimum`: an amount in every currency the coupon can be used in.
    fn minimum(
        &self,
        item: &Item<'_>,
        discount: Option<&Discount>,
        report: &mut Report,
    ) -> Vec<(Currency, UnitPrice)> {
        let amounts = Amounts::read(item, report);
        let (Some(amounts), Some(book), Some(discount)) = (amounts, self.currency, discount) else {
            return Vec::new();
        };
        if Amounts::currencies([&amounts], book).is_empty() {
            report.add_hint(item.span(), "the minimum of a coupon is above 0", "leave `minimum` out");
        }
        let currencies: Vec<Currency> = match discount {
            Discount::Amount { amounts } => amounts.iter().map(|(currency, _)| *currency).collect(),
            Discount::Percent { .. } | Discount::FreeMonths { .. } => {
                self.currencies.iter().copied().collect()
            }
        };
        let each = |currency| {
            let missing =
                || format!("the coupon can be used in {currency}, and its minimum has no amount in it");
            Some((currency, amounts.get_or(currency, book, missing, report)?))
        };
        currencies.into_iter().filter_map(each).collect()
    }

    /// What a customer types: letters, digits and hyphens, each code once.
    fn code(&mut self, item: &Item<'_>, key: &str, report: &mut Report) -> Option<String> {
        let code = value::text(item, "`code`", report)?;
        let plain =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if code.is_empty() || code.len() > MAX_CODE || !code.bytes().all(plain) {
            let hint =
                format!("use upper case letters, digits, - and _, at most {MAX_CODE}, such as \"WELCOME20\"");
            report.add_hint(item.span(), format!("`{}` is not a code", short(code)), hint);
            return None;
        }
        if let Some(before) = self.codes.insert(code.to_owned(), key.to_owned()) {
            report.add(item.span(), format!("coupon `{}` has this code already", short(&before)));
        }
        Some(code.to_owned())
    }

    fn keys(&self, item: &Item<'_>, report: &mut Report) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let items = value::list(item, "`applies_to`", report);
        if items.is_empty() && item.get_ref().is_array() {
            report.add_hint(item.span(), "the list is empty", "leave `applies_to` out to mean everything");
        }
        for item in items {
            let Some(key) = value::text(item, "a plan, an add-on or a usage price", report) else { continue };
            if !self.sold.contains(key) {
                let message = format!("no plan, add-on or usage price is called `{}`", short(key));
                report.add_unknown(item.span(), message, key, self.sold.iter().copied());
            } else if !keys.insert(key.to_owned()) {
                report.add(item.span(), format!("`{}` is listed twice", short(key)));
            }
        }
        keys
    }
}

fn lasts(item: &Item<'_>, report: &mut Report) -> Option<Lasts> {
    let word = value::text(item, "`lasts`", report)?;
    let lasts = Lasts::parse(word);
    if lasts.is_none() {
        let message = format!("`{}` is not a choice: \"once\", \"forever\" or so many periods", short(word));
        report.add_unknown(item.span(), message, word, Lasts::WORDS);
    }
    lasts
}

fn count(item: &Item<'_>, what: &str, report: &mut Report) -> Option<u64> {
    value::whole(item, what, 1..=MAX_REDEMPTIONS, report)
}

fn flag(item: Option<&Item<'_>>, what: &str, report: &mut Report) -> bool {
    item.and_then(|item| value::flag(item, what, report)).unwrap_or(false)
}

/// `expires`: after the first day, when there is one.
fn expires(item: &Item<'_>, starts: Option<Date>, report: &mut Report) -> Option<Date> {
    let expires = date(item, "`expires`", report)?;
    if starts.is_some_and(|starts| expires <= starts) {
        report.add(item.span(), "the coupon expires before it can be redeemed");
    }
    Some(expires)
}

/// A date, with or without quotes.
fn date(item: &Item<'_>, what: &str, report: &mut Report) -> Option<Date> {
    let text = match item.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => {
            value::wrong_kind(item, &format!("{what} is a date"), report);
            return None;
        }
    };
    let date = text.parse::<Date>().ok().filter(|_| text.len() == "2027-01-31".len());
    if date.is_none() {
        let message = format!("`{}` is not a date", short(&text));
        report.add_hint(item.span(), message, "write it as 2027-01-31");
    }
    date
}
