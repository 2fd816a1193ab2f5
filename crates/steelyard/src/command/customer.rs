//! `steelyard customers list | link | links | revoke-link`

use identity::{CustomerLink, CustomerRef, customer, link};
use kernel::ids::CustomerLinkId;
use serde_json::json;

use super::list;
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
        CustomersCommand::Link { customer, days, url, json } => make(place, &customer, days, &url, json),
        CustomersCommand::Links { customer, json } => links(place, &customer, json),
        CustomersCommand::RevokeLink { link } => revoke(place, &link),
    }
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
        ("link", Side::Left),
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
