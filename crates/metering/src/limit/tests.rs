//! Laws of counters, and the answers of the reference business.

use catalog::{LimitPolicy, Window};
use kernel::{Currency, Cycle, Exact};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Answer, Bound, Counter, Having, Held, Reason, decide, upgrade};
use crate::usage::Span;

const SECOND: i64 = 1_000_000;
const HARD: Bound = Bound { amount: 10, policy: LimitPolicy::Hard, decimals: 0 };

proptest! {
    /// Against the rule as it is written: seconds s with now − D < s ≤ now.
    #[test]
    fn a_rolling_window_counts_exactly(steps in proptest::collection::vec((0_i64..4_000_000, 1_i64..5), 1..60), length in 1_i64..9) {
        let mut counter = Counter::rolling(length, []);
        let (mut now, mut accepted): (i64, Vec<(i64, i64)>) = (0, Vec::new());
        for (pause, asked) in steps {
            now += pause;
            counter.settle(now);
            let second = now / SECOND;
            let used: i64 = accepted.iter().filter(|(s, _)| second - length < *s && *s <= second).map(|(_, a)| a).sum();
            let answer = decide(&counter, HARD, asked, now);
            prop_assert_eq!(answer.used, used);
            prop_assert_eq!(answer.allowed, used + asked <= 10);
            if answer.allowed {
                counter.count(now, now, asked);
                accepted.push((second, asked));
            }
        }
    }

    /// A refused request fits at the instant it was told, and not a microsecond before.
    #[test]
    fn resets_at_is_the_earliest_instant_it_fits(
        seconds in proptest::collection::vec((0_i64..20, 1_i64..5), 1..12),
        holds in proptest::collection::vec((1_i64..5, 20_i64..40), 0..3),
        asked in 1_i64..12, length in 1_i64..30,
    ) {
        let mut counter = Counter::rolling(length, []);
        let mut sorted = seconds;
        sorted.sort_unstable();
        for (second, amount) in sorted {
            counter.count(0, second * SECOND, amount);
        }
        let holds = holds.into_iter().map(|(amount, expires)| Held { id: Uuid::nil(), amount, reserved: 0, expires: expires * SECOND });
        counter.held = holds.collect();
        let now = 20 * SECOND - 1;
        counter.settle(now);
        let fits = |at: i64| { let mut later = counter.clone(); later.settle(at); decide(&later, HARD, asked, at).allowed };
        let answer = decide(&counter, HARD, asked, now);
        match answer.resets_at.filter(|_| !answer.allowed) {
            Some(at) => { prop_assert!(fits(at)); prop_assert!(at == now || !fits(at - 1)); }
            None => prop_assert!(answer.allowed || asked > 10),
        }
    }

    #[test]
    fn an_answer_reads_back(used: i64, limit: Option<i64>, resets_at: Option<i64>, allowed: bool) {
        let answer = Answer { allowed, reason: Reason::Warning, limit, used, resets_at, upgrade: None, decimals: 6 };
        prop_assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
    }
}

#[test]
fn a_fixed_window_frees_all_at_its_end_and_holds_at_theirs() {
    let span = Span { start: 0, end: 100 * SECOND };
    let mut counter = Counter::fixed(span, 6);
    counter.held.push(Held { id: Uuid::nil(), amount: 4, reserved: 0, expires: 30 * SECOND });
    let refused = decide(&counter, HARD, 3, SECOND);
    assert_eq!((refused.allowed, refused.used, refused.remaining()), (false, 10, Some(0)));
    assert_eq!(refused.resets_at, Some(30 * SECOND));
    assert_eq!(decide(&counter, HARD, 5, SECOND).resets_at, Some(span.end));
    assert_eq!(decide(&counter, HARD, 11, SECOND).resets_at, None);
    assert!(decide(&counter, HARD, 0, SECOND).allowed && decide(&counter, HARD, -1, SECOND).allowed);
}

#[test]
fn soft_and_warning_limits_allow_and_say_so() {
    let counter = Counter::fixed(Span { start: 0, end: 100 }, 10);
    for (policy, reason) in [(LimitPolicy::Soft, Reason::Overage), (LimitPolicy::Warn, Reason::Warning)] {
        let answer = decide(&counter, Bound { policy, ..HARD }, 1, 0);
        assert_eq!((answer.allowed, answer.reason), (true, reason));
    }
}

#[test]
fn apex_names_the_cheapest_plan_that_would_do() {
    let book = catalog::read("apex.toml", include_str!("../../../../books/apex.toml")).unwrap();
    let one = Exact::one();
    let currency = Currency::parse("USD").unwrap();
    let window = Window::parse("rolling 5 hours").unwrap();
    let ask = |plan, wanted| {
        let having = Having { book: &book, plan, cycle: Cycle::MONTH, currency, quantity: &one, window };
        upgrade(having, "agent_runs", wanted, 0)
    };
    assert_eq!(ask("free", 4).as_deref(), Some("early"));
    assert_eq!(ask("free", 101).as_deref(), Some("mid"));
    assert_eq!(ask("early", 1_000).as_deref(), Some("mid"));
    assert_eq!(ask("mid", 1_001), None);
}
