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
    if !asked.no_serve {
        // A port in use is heard of before the wait, not after it.
        drop(server::bind(asked.listen)?);
    }
    let db = place.open_and_migrate()?;
    // Under the name of the process that serves it next, which goes on at once.
    let usage = serve::usage_options(&Metering::default(), asked.listen);
    let metering = server::metering(&db, usage);
    let bar = ProgressBar::new(demo::steps(&options));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %, {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message("Five businesses live through their months");
    let played = demo::play(&db, &metering, &options, || bar.inc(1));
    bar.finish_and_clear();
    let standings = played.map_err(|error| match error.code {
        "not_empty" => Failure::new(
            format!("There are businesses in {} already.", place.shown()),
            "`steelyard serve` serves them. For another demo name an empty place with --database.",
        ),
        _ => error.into(),
    })?;
    say(&standings);
    drop((metering, db));
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

/// The states with a column of their own; the others are over.
const STATES: [&str; 5] = ["active", "trialing", "paused", "suspended", "scheduled"];

/// How each business stands: its subscriptions, its money with a row for each currency, its books. Each table fits a
/// terminal of 80 columns.
fn say(standings: &[Standing]) {
    let mut businesses = Table::new([
        ("business", Side::Left),
        ("customers", Side::Right),
        ("active", Side::Right),
        ("in trial", Side::Right),
        ("paused", Side::Right),
        ("suspended", Side::Right),
        ("to begin", Side::Right),
        ("ended", Side::Right),
    ]);
    for one in standings {
        let [active, trialing, paused, suspended, scheduled] =
            STATES.map(|state| one.subscriptions.get(state).copied().unwrap_or_default());
        let all: i64 = one.subscriptions.values().sum();
        let ended = all - active - trialing - paused - suspended - scheduled;
        let [customers, active, trialing, paused, suspended, scheduled, ended] =
            [one.customers, active, trialing, paused, suspended, scheduled, ended].map(output::grouped);
        let name = one.name.to_owned();
        businesses.row([name, customers, active, trialing, paused, suspended, scheduled, ended]);
    }
    businesses.say("There are no businesses.");
    output::say("");
    say_money(standings);
    output::say("");
    say_books(standings);
    let sum = |of: fn(&Standing) -> i64| standings.iter().map(of).sum::<i64>();
    output::say(format!(
        "\nEvery ledger balances ({}), every chain of facts is unbroken ({}), limits refused {}.\n",
        output::count(sum(|one| one.transactions), "transaction"),
        output::count(sum(|one| one.facts), "fact"),
        output::count(sum(|one| one.refused), "use"),
    ));
}

fn say_books(standings: &[Standing]) {
    let mut books = Table::new([
        ("business", Side::Left),
        ("events", Side::Right),
        ("refused", Side::Right),
        ("ledger", Side::Left),
        ("facts", Side::Left),
    ]);
    for one in standings {
        let [events, refused, transactions, facts] =
            [one.events, one.refused, one.transactions, one.facts].map(output::grouped);
        // Whoever has a standing has one that was checked.
        let (ledger, facts) =
            (format!("balanced, {transactions} transactions"), format!("verified, {facts} facts"));
        books.row([one.name.to_owned(), events, refused, ledger, facts]);
    }
    books.say("There are no businesses.");
}

fn say_money(standings: &[Standing]) {
    let mut money = Table::new([
        ("business", Side::Left),
        ("invoices", Side::Right),
        ("", Side::Left),
        ("billed", Side::Right),
        ("credited", Side::Right),
        ("received", Side::Right),
        ("outstanding", Side::Right),
    ]);
    for one in standings {
        for (place, (code, sums)) in one.money.iter().enumerate() {
            let amount = |minor: i64| {
                Currency::parse(code).map_or_else(|_| String::new(), |currency| decimal(minor, currency))
            };
            let head = |text: String| if place == 0 { text } else { String::new() };
            money.row([
                head(one.name.to_owned()),
                head(output::grouped(one.invoices)),
                (*code).to_owned(),
                amount(sums.billed),
                amount(sums.credited),
                amount(sums.received),
                amount(sums.outstanding),
            ]);
        }
    }
    money.say("Nothing was billed.");
}
