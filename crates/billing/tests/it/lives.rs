//! Random lives of customers against what must always hold.
//!
//! Each seed is a house with a few customers on a price book with every kind of price, knobs drawn by the dice, and
//! some months of whatever customers and staff do. Afterwards every line is computed again by the naive code of
//! `Explanation::recompute`, sums, taxes and balances are added up by hand, and no time is paid for twice. More seeds:
//! `STEELYARD_LIVES=5000 cargo test -p billing --test it lives`.

use std::collections::BTreeMap;

use billing::{
    bill_run,
    cancellation::{self, Cancel},
    charge::{self, BillWith, NewCharge},
    coupon, credit, credit_note, invoice,
    invoice::ChargeKind,
    migration,
    renewal::{self, OfferedTerms},
    subscription::{self, BillFrom, Change, NewTerm, Scheduled, Start, State, Timing},
    usage::{self, Figure, Post},
};
use catalog::version;
use jiff::{SignedDuration, Timestamp};
use kernel::{Cycle, Exact, Result, ids::SubscriptionId};
use store::{Mode, Reason, Scope, Tx};
use testkit::TestDb;

use crate::{
    ALL,
    ground::{self, customer_in, environment_with, sound},
};

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

/// A price book with knobs drawn by the dice.
fn book(dice: &mut Dice, fee: &str) -> String {
    let anchor = dice.of(&["anniversary", "calendar"]);
    // With the calendar a change of the plan cannot begin a period.
    let plan_change =
        if anchor == "calendar" { "prorate" } else { dice.of(&["prorate", "prorate", "reset"]) };
    let knobs = format!(
        "anchor = \"{anchor}\"\nproration = {}\nchange_day = \"{}\"\ncancellation_day = \"{}\"\ncycle_change = \"{}\"\n\
         minimums = \"{}\"\nplan_change = \"{plan_change}\"\ncancellation_credit = \"{}\"\ninvoices = \"{}\"\nzero_invoices = \"{}\"\n\
         tax_rounding = \"{}\"\ntrial_usage = \"{}\"\nusage_grace = \"{}\"\n{}",
        dice.of(&[
            "\"day\"",
            "\"day\"",
            "\"second\"",
            "\"thirty_day_month\"",
            "{ days_in_month = 28 }",
            "\"none\""
        ]),
        dice.of(&["new", "old"]),
        dice.of(&["billed", "free"]),
        dice.of(&["restart", "keep"]),
        dice.of(&["whole", "prorated"]),
        dice.of(&["unused", "unused", "none"]),
        dice.of(&["consolidated", "per_subscription"]),
        dice.of(&["issue", "skip"]),
        dice.of(&["category", "document", "line"]),
        dice.of(&["free", "billed"]),
        dice.of(&["none", "none", "6 hours", "3 days", "20 days"]),
        dice.of(&[
            "",
            "",
            "carry_over = { below = \"12\", periods = 3 }\n",
            "carry_over = { below = \"60\", periods = 2 }\n"
        ]),
    );
    let end = dice.of(&["suspend", "cancel", "downgrade:free"]);
    format!(
        r#"
book = 1
name = "Lives"
currency = "USD"

[billing]
{knobs}
[trial]
days = 10
at_end = {{ with_method = "convert", without = "{end}" }}

[cancellation]
win_back = {{ coupon = "five", days = 40 }}
reasons = {{ price = {{ name = "The price", offer = "third" }}, other = "Another" }}

[features]
users = {{ name = "Users", kind = "limit", unit = "user" }}

[meters]
calls = {{ name = "Calls", unit = "call" }}
traffic = {{ name = "Traffic", unit = "GB", aggregation = "sum", decimals = 3 }}
spend = {{ name = "Spend", unit = "USD", aggregation = "sum", decimals = 6 }}

[plans.free]
name = "Free"
price = {{ month = 0, year = 0 }}

[plans.flat]
name = "Flat"
price = {{ month = "{fee}", year = "301.01" }}
thresholds = {{ at = ["20"], every = "15" }}
usage = {{ traffic = "0.0213" }}

[plans.seats]
name = "Seats"
price = {{ per = "user", month = "9.99", year = "10 % off" }}
limits = {{ calls = {{ amount = 100, per = "user", policy = "soft" }} }}
minimum = {{ month = "60" }}

[plans.seats.usage]
calls = {{ every = "month", package = 100, price = "1.05" }}

[plans.later]
name = "Later"
price = {{ month = "45.55", year = "500", pay_in = "arrears" }}
usage = {{ calls = {{ graduated = [{{ up_to = 10, price = "0.333" }}, {{ price = "0.111", flat = "1" }}] }} }}

[plans.less]
name = "Less"
price = {{ month = "99", year = "999", or_less = {{ percent = "2.5", of = "spend" }} }}

[addons.support]
name = "Support"
price = {{ month = "7.77" }}

[addons.extra]
name = "Extra"
price = {{ per = "user", month = "3.33" }}

[addons.setup]
name = "Setup"
price = {{ per = "setup", once = "49.95" }}

[coupons.third]
name = "A third"
percent = "33.3"
lasts = "2 periods"
stacks = true

[coupons.five]
name = "Five"
amount = "5"
lasts = "forever"
stacks = true

[coupons.gift]
name = "Gift"
free_months = 1
stacks = true
"#
    )
}

const PLANS: [&str; 5] = ["free", "flat", "seats", "later", "less"];
const COUPONS: [&str; 3] = ["third", "five", "gift"];

/// From when to when something is paid for.
type Span = (Timestamp, Timestamp);

struct Life<'t> {
    test: &'t TestDb,
    scope: Scope,
    dice: Dice,
    now: Timestamp,
    subscriptions: Vec<SubscriptionId>,
}

impl Life<'_> {
    /// What happens, for whoever replays one life.
    fn tell(&self, what: impl std::fmt::Debug) {
        if std::env::var_os("STEELYARD_LIFE").is_some() {
            eprintln!("{}: {what:?}", self.now);
        }
    }

    /// What is refused is refused for a reason; nothing else may go wrong.
    fn attempt(&self, what: &str, operation: impl Fn(&mut Tx<'_>) -> Result<()> + Send + Sync + 'static) {
        let done = self.test.db.write(&self.scope, operation).wait();
        self.tell((what, done.as_ref().map_err(|error| error.code)));
        if let Err(error) = done {
            assert!(
                [409, 422].contains(&error.kind.status()) || error.code == "renewal_pending",
                "{what}: {error:?}"
            );
        }
    }

    fn begin(&mut self) {
        let zone = self.dice.of(&["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"]);
        let customer = customer_in(self.test, &self.scope, zone);
        for _ in 0..=self.dice.roll(2) {
            let start = self.start(customer.id);
            self.tell(&start);
            if let Ok(started) = ground::start(self.test, &self.scope, start) {
                self.subscriptions.push(started.subscription.id);
            }
        }
    }

    fn start(&mut self, customer: kernel::ids::CustomerId) -> Start {
        let plan = self.dice.of(&PLANS);
        let cycle = self.dice.of(&[Cycle::MONTH, Cycle::MONTH, Cycle::YEAR]);
        let mut start = Start::of(customer, plan, cycle);
        start.quantity = (plan == "seats").then(|| 1 + self.dice.roll(9) as i64);
        if self.dice.roll(3) == 0 {
            start.addons.insert("support".into(), 1);
        }
        if self.dice.roll(3) == 0 {
            start.addons.insert("extra".into(), 1 + self.dice.roll(3) as i64);
        }
        for coupon in COUPONS {
            if self.dice.roll(4) == 0 {
                start.coupons.push(coupon.into());
            }
        }
        if self.dice.roll(4) == 0 {
            (start.trial, start.has_method) = (true, self.dice.roll(2) == 0);
        } else if self.dice.roll(4) == 0 {
            start.start = Some(self.now - SignedDuration::from_hours(24 * self.dice.roll(70) as i64 + 5));
            start.bill_from = self.dice.of(&[BillFrom::Start, BillFrom::CurrentPeriod, BillFrom::NextPeriod]);
        }
        if !start.trial && self.dice.roll(6) == 0 {
            start.start = Some(self.now + SignedDuration::from_hours(self.dice.roll(24 * 60) as i64 + 1));
            start.bill_from = BillFrom::Start;
        }
        if self.dice.roll(4) == 0 {
            start.charges.push(self.once());
        }
        if self.dice.roll(5) == 0 {
            start.term = Some(self.term());
        }
        if plan == "seats" && self.dice.roll(3) == 0 {
            let on = kernel::Zone::utc().date_of(self.now + SignedDuration::from_hours(24 * 40));
            let change = Change { quantity: Some(12), ..Change::default() };
            start.ramp.push(Scheduled { on, change, offered: false });
        }
        start
    }

    fn term(&mut self) -> NewTerm {
        NewTerm { months: 1 + self.dice.roll(4) as u32, renews: self.dice.roll(2) == 0 }
    }

    /// What staff offer for the next term.
    fn offer(&mut self) -> OfferedTerms {
        let Change { plan, cycle, quantity, addons, minimum, .. } = self.change();
        let (term, coupon) = (Some(self.term()), self.dice.of(&[None, Some("gift")]));
        let coupon = coupon.map(str::to_owned);
        OfferedTerms { plan, cycle, quantity, addons, minimum, term, coupon, ..OfferedTerms::default() }
    }

    /// Something to charge once.
    fn once(&mut self) -> NewCharge {
        let quantity = Some(1 + self.dice.roll(3) as i64);
        match self.dice.roll(2) {
            0 => NewCharge { key: Some("setup".into()), quantity, ..NewCharge::default() },
            _ => {
                let amount = kernel::UnitPrice::parse(self.dice.of(&["12.345", "7", "0.005"])).ok();
                NewCharge { description: Some("Help".into()), amount, quantity, ..NewCharge::default() }
            }
        }
    }

    fn change(&mut self) -> Change {
        let mut change = Change::default();
        match self.dice.roll(7) {
            5 => change.minimum = kernel::UnitPrice::parse(self.dice.of(&["25", "80.5"])).ok(),
            6 => change.term = Some(self.term()),
            0 | 1 => {
                let plan = self.dice.of(&PLANS);
                change.plan = Some(plan.into());
                change.quantity = (plan == "seats").then(|| 1 + self.dice.roll(9) as i64);
            }
            2 => change.cycle = Some(self.dice.of(&[Cycle::MONTH, Cycle::YEAR])),
            3 => change.quantity = Some(1 + self.dice.roll(12) as i64),
            _ => drop(change.addons.insert("extra".into(), self.dice.roll(4) as i64)),
        }
        change
    }

    /// A change that is made does what was previewed.
    fn make_change(&mut self, id: SubscriptionId) {
        let (change, timing) = (self.change(), self.dice.of(&[Timing::Now, Timing::Now, Timing::PeriodEnd]));
        let (shown, shown_again) = (change.clone(), change.clone());
        let preview = self
            .test
            .db
            .read(&self.scope, move |view| subscription::preview_change(view, id, &shown, timing))
            .wait();
        let done =
            self.test.db.write(&self.scope, move |tx| subscription::change(tx, id, &change, timing)).wait();
        self.tell((id, &shown_again, timing, done.as_ref().map(|_| ()).map_err(|error| error.code)));
        let (preview, done) = match (preview, done) {
            (Err(shown), Err(met)) => return assert_eq!(shown.code, met.code),
            (preview, done) => (preview.unwrap(), done.unwrap()),
        };
        assert_eq!(preview.subscription, done.subscription);
        let (credited, billed) = self
            .test
            .db
            .read(&self.scope, move |view| {
                let mut credited = 0;
                for note in &done.credit_notes {
                    credited += credit_note::find(view, *note)?.totals.subtotal.minor();
                }
                let billed = done.invoice.map(|id| invoice::find(view, id)).transpose()?;
                Ok((credited, billed.map(|billed| billed.totals)))
            })
            .wait()
            .unwrap();
        assert_eq!(preview.credited.minor(), credited);
        assert_eq!(preview.invoice.map(|(_, totals)| totals), billed);
    }

    fn post(&mut self, id: SubscriptionId) {
        let key = self.dice.of(&["calls", "traffic", "spend"]);
        let units = Exact::ratio(self.dice.roll(2_000_000).into(), 1_000);
        let late = self.dice.roll(3) == 0;
        self.tell((id, key, &units, late));
        self.attempt("usage", move |tx| {
            let start = match late {
                false => None,
                true => usage::history(tx, id, 50)?.last().map(|figure| figure.start),
            };
            let groups = BTreeMap::from([(String::new(), Figure::Quantity(units.clone().into()))]);
            usage::post(tx, id, &Post { key: key.into(), groups, start, watermark: None }).map(drop)
        });
    }

    fn act(&mut self) {
        if self.subscriptions.is_empty() || self.dice.roll(12) == 0 {
            return self.begin();
        }
        let id = self.dice.of(&self.subscriptions.clone());
        self.tell(id);
        let coupon = self.dice.of(&COUPONS);
        let timing = self.dice.of(&[Timing::Now, Timing::PeriodEnd]);
        match self.dice.roll(24) {
            0..=4 => self.make_change(id),
            5..=7 => self.post(id),
            8 => {
                let reason = Some(self.dice.of(&["price", "other"]).to_owned());
                let cancel = Cancel { timing, reason, comment: None };
                self.attempt("cancel", move |tx| cancellation::cancel(tx, id, &cancel).map(drop));
            }
            9 => self.attempt("keep on", move |tx| subscription::keep_on(tx, id).map(drop)),
            10 => self.attempt("pause", move |tx| subscription::pause(tx, id).map(drop)),
            11 => self.attempt("resume", move |tx| subscription::resume(tx, id).map(drop)),
            12 => self.attempt("suspend", move |tx| subscription::suspend(tx, id).map(drop)),
            13 => self.attempt("reinstate", move |tx| subscription::reinstate(tx, id).map(drop)),
            16 | 17 => {
                let (new, with) = (self.once(), self.dice.of(&[BillWith::Now, BillWith::NextInvoice]));
                self.attempt("charge", move |tx| charge::add(tx, id, &new, with).map(drop));
            }
            18 => self.attempt("credit", move |tx| {
                let customer = subscription::find(tx, id)?.customer;
                credit::apply(tx, customer, &[]).map(drop)
            }),
            19 | 20 => {
                let terms = self.offer();
                self.tell(&terms);
                self.attempt("offer", move |tx| renewal::offer(tx, id, &terms, None).map(drop));
            }
            21 => self.attempt("accept", move |tx| renewal::accept(tx, id).map(drop)),
            22 => {
                self.attempt("reactivate", move |tx| cancellation::reactivate(tx, id, true).map(drop));
                let of_all = move |view: &mut store::View<'_>| {
                    let customer = subscription::find(view, id)?.customer;
                    subscription::of_customer(view, customer)
                };
                let all = self.test.db.read(&self.scope, of_all).wait().unwrap();
                let new = all.iter().map(|one| one.id).filter(|id| !self.subscriptions.contains(id));
                self.subscriptions.extend(new.collect::<Vec<_>>());
            }
            23 => self.attempt("stay", move |tx| cancellation::stay(tx, id, "price", None).map(drop)),
            14 => self.attempt("coupon", move |tx| coupon::redeem(tx, id, coupon).map(drop)),
            _ => self.attempt("void", move |tx| match invoice::of_subscription(tx, id, None, 1)?.first() {
                Some(newest) => invoice::void(tx, newest.id, &Reason::parse("duplicate")?).map(drop),
                None => Ok(()),
            }),
        }
    }

    /// What is foreseen up to the next instant is what then comes about.
    fn go_on(&mut self) {
        let to = self.now + SignedDuration::from_hours(self.dice.roll(24 * 25) as i64 + 1);
        let from = self.now - SignedDuration::from_hours(24 * 400);
        let foreseen = self
            .test
            .db
            .read(&self.scope, move |view| bill_run::forecast(view, from, to, 10_000))
            .wait()
            .unwrap();
        let before = self.issued();
        ground::advance(self.test, &self.scope, &to.to_string()).unwrap();
        let after = self.issued();
        let added = after.iter().filter(|one| !before.contains(one));
        let mut came: Vec<_> = added.map(|one| (one.due, one.customer, one.totals, one.credit)).collect();
        let mut expected: Vec<_> =
            foreseen.documents.iter().map(|one| (one.at, one.customer, one.totals, one.credit)).collect();
        let order = |one: &(Timestamp, kernel::ids::CustomerId, invoice::Totals, kernel::Money)| {
            (one.0, one.1, one.2.total.minor(), one.3.minor())
        };
        came.sort_by_key(order);
        expected.sort_by_key(order);
        if expected != came {
            for one in after.iter().filter(|one| !before.contains(one)) {
                eprintln!(
                    "{} {}: {:#?}",
                    one.due,
                    one.totals.subtotal,
                    ground::lines(self.test, &self.scope, one.id)
                );
            }
        }
        assert_eq!(expected, came, "foreseen up to {to}: {:#?}", foreseen.events);
        self.now = to;
    }

    fn issued(&self) -> Vec<invoice::Invoice> {
        let mut all =
            self.test.db.read(&self.scope, |view| invoice::list(view, None, 10_000)).wait().unwrap();
        all.retain(|one| one.number.is_some()); // what waits for the next one is a draft
        all
    }

    /// No time of an item is paid for twice in advance, and none of a stretch in arrears.
    fn nothing_is_paid_twice(&self, short_months: bool) {
        let lines: Vec<_> = self
            .test
            .db
            .read(&self.scope, |view| {
                let mut all = Vec::new();
                for one in invoice::list(view, None, 10_000)? {
                    let ended: BTreeMap<i64, Timestamp> = credit_note::of_invoice(view, one.id)?
                        .iter()
                        .map(|note| credit_note::lines(view, note.id))
                        .collect::<Result<Vec<_>>>()?
                        .into_iter()
                        .flatten()
                        .filter(|line| !line.credit.was_earned())
                        .map(|line| (line.credit.invoice_line, line.credit.period.start.at))
                        .collect();
                    let lines = invoice::lines(view, one.id)?.into_iter();
                    let lines = lines.filter(|_| one.state != invoice::State::Void);
                    all.extend(lines.map(|line| (ended.get(&line.ordinal).copied(), line)));
                }
                Ok(all)
            })
            .wait()
            .unwrap();
        let mut spans: BTreeMap<(SubscriptionId, i64, &str), Vec<Span>> = BTreeMap::new();
        for (ended, line) in lines {
            // What costs nothing is not credited, and ends without a trace; corrections name their stretch again.
            let counts = matches!(line.kind, ChargeKind::Recurring | ChargeKind::Arrears);
            if !counts || line.amount.minor() <= 0 || line.adjustment > 0 && line.kind == ChargeKind::Arrears
            {
                continue;
            }
            let end = ended.unwrap_or(line.period.end.at);
            let span = (line.period.start.at, end);
            spans.entry((line.subscription, line.item, line.kind.word())).or_default().push(span);
        }
        for (whose, mut spans) in spans {
            spans.sort_unstable();
            for pair in spans.windows(2) {
                // A change day belongs to one of the two plans, and days are whole: within one day both may stand.
                // A month said to have 28 days is used up after them: of its last days nothing is left to credit.
                let length = pair[0].1.duration_since(pair[0].0);
                let used_up = if short_months { length / 10 } else { SignedDuration::ZERO };
                let both_stand =
                    pair[0].1.duration_since(pair[1].0) <= SignedDuration::from_hours(25) + used_up;
                assert!(pair[0].1 <= pair[1].0 || both_stand, "{whose:?} pays twice: {pair:?}");
            }
        }
    }
}

fn live(test: &TestDb, seed: u64) {
    let mut dice = Dice(seed);
    let first = book(&mut dice, "30.01");
    let overlaps =
        ["\"none\"", "reset", "cancellation_credit = \"none\""].iter().any(|knob| first.contains(knob));
    let start = dice.of(&["2024-01-31T10:00:00Z", "2026-03-28T23:30:00Z", "2027-12-31T12:00:00Z"]);
    let scope = environment_with(test, Mode::Sandbox, start, &first);
    if std::env::var_os("STEELYARD_LIFE").is_some() {
        eprintln!("{first}");
    }
    let now = start.parse().unwrap();
    let mut life = Life { test, scope, dice, now, subscriptions: Vec::new() };
    life.begin();
    for turn in 0..24 {
        life.act();
        if life.dice.roll(2) == 0 {
            life.go_on();
        }
        if turn == 12 && life.dice.roll(2) == 0 {
            let newer = first.replace("\"30.01\"", "\"33.03\"");
            life.attempt("book", move |tx| version::apply(tx, "newer.toml", &newer).map(drop));
            let timing = life.dice.of(&[Timing::Now, Timing::PeriodEnd]);
            let wanted = migration::Migration { timing, ..migration::Migration::default() };
            life.attempt("migration", move |tx| migration::request(tx, &wanted).map(drop));
            let runner = jobs::Runner::new(test.db.clone(), vec![migration::job_kind()], vec![]);
            runner.run_until_idle().unwrap();
        }
    }
    for id in life.subscriptions.clone() {
        let over = test.db.read(&life.scope, move |view| subscription::find(view, id)).wait().unwrap();
        if over.state == State::Active {
            life.attempt("cancel", move |tx| subscription::cancel(tx, id, Timing::Now).map(drop));
        }
    }
    sound(test, &life.scope);
    if !overlaps {
        life.nothing_is_paid_twice(first.contains("days_in_month"));
    }
}

#[test]
fn random_lives_keep_every_promise() {
    let told = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = told("STEELYARD_LIFE").unwrap_or(1);
    let count = told("STEELYARD_LIVES").unwrap_or(if told("STEELYARD_LIFE").is_some() { 1 } else { 40 });
    for chunk in (first..first + count).collect::<Vec<_>>().chunks(50) {
        let test = TestDb::sqlite(ALL);
        for seed in chunk {
            let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(&test, *seed)));
            assert!(lived.is_ok(), "the life of seed {seed}: run it alone with STEELYARD_LIFE={seed}");
        }
    }
}
