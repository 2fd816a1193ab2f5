//! What a figure changes that comes, or comes again, after its stretch was billed: one line naming that stretch, or
//! a credit on the lines that billed it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kernel::{Error, Exact, Money, Result};
use metering::double::Settled;
use rating::{Explanation, Rated, Step, rate_anew, true_up_anew};

use super::Owed;
use crate::{
    credit_note::{Credit, Derivation, Running, tax_of},
    invoice::{ChargeKind, Line},
    usage::{Figure, Figures, Groups, settled},
};

/// Figures of a stretch that was billed before, and the lines that billed it, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// When the stretch began.
    pub start: Timestamp,
    /// What was measured, for the keys that changed.
    pub figures: Figures,
    /// The last event in a figure, where that was said.
    pub watermarks: BTreeMap<String, String>,
    /// The meter each of these keys looked at when it was billed.
    pub meters: BTreeMap<String, catalog::Meter>,
    /// All lines of usage, fees in arrears and minimums of the stretch.
    pub billed: Vec<Running>,
}

impl Late {
    /// What is still to be billed, or to be credited.
    ///
    /// Errors: those of rating.
    pub fn settle(&self) -> Result<Owed> {
        let mut owed = Owed::default();
        let mut more: Option<Money> = None;
        for (key, groups) in &self.figures {
            let of_key: Vec<&Running> = self.billed.iter().filter(|one| one.line.amount_is_of(key)).collect();
            // Rated as the line that closed the stretch: what was billed early was not yet rated with all of it.
            let ends = of_key.iter().map(|one| one.line.period.end.at).max();
            let basis = of_key.iter().find(|one| Some(one.line.period.end.at) == ends);
            let Some(basis) = basis else { continue }; // nothing was priced by it
            for (group, figure) in with_gone(groups, &of_key) {
                let before: Vec<&Running> =
                    of_key.iter().copied().filter(|one| one.line.group == group).collect();
                let billed = gross_left(&before, basis.line.amount.currency())?;
                let mut rated = rate_anew(&basis.line.explanation, &figure.measured(), billed)?;
                if let Some(watermark) = self.watermarks.get(key) {
                    rated.explanation = rated.explanation.measured_up_to(watermark);
                }
                more = Some(match more {
                    None => rated.amount,
                    Some(sum) => sum.checked_add(rated.amount)?,
                });
                let line =
                    Line { group: group.clone(), measured: figure.total(), ..again(&basis.line, &group) };
                owed.add(correct(line, rated, &before)?);
            }
            owed.settled.extend(self.settled(key, groups));
        }
        if let Some(more) = more.filter(|more| !more.is_zero()) {
            owed.add(self.minimum(more)?);
        }
        Ok(owed)
    }

    /// What is settled with the figure under a key.
    fn settled(&self, key: &str, groups: &Groups) -> Option<Settled> {
        settled(self.meters.get(key)?, key, self.start, groups, self.watermarks.get(key)?)
    }

    /// The minimum of the stretch again, now that `more` is billed for what it counts.
    fn minimum(&self, more: Money) -> Result<Owed> {
        let before: Vec<&Running> =
            self.billed.iter().filter(|one| one.line.kind == ChargeKind::Minimum).collect();
        let Some(last) = before.last() else { return Ok(Owed::default()) };
        let billed = counted(&last.line.explanation, more.currency())?.checked_add(more)?;
        let rated = true_up_anew(&last.line.explanation, billed, gross_left(&before, more.currency())?)?;
        correct(last.line.clone(), rated, &before)
    }
}

impl Line {
    /// Whether the figure under `key` says how much it is: its usage price's, or its price's meter's.
    pub(crate) fn amount_is_of(&self, key: &str) -> bool {
        match self.kind {
            ChargeKind::Usage => self.key == key,
            ChargeKind::Arrears => self
                .explanation
                .steps
                .iter()
                .any(|step| matches!(step, Step::Tariff { price, .. } if price.meter() == Some(key))),
            _ => false,
        }
    }
}

/// The groups posted, and those that were billed and are gone from the figure: nothing was used there after all.
fn with_gone(groups: &Groups, billed: &[&Running]) -> Groups {
    let mut all = groups.clone();
    if all.is_empty() {
        all.insert(String::new(), Figure::zero());
    }
    let before: BTreeSet<&String> = billed.iter().map(|one| &one.line.group).collect();
    for group in before {
        all.entry(group.clone()).or_insert_with(Figure::zero);
    }
    all
}

/// What the last minimum said had been billed for the stretch.
fn counted(explanation: &Explanation, currency: kernel::Currency) -> Result<Money> {
    let billed = explanation.steps.iter().find_map(|step| match step {
        Step::Billed { amount } => Some(Money::parse(amount, currency)),
        _ => None,
    });
    billed.ok_or_else(|| Error::internal("a minimum does not say what was billed"))?
}

/// A line like `line` with nothing on it.
fn again(line: &Line, group: &str) -> Line {
    let zero = Money::zero(line.amount.currency());
    let name = line.explanation.steps.iter().find_map(|step| match step {
        Step::Tariff { name, .. } => Some(name.as_str()),
        _ => None,
    });
    let name = name.unwrap_or(&line.description);
    let description = if group.is_empty() { name.to_owned() } else { format!("{name}, {group}") };
    Line { description, discount: zero, tax: zero, ..line.clone() }
}

/// What a line came to before coupons, less what was credited of it.
pub(super) fn gross_of(one: &Running) -> Result<Money> {
    let Running { line, credited, .. } = one;
    let gross = line.amount.checked_add(line.discount)?;
    let back = match line.amount.minor() {
        0 => Money::zero(gross.currency()),
        net => {
            let share = Exact::ratio(gross.minor().into(), net.into());
            Money::from_exact_major(&(credited.exact_major() * share), gross.currency())?
        }
    };
    gross.checked_sub(back)
}

pub(crate) fn gross_left(billed: &[&Running], currency: kernel::Currency) -> Result<Money> {
    let all = billed.iter().map(|one| gross_of(one)).collect::<Result<Vec<_>>>()?;
    Money::total(all, currency)
}

/// A line that says where a stretch ended, on which nothing more is to be billed after the lines before.
pub(super) fn over_nothing(line: Line, before: &[&Running]) -> Line {
    let last = before.iter().map(|one| one.line.adjustment).max();
    let zero = Money::zero(line.amount.currency());
    Line { adjustment: last.map_or(0, |last| last + 1), amount: zero, ..line }
}

/// A rated difference: above zero a line after the last one, below zero credits on the lines before, the last first.
///
/// Errors: `amount_out_of_range`.
pub(super) fn correct(line: Line, rated: Rated, before: &[&Running]) -> Result<Owed> {
    let mut owed = Owed::default();
    if rated.amount.is_zero() && !before.is_empty() {
        return Ok(owed);
    }
    if !rated.amount.is_negative() {
        let last = before.iter().map(|one| one.line.adjustment).max();
        let zero = Money::zero(rated.amount.currency());
        owed.lines.push(Line {
            adjustment: last.map_or(0, |last| last + 1),
            amount: rated.amount,
            discount: zero,
            tax: zero,
            explanation: rated.explanation,
            ..line
        });
        return Ok(owed);
    }
    let mut to_credit = rated.amount.negated();
    for one in before.iter().rev().filter(|one| one.line.amount.minor() > 0 && one.can_be_credited()) {
        let gross = gross_of(one)?;
        let taken = if to_credit.minor() < gross.minor() { to_credit } else { gross };
        let left = one.line.amount.checked_sub(one.credited)?;
        let net = if taken == gross {
            left
        } else {
            let share = Exact::ratio(left.minor().into(), gross.minor().max(1).into());
            Money::from_exact_major(&(taken.exact_major() * share), gross.currency())?
        };
        if net.minor() <= 0 {
            continue;
        }
        to_credit = to_credit.checked_sub(taken)?;
        owed.credits.push(credit(one, net, &rated)?);
    }
    Ok(owed)
}

/// The credit on one line. Its explanation ends below zero by the credit: what coupons had taken off, and what other
/// lines give back, is no part of it.
fn credit(one: &Running, net: Money, rated: &Rated) -> Result<Credit> {
    let elsewhere = rated.amount.checked_add(net)?;
    let explanation = match elsewhere.is_zero() {
        true => rated.explanation.clone(),
        false => rated.explanation.clone().discounted("its coupons, and other lines", elsewhere),
    };
    Ok(Credit {
        invoice: one.invoice,
        invoice_line: one.line.ordinal,
        key: one.line.key.clone(),
        description: one.line.description.clone(),
        period: one.line.period,
        amount: net,
        tax: tax_of(one, net)?,
        derivation: Derivation::Measured(explanation),
    })
}
