//! An invoice, or the preview of one, as a sheet of paper.

use billing::invoice::{ChargeKind, Line, Totals};
use identity::customer::Party;
use kernel::{Exact, Money};
use maud::Markup;
use rating::Step;
use tax::Tax;

use super::steps::{self, Worked};
use crate::{country, show, ui};

/// A document to draw.
pub(crate) struct Document<'a> {
    pub(crate) title: &'a str,
    pub(crate) number: Option<&'a str>,
    pub(crate) state: &'a str,
    pub(crate) seller: &'a Party,
    pub(crate) buyer: &'a Party,
    pub(crate) particulars: &'a [(&'a str, String)],
    pub(crate) lines: &'a [Line],
    /// Its lines can be opened to see how they were worked out.
    pub(crate) explained: bool,
    pub(crate) totals: &'a Totals,
    pub(crate) taxes: &'a [Tax],
    /// What the customer's credit has paid of it.
    pub(crate) credit: Money,
    /// What payments have paid of it.
    pub(crate) paid: Money,
    pub(crate) notes: &'a [&'a str],
    /// The page has parts that say why: `#tax`, and `#ledger` for what was paid and is due.
    pub(crate) leads: bool,
}

/// The sheet.
pub(crate) fn document(document: &Document<'_>) -> Markup {
    let Document { seller, buyer, totals, .. } = document;
    let (address, issuer) = (address(buyer), address(seller));
    let (address, issuer) = (borrowed(&address), borrowed(&issuer));
    let particulars: Vec<_> =
        document.particulars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (total, taxes) = (totals.total.to_string(), Sums::of(totals, document.taxes));
    let (credit, paid) = (document.credit.negated().to_string(), document.paid.negated().to_string());
    let left = totals.total.checked_sub(document.credit).and_then(|left| left.checked_sub(document.paid));
    let left = left.map_or_else(|_| total.clone(), |left| left.to_string());
    let mut sums = taxes.entries();
    let [tax, ledger] = ["#tax", "#ledger"].map(|to| Some(to).filter(|_| document.leads));
    if !document.taxes.is_empty() {
        sums.iter_mut().skip(1).for_each(|sum| sum.href = tax);
    }
    let unpaid = document.credit.is_zero() && document.paid.is_zero();
    if !unpaid {
        sums.push(ui::Total { label: "Total", amount: &total, href: None });
    }
    if !document.credit.is_zero() {
        sums.push(ui::Total { label: "Paid by credit", amount: &credit, href: ledger });
    }
    if !document.paid.is_zero() {
        sums.push(ui::Total { label: "Paid", amount: &paid, href: ledger });
    }
    let label = if unpaid { "Total" } else { "Amount due" };
    let mut texts: Vec<Texts> = document.lines.iter().map(Texts::new).collect();
    if !document.explained {
        texts.iter_mut().for_each(|text| text.steps.clear());
    }
    let notes: Vec<&str> = document.notes.iter().copied().chain(printed(document.taxes)).collect();
    with_lines(&texts, |lines| {
        ui::invoice_sheet(&ui::InvoiceSheet {
            title: document.title,
            number: document.number,
            state: Some(document.state),
            seller: ui::Party { name: seller.name.as_deref().unwrap_or_default(), lines: &issuer },
            to: "Billed to",
            buyer: ui::Party { name: buyer.name.as_deref().unwrap_or("(erased)"), lines: &address },
            particulars: &particulars,
            columns: ui::INVOICE_COLUMNS,
            lines,
            totals: &sums,
            due: ui::Total { label, amount: &left, href: ledger },
            notes: &notes,
        })
    })
}

/// What the law wants printed about the taxes of a document, each once.
pub(crate) fn printed(taxes: &[Tax]) -> Vec<&str> {
    let mut notes: Vec<&str> = taxes.iter().filter_map(|tax| tax.treatment.note.as_deref()).collect();
    notes.dedup();
    notes
}

/// What stands between the lines of a document and its total: the subtotal and each tax. Where there are several, each
/// says what it is of.
pub(crate) struct Sums(Vec<(String, String)>);

impl Sums {
    pub(crate) fn of(totals: &Totals, taxes: &[Tax]) -> Self {
        let mut sums = vec![("Subtotal".to_owned(), totals.subtotal.to_string())];
        if taxes.is_empty() {
            sums.push(("Tax".to_owned(), totals.tax.to_string()));
        }
        for tax in taxes {
            let label = match taxes.len() {
                1 => tax.treatment.label(),
                _ => format!("{} of {}", tax.treatment.label(), tax.base),
            };
            sums.push((label, tax.amount.to_string()));
        }
        Self(sums)
    }

    /// The same for the sheet.
    pub(crate) fn entries(&self) -> Vec<ui::Total<'_>> {
        self.0.iter().map(|(label, amount)| ui::Total { label, amount, href: None }).collect()
    }
}

/// The lines of an invoice alone.
pub(crate) fn lines(lines: &[Line]) -> Markup {
    let texts: Vec<Texts> = lines.iter().map(Texts::new).collect();
    with_lines(&texts, |lines| ui::statement_lines(ui::INVOICE_COLUMNS, lines))
}

/// Draw something of lines that borrow these texts.
pub(crate) fn with_lines(texts: &[Texts], draw: impl FnOnce(&[ui::InvoiceLine<'_>]) -> Markup) -> Markup {
    let steps: Vec<Vec<ui::Step>> =
        texts.iter().map(|text| text.steps.iter().map(Worked::step).collect()).collect();
    let lines: Vec<_> = texts.iter().zip(&steps).map(|(text, steps)| text.line(steps)).collect();
    draw(&lines)
}

/// The lines of an address: its parts between commas, the country, the e-mail address, the tax id.
pub(crate) fn address(party: &Party) -> Vec<String> {
    let postal = party
        .address
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let tax_id = party.tax_id.as_deref().map(|id| format!("Tax id {id}"));
    let lines = postal.chain([country::name(&party.country)]).chain(party.email.as_deref());
    lines.map(str::to_owned).chain(tax_id).collect()
}

pub(crate) fn borrowed(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// The texts a line of the sheet borrows.
pub(crate) struct Texts {
    pub(crate) title: String,
    pub(crate) period: String,
    pub(crate) quantity: String,
    pub(crate) unit_price: String,
    pub(crate) amount: String,
    pub(crate) steps: Vec<Worked>,
}

impl Texts {
    fn new(line: &Line) -> Self {
        let unit = line.explanation.steps.iter().find_map(|step| match step {
            Step::Quantity { unit, .. } => Some(unit.as_str()),
            _ => None,
        });
        let quantity = match measured(line) {
            Some(measured) => measured,
            None => {
                let quantity = line.quantity.to_string();
                unit.map_or_else(|| quantity.clone(), |unit| show::units(&quantity, unit))
            }
        };
        Self {
            title: line.description.clone(),
            period: show::period(&line.period),
            quantity,
            unit_price: unit_price(line),
            amount: line.amount.to_string(),
            steps: steps::worked(&line.explanation),
        }
    }

    fn line<'a>(&'a self, steps: &'a [ui::Step<'a>]) -> ui::InvoiceLine<'a> {
        ui::InvoiceLine {
            title: &self.title,
            period: &self.period,
            quantity: &self.quantity,
            unit_price: &self.unit_price,
            amount: &self.amount,
            steps,
        }
    }
}

/// What a usage line measured: `12,400 calls`.
fn measured(line: &Line) -> Option<String> {
    line.explanation.steps.iter().find_map(|step| match step {
        Step::Measured { quantity, unit: Some(unit), .. } if line.kind != ChargeKind::OneOff => {
            let whole = quantity.floor().ok().filter(|_| quantity.is_integer());
            let figure = whole.map_or_else(|| show::exact(&quantity.to_string()), show::grouped);
            Some(show::units(&figure, unit))
        }
        _ => None,
    })
}

/// What one costs for a whole period: a monthly price times the months of a longer one.
fn unit_price(line: &Line) -> String {
    let steps = || line.explanation.steps.iter();
    let price = steps().find_map(|step| match step {
        Step::Price { amount, .. } => Some(amount.exact()),
        _ => None,
    });
    let months = steps().find_map(|step| match step {
        Step::Months { months } => Some(i64::from(*months)),
        _ => None,
    });
    // Without one figure, as with tiers, the explanation tells the price.
    let exact = price.map(|price| price * Exact::from(months.unwrap_or(1)));
    exact.map_or_else(|| "–".to_owned(), |exact| show::decimal(&exact.to_string(), line.explanation.currency))
}
