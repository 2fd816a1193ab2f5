//! What is left of a fee that was billed in advance. Pure.

use kernel::{
    Edge, Exact, Money, Period, ProrationUnit, Result, Zone,
    ids::{CustomerId, InvoiceId, LegalEntityId},
    units,
};
use rating::{Explanation, Step};

use super::model::{Credit, Derivation, Unused};
use crate::invoice::{self, Line};

/// A line billed in advance whose time is not over, and which nothing has ended yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The invoice that billed it.
    pub invoice: InvoiceId,
    /// Where that invoice stands.
    pub state: invoice::State,
    /// Who issued it.
    pub entity: LegalEntityId,
    /// Who it is for.
    pub customer: CustomerId,
    /// The line.
    pub line: Line,
    /// What of it was credited before.
    pub credited: Money,
    /// What of its tax was credited before.
    pub credited_tax: Money,
}

impl Running {
    /// Whether a credit note may correct its invoice: nobody has paid what was voided or given up.
    pub const fn can_be_credited(&self) -> bool {
        !matches!(self.state, invoice::State::Void | invoice::State::Uncollectible)
    }
}

/// A line that was ended before its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The credit note that ended it.
    pub number: String,
    /// From when on it was credited, to its end.
    pub period: Period,
    /// What was credited.
    pub credited: Money,
    /// How the line's amount had come to be.
    pub explanation: Explanation,
}

/// What was ended within the same proration unit and is now charged again, at the same price and quantity
/// for the same rest of the period: it costs exactly what was credited, so that a chain of changes that
/// returns to its start within a unit nets to zero (domain rules §4).
pub fn restored<'e>(
    ended: &'e [Ended],
    charge: &Explanation,
    period: Period,
    unit: ProrationUnit,
    zone: &Zone,
) -> Option<&'e Ended> {
    let same_unit = |one: &Ended| units(unit, zone, &one.period.start, &period.start) == 0;
    let same_price = |one: &Ended| priced(&one.explanation).eq(priced(charge));
    ended.iter().find(|one| one.period.end == period.end && same_unit(one) && same_price(one))
}

/// The steps that say what a full period costs.
fn priced(explanation: &Explanation) -> impl Iterator<Item = &Step> {
    explanation.steps.iter().filter(|step| !matches!(step, Step::Share { .. } | Step::Round { .. }))
}

/// The credit for ending a running line at `at`: round(net × units(at, end) ÷ units(start, end)), at most
/// what is left of it (domain rules §4). None when nothing is left.
///
/// Errors: `amount_out_of_range`.
pub fn unused(running: &Running, unit: ProrationUnit, zone: &Zone, at: Edge) -> Result<Option<Credit>> {
    let Running { line, credited, .. } = running;
    let at = if at.at < line.period.start.at { line.period.start } else { at };
    if at.at >= line.period.end.at {
        return Ok(None);
    }
    let whole = units(unit, zone, &line.period.start, &line.period.end);
    let part = units(unit, zone, &at, &line.period.end);
    // Without a unit nothing is divided: what has begun is used, what has not is credited whole.
    let part = match unit {
        ProrationUnit::None if at.at > line.period.start.at => 0,
        _ => part,
    };
    let exact = line.amount.exact_major() * Exact::ratio(part.into(), whole.max(1).into());
    let share = Money::from_exact_major(&exact, line.amount.currency())?;
    let left = line.amount.checked_sub(*credited)?;
    let amount = if share.minor() > left.minor() { left } else { share };
    if amount.minor() <= 0 {
        return Ok(None);
    }
    let derivation = Unused {
        billed: line.amount.decimal(),
        credited_before: credited.decimal(),
        unit,
        part,
        whole: whole.max(1),
        exact: exact.to_string(),
        amount: amount.decimal(),
    };
    Ok(Some(Credit {
        invoice: running.invoice,
        invoice_line: line.ordinal,
        key: line.key.clone(),
        description: line.description.clone(),
        period: Period { start: at, end: line.period.end },
        amount,
        tax: tax_of(running, amount)?,
        derivation: Derivation::Unused(derivation),
    }))
}

/// The tax that goes with a credit of a line: cumulative, so that the credit of all of it gives back all of its tax.
///
/// Errors: `amount_out_of_range`.
pub fn tax_of(running: &Running, credit: Money) -> Result<Money> {
    let Running { line, credited, credited_tax, .. } = running;
    let billed =
        tax::Billed { net: line.amount, tax: line.tax, credited_net: *credited, credited_tax: *credited_tax };
    tax::credited(&billed, credit)
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Id};
    use proptest::prelude::*;

    use super::*;
    use crate::invoice::{ChargeKind, State};

    fn edge(date: &str) -> Edge {
        Edge::of_date(date.parse().unwrap(), &Zone::utc())
    }

    fn running(minor: i64, credited: i64, start: &str, end: &str) -> Running {
        let currency = Currency::parse("USD").unwrap();
        let line = Line {
            ordinal: 0,
            subscription: Id::from_uuid(uuid::Uuid::nil()),
            item: 0,
            kind: ChargeKind::Recurring,
            key: "x".into(),
            group: String::new(),
            adjustment: 0,
            description: "X".into(),
            period: Period { start: edge(start), end: edge(end) },
            quantity: 1,
            measured: None,
            discount: Money::zero(currency),
            amount: Money::new(minor, currency).unwrap(),
            tax: Money::zero(currency),
            tax_category: "standard".into(),
            explanation: Explanation { currency, steps: vec![] },
        };
        Running {
            invoice: Id::from_uuid(uuid::Uuid::nil()),
            state: State::Finalized,
            entity: Id::from_uuid(uuid::Uuid::nil()),
            customer: Id::from_uuid(uuid::Uuid::nil()),
            line,
            credited: Money::new(credited, currency).unwrap(),
            credited_tax: Money::zero(currency),
        }
    }

    fn credit(running: &Running, unit: ProrationUnit, at: &str) -> i64 {
        unused(running, unit, &Zone::utc(), edge(at)).unwrap().map_or(0, |credit| credit.amount.minor())
    }

    #[test]
    fn worked_cases() {
        let january = running(4_900, 0, "2026-01-01", "2026-02-01");
        for (at, unit, expected) in [
            ("2026-01-01", ProrationUnit::Day, 4_900),
            ("2026-01-16", ProrationUnit::Day, 2_529), // 49 × 16/31 = 25.290…
            ("2026-01-31", ProrationUnit::Day, 158),   // 49 / 31 = 1.580…
            ("2026-02-01", ProrationUnit::Day, 0),
            ("2026-03-01", ProrationUnit::Day, 0),
            ("2025-12-01", ProrationUnit::Day, 4_900),
            ("2026-01-16", ProrationUnit::Second, 2_529),
            ("2026-01-16", ProrationUnit::THIRTY_DAY_MONTH, 2_450), // half of thirty days
            ("2026-01-01", ProrationUnit::None, 4_900),
            ("2026-01-02", ProrationUnit::None, 0),
        ] {
            assert_eq!(credit(&january, unit, at), expected, "{at} {unit:?}");
        }
        let mostly_credited = running(4_900, 4_000, "2026-01-01", "2026-02-01");
        assert_eq!(
            credit(&mostly_credited, ProrationUnit::Day, "2026-01-16"),
            900,
            "never more than is left"
        );
    }

    proptest! {
        /// Credit is between nothing and what is left, and used plus unused is what was billed.
        #[test]
        fn credit_never_exceeds_what_was_billed(minor in 0_i64..10_000_000, share in 0_i64..=100, day in 0_i64..60) {
            let credited = minor * share / 100;
            let line = running(minor, credited, "2026-01-31", "2026-03-31");
            let at = jiff::civil::date(2026, 1, 31).checked_add(jiff::Span::new().days(day)).unwrap();
            let credit = credit(&line, ProrationUnit::Day, &at.to_string());
            prop_assert!(0 <= credit && credit <= minor - credited);
        }

        /// Later is never more.
        #[test]
        fn waiting_never_raises_the_credit(minor in 0_i64..10_000_000, day in 0_i64..58) {
            let line = running(minor, 0, "2026-01-31", "2026-03-31");
            let at = |day| jiff::civil::date(2026, 1, 31).checked_add(jiff::Span::new().days(day)).unwrap().to_string();
            let credits = [day, day + 1].map(|day| credit(&line, ProrationUnit::Day, &at(day)));
            prop_assert!(credits[0] >= credits[1]);
        }
    }
}
