//! Invoices as rows.

use kernel::{Period, Result, ids::InvoiceId};
use store::{ToValue, Tx, Value, params};
use tax::Tax;

use super::{
    super::{party_json, rounding_word},
    Document,
};
use crate::invoice::{
    model::{Line, Totals},
    sql,
};

/// Store invoices with their lines and taxes.
pub(super) fn insert(tx: &mut Tx<'_>, documents: &[Document]) -> Result<()> {
    let parties = documents
        .iter()
        .map(|Document { invoice, .. }| {
            Ok((party_json(invoice.party.as_ref())?, party_json(invoice.seller.as_ref())?))
        })
        .collect::<Result<Vec<_>>>()?;
    let rows = documents.iter().zip(parties).map(|(document, (party, seller))| row(document, party, seller));
    tx.bulk_all(&sql::INSERT, rows)?;
    let mut lines = Vec::new();
    for Document { invoice, lines: of_invoice, of_line, .. } in documents {
        for (line, tax) in of_invoice.iter().zip(of_line) {
            lines.push(line_row(invoice.id, line, *tax as i64)?);
        }
    }
    tx.bulk_all(&sql::INSERT_LINES, lines)?;
    insert_taxes(tx, documents)
}

fn insert_taxes(tx: &mut Tx<'_>, documents: &[Document]) -> Result<()> {
    let taxes: Vec<(InvoiceId, i64, &Tax, String)> = documents
        .iter()
        .flat_map(|document| {
            document.taxes.iter().zip(0_i64..).map(move |(tax, place)| (document, tax, place))
        })
        .map(|(document, tax, place)| (document.invoice.id, place, tax, tax.treatment.rate.to_string()))
        .collect();
    let rows = taxes.iter().map(|(invoice, place, tax, rate)| {
        let treatment = &tax.treatment;
        [
            invoice.to_value(),
            place.to_value(),
            treatment.jurisdiction.as_str().to_value(),
            treatment.kind.word().to_value(),
            treatment.name.to_value(),
            rate.to_value(),
            Value::Int(tax.base.minor()),
            Value::Int(tax.amount.minor()),
            treatment.reason.to_value(),
            treatment.note.to_value(),
        ]
    });
    tx.bulk_all(&sql::INSERT_TAXES, rows)
}

/// Store the taxes of a draft in place of those before.
pub(super) fn replace_taxes(tx: &mut Tx<'_>, document: &Document) -> Result<()> {
    let Document { invoice, lines, of_line, .. } = document;
    tx.exec(&sql::DROP_TAXES, params![invoice.id])?;
    insert_taxes(tx, std::slice::from_ref(document))?;
    for (line, tax) in lines.iter().zip(of_line) {
        tx.exec_one(&sql::TAX_LINE, params![invoice.id, line.ordinal, line.tax.minor(), *tax as i64])?;
    }
    let Totals { tax, total, .. } = invoice.totals;
    tx.exec_one(&sql::TAX, params![invoice.id, tax.minor(), total.minor()])
}

fn row<'d>(document: &'d Document, party: Value<'d>, seller: Value<'d>) -> [Value<'d>; 17] {
    let Document { invoice, sequence, .. } = document;
    let Totals { subtotal, tax, total } = invoice.totals;
    [
        invoice.id.to_value(),
        invoice.entity.to_value(),
        invoice.customer.to_value(),
        Value::from(invoice.state.word()),
        Value::from(total.currency().code()),
        sequence.map_or(Value::Null, Value::Int),
        invoice.number.to_value(),
        invoice.issued.map_or(Value::Null, Value::Date),
        invoice.due.to_value(),
        Value::Int(subtotal.minor()),
        Value::Int(tax.minor()),
        Value::Int(total.minor()),
        Value::Int(invoice.credit.minor()),
        party,
        seller,
        Value::from(rounding_word(invoice.tax_rounding)),
        document.run.to_value(),
    ]
}

fn line_row(invoice: InvoiceId, line: &Line, tax: i64) -> Result<[Value<'_>; 21]> {
    let Period { start, end } = line.period;
    Ok([
        Value::Uuid(invoice.uuid()),
        Value::Int(line.ordinal),
        line.subscription.to_value(),
        Value::Int(line.item),
        Value::from(line.kind.word()),
        line.key.to_value(),
        line.group.to_value(),
        Value::Int(line.adjustment),
        line.description.to_value(),
        Value::Date(start.date),
        Value::Instant(start.at),
        Value::Date(end.date),
        Value::Instant(end.at),
        Value::Int(line.quantity),
        line.measured.as_ref().map_or(Value::Null, |measured| Value::from(measured.to_string())),
        Value::Int(line.discount.minor()),
        Value::Int(line.amount.minor()),
        Value::Int(line.tax.minor()),
        line.tax_category.to_value(),
        Value::json_of(&line.explanation)?,
        Value::Int(tax),
    ])
}
