//! Advice on pages: teams, other plans, what to tell a customer now.

use billing::subscription::{self, Start};
use identity::user::Role;
use jobs::Runner;
use kernel::Cycle;
use metering::event::NewEvent;
use testkit::on_both;

use crate::{
    browser::Person,
    world::{CONTEXTS, World},
};

const BOOK: &str = r#"
book = 1
name = "Runs"
currency = "USD"

[meters]
runs = { name = "Agent runs", unit = "run" }

[plans.small]
name = "Small"
price = { month = "10" }
limits = { runs = 10 }

[plans.large]
name = "Large"
price = { month = "90" }
limits = { runs = 100 }
"#;

#[test]
fn a_team_is_shown_with_what_it_pays_and_would_pay() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let person = Person { world: &world, cookie };
        assert!(person.open("/advice").text.contains("No teams"));
        let customers: Vec<_> = ["Brandt", "Holt", "Lee"].map(|name| world.customer(&scope, name)).into();
        for customer in &customers {
            world.subscription(&scope, *customer);
        }
        for path in ["/advice", "/advice/teams"] {
            let page = person.open(path).text;
            for text in ["example.com", "Professional", "Holt", "USD 147.00", "USD 199.00", "3 on Starter"] {
                assert!(page.contains(text), "{text} on {path}: {page}");
            }
        }
        let page = person.open(&format!("/customers/{}", customers[0])).text;
        assert!(page.contains("Part of a team at example.com"), "{page}");
    });
}

#[test]
fn a_larger_plan_is_offered_with_the_change_filled_in() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Brandt & Sohn");
        let start = Start::of(customer, "small", Cycle::MONTH);
        let started = world.db.write(&scope, move |tx| subscription::start(tx, &start)).wait().unwrap();
        let id = started.subscription.id;
        let event = |n: u32| NewEvent {
            source: "test".to_owned(),
            id: n.to_string(),
            meter: "runs".to_owned(),
            subject: customer.to_string(),
            at: None,
            data: None,
        };
        let now = world.db.read(&scope, |view| Ok(view.now())).wait().unwrap();
        world.metering.ingest(&scope, (0..10).map(event).collect(), false, now).wait().unwrap();
        metering::alert::follow(&world.db, &scope).unwrap();
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let person = Person { world: &world, cookie };
        let page = person.open(&format!("/customers/{customer}")).text;
        assert!(page.contains("Agent runs: all 10 are used. Large has 100, for USD 90 a month."), "{page}");
        let to = now + jiff::SignedDuration::from_hours(24 * 40);
        world.db.write(&scope, move |tx| billing::clock::request_advance(tx, to)).wait().unwrap();
        let kinds = server::job_kinds(&metering::Options::default());
        Runner::new(world.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
        for path in ["/advice".to_owned(), format!("/customers/{customer}")] {
            let page = person.open(&path).text;
            let link = format!("/subscriptions/{id}/change?plan=large%2Fmonth");
            for text in ["Outgrown", "up to 100 % of 10 runs was used, all of it in the last period", &link] {
                assert!(page.contains(text), "{text} on {path}: {page}");
            }
        }
        let change = person.open(&format!("/subscriptions/{id}/change?plan=large%2Fmonth"));
        assert_eq!(change.status, 200, "{}", change.text);
    });
}
