//! A credit note as a sheet of paper, and its lines alone.

use billing::credit_note::{Credit, CreditNote, Derivation, Unused};
use identity::customer::Party;
use kernel::{Exact, Money, ProrationUnit};
use maud::Markup;
use tax::Tax;

use crate::{
    invoices::{Sums, Texts, Worked, address, borrowed, counted, explained, printed, rounding, with_lines},
    show, ui,
};

/// A credit note to draw.
pub(crate) struct Document<'a> {
    pub(crate) note: &'a CreditNote,
    pub(crate) credits: &'a [Credit],
    /// The number of the invoice it corrects.
    pub(crate) corrects: &'a str,
    pub(crate) seller: &'a Party,
    pub(crate) taxes: &'a [Tax],
    pub(crate) notes: &'a [&'a str],
    /// The page has parts that say why: `#tax` and `#ledger`.
    pub(crate) leads: bool,
}

/// The sheet.
pub(crate) fn document(document: &Document<'_>) -> Markup {
    let Document { note, corrects, seller, .. } = document;
    let buyer = note.party.as_ref();
    let (lines, issuer) = (buyer.map(address).unwrap_or_default(), address(seller));
    let (lines, issuer) = (borrowed(&lines), borrowed(&issuer));
    let (issued, total) = (show::date(note.issued), note.totals.total);
    let (sum, sums) = (total.to_string(), Sums::of(&note.totals, document.taxes));
    let mut entries = sums.entries();
    let [tax, ledger] = ["#tax", "#ledger"].map(|to| Some(to).filter(|_| document.leads));
    if !document.taxes.is_empty() {
        entries.iter_mut().skip(1).for_each(|sum| sum.href = tax);
    }
    let notes: Vec<&str> = document.notes.iter().copied().chain(printed(document.taxes)).collect();
    let texts: Vec<Texts> = document.credits.iter().map(|credit| texts(credit, corrects)).collect();
    let name = buyer.and_then(|buyer| buyer.name.as_deref()).unwrap_or("(erased)");
    with_lines(&texts, |credits| {
        ui::invoice_sheet(&ui::InvoiceSheet {
            title: "Credit note",
            number: Some(&note.number),
            state: None,
            seller: ui::Party { name: seller.name.as_deref().unwrap_or_default(), lines: &issuer },
            to: "Credited to",
            buyer: ui::Party { name, lines: &lines },
            particulars: &[
                ("Issued", &issued),
                ("Corrects invoice", corrects),
                ("Currency", total.currency().code()),
            ],
            columns: ui::CREDIT_COLUMNS,
            lines: credits,
            totals: &entries,
            due: ui::Total { label: "Credit", amount: &sum, href: ledger },
            notes: &notes,
        })
    })
}

/// The lines of a credit note alone.
pub(crate) fn lines<'c>(credits: impl IntoIterator<Item = &'c Credit>, corrects: &str) -> Markup {
    let texts: Vec<Texts> = credits.into_iter().map(|credit| texts(credit, corrects)).collect();
    with_lines(&texts, |lines| ui::statement_lines(ui::CREDIT_COLUMNS, lines))
}

fn texts(credit: &Credit, corrects: &str) -> Texts {
    let (quantity, unit_price, steps) = match &credit.derivation {
        Derivation::Unused(unused) => {
            let Unused { billed, unit, part, whole, .. } = unused;
            let quantity = match unit {
                ProrationUnit::None => "all of it".to_owned(),
                unit => format!("{} of {} {}", show::grouped(*part), show::grouped(*whole), counted(*unit)),
            };
            (quantity, show::decimal(billed, credit.amount.currency()), worked(credit, unused, corrects))
        }
        Derivation::Measured(explanation) => {
            ("measured again".to_owned(), "–".to_owned(), explained(explanation))
        }
    };
    Texts {
        title: credit.description.clone(),
        period: show::period(&credit.period),
        quantity,
        unit_price,
        amount: credit.amount.to_string(),
        steps,
    }
}

/// How a credit came to be, in steps one can follow with a pencil.
fn worked(credit: &Credit, unused: &Unused, corrects: &str) -> Vec<Worked> {
    let currency = credit.amount.currency();
    let Unused { billed, credited_before, unit, part, whole, exact, .. } = unused;
    let price = show::decimal(billed, currency);
    let share = format!("{} ⁄ {}", show::grouped(*part), show::grouped(*whole));
    let rounded = exact.parse::<Exact>().and_then(|exact| Money::from_exact_major(&exact, currency));
    let rounded = rounded.unwrap_or(credit.amount);
    let is_exact = exact.parse::<Exact>().is_ok_and(|exact| exact == rounded.exact_major());
    let product = match is_exact {
        true => format!("{price} × {share}"),
        false => format!("{price} × {share} = {}", show::exact(exact)),
    };
    let unused = match unit {
        ProrationUnit::None => "None of it has begun".to_owned(),
        unit => {
            format!("{} of its {} {}", show::grouped(*part), show::grouped(*whole), counted(*unit))
        }
    };
    let step =
        |label: &str, working: String, figure: String| Worked { label: label.to_owned(), working, figure };
    let mut steps = vec![
        step("Billed for the whole time", format!("{} on {corrects}", credit.description), price.clone()),
        step("Share that is not used", unused, format!("× {share}")),
        step(&rounding(is_exact, currency), product, rounded.to_string()),
    ];
    if rounded != credit.amount {
        let before = show::decimal(credited_before, currency);
        let working = format!("{price} billed − {before} credited before");
        steps.push(step("At most what is left of it", working, credit.amount.to_string()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Edge, Id, Period, Zone};

    use super::*;

    fn credit(exact: &str, before: &str, amount: &str) -> Credit {
        let edge = |date: &str| Edge::of_date(date.parse().unwrap(), &Zone::utc());
        let currency = Currency::parse("USD").unwrap();
        Credit {
            invoice: Id::from_uuid(Default::default()),
            invoice_line: 0,
            key: "starter".into(),
            description: "Starter".into(),
            period: Period { start: edge("2026-01-16"), end: edge("2026-02-01") },
            amount: Money::parse(amount, currency).unwrap(),
            tax: Money::zero(currency),
            derivation: Derivation::Unused(Unused {
                billed: "49.00".into(),
                credited_before: before.into(),
                unit: ProrationUnit::Day,
                part: 16,
                whole: 31,
                exact: exact.into(),
                amount: amount.into(),
            }),
        }
    }

    fn text(credit: &Credit) -> Vec<String> {
        let Derivation::Unused(unused) = &credit.derivation else { unreachable!("made above") };
        let steps = worked(credit, unused, "UN-000001");
        steps.iter().map(|one| format!("{} | {} | {}", one.label, one.working, one.figure)).collect()
    }

    #[test]
    fn a_credit_can_be_followed_with_a_pencil() {
        assert_eq!(
            text(&credit("784/31", "0.00", "25.29")),
            [
                "Billed for the whole time | Starter on UN-000001 | USD 49.00",
                "Share that is not used | 16 of its 31 days | × 16 ⁄ 31",
                "Rounded half up to 2 decimals | USD 49.00 × 16 ⁄ 31 = 25.2903… | USD 25.29",
            ]
        );
    }

    #[test]
    fn a_credit_is_at_most_what_is_left() {
        let last = text(&credit("784/31", "40.00", "9.00")).pop().unwrap();
        assert_eq!(
            last,
            "At most what is left of it | USD 49.00 billed − USD 40.00 credited before | USD 9.00"
        );
    }
}
