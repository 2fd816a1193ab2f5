//! What staff do to a subscription: done once, or done, looked at and taken back.

use std::sync::Arc;

use billing::{
    cancellation::{self, Cancel},
    credit_note::{self, CreditLine, CreditNote, Derivation},
    invoice::{self, ChargeKind, Invoice, Line},
    subscription::{self, Change, Changed, State, Subscription, Timing},
};
use catalog::version::{self, Version};
use kernel::{
    Error, Money, ProrationUnit, Result,
    ids::{BookVersionId, SubscriptionId},
};
use ledger::AccountKind;
use sha2::{Digest, Sha256};
use store::{Tx, View, clock, idempotency};
use tax::Tax;

use super::coming::NextEdge;
use crate::gate::{Access, Answers};

/// The code of the error that says that a preview is no longer true.
pub(crate) const OUTDATED: &str = "preview_outdated";

/// Something done to a subscription.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Change(Box<Change>, Timing),
    Cancel(Cancel),
    Pause,
    Resume,
    Convert,
    ExtendTrial(u16),
    Suspend,
    Reinstate,
}

impl Act {
    fn carry_out(&self, tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
        match self {
            Self::Change(change, timing) => subscription::change(tx, id, change, *timing),
            Self::Cancel(cancel) => cancellation::cancel(tx, id, cancel),
            Self::Pause => subscription::pause(tx, id),
            Self::Resume => subscription::resume(tx, id),
            Self::Convert => subscription::convert(tx, id),
            Self::ExtendTrial(days) => subscription::extend_trial(tx, id, *days),
            Self::Suspend => subscription::suspend(tx, id),
            Self::Reinstate => subscription::reinstate(tx, id),
        }
    }

    /// What the page says afterwards, see [`crate::parts::was_done`].
    const fn done(&self) -> &'static str {
        match self {
            Self::Change(_, Timing::Now) => "changed",
            Self::Change(_, Timing::PeriodEnd) => "change_scheduled",
            Self::Cancel(Cancel { timing: Timing::Now, .. }) => "canceled",
            Self::Cancel(Cancel { timing: Timing::PeriodEnd, .. }) => "cancellation_scheduled",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Convert => "converted",
            Self::ExtendTrial(_) => "extended",
            Self::Suspend => "suspended",
            Self::Reinstate => "reinstated",
        }
    }
}

/// A credit note with what it corrects.
pub(crate) struct Credited {
    pub(crate) note: CreditNote,
    /// The number of the invoice.
    pub(crate) corrects: String,
    pub(crate) lines: Vec<CreditLine>,
    pub(crate) taxes: Vec<Tax>,
}

/// Everything an act does.
pub(crate) struct Effect {
    pub(crate) before: Subscription,
    pub(crate) after: Subscription,
    pub(crate) credited: Vec<Credited>,
    pub(crate) invoice: Option<(Invoice, Vec<Line>)>,
    /// The taxes of the invoice.
    pub(crate) taxes: Vec<Tax>,
    /// The customer's credit with the issuer, before and after.
    pub(crate) credit: [Money; 2],
    /// What is scheduled for the end of the period, as it would be at today's prices.
    pub(crate) later: Option<NextEdge>,
    /// The price books agreed to before and after, and the one in force.
    pub(crate) versions: [Arc<Version>; 3],
    /// Amounts follow the second it happens in, so they are not the same when it is confirmed.
    pub(crate) by_second: bool,
    /// Something is billed that was used, and using it goes on until it is confirmed.
    pub(crate) by_use: bool,
}

impl Effect {
    fn of(tx: &mut Tx<'_>, id: SubscriptionId, act: &Act) -> Result<Self> {
        let before = subscription::find(tx, id)?;
        let held = credit(tx, &before)?;
        let Changed { subscription: after, credit_notes, invoice } = act.carry_out(tx, id)?;
        let mut credited = Vec::with_capacity(credit_notes.len());
        for id in credit_notes {
            let note = credit_note::find(tx, id)?;
            let corrects = invoice::find(tx, note.invoice)?.number.unwrap_or_default();
            let (lines, taxes) = (credit_note::lines(tx, id)?, credit_note::taxes(tx, id)?);
            credited.push(Credited { lines, taxes, note, corrects });
        }
        let taxes = invoice.map(|id| invoice::taxes(tx, id)).transpose()?.unwrap_or_default();
        let invoice = match invoice {
            Some(id) => Some((invoice::find(tx, id)?, invoice::lines(tx, id)?)),
            None => None,
        };
        let versions =
            [version::find(tx, before.book)?, version::find(tx, after.book)?, version::in_force(tx)?];
        let scheduled = after.state == State::Active && (after.pending().is_some() || after.ends.is_some());
        let later = scheduled.then(|| NextEdge::of(tx, &after)).transpose()?;
        let time_goes_on = clock::read(tx)?.is_none();
        let seconds = versions.iter().any(|one| one.book.billing.proration == ProrationUnit::Second);
        let used = invoice.iter().flat_map(|(_, lines)| lines).any(follows_use);
        let (by_second, by_use) = (seconds && time_goes_on, used && time_goes_on);
        let credit = [held, credit(tx, &after)?];
        Ok(Self { before, after, credited, invoice, taxes, credit, later, versions, by_second, by_use })
    }

    /// What is credited, all notes together.
    pub(crate) fn credit_given(&self) -> Result<Money> {
        let totals = self.credited.iter().map(|one| one.note.totals.total);
        Money::total(totals, self.after.currency)
    }

    /// The book a subscription of this effect agreed to.
    pub(crate) fn version(&self, id: BookVersionId) -> Option<&Version> {
        self.versions.iter().map(|version| &**version).find(|version| version.id == id)
    }

    /// What must be the same when it is confirmed: states, dates and amounts. Not the instant, which in a live
    /// environment moves on while the preview is read, and not what is used meanwhile: whoever uses something every
    /// second could never confirm anything.
    pub(crate) fn essence(&self) -> String {
        let mut parts = vec![of_subscription(&self.after)];
        for line in self.credited.iter().flat_map(|one| &one.lines) {
            let credit = &line.credit;
            parts.push(format!("- {} {}", credit.invoice, credit.invoice_line));
            let units = match &credit.derivation {
                Derivation::Unused(unused) => unused.part,
                Derivation::Measured(_) => 0,
            };
            parts.push(self.exactly(format!("{units} {} {}", credit.amount, credit.tax)));
        }
        if let Some((invoice, lines)) = &self.invoice {
            for line in lines {
                parts.push(format!("+ {} {} {}", line.description, line.quantity, line.period.end.date));
                match (self.by_use, follows_use(line)) {
                    (false, _) => parts.push(self.exactly(line.amount.to_string())),
                    // A coupon spreads over all lines, so that only what stands before it is sure.
                    (true, false) => parts.push(self.exactly(before_coupons(line))),
                    (true, true) => {}
                }
            }
            if !self.by_use {
                parts.push(self.exactly(format!("{} {}", invoice.totals.total, invoice.credit)));
            }
        }
        if let Some(later) = &self.later {
            parts.push(of_subscription(&later.renewal.subscription));
            parts.extend(
                later.renewal.owed.lines.iter().map(|line| format!("+ {} {}", line.description, line.amount)),
            );
            parts.extend(later.bill.iter().map(|(_, totals)| totals.total.to_string()));
        }
        let digest = Sha256::digest(parts.join("\n"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn exactly(&self, amounts: String) -> String {
        if self.by_second { String::new() } else { amounts }
    }
}

/// Whether a line's amount depends on what was used.
const fn follows_use(line: &Line) -> bool {
    matches!(line.kind, ChargeKind::Usage | ChargeKind::Minimum)
}

fn before_coupons(line: &Line) -> String {
    line.amount
        .checked_add(line.discount)
        .map_or_else(|error| error.code.to_owned(), |whole| whole.to_string())
}

fn of_subscription(one: &Subscription) -> String {
    let date = |at| one.schedule.zone.date_of(at).to_string();
    let items: Vec<_> = one.items.iter().map(|item| (item.key.as_str(), item.quantity)).collect();
    format!(
        "{} {} {} {items:?} {} {} {:?} {:?} {:?} {}",
        one.state.word(),
        one.book,
        one.schedule.cycle,
        one.period.end.date,
        one.billed_through.date,
        one.ends.map(date),
        one.trial_end.map(|end| end.date),
        one.pending(),
        one.has_method,
    )
}

/// The customer's credit with whom the subscription is invoiced by, in its currency.
pub(crate) fn credit(view: &mut View<'_>, one: &Subscription) -> Result<Money> {
    let owners = vec![one.customer.to_string()];
    let held = ledger::held_by(view, AccountKind::CustomerCredit, owners)?.into_iter();
    let own = held.filter(|(account, currency, _)| (account.entity, *currency) == (one.entity, one.currency));
    // A credit balance is negative: it is what we owe.
    let minor = own.map(|(_, _, balance)| -balance).sum();
    Money::new(minor, one.currency)
}

/// What an act would do by what is measured now: it is done, looked at and taken back. Errors as for the act.
pub(crate) async fn rehearse(
    access: &Access,
    id: SubscriptionId,
    act: impl Fn(&mut Tx<'_>) -> Result<Act> + Send + 'static,
) -> Result<Effect> {
    let work = move |tx: &mut Tx<'_>| {
        let act = act(tx)?;
        Effect::of(tx, id, &act)
    };
    access.measure(id).await?;
    access.rehearse(work).await
}

/// Do it by what is measured now, once however often its form is sent; the word for its page.
///
/// Errors: those of the act; [`OUTDATED`] when it would not do what was `seen`.
pub(crate) async fn carry_out(
    access: &Access,
    id: SubscriptionId,
    confirmed: Confirmed,
    act: impl Fn(&mut Tx<'_>) -> Result<Act> + Send + 'static,
) -> Result<String> {
    let work = move |tx: &mut Tx<'_>| {
        let Confirmed { request, seen } = &confirmed;
        if let Some(answer) = idempotency::find(tx, request)? {
            return Ok(answer.body);
        }
        let act = act(tx)?;
        let effect = Effect::of(tx, id, &act)?;
        if seen.as_ref().is_some_and(|seen| *seen != effect.essence()) {
            return Err(Error::conflict(OUTDATED, "It would do something else now than was shown."));
        }
        let done = act.done().to_owned();
        idempotency::record(tx, request, &idempotency::Answer { status: 303, body: done.clone() })?;
        Ok(done)
    };
    access.measure(id).await?;
    access.write(work).await
}

/// What a form that confirms something brings along.
pub(crate) struct Confirmed {
    pub(crate) request: idempotency::Request,
    /// The essence of what was shown; none where nothing was.
    pub(crate) seen: Option<String>,
}

impl Confirmed {
    /// Of a form whose page showed what it does. Errors: `preview_missing`.
    pub(crate) fn read(answers: &Answers, what: &str) -> Result<Self> {
        let seen = Some(answers.get("seen").to_owned());
        Ok(Self { request: once(answers, what)?, seen })
    }

    /// Of a form that asks. Errors: `preview_missing`.
    pub(crate) fn unseen(answers: &Answers, what: &str) -> Result<Self> {
        Ok(Self { request: once(answers, what)?, seen: None })
    }
}

/// A form is confirmed once: sent twice, it leads to the same. `what` tells forms with the same answers apart.
pub(crate) fn once(answers: &Answers, what: &str) -> Result<idempotency::Request> {
    let token = answers.get("once");
    if token.is_empty() || token.len() > 100 {
        let detail = "Look at the preview first, and confirm it from there.";
        return Err(Error::invalid("preview_missing", detail));
    }
    let asked = answers.clone().without(&["csrf", "once", "seen"]).link(what);
    Ok(idempotency::Request { key: format!("page {token}"), fingerprint: Sha256::digest(asked).into() })
}
