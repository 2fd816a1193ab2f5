//! Tax on an invoice, what it posts, and how it ends. Pure.

use std::collections::BTreeMap;

use catalog::TaxRounding;
use identity::{LegalEntity, customer::Buyer};
use jiff::Timestamp;
use kernel::{Currency, Error, Money, Result, ids::LegalEntityId};
use ledger::{Account, AccountKind, Entry, Posting, Transaction};
use tax::{Category, Jurisdiction, Rounding, Tax, TaxedLine, Treatment, compute, treat};

use super::model::{ChargeKind, Draft, Invoice, Line, State};

/// Assess the taxes of a draft: each line gets its part, the draft the taxes. Assessing them again gives what
/// the rules say then. For each line, the place of its tax among them.
///
/// Tax is of the lines after discounts and before credit. The day is that on which the invoice falls due where the
/// legal entity is.
///
/// Errors: `amount_out_of_range`.
pub fn assess(draft: &mut Draft, entity: &LegalEntity, buyer: &Buyer) -> Result<Vec<usize>> {
    let on = entity.zone.date_of(draft.due);
    let mut treatments: BTreeMap<Category, Treatment> = BTreeMap::new();
    for line in &draft.lines {
        let category = Category::of(&line.tax_category);
        let treated = || treat(&entity.for_tax(), &buyer.for_tax(), category, on);
        treatments.entry(category).or_insert_with(treated);
    }
    let taxed: Vec<TaxedLine<'_>> = draft
        .lines
        .iter()
        .map(|line| TaxedLine::new(line.amount, &treatments[&Category::of(&line.tax_category)]))
        .collect();
    let rounding = match draft.tax_rounding {
        TaxRounding::Category => Rounding::Category,
        TaxRounding::Document => Rounding::Document,
        TaxRounding::Line => Rounding::Line,
    };
    let found = compute(&taxed, draft.currency, rounding)?;
    for (line, part) in draft.lines.iter_mut().zip(found.lines) {
        line.tax = part;
    }
    draft.taxes = found.taxes;
    Ok(found.of_line)
}

/// What an issued invoice posts: the customer owes the total; fees in advance are not yet earned, what is billed
/// when its time is over is; tax is to be handed on. And what the customer's credit pays of it.
pub fn postings(invoice: &Invoice, lines: &[Line], taxes: &[Tax], at: Timestamp) -> Result<Vec<Transaction>> {
    let (entity, total) = (invoice.entity, invoice.totals.total);
    let receivable = receivable_account(invoice);
    let mut sums = Sums::new(total.currency());
    sums.add(receivable.clone(), total);
    for line in lines {
        sums.add(earned_on(entity, line.kind, &line.key), line.amount.negated());
    }
    for tax in taxes {
        sums.add(tax_account(entity, &tax.treatment.jurisdiction), tax.amount.negated());
    }
    let mut used = Sums::new(total.currency());
    used.add(credit_account(invoice), invoice.credit);
    used.add(receivable, invoice.credit.negated());
    let all = [("invoice.finalized", sums), ("customer_credit.used", used)];
    let transactions = all.into_iter().map(|(kind, sums)| {
        Ok(Transaction { effective: at, document: invoice.id.any(), kind, postings: sums.postings()? })
    });
    let transactions: Result<Vec<Transaction>> = transactions.collect();
    Ok(transactions?.into_iter().filter(|one| !one.postings.is_empty()).collect())
}

/// Where what a line charges is kept: as revenue of what it charges when its time is over, as deferred until then.
pub(crate) fn earned_on(entity: LegalEntityId, kind: ChargeKind, key: &str) -> Account {
    match kind.is_earned() {
        true => Account::owned(entity, AccountKind::Revenue, key),
        false => Account::single(entity, AccountKind::DeferredRevenue),
    }
}

/// Where tax waits to be handed on.
pub(crate) fn tax_account(entity: LegalEntityId, jurisdiction: &Jurisdiction) -> Account {
    Account::owned(entity, AccountKind::TaxPayable, jurisdiction)
}

/// The customer's credit with the issuer.
pub(crate) fn credit_account(invoice: &Invoice) -> Account {
    Account::owned(invoice.entity, AccountKind::CustomerCredit, invoice.customer)
}

/// What the customer owes its issuer.
pub(crate) fn receivable_account(invoice: &Invoice) -> Account {
    Account::owned(invoice.entity, AccountKind::Receivable, invoice.customer)
}

/// Amounts by account, debits above zero.
pub(crate) struct Sums {
    currency: Currency,
    amounts: BTreeMap<Account, i128>,
}

impl Sums {
    pub(crate) const fn new(currency: Currency) -> Self {
        Self { currency, amounts: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, account: Account, amount: Money) {
        *self.amounts.entry(account).or_default() += i128::from(amount.minor());
    }

    /// One posting for each account that something is left on. Errors: `amount_out_of_range`.
    pub(crate) fn postings(self) -> Result<Vec<Posting>> {
        let Self { currency, amounts } = self;
        let beyond =
            || Error::invalid("amount_out_of_range", "The sum of an account is beyond 10^15 minor units.");
        let left = amounts.into_iter().filter(|(_, sum)| *sum != 0);
        left.map(|(account, sum)| {
            let sum = i64::try_from(sum).map_err(|_| beyond())?;
            Ok(Posting { account, amount: Money::new(sum, currency)? })
        })
        .collect()
    }
}

/// What one can do with an invoice (domain rules §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Issue it.
    Finalize,
    /// Take it back whole.
    Void,
    /// Give up collecting it.
    GiveUp,
}

impl Transition {
    const ALL: [Self; 3] = [Self::Finalize, Self::Void, Self::GiveUp];

    /// What is done to it, as in "cannot be …".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finalize => "finalized",
            Self::Void => "voided",
            Self::GiveUp => "marked uncollectible",
        }
    }

    /// The state it leads to from `state`; none when it may not be made. What finalizing leads to also depends on
    /// the customer's credit.
    pub const fn from(self, state: State) -> Option<State> {
        match (self, state) {
            (Self::Finalize, State::Draft) => Some(State::Finalized),
            (Self::Void, State::Finalized | State::Paid | State::Uncollectible) => Some(State::Void),
            (Self::GiveUp, State::Finalized) => Some(State::Uncollectible),
            _ => None,
        }
    }

    /// The state it leads to. Errors: `transition_illegal`, with the state, the attempt and what is allowed.
    pub fn require(self, state: State) -> Result<State> {
        self.from(state).ok_or_else(|| {
            let allowed: Vec<&str> =
                Self::ALL.into_iter().filter(|one| one.from(state).is_some()).map(Self::word).collect();
            let allowed = if allowed.is_empty() { "left as it is".to_owned() } else { allowed.join(" or ") };
            let (state, attempt) = (shown(state), self.word());
            Error::conflict(
                "transition_illegal",
                format!("An invoice that is {state} cannot be {attempt}; it can only be {allowed}."),
            )
        })
    }
}

const fn shown(state: State) -> &'static str {
    match state {
        State::Draft => "a draft",
        other => other.word(),
    }
}

/// Take an invoice back: what posts it back, and what the customer has to their credit by it.
///
/// Everything it posted is posted the other way, so used credit is given back; what payments paid becomes credit too
/// (domain rules §6). An invoice that credit notes have corrected stands: they refer to it, were given to the
/// customer, and never change. What is due on it can be given up.
///
/// Errors: `transition_illegal`, `invoice_credited`.
pub fn void(invoice: &Invoice, entries: &[Entry], credit_notes: &[String], at: Timestamp) -> Result<Void> {
    Transition::Void.require(invoice.state)?;
    if let Some(number) = credit_notes.first() {
        return Err(credited(invoice, number));
    }
    let currency = invoice.totals.total.currency();
    let mut sums = Sums::new(currency);
    for posting in entries.iter().flat_map(|entry| &entry.postings) {
        sums.add(posting.account.clone(), posting.amount.negated());
    }
    let receivable = receivable_account(invoice);
    sums.add(receivable.clone(), invoice.paid);
    sums.add(credit_account(invoice), invoice.paid.negated());
    if invoice.state == State::Uncollectible {
        let lost = lost_since(invoice, entries)?;
        sums.add(receivable, lost);
        sums.add(Account::single(invoice.entity, AccountKind::BadDebt), lost.negated());
    }
    let given_back = invoice.amount_paid()?;
    Ok(Void { transaction: transaction(invoice, "invoice.voided", sums, at)?, given_back })
}

/// What of an invoice became bad debt after it was given up, because payments of it turned out not to have come. Their
/// reversals posted it, not the invoice.
fn lost_since(invoice: &Invoice, entries: &[Entry]) -> Result<Money> {
    let postings = entries.iter().flat_map(|entry| &entry.postings);
    let given_up = postings.filter(|posting| posting.account.kind == AccountKind::BadDebt);
    let given_up = Money::total(given_up.map(|posting| posting.amount), invoice.totals.total.currency())?;
    invoice.outstanding()?.checked_sub(given_up)
}

/// The refusal to void an invoice that a credit note has corrected.
pub fn credited(invoice: &Invoice, credit_note: &str) -> Error {
    let name = invoice.number.as_deref().unwrap_or_default();
    let detail = format!(
        "Invoice {name} was corrected by credit note {credit_note}, which the customer has, so it cannot be voided any \
         more. What is due on it can be marked uncollectible."
    );
    Error::conflict("invoice_credited", detail)
}

/// What voiding an invoice comes to.
#[derive(Clone, Debug)]
pub struct Void {
    /// What posts it back; none when it had posted nothing.
    pub transaction: Option<Transaction>,
    /// What is to the customer's credit by it.
    pub given_back: Money,
}

/// Give up what is due on an invoice: it becomes bad debt, tax included. Whether the tax of it can be had back is for
/// the tax return.
///
/// Errors: `transition_illegal`.
pub fn give_up(invoice: &Invoice, at: Timestamp) -> Result<Option<Transaction>> {
    Transition::GiveUp.require(invoice.state)?;
    let due = invoice.amount_due()?;
    let mut sums = Sums::new(due.currency());
    sums.add(Account::single(invoice.entity, AccountKind::BadDebt), due);
    sums.add(receivable_account(invoice), due.negated());
    transaction(invoice, "invoice.uncollectible", sums, at)
}

fn transaction(
    invoice: &Invoice,
    kind: &'static str,
    sums: Sums,
    at: Timestamp,
) -> Result<Option<Transaction>> {
    let postings = sums.postings()?;
    let document = invoice.id.any();
    Ok((!postings.is_empty()).then_some(Transaction { effective: at, document, kind, postings }))
}
