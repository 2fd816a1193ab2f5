//! `steelyard subscriptions start | show | redeem | take-away | comp | change | cancel | keep-on | pause | resume | convert | extend-trial | suspend |
//! reinstate | payment-method | charges`

use billing::{
    cancellation::{self, Cancel},
    coupon,
    credit_note::{self, CreditNote},
    invoice::{self, Draft, Invoice, Totals},
    subscription::{self, Change, ChangePreview, Changed, NewTerm, State, Subscription, Timing},
    usage,
};
use kernel::{Result, UnitPrice, ids::SubscriptionId, time};
use store::{Tx, View};

use super::{
    explain::{money, say_line},
    list,
};
use crate::{
    arguments::{At, ChangeSubscription, Subscriptions},
    failure::Outcome,
    output,
    place::Place,
};

mod charges;
mod ending;
mod renewals;
mod show;
mod start;

pub fn run(place: &Place, asked: Subscriptions) -> Outcome {
    match asked {
        Subscriptions::List(asked) => list::subscriptions(place, asked),
        Subscriptions::Start(asked) => start::run(place, asked),
        Subscriptions::Show { subscription } => show::run(place, subscription),
        Subscriptions::Redeem { subscription, coupon } => {
            give(place, subscription, move |tx, id| coupon::redeem(tx, id, &coupon))
        }
        Subscriptions::TakeAway { subscription, coupon } => {
            give(place, subscription, move |tx, id| coupon::take_away(tx, id, &coupon))
        }
        Subscriptions::Comp { subscription, until } => {
            let until = until.as_deref().map(time::date).transpose()?;
            give(place, subscription, move |tx, id| coupon::comp(tx, id, until))
        }
        Subscriptions::Charges(asked) => charges::run(place, asked),
        Subscriptions::Change(asked) => change(place, asked),
        Subscriptions::Cancel { subscription, at, reason, comment, dry_run } => {
            let cancel = Cancel { timing: at.into(), reason, comment };
            if dry_run {
                return ending::preview(place, subscription, cancel);
            }
            make(place, subscription, move |tx, id| cancellation::cancel(tx, id, &cancel))
        }
        Subscriptions::AcceptSaveOffer { subscription, reason } => {
            give(place, subscription, move |tx, id| cancellation::stay(tx, id, &reason, None))
        }
        Subscriptions::Reactivate { subscription, has_method, dry_run } => {
            ending::reactivate(place, subscription, has_method, dry_run)
        }
        Subscriptions::Renewals(asked) => renewals::run(place, asked),
        Subscriptions::Reasons { from, to, json } => ending::reasons(place, from, to, json),
        Subscriptions::KeepOn { subscription } => make(place, subscription, subscription::keep_on),
        Subscriptions::Pause { subscription } => make(place, subscription, subscription::pause),
        Subscriptions::Resume { subscription } => make(place, subscription, subscription::resume),
        Subscriptions::Convert { subscription } => make(place, subscription, subscription::convert),
        Subscriptions::ExtendTrial { subscription, days } => {
            make(place, subscription, move |tx, id| subscription::extend_trial(tx, id, days))
        }
        Subscriptions::Suspend { subscription } => make(place, subscription, subscription::suspend),
        Subscriptions::Reinstate { subscription } => make(place, subscription, subscription::reinstate),
        Subscriptions::PaymentMethod { subscription, on_file } => {
            make(place, subscription, move |tx, id| subscription::set_method(tx, id, on_file))
        }
    }
}

impl From<At> for Timing {
    fn from(at: At) -> Self {
        match at {
            At::Now => Self::Now,
            At::PeriodEnd => Self::PeriodEnd,
        }
    }
}

fn change(place: &Place, asked: ChangeSubscription) -> Outcome {
    let ChangeSubscription {
        subscription, plan, cycle, quantity, addons, prices, reprice, at, dry_run, ..
    } = asked;
    let minimum = asked.minimum.as_deref().map(UnitPrice::parse).transpose()?;
    let term = asked.term.map(|months| NewTerm { months, renews: asked.renews });
    let (addons, prices) = (addons.into_iter().collect(), start::prices(prices)?);
    let change =
        Change { plan, cycle, quantity, addons, prices, reprice, minimum, term, ..Change::default() };
    if dry_run {
        return preview(place, subscription, change, at.into());
    }
    make(place, subscription, move |tx, id| subscription::change(tx, id, &change, at.into()))
}

/// A subscription after a command, with the documents it made.
struct Made {
    subscription: Subscription,
    credit_notes: Vec<CreditNote>,
    invoice: Option<Invoice>,
}

impl Made {
    fn load(view: &mut View<'_>, changed: Changed) -> Result<Self> {
        let Changed { subscription, credit_notes, invoice } = changed;
        let credit_notes =
            credit_notes.into_iter().map(|id| credit_note::find(view, id)).collect::<Result<_>>()?;
        let invoice = invoice.map(|id| invoice::find(view, id)).transpose()?;
        Ok(Self { subscription, credit_notes, invoice })
    }
}

/// Do something to a subscription and say what came of it.
fn make<F>(place: &Place, reference: String, work: F) -> Outcome
where
    F: Fn(&mut Tx<'_>, SubscriptionId) -> Result<Changed> + Send + 'static,
{
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    usage::catch_up_waiting(&db, &chosen.scope, &reference)?;
    let made = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let changed = work(tx, id)?;
        Made::load(tx, changed)
    });
    let Made { subscription, credit_notes, invoice } = made.wait()?;
    output::say(sentence(&subscription, "is"));
    for note in credit_notes {
        output::say(format!("Credit note {}: {}.", note.number, money(note.totals.total)));
    }
    if let Some(invoice) = invoice {
        output::say(billed(&invoice)?);
    }
    Ok(())
}

/// Do something to a subscription that makes no document, and say what is left of its coupons.
fn give<F>(place: &Place, reference: String, work: F) -> Outcome
where
    F: Fn(&mut Tx<'_>, SubscriptionId) -> Result<Subscription> + Send + 'static,
{
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let given = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        Ok((work(tx, id)?, tx.now()))
    });
    let (subscription, now) = given.wait()?;
    output::say(sentence(&subscription, "is"));
    let today = subscription.schedule.zone.date_of(now);
    show::coupons(&subscription, today).into_iter().for_each(output::say);
    Ok(())
}

/// An invoice and what is left to pay of it.
pub fn billed(invoice: &Invoice) -> Result<String> {
    let (name, total) = (invoice.number.as_deref().unwrap_or_default(), money(invoice.totals.total));
    Ok(match (invoice.credit.is_zero(), invoice.amount_due()?) {
        (true, _) => format!("Invoice {name}: {total}."),
        (false, due) if due.is_zero() => format!("Invoice {name}: {total}, paid by credit."),
        (false, due) => {
            format!("Invoice {name}: {total}; credit pays {}, {} is due.", money(invoice.credit), money(due))
        }
    })
}

fn preview(place: &Place, reference: String, change: Change, timing: Timing) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    usage::catch_up_waiting(&db, &chosen.scope, &reference)?;
    let preview = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        subscription::preview_change(view, id, &change, timing)
    });
    let ChangePreview { subscription, effective, credits, credited, invoice } = preview.wait()?;
    output::say(match timing {
        Timing::Now => format!("Nothing was changed. From {} on:", effective.date),
        Timing::PeriodEnd => "Nothing was changed.".to_owned(),
    });
    output::say(sentence(&subscription, "would be"));
    if !credits.is_empty() {
        output::say(format!("\nCredited would be {}:", money(credited)));
    }
    for credit in credits {
        let sentences = credit.derivation.sentences(credit.amount.currency().code());
        say_line(&credit.description, credit.period, credit.amount, sentences);
    }
    if let Some((draft, totals)) = invoice {
        say_draft(draft, totals);
    }
    Ok(())
}

/// What would be billed, and why so much.
fn say_draft(draft: Draft, totals: Totals) {
    output::say(format!("\nBilled would be {}:", money(totals.total)));
    for line in draft.lines {
        say_line(&line.description, line.period, line.amount, line.explanation.sentences());
    }
}

/// What a subscription is, or would be.
fn sentence(subscription: &Subscription, is: &str) -> String {
    let Subscription { id, state, schedule, period, .. } = subscription;
    let items: Vec<String> = subscription
        .active_items()
        .map(|item| match item.quantity {
            1 => item.key.clone(),
            quantity => format!("{} × {}", output::grouped(quantity), item.key),
        })
        .collect();
    let (items, cycle) = (items.join(", "), schedule.cycle);
    let (start, end) = (period.start.date, period.end.date);
    if *state == State::Scheduled {
        return format!("{id} {is} scheduled: {items}, every {cycle}. It begins on {start}.");
    }
    let mut text = format!("{id} {is} {}: {items}, every {cycle}, period {start} to {end}.", state.word());
    if subscription.state == State::Trialing {
        text += &format!(" Its trial ends on {end}.");
    }
    if subscription.has_method {
        text += " A method of payment is on file.";
    }
    if let Some(ends) = subscription.ends.filter(|_| subscription.state != State::Canceled) {
        text += &format!(" It ends on {}.", schedule.zone.date_of(ends));
    }
    if let Some(pending) = subscription.pending() {
        text += &format!(" Waiting for {end}: {}.", wanted(pending));
    }
    text
}

/// What a change is to make of a subscription.
fn wanted(
    Change { plan, cycle, quantity, addons, prices, reprice, minimum, term, discount }: &Change,
) -> String {
    let plan = plan.iter().map(|plan| format!("plan {plan}"));
    let cycle = cycle.iter().map(|cycle| format!("every {cycle}"));
    let quantity = quantity.iter().map(|quantity| format!("quantity {}", output::grouped(*quantity)));
    let addons = addons.iter().map(|(key, quantity)| format!("{} × {key}", output::grouped(*quantity)));
    let prices = prices.keys().map(|key| format!("the price agreed for {key}"));
    let reprice = reprice.then(|| "the prices in force".to_owned());
    let minimum = minimum.iter().map(|minimum| format!("a minimum of {minimum}"));
    let term = term.iter().map(|term| {
        format!("a term of {} months that {}", term.months, if term.renews { "renews" } else { "ends" })
    });
    let coupon = discount.iter().map(|discount| format!("coupon {}", discount.key));
    plan.chain(cycle)
        .chain(quantity)
        .chain(addons)
        .chain(prices)
        .chain(reprice)
        .chain(minimum)
        .chain(term)
        .chain(coupon)
        .collect::<Vec<_>>()
        .join(", ")
}
