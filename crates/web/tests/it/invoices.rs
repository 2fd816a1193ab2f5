//! Taxes on the page of an invoice, and ending one.

use identity::{customer, environment, user::Role};
use store::Scope;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    world::{CONTEXTS, World},
};

/// Let the legal entity collect tax in Germany, and the customer buy as a business there or elsewhere.
fn collect(
    world: &World,
    scope: &Scope,
    customer: kernel::ids::CustomerId,
    country: &'static str,
    id: &'static str,
) {
    let change = world.db.write(scope, move |tx| {
        let entity = environment::entity(tx, None)?.id;
        let edit = environment::EntityEdit {
            registrations: Some(vec!["DE".parse()?]),
            tax_id: Some(Some("DE123456789".to_owned())),
            ..Default::default()
        };
        environment::change_entity(tx, entity, edit)?;
        let edit = customer::Edit {
            country: Some(country.to_owned()),
            tax_id: Some(Some(id.to_owned())),
            ..Default::default()
        };
        customer::change(tx, customer, edit).map(drop)
    });
    change.wait().unwrap();
}

/// The path of the newest invoice.
fn newest(person: &Person<'_>) -> String {
    let list = person.open("/invoices");
    let id = list.text.split("/invoices/inv_").nth(1).expect("an invoice").split('"').next().unwrap();
    format!("/invoices/inv_{id}")
}

#[test]
fn an_invoice_shows_its_taxes_and_why() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let customer = world.customer(&scope, "Kestrel");
        collect(&world, &scope, customer, "DE", "DE987654321");
        let subscription = world.subscription(&scope, customer);
        let page = person.open(&newest(&person));
        for shown in [
            "VAT 19 %",
            "USD 9.31",
            "USD 58.31",
            "Sold within Germany: VAT of Germany, 19 %.",
            "Tax id DE123456789",
            "Tax id DE987654321",
            "Tax payable: DE",
        ] {
            assert!(page.text.contains(shown), "{shown}: {}", words(&page));
        }
        // What comes next and what a change would do are shown with tax too.
        assert!(words(&person.open(&format!("/subscriptions/{subscription}"))).contains("USD 58.31"));
        let change = person.open(&format!("/subscriptions/{subscription}/cancel"));
        assert!(words(&change).contains("VAT 19 %"), "{}", words(&change));

        collect(&world, &scope, customer, "FR", "FR12345678901");
        world.subscription(&scope, customer);
        let page = words(&person.open(&newest(&person)));
        for shown in ["VAT, reverse charge", "Reverse charge: the customer accounts for the VAT (article 196"]
        {
            assert!(page.contains(shown), "{shown}: {page}");
        }
    });
}

#[test]
fn an_invoice_is_voided_or_given_up_with_a_reason() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let customer = world.customer(&scope, "Kestrel");
        world.subscription(&scope, customer);
        let path = newest(&person);
        let page = person.open(&path);
        assert!(page.text.contains(&format!("{path}/void")) && page.text.contains("Mark uncollectible"));

        let (give_up, void) = (format!("{path}/uncollectible"), format!("{path}/void"));
        let form = person.open(&give_up);
        assert!(words(&form).contains("What is due becomes bad debt"), "{}", words(&form));
        let refused = person.send(&form, &give_up, &[]);
        assert!(refused.status == 422 && words(&refused).contains("Reason: Say why"), "{}", words(&refused));
        let (_, page) = person.follow(&form, &give_up, &[("reason", "insolvent")]);
        for shown in ["Invoice marked uncollectible", "Insolvent", "Bad debt"] {
            assert!(page.text.contains(shown), "{shown}: {}", words(&page));
        }
        let again = person.send(&form, &give_up, &[("reason", "insolvent")]);
        assert_eq!(again.status, 409);
        assert!(words(&again).contains("it can only be voided"), "{}", words(&again));

        let form = person.open(&void);
        assert!(words(&form).contains("This cannot be undone"), "{}", words(&form));
        let (_, page) = person.follow(&form, &void, &[("reason", "duplicate")]);
        for shown in ["Invoice voided", "Void: nothing is owed for it.", "Duplicate"] {
            assert!(page.text.contains(shown), "{shown}: {}", words(&page));
        }
        assert!(
            !page.text.contains("/void\"") && !page.text.contains("/uncollectible\""),
            "there is nothing left to do"
        );

        // What a credit note has corrected stands, and the page says so before anybody tries.
        world.subscription(&scope, customer);
        let second = newest(&person);
        let billed = person.open(&second);
        let id =
            billed.text.split("/subscriptions/sub_").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let cancel = move |tx: &mut store::Tx<'_>| {
            let id = format!("sub_{id}").parse()?;
            billing::subscription::cancel(tx, id, billing::subscription::Timing::Now).map(drop)
        };
        world.db.write(&scope, cancel).wait().unwrap();
        let refused = person.open(&format!("{second}/void"));
        assert!(words(&refused).contains("was corrected by credit note UN-CN-000001"), "{}", words(&refused));

        let viewer = world.sign_in("vic@example.com", "unison", Role::Viewer);
        assert_eq!(world.get(&format!("/unison/rehearsal{second}/void"), &viewer).status, 403);
        assert!(!world.get(&format!("/unison/rehearsal{second}"), &viewer).text.contains("/void\""));
    });
}
