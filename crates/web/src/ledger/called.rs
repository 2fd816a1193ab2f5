//! What accounts are called: by the merchant's own chart of accounts where it has one, and after their customers.

use std::collections::HashMap;

use ::ledger::{Account, AccountKind, Chart};
use kernel::{Result, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use crate::{customers, show};

/// The names of accounts.
pub(super) struct Called {
    chart: Chart,
    customers: HashMap<CustomerId, String>,
}

impl Called {
    /// Those of kinds, and of these accounts.
    pub(super) fn read<'a>(view: &mut View<'_>, accounts: impl Iterator<Item = &'a Account>) -> Result<Self> {
        let customers = customers::names(view, accounts.filter_map(customer))?;
        Ok(Self { chart: ::ledger::chart(view)?, customers })
    }

    /// `1400 Trade receivables`, or `Receivable` where there is no chart.
    pub(super) fn kind(&self, kind: AccountKind) -> String {
        let entry = self.chart.of_kind(kind);
        entry.map_or_else(|| show::sentence(kind.word()), |entry| format!("{} {}", entry.code, entry.name))
    }

    /// The same, with our own name for it below where the chart has another.
    pub(super) fn kind_shown(&self, kind: AccountKind) -> Markup {
        let own = show::sentence(kind.word());
        html! {
            (self.kind(kind))
            @if self.chart.of_kind(kind).is_some() { span class="under" { (own) } }
        }
    }

    /// Whose an account is, among those of its kind: `Brandt & Sohn`, `8400 Revenue from Growth`, `growth`.
    pub(super) fn owner(&self, account: &Account) -> String {
        let name = customer(account).and_then(|id| self.customers.get(&id)).cloned();
        let own = self.own(account).map(|entry| format!("{} {}", entry.code, entry.name));
        name.or(own).or_else(|| account.owner.clone()).unwrap_or_else(|| self.kind(account.kind))
    }

    /// The whole of it: `1400 Trade receivables: Brandt & Sohn`.
    pub(super) fn whole(&self, account: &Account) -> String {
        let kind = self.kind(account.kind);
        match (&account.owner, self.own(account)) {
            (Some(_), Some(entry)) => format!("{} {}", entry.code, entry.name),
            (Some(_), None) => format!("{kind}: {}", self.owner(account)),
            (None, _) => kind,
        }
    }

    /// The chart's entry for this account alone.
    fn own(&self, account: &Account) -> Option<&::ledger::ChartEntry> {
        self.chart.of(account).filter(|entry| account.owner.is_some() && entry.account == account.to_string())
    }
}

/// The customer an account belongs to.
pub(super) fn customer(account: &Account) -> Option<CustomerId> {
    account.owner.as_deref()?.parse().ok()
}
