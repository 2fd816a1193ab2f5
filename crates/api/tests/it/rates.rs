//! How fast: keys of the API, and customers of the merchant's own services.

use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, CONTEXTS, on_both};

#[test]
fn a_key_asks_as_fast_as_it_may_and_is_told_how_fast_that_is() {
    testkit::on_both(CONTEXTS, |test| {
        let api = Api::serve_at(test, api::Rates::per_second(2, 1));
        let house = api.environment(Mode::Live);
        test.clock.advance(SignedDuration::from_secs(10));
        let ask = |key: &str| api.get("/v1/environment").key(key).send();
        for left in [3, 2, 1, 0] {
            let answer = ask(&house.all).expect(200);
            assert_eq!(answer.header("ratelimit-policy"), "\"key\";q=4;w=2");
            let full_in = (5 - left) / 2;
            assert_eq!(answer.header("ratelimit"), format!("\"key\";r={left};t={full_in}"));
        }
        let refused = ask(&house.all).expect(429);
        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("rate_limited", "1"));
        assert_eq!(refused.header("ratelimit"), "\"key\";r=0;t=2");
        // Every key has its own bucket, and what counts usage another one. An unknown key is told nothing.
        let other = api.key(&house.scope, "usage.write");
        ask(&other).expect(200);
        let check = || {
            let question = json!({ "meter": "calls", "subject": "measured" });
            api.post("/v1/check").key(&house.all).json(&question).send().status
        };
        assert_eq!([check(), check(), check()], [200, 200, 429]);
        assert_eq!(ask("sk_live_nothing").expect(401).header("ratelimit"), "");
        // Half a second gives one more.
        test.clock.advance(SignedDuration::from_millis(500));
        ask(&house.all).expect(200);
        ask(&house.all).expect(429);
        test.clock.advance(SignedDuration::from_secs(10));
        assert_eq!([check(), check(), check()], [200, 200, 429]);
    });
}

#[test]
fn a_plan_says_how_fast_its_customers_are_served() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let start = json!({
            "customer": house.known.customer, "plan": "limited", "cycle": "month", "external_id": "limited",
        });
        api.post("/v1/subscriptions").key(&house.all).json(&start).send().expect(201);
        let take = |body: Json| api.post("/v1/rate-limits/take").key(&house.all).json(&body).send();
        let one = |key: &str| take(json!({ "subject": "limited", "key": key })).expect(200).json();
        for left in [2, 1, 0] {
            let answer = one("a");
            assert_eq!((&answer["allowed"], &answer["remaining"]), (&json!(true), &json!(left)));
            assert_eq!((&answer["limit"], &answer["reason"]), (&json!(3), &json!("within_limit")));
        }
        let refused = one("a");
        assert_eq!((&refused["allowed"], &refused["retry_after"]), (&json!(false), &json!(1)));
        assert_eq!(refused["headers"]["RateLimit-Policy"], "\"plan\";q=3;w=2");
        assert_eq!(refused["headers"]["RateLimit"], "\"plan\";r=0;t=2");
        assert_eq!(one("b")["allowed"], true);
        api.test.clock.advance(SignedDuration::from_millis(500));
        assert_eq!((&one("a")["allowed"], &one("a")["allowed"]), (&json!(true), &json!(false)));
        let look = take(json!({ "subject": "limited", "key": "b", "cost": 0 })).expect(200).json();
        assert_eq!((&look["allowed"], &look["remaining"]), (&json!(true), &json!(3)));

        let stranger = take(json!({ "subject": "nobody" })).expect(422);
        assert_eq!(
            (stranger.code().as_str(), stranger.pointers()),
            ("subject_unknown", vec!["/subject".to_owned()])
        );
        assert_eq!(
            take(json!({ "subject": "limited", "cost": 1_000_001 })).expect(422).code(),
            "quantity_out_of_range"
        );
        assert_eq!(
            take(json!({ "subject": "limited", "key": "k".repeat(257) })).expect(422).code(),
            "text_invalid"
        );
    });
}

#[test]
fn without_a_rate_everything_is_served() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let take = |subject: &str| {
            let body = json!({ "subject": subject, "cost": 1_000 });
            api.post("/v1/rate-limits/take").key(&house.all).json(&body).send().expect(200).json()
        };
        let free = take("measured");
        assert_eq!(
            (&free["allowed"], &free["reason"], &free["limit"]),
            (&json!(true), &json!("unlimited"), &Json::Null)
        );
        assert_eq!(free["headers"]["RateLimit"], Json::Null);
    });
}
