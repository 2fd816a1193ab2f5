//! What has not begun, what waits to be billed, what is charged once: on the pages of a subscription.

use billing::{
    subscription::{self, Start},
    usage::{Figure, Groups, Post},
};
use identity::user::Role;
use kernel::{Cycle, Exact, ids::SubscriptionId};
use store::Scope;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    world::{CONTEXTS, World},
};

const BOOK: &str = r#"
book = 1
name = "Unison"
currency = "USD"

[billing]
usage_grace = "3 days"

[meters]
calls = { name = "API calls", unit = "call" }

[plans.starter]
name = "Starter"
price = { month = 49 }
usage = { calls = "0.01" }

[addons.training]
name = "Training"
price = { per = "day", once = "800" }

[addons.seat]
name = "Seat"
price = { per = "seat", month = "5" }
"#;

fn owner(world: &World) -> Person<'_> {
    Person { world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) }
}

fn advance(world: &World, scope: &Scope, to: &str) {
    let to = to.parse().unwrap();
    world.db.write(scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap();
    world.run_jobs();
}

#[test]
fn what_is_charged_once_is_previewed_added_and_taken_back() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let id = world.subscription(&scope, world.customer(&scope, "Kestrel"));
        let person = owner(&world);
        let path = format!("/subscriptions/{id}/charges");
        let empty = person.open(&path);
        assert!(words(&empty).contains("Nothing was charged once"));
        assert!(!empty.text.contains("Seat"), "what is charged each period is no one-off charge");

        // What is wrong stands beside its field, and what was answered stays.
        let wrong =
            person.send(&empty, &format!("{path}/preview"), &[("key", "training"), ("quantity", "some")]);
        assert_eq!((wrong.status, wrong.text.contains("Quantity:")), (422, true), "{}", wrong.text);
        let bare = person.send(&empty, &format!("{path}/preview"), &[("key", "")]);
        assert!(bare.text.contains("say a description and an amount"), "{}", bare.text);

        // With the next invoice: it waits there, and can be taken back.
        let asked = [("key", "training"), ("quantity", "2"), ("bill", "next_invoice")];
        let seen = person.send(&empty, &format!("{path}/preview"), &asked);
        let shown = words(&seen);
        for word in
            ["Preview of the charge", "It waits for the invoice of 28 Feb 2026", "USD 1,600.00", "USD 800.00"]
        {
            assert!(shown.contains(word), "{word}: {shown}");
        }
        let (_, added) = person.confirm(&seen, &path, &asked);
        assert!(words(&added).contains("With the next invoice"), "{}", words(&added));
        // Sent twice, it is charged once.
        let (_, again) = person.confirm(&seen, &path, &asked);
        assert_eq!(again.text.matches("Take back</button>").count(), 1);
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(
            page.contains("One-off charges") && page.contains("USD 1,649.00"),
            "the next invoice has it: {page}"
        );
        let (_, gone) = person.follow(&again, &format!("{path}/take-back"), &[("charge", "0")]);
        assert!(words(&gone).contains("Taken back") && words(&gone).contains("Nothing was charged once"));

        // Now, at an amount that was agreed: it is on an invoice of its own, which cannot be taken back.
        let asked = [("key", ""), ("description", "Data migration"), ("amount", "1250.50"), ("bill", "now")];
        let seen = person.send(&gone, &format!("{path}/preview"), &asked);
        assert!(words(&seen).contains("This invoice is issued at once"), "{}", words(&seen));
        let (_, added) = person.confirm(&seen, &path, &asked);
        let shown = words(&added);
        assert!(shown.contains("UN-000002") && shown.contains("USD 1,250.50"), "{shown}");
        let late = person.send(&added, &format!("{path}/take-back"), &[("charge", "1")]);
        assert_eq!((late.status, late.text.contains("can only be voided")), (409, true));

        let viewer = Person { world: &world, cookie: world.sign_in("v@example.com", "unison", Role::Viewer) };
        assert!(!viewer.open(&path).text.contains("Charge something once"));
        let refused = world.post(&format!("{}{path}", crate::browser::BASE), &viewer.cookie, &[]);
        assert_eq!(refused.status, 403);
    });
}

fn later(world: &World, scope: &Scope) -> SubscriptionId {
    let customer = world.customer(scope, "Larkspur");
    let start = Start {
        start: Some("2026-02-15T00:00:00Z".parse().unwrap()),
        finalize: true,
        ..Start::of(customer, "starter", Cycle::MONTH)
    };
    world.db.write(scope, move |tx| subscription::start(tx, &start)).wait().unwrap().subscription.id
}

#[test]
fn what_begins_later_says_when_and_what_it_costs_then() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let id = later(&world, &scope);
        let person = owner(&world);
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        for word in ["Scheduled", "It begins on 15 Feb 2026", "It begins", "USD 49.00", "Starts", "Cancel"] {
            assert!(page.contains(word), "{word}: {page}");
        }
        assert!(!page.contains("Pause\n"), "{page}");
        let list = words(&person.open("/subscriptions?state=scheduled"));
        assert!(list.contains("Larkspur") && list.contains("Begins 15 Feb 2026"), "{list}");
        let ahead = words(&person.open("/bill-runs/ahead?until=2026-02-20"));
        for word in ["Start", "Larkspur", "Total with tax", "Paid by credit", "USD 49.00"] {
            assert!(ahead.contains(word), "{word}: {ahead}");
        }
        advance(&world, &scope, "2026-02-16T09:00:00Z");
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(page.contains("Active") && !page.contains("It begins on"), "{page}");
    });
}

#[test]
fn what_waits_for_late_figures_says_until_when() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let id = world.subscription(&scope, world.customer(&scope, "Kestrel"));
        let figure = Figure::Quantity(Exact::from(1_000_i64).into());
        let post = Post {
            key: "calls".to_owned(),
            groups: Groups::from([(String::new(), figure)]),
            start: None,
            watermark: None,
        };
        world.db.write(&scope, move |tx| billing::usage::post(tx, id, &post).map(drop)).wait().unwrap();
        advance(&world, &scope, "2026-03-01T09:00:00Z");
        let person = owner(&world);
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        for word in
            ["What was used until 28 Feb 2026 waits for late figures", "What was used is billed", "USD 10.00"]
        {
            assert!(page.contains(word), "{word}: {page}");
        }
        advance(&world, &scope, "2026-03-05T09:00:00Z");
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(!page.contains("waits for late figures") && page.contains("UN-000003"), "{page}");
    });
}

#[test]
fn a_new_zone_is_shown_before_it_counts() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Kestrel");
        let id = world.subscription(&scope, customer);
        let person = owner(&world);
        let path = format!("/customers/{customer}/edit");
        let form = person.open(&path);
        let fields =
            [("name", "Kestrel"), ("country", "US"), ("zone", "America/Chicago"), ("currency", "USD")];
        person.follow(&form, &path, &fields);
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(page.contains("America/Chicago from 28 Feb 2026 on"), "{page}");
    });
}

#[test]
fn accounts_are_called_by_the_merchants_own_chart() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        world.subscription(&scope, world.customer(&scope, "Kestrel"));
        let entry = |account: &str, code: &str, name: &str| ledger::ChartEntry {
            account: account.to_owned(),
            code: code.to_owned(),
            name: name.to_owned(),
        };
        let chart = vec![entry("receivable", "1400", "Trade debtors")];
        world.db.write(&scope, move |tx| ledger::set_chart(tx, chart.clone()).map(drop)).wait().unwrap();
        let person = owner(&world);
        let books = person.open("/ledger");
        assert!(words(&books).contains("1400 Trade debtors\nReceivable"), "{}", words(&books));
        let of_kind = books.text.split("href=\"").find(|part| part.contains("kind=receivable")).unwrap();
        let address = of_kind.split('"').next().unwrap().replace("&amp;", "&");
        let kind = person.open(address.strip_prefix(crate::browser::BASE).unwrap());
        assert!(words(&kind).contains("1400 Trade debtors") && words(&kind).contains("Kestrel"));
        let invoices = world.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap();
        let invoice = person.open(&format!("/invoices/{}", invoices[0].id));
        assert!(words(&invoice).contains("1400 Trade debtors: Kestrel"), "{}", words(&invoice));
        let statement =
            invoice.text.split("href=\"").find(|part| part.contains("/ledger/accounts/")).unwrap();
        let statement =
            statement.split('"').next().unwrap().strip_prefix(crate::browser::BASE).unwrap().to_owned();
        assert!(words(&person.open(&statement)).contains("Invoice finalized"));
    });
}

/// So many subscriptions of one customer, each beginning an hour from now.
fn many(world: &World, scope: &Scope, count: usize) {
    let id = world.customer(scope, "Kestrel");
    let start = move |tx: &mut store::Tx<'_>| {
        identity::customer::lock(tx, id)?;
        let customer = identity::customer::find(tx, id)?;
        let begins = tx.now() + jiff::SignedDuration::from_hours(1);
        let start = Start { start: Some(begins), ..Start::of(id, "starter", Cycle::MONTH) };
        subscription::start_all(tx, vec![(customer, start); count]).map(drop)
    };
    world.db.write(scope, start).wait().unwrap();
}

#[test]
fn what_takes_long_is_worked_out_only_when_asked_for() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        many(&world, &scope, 100);
        let person = owner(&world);
        let ahead = "/bill-runs/ahead";
        assert!(words(&person.open(ahead)).contains("Total with tax"));
        many(&world, &scope, 1);
        let page = person.open(ahead);
        assert!(words(&page).contains("Much falls due today"), "{}", words(&page));
        let link = page.text.split("href=\"").find(|part| part.contains("ahead?until=")).unwrap();
        let link = link.split('"').next().unwrap().strip_prefix("/unison/rehearsal").unwrap();
        let asked = words(&person.open(link));
        assert!(asked.contains("Total with tax") && asked.contains("101"), "{asked}");

        many(&world, &scope, 200);
        world.apply(&scope, BOOK.replace("month = 49", "month = 59"));
        let page = words(&person.open("/price-book/migrate"));
        for shown in ["301 subscriptions on earlier versions", "Add it up", "Move all of them"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let page = words(&person.open("/price-book/migrate?sums=all"));
        for shown in ["Would be moved\n301", "Move 301 subscriptions"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
    });
}
