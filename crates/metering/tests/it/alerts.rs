//! Alerts: what has reached so much of a limit is told once.

use metering::{
    Options,
    alert::{self, Alert, Wanted},
};
use store::facts;
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event};

fn follow(ground: &Ground) -> u64 {
    alert::follow(&ground.db, &ground.scope).unwrap()
}

/// Alerts in the order they came: meter, who, percentage, used.
fn told(ground: &Ground) -> Vec<(String, String, i64, String)> {
    let wanted = Wanted { limit: 100, ..Wanted::default() };
    let alerts = ground.db.read(&ground.scope, move |view| alert::list(view, &wanted)).wait().unwrap();
    let line = |alert: Alert| {
        let used = alert.used().unwrap().to_string();
        (alert.place.meter, alert.place.who, alert.place.level, used)
    };
    alerts.into_iter().rev().map(line).collect()
}

fn levels(ground: &Ground) -> Vec<i64> {
    told(ground).into_iter().map(|(_, _, level, _)| level).collect()
}

fn credits(ground: &Ground, id: &str, value: &str) {
    ground.send(vec![event("credits", id, "customer-a", None, &format!("{{\"value\":{value}}}"))]);
}

#[test]
fn each_percentage_of_a_window_is_told_once() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        credits(&ground, "1", "7.99");
        assert_eq!(follow(&ground), 0);
        credits(&ground, "2", "0.01");
        assert_eq!(follow(&ground), 1);
        // A repeat of the event, more of the same, and taking back what brought it there: nothing new.
        credits(&ground, "2", "0.01");
        credits(&ground, "3", "1");
        let name = metering::event::EventName { source: "test".into(), id: "1".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        credits(&ground, "4", "7");
        assert_eq!(follow(&ground), 0);
        // Events are never refused, and what goes far beyond is told as the limit reached.
        credits(&ground, "5", "12");
        assert_eq!(follow(&ground), 1);
        credits(&ground, "6", "100");
        assert_eq!((follow(&ground), levels(&ground)), (0, vec![80, 100]));
        let used: Vec<String> = told(&ground).into_iter().map(|(.., used)| used).collect();
        assert_eq!(used, ["8", "20.01"]);

        // The next period begins anew.
        ground.pass(31 * 24 * 3_600);
        credits(&ground, "7", "10");
        assert_eq!((follow(&ground), levels(&ground)), (2, vec![80, 100, 80, 100]));
        let facts = ground.db.read(&ground.scope, |view| facts::feed(view, 0, 100)).wait().unwrap();
        let alerts: Vec<_> = facts.iter().filter(|fact| fact.kind == "alert.limit_reached").collect();
        assert_eq!(alerts.len(), 4);
        assert_eq!(alerts[0].customer, Some(ground.customers.id("customer-a")));
        let payload = &alerts[0].payload;
        assert_eq!(
            (&payload["level"], &payload["limit"], &payload["upgrade"]),
            (&80.into(), &"10".into(), &"large".into())
        );
        assert_eq!(payload["from"], "2026-01-01T00:00:00Z");
    });
}

#[test]
fn consumes_tell_for_each_user_of_a_rolling_limit() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let run = |id: &str, user: &str| {
            let event = event("runs", id, "customer-a", None, &format!("{{\"user\":\"{user}\"}}"));
            ground.metering.consume(&ground.scope, event, ground.now()).wait().unwrap().allowed
        };
        assert!(run("1", "ann") && run("2", "ann") && run("3", "bob"));
        assert_eq!(follow(&ground), 0);
        assert!(run("4", "ann") && !run("5", "ann"));
        assert_eq!(follow(&ground), 2);
        let who = |level| ("runs".to_owned(), "ann".to_owned(), level, "3".to_owned());
        assert_eq!(told(&ground), [who(80), who(100)]);
        // Three of three again five hours later.
        ground.pass(5 * 3_600);
        assert!(run("6", "ann") && run("7", "ann") && run("8", "ann"));
        assert_eq!((follow(&ground), levels(&ground)), (2, vec![80, 100, 80, 100]));
    });
}

#[test]
fn the_book_says_which_percentages() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "large".to_owned());
        credits(&ground, "1", "90");
        assert_eq!((follow(&ground), levels(&ground)), (1, vec![50]));
    });
}

#[test]
fn a_limit_that_comes_down_to_the_use_is_told_with_the_next_event() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "large".to_owned());
        credits(&ground, "1", "9");
        ground.customers.alter("customer-a", |account| account.agreements[0].plan = "small".to_owned());
        ground.metering.forget(&ground.scope, None).wait().unwrap();
        credits(&ground, "2", "0.5");
        assert_eq!((follow(&ground), levels(&ground)), (1, vec![80]));
    });
}

#[test]
fn a_new_owner_tells_what_was_noted_and_nothing_twice() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        credits(&ground, "1", "8");
        let second = test.second_process(CONTEXTS);
        let other = ground.other(&second, "other", Options::default());
        ground.pass(11);
        let more = |id: &str, value: &str| {
            let event = event("credits", id, "customer-a", None, &format!("{{\"value\":{value}}}"));
            other.ingest(&ground.scope, vec![event], false, ground.now()).wait().unwrap();
        };
        more("2", "0.5");
        more("3", "0.5");
        let both = std::thread::scope(|threads| {
            let one = threads.spawn(|| follow(&ground));
            let two = threads.spawn(|| alert::follow(&second, &ground.scope).unwrap());
            one.join().unwrap() + two.join().unwrap()
        });
        assert_eq!((both, levels(&ground)), (1, vec![80]));
        more("4", "5");
        assert_eq!(alert::follow(&second, &ground.scope).unwrap(), 1);
        assert_eq!((follow(&ground), levels(&ground)), (0, vec![80, 100]));
    });
}

#[test]
fn many_users_reach_their_limits_in_one_batch() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let events = |round: u32| {
            let of = |user: u32| {
                let data = format!("{{\"user\":\"u{user}\"}}");
                event("runs", &format!("{round}-{user}"), "customer-a", None, &data)
            };
            (0..300).map(of).collect()
        };
        for round in 0..3 {
            ground.send(events(round));
        }
        assert_eq!(follow(&ground), 600);
        // The same with nothing in memory: what is stored says what was told.
        ground.metering.forget(&ground.scope, None).wait().unwrap();
        ground.send(events(3));
        assert_eq!(follow(&ground), 0);
    });
}
