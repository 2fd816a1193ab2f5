//! Why customers cancel, what makes them stay, and how they come back.

use billing::{
    cancellation::{self, Cancel, Counted, Outcome},
    customers,
    subscription::{self, Off, Start, State, Subscription, Timing, keep_on},
};
use kernel::{
    Cycle, Result,
    ids::{CustomerId, SubscriptionId},
    time,
};
use store::{Mode, Scope, Tx, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, sound, starter},
    parallel::{once, race},
};

const BOOK: &str = r#"
    book = 1
    name = "Kept"
    currency = "USD"
    [cancellation]
    win_back = { coupon = "back", days = 30 }
    [cancellation.reasons]
    price = { name = "The price", offer = "stay" }
    other = "Another one"
    [features]
    users = { name = "Users", kind = "limit", unit = "user" }
    [plans.starter]
    name = "Starter"
    price = { month = "31" }
    [plans.team]
    name = "Team"
    price = { per = "user", month = "10" }
    [addons.more]
    name = "More"
    price = { per = "user", month = "3" }
    raises = { users = 1 }
    [coupons.stay]
    name = "Stay"
    percent = "50"
    lasts = "2 periods"
    [coupons.back]
    name = "Back"
    free_months = 1
"#;

fn house(test: &TestDb) -> (Scope, CustomerId) {
    let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
    let customer = customer_in(test, &scope, "UTC").id;
    (scope, customer)
}

fn begin(test: &TestDb, scope: &Scope, start: Start) -> SubscriptionId {
    ground::start(test, scope, start).unwrap().subscription.id
}

fn find(test: &TestDb, scope: &Scope, id: SubscriptionId) -> Subscription {
    test.db.read(scope, move |view| subscription::find(view, id)).wait().unwrap()
}

fn because(timing: Timing, reason: &str) -> Cancel {
    Cancel { timing, reason: Some(reason.into()), comment: Some("Ann from Acme says so.".into()) }
}

fn cancel(test: &TestDb, scope: &Scope, id: SubscriptionId, cancel: Cancel) -> Result<Subscription> {
    let end = move |tx: &mut Tx<'_>| Ok(cancellation::cancel(tx, id, &cancel)?.subscription);
    test.db.write(scope, end).wait()
}

fn stay(test: &TestDb, scope: &Scope, id: SubscriptionId, reason: &'static str) -> Result<Subscription> {
    test.db.write(scope, move |tx| cancellation::stay(tx, id, reason, None)).wait()
}

/// Reason, canceled, kept, saved.
fn counts(test: &TestDb, scope: &Scope) -> Vec<(Option<String>, [i64; 3])> {
    let all = |view: &mut store::View<'_>| cancellation::counts(view, time::FIRST_INSTANT, time::END_INSTANT);
    let mut counted = test.db.read(scope, all).wait().unwrap();
    counted.sort_by(|a, b| a.reason.cmp(&b.reason));
    let of = |Counted { reason, canceled, kept, saved, .. }| (reason, [canceled, kept, saved]);
    counted.into_iter().map(of).collect()
}

#[test]
fn reasons_are_known_counted_and_what_is_said_goes_with_the_customer() {
    on_both(ALL, |test| {
        let (scope, customer) = house(test);
        let ids: Vec<_> = (0..4).map(|_| begin(test, &scope, starter(customer))).collect();
        let refused = cancel(test, &scope, ids[0], because(Timing::Now, "weather")).unwrap_err();
        assert_eq!(refused.code, "cancellation_reason_unknown");
        assert!(refused.detail.contains("price, other"), "{}", refused.detail);
        cancel(test, &scope, ids[0], because(Timing::Now, "price")).unwrap();
        cancel(test, &scope, ids[1], because(Timing::PeriodEnd, "price")).unwrap();
        cancel(test, &scope, ids[2], because(Timing::PeriodEnd, "other")).unwrap();
        cancel(test, &scope, ids[3], Cancel::at(Timing::PeriodEnd)).unwrap();
        let id = ids[2];
        test.db.write(&scope, move |tx| keep_on(tx, id)).wait().unwrap();
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(
            counts(test, &scope),
            [(None, [1, 0, 0]), (said("other"), [0, 1, 0]), (said("price"), [2, 0, 0])]
        );
        let all = test.db.read(&scope, |view| cancellation::list(view, None, 10)).wait().unwrap();
        assert_eq!(all.len(), 4);
        let rest = all[1].place();
        let rest = test.db.read(&scope, move |view| cancellation::list(view, Some(rest), 10)).wait().unwrap();
        assert_eq!(rest, all[2..], "page by page");
        assert!(all.iter().any(|one| one.comment.as_deref() == Some("Ann from Acme says so.")));
        let feed = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        assert!(feed.iter().all(|fact| !fact.payload.to_string().contains("Ann")), "facts hold no words");
        let explained = feed.iter().filter(|fact| fact.kind == "subscription.cancellation_explained").count();
        assert_eq!(explained, 3);

        test.db.write(&scope, move |tx| customers::erase(tx, customer)).wait().unwrap();
        let all = test.db.read(&scope, |view| cancellation::list(view, None, 10)).wait().unwrap();
        assert!(all.iter().all(|one| one.comment.is_none()) && all.len() == 4);
        sound(test, &scope);
    });
}

#[test]
fn a_book_may_want_a_reason() {
    on_both(ALL, |test| {
        let book = BOOK.replace("[cancellation]", "[cancellation]\nreason = \"required\"");
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", &book);
        let customer = customer_in(test, &scope, "UTC").id;
        let id = begin(test, &scope, starter(customer));
        let refused = cancel(test, &scope, id, Cancel::at(Timing::Now)).unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].pointer.as_str()),
            ("cancellation_reason_missing", "/reason")
        );
        cancel(test, &scope, id, because(Timing::Now, "other")).unwrap();
    });
}

#[test]
fn an_offer_is_shown_and_taken_once() {
    on_both(ALL, |test| {
        let (scope, customer) = house(test);
        let id = begin(test, &scope, starter(customer));
        let look = |reason: &'static str| {
            let cancel = because(Timing::Now, reason);
            test.db.read(&scope, move |view| cancellation::preview(view, id, &cancel)).wait().unwrap()
        };
        assert!(look("other").offer.is_none());
        let shown = look("price");
        let offer = shown.offer.unwrap();
        assert_eq!((offer.discount.key.as_str(), offer.discount.left), ("stay", Some(2)));
        assert!(matches!(offer.discount.reduction, Off::Percent(_)));
        let refused = stay(test, &scope, id, "other").unwrap_err();
        assert_eq!(refused.code, "nothing_offered");

        cancel(test, &scope, id, because(Timing::PeriodEnd, "price")).unwrap();
        let saved = stay(test, &scope, id, "price").unwrap();
        assert_eq!((saved.ends, saved.state), (None, State::Active), "it goes on");
        assert_eq!(stay(test, &scope, id, "price").unwrap_err().code, "nothing_offered", "once");
        assert!(look("price").offer.is_none());
        let other = begin(test, &scope, starter(customer));
        let shown = test
            .db
            .read(&scope, move |view| cancellation::preview(view, other, &because(Timing::Now, "price")))
            .wait()
            .unwrap();
        assert!(shown.offer.is_none(), "once for each customer");
        advance(test, &scope, "2026-04-02T00:00:00Z").unwrap();
        let of_first: Vec<_> = issued(test, &scope);
        assert_eq!(of_first.iter().filter(|one| one.ends_with("46.50")).count(), 2, "{of_first:?}");
        let last = test.db.read(&scope, move |view| cancellation::of_subscription(view, id)).wait().unwrap();
        let outcomes: Vec<_> = last.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [Outcome::Saved, Outcome::Kept]);
        sound(test, &scope);
    });
}

#[test]
fn what_canceling_would_do_is_what_it_does() {
    on_both(ALL, |test| {
        let (scope, customer) = house(test);
        let id = begin(test, &scope, starter(customer));
        advance(test, &scope, "2026-01-16T00:00:00Z").unwrap();
        for timing in [Timing::PeriodEnd, Timing::Now] {
            let foreseen =
                test.db.read(&scope, move |view| cancellation::preview(view, id, &Cancel::at(timing)));
            let foreseen = foreseen.wait().unwrap();
            let end = move |tx: &mut Tx<'_>| cancellation::cancel(tx, id, &Cancel::at(timing));
            let done = test.db.write(&scope, end).wait().unwrap();
            assert_eq!(done.subscription, foreseen.subscription);
            assert_eq!(done.subscription.ends, Some(foreseen.ends.at));
            assert_eq!(done.credit_notes.is_empty(), foreseen.credited.is_zero());
        }
        sound(test, &scope);
    });
}

#[test]
fn who_is_gone_comes_back_with_a_coupon_for_a_while_and_once() {
    on_both(ALL, |test| {
        let (scope, customer) = house(test);
        let team = Start {
            quantity: Some(4),
            addons: [("more".to_owned(), 2)].into(),
            ..Start::of(customer, "team", Cycle::MONTH)
        };
        let [soon, late] = [team.clone(), team].map(|start| begin(test, &scope, start));
        let early = test.db.write(&scope, move |tx| cancellation::reactivate(tx, soon, false)).wait();
        assert_eq!(early.unwrap_err().code, "subscription_not_over");
        for id in [soon, late] {
            cancel(test, &scope, id, Cancel::at(Timing::PeriodEnd)).unwrap();
        }
        advance(test, &scope, "2026-03-03T00:00:00Z").unwrap();
        let (shown, coupon) = test
            .db
            .read(&scope, move |view| cancellation::preview_reactivation(view, soon, true))
            .wait()
            .unwrap();
        assert_eq!(coupon.as_deref(), Some("back"), "thirty days after the end");
        let back = test.db.write(&scope, move |tx| cancellation::reactivate(tx, soon, true)).wait().unwrap();
        assert_eq!((back.subscription.plan_quantity(), back.coupon.as_deref()), (4, Some("back")));
        assert_eq!(back.subscription.items, shown.subscription.items);
        assert_eq!(shown.invoice.unwrap().1.total.minor(), 0, "a month for nothing");
        let again = race(test, &scope, move |tx| cancellation::reactivate(tx, soon, true));
        assert_eq!(again, [("reactivated_already", 6)].into());
        advance(test, &scope, "2026-03-04T00:00:00Z").unwrap();
        let ended = race(test, &scope, move |tx| cancellation::reactivate(tx, late, true));
        assert_eq!(ended, once("reactivated_already"));
        let all = test.db.read(&scope, move |view| subscription::of_customer(view, customer)).wait().unwrap();
        let newest = all.first().unwrap();
        assert!(newest.discounts.is_empty(), "too late for the coupon");
        assert_eq!(find(test, &scope, late).state, State::Canceled, "what is over stays over");
        sound(test, &scope);
    });
}
