//! Usage, coupons and what is agreed with one customer, on the pages of a subscription.

use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, id_in, words},
    world::{CONTEXTS, World},
};

const BOOK: &str = r#"
book = 1
name = "Unison"
currency = "USD"

[meters]
calls = { name = "API calls", unit = "call" }

[plans.starter]
name = "Starter"
price = { month = 49 }
limits = { calls = { amount = 1_000, policy = "soft" } }
usage = { calls = "0.01" }

[plans.plus]
name = "Plus"
price = { month = 99 }

[coupons.spring]
name = "Spring"
code = "SPRING26"
percent = "20"
lasts = "3 periods"
"#;

#[test]
fn usage_is_posted_and_compared_with_what_is_included() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Kestrel");
        let id = world.subscription(&scope, customer);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(page.contains("Usage that is not billed yet") && page.contains("0 calls"), "{page}");

        let path = format!("/subscriptions/{id}/usage");
        let form = person.open(&path);
        let wrong = person.send(&form, &path, &[("key", "calls"), ("figure", "many")]);
        assert_eq!((wrong.status, wrong.text.contains("Write a number")), (422, true), "{}", wrong.text);
        let (_, posted) = person.follow(&form, &path, &[("key", "calls"), ("figure", "1,250")]);
        let seen = words(&posted);
        for shown in ["Figure posted", "1,250 calls", "125 %", "1,000", "USD 2.50", "Open"] {
            assert!(seen.contains(shown), "{shown}: {seen}");
        }
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(page.contains("1,250 calls") && page.contains("USD 51.50"), "the next invoice: {page}");
        let viewer = Person { world: &world, cookie: world.sign_in("v@example.com", "unison", Role::Viewer) };
        let seen = viewer.open(&path);
        assert!(!seen.text.contains("Post a figure"));
    });
}

#[test]
fn coupons_are_redeemed_and_taken_away() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Kestrel");
        let id = world.subscription(&scope, customer);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let path = format!("/subscriptions/{id}/coupons");
        let form = person.open(&path);
        let wrong = person.send(&form, &path, &[("code", "NOTHING")]);
        assert_eq!((wrong.status, wrong.text.contains("There is no coupon")), (422, true), "{}", wrong.text);
        let (_, page) = person.follow(&form, &path, &[("code", "spring26")]);
        let seen = words(&page);
        assert!(seen.contains("Coupon redeemed") && seen.contains("20 %, on 3 more invoices"), "{seen}");
        let twice = person.send(&page, &path, &[("coupon", "spring")]);
        assert_eq!(twice.status, 409);
        let one = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(one.contains("Spring") && one.contains("USD 39.20"), "{one}");
        let (_, page) = person.follow(&page, &format!("/subscriptions/{id}/take-away"), &[("key", "spring")]);
        assert!(words(&page).contains("used up"));
        let (_, page) =
            person.follow(&page, &format!("/subscriptions/{id}/comp"), &[("until", "2026-06-01")]);
        assert!(words(&page).contains("everything costs nothing, before 1 Jun 2026"), "{}", words(&page));
    });
}

#[test]
fn a_start_agrees_prices_a_term_and_a_ramp() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Kestrel").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let asked = [
            ("customer", customer.as_str()),
            ("plan", "starter/month"),
            ("coupon", "spring"),
            ("agreement.plan", "40"),
            ("agreement.prices.calls", "0.02"),
            ("agreement.minimum", "30"),
            ("term.months", "12"),
            ("term.renews", "true"),
            ("ramp.0.on", "2026-03-31"),
            ("ramp.0.price", "45"),
            ("finalize", "true"),
        ];
        let form = person.open("/subscriptions/new");
        let wrong: Vec<_> = asked
            .iter()
            .copied()
            .map(|(name, text)| (name, if name == "ramp.0.on" { "" } else { text }))
            .collect();
        let refused = person.send(&form, "/subscriptions/preview", &wrong);
        assert_eq!(
            (refused.status, refused.text.contains("Say from which day on.")),
            (422, true),
            "{}",
            refused.text
        );
        let preview = person.send(&form, "/subscriptions/preview", &asked);
        assert_eq!(preview.status, 200, "{}", preview.text);
        assert!(preview.text.contains("USD 32.00"), "40 less 20 %: {}", preview.text);
        let (address, page) = person.confirm(&preview, "/subscriptions", &asked);
        let seen = words(&page);
        for shown in [
            "Starter: USD 40.00",
            "API calls: USD 0.02",
            "A period comes to USD 30.00 at least",
            "A term of 12 months, until 31 Jan 2027, then another one",
            "From 31 Mar 2026: Starter at USD 45.00",
            "20 %, on 2 more invoices",
            "Starter\nas agreed\n1\nUSD 40.00",
            "Scheduled change\nTo Starter at USD 45.00.",
        ] {
            assert!(seen.contains(shown), "{shown}: {seen}");
        }

        // What was agreed can be agreed anew, with the preview every change has.
        let path = format!("/subscriptions/{}/change", id_in(&address));
        let fields = [("plan", "starter/month"), ("timing", "period_end"), ("agreement.plan", "42")];
        let preview = person.send(&person.open(&path), &format!("{path}/preview"), &fields);
        assert_eq!(preview.status, 200, "{}", preview.text);
        let (_, page) = person.confirm(&preview, &path, &fields);
        assert!(words(&page).contains("USD 42.00"), "{}", words(&page));
    });
}
