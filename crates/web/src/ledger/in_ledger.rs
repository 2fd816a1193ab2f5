//! What a document has posted, on the document's own page.

use std::collections::BTreeMap;

use ::ledger::{Account, Entry};
use kernel::{AnyId, Result, ids::LedgerAccountId};
use maud::{Markup, html};
use store::View;

use super::{called::Called, sides};
use crate::{gate::Desk, show, ui};

/// The transactions of a document.
pub(crate) struct InLedger {
    entries: Vec<Entry>,
    called: Called,
    /// Where the statements of the accounts are.
    accounts: BTreeMap<Account, LedgerAccountId>,
}

impl InLedger {
    /// Those of this document.
    pub(crate) fn read(view: &mut View<'_>, document: AnyId) -> Result<Self> {
        let entries = ::ledger::of_document(view, document)?;
        let postings = || entries.iter().flat_map(|entry| &entry.postings);
        let mut accounts = BTreeMap::new();
        for posting in postings() {
            if !accounts.contains_key(&posting.account)
                && let Some(id) = ::ledger::find_account(view, &posting.account)?
            {
                accounts.insert(posting.account.clone(), id);
            }
        }
        let called = Called::read(view, accounts.keys())?;
        Ok(Self { called, accounts, entries })
    }

    /// Whether it has posted nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each transaction with its postings, which lead to the statements of their accounts.
    pub(crate) fn draw(&self, desk: &Desk) -> Markup {
        html! {
            @for entry in &self.entries {
                p { (show::sentence(&entry.kind)) ", effective " (desk.time(entry.effective)) " · " code { (entry.id) } }
                (self.entry(desk, entry))
            }
        }
    }

    fn entry(&self, desk: &Desk, entry: &Entry) -> Markup {
        let rows = entry.postings.iter().map(|posting| {
            let [debit, credit] = sides(posting.amount.minor(), posting.amount.currency());
            let cells = vec![html! { (self.called.whole(&posting.account)) }, debit, credit];
            match self.accounts.get(&posting.account) {
                Some(id) => ui::Row::link(desk.at(&format!("/ledger/accounts/{id}")), cells),
                None => ui::Row::new(cells),
            }
        });
        ui::table(ui::Table {
            caption: &format!("Postings: {}", show::sentence(&entry.kind)),
            columns: &[
                ui::Column::text("Account"),
                ui::Column::number("Debit"),
                ui::Column::number("Credit"),
            ],
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Scroll,
            empty: html! {},
        })
    }
}
