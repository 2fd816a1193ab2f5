//! Renewal offers, and terms and minimums agreed after the start.

use billing::{
    invoice::Line,
    renewal::{self, OfferedTerms, RenewalOffer},
    subscription::{
        self, AgreedPrice, Change, Changed, NewTerm, Start, State, Subscription, Timing, cancel, change,
    },
};
use kernel::{Cycle, Result, UnitPrice, ids::SubscriptionId};
use store::{Mode, Scope, Tx};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, lines, sound, starter},
    parallel::{once, race},
};

const BOOK: &str = r#"
    book = 1
    name = "Terms"
    currency = "USD"
    [features]
    basics = "Basics"
    [meters]
    calls = { name = "Calls", unit = "call" }
    [plans.starter]
    name = "Starter"
    price = { month = "100", year = "1000" }
    usage = { calls = "0.01" }
    [plans.large]
    name = "Large"
    price = { month = "300", year = "3000" }
    [coupons.loyal]
    name = "Loyal"
    percent = "10"
    lasts = "12 periods"
"#;

/// A contract of a year from January 2026, paid by the month, which expires unless something follows it.
fn contract(test: &TestDb, renews: bool) -> (Scope, SubscriptionId) {
    let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
    let customer = customer_in(test, &scope, "UTC").id;
    let term = Some(NewTerm { months: 12, renews });
    let id = ground::start(test, &scope, Start { term, ..starter(customer) }).unwrap().subscription.id;
    (scope, id)
}

fn terms() -> OfferedTerms {
    OfferedTerms {
        plan: Some("large".into()),
        cycle: Some(Cycle::YEAR),
        prices: [("large".to_owned(), AgreedPrice { amount: Some(price("2400")), percent: None })].into(),
        coupon: Some("loyal".into()),
        minimum: Some(price("2500")),
        term: Some(NewTerm { months: 24, renews: true }),
        ..OfferedTerms::default()
    }
}

fn price(text: &str) -> UnitPrice {
    UnitPrice::parse(text).unwrap()
}

fn find(test: &TestDb, scope: &Scope, id: SubscriptionId) -> Subscription {
    test.db.read(scope, move |view| subscription::find(view, id)).wait().unwrap()
}

fn offer(
    test: &TestDb,
    scope: &Scope,
    id: SubscriptionId,
    terms: OfferedTerms,
    until: Option<&str>,
) -> Result<RenewalOffer> {
    let until = until.map(|date| date.parse().unwrap());
    test.db.write(scope, move |tx| renewal::offer(tx, id, &terms, until)).wait()
}

fn accept(test: &TestDb, scope: &Scope, id: SubscriptionId) -> Result<Changed> {
    test.db.write(scope, move |tx| renewal::accept(tx, id)).wait()
}

/// The lines of the newest invoice.
fn newest(test: &TestDb, scope: &Scope) -> Vec<String> {
    let newest = test.db.read(scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap();
    lines(test, scope, newest[0].id)
}

#[test]
fn what_is_offered_and_accepted_begins_at_the_end_of_the_term_as_it_was_shown() {
    for renews in [false, true] {
        on_both(ALL, |test| {
            let (scope, id) = contract(test, renews);
            advance(test, &scope, "2026-10-10T00:00:00Z").unwrap();
            let shown =
                test.db.read(&scope, move |view| renewal::preview(view, id, &terms())).wait().unwrap();
            assert_eq!(shown.effective.date.to_string(), "2027-01-01");
            let made = offer(test, &scope, id, terms(), Some("2026-11-30")).unwrap();
            assert_eq!(made.state("2026-11-30".parse().unwrap()), "open");
            assert_eq!(made.state("2026-12-01".parse().unwrap()), "expired");
            assert!(find(test, &scope, id).scheduled.is_empty(), "an offer changes nothing");

            let accepted = accept(test, &scope, id).unwrap();
            assert_eq!((accepted.invoice, accepted.credit_notes.len()), (None, 0), "nothing is billed now");
            assert_eq!(accept(test, &scope, id).unwrap_err().code, "no_open_offer");
            advance(test, &scope, "2027-01-02T00:00:00Z").unwrap();
            let now = find(test, &scope, id);
            assert_eq!(now, Subscription { metadata: now.metadata.clone(), ..shown.subscription });
            let term = now.term.unwrap();
            assert_eq!((now.state, now.plan(), term.months), (State::Active, "large", 24));
            assert_eq!(term.ends.to_string(), "2029-01-01");
            assert_eq!(now.agreement.minimum, Some(price("2500")));
            let (draft, totals) = shown.invoice.unwrap();
            let of = |line: &Line| format!("{} {}", line.description, line.amount.decimal());
            assert_eq!(draft.lines.iter().map(of).collect::<Vec<_>>(), ["Calls 0.00", "Large 2160.00"]);
            let last = issued(test, &scope).pop().unwrap();
            assert!(last.ends_with(&totals.total.to_string()), "{last}");
            assert_eq!(newest(test, &scope)[1], "Large 2027-01-01..2028-01-01 ×1 2160.00");
            // The minimum is that of the agreement from then on.
            advance(test, &scope, "2028-01-02T00:00:00Z").unwrap();
            let year = newest(test, &scope);
            assert!(
                year.iter()
                    .any(|line| line.starts_with("Large, up to the minimum") && line.ends_with("90.00")),
                "{year:?}"
            );
            sound(test, &scope);
        });
    }
}

#[test]
fn an_offer_that_is_not_accepted_in_time_does_nothing() {
    on_both(ALL, |test| {
        let (scope, id) = contract(test, false);
        offer(test, &scope, id, terms(), Some("2026-02-01")).unwrap();
        let other = OfferedTerms {
            reprice: true,
            term: Some(NewTerm { months: 6, renews: false }),
            ..OfferedTerms::default()
        };
        offer(test, &scope, id, other, Some("2026-03-01")).unwrap();
        let all = test.db.read(&scope, move |view| renewal::of_subscription(view, id)).wait().unwrap();
        let today = "2026-01-01".parse().unwrap();
        assert_eq!(all.iter().map(|one| one.state(today)).collect::<Vec<_>>(), ["open", "withdrawn"]);
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        assert_eq!(accept(test, &scope, id).unwrap_err().code, "offer_expired");
        let declined = test.db.write(&scope, move |tx| renewal::decline(tx, id)).wait().unwrap();
        assert_eq!(declined.state("2026-03-02".parse().unwrap()), "declined");
        assert_eq!(accept(test, &scope, id).unwrap_err().code, "no_open_offer");
        for (terms, until, code) in [
            (OfferedTerms::default(), None, "nothing_changes"),
            (terms(), Some("2026-03-01"), "offer_in_past"),
            (OfferedTerms { plan: Some("huge".into()), ..terms() }, None, "plan_unknown"),
            (OfferedTerms { coupon: Some("none".into()), ..terms() }, None, "coupon_unknown"),
            (
                OfferedTerms { term: Some(NewTerm { months: 0, renews: true }), ..terms() },
                None,
                "term_invalid",
            ),
            (OfferedTerms { cycle: Some(Cycle::QUARTER), ..terms() }, None, "price_missing"),
        ] {
            assert_eq!(offer(test, &scope, id, terms, until).unwrap_err().code, code);
        }
        advance(test, &scope, "2027-01-02T00:00:00Z").unwrap();
        assert_eq!(find(test, &scope, id).state, State::Expired, "nothing followed the term");
        assert_eq!(offer(test, &scope, id, terms(), None).unwrap_err().code, "transition_illegal");
        sound(test, &scope);
    });
}

#[test]
fn accepting_keeps_who_was_to_leave_and_happens_once() {
    on_both(ALL, |test| {
        let (scope, id) = contract(test, true);
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        offer(test, &scope, id, terms(), None).unwrap();
        let ended = race(test, &scope, move |tx: &mut Tx<'_>| renewal::accept(tx, id));
        assert_eq!(ended, once("no_open_offer"));
        let kept = find(test, &scope, id);
        assert_eq!((kept.ends, kept.scheduled.len()), (None, 1));
        let used =
            test.db.read(&scope, |view| billing::coupon::counts(view, vec!["loyal".into()])).wait().unwrap();
        assert_eq!(used.get("loyal"), Some(&1), "the coupon is redeemed");
        advance(test, &scope, "2027-01-02T00:00:00Z").unwrap();
        assert_eq!(find(test, &scope, id).plan(), "large");
        sound(test, &scope);
    });
}

#[test]
fn another_change_takes_nothing_from_what_was_accepted() {
    on_both(ALL, |test| {
        let (scope, id) = contract(test, true);
        advance(test, &scope, "2026-12-10T00:00:00Z").unwrap();
        offer(test, &scope, id, terms(), None).unwrap();
        accept(test, &scope, id).unwrap();
        let to = |addon: &Change, timing| {
            let addon = addon.clone();
            test.db.write(&scope, move |tx| change(tx, id, &addon, timing)).wait()
        };
        let minimum = Change { minimum: Some(price("10")), ..Change::default() };
        assert_eq!(to(&minimum, Timing::PeriodEnd).unwrap_err().code, "renewal_accepted");
        // What changes now counts up to the end of the term.
        let changed = to(&minimum, Timing::Now).unwrap().subscription;
        assert_eq!((changed.scheduled.len(), changed.agreement.minimum), (1, Some(price("10"))));
        advance(test, &scope, "2027-01-02T00:00:00Z").unwrap();
        let now = find(test, &scope, id);
        assert_eq!((now.plan(), now.agreement.minimum), ("large", Some(price("2500"))));
        sound(test, &scope);
    });
}

#[test]
fn an_accepted_offer_can_be_taken_back() {
    on_both(ALL, |test| {
        let (scope, id) = contract(test, true);
        advance(test, &scope, "2026-12-10T00:00:00Z").unwrap();
        offer(test, &scope, id, terms(), None).unwrap();
        accept(test, &scope, id).unwrap();
        test.db.write(&scope, move |tx| subscription::keep_on(tx, id)).wait().unwrap();
        let later = Change { plan: Some("large".into()), ..Change::default() };
        let done = test.db.write(&scope, move |tx| change(tx, id, &later, Timing::PeriodEnd)).wait().unwrap();
        assert_eq!(done.subscription.scheduled.len(), 1);
        assert_eq!(done.subscription.accepted_for(), None);
        sound(test, &scope);
    });
}

#[test]
fn a_term_and_a_minimum_can_be_agreed_later() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC").id;
        let id = ground::start(test, &scope, starter(customer)).unwrap().subscription.id;
        let later = Change {
            minimum: Some(price("150")),
            term: Some(NewTerm { months: 2, renews: false }),
            ..Change::default()
        };
        let wrong = Change { term: Some(NewTerm { months: 121, renews: true }), ..Change::default() };
        let refused =
            test.db.write(&scope, move |tx| change(tx, id, &wrong, Timing::Now)).wait().unwrap_err();
        assert_eq!(refused.code, "term_invalid");
        test.db.write(&scope, move |tx| change(tx, id, &later, Timing::PeriodEnd)).wait().unwrap();
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        let agreed = find(test, &scope, id);
        assert_eq!(agreed.term.unwrap().ends.to_string(), "2026-04-01");
        advance(test, &scope, "2026-03-01T00:00:00Z").unwrap();
        let bill = newest(test, &scope);
        assert!(
            bill.contains(&"Starter, up to the minimum 2026-02-01..2026-03-01 ×1 50.00".to_owned()),
            "{bill:?}"
        );
        advance(test, &scope, "2026-04-02T00:00:00Z").unwrap();
        assert_eq!(find(test, &scope, id).state, State::Expired);
        sound(test, &scope);
    });
}
