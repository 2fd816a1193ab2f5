//! A day far above the usual is told of, once.

use metering::{
    event::Meters,
    jump::{self, Wanted},
};
use store::facts;
use testkit::on_both;

use crate::parts::{BOOK, CONTEXTS, Ground, event, exact};

fn follow(ground: &Ground) -> u64 {
    let book = catalog::read("test.toml", BOOK).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    jump::follow(&ground.db, &ground.scope, &Meters::of(&book)).unwrap()
}

fn spike(ground: &Ground, who: &str, id: &str, value: u32) {
    ground.send(vec![event("spikes", id, who, None, &format!("{{\"value\":{value}}}"))]);
}

#[test]
fn a_jump_is_told_once_a_day_and_refuses_nothing() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        for day in 0..7 {
            spike(&ground, "customer-a", &format!("a{day}"), 10);
            ground.pass(24 * 3_600);
        }
        assert_eq!(follow(&ground), 0);
        // Three times the usual is none yet, and of whoever has no usual nothing is one.
        spike(&ground, "customer-a", "1", 30);
        spike(&ground, "customer-b", "2", 1_000_000);
        assert_eq!(follow(&ground), 0);
        spike(&ground, "customer-a", "3", 1);
        assert_eq!(follow(&ground), 1);
        spike(&ground, "customer-a", "4", 500);
        assert_eq!((follow(&ground), follow(&ground)), (0, 0));
        let wanted = Wanted { limit: 10, ..Wanted::default() };
        let jumps = ground.db.read(&ground.scope, move |view| jump::list(view, &wanted)).wait().unwrap();
        let [one] = jumps.as_slice() else { panic!("{jumps:?}") };
        assert_eq!((one.customer, one.meter.as_str()), (ground.customers.id("customer-a"), "spikes"));
        assert_eq!((&one.used, &one.usual, one.times), (&exact("31"), &exact("10"), 3));
        assert_eq!(one.day.to_string(), ground.now().to_string()[..10]);
        // The next day what was so much yesterday is part of the usual.
        ground.pass(24 * 3_600);
        spike(&ground, "customer-a", "5", 250);
        assert_eq!(follow(&ground), 0);
        spike(&ground, "customer-a", "6", 10);
        assert_eq!(follow(&ground), 1);
        let told = ground.db.read(&ground.scope, |view| facts::feed(view, 0, 100)).wait().unwrap();
        let told: Vec<_> = told.iter().filter(|fact| fact.kind == "alert.usage_jumped").collect();
        assert_eq!(told.len(), 2);
        assert_eq!((&told[0].payload["used"], &told[0].payload["usual"]), (&"31".into(), &"10".into()));
    });
}

#[test]
fn the_floor_keeps_small_numbers_quiet() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        spike(&ground, "customer-a", "0", 1);
        ground.pass(24 * 3_600);
        spike(&ground, "customer-a", "1", 20);
        assert_eq!(follow(&ground), 0);
        spike(&ground, "customer-a", "2", 1);
        assert_eq!(follow(&ground), 1);
    });
}

#[test]
fn who_is_far_behind_begins_where_something_may_be_sudden() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let place = |ground: &Ground, at: jiff::Timestamp| {
            let read = move |view: &mut store::View<'_>| metering::usage::accepted_before(view, at);
            ground.db.usage().read(&ground.scope, read).wait().unwrap()
        };
        assert_eq!(place(&ground, ground.now()), None, "nothing came yet");
        let mut days = Vec::new();
        for day in 0..9 {
            days.push(ground.now());
            spike(&ground, "customer-a", &format!("a{day}"), 10);
            ground.pass(24 * 3_600);
        }
        assert_eq!(place(&ground, days[0]), None, "the first came then");
        // One chunk a day.
        for (before, day) in days.iter().enumerate().skip(1) {
            assert_eq!(place(&ground, *day), Some(before as i64));
        }
        assert_eq!(place(&ground, ground.now()), Some(9));
    });
}
