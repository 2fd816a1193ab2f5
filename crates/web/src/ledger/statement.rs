//! The statement of one account, the newest posting first.

use std::collections::HashMap;

use ::ledger::{Account, Cursor, StatementLine, StatementPage};
use billing::{credit_note, invoice};
use identity::permission::may;
use kernel::{
    AnyId, Error, Result,
    ids::{self, CreditNoteId, InvoiceId, LedgerAccountId},
};
use maud::{Markup, html};
use store::View;

use super::{
    balance,
    called::{Called, customer},
    sides,
};
use crate::{
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    parts::{self, PAGE},
    show, ui,
};

/// Everything on the page.
struct Whole {
    account: Account,
    statement: StatementPage,
    called: Called,
    /// The numbers of the documents that were posted.
    numbers: HashMap<AnyId, String>,
}

impl Whole {
    fn load(view: &mut View<'_>, id: LedgerAccountId, before: Option<Cursor>) -> Result<Self> {
        let account = ::ledger::account(view, id)?;
        let statement = ::ledger::statement_back(view, id, before, PAGE)?;
        Ok(Self {
            called: Called::read(view, std::iter::once(&account))?,
            numbers: numbers(view, &statement.lines)?,
            statement,
            account,
        })
    }
}

fn numbers(view: &mut View<'_>, lines: &[StatementLine]) -> Result<HashMap<AnyId, String>> {
    let of = |prefix: &'static str| {
        let mut found: Vec<_> = lines
            .iter()
            .filter(|line| line.document.prefix == prefix)
            .map(|line| line.document.uuid)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let invoices = of("inv").into_iter().map(InvoiceId::from_uuid).collect();
    let notes = of("crn").into_iter().map(CreditNoteId::from_uuid).collect();
    let mut numbers = HashMap::new();
    for one in invoice::load(view, invoices)? {
        numbers.extend(one.number.map(|number| (one.id.any(), number)));
    }
    numbers.extend(credit_note::load(view, notes)?.into_iter().map(|note| (note.id.any(), note.number)));
    Ok(numbers)
}

pub(super) async fn page(
    staff: Staff<may::LedgerRead>,
    Named(id): Named<ids::LedgerAccount>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let before = asked.some("after").map(cursor).transpose()?;
    let whole = staff.read(move |view| Whole::load(view, id, before)).await?;
    let Whole { account, statement, called, .. } = &whole;
    let path = staff.at(&format!("/ledger/accounts/{id}"));
    let next = statement.next.map(|next| format!("{}.{}", next.transaction, next.ordinal));
    let (kind, title) = (called.kind(account.kind), called.whole(account));
    let of_kind = staff.at(&format!("/ledger?kind={}&entity={}", account.kind, account.entity));
    let crumbs = [
        ui::Crumb { label: "Ledger", href: &staff.at("/ledger") },
        ui::Crumb { label: &kind, href: &of_kind },
    ];
    let crumbs = if account.owner.is_some() { &crumbs[..] } else { &crumbs[..1] };
    let of = customer(account).and_then(|customer| parts::page_of(&staff, customer.any()));
    let open = html! { @if let Some(href) = of { (ui::button_link(ui::Button::Plain, "Customer", &href)) } };
    let body = html! {
        (ui::header(&title, "Every posting, the newest first, with the balance after it.", open))
        (lines(&staff, &whole))
        (parts::pages(&path, &asked, next))
        p { "Account " (ui::copyable(&id.to_string())) }
    };
    Ok(staff.page(Sheet::new(ui::Section::Ledger, &title).below(crumbs), body))
}

/// Where a page of a statement ended: `txn_….0`.
fn cursor(text: &str) -> Result<Cursor> {
    let (transaction, ordinal) = text.split_once('.').ok_or_else(|| Error::not_found("page"))?;
    let ordinal = ordinal.parse().map_err(|_| Error::not_found("page"))?;
    Ok(Cursor { transaction: transaction.parse()?, ordinal })
}

fn lines(desk: &Desk, whole: &Whole) -> Markup {
    let rows = whole.statement.lines.iter().map(|line| {
        let currency = line.amount.currency();
        let [debit, credit] = sides(line.amount.minor(), currency);
        let document = match (whole.numbers.get(&line.document), parts::page_of(desk, line.document)) {
            (Some(number), Some(href)) => html! { a href=(href) { (number) } },
            (None, Some(href)) if line.document.prefix == "pay" => html! { a href=(href) { "Payment" } },
            _ => parts::id_link(desk, line.document),
        };
        ui::Row::new(vec![
            desk.time(line.effective),
            html! { (show::sentence(&line.kind)) },
            document,
            debit,
            credit,
            ui::amount(&balance(line.balance.into(), &|sum| show::minor(sum, currency))),
        ])
    });
    ui::table(ui::Table {
        caption: "Statement",
        columns: &[
            ui::Column::text("Effective"),
            ui::Column::text("What happened"),
            ui::Column::text("Document"),
            ui::Column::number("Debit"),
            ui::Column::number("Credit"),
            ui::Column::number("Balance").lead(),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("Nothing posted", "There is no posting on this part of the statement.", html! {}),
    })
}
