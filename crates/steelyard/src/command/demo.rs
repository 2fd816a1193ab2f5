//! `steelyard demo`: five businesses that have lived through two years.

use demo::{Options, Standing};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Currency;

use super::{check::decimal, serve, sign_in};
use crate::{
    arguments::{Demo, Metering, Rates, Serve},
    failure::{Failure, Outcome},
    output,
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: &Demo) -> Outcome {
    let owner = asked.owner.clone().unwrap_or_else(|| sign_in::OWNER.to_owned());
    let options = Options {
        seed: asked.seed,
        customers: asked.scale as usize,
        months: asked.months,
        owner: owner.clone(),
    };
    let db = place.open_and_migrate()?;
    let bar = ProgressBar::new(demo::steps(&options));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %, {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message("Five businesses live through their months");
    let played = demo::play(&db, &options, || bar.inc(1));
    bar.finish_and_clear();
    let standings = played.map_err(|error| match error.code {
        "not_empty" => Failure::new(
            format!("There are businesses in {} already.", place.shown()),
            "`steelyard serve` serves them. For another demo name an empty place with --database.",
        ),
        _ => error.into(),
    })?;
    say(&standings);
    drop(db);
    if asked.no_serve {
        return Ok(());
    }
    let asked = Serve {
        listen: asked.listen,
        book: None,
        owner: Some(owner),
        public_url: None,
        print_link: true,
        log_json: false,
        metering: Metering::default(),
        rates: Rates::default(),
    };
    serve::run(place, &asked)
}

/// States in the order of the table; the last one is for all others.
const STATES: [&str; 5] = ["active", "trialing", "paused", "suspended", "canceled"];

/// A table of the businesses, with a row for each currency of each.
fn say(standings: &[Standing]) {
    let mut table = Table::new([
        ("business", Side::Left),
        ("customers", Side::Right),
        ("active", Side::Right),
        ("in trial", Side::Right),
        ("paused", Side::Right),
        ("suspended", Side::Right),
        ("ended", Side::Right),
        ("invoices", Side::Right),
        ("", Side::Left),
        ("billed", Side::Right),
        ("received", Side::Right),
        ("outstanding", Side::Right),
    ]);
    for one in standings {
        let count = |number: i64| output::grouped(number);
        let [active, trialing, paused, suspended, _] =
            STATES.map(|state| one.subscriptions.get(state).copied().unwrap_or_default());
        let all: i64 = one.subscriptions.values().sum();
        let ended = all - active - trialing - paused - suspended;
        let heads = [one.customers, active, trialing, paused, suspended, ended, one.invoices].map(count);
        for (place, (code, sums)) in one.money.iter().enumerate() {
            let amount = |minor: i64| {
                Currency::parse(code).map_or_else(|_| String::new(), |currency| decimal(minor, currency))
            };
            let head = |text: &str| if place == 0 { text.to_owned() } else { String::new() };
            let [customers, active, trialing, paused, suspended, ended, invoices] =
                heads.each_ref().map(|text| head(text));
            table.row([
                head(one.name),
                customers,
                active,
                trialing,
                paused,
                suspended,
                ended,
                invoices,
                (*code).to_owned(),
                amount(sums.billed),
                amount(sums.received),
                amount(sums.outstanding),
            ]);
        }
    }
    table.say("There are no businesses.");
    let sum = |of: fn(&Standing) -> i64| standings.iter().map(of).sum::<i64>();
    output::say(format!(
        "\nEvery ledger balances ({}), every chain of facts is unbroken ({}).\n",
        output::count(sum(|one| one.transactions), "transaction"),
        output::count(sum(|one| one.facts), "fact"),
    ));
}
