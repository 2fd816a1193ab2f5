//! Flags, and what a customer may use.

use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    world::{CONTEXTS, World},
};

const NEW: [(&str, &str); 8] = [
    ("key", "beta"),
    ("name", "Beta"),
    ("kind", "boolean"),
    ("variants", "on = true\noff = false"),
    ("default", "off"),
    ("off", "off"),
    ("rules.0.when", "@country is DE\nteam is not sales"),
    ("rules.0.serve", "on 100 %"),
];

fn with<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    others.chain(more).copied().collect()
}

#[test]
fn a_flag_is_made_looked_at_changed_switched_and_removed() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel").to_string();
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        assert!(words(&person.open("/flags")).contains("No flags yet"));
        let form = person.open("/flags/new");
        let refused =
            person.send(&form, "/flags/new", &with(&NEW, &[("rules.0.when", "@size is 3"), ("off", "no")]));
        assert_eq!(refused.status, 422);
        let said = words(&refused);
        for sentence in [
            "Off variant: The off variant must be one of the variants",
            "Rule 1, who: What we know ourselves is",
        ] {
            assert!(said.contains(sentence), "{sentence}: {said}");
        }
        let unread =
            person.send(&form, "/flags/new", &with(&NEW, &[("rules.0.when", "what"), ("variants", "on")]));
        assert!(words(&unread).contains("is no condition") && words(&unread).contains("is no variant"));
        // Looked at, nothing is kept.
        let look = [("then", "look"), ("who", customer.as_str()), ("attributes", "team = ops")];
        let looked = person.send(&form, "/flags/new", &with(&NEW, &look));
        assert_eq!(looked.status, 200);
        assert!(words(&looked).contains("Served: on") && words(&looked).contains("Rule 1 matches"));
        assert!(words(&person.open("/flags")).contains("No flags yet"));
        let (_, page) = person.follow(&form, "/flags/new", &NEW);
        assert!(
            words(&page).contains("Flag made") && page.text.contains("team is not sales"),
            "{}",
            page.text
        );
        let sales =
            person.open(&format!("/flags/beta?try=true&who={customer}&attributes=team%20%3D%20sales"));
        assert!(words(&sales).contains("Served: off") && words(&sales).contains("No rule matches"));
        let form = person.open("/flags/beta/edit");
        assert!(form.text.contains("@country is DE"), "{}", form.text);
        let change = with(&NEW, &[("version", "1"), ("rules.1.serve", "on 25 %")]);
        let (_, page) = person.follow(&form, "/flags/beta/edit", &change);
        assert!(words(&page).contains("Flag changed") && page.text.contains("(25 %)"), "{}", page.text);
        let stale = person.send(&form, "/flags/beta/edit", &with(&change, &[("rules.1.serve", "on 50 %")]));
        assert_eq!(stale.status, 409);
        assert!(words(&stale).contains("The flag has version 2 by now"), "{}", stale.text);
        let (_, page) = person.follow(&page, "/flags/beta/switch", &[("on", "false")]);
        assert!(words(&page).contains("Switched off") && words(&page).contains("Everybody gets"));
        let (_, page) = person.follow(&page, "/flags/beta/remove", &[("version", "3")]);
        assert!(words(&page).contains("Flag removed"));
        assert_eq!(world.get("/unison/rehearsal/flags/beta", &person.cookie).status, 404);
        let told = words(&person.open("/facts"));
        for title in ["Flag made", "Flag changed", "Flag switched off", "Flag removed"] {
            assert!(told.contains(title), "{title}: {told}");
        }
    });
}

#[test]
fn what_a_customer_may_use_is_shown_and_overridden() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel");
        world.subscription(&scope, customer);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let page = person.open(&format!("/customers/{customer}"));
        assert!(words(&page).contains("may be used"), "{}", page.text);
        let path = format!("/customers/{customer}/features");
        let form = person.open(&path);
        assert!(words(&form).contains("With the plan Starter, price book version 1"), "{}", form.text);
        let all = |value: &'static str, until: &'static str| {
            [("key", "api_access"), ("value", value), ("expires_at", until), ("reason", "Promised")]
        };
        let refused = person.send(&form, &path, &all("many", ""));
        assert_eq!(refused.status, 422);
        assert!(words(&refused).contains("Given: This is overridden with true or false"), "{}", refused.text);
        let (_, page) = person.follow(&form, &path, &all("yes", "2026-03-01"));
        assert!(
            words(&page).contains("Override set") && words(&page).contains("Override until"),
            "{}",
            page.text
        );
        assert!(words(&page).contains("Promised"));
        let viewer =
            Person { world: &world, cookie: world.sign_in("vic@example.com", "unison", Role::Viewer) };
        let seen = viewer.open(&path);
        assert!(!seen.text.contains("Remove</button>") && words(&seen).contains("Promised"), "{}", seen.text);
        let (_, page) = person.follow(&page, &format!("{path}/api_access/remove"), &[]);
        assert!(words(&page).contains("Override removed") && words(&page).contains("No overrides"));
    });
}
