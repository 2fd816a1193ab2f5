//! Prices in words: "USD 0.50 per GB".

use std::fmt::{self, Display, Formatter};

use kernel::{Currency, UnitPrice};

use super::price::{PayIn, PercentTier, Percentage, Price, PriceKind, Started, Tier};

/// An amount of a currency: half a dollar reads 0.50, not 0.5; more digits than the currency has stay.
pub(super) fn money(amount: UnitPrice, currency: Currency) -> String {
    let mut text = format!("{} {amount}", currency.code());
    if let Some((_, fraction)) = text.split_once('.') {
        let missing = usize::from(currency.exponent()).saturating_sub(fraction.len());
        text.extend(std::iter::repeat_n('0', missing));
    }
    text
}

/// "USD 49", "USD 0.50 per GB": the amount without the cycle. Prices that differ read differently.
impl Display for Price {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let money = |amount: UnitPrice| money(amount, self.currency);
        match &self.kind {
            PriceKind::Flat { amount } => f.write_str(&money(*amount))?,
            PriceKind::PerUnit { unit, amount } => write!(f, "{} per {unit}", money(*amount))?,
            PriceKind::Package { unit, size, amount, started } => {
                let started = if *started == Started::Free { ", full packages only" } else { "" };
                write!(f, "{} per package of {size} (unit: {unit}{started})", money(*amount))?;
            }
            PriceKind::Graduated(tiers) | PriceKind::Volume(tiers) => {
                let volume = if matches!(self.kind, PriceKind::Volume(_)) { "all at " } else { "" };
                let parts = tiers.tiers.iter().map(|tier| tier_text(tier, &tiers.unit, &money));
                write!(f, "{volume}{}", parts.collect::<Vec<_>>().join(", then "))?;
                f.write_str(if tiers.flat_at_zero { ", flat amount also at zero" } else { "" })?;
            }
            PriceKind::Percentage(percentage) => f.write_str(&percentage_text(percentage, &money))?,
            PriceKind::GraduatedPercentage { tiers, flat_at_zero } => {
                let parts = tiers.iter().map(|tier| percent_tier_text(tier, &money));
                f.write_str(&parts.collect::<Vec<_>>().join(", then "))?;
                f.write_str(if *flat_at_zero { ", flat amount also at zero" } else { "" })?;
            }
            PriceKind::Dynamic { times } => write!(f, "the amount measured × {times}")?,
            PriceKind::LesserOf { amount, rate, of } => {
                write!(f, "{} or {rate} % of {of}, whichever is less", money(*amount))?;
            }
        }
        if let Some(prepaid) = &self.prepaid {
            write!(f, " ({} % off {} months)", prepaid.off, prepaid.months)?;
        }
        if let Some(minimum) = self.minimum {
            write!(f, ", at least {}", money(minimum))?;
        }
        if let Some(maximum) = self.maximum {
            write!(f, ", at most {}", money(maximum))?;
        }
        match (self.pay_in, &self.kind) {
            (PayIn::Arrears, PriceKind::Flat { .. }) => f.write_str(", paid in arrears"),
            _ => Ok(()),
        }
    }
}

fn with_flat(text: String, flat: UnitPrice, money: &impl Fn(UnitPrice) -> String) -> String {
    if flat.is_zero() { text } else { format!("{} and {text}", money(flat)) }
}

fn ending(up_to: Option<&kernel::Exact>) -> String {
    up_to.map(|end| format!(" up to {end}")).unwrap_or_default()
}

fn tier_text(tier: &Tier, unit: &str, money: &impl Fn(UnitPrice) -> String) -> String {
    let per = match &tier.package {
        Some(size) => format!("package of {size} (unit: {unit})"),
        None => unit.to_owned(),
    };
    let text = match (tier.price.is_zero(), tier.flat.is_zero()) {
        (true, false) => format!("{} flat", money(tier.flat)),
        _ => with_flat(format!("{} per {per}", money(tier.price)), tier.flat, money),
    };
    text + &ending(tier.up_to.as_ref())
}

fn percent_tier_text(tier: &PercentTier, money: &impl Fn(UnitPrice) -> String) -> String {
    with_flat(format!("{} %", tier.percent), tier.flat, money) + &ending(tier.up_to.as_ref())
}

fn percentage_text(percentage: &Percentage, money: &impl Fn(UnitPrice) -> String) -> String {
    let mut text = format!("{} %", percentage.rate);
    if !percentage.fixed.is_zero() {
        text += &format!(" and {} for each transaction", money(percentage.fixed));
    }
    if let Some(least) = percentage.at_least {
        text += &format!(", each at least {}", money(least));
    }
    if let Some(most) = percentage.at_most {
        text += &format!(", each at most {}", money(most));
    }
    if let Some(free) = percentage.free_amount {
        text += &format!(", {} free", money(free));
    }
    if let Some(free) = percentage.free_events {
        text += &format!(", {free} transactions free");
    }
    text
}
