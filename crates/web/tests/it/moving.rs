//! Moving subscriptions to the version in force, through pages.

use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    world::{CONTEXTS, World},
};

const OLD: &str = r#"
book = 1
name = "Unison"
currency = "USD"

[plans.starter]
name = "Starter"
price = { month = 49 }

[plans.gone]
name = "Gone"
price = { month = 10 }
"#;

#[test]
fn who_pays_what_is_shown_and_then_everybody_is_moved() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, OLD.to_owned());
        for name in ["Brandt & Sohn", "Kestrel", "Northfield"] {
            let customer = world.customer(&scope, name);
            world.subscription(&scope, customer);
        }
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let none = person.open("/price-book/migrate");
        assert!(none.text.contains("Nobody to move"));

        world.apply(&scope, OLD.replace("month = 49", "month = 59"));
        let page = person.open("/price-book/migrate?timing=now");
        let seen = words(&page);
        for shown in
            ["Would be moved\n3", "Pay more\n3", "147.00\n177.00\n+30.00", "Move 3 subscriptions", "Kestrel"]
        {
            assert!(seen.contains(shown), "{shown}: {seen}");
        }
        let (job, started) = person.follow(&page, "/price-book/migrate", &[("timing", "now")]);
        assert!(started.text.contains("Subscriptions are being moved"), "{}", started.text);
        let job = job.strip_prefix("/unison/rehearsal").unwrap().split('?').next().unwrap();
        assert!(person.open("/price-book/migrate").text.contains("A migration goes on"));
        // Another one has to wait.
        let other = person.send(&page, "/price-book/migrate", &[("timing", "period_end")]);
        assert_eq!(other.status, 409);
        world.run_jobs();
        let done = words(&person.open(job));
        assert!(done.contains("3 subscriptions moved") && done.contains("3 of 3"), "{done}");
        assert!(person.open("/price-book/migrate").text.contains("Nobody to move"));
    });
}

#[test]
fn what_is_not_possible_is_said_and_a_plan_can_be_mapped() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(
            &scope,
            OLD.replace(
                "[plans.starter]",
                "[plans.early]\nname = \"Early\"\nprice = { month = 30 }\n\n[plans.starter]",
            ),
        );
        let customer = world.customer(&scope, "Kestrel");
        world.subscription(&scope, customer);
        world.apply(&scope, OLD.replace("[plans.starter]", "[plans.plus]").replace("Starter", "Plus"));
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let page = words(&person.open("/price-book/migrate"));
        for shown in ["Cannot be moved\n1", "What is not possible", "Stays", "Starter becomes"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let mapped = words(&person.open("/price-book/migrate?map.starter=plus"));
        for shown in ["Would be moved\n1", "Pay the same\n1", "then Plus, monthly", "Move 1 subscription"] {
            assert!(mapped.contains(shown), "{shown}: {mapped}");
        }
    });
}
