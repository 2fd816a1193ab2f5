//! What an owner hears of changes: at once what its own process does, a moment later what others do, nothing twice.

use kernel::ids::CustomerId;
use metering::Changes;
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event};

impl Ground {
    /// Changes that this process commits at the end of the log, and tells of.
    fn commit(&self, customers: &[CustomerId]) {
        let places = {
            let mut log = self.customers.log.lock().unwrap();
            let first = log.len() as i64 + 1;
            log.extend_from_slice(customers);
            (first, log.len() as i64)
        };
        let changes = Changes {
            customers: customers.iter().copied().collect(),
            places: [places].into(),
            ..Changes::default()
        };
        self.metering.hearing()(self.scope.env().unwrap(), &changes);
    }

    /// How much of its credits a customer may use in all, asked for a second later.
    fn limit(&self, name: &str) -> String {
        self.pass(1);
        let asked = event("credits", "x", name, None, r#"{"value":1}"#);
        let answer = self.metering.check(&self.scope, asked, self.now()).wait().unwrap();
        answer.limit.map_or("none".to_owned(), |limit| (limit / 100).to_string())
    }

    fn read_after(&self) -> Vec<i64> {
        std::mem::take(&mut self.customers.read.lock().unwrap())
    }

    fn resolved(&self) -> Vec<String> {
        std::mem::take(&mut self.customers.resolved.lock().unwrap())
    }
}

#[test]
fn what_this_process_did_is_known_and_read_nowhere() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        assert_eq!(ground.limit("customer-a"), "10");
        assert_eq!(ground.resolved(), ["customer-a"]);
        let other = ground.customers.id("customer-b");
        for _ in 0..300 {
            ground.commit(&[other; 20]);
        }
        assert_eq!(ground.limit("customer-a"), "10");
        ground.send(vec![event("credits", "1", "customer-a", None, r#"{"value":1}"#)]);
        assert_eq!(ground.read_after().last(), Some(&6_000), "nothing is left to be read");
        assert!(ground.resolved().is_empty(), "however much happened to others, this one is still known");
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "large".to_owned());
        ground.commit(&[ground.customers.id("customer-a")]);
        assert_eq!(ground.limit("customer-a"), "100");
    });
}

#[test]
fn what_another_process_did_between_is_read() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let (ours, other) = (ground.customers.id("customer-a"), ground.customers.id("customer-b"));
        assert_eq!(ground.limit("customer-a"), "10");
        ground.commit(&[other; 3]);
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "large".to_owned());
        ground.customers.log.lock().unwrap().push(ours);
        ground.commit(&[other; 2]);
        ground.limit("customer-b");
        assert_eq!(
            ground.read_after().last(),
            Some(&3),
            "what was told of beyond a gap is no proof of the gap"
        );
        assert_eq!(ground.limit("customer-a"), "100");
        assert_eq!(ground.read_after().last(), Some(&6));
    });
}
