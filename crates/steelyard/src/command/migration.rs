//! `steelyard book migrate`

use billing::migration::{self, Migration, Moved, Outlook};
use jobs::Job;
use kernel::Currency;

use super::{check::decimal, explain::money, list::names, work};
use crate::{
    failure::Outcome,
    output::{self, count},
    place::Place,
    table::{Side, Table},
};

/// Who would pay what.
pub fn preview(place: &Place, migration: Migration, limit: u32) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let found = db.read(&chosen.scope, move |view| {
        let outlook = migration::outlook(view, &migration)?;
        let first = migration::preview(view, &migration, None, limit.into())?;
        let names = names(view, first.iter().map(|moved| moved.customer))?;
        Ok((outlook, first, names))
    });
    let (outlook, first, names) = found.wait()?;
    if first.is_empty() {
        output::say(format!("Nothing in {} would be moved.", chosen.shown()));
        return Ok(());
    }
    output::say("Nothing was moved. Fees of a period, before coupons, usage and tax:\n");
    let mut table = Table::new([
        ("subscription", Side::Left),
        ("customer", Side::Left),
        ("now", Side::Left),
        ("fees", Side::Right),
        ("then", Side::Left),
        ("fees", Side::Right),
    ]);
    let shown = first.len() as u64;
    for Moved { subscription, customer, before, after } in first {
        let (then, fees) = match after {
            Ok(after) => (format!("{} every {}", after.plan, after.cycle), money(after.fees)),
            Err(error) => (format!("cannot be moved: {}", error.detail), String::new()),
        };
        table.row([
            subscription.to_string(),
            names.get(&customer).cloned().unwrap_or_default(),
            format!("{} every {}", before.plan, before.cycle),
            money(before.fees),
            then,
            fees,
        ]);
    }
    table.say("");
    say_outlook(&outlook, shown);
    Ok(())
}

fn say_outlook(outlook: &Outlook, shown: u64) {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let refused: u64 = outlook.refused.values().sum();
    let rest = (outlook.moved + refused).saturating_sub(shown);
    if rest > 0 {
        output::say(format!("… and {} more", output::grouped(number(rest))));
    }
    output::say(format!(
        "\n{} would be moved: {} pay more, {} less, {} the same.",
        count(number(outlook.moved), "subscription"),
        output::grouped(number(outlook.more)),
        output::grouped(number(outlook.less)),
        output::grouped(number(outlook.same)),
    ));
    for ((currency, cycle), (before, after)) in &outlook.fees {
        let sum = |minor: &i128, currency: Currency| {
            format!("{} {}", currency.code(), decimal(i64::try_from(*minor).unwrap_or(i64::MAX), currency))
        };
        output::say(format!(
            "Every {cycle}: {} now, {} then.",
            sum(before, *currency),
            sum(after, *currency)
        ));
    }
    for (code, times) in &outlook.refused {
        output::say(format!("{} cannot be moved: {code}.", count(number(*times), "subscription")));
    }
}

/// Move them.
pub fn run(place: &Place, migration: &Migration) -> Outcome {
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let migration = migration.clone();
    let id = db.write(&chosen.scope, move |tx| migration::request(tx, &migration)).wait()?;
    let job = work::to_its_end(&db, &chosen, id, migration::job_kind(), "moving subscriptions")?;
    say_moved(&job);
    Ok(())
}

fn say_moved(job: &Job) {
    let result = job.result.as_ref();
    let moved = result.and_then(|result| result["moved"].as_i64()).unwrap_or(0);
    output::say(format!("{} moved to the version in force.", count(moved, "subscription")));
    let refused = result.and_then(|result| result["refused"].as_object());
    for (code, times) in refused.into_iter().flatten() {
        output::say(format!("{} stayed: {code}.", count(times.as_i64().unwrap_or(0), "subscription")));
    }
}
