//! Changing customers and legal entities.

use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    world::{CONTEXTS, World},
};

#[test]
fn a_customer_is_changed_and_what_is_wrong_stands_beside_its_field() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        let customer = world.customer(&scope, "Kestrel");
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let path = format!("/customers/{customer}/edit");
        let form = person.open(&path);
        assert!(form.text.contains("value=\"Kestrel\"") && form.text.contains("Europe/Berlin"));
        let all = |tax_id: &'static str, region: &'static str| {
            [
                ("name", "Kestrel & Co"),
                ("email", ""),
                ("address", "1 Main Street"),
                ("country", "US"),
                ("region", region),
                ("tax_id", tax_id),
                ("tax_exempt", "true"),
                ("zone", "America/New_York"),
            ]
        };
        let refused = person.send(&form, &path, &all("12", "Texas"));
        assert_eq!(refused.status, 422);
        for sentence in
            ["Region: This is no region of US", "Tax id: This is no tax id of US. Write it like 12-3456789"]
        {
            assert!(words(&refused).contains(sentence), "{sentence}: {}", refused.text);
        }
        let (_, page) = person.follow(&form, &path, &all("12-3456789", "tx"));
        for shown in [
            "Customer changed",
            "Kestrel &amp; Co",
            "United States, TX",
            "12-3456789",
            "Exempt",
            "America/New_York",
        ] {
            assert!(page.text.contains(shown), "{shown}: {}", page.text);
        }
        assert!(!page.text.contains("accounts@example.com"), "what was left empty is taken away");
        assert!(person.open(&path).text.contains("checked"), "the box stays ticked");
        person.follow(&page, &format!("/customers/{customer}/erase"), &[("sure", "true")]);
        assert_eq!(person.send(&form, &path, &all("12-3456789", "TX")).status, 409);
    });
}

#[test]
fn a_legal_entity_says_where_it_collects_tax() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        world.merchant("unison");
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let list = person.open("/legal-entities");
        assert!(words(&list).contains("nowhere"), "{}", list.text);
        let id = list.text.split("/legal-entities/ent_").nth(1).unwrap().split('"').next().unwrap();
        let path = format!("/legal-entities/ent_{id}");
        let form = person.open(&path);
        let all = |registrations: &'static str| {
            [
                ("name", "Unison SE"),
                ("country", "DE"),
                ("region", "HH"),
                ("tax_id", "DE 123 456 789"),
                ("registrations", registrations),
            ]
        };
        let refused = person.send(&form, &path, &all("DE, Mars"));
        assert!(
            refused.status == 422 && words(&refused).contains("is no place of the tax table"),
            "{}",
            refused.text
        );
        let (_, page) = person.follow(&form, &path, &all("DE, us-ny, OSS"));
        for shown in [
            "Legal entity changed",
            "Unison SE",
            "Germany, HH",
            "DE123456789",
            "One-Stop-Shop of the European Union",
            "New York",
        ] {
            assert!(page.text.contains(shown), "{shown}: {}", page.text);
        }
        let viewer =
            Person { world: &world, cookie: world.sign_in("vic@example.com", "unison", Role::Viewer) };
        assert!(!viewer.open("/legal-entities").text.contains(&path), "a viewer changes nothing");
        assert_eq!(world.get(&format!("/unison/rehearsal{path}"), &viewer.cookie).status, 403);
    });
}
