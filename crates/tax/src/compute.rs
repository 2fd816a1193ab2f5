//! Tax on the lines of a document.

use kernel::{Currency, Exact, Money, Result};

use crate::Treatment;

/// Over what tax is added up exactly before it is rounded, once, half up to the minor unit (domain rules §1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// The lines with the same tax and rate, as EN 16931 has it.
    #[default]
    Category,
    /// All lines of the document.
    Document,
    /// Each line on its own.
    Line,
}

/// A line as tax sees it.
#[derive(Clone, Debug)]
pub struct TaxedLine<'a> {
    /// What tax is of, in major units, after discounts: the line's rounded amount, or an exact one where discounts
    /// were spread exactly.
    pub net: Exact,
    /// How it is taxed.
    pub treatment: &'a Treatment,
}

impl<'a> TaxedLine<'a> {
    /// A line of a rounded amount.
    pub fn new(net: Money, treatment: &'a Treatment) -> Self {
        Self { net: net.exact_major(), treatment }
    }
}

/// One tax of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tax {
    /// Which, and why.
    pub treatment: Treatment,
    /// The lines it is of, before tax.
    pub base: Money,
    /// What it comes to.
    pub amount: Money,
}

/// The taxes of a document. They add up to the total, and so do the parts of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taxes {
    /// By jurisdiction, kind and rate, in the order of the lines.
    pub taxes: Vec<Tax>,
    /// For each line, its part.
    pub lines: Vec<Money>,
    /// For each line, the place of its tax among the taxes.
    pub of_line: Vec<usize>,
    /// All of it.
    pub total: Money,
}

/// The taxes on lines in one currency, and each line's part of them.
///
/// Where tax is rounded over several lines, a line's part is its exact tax rounded up or down to the minor unit, so
/// that the parts add up: by largest remainder, ties to the earlier line.
///
/// Errors: `amount_out_of_range`.
pub fn compute(lines: &[TaxedLine<'_>], currency: Currency, rounding: Rounding) -> Result<Taxes> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut of_line = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate() {
        let known = groups.iter().position(|group| group.treatment.is_same_tax(line.treatment));
        let group = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push(Group { treatment: line.treatment, net: Exact::zero(), lines: Vec::new() });
        }
        groups[group].lines.push(place);
        groups[group].net = &groups[group].net + &line.net;
        of_line.push(group);
    }
    let minor = Exact::from(currency.minor_per_major());
    let exact: Vec<Exact> = lines.iter().map(|line| line.treatment.rate.of(&(&line.net * &minor))).collect();
    let (amounts, parts) = amounts(&groups, &exact, rounding)?;
    let money = |minor| Money::new(minor, currency);
    let taxes = groups.iter().zip(amounts).map(|(group, amount)| {
        let base = Money::from_exact_major(&group.net, currency)?;
        Ok(Tax { treatment: group.treatment.clone(), base, amount: money(amount)? })
    });
    let taxes = taxes.collect::<Result<Vec<Tax>>>()?;
    let parts = parts.into_iter().map(money).collect::<Result<Vec<Money>>>()?;
    let total = Money::total(parts.iter().copied(), currency)?;
    Ok(Taxes { taxes, lines: parts, of_line, total })
}

/// Lines with the same tax.
struct Group<'a> {
    treatment: &'a Treatment,
    /// What they come to, in major units.
    net: Exact,
    lines: Vec<usize>,
}

/// The tax of each group and of each line, in minor units, from the exact tax of each line.
fn amounts(groups: &[Group<'_>], exact: &[Exact], rounding: Rounding) -> Result<(Vec<i64>, Vec<i64>)> {
    let of_group =
        |group: &Group<'_>| -> Vec<Exact> { group.lines.iter().map(|line| exact[*line].clone()).collect() };
    let sums: Vec<Exact> = groups.iter().map(|group| of_group(group).into_iter().sum()).collect();
    let mut lines = vec![0; exact.len()];
    let amounts = match rounding {
        Rounding::Line => {
            let rounded = exact.iter().map(Exact::round_half_up).collect::<Result<Vec<i64>>>()?;
            let sum = |group: &Group<'_>| group.lines.iter().map(|line| rounded[*line]).sum();
            return Ok((groups.iter().map(sum).collect(), rounded));
        }
        Rounding::Category => sums.iter().map(Exact::round_half_up).collect::<Result<Vec<i64>>>()?,
        Rounding::Document => {
            let all: Exact = sums.iter().cloned().sum();
            spread(all.round_half_up()?, &sums)?
        }
    };
    for (group, amount) in groups.iter().zip(&amounts) {
        for (line, part) in group.lines.iter().zip(spread(*amount, &of_group(group))?) {
            lines[*line] = part;
        }
    }
    Ok((amounts, lines))
}

/// Whole parts that add up to `total`, which is the rounded sum of `exact`: each the exact one rounded down or up,
/// by largest remainder, ties to the earlier part.
///
/// [`kernel::allocate`] shares in proportion to weights above zero. Here a part also may be below zero, and is kept
/// within one unit of its own exact amount.
fn spread(total: i64, exact: &[Exact]) -> Result<Vec<i64>> {
    let mut parts = exact.iter().map(Exact::floor).collect::<Result<Vec<i64>>>()?;
    let remainder = |place: usize| &exact[place] - &Exact::from(parts[place]);
    let remainders: Vec<Exact> = (0..parts.len()).map(remainder).collect();
    let left = i128::from(total) - parts.iter().copied().map(i128::from).sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| remainders[*b].cmp(&remainders[*a]));
    // A rounded sum of remainders below one is never more than there are parts with one.
    for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[place] += 1;
    }
    Ok(parts)
}
