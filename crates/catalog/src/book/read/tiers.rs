//! The tiers of a graduated or a volume price.

use kernel::{Currency, Exact, Rate};

use super::{
    super::price::{PercentTier, Tier},
    amount::Amounts,
    report::Report,
    section::{Item, Section},
    value,
};

/// Most tiers of a price.
const MAX_TIERS: usize = 100;

/// A tier whose amounts are still those of all currencies.
#[derive(Clone, Debug)]
pub(super) struct TierDraft {
    up_to: Option<Exact>,
    figure: Figure,
    flat: Amounts,
    package: Option<Exact>,
}

/// What one unit in a tier costs.
#[derive(Clone, Debug)]
enum Figure {
    Price(Amounts),
    Percent(Rate),
}

impl TierDraft {
    /// Whether it is a percentage of money.
    pub(super) fn is_percent(&self) -> bool {
        matches!(self.figure, Figure::Percent(_))
    }

    /// Every amount in it.
    pub(super) fn amounts(&self) -> Vec<&Amounts> {
        match &self.figure {
            Figure::Price(price) => vec![price, &self.flat],
            Figure::Percent(_) => vec![&self.flat],
        }
    }

    pub(super) fn tier(&self, currency: Currency, book: Currency, report: &mut Report) -> Option<Tier> {
        let flat = self.flat.get(currency, book, report);
        let price = match &self.figure {
            Figure::Price(price) => price.get(currency, book, report),
            Figure::Percent(_) => None,
        };
        Some(Tier { up_to: self.up_to.clone(), price: price?, flat: flat?, package: self.package.clone() })
    }

    /// The tier of a percentage.
    pub(super) fn percent_tier(
        &self,
        currency: Currency,
        book: Currency,
        report: &mut Report,
    ) -> Option<PercentTier> {
        let flat = self.flat.get(currency, book, report)?;
        let Figure::Percent(percent) = self.figure else { return None };
        Some(PercentTier { up_to: self.up_to.clone(), percent, flat })
    }
}

/// Read `graduated = […]` or `volume = […]`. None when there was a mistake, which has been reported.
pub(super) fn read(list: &Item<'_>, way: &str, report: &mut Report) -> Option<Vec<TierDraft>> {
    let before = report.count();
    let items = value::list(list, &format!("`{way}`"), report);
    if items.is_empty() && list.get_ref().is_array() {
        let hint = "write [{ up_to = 10, price = \"5\" }, { price = \"4\" }] with your own figures";
        report.add_hint(list.span(), "there is no tier", hint);
    }
    if items.len() > MAX_TIERS {
        report.add(list.span(), format!("a price has at most {MAX_TIERS} tiers"));
        return None;
    }
    let tiers: Vec<Option<TierDraft>> = items.iter().map(|item| read_one(item, way, report)).collect();
    check_order(items, &tiers, report);
    check_figures(items, &tiers, report);
    let tiers: Option<Vec<TierDraft>> = tiers.into_iter().collect();
    tiers.filter(|_| report.count() == before)
}

fn read_one(item: &Item<'_>, way: &str, report: &mut Report) -> Option<TierDraft> {
    let before = report.count();
    let mut section = Section::open("a tier", item.span(), item, report)?;
    let up_to = section.optional("up_to").and_then(|item| value::above_zero(item, "`up_to`", report));
    let flat = section.optional("flat");
    let price = section.optional("price");
    let percent = section.optional("percent");
    let package = section.optional("package");
    section.close(report);
    let package_size = package.and_then(|item| value::above_zero(item, "the size of a package", report));
    let flat_amount = flat.and_then(|item| Amounts::read(item, report));
    let figure = match (price, percent) {
        (Some(_), Some(percent)) => {
            report.add(percent.span(), "a tier has a price or a percentage, not both");
            None
        }
        (Some(price), None) => Amounts::read(price, report).map(Figure::Price),
        (None, Some(percent)) => value::percent(percent, report).map(Figure::Percent),
        (None, None) if flat.is_some() => Some(Figure::Price(Amounts::nothing())),
        (None, None) => {
            report.add_hint(item.span(), "the tier has no price", "add one, such as price = \"5\"");
            None
        }
    };
    if let (Some(item), Some(Figure::Percent(_))) = (package.or(percent), &figure) {
        if package.is_some() {
            report.add(item.span(), "a percentage is not sold in packages");
        }
        if way == "volume" {
            report.add_hint(item.span(), "percentages are graduated, not by volume", "write `graduated`");
        }
    }
    let flat = flat_amount.unwrap_or_else(Amounts::nothing);
    let draft = TierDraft { up_to, figure: figure?, flat, package: package_size };
    (report.count() == before).then_some(draft)
}

/// Each tier ends after the one before; only the last has no end.
fn check_order(items: &[Item<'_>], tiers: &[Option<TierDraft>], report: &mut Report) {
    let last = tiers.len().saturating_sub(1);
    let mut end: Option<&Exact> = None;
    for (at, (item, tier)) in items.iter().zip(tiers).enumerate() {
        let Some(tier) = tier else { continue };
        match &tier.up_to {
            None if at < last => {
                report.add_hint(
                    item.span(),
                    "only the last tier has no end",
                    "add up_to = 10 with your own figure",
                );
            }
            Some(_) if at == last => {
                report.add_hint(
                    item.span(),
                    "the last tier has an end",
                    "leave `up_to` out, or add a tier after it",
                );
            }
            Some(up_to) if end.is_some_and(|end| up_to <= end) => {
                report.add(item.span(), "the tier does not end after the one before it");
            }
            _ => {}
        }
        end = tier.up_to.as_ref().or(end);
    }
}

/// Prices and percentages are not mixed; a tier with nothing but a flat amount goes with both.
fn check_figures(items: &[Item<'_>], tiers: &[Option<TierDraft>], report: &mut Report) {
    let percents = tiers.iter().flatten().filter(|tier| tier.is_percent()).count();
    if percents == 0 || percents == tiers.iter().flatten().count() {
        return;
    }
    let odd = items.iter().zip(tiers).find(|(_, tier)| tier.as_ref().is_some_and(|tier| !tier.is_percent()));
    if let Some((item, _)) = odd {
        report.add_hint(
            item.span(),
            "some tiers have a percentage and this one has none",
            "add percent = \"0\"",
        );
    }
}
