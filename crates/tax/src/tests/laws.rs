use kernel::{Currency, Exact, Money, Rate};
use proptest::prelude::*;

use crate::{Billed, Jurisdiction, Kind, Rounding, TaxedLine, Taxes, Treatment, compute, credited};

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap()).unwrap()
}

fn at(code: &str, percent: &str) -> Treatment {
    let rate = Rate::parse_percent(percent).unwrap();
    Treatment {
        jurisdiction: Jurisdiction::parse(code).unwrap(),
        kind: if rate.is_zero() { Kind::Exempt } else { Kind::Standard },
        rate,
        name: "VAT".into(),
        reason: "Because.".into(),
        note: None,
    }
}

/// Lines of an amount and a percentage.
fn taxes(lines: &[(i64, &str)], rounding: Rounding) -> Taxes {
    let treatments: Vec<Treatment> = lines.iter().map(|(_, percent)| at("DE", percent)).collect();
    let taxed: Vec<TaxedLine<'_>> = lines
        .iter()
        .zip(&treatments)
        .map(|((net, _), treatment)| TaxedLine::new(usd(*net), treatment))
        .collect();
    compute(&taxed, usd(0).currency(), rounding).unwrap()
}

fn minor(amounts: &[Money]) -> Vec<i64> {
    amounts.iter().map(|amount| amount.minor()).collect()
}

/// Base and amount of each tax.
fn sums(taxes: &Taxes) -> Vec<(i64, i64)> {
    taxes.taxes.iter().map(|tax| (tax.base.minor(), tax.amount.minor())).collect()
}

#[test]
fn where_tax_is_rounded_decides_the_cent() {
    // 3 × 0.333… and 2 × 0.5: each line alone, each rate, or all together.
    let lines = [(333, "10"), (333, "10"), (333, "10"), (250, "5"), (250, "5")];
    let category = taxes(&lines, Rounding::Category);
    assert_eq!((sums(&category), category.total.minor()), (vec![(999, 100), (500, 25)], 125));
    assert_eq!(
        (minor(&category.lines), &category.of_line[..]),
        (vec![34, 33, 33, 13, 12], &[0, 0, 0, 1, 1][..])
    );
    let document = taxes(&[(105, "10"), (105, "11")], Rounding::Document);
    // 10.5 and 11.55 are 22.05 together.
    assert_eq!((sums(&document), document.total.minor()), (vec![(105, 10), (105, 12)], 22));
    let line = taxes(&lines, Rounding::Line);
    assert_eq!((minor(&line.lines), line.total.minor()), (vec![33, 33, 33, 13, 13], 125));
}

#[test]
fn worked_taxes() {
    // Half a cent goes up, away from zero.
    assert_eq!(taxes(&[(250, "5")], Rounding::Category).total, usd(13));
    assert_eq!(taxes(&[(-250, "5")], Rounding::Category).total, usd(-13));
    assert_eq!(taxes(&[(2_999, "23.33")], Rounding::Category).total, usd(700));
    assert_eq!(taxes(&[(9_999, "14.975")], Rounding::Category).total, usd(1_497));
    assert_eq!(taxes(&[], Rounding::Category).total, usd(0));
    let free = taxes(&[(10_000, "0"), (10_000, "19")], Rounding::Category);
    assert_eq!((sums(&free), minor(&free.lines)), (vec![(10_000, 0), (10_000, 1_900)], vec![0, 1_900]));
    // A line below zero takes tax off.
    let credit = taxes(&[(1_000, "19"), (-200, "19")], Rounding::Category);
    assert_eq!((sums(&credit), minor(&credit.lines)), (vec![(800, 152)], vec![190, -38]));
}

#[test]
fn an_amount_may_be_exact_where_discounts_were_spread_exactly() {
    let treatment = at("DE", "10");
    let third = Exact::ratio(100, 3);
    let lines = [third.clone(), third.clone(), third].map(|net| TaxedLine { net, treatment: &treatment });
    let taxes = compute(&lines, usd(0).currency(), Rounding::Category).unwrap();
    assert_eq!((taxes.total, minor(&taxes.lines)), (usd(1_000), vec![334, 333, 333]));
}

#[test]
fn lines_of_one_tax_stand_together_whatever_the_reason() {
    let (one, other) = (at("DE", "19"), Treatment { reason: "Otherwise.".into(), ..at("DE", "19") });
    let away = at("FR", "19");
    let lines = [&one, &other, &away].map(|treatment| TaxedLine::new(usd(100), treatment));
    let taxes = compute(&lines, usd(0).currency(), Rounding::Category).unwrap();
    assert_eq!(sums(&taxes), [(200, 38), (100, 19)]);
    assert_eq!((taxes.of_line, taxes.taxes[0].treatment.reason.as_str()), (vec![0, 0, 1], "Because."));
}

fn credits(net: i64, tax: i64, steps: &[i64]) -> Vec<i64> {
    let mut line = Billed { net: usd(net), tax: usd(tax), credited_net: usd(0), credited_tax: usd(0) };
    steps
        .iter()
        .map(|step| {
            let tax = credited(&line, usd(*step)).unwrap();
            line.credited_net = line.credited_net.checked_add(usd(*step)).unwrap();
            line.credited_tax = line.credited_tax.checked_add(tax).unwrap();
            tax.minor()
        })
        .collect()
}

#[test]
fn worked_credits() {
    // Two notes: their taxes add up to the invoice's.
    assert_eq!(credits(76_900, 15_380, &[72_686, 4_214]), [14_537, 843]);
    assert_eq!(credits(100, 19, &[100]), [19]);
    assert_eq!(credits(100, 1, &[49, 1, 50]), [0, 1, 0]);
    assert_eq!(credits(0, 0, &[0]), [0]);
}

fn some_lines() -> impl Strategy<Value = Vec<(i64, &'static str)>> {
    let percent = prop::sample::select(vec!["0", "5", "7", "19", "23.33", "14.975", "25.5", "33.3333333333"]);
    prop::collection::vec((-1_000_000_i64..10_000_000, percent), 0..20)
}

const ROUNDINGS: [Rounding; 3] = [Rounding::Category, Rounding::Document, Rounding::Line];

fn exact(lines: &[(i64, &str)]) -> Vec<Exact> {
    lines.iter().map(|(net, percent)| Rate::parse_percent(percent).unwrap().of(&Exact::from(*net))).collect()
}

proptest! {
    /// Lines and taxes add up to the total; a line is within a minor unit of its own exact tax, and is nothing
    /// where the rate is.
    #[test]
    fn parts_add_up(lines in some_lines()) {
        for rounding in ROUNDINGS {
            let taxes = taxes(&lines, rounding);
            let sum = |amounts: Vec<i64>| amounts.into_iter().sum::<i64>();
            prop_assert_eq!(sum(minor(&taxes.lines)), taxes.total.minor());
            prop_assert_eq!(sum(taxes.taxes.iter().map(|tax| tax.amount.minor()).collect()), taxes.total.minor());
            prop_assert_eq!(sum(taxes.taxes.iter().map(|tax| tax.base.minor()).collect()), lines.iter().map(|(net, _)| net).sum::<i64>());
            for (place, tax) in taxes.taxes.iter().enumerate() {
                let of_lines = taxes.lines.iter().zip(&taxes.of_line).filter(|(_, of)| **of == place);
                prop_assert_eq!(of_lines.map(|(part, _)| part.minor()).sum::<i64>(), tax.amount.minor());
            }
            for (part, exact) in taxes.lines.iter().zip(exact(&lines)) {
                prop_assert!((Exact::from(part.minor()) - exact.clone()).abs() < Exact::one());
                prop_assert!(!exact.is_zero() || part.is_zero());
            }
        }
    }

    /// Rounded once: the total is the exact one rounded half up, over the document, each tax or each line.
    #[test]
    fn each_is_rounded_once(lines in some_lines()) {
        let all: Exact = exact(&lines).into_iter().sum();
        prop_assert_eq!(taxes(&lines, Rounding::Document).total.minor(), all.round_half_up().unwrap());
        for tax in taxes(&lines, Rounding::Category).taxes {
            let once = tax.treatment.rate.of(&Exact::from(tax.base.minor())).round_half_up().unwrap();
            prop_assert_eq!(tax.amount.minor(), once);
        }
        for (part, exact) in taxes(&lines, Rounding::Line).lines.iter().zip(exact(&lines)) {
            prop_assert_eq!(part.minor(), exact.round_half_up().unwrap());
        }
    }

    /// The order of the lines changes no tax, and neither does writing one line as two.
    #[test]
    fn order_and_splitting_change_no_tax(lines in some_lines(), at in any::<prop::sample::Index>(), part in 0_i64..1_000) {
        let sorted = |taxes: Taxes| {
            let mut sums: Vec<_> = taxes.taxes.iter().map(|tax| (tax.treatment.rate, tax.base.minor(), tax.amount.minor())).collect();
            sums.sort();
            sums
        };
        let whole = taxes(&lines, Rounding::Category);
        let mut turned = lines.clone();
        turned.reverse();
        prop_assert_eq!(sorted(taxes(&turned, Rounding::Category)), sorted(whole.clone()));
        if !lines.is_empty() {
            let place = at.index(lines.len());
            let (net, percent) = lines[place];
            let mut split = lines.clone();
            split[place] = (net - part, percent);
            split.insert(place, (part, percent));
            prop_assert_eq!(sorted(taxes(&split, Rounding::Category)), sorted(whole));
        }
    }

    /// Credits in any steps never take back more tax than there is, and all of it with all of the line.
    #[test]
    fn credits_give_back_all_of_the_tax(tax in 0_i64..1_000_000, steps in prop::collection::vec(1_i64..100_000, 1..12)) {
        let net: i64 = steps.iter().sum();
        let back = credits(net, tax, &steps);
        prop_assert!(back.iter().all(|step| *step >= 0));
        prop_assert_eq!(back.iter().sum::<i64>(), tax);
        prop_assert_eq!(credits(net, tax, &[net]), vec![tax]);
    }
}
