//! What was used until something is done is billed by it, as over the API: it is measured just before.

use billing::{
    clock,
    invoice::{self, ChargeKind},
};
use jiff::SignedDuration;
use kernel::ids::{CustomerId, SubscriptionId};
use store::Scope;
use testkit::on_both;

use crate::{
    browser::{Person, words},
    usage::{BOOK, Ground, ingest, subscribe},
    world::{CONTEXTS, Page, World},
};

impl Ground<'_> {
    /// Another customer that has used something since the log was read last; ten runs are included.
    fn user(&self, name: &str, runs: std::ops::Range<u32>) -> (CustomerId, SubscriptionId) {
        let customer = self.world.customer(&self.scope, name);
        let id = subscribe(self.world, &self.scope, customer);
        ingest(self.world, &self.scope, (customer, "runs"), runs, "{}");
        self.an_hour_later();
        (customer, id)
    }

    fn an_hour_later(&self) {
        let now = self.world.db.read(&self.scope, |view| Ok(view.now())).wait().unwrap();
        let to = now + SignedDuration::from_hours(1);
        self.world.db.write(&self.scope, move |tx| clock::request_advance(tx, to)).wait().unwrap();
        self.world.run_jobs();
    }
}

/// What was billed for usage, in cents.
fn used(world: &World, scope: &Scope, id: SubscriptionId) -> i64 {
    let read = move |view: &mut store::View<'_>| {
        let mut cents = 0;
        for one in invoice::of_subscription(view, id, None, 100)? {
            let lines = invoice::lines(view, one.id)?.into_iter();
            let usage = lines.filter(|line| line.subscription == id && line.kind == ChargeKind::Usage);
            cents += usage.map(|line| line.amount.minor()).sum::<i64>();
        }
        Ok(cents)
    };
    world.db.read(scope, read).wait().unwrap()
}

fn shows(page: &Page, amount: &str) {
    assert!(words(page).contains(amount), "{amount}: {}", words(page));
}

#[test]
fn what_staff_does_bills_what_was_used_until_then() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let (scope, person) = (&ground.scope, &ground.person);

        let (_, id) = ground.user("Kestrel", 0..13);
        let path = format!("/subscriptions/{id}");
        let asked = [("plan", "large/month"), ("timing", "now")];
        let seen =
            person.send(&person.open(&format!("{path}/change")), &format!("{path}/change/preview"), &asked);
        shows(&seen, "USD 1.50");
        person.confirm(&seen, &format!("{path}/change"), &asked);
        assert_eq!(used(&world, scope, id), 150);

        for (word, runs, amount, cents) in
            [("pause", 20..34, "USD 2.00", 200), ("cancel", 40..55, "USD 2.50", 250)]
        {
            let (_, id) = ground.user(word, runs);
            let path = format!("/subscriptions/{id}/{word}");
            let seen = person.open(&path);
            shows(&seen, amount);
            // The last choice on the page is the one that counts at once.
            let last = |name: &str| {
                let rest = seen.text.rsplit(&format!("name=\"{name}\" value=\"")).next().unwrap();
                rest.split('"').next().unwrap().to_owned()
            };
            let (once, essence) = (last("once"), last("seen"));
            let fields = [("timing", "now"), ("once", once.as_str()), ("seen", essence.as_str())];
            assert_eq!(person.send(&seen, &path, &fields).status, 303);
            assert_eq!(used(&world, scope, id), cents, "{word}");
        }
    });
}

#[test]
fn a_migration_now_bills_what_was_used_until_then() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let (_, id) = ground.user("Kestrel", 0..13);
        world.apply(&ground.scope, BOOK.replace("month = \"10\"", "month = \"12\""));
        let form = ground.person.open("/price-book/migrate?timing=now");
        ground.person.follow(&form, "/price-book/migrate", &[("timing", "now")]);
        world.run_jobs();
        assert_eq!(used(&world, &ground.scope, id), 150);
    });
}

#[test]
fn what_a_customer_does_bills_what_it_used_until_then() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let ground = Ground::new(&world);
        let (customer, id) = ground.user("Kestrel", 0..13);
        let opened = world.get(&crate::own::link(&ground.person, customer), "");
        let cookie = opened.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let path = format!("/my/subscriptions/{id}/change");
        let send = |from: &Page, path: &str, more: &[(&str, &str)]| {
            let csrf = from.hidden("csrf");
            let asked = [("plan", "large/month"), ("timing", "now"), ("csrf", csrf.as_str())];
            let fields: Vec<_> = asked.iter().chain(more).copied().collect();
            world.post(path, &cookie, &fields)
        };
        let seen = send(&world.get(&path, &cookie), &format!("{path}/preview"), &[]);
        shows(&seen, "USD 1.50");
        let (once, essence) = (seen.hidden("once"), seen.hidden("seen"));
        let done = send(&seen, &path, &[("once", &once), ("seen", &essence)]);
        assert_eq!(done.status, 303, "{}", done.text);
        assert_eq!(used(&world, &ground.scope, id), 150);
    });
}

/// In a live environment a customer goes on using things while somebody reads what a change would do.
#[test]
fn who_uses_something_all_the_time_can_be_changed_all_the_same() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let [live, _] = world.environments("unison");
        world.apply(&live, BOOK.to_owned());
        let customer = world.customer(&live, "Kestrel");
        let id = subscribe(&world, &live, customer);
        let person = Person {
            world: &world,
            cookie: world.sign_in("ann@example.com", "unison", identity::user::Role::Owner),
        };
        ingest(&world, &live, (customer, "runs"), 0..13, "{}");
        test.clock.advance(SignedDuration::from_secs(60));
        let path = format!("/unison/live/subscriptions/{id}/pause");
        let seen = world.get(&path, &person.cookie);
        shows(&seen, "Usage goes on");
        shows(&seen, "USD 1.50");
        ingest(&world, &live, (customer, "runs"), 13..15, "{}");
        test.clock.advance(SignedDuration::from_secs(60));
        let [csrf, once, essence] = ["csrf", "once", "seen"].map(|name| seen.hidden(name));
        let fields = [("csrf", csrf.as_str()), ("once", once.as_str()), ("seen", essence.as_str())];
        let done = world.post(&path, &person.cookie, &fields);
        assert_eq!(done.status, 303, "{}", words(&done));
        assert_eq!(used(&world, &live, id), 250);
    });
}
