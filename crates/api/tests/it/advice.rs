//! Other plans and team plans that would serve customers better, and prompts.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, House, on_both};

/// Three ways to pay for calls, and three sizes of what runs are limited to.
const BOOK: &str = r#"
book = 1
name = "Advised"
currency = "USD"

[advice]
features = "named"
team = { plan = "crew", from = 3, seats = "users", public_mail = ["isp.example"] }

[prompts]
limit_near = "{percent} % of {limit}: {offer} has {more}, for {price}."
feature_gated = "{feature} needs {offer}, {price}."
export = "{offer} exports, for {price}."

[features]
users = { name = "Users", kind = "limit", unit = "user" }
reports = "Reports"

[meters]
calls = { name = "Calls", unit = "call" }
runs = { name = "Runs", unit = "run" }

[plans.pay]
name = "Pay"
price = { month = "5" }
usage = { calls = { every = "month", graduated = [{ up_to = 10, price = "0.50" }, { price = "0.25", flat = "1" }] } }
minimum = { month = "7" }
limits = { runs = 10 }

[plans.flat]
name = "Flat"
price = { month = "49" }
limits = { calls = { amount = 100, policy = "soft" }, runs = 10 }
usage = { calls = "0.05" }
features = ["reports"]

[plans.small]
name = "Small"
price = { month = "20" }
limits = { runs = 20, calls = 1 }

[plans.large]
name = "Large"
price = { month = "80" }
limits = { runs = 200 }
includes = { users = 2 }

[plans.crew]
name = "Crew"
price = { month = "30" }
limits = { calls = 1 }
includes = { users = 2 }

[addons.seat]
name = "Seat"
price = { per = "user", month = "4" }
raises = { users = 1 }
plans = ["crew"]
"#;

struct Place<'a> {
    api: &'a Api<'a>,
    house: House,
}

impl Place<'_> {
    fn new<'a>(api: &'a Api<'a>) -> Place<'a> {
        let place = Place { api, house: api.environment(Mode::Sandbox) };
        let apply = |tx: &mut store::Tx<'_>| catalog::version::apply(tx, "advised.toml", BOOK).map(drop);
        api.test.db.write(&place.house.scope, apply).wait().unwrap();
        place
    }

    fn get(&self, path: &str) -> Json {
        self.api.get(path).key(&self.house.all).send().expect(200).json()
    }

    fn post(&self, path: &str, body: &Json, status: u16) -> Json {
        self.api.post(path).key(&self.house.all).json(body).send().expect(status).json()
    }

    /// A customer with a subscription, both called so.
    fn starts(&self, name: &str, plan: &str) {
        let email = format!("{name}@{name}.example");
        self.starts_with(name, plan, &email);
    }

    fn starts_with(&self, name: &str, plan: &str, email: &str) {
        let customer = json!({
            "name": name, "email": email, "country": "US", "currency": "USD", "external_id": name,
        });
        self.post("/v1/customers", &customer, 201);
        let start = json!({ "customer": format!("ext:{name}"), "plan": plan, "cycle": "month", "external_id": name, "finalize": true });
        self.post("/v1/subscriptions", &start, 201);
    }

    /// So many events of a meter on a day.
    fn uses(&self, name: &str, meter: &str, count: u32, day: &str) {
        let event = |n: u32| {
            json!({
                "specversion": "1.0", "id": format!("{name} {meter} {day} {n}"), "source": "test", "type": meter,
                "subject": format!("ext:{name}"), "time": format!("{day}T12:00:00Z"),
            })
        };
        let events: Vec<Json> = (0..count).map(event).collect();
        let call = self.api.post("/v1/events").key(&self.house.all).raw(Json::from(events).to_string());
        let answer =
            call.header("Content-Type", "application/cloudevents-batch+json").send().expect(200).json();
        assert_eq!(answer["accepted"], count, "{answer}");
    }

    fn advance(&self, to: &str) {
        self.post("/v1/sandbox/clock/advance", &json!({ "to": to }), 202);
        let kinds = server::job_kinds(&metering::Options::default());
        jobs::Runner::new(self.api.test.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
    }

    fn told(&self) {
        metering::alert::follow(&self.api.test.db, &self.house.scope).unwrap();
    }

    /// The advice to a customer.
    fn advice(&self, name: &str) -> Json {
        self.get(&format!("/v1/customers/ext:{name}/advice"))
    }

    /// What the lines of a subscription's invoices come to, by the start of their periods.
    fn billed(&self, name: &str) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        let invoices = self.get(&format!("/v1/subscriptions/ext:{name}/invoices"));
        for invoice in invoices["data"].as_array().unwrap() {
            let whole = self.get(&format!("/v1/invoices/{}", invoice["id"].as_str().unwrap()));
            for line in whole["lines"].as_array().unwrap() {
                let start = line["period"]["start"].as_str().unwrap_or_else(|| panic!("{line}"));
                *sums.entry(start.to_owned()).or_default() += line["amount"]["amount"].as_i64().unwrap();
            }
        }
        sums
    }
}

fn texts(reasons: &Json) -> Vec<&str> {
    reasons.as_array().unwrap().iter().map(|one| one["text"].as_str().or(one.as_str()).unwrap()).collect()
}

/// The law: both figures are what bill runs really bill.
#[test]
fn a_recommended_plan_is_priced_as_the_bill_run_bills_it() {
    on_both(|api| {
        let place = Place::new(api);
        for (name, plan) in
            [("thrifty", "flat"), ("thrifty-twin", "pay"), ("busy", "pay"), ("busy-twin", "flat")]
        {
            place.starts(name, plan);
        }
        for (month, thrifty, busy) in [("2026-01-20", 3, 400), ("2026-02-20", 12, 600), ("2026-03-20", 0, 40)]
        {
            place.advance(&format!("{month}T13:00:00Z"));
            for (name, count) in
                [("thrifty", thrifty), ("thrifty-twin", thrifty), ("busy", busy), ("busy-twin", busy)]
            {
                if count > 0 {
                    place.uses(name, "calls", count, month);
                }
            }
        }
        place.advance("2026-05-01T00:00:00Z");
        for (name, twin, to) in [("thrifty", "thrifty-twin", "pay"), ("busy", "busy-twin", "flat")] {
            let advice = place.advice(name);
            let plans = advice["plans"].as_array().unwrap();
            assert_eq!(plans.len(), 1, "{advice}");
            assert_eq!(
                (plans[0]["to"]["key"].as_str(), plans[0]["why"].as_str()),
                (Some(to), Some("cheaper")),
                "{advice}"
            );
            let (own, others) = (place.billed(name), place.billed(twin));
            let periods = plans[0]["periods"].as_array().unwrap();
            assert_eq!(periods.len(), 3, "{advice}");
            for period in periods {
                let start = period["start"].as_str().unwrap();
                assert_eq!(period["now"]["amount"], own[start], "{name} now, {start}: {advice}");
                assert_eq!(period["then"]["amount"], others[start], "{name} then, {start}: {advice}");
            }
            // Whoever is on it already is advised nothing.
            assert_eq!(place.advice(twin)["plans"], json!([]));
        }
        // From January on: 7.00 as the least, then 10 × 0.50 + 2 × 0.25 + 1 and the fee, then the least again.
        let thrifty = &place.advice("thrifty")["plans"][0];
        assert_eq!(thrifty["now"]["decimal"], "147.00");
        assert!(texts(&thrifty["reasons"])[0].ends_with("less."), "{thrifty}");
        assert!(texts(&thrifty["reasons"]).contains(&"Pay does not have Reports."), "{thrifty}");
        // One at a time is the same as all at once.
        let all = place.get("/v1/advice/plans");
        let (mut one_by_one, mut path) = (Vec::new(), "/v1/advice/plans?limit=1".to_owned());
        loop {
            let page = place.get(&path);
            one_by_one.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/advice/plans?limit=1&after={next}");
        }
        assert!(one_by_one.len() >= 2, "{all}");
        assert_eq!(&one_by_one, all["data"].as_array().unwrap());
    });
}

#[test]
fn limits_that_are_used_up_ask_for_more_and_others_for_nothing() {
    on_both(|api| {
        let place = Place::new(api);
        for name in ["pressed", "nearly", "calm", "silent"] {
            place.starts(name, "small");
        }
        for (month, pressed, nearly) in [("2026-01-20", 20, 3), ("2026-02-20", 5, 17), ("2026-03-20", 21, 18)]
        {
            place.advance(&format!("{month}T13:00:00Z"));
            for (name, count) in [("pressed", pressed), ("nearly", nearly), ("calm", 15)] {
                place.uses(name, "runs", count, month);
            }
        }
        place.advance("2026-04-25T00:00:00Z");
        let pressed = place.advice("pressed");
        let one = &pressed["plans"][0];
        assert_eq!(
            (one["why"].as_str(), one["to"]["key"].as_str()),
            (Some("outgrown"), Some("crew")),
            "{pressed}"
        );
        assert_eq!(
            texts(&one["reasons"])[..2],
            [
                "Runs: up to 105 % of 20 runs was used, all of it in 2 of 3 periods.",
                "The last 3 periods would have come to USD 90.00 instead of USD 60.00: USD 30.00 more.",
            ],
        );
        let nearly = place.advice("nearly");
        assert_eq!(nearly["plans"][0]["to"]["key"], "crew", "{nearly}");
        assert_eq!(
            texts(&nearly["plans"][0]["reasons"])[0],
            "Runs: up to 90 % of 20 runs was used, 80 % or more in 2 of 3 periods."
        );
        // Five runs less than the limit are no reason, and the cheaper plans have no room for fifteen.
        assert_eq!(place.advice("calm")["plans"], json!([]));
        // Of who used nothing at all nothing is known.
        assert_eq!(place.advice("silent")["plans"], json!([]));
    });
}

#[test]
fn who_shares_a_mail_domain_of_their_own_is_offered_the_team_plan() {
    on_both(|api| {
        let place = Place::new(api);
        for (name, plan, email) in [
            ("ann", "small", "ann@Acme.example"),
            ("bob", "pay", "bob@acme.example"),
            ("cid", "small", "cid@acme.example"),
            ("dan", "crew", "dan@acme.example"),
            ("eve", "small", "eve@gmail.com"),
            ("fay", "small", "fay@gmail.com"),
            ("gus", "small", "gus@gmail.com"),
            ("hal", "small", "hal@isp.example"),
            ("ida", "small", "ida@isp.example"),
            ("jan", "small", "jan@isp.example"),
            ("kim", "small", "kim@pair.example"),
            ("leo", "small", "leo@pair.example"),
        ] {
            place.starts_with(name, plan, email);
        }
        let teams = place.get("/v1/advice/teams");
        let [team] = teams["data"].as_array().unwrap().as_slice() else { panic!("{teams}") };
        assert_eq!((team["domain"].as_str(), team["seats"].as_i64()), (Some("acme.example"), Some(3)));
        // 20 + 5 + 20 together; 30 with room for two, and a seat more for 4.
        assert_eq!([&team["now"]["decimal"], &team["then"]["decimal"]], ["45.00", "34.00"], "{team}");
        assert_eq!(team["addons"], json!([{ "key": "seat", "name": "Seat", "quantity": 1 }]));
        assert!(team["has_it"].is_string(), "{team}");
        let reasons = texts(&team["reasons"]);
        assert_eq!(reasons[0], "3 customers have addresses at acme.example: 1 on Pay, 2 on Small.");
        assert!(
            reasons[2].contains("Crew with 1 × Seat costs USD 34.00 for 3 of them: USD 11.00 less."),
            "{team}"
        );
        for (name, teams) in [("ann", 1), ("dan", 0), ("eve", 0), ("hal", 0), ("kim", 0)] {
            assert_eq!(place.advice(name)["teams"].as_array().unwrap().len(), teams, "{name}");
        }
        // An erased address is nobody's.
        let erased = place.get("/v1/customers/ext:bob");
        place.post(&format!("/v1/customers/{}/erase", erased["id"].as_str().unwrap()), &json!({}), 200);
        assert_eq!(place.get("/v1/advice/teams")["data"], json!([]));
    });
}

#[test]
fn prompts_say_what_could_be_had_in_the_words_of_the_book() {
    on_both(|api| {
        let place = Place::new(api);
        place.starts("ann", "small");
        let prompts =
            |query: &str| place.get(&format!("/v1/customers/ext:ann/prompts{query}"))["data"].clone();
        assert_eq!(prompts(""), json!([]));
        place.advance("2026-01-17T00:00:00Z");
        place.uses("ann", "runs", 17, "2026-01-15");
        place.told();
        let near = prompts("");
        assert_eq!(near.as_array().unwrap().len(), 1, "{near}");
        assert_eq!(
            [&near[0]["trigger"], &near[0]["plan"], &near[0]["text"]],
            ["limit_near", "crew", "80 % of 20: Crew has no limit, for USD 30 a month."],
        );
        place.uses("ann", "runs", 3, "2026-01-16");
        place.told();
        let reached = prompts("?feature=reports");
        let said: Vec<_> =
            reached.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
        assert_eq!(
            said,
            [
                "Runs: all 20 are used. Crew has no limit, for USD 30 a month.",
                "Reports needs Flat, USD 49 a month."
            ]
        );
        assert_eq!(prompts("?trigger=export")[1]["text"], "Crew exports, for USD 30 a month.");
        // Nothing is said of what is looked at where the book has no words for it.
        assert_eq!(prompts("?trigger=savings_viewed").as_array().unwrap().len(), 1);
        for query in ["?trigger=limit_near", "?trigger=x", "?moment=1"] {
            let call = place.api.get(&format!("/v1/customers/ext:ann/prompts{query}")).key(&place.house.all);
            assert_eq!(call.send().expect(422).code(), "query_invalid", "{query}");
        }
        // A larger plan, and there is nothing to say.
        place.post("/v1/subscriptions/ext:ann/change", &json!({ "plan": "large" }), 200);
        assert_eq!(prompts(""), json!([]));
    });
}
