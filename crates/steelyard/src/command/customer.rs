//! `steelyard customers list | apply-credit | link | links | revoke-link`

use billing::{
    credit::{self, Applied, Used},
    invoice,
};
use identity::{CustomerLink, CustomerRef, customer, link};
use kernel::{Result, ids::CustomerLinkId};
use serde_json::json;
use store::{Tx, View};

use super::{explain::money, list};
use crate::{
    arguments::CustomersCommand,
    failure::Outcome,
    output,
    place::Place,
    table::{Side, Table},
};

/// The most links shown.
const SHOWN: i64 = 100;

pub fn run(place: &Place, asked: CustomersCommand) -> Outcome {
    match asked {
        CustomersCommand::List(asked) => list::customers(place, asked),
        CustomersCommand::ApplyCredit { customer, invoices, dry_run } => {
            apply_credit(place, &customer, invoices, dry_run)
        }
        CustomersCommand::Link { customer, days, url, json } => make(place, &customer, days, &url, json),
        CustomersCommand::Links { customer, json } => links(place, &customer, json),
        CustomersCommand::RevokeLink { link } => revoke(place, &link),
    }
}

fn apply_credit(place: &Place, customer: &str, invoices: Vec<String>, dry_run: bool) -> Outcome {
    let reference: CustomerRef = customer.parse()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let named = move |view: &mut View<'_>| -> Result<_> {
        let id = customer::resolve(view, &reference)?;
        let invoices = invoices.iter().map(|one| invoice::resolve(view, one)).collect::<Result<Vec<_>>>()?;
        Ok((id, invoices))
    };
    let Applied { used, left } = if dry_run {
        let look = move |view: &mut View<'_>| {
            let (id, invoices) = named(view)?;
            credit::preview(view, id, &invoices)
        };
        db.read(&chosen.scope, look).wait()?
    } else {
        let pay = move |tx: &mut Tx<'_>| {
            let (id, invoices) = named(tx)?;
            credit::apply(tx, id, &invoices)
        };
        db.write(&chosen.scope, pay).wait()?
    };
    if used.is_empty() {
        output::say("There is no credit that an open invoice could be paid with.");
    }
    let pays = if dry_run { "would pay" } else { "paid" };
    for Used { number, amount, due, .. } in used {
        let number = number.unwrap_or_default();
        output::say(format!("Credit {pays} {} of invoice {number}; {} is due.", money(amount), money(due)));
    }
    for held in left {
        output::say(format!("Left is {} with {}.", money(held.left), held.entity));
    }
    Ok(())
}

fn make(place: &Place, customer: &str, days: u16, url: &str, json: bool) -> Outcome {
    let (reference, secret): (CustomerRef, _) = (customer.parse()?, link::new_secret()?);
    let kept = secret.clone();
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let made = db.write(&chosen.scope, move |tx| {
        let id = customer::resolve(tx, &reference)?;
        link::create(tx, id, days, &kept)
    });
    let made = made.wait()?;
    let address = link::address(url, &secret);
    if json {
        output::say_json(
            &json!({ "id": made.id, "customer": made.customer, "address": address, "expires": made.expires }),
        );
    } else {
        output::say(&address);
        output::note(format!("Link {}, shown this once. It works until {:.0}.", made.id, made.expires));
    }
    Ok(())
}

fn links(place: &Place, customer: &str, json: bool) -> Outcome {
    let reference: CustomerRef = customer.parse()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let id = customer::resolve(view, &reference)?;
        Ok((link::of_customer(view, id, SHOWN)?, view.recorded()))
    });
    let (found, now) = found.wait()?;
    if json {
        let out = |link: &CustomerLink| {
            json!({
                "id": link.id,
                "created": link.created,
                "expires": link.expires,
                "revoked": link.revoked,
                "works": link.works(now),
            })
        };
        output::say_json(&found.iter().map(out).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("link", Side::Whole),
        ("state", Side::Left),
        ("made", Side::Left),
        ("works until", Side::Left),
    ]);
    for link in found {
        let state = match (link.revoked, link.works(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "works",
            (None, false) => "expired",
        };
        table.row([
            link.id.to_string(),
            state.to_owned(),
            format!("{:.0}", link.created),
            format!("{:.0}", link.expires),
        ]);
    }
    table.say("No links.");
    Ok(())
}

fn revoke(place: &Place, link: &str) -> Outcome {
    let id: CustomerLinkId = link.parse()?;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    db.write(&chosen.scope, move |tx| link::revoke(tx, id)).wait()?;
    output::say(format!("{id} opens nothing any more."));
    Ok(())
}
