//! What canceling would do, why customers cancel, and how they come back.

use billing::{
    cancellation::{self, Cancel, CancelPreview},
    invoice, subscription, usage,
};
use kernel::time;
use serde_json::json;
use store::{Tx, View};

use super::{billed, say_draft, sentence, show};
use crate::{
    command::{
        check::instant_or_date,
        explain::{money, say_line},
    },
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

pub fn preview(place: &Place, reference: String, cancel: Cancel) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    usage::catch_up_waiting(&db, &chosen.scope, &reference)?;
    let preview = db.read(&chosen.scope, move |view| {
        let id = subscription::resolve(view, &reference)?;
        cancellation::preview(view, id, &cancel)
    });
    let CancelPreview { subscription, ends, credits, credited, invoice, offer } = preview.wait()?;
    output::say(format!("Nothing was changed. It would end on {}.", ends.date));
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
    if let Some(offer) = offer {
        let mut stays = subscription;
        stays.discounts = vec![offer.discount];
        output::say(format!("\nOffered to stay, for the reason {}:", offer.reason));
        show::coupons(&stays, ends.date).into_iter().for_each(output::say);
    }
    Ok(())
}

pub fn reactivate(place: &Place, reference: String, has_method: bool, dry_run: bool) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    if dry_run {
        let look = move |view: &mut View<'_>| {
            let id = subscription::resolve(view, &reference)?;
            cancellation::preview_reactivation(view, id, has_method)
        };
        let (preview, coupon) = db.read(&chosen.scope, look).wait()?;
        output::say("Nothing was started.");
        output::say(sentence(&preview.subscription, "would be"));
        coupon.iter().for_each(|coupon| output::say(format!("It would come back with the coupon {coupon}.")));
        if let Some((draft, totals)) = preview.invoice {
            say_draft(draft, totals);
        }
        return Ok(());
    }
    let back = move |tx: &mut Tx<'_>| {
        let id = subscription::resolve(tx, &reference)?;
        let back = cancellation::reactivate(tx, id, has_method)?;
        let invoice = back.invoice.map(|id| invoice::find(tx, id)).transpose()?;
        Ok((back.subscription, back.coupon, invoice))
    };
    let (subscription, coupon, invoice) = db.write(&chosen.scope, back).wait()?;
    output::say(sentence(&subscription, "is"));
    coupon.iter().for_each(|coupon| output::say(format!("It came back with the coupon {coupon}.")));
    if let Some(invoice) = invoice {
        output::say(billed(&invoice)?);
    }
    Ok(())
}

pub fn reasons(place: &Place, from: Option<String>, to: Option<String>, json: bool) -> Outcome {
    let from = from.as_deref().map(instant_or_date).transpose()?.unwrap_or(time::FIRST_INSTANT);
    let to = to.as_deref().map(instant_or_date).transpose()?.unwrap_or(time::END_INSTANT);
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let counted = db.read(&chosen.scope, move |view| cancellation::counts(view, from, to)).wait()?;
    if json {
        let out = counted.iter().map(|one| {
            json!({
                "reason": one.reason, "name": one.name, "canceled": one.canceled, "kept": one.kept,
                "saved": one.saved,
            })
        });
        output::say_json(&out.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("reason", Side::Left),
        ("canceled", Side::Right),
        ("taken back", Side::Right),
        ("stayed for an offer", Side::Right),
    ]);
    for one in counted {
        let name = one.name.unwrap_or_else(|| "(none given)".to_owned());
        table.row([name, one.canceled.to_string(), one.kept.to_string(), one.saved.to_string()]);
    }
    table.say("Nobody canceled.");
    Ok(())
}
