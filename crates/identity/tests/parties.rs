//! Customers and legal entities: what the tax rules need of them, and changing them.

use std::thread;

use identity::{
    NewCustomer,
    customer::{self, Buyer, Edit},
    environment::{self, EntityEdit, NewLegalEntity},
};
use kernel::{
    Currency, SystemIds, Zone,
    ids::{CustomerId, LegalEntityId, MerchantId},
    new_id,
};
use store::{Actor, Context, Mode, Scope, facts};
use testkit::{TestDb, on_both};

static ALL: &[&Context] = &[&store::CONTEXT, &identity::CONTEXT];

fn new_customer() -> NewCustomer {
    NewCustomer {
        name: "Meyer Maschinenbau".into(),
        email: Some("billing@example.com".into()),
        address: Some("Hafenstraße 1, 20457 Hamburg".into()),
        country: "DE".into(),
        region: Some("HH".into()),
        tax_id: Some("de 123 456 789".into()),
        tax_exempt: false,
        currency: Currency::parse("EUR").unwrap(),
        zone: None,
        external_id: Some("meyer".into()),
        metadata: serde_json::json!({"segment": "smb"}),
    }
}

/// An environment with a legal entity and a customer.
fn environment(test: &TestDb) -> (Scope, LegalEntityId, CustomerId) {
    let scope = Scope::environment(new_id(&SystemIds), Mode::Live, Actor::CommandLine);
    let made = test.db.write(&scope, |tx| {
        let merchant: MerchantId = new_id(&SystemIds);
        environment::create(tx, merchant, &format!("e{}", tx.env()?.uuid().simple())[..20], None)?;
        let entity = NewLegalEntity {
            name: "Unison GmbH".into(),
            country: "DE".into(),
            region: None,
            tax_id: Some("DE987654321".into()),
            registrations: ["OSS", "DE", "OSS"].map(|code| code.parse().unwrap()).to_vec(),
            currency: Currency::parse("EUR")?,
            zone: Zone::parse("Europe/Berlin")?,
            series: "INV".into(),
        };
        Ok((environment::add_entity(tx, &entity)?, customer::create(tx, new_customer())?.id))
    });
    let (entity, customer) = made.wait().unwrap();
    (scope, entity, customer)
}

fn change(test: &TestDb, scope: &Scope, id: CustomerId, edit: Edit) -> kernel::Result<customer::Customer> {
    test.db.write(scope, move |tx| customer::change(tx, id, edit.clone())).wait()
}

fn person(test: &TestDb, scope: &Scope, id: CustomerId) -> customer::Person {
    let read = test.db.read(scope, move |view| {
        let customer = customer::find(view, id)?;
        customer::person(view, customer.person)
    });
    read.wait().unwrap()
}

/// Kind and payload of the newest fact, as text.
fn last_fact(test: &TestDb, scope: &Scope) -> String {
    let fact = test.db.read(scope, |view| facts::latest(view, i64::MAX, 1)).wait().unwrap().pop().unwrap();
    format!("{} {}", fact.kind, fact.payload)
}

#[test]
fn every_statement_prepares() {
    testkit::every_statement_prepares(ALL);
}

#[test]
fn a_customer_keeps_what_the_tax_rules_need() {
    on_both(ALL, |test| {
        let (scope, _, id) = environment(test);
        let read = test.db.read(&scope, move |view| {
            Ok((
                customer::buyers(view, vec![id])?,
                customer::parties(view, vec![id])?,
                customer::list(view, None, 9)?,
            ))
        });
        let (buyers, parties, list) = read.wait().unwrap();
        let buyer =
            Buyer { country: "DE".into(), region: Some("HH".into()), has_tax_id: true, exempt: false };
        assert_eq!(buyers, [(id, buyer)]);
        let party = &parties[0].1;
        assert_eq!((party.tax_id.as_deref(), party.region.as_deref()), (Some("DE123456789"), Some("HH")));
        assert_eq!(list[0].1.tax_id.as_deref(), Some("DE123456789"));
    });
}

#[test]
fn what_is_left_out_of_a_change_stays() {
    on_both(ALL, |test| {
        let (scope, _, id) = environment(test);
        let edit = Edit {
            name: Some("Meyer SE".into()),
            address: Some(None),
            tax_exempt: Some(true),
            zone: Some(Zone::parse("Europe/Berlin").unwrap()),
            ..Edit::default()
        };
        let changed = change(test, &scope, id, edit.clone()).unwrap();
        assert_eq!(
            (changed.tax_exempt, changed.zone.name(), changed.country.as_str()),
            (true, "Europe/Berlin", "DE")
        );
        let who = person(test, &scope, id);
        assert_eq!((who.name.as_deref(), who.address, who.email.is_some()), (Some("Meyer SE"), None, true));
        assert_eq!(who.tax_id.as_deref(), Some("DE123456789"));
        let fact = last_fact(test, &scope);
        assert!(
            fact.starts_with("customer.changed")
                && fact.contains(r#"["name","address","tax_exempt","zone"]"#),
            "{fact}"
        );
        assert!(!fact.contains("Meyer") && !fact.contains("123456789"), "{fact}");
        // The same again changes nothing and says nothing.
        let head = test.db.read(&scope, |view| facts::feed(view, 0, 99)).wait().unwrap().len();
        change(test, &scope, id, edit).unwrap();
        assert_eq!(test.db.read(&scope, |view| facts::feed(view, 0, 99)).wait().unwrap().len(), head);
    });
}

#[test]
fn region_and_tax_id_fit_the_country() {
    on_both(ALL, |test| {
        let (scope, _, id) = environment(test);
        let to = |country: &str| Edit { country: Some(country.into()), ..Edit::default() };
        let refused = |edit: Edit| {
            let error = change(test, &scope, id, edit).unwrap_err();
            (error.code, error.fields[0].pointer.clone())
        };
        // What was there before must fit the new country too.
        assert_eq!(refused(to("FR")), ("tax_id_malformed", "/tax_id".into()));
        let with_id = |id: &str| Edit { tax_id: Some(Some(id.into())), ..to("US") };
        assert_eq!(refused(with_id("12-3456789")), ("region_unknown", "/region".into()));
        assert_eq!(
            refused(Edit { tax_id: Some(Some("1".into())), ..Edit::default() }),
            ("tax_id_malformed", "/tax_id".into())
        );
        assert_eq!(refused(to("XX")), ("country_unknown", "/country".into()));
        let moved =
            change(test, &scope, id, Edit { region: Some(Some("NY".into())), ..with_id("12-3456789") })
                .unwrap();
        assert_eq!((moved.country.as_str(), moved.region.as_deref()), ("US", Some("NY")));
        assert_eq!(person(test, &scope, id).tax_id.as_deref(), Some("12-3456789"));
    });
}

#[test]
fn erasing_blanks_the_tax_id_and_ends_all_changing() {
    on_both(ALL, |test| {
        let (scope, _, id) = environment(test);
        test.db.write(&scope, move |tx| customer::erase(tx, id)).wait().unwrap();
        assert_eq!(person(test, &scope, id).tax_id, None);
        let edit = Edit { name: Some("Meyer".into()), ..Edit::default() };
        assert_eq!(change(test, &scope, id, edit).unwrap_err().code, "already_erased");
        let buyers = test.db.read(&scope, move |view| customer::buyers(view, vec![id])).wait().unwrap();
        assert!(!buyers[0].1.has_tax_id);
    });
}

#[test]
fn changes_at_once_lose_nothing() {
    on_both(ALL, |test| {
        let (scope, _, id) = environment(test);
        let other = test.second_process(ALL);
        thread::scope(|threads| {
            for worker in 0..8 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let scope = scope.clone();
                let edit = match worker % 4 {
                    0 => Edit { name: Some("Meyer SE".into()), ..Edit::default() },
                    1 => Edit { email: Some(None), ..Edit::default() },
                    2 => Edit { region: Some(Some("BY".into())), ..Edit::default() },
                    _ => Edit { tax_exempt: Some(true), ..Edit::default() },
                };
                threads.spawn(move || {
                    db.write(&scope, move |tx| customer::change(tx, id, edit.clone())).wait().unwrap();
                });
            }
        });
        let customer = test.db.read(&scope, move |view| customer::find(view, id)).wait().unwrap();
        assert_eq!((customer.region.as_deref(), customer.tax_exempt), (Some("BY"), true));
        let who = person(test, &scope, id);
        assert_eq!((who.name.as_deref(), who.email), (Some("Meyer SE"), None));
        // Each of the four is stated once, whoever came first.
        let all = test.db.read(&scope, |view| facts::feed(view, 0, 99)).wait().unwrap();
        assert_eq!(all.iter().filter(|fact| fact.kind == "customer.changed").count(), 4);
    });
}

#[test]
fn a_legal_entity_says_where_it_collects_tax() {
    on_both(ALL, |test| {
        let (scope, id, _) = environment(test);
        let entity = test.db.read(&scope, move |view| environment::entity(view, Some(id))).wait().unwrap();
        let codes = |entity: &identity::LegalEntity| {
            entity.registrations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((codes(&entity).as_str(), entity.tax_id.as_deref()), ("DE OSS", Some("DE987654321")));
        let change = |edit: EntityEdit| {
            test.db.write(&scope, move |tx| environment::change_entity(tx, id, edit.clone())).wait()
        };
        let edit = EntityEdit {
            registrations: Some(vec!["US-NY".parse().unwrap(), "DE".parse().unwrap()]),
            name: Some("Unison SE".into()),
            ..EntityEdit::default()
        };
        let changed = change(edit).unwrap();
        assert_eq!((codes(&changed).as_str(), changed.name.as_str()), ("DE US-NY", "Unison SE"));
        let fact = last_fact(test, &scope);
        assert!(fact.contains(r#""fields":["name","registrations"]"#) && !fact.contains("Unison"), "{fact}");
        let read = test.db.read(&scope, move |view| environment::entity(view, Some(id))).wait().unwrap();
        assert_eq!(read, changed);
        let wrong = EntityEdit { country: Some("FR".into()), ..EntityEdit::default() };
        assert_eq!(change(wrong).unwrap_err().code, "tax_id_malformed");
        let none: LegalEntityId = new_id(&SystemIds);
        let missing =
            test.db.write(&scope, move |tx| environment::change_entity(tx, none, EntityEdit::default()));
        assert_eq!(missing.wait().unwrap_err().code, "not_found");
    });
}
