//! Links that open a customer's own page.

use identity::{NewCustomer, customer, environment, link, merchant};
use jiff::SignedDuration;
use kernel::{Currency, Kind, ids::CustomerId};
use store::{Actor, Context, Mode, Scope};
use testkit::{TestDb, on_both};

static ALL: &[&Context] = &[&store::CONTEXT, &identity::CONTEXT];

/// A merchant with an environment and two customers.
fn environment(test: &TestDb) -> (Scope, [CustomerId; 2]) {
    let merchant = test
        .db
        .write(&Scope::installation("set up"), |tx| merchant::create(tx, "kestrel", "Kestrel Pumps"))
        .wait()
        .unwrap();
    let scope = Scope::environment(kernel::new_id(&kernel::SystemIds), Mode::Live, Actor::CommandLine);
    let made = test.db.write(&scope, move |tx| {
        environment::create(tx, merchant.id, "live", None)?;
        let mut create = |name: &str| {
            let new = NewCustomer {
                name: name.into(),
                email: None,
                address: None,
                country: "DE".into(),
                region: None,
                tax_id: None,
                tax_exempt: false,
                currency: Currency::parse("EUR")?,
                zone: None,
                external_id: None,
                metadata: serde_json::json!({}),
            };
            Ok(customer::create(tx, new)?.id)
        };
        Ok([create("Meyer")?, create("Brandt")?])
    });
    (scope, made.wait().unwrap())
}

fn opens(test: &TestDb, secret: &str) -> Option<(CustomerId, String)> {
    let secret = secret.to_owned();
    let known = test
        .db
        .read(&Scope::installation("link"), move |view| link::recognise(view, &secret))
        .wait()
        .unwrap()?;
    assert_eq!(known.scope.actor, Actor::Customer(known.customer));
    Some((known.customer, known.merchant))
}

#[test]
fn a_link_opens_one_customers_page_until_it_is_revoked_or_expires() {
    on_both(ALL, |test| {
        let (scope, [meyer, brandt]) = environment(test);
        let secret = link::new_secret().unwrap();
        let kept = secret.clone();
        let made = test.db.write(&scope, move |tx| link::create(tx, meyer, 7, &kept)).wait().unwrap();
        assert_eq!(made.expires, made.created + SignedDuration::from_hours(24 * 7));
        assert!(made.works(made.created) && !made.works(made.expires));
        assert_eq!(opens(test, &secret), Some((meyer, "Kestrel Pumps".to_owned())));
        assert_eq!(opens(test, &secret[1..]), None);
        assert_eq!(opens(test, ""), None);

        let listed = test.db.read(&scope, move |view| link::of_customer(view, meyer, 10)).wait().unwrap();
        assert_eq!(listed, std::slice::from_ref(&made));
        let others = test.db.read(&scope, move |view| link::of_customer(view, brandt, 10)).wait().unwrap();
        assert_eq!(others, []);

        test.db.write(&scope, move |tx| link::revoke(tx, made.id)).wait().unwrap();
        assert_eq!(opens(test, &secret), None);
        let again = test.db.write(&scope, move |tx| link::revoke(tx, made.id)).wait().unwrap_err();
        assert_eq!(again.kind, Kind::NotFound);
    });
}

#[test]
fn erasing_a_customer_ends_its_links() {
    on_both(ALL, |test| {
        let (scope, [meyer, _]) = environment(test);
        let secret = link::new_secret().unwrap();
        let kept = secret.clone();
        test.db.write(&scope, move |tx| link::create(tx, meyer, 1, &kept)).wait().unwrap();
        test.db.write(&scope, move |tx| customer::erase(tx, meyer)).wait().unwrap();
        assert_eq!(opens(test, &secret), None);
        let kept = secret.clone();
        let refused = test.db.write(&scope, move |tx| link::create(tx, meyer, 1, &kept)).wait().unwrap_err();
        assert_eq!(refused.code, "already_erased");
    });
}

#[test]
fn a_link_lasts_a_day_to_ninety() {
    on_both(ALL, |test| {
        let (scope, [meyer, _]) = environment(test);
        for days in [0, 91] {
            let made = test.db.write(&scope, move |tx| link::create(tx, meyer, days, "secret"));
            assert_eq!(made.wait().unwrap_err().code, "link_days_invalid");
        }
    });
}
