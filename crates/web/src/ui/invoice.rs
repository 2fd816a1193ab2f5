//! An invoice, credit note or preview as it looks on paper.

use maud::{Markup, html};

use super::badge::state;
use super::explanation::{Step, explanation};
use super::facts::amount;

/// What the columns of an invoice are called.
pub const INVOICE_COLUMNS: [&str; 4] = ["Description", "Quantity", "Unit price", "Amount"];
/// What the columns of a credit note are called.
pub const CREDIT_COLUMNS: [&str; 4] = ["Description", "Not used", "Of what was billed", "Credit"];

/// Who sends or receives a document.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// The legal name.
    pub name: &'a str,
    /// Address, tax ids and the like, one per line.
    pub lines: &'a [&'a str],
}

/// One line of a document; every figure is formatted text in the document's currency.
#[derive(Debug, Clone, Copy)]
pub struct InvoiceLine<'a> {
    /// What was sold: `Professional, monthly`.
    pub title: &'a str,
    /// For when: `1 Mar – 31 Mar 2027`. May be empty.
    pub period: &'a str,
    /// How many, with their unit if it has one; on a credit note, how much of the time.
    pub quantity: &'a str,
    /// Price of one; on a credit note, what was billed.
    pub unit_price: &'a str,
    /// What the line comes to, rounded.
    pub amount: &'a str,
    /// How it came to that.
    pub steps: &'a [Step<'a>],
}

/// A line below the columns: `Subtotal`, `VAT 19 %`.
#[derive(Debug, Clone, Copy)]
pub struct Total<'a> {
    /// What it is.
    pub label: &'a str,
    /// What it comes to.
    pub amount: &'a str,
    /// Where one reads why; none for a sum of the lines above it.
    pub href: Option<&'a str>,
}

/// A document as printed.
#[derive(Debug, Clone, Copy)]
pub struct InvoiceSheet<'a> {
    /// `Invoice`, `Credit note`, `Preview`.
    pub title: &'a str,
    /// Its number; a draft has none.
    pub number: Option<&'a str>,
    /// Its state by the API's name, see [`super::state`]; a credit note has none.
    pub state: Option<&'a str>,
    /// Who sells.
    pub seller: Party<'a>,
    /// What stands above who buys: `Billed to`.
    pub to: &'a str,
    /// Who buys.
    pub buyer: Party<'a>,
    /// `Issued`, `Due`, `Reference` and the like.
    pub particulars: &'a [(&'a str, &'a str)],
    /// What the columns of its lines are called.
    pub columns: [&'a str; 4],
    /// What is billed.
    pub lines: &'a [InvoiceLine<'a>],
    /// From the subtotal to the total.
    pub totals: &'a [Total<'a>],
    /// The figure that matters, under a double rule: `Amount due`.
    pub due: Total<'a>,
    /// How to pay, and what the law wants said; one paragraph each.
    pub notes: &'a [&'a str],
}

/// A sheet of paper with the document on it. It prints as it stands, without the page around it.
pub fn invoice_sheet(sheet: &InvoiceSheet) -> Markup {
    html! {
        article class="sheet" aria-label={ (sheet.title) " " (sheet.number.unwrap_or("without a number")) } {
            div class="sheet-head" {
                div class="seller" {
                    p class="name" { (sheet.seller.name) }
                    (lines(sheet.seller.lines))
                }
                div class="document" {
                    h2 { (sheet.title) }
                    p class="number" { (sheet.number.unwrap_or("no number yet")) }
                    @if let Some(name) = sheet.state { (state(name)) }
                }
            }
            div class="sheet-parties" {
                div {
                    h3 { (sheet.to) }
                    p class="name" { (sheet.buyer.name) }
                    (lines(sheet.buyer.lines))
                }
                dl {
                    @for (name, value) in sheet.particulars { div { dt { (name) } dd { (value) } } }
                }
            }
            (statement_lines(sheet.columns, sheet.lines))
            (totals(sheet.totals, &sheet.due))
            @if !sheet.notes.is_empty() {
                div class="sheet-notes" { @for note in sheet.notes { p { (note) } } }
            }
        }
    }
}

/// The lines of a document alone, each with its explanation below it.
pub fn statement_lines([first, others @ ..]: [&str; 4], lines: &[InvoiceLine]) -> Markup {
    html! {
        table class="lines" {
            caption class="unseen" { "Lines" }
            thead {
                tr {
                    th scope="col" { (first) }
                    @for other in others { th scope="col" class="num" { (other) } }
                }
            }
            @for line in lines { (statement_line(line)) }
        }
    }
}

fn statement_line(line: &InvoiceLine) -> Markup {
    html! {
        tbody {
            tr {
                th scope="row" {
                    (line.title)
                    @if !line.period.is_empty() { span class="period" { (line.period) } }
                }
                td class="num quantity" { (line.quantity) }
                td class=(if line.unit_price == "–" { "num price none" } else { "num price" }) { (amount(line.unit_price)) }
                td class="num" { (amount(line.amount)) }
            }
            @if !line.steps.is_empty() {
                tr class="why" { td colspan="4" { (explanation(line.steps)) } }
            }
        }
    }
}

/// The sums below lines; the last one stands under a double rule.
pub fn totals(entries: &[Total], due: &Total) -> Markup {
    html! {
        dl class="totals" {
            @for entry in entries { div { dt { (entry.label) } dd { (leading(entry)) } } }
            div class="due" { dt { (due.label) } dd { (leading(due)) } }
        }
    }
}

fn leading(entry: &Total) -> Markup {
    match entry.href {
        Some(href) => html! { a href=(href) { (amount(entry.amount)) } },
        None => amount(entry.amount),
    }
}

fn lines(lines: &[&str]) -> Markup {
    html! { p class="address" { @for line in lines { span { (line) } } } }
}
