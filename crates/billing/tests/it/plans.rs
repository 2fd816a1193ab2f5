//! Who is on which plan follows whatever happens to subscriptions.

use std::collections::BTreeMap;

use billing::{
    migration::{self, Migration},
    subscription::{self, Change, Filter, State, Timing},
};
use catalog::version;
use jobs::Runner;
use kernel::ids::{BookVersionId, SubscriptionId};
use store::{Context, Mode, Scope, Tx};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{advance, customer_in, environment_with, sound, start, starter},
};

const BOOK: &str = r#"
book = 1
name = "Plans"
currency = "USD"

[plans.starter]
name = "Starter"
price = { month = "30" }

[plans.plus]
name = "Plus"
price = { month = "60" }
"#;

/// Who is found on a plan, and how many the counts say it has, of all versions and states.
fn on(test: &TestDb, scope: &Scope, plan: &str) -> (Vec<SubscriptionId>, i64) {
    let filter = Filter { plan: Some(plan.to_owned()), ..Filter::default() };
    let plan = plan.to_owned();
    let read = test.db.read(scope, move |view| {
        let found = subscription::search(view, &filter, None, 100)?;
        let counts = subscription::group_counts(view)?;
        let count = counts.iter().filter(|(group, _)| group.plan == plan).map(|(_, count)| count).sum();
        Ok((found.into_iter().map(|(one, _)| one.id).collect(), count))
    });
    read.wait().unwrap()
}

fn write<T: Send + 'static>(
    test: &TestDb,
    scope: &Scope,
    work: impl Fn(&mut Tx<'_>) -> kernel::Result<T> + Send + 'static,
) -> T {
    test.db.write(scope, work).wait().unwrap()
}

#[test]
fn a_subscription_is_found_on_the_plan_it_is_on() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-31T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC").id;
        let id = start(test, &scope, starter(customer)).unwrap().subscription.id;
        let stands = |starter: &[SubscriptionId], plus: &[SubscriptionId], other: &[SubscriptionId]| {
            for (plan, expected) in [("starter", starter), ("plus", plus), ("other", other)] {
                assert_eq!(on(test, &scope, plan), (expected.to_vec(), expected.len() as i64), "{plan}");
            }
            sound(test, &scope);
        };
        stands(&[id], &[], &[]);
        let to = |plan: &str| Change { plan: Some(plan.to_owned()), ..Change::default() };
        let plus = to("plus");
        write(test, &scope, move |tx| subscription::change(tx, id, &plus, Timing::Now).map(drop));
        stands(&[], &[id], &[]);
        let back = to("starter");
        write(test, &scope, move |tx| subscription::change(tx, id, &back, Timing::PeriodEnd).map(drop));
        stands(&[], &[id], &[]);
        advance(test, &scope, "2026-03-01T09:00:00Z").unwrap();
        stands(&[id], &[], &[]);

        let book = BOOK.replace("[plans.starter]", "[plans.other]");
        write(test, &scope, move |tx| version::apply(tx, "new.toml", &book).map(drop));
        let moving = Migration {
            plan_map: BTreeMap::from([("starter".to_owned(), "other".to_owned())]),
            timing: Timing::Now,
            ..Migration::default()
        };
        write(test, &scope, move |tx| migration::request(tx, &moving));
        let runner = Runner::new(test.db.clone(), vec![migration::job_kind()], vec![]);
        runner.run_until_idle().unwrap();
        stands(&[], &[], &[id]);
        write(test, &scope, move |tx| subscription::pause(tx, id).map(drop));
        stands(&[], &[], &[id]);
        write(test, &scope, move |tx| subscription::cancel(tx, id, Timing::Now).map(drop));
        stands(&[], &[], &[id]);
    });
}

fn at_period_end() -> Migration {
    Migration { timing: Timing::PeriodEnd, ..Migration::default() }
}

/// A preview ends early among those that are on their way, and goes on to the last one.
#[test]
fn those_that_are_on_their_way_are_passed_over_in_parts() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-31T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let starts = move |count: usize| {
            let customer = customer.clone();
            move |tx: &mut Tx<'_>| {
                identity::customer::lock(tx, customer.id)?;
                let start = subscription::Start {
                    bill_from: subscription::BillFrom::NextPeriod,
                    ..starter(customer.id)
                };
                subscription::start_all(tx, vec![(customer.clone(), start); count]).map(drop)
            }
        };
        write(test, &scope, starts(1_100));
        let book = BOOK.replace("30", "35");
        write(test, &scope, move |tx| version::apply(tx, "new.toml", &book).map(drop));
        let part = |after, limit| {
            let read =
                test.db.read(&scope, move |view| migration::part(view, &at_period_end(), after, limit));
            read.wait().unwrap()
        };
        let first = part(None, 10);
        assert_eq!((first.moved.len(), first.next), (10, first.moved.last().map(|one| one.subscription)));
        let whole = part(None, 500);
        write(test, &scope, |tx| migration::request(tx, &at_period_end()));
        let runner = Runner::new(test.db.clone(), vec![migration::job_kind()], vec![]);
        runner.run_until_idle().unwrap();
        let early = part(None, 10);
        assert!(early.moved.is_empty() && early.next > whole.next);
        assert_eq!(part(early.next, 10), migration::Part::default());
        let everybody =
            test.db.read(&scope, |view| migration::preview(view, &at_period_end(), None, 10)).wait().unwrap();
        assert!(everybody.is_empty());
    });
}

mod raw {
    store::statements! {
        environment SUBSCRIPTION = "INSERT INTO subscription (env_id, id, entity_id, customer_id, book_id, state, currency,
            anchor, cycle, zone, started, period_start_date, period_start, period_end_date, period_end, billed_date,
            billed, has_method, metadata)
            VALUES ($1, $2, $2, $2, $2, 'active', 'USD', $3, 'month', 'UTC', $4, $3, $4, $3, $4, $3, $4, $5, $6)";
        environment ITEM = "INSERT INTO subscription_item (env_id, subscription_id, ordinal, kind, key, quantity)
            VALUES ($1, $2, $3, $4, $5, 1)";
    }
}

/// What billing was before subscriptions knew their plan.
fn before() -> Vec<&'static Context> {
    let now = &billing::CONTEXT;
    let then = Context {
        name: now.name,
        file: now.file,
        migrations: &now.migrations[..10],
        installation_tables: now.installation_tables,
        system_tables: now.system_tables,
        statements: &[],
        bulks: &[],
        upcasters: now.upcasters,
    };
    let others = ALL.iter().copied().filter(|context| context.name != now.name);
    others.chain([&*Box::leak(Box::new(then))]).collect()
}

#[test]
fn subscriptions_of_before_are_found_on_their_plans() {
    on_both(&before(), |test| {
        let scope = test.environment(Mode::Live);
        let id: SubscriptionId = kernel::new_id(&kernel::SystemIds);
        write(test, &scope, move |tx| {
            let (day, now) = ("2026-01-15".parse::<jiff::civil::Date>().unwrap(), tx.now());
            let metadata = serde_json::json!({});
            tx.exec(&raw::SUBSCRIPTION, store::params![id, day, now, false, metadata])?;
            for (ordinal, kind, key) in [(0_i64, "plan", "starter"), (1, "addon", "plus")] {
                tx.exec(&raw::ITEM, store::params![id, ordinal, kind, key])?;
            }
            Ok(())
        });
        let db = test.second_process(ALL);
        let counts = db.read(&scope, subscription::group_counts).wait().unwrap();
        let group = subscription::Group {
            book: BookVersionId::from_uuid(id.uuid()),
            state: State::Active,
            plan: "starter".to_owned(),
        };
        assert_eq!(counts, [(group, 1)]);
    });
}
