//! From nothing to a finalized invoice, through pages alone.

use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, id_in},
    world::{CONTEXTS, World},
};

const CUSTOMER: [(&str, &str); 6] = [
    ("name", "Northfield Castings Ltd"),
    ("email", "accounts@northfield.example"),
    ("country", "GB"),
    ("currency", "USD"),
    ("zone", "Europe/London"),
    ("external_id", "nf-1"),
];

#[test]
fn a_customer_a_preview_a_subscription_an_invoice() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };

        let (customer, page) = person.follow(&person.open("/customers/new"), "/customers", &CUSTOMER);
        assert!(page.text.contains("Customer created") && page.text.contains("Northfield Castings Ltd"));
        let customer = id_in(&customer).to_owned();

        let form = person.open(&format!("/subscriptions/new?customer={customer}"));
        let asked = [
            ("customer", customer.as_str()),
            ("plan", "starter/year"),
            ("addons.extra_user", "6"),
            ("addons.extra_plant", ""),
            ("start", "2026-01-31"),
            ("bill_from", "start"),
            ("external_id", "sub-1"),
        ];
        let preview = person.send(&form, "/subscriptions/preview", &asked);
        assert_eq!(preview.status, 200, "{}", preview.text);
        // 529 a year, and 6 users at 5 a month, paid with the year.
        for shown in [
            "USD 889.00",
            "USD 529.00",
            "USD 360.00",
            "× 12",
            "Months in the period",
            "USD 5.00 × ",
            "31 Jan 2026 – 30 Jan 2027",
        ] {
            assert!(preview.text.contains(shown), "{shown}: {}", preview.text);
        }
        assert!(
            person.open("/subscriptions").text.contains("No subscriptions yet"),
            "a preview writes nothing"
        );

        let (once, seen) = (preview.hidden("once"), preview.hidden("seen"));
        let confirmed: Vec<_> =
            asked.into_iter().chain([("once", once.as_str()), ("seen", seen.as_str())]).collect();
        let (address, page) = person.follow(&preview, "/subscriptions", &confirmed);
        assert!(page.text.contains("Subscription started") && page.text.contains("Starter, yearly"));
        let again = person.send(&preview, "/subscriptions", &confirmed);
        assert_eq!(again.location(), address, "a form sent twice starts one subscription");

        let link =
            page.text.split("/unison/rehearsal/invoices/inv_").nth(1).expect("its invoice").split('"').next();
        let path = format!("/invoices/inv_{}", link.unwrap());
        let draft = person.open(&path);
        assert!(draft.text.contains("no number yet") && draft.text.contains("Not in the ledger"));
        let (_, done) = person.follow(&draft, &format!("{path}/finalize"), &[]);
        for shown in ["Invoice finalized", "UN-000001", "Deferred revenue", "Receivable", "USD 889.00"] {
            assert!(done.text.contains(shown), "{shown}: {}", done.text);
        }
        let refused = person.send(&done, &format!("{path}/finalize"), &[]);
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("Only a draft can be finalized"));

        let ledger = person.open("/ledger");
        assert!(ledger.text.contains("889.00 Dr") && ledger.text.contains("1 account"));
        let facts = person.open("/facts");
        for shown in [
            "Invoice UN-000001 over USD",
            "Subscribed to ",
            "Customer created",
            "Price book version 1 applied",
            "By you",
        ] {
            assert!(facts.text.contains(shown), "{shown}");
        }
    });
}

#[test]
fn a_preview_that_is_no_longer_true_is_not_started() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let asked = [("customer", customer.as_str()), ("plan", "starter/month")];
        let preview = person.send(&person.open("/subscriptions/new"), "/subscriptions/preview", &asked);

        let apply = person.open("/price-book/apply");
        let dearer =
            include_str!("../../../../books/unison.toml").replace("month = \"49\"", "month = \"59\"");
        let checked = person.send(&apply, "/price-book/apply", &[("source", &dearer)]);
        assert!(checked.text.contains("monthly price USD 49 → USD 59"), "{}", checked.text);
        let (_, book) =
            person.follow(&checked, "/price-book/apply", &[("source", &dearer), ("step", "apply")]);
        assert!(book.text.contains("Price book applied") && book.text.contains("Version 2"));

        let (once, seen) = (preview.hidden("once"), preview.hidden("seen"));
        let confirmed: Vec<_> =
            asked.into_iter().chain([("once", once.as_str()), ("seen", seen.as_str())]).collect();
        let changed = person.send(&preview, "/subscriptions", &confirmed);
        assert_eq!(changed.status, 409);
        assert!(changed.text.contains("Something has changed") && changed.text.contains("USD 59.00"));
        assert!(person.open("/subscriptions").text.contains("No subscriptions yet"));
        let bare = person.send(&preview, "/subscriptions", &asked);
        assert_eq!(bare.status, 422);
        assert!(bare.text.contains("Look at the preview first"));
    });
}

#[test]
fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };

        let form = person.open("/customers/new");
        let wrong = [
            ("name", "Müller & <Söhne>"),
            ("email", "mueller@"),
            ("country", "DE"),
            ("currency", "EUR"),
            ("zone", "Mars"),
        ];
        let refused = person.send(&form, "/customers", &wrong);
        assert_eq!(refused.status, 422);
        for shown in [
            "value=\"Müller &amp; &lt;Söhne&gt;\"",
            "href=\"#field-zone\"",
            "href=\"#field-email\"",
            "2 answers",
            "id=\"field-email-error\"",
        ] {
            assert!(refused.text.contains(shown), "{shown}: {}", refused.text);
        }
        person.follow(&form, "/customers", &CUSTOMER);
        let taken = person.send(&form, "/customers", &CUSTOMER);
        assert_eq!(taken.status, 409);
        assert!(taken.text.contains("id=\"field-external_id-error\""));

        let form = person.open("/subscriptions/new");
        let asked = [
            ("customer", customer.as_str()),
            ("plan", "enterprise/month"),
            ("addons.extra_user", "2"),
            ("start", "2030-02-30"),
        ];
        let refused = person.send(&form, "/subscriptions/preview", &asked);
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("id=\"field-start-error\""), "{}", refused.text);
        let refused = person.send(&form, "/subscriptions/preview", &asked[..3]);
        assert!(refused.text.contains("id=\"field-addons.extra_user-error\""), "{}", refused.text);
        let euros = [("customer", customer.as_str()), ("plan", "starter/week")];
        let refused = person.send(&form, "/subscriptions/preview", &euros);
        assert!(refused.text.contains("id=\"field-plan-error\""), "{}", refused.text);

        let book = person.open("/price-book/apply");
        let refused =
            person.send(&book, "/price-book/apply", &[("source", "book = 1\nname = 5\nplnas = 3\n")]);
        assert_eq!(refused.status, 422);
        assert!(
            refused.text.contains("Line 2, column 8") && refused.text.contains("price-book.toml:3:1"),
            "{}",
            refused.text
        );
    });
}

#[test]
fn a_clock_moves_and_bills_what_falls_due() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let form = person.open("/subscriptions/new");
        let asked = [("customer", customer.as_str()), ("plan", "starter/month"), ("finalize", "true")];
        let preview = person.send(&form, "/subscriptions/preview", &asked);
        let (once, seen) = (preview.hidden("once"), preview.hidden("seen"));
        let confirmed: Vec<_> =
            asked.into_iter().chain([("once", once.as_str()), ("seen", seen.as_str())]).collect();
        person.follow(&preview, "/subscriptions", &confirmed);

        let clock = person.open("/clock");
        assert!(clock.text.contains("31 Jan 2026, 10:00 CET"), "{}", clock.text);
        let back = person.send(&clock, "/clock", &[("to", "2026-01-01"), ("time", "00:00")]);
        assert_eq!(back.status, 422);
        assert!(back.text.contains("id=\"field-to-error\""), "{}", back.text);
        let (_, moving) = person.follow(&clock, "/clock", &[("by", "quarter")]);
        assert!(
            moving.text.contains("The clock is moving") && moving.text.contains("data-refresh"),
            "{}",
            moving.text
        );
        let meanwhile = person.send(&clock, "/customers", &CUSTOMER);
        assert_eq!(meanwhile.status, 409);
        world.run_jobs();
        let arrived = person.open("/clock");
        assert!(arrived.text.contains("30 Apr 2026, 10:00 CEST"), "{}", arrived.text);
        assert!(!arrived.text.contains("data-refresh"));
        let invoices = person.open("/invoices").text;
        assert_eq!(
            invoices.matches("data-label=\"Total\"><span class=\"amount\">USD 49.00").count(),
            4,
            "January, February, March, April: {invoices}"
        );
        assert!(person.open("/jobs").text.contains("Clock advance"));
        // One run billed what fell due on the way.
        let runs = person.open("/bill-runs").text;
        let from = runs.find("/bill-runs/run_").expect("a run");
        let run = person.open(&runs[from..from + "/bill-runs/run_".len() + 26]);
        assert!(run.text.contains("USD 147.00"), "February, March, April: {}", run.text);
        let ahead = person.open("/bill-runs/ahead");
        assert!(ahead.text.contains("Renewal") && ahead.text.contains("USD 49.00"), "{}", ahead.text);
        let wrong = person.open("/bill-runs/ahead?until=never");
        assert!(wrong.text.contains("This is no day"), "{}", wrong.text);
    });
}

#[test]
fn a_key_is_shown_once_and_can_be_revoked() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        world.merchant("unison");
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let page = person.open("/api");
        let nameless = person.send(&page, "/api", &[("name", ""), ("scope", "all")]);
        assert!(nameless.status == 422 && nameless.text.contains("id=\"field-name-error\""));
        let none = person.send(&page, "/api", &[("name", "shop"), ("scope", "these")]);
        assert!(none.status == 422 && none.text.contains("id=\"field-scope-error\""));
        let made = person.send(
            &page,
            "/api",
            &[("name", "shop"), ("scope", "these"), ("may.customer.read", "true")],
        );
        assert_eq!(made.status, 200);
        assert!(made.text.contains("sk_sandbox_") && made.text.contains("customer.read"));
        let later = person.open("/api");
        assert!(later.text.contains("shop") && !made.text.is_empty());
        let secret = made.text.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(secret.starts_with("sk_sandbox_") && !later.text.contains(secret), "shown once");
        let revoke =
            later.text.split("/unison/rehearsal/api/keys/").nth(1).unwrap().split('"').next().unwrap();
        let (_, gone) = person.follow(&later, &format!("/api/keys/{revoke}"), &[]);
        assert!(gone.text.contains("API key revoked") && !gone.text.contains("/revoke"));
    });
}

#[test]
fn personal_data_can_be_erased_with_a_sure_hand_only() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        let customer = world.customer(&scope, "Kestrel Precision").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let path = format!("/customers/{customer}/erase");
        let page = person.open(&path);
        let unsure = person.send(&page, &path, &[]);
        assert!(unsure.status == 422 && unsure.text.contains("id=\"field-sure-error\""));
        let (_, gone) = person.follow(&page, &path, &[("sure", "true")]);
        assert!(
            gone.text.contains("(erased)")
                && !gone.text.contains("Kestrel")
                && !gone.text.contains("Speicher")
        );
        assert!(person.open(&path).text.contains("Already erased"));
    });
}
