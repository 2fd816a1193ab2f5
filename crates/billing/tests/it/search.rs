//! Lists are what their filters say, in their order, page by page; counts are what lists hold.

use std::collections::BTreeMap;

use billing::{
    credit_note,
    customers::{self, Having},
    figures, invoice,
    subscription::{self, State, Subscription, Timing},
};
use identity::customer::{Find, Sort};
use jiff::{Timestamp, civil::Date};
use kernel::{
    Currency, Cycle,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use store::{Mode, Scope, Tx};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{UNISON, advance, environment, new_customer, sound, start, starter},
};

mod raw {
    store::statements! {
        environment FORGET = "DELETE FROM billed_month WHERE env_id = $1";
    }
}

/// Twelve customers: subscriptions of every kind, over two price book versions and three months.
fn business(test: &TestDb) -> (Scope, Vec<CustomerId>, Vec<SubscriptionId>) {
    let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
    let mut customers = Vec::new();
    let mut subscriptions = Vec::new();
    for at in 0..12 {
        let new = new_customer(["Acme", "Böhm", "Cato"][at % 3], "Europe/Berlin");
        let customer =
            test.db.write(&scope, move |tx| identity::customer::create(tx, new.clone())).wait().unwrap();
        customers.push(customer.id);
        if at >= 10 {
            continue;
        }
        let plan = ["starter", "professional", "enterprise"][at % 3].to_owned();
        let cycle = if at % 4 == 0 { Cycle::YEAR } else { Cycle::MONTH };
        let trial = at == 6;
        let started = start(test, &scope, subscription::Start { plan, cycle, trial, ..starter(customer.id) });
        subscriptions.push(started.unwrap().subscription.id);
        if at == 4 {
            let book = std::fs::read_to_string(UNISON).unwrap().replace("days = 14", "days = 15");
            let apply =
                test.db.write(&scope, move |tx| catalog::version::apply(tx, "book.toml", &book).map(drop));
            apply.wait().unwrap();
            advance(test, &scope, "2026-02-03T10:00:00Z").unwrap();
        }
    }
    let [cancel, pause, suspend, later] = [1, 2, 3, 4].map(|at| subscriptions[at]);
    let write = |work: fn(&mut Tx<'_>, SubscriptionId) -> kernel::Result<()>, id| {
        test.db.write(&scope, move |tx| work(tx, id)).wait().unwrap();
    };
    write(|tx, id| subscription::cancel(tx, id, Timing::Now).map(drop), cancel);
    write(|tx, id| subscription::pause(tx, id).map(drop), pause);
    write(|tx, id| subscription::suspend(tx, id).map(drop), suspend);
    write(|tx, id| subscription::cancel(tx, id, Timing::PeriodEnd).map(drop), later);
    advance(test, &scope, "2026-04-02T10:00:00Z").unwrap();
    (scope, customers, subscriptions)
}

/// Read a list to its end, three at a time, through the cursor's text.
fn all_subscriptions(test: &TestDb, scope: &Scope, filter: &subscription::Filter) -> Vec<Subscription> {
    let (mut all, mut after): (Vec<Subscription>, Option<subscription::Place>) = (Vec::new(), None);
    loop {
        let filter = filter.clone();
        let page =
            test.db.read(scope, move |view| subscription::search(view, &filter, after, 3)).wait().unwrap();
        let Some((_, last)) = page.last() else { return all };
        after = Some(last.to_string().parse().unwrap());
        all.extend(page.into_iter().map(|(subscription, _)| subscription));
    }
}

fn usd() -> Option<Currency> {
    Some(Currency::parse("USD").unwrap())
}

#[test]
fn subscriptions_are_found_by_every_filter() {
    on_both(ALL, |test| {
        let (scope, customers, ids) = business(test);
        let everything = test.db.read(&scope, |view| subscription::list(view, None, 100)).wait().unwrap();
        assert_eq!(everything.len(), ids.len());
        let books: Vec<BookVersionId> = [0, 9].map(|at| everything[at].book).into();
        assert_ne!(books[0], books[1]);
        let states =
            [None, Some(State::Active), Some(State::Canceled), Some(State::Paused), Some(State::Expired)];
        for state in states {
            for plan in [None, Some("starter"), Some("nonsense")] {
                for customer in [None, Some(customers[3]), Some(customers[11])] {
                    for book in [None, Some(books[0]), Some(books[1])] {
                        for currency in [None, usd(), Some(Currency::parse("EUR").unwrap())] {
                            let plan = plan.map(str::to_owned);
                            let filter =
                                subscription::Filter { state, plan, customer, currency, book, due: None };
                            let expected: Vec<_> = everything
                                .iter()
                                .filter(|one| {
                                    filter.state.is_none_or(|state| state == one.state)
                                        && filter.plan.as_ref().is_none_or(|plan| plan == one.plan())
                                        && filter.customer.is_none_or(|customer| customer == one.customer)
                                        && filter.book.is_none_or(|book| book == one.book)
                                        && filter.currency.is_none_or(|currency| currency == one.currency)
                                })
                                .cloned()
                                .collect();
                            assert_eq!(all_subscriptions(test, &scope, &filter), expected, "{filter:?}");
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn what_falls_due_is_listed_and_counted_in_order() {
    on_both(ALL, |test| {
        let (scope, ..) = business(test);
        let everything = test.db.read(&scope, |view| subscription::list(view, None, 100)).wait().unwrap();
        let span: [Timestamp; 2] =
            ["2026-04-02T12:00:00Z", "2027-02-02T23:00:00Z"].map(|at| at.parse().unwrap());
        let mut expected: Vec<Subscription> = everything
            .into_iter()
            .filter(|one| matches!(one.state, State::Active | State::Trialing))
            .filter(|one| span[0] <= one.billed_through.at && one.billed_through.at < span[1])
            .collect();
        expected.sort_by_key(|one| (one.billed_through.at, one.id));
        assert_eq!(expected.len(), 5);
        let due = subscription::Filter { due: Some(span), ..Default::default() };
        assert_eq!(all_subscriptions(test, &scope, &due), expected);
        let starters = subscription::Filter { plan: Some("starter".into()), ..due.clone() };
        expected.retain(|one| one.plan() == "starter");
        assert_eq!(all_subscriptions(test, &scope, &starters), expected);
        let count = |most| {
            test.db.read(&scope, move |view| subscription::due_count(view, span, most)).wait().unwrap()
        };
        assert_eq!(count(1_000), all_subscriptions(test, &scope, &due).len() as i64);
        assert_eq!(count(2), 2, "no more than asked for");

        let newest = subscription::Place::Newest(kernel::new_id(&kernel::SystemIds));
        let read = test.db.read(&scope, move |view| subscription::search(view, &due, Some(newest), 3));
        assert_eq!(read.wait().unwrap_err().code, "cursor_malformed", "a place in another order");
        for text in ["", "x", "1.2.3", "99999999999999999999.30.sub_x"] {
            assert_eq!(text.parse::<subscription::Place>().unwrap_err().code, "cursor_malformed");
        }
    });
}

#[test]
fn counts_are_what_the_lists_hold() {
    on_both(ALL, |test| {
        let (scope, ..) = business(test);
        let everything = test.db.read(&scope, |view| subscription::list(view, None, 100)).wait().unwrap();
        let (counts, states) = test
            .db
            .read(&scope, |view| Ok((subscription::group_counts(view)?, subscription::state_counts(view)?)))
            .wait()
            .unwrap();
        for (state, count) in states {
            assert_eq!(count, everything.iter().filter(|one| one.state == state).count() as i64, "{state:?}");
        }
        let mut expected: BTreeMap<(BookVersionId, &str, &str), i64> = BTreeMap::new();
        for one in &everything {
            *expected.entry((one.book, one.state.word(), one.plan())).or_default() += 1;
        }
        let counts: BTreeMap<_, _> = counts
            .iter()
            .map(|(one, count)| ((one.book, one.state.word(), one.plan.as_str()), *count))
            .collect();
        assert_eq!(counts, expected);
        sound(test, &scope);
    });
}

#[test]
fn months_of_before_there_were_sums_are_added_up() {
    on_both(ALL, |test| {
        let (scope, ..) = business(test);
        let months =
            |scope: &Scope| test.db.read(scope, |view| figures::months(view, Date::MIN)).wait().unwrap();
        let kept = months(&scope);
        assert!(kept.iter().any(|month| month.kind == figures::Kind::CreditNote && month.total > 0));
        assert_eq!(kept.iter().map(|month| month.documents).sum::<i64>(), {
            let read = test.db.read(&scope, |view| {
                let mut count = 0;
                for one in invoice::list(view, None, 1_000)? {
                    count += 1 + credit_note::of_invoice(view, one.id)?.len() as i64;
                }
                Ok(count)
            });
            read.wait().unwrap()
        });
        test.db.write(&scope, |tx| tx.exec(&raw::FORGET, &[])).wait().unwrap();
        assert!(months(&scope).is_empty());
        assert!(test.db.write(&scope, figures::renew).wait().unwrap());
        assert_eq!(months(&scope), kept);
        assert!(!test.db.write(&scope, figures::renew).wait().unwrap());
    });
}

#[test]
fn invoices_are_found_by_every_filter() {
    on_both(ALL, |test| {
        let (scope, customers, ids) = business(test);
        let draft = subscription::Start { finalize: false, ..starter(customers[11]) };
        start(test, &scope, draft).unwrap();
        let everything = test.db.read(&scope, |view| invoice::list(view, None, 1_000)).wait().unwrap();
        let date = |text: &str| text.parse::<Date>().unwrap();
        let spans =
            [None, Some([date("2026-02-01"), date("2026-03-01")]), Some([date("2030-01-01"), Date::MAX])];
        for state in
            [None, Some(invoice::State::Finalized), Some(invoice::State::Draft), Some(invoice::State::Paid)]
        {
            for customer in [None, Some(customers[0]), Some(customers[11])] {
                for currency in [None, usd(), Some(Currency::parse("EUR").unwrap())] {
                    for issued in spans {
                        let filter = invoice::Filter { state, customer, currency, issued };
                        let mut expected: Vec<_> = everything
                            .iter()
                            .filter(|one| {
                                filter.state.is_none_or(|state| state == one.state)
                                    && filter.customer.is_none_or(|customer| customer == one.customer)
                                    && filter.currency.is_none_or(|code| code == one.totals.total.currency())
                                    && filter.issued.is_none_or(|[from, until]| {
                                        one.issued.is_some_and(|date| from <= date && date < until)
                                    })
                            })
                            .cloned()
                            .collect();
                        if filter.issued.is_some() && filter.customer.is_none() {
                            expected.sort_by_key(|one| std::cmp::Reverse((one.issued, one.id)));
                        }
                        let (mut found, mut after): (Vec<invoice::Invoice>, Option<invoice::Place>) =
                            (Vec::new(), None);
                        loop {
                            let asked = filter.clone();
                            let page = test
                                .db
                                .read(&scope, move |view| invoice::search(view, &asked, after, 4))
                                .wait()
                                .unwrap();
                            let Some(last) = page.last() else { break };
                            after = Some(invoice::Place::of(last).to_string().parse().unwrap());
                            found.extend(page);
                        }
                        assert_eq!(found, expected, "{filter:?}");
                    }
                }
            }
        }
        for state in [invoice::State::Draft, invoice::State::Finalized, invoice::State::Void] {
            let count =
                |most| test.db.read(&scope, move |view| invoice::count(view, state, most)).wait().unwrap();
            let expected = everything.iter().filter(|one| one.state == state).count() as i64;
            assert_eq!(count(1_000), expected, "{state:?}");
            assert_eq!(count(1), expected.min(1), "{state:?}: no more than asked for");
        }

        let (canceled, owner) = (ids[1], customers[1]);
        let notes = test.db.read(&scope, move |view| {
            let of_customer = credit_note::of_customer(view, owner, None, 10)?;
            let of_subscription = credit_note::of_subscription(view, canceled, None, 10)?;
            let after = credit_note::of_customer(view, owner, of_customer.first().map(|note| note.id), 10)?;
            Ok((of_customer, of_subscription, after))
        });
        let (of_customer, of_subscription, after) = notes.wait().unwrap();
        assert_eq!((of_customer.len(), after.len()), (1, 0));
        assert_eq!(of_customer, of_subscription);
    });
}

#[test]
fn customers_are_found_by_what_they_have() {
    on_both(ALL, |test| {
        let (scope, ..) = business(test);
        // So many that an active subscription is nothing rare.
        let many = test.db.write(&scope, |tx| {
            for _ in 0..5 {
                let new = (0..450).map(|_| new_customer("Dora", "UTC")).collect();
                let made = identity::customer::create_all(tx, new)?;
                let starts = made.into_iter().map(|customer| {
                    let start = starter(customer.id);
                    (customer, subscription::Start { bill_from: subscription::BillFrom::NextPeriod, ..start })
                });
                subscription::start_all(tx, starts.collect())?;
            }
            Ok(())
        });
        many.wait().unwrap();
        let read = test.db.read(&scope, |view| {
            let everybody = identity::customer::search(view, &Find::default(), None, 10_000)?;
            Ok((everybody, subscription::list(view, None, 10_000)?))
        });
        let (everybody, subscriptions) = read.wait().unwrap();
        let mut states: BTreeMap<CustomerId, Vec<State>> = BTreeMap::new();
        for one in &subscriptions {
            states.entry(one.customer).or_default().push(one.state);
        }
        let has = |id: CustomerId, having: Having| match (states.get(&id), having) {
            (of, Having::Subscription(state)) => of.is_some_and(|of| of.contains(&state)),
            (of, Having::Nothing) => {
                of.is_none_or(|of| !of.iter().any(|state| customers::RUNNING.contains(state)))
            }
        };
        let havings =
            [Having::Subscription(State::Active), Having::Subscription(State::Paused), Having::Nothing];
        for having in havings {
            for sort in Sort::ALL {
                for search in [None, Some("bo".to_owned()), Some("zz".to_owned())] {
                    let find = Find { search, sort, ..Find::default() };
                    let filter = customers::Filter { find: find.clone(), having: Some(having) };
                    let mut expected: Vec<CustomerId> = Vec::new();
                    let mut sorted = everybody.clone();
                    sorted.sort_by(|one, other| find.compare(one, other));
                    let kept = sorted.iter().filter(|one| find.matches(one) && has(one.customer.id, having));
                    expected.extend(kept.map(|one| one.customer.id));
                    let mut found = Vec::new();
                    let mut after = None;
                    loop {
                        let (asked, from) = (filter.clone(), after.clone());
                        let page = test
                            .db
                            .read(&scope, move |view| customers::list(view, &asked, from.as_ref(), 700));
                        let customers::Listed { found: page, next } = page.wait().unwrap();
                        found.extend(page.iter().map(|one| one.customer.id));
                        let Some(next) = next else { break };
                        after = Some(next);
                    }
                    assert_eq!(found, expected, "{filter:?}");
                }
            }
        }
    });
}
