//! `steelyard subscriptions renewals list | offer | accept | decline | withdraw`

use billing::{
    renewal::{self, OfferedTerms, RenewalOffer},
    subscription::{self, Change, NewTerm},
};
use kernel::{Result, UnitPrice, ids::SubscriptionId, time};
use store::{Tx, View};

use super::{make, say_draft, sentence, start, wanted};
use crate::{
    arguments::{OfferRenewal, Renewals},
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: Renewals) -> Outcome {
    match asked {
        Renewals::List { subscription } => list(place, subscription),
        Renewals::Offer(asked) => offer(place, asked),
        Renewals::Accept { subscription } => make(place, subscription, renewal::accept),
        Renewals::Decline { subscription } => close(place, subscription, renewal::decline),
        Renewals::Withdraw { subscription } => close(place, subscription, renewal::withdraw),
    }
}

/// What is offered, in words.
fn words(terms: &OfferedTerms) -> String {
    let OfferedTerms { plan, cycle, quantity, addons, prices, reprice, minimum, term, coupon } =
        terms.clone();
    let change = Change { plan, cycle, quantity, addons, prices, reprice, minimum, term, discount: None };
    let coupon = coupon.map(|coupon| format!("coupon {coupon}"));
    let wanted = Some(wanted(&change)).filter(|wanted| !wanted.is_empty());
    wanted.into_iter().chain(coupon).collect::<Vec<_>>().join(", ")
}

fn list(place: &Place, reference: String) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        let zone = subscription::find(view, id)?.schedule.zone;
        Ok((renewal::of_subscription(view, id)?, zone.date_of(view.now())))
    });
    let (offers, today) = found.wait()?;
    let mut table = Table::new([
        ("offer", Side::Right),
        ("state", Side::Left),
        ("until", Side::Left),
        ("what", Side::Left),
    ]);
    for offer in offers {
        let until = offer.valid_until.map_or_else(String::new, |date| date.to_string());
        table.row([offer.ordinal.to_string(), offer.state(today).to_owned(), until, words(&offer.terms)]);
    }
    table.say("Nothing was offered.");
    Ok(())
}

fn offer(place: &Place, asked: OfferRenewal) -> Outcome {
    let until = asked.until.as_deref().map(time::date).transpose()?;
    let renews = asked.renews;
    let terms = OfferedTerms {
        plan: asked.plan,
        cycle: asked.cycle,
        quantity: asked.quantity,
        addons: asked.addons.into_iter().collect(),
        prices: start::prices(asked.prices)?,
        reprice: asked.reprice,
        minimum: asked.minimum.as_deref().map(UnitPrice::parse).transpose()?,
        term: asked.term.map(|months| NewTerm { months, renews }),
        coupon: asked.coupon,
    };
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let (reference, shown) = (asked.subscription, terms.clone());
    let named = reference.clone();
    let look = move |view: &mut View<'_>| {
        let id = subscription::resolve(view, &named)?;
        renewal::preview(view, id, &shown)
    };
    let preview = db.read(&chosen.scope, look).wait()?;
    if !asked.dry_run {
        let make = move |tx: &mut Tx<'_>| {
            let id = subscription::resolve(tx, &reference)?;
            renewal::offer(tx, id, &terms, until)
        };
        let made = db.write(&chosen.scope, make).wait()?;
        output::say(format!("Offer {} was made: {}.", made.ordinal, words(&made.terms)));
    }
    output::say(format!("Once accepted, from {} on:", preview.effective.date));
    output::say(sentence(&preview.subscription, "would be"));
    if let Some((draft, totals)) = preview.invoice {
        say_draft(draft, totals);
    }
    Ok(())
}

fn close(
    place: &Place,
    reference: String,
    work: fn(&mut Tx<'_>, SubscriptionId) -> Result<RenewalOffer>,
) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let closed = db.write(&chosen.scope, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        work(tx, id)
    });
    let offer = closed.wait()?;
    let what = offer.answer.map_or("open", |(answer, _)| answer.word());
    output::say(format!("Offer {} is {what}.", offer.ordinal));
    Ok(())
}
