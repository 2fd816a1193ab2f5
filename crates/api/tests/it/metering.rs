//! Events in, figures and limits out, and what of it is billed.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Answer, Api, BOOK, House, on_both};

/// The instant the clock of a house stands at.
const NOW: &str = testkit::START;

fn event(id: &str, subject: &str) -> Json {
    json!({ "specversion": "1.0", "id": id, "source": "test", "type": "calls", "subject": subject })
}

fn send(api: &Api<'_>, house: &House, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    let call = api.post("/v1/events").key(&house.all).raw(body);
    call.header("Content-Type", kind).send()
}

fn batch(api: &Api<'_>, house: &House, events: &[Json]) -> Json {
    let body = Json::from(events.to_vec()).to_string();
    send(api, house, "application/cloudevents-batch+json", body).expect(200).json()
}

/// The counts of an answer.
fn counts(answer: &Json) -> [u64; 3] {
    ["accepted", "duplicates", "rejected"].map(|name| answer[name].as_u64().unwrap())
}

fn used(api: &Api<'_>, house: &House, meter: &str) -> String {
    let path = format!("/v1/meters/{meter}/usage?subscription=ext:measured");
    let answer = api.get(&path).key(&house.all).send().expect(200).json();
    answer["data"][0]["value"].as_str().unwrap().to_owned()
}

#[test]
fn events_come_in_every_form_and_count_once() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let one = send(api, &house, "application/cloudevents+json", event("1", "measured").to_string());
        assert_eq!(counts(&one.expect(200).json()), [1, 0, 0]);
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "2"),
            ("ce-source", "test"),
            ("ce-type", "calls"),
            ("ce-subject", "ext:measured"),
        ];
        let call = api.post("/v1/events").key(&house.all).json(&json!({}));
        let call = headers.into_iter().fold(call, |call, (name, value)| call.header(name, value));
        assert_eq!(counts(&call.send().expect(200).json()), [1, 0, 0]);

        // A bad one does not keep the others from counting; each has its receipt.
        let mixed = [event("1", "measured"), event("3", "first"), event("4", "nobody"), json!({ "id": 5 })];
        let answer = batch(api, &house, &mixed);
        assert_eq!(counts(&answer), [1, 1, 2]);
        let words: Vec<_> = answer["receipts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(words, ["duplicate", "accepted", "rejected", "rejected"]);
        assert_eq!(answer["receipts"][2]["error"]["code"], "subject_unknown");
        let mut other = event("1", "measured");
        other["data"] = json!({ "more": true });
        assert_eq!(batch(api, &house, &[other])["receipts"][0]["differs"], true);

        let lines: String =
            (0..2_500).map(|n| format!("{}\n", event(&format!("l{n}"), "measured"))).collect();
        let stream = send(api, &house, "application/x-ndjson", format!("{lines}nonsense\n{lines}"));
        assert_eq!(counts(&stream.expect(200).json()), [2_500, 2_500, 1]);
        assert_eq!(used(api, &house, "calls"), "2504");

        let gone = json!({ "source": "test", "id": "2" });
        let void = || api.post("/v1/events/void").key(&house.all).json(&gone).send().expect(200).json();
        assert_eq!((&void()["changed"], &void()["changed"]), (&json!(true), &json!(false)));
        assert_eq!(used(api, &house, "calls"), "2503");
    });
}

#[test]
fn what_cannot_be_counted_is_refused_in_words() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let spend = |data: &str| {
            let event =
                r#"{"specversion":"1.0","id":"x","source":"s","type":"spend","subject":"measured","data":"#;
            let answer = send(api, &house, "application/cloudevents+json", format!("{event}{data}}}"));
            (answer.status, answer.code())
        };
        for (data, status, code) in [
            ("{\"value\":NaN}", 400, "events_malformed"),
            ("{\"value\":1e308}", 422, "quantity_out_of_range"),
            ("{\"value\":\"NaN\"}", 422, "quantity_malformed"),
            ("{\"value\":-1e999}", 422, "quantity_out_of_range"),
            ("{\"value\":12345678901234567890}", 422, "quantity_out_of_range"),
            ("{}", 422, "property_missing"),
            ("{\"value\":[1]}", 422, "quantity_malformed"),
        ] {
            assert_eq!(spend(data), (status, code.to_owned()), "{data}");
        }
        // Twenty digits behind the point are rounded once, and kept as they came.
        let fine = r#"{"value":0.12345678901234567890}"#;
        let event_of = |data: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"f","source":"s","type":"spend","subject":"measured","data":{data}}}"#
            )
        };
        send(api, &house, "application/json", event_of(fine)).expect(200);
        assert_eq!(used(api, &house, "spend"), "0.123457");

        for (time, code) in [
            ("1970-01-01T00:00:00Z", "too_old"),
            ("9999-12-31T23:59:59Z", "time_out_of_range"),
            ("2026-03-01T00:00:00Z", "in_the_future"),
            ("yesterday", "time_malformed"),
        ] {
            let mut event = event("t", "measured");
            event["time"] = json!(time);
            let answer = send(api, &house, "application/cloudevents+json", event.to_string()).expect(422);
            assert_eq!(answer.code(), code, "{time}");
        }
        let many: Vec<Json> = (0..10_001).map(|n| event(&n.to_string(), "measured")).collect();
        let body = Json::from(many).to_string();
        let answer = send(api, &house, "application/cloudevents-batch+json", body).expect(413);
        assert_eq!(answer.code(), "events_too_many");
        let large = format!("[{}]", " ".repeat(17 << 20));
        let answer = send(api, &house, "application/cloudevents-batch+json", large).expect(413);
        assert_eq!(answer.code(), "body_too_large");
        let long = format!("{{\"id\":\"{}\"}}\n", "x".repeat(70 << 10));
        assert_eq!(send(api, &house, "application/x-ndjson", long).expect(413).code(), "line_too_long");
        assert_eq!(send(api, &house, "text/plain", "x").expect(400).code(), "content_type_wrong");

        let mut old = event("old", "measured");
        old["time"] = json!("2025-06-01T00:00:00Z");
        let backfill = |key: &str| {
            let call = api.post("/v1/events?backfill=true").key(key).raw(old.to_string());
            call.header("Content-Type", "application/cloudevents+json").send()
        };
        let counter = api.key(&house.scope, "usage.write");
        assert_eq!(backfill(&counter).expect(403).code(), "permission_missing");
        backfill(&house.all).expect(200);
        // What came so is changed so.
        let gone = json!({ "source": "test", "id": "old" });
        let mut other = old.clone();
        other.as_object_mut().unwrap().remove("specversion");
        other["data"] = json!({ "more": true });
        for (path, body) in [("/v1/events/correct", &other), ("/v1/events/void", &gone)] {
            let change = |key: &str| api.post(path).key(key).json(body).send();
            assert_eq!(change(&counter).expect(403).code(), "permission_missing");
            assert_eq!(change(&house.all).expect(200).json()["changed"], true);
        }
    });
}

#[test]
fn limits_hold_and_follow_the_subscription_at_once() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let ask = |path: &str, body: Json| api.post(path).key(&house.all).json(&body).send();
        let run =
            |id: &str| json!({ "meter": "runs", "subject": "limited", "id": id, "data": { "user": "ann" } });
        let start = json!({
            "customer": house.known.customer, "plan": "limited", "cycle": "month", "external_id": "limited",
            "finalize": true,
        });
        ask("/v1/subscriptions", start).expect(201);
        for n in 0..3 {
            let answer = ask("/v1/consume", run(&n.to_string())).expect(200).json();
            let seen = (&answer["allowed"], &answer["remaining"]);
            assert_eq!(seen, (&json!(true), &json!((2 - n).to_string())));
        }
        let refused = ask("/v1/consume", run("3")).expect(200).json();
        assert_eq!(refused["reason"], "limit_reached");
        assert_eq!((&refused["upgrade"], &refused["limit"]), (&json!("metered"), &json!("3")));
        assert!(refused["resets_at"].as_str().unwrap() > NOW, "{refused}");
        let again = ask("/v1/consume", run("0")).expect(200).json();
        assert_eq!(again["remaining"], "2", "a repeat gets its first answer");
        let nameless = json!({ "meter": "runs", "subject": "limited" });
        assert_eq!(ask("/v1/consume", nameless).expect(422).code(), "event_name_malformed");

        // The very next answer heeds a change, a suspension and its end.
        let plan = |plan: &str| {
            let body = json!({ "plan": plan });
            ask("/v1/subscriptions/ext:limited/change", body).expect(200);
        };
        plan("roomy");
        assert_eq!(ask("/v1/check", run("3")).expect(200).json()["remaining"], "97");
        ask("/v1/subscriptions/ext:limited/suspend", json!({})).expect(200);
        // The customer has other subscriptions, which say nothing of this meter.
        let other = ask("/v1/check", run("3")).expect(200).json();
        assert_eq!(other["reason"], "unlimited");
        ask("/v1/subscriptions/ext:limited/reinstate", json!({})).expect(200);
        assert_eq!(ask("/v1/check", run("3")).expect(200).json()["limit"], "100");

        let mut held = run("h");
        held["seconds"] = json!(60);
        let hold = ask("/v1/reserve", held).expect(200).json();
        let id = hold["hold"].as_str().unwrap();
        let ended = ask(&format!("/v1/holds/{id}/release"), json!({})).expect(200).json();
        assert_eq!(ended["remaining"], "97");
        assert_eq!(ask(&format!("/v1/holds/{id}/commit"), json!({})).expect(409).code(), "hold_ended");
        let limits = api.get("/v1/customers/ext:first/limits").key(&house.all).send().expect(200).json();
        let runs = limits.as_array().unwrap().iter().find(|one| one["meter"] == "runs").unwrap();
        assert_eq!((&runs["scope"], &runs["window"]), (&json!("user"), &json!("rolling 5 hours")));
        let calls = limits.as_array().unwrap().iter().find(|one| one["meter"] == "calls").unwrap();
        let seen = (&calls["amount"], &calls["now"]["used"], &calls["now"]["reason"]);
        assert_eq!(seen, (&json!("1000"), &json!("2"), &json!("within_limit")), "one counted, one held");
    });
}

#[test]
fn what_was_agreed_to_is_metered_as_before_under_a_newer_book() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let ask = |path: &str, body: Json| api.post(path).key(&house.all).json(&body).send();
        let run = |id: &str, user: &str| json!({ "meter": "runs", "subject": "limited", "id": id, "data": { "user": user } });
        let start = json!({
            "customer": house.known.customer, "plan": "limited", "cycle": "month", "external_id": "limited",
            "finalize": true,
        });
        ask("/v1/subscriptions", start).expect(201);
        let held = json!({
            "meter": "runs", "subject": "limited", "id": "held", "data": { "user": "bob" }, "seconds": 3_600,
        });
        let hold = ask("/v1/reserve", held).expect(200).json()["hold"].as_str().unwrap().to_owned();
        let apply = |book: String| ask("/v1/price-book", json!({ "source": book })).expect(201);
        let left = |id: &str, user: &str| {
            let answer = ask("/v1/consume", run(id, user)).expect(200).json();
            (answer["limit"].clone(), answer["remaining"].clone())
        };

        // No plan limits the meter any more, or otherwise: whoever agreed to a limit of each user keeps it.
        let limit = |amount: &str| {
            format!(
                r#"limits = {{ runs = {{ amount = {amount}, window = "rolling 5 hours", scope = "user" }} }}"#
            )
        };
        let (small, large) = (limit("3"), limit("100"));
        let unlimited = BOOK.replace(&small, "").replace(&large, "");
        assert_ne!(unlimited, BOOK);
        apply(unlimited.clone());
        assert_eq!(left("a1", "ann"), (json!("3"), json!("2")));
        assert_eq!(ask("/v1/check", run("a2", "ann")).expect(200).json()["remaining"], "2");
        assert_eq!(left("b1", "bob"), (json!("3"), json!("1")), "one is held");
        let together =
            BOOK.replace(&small, "limits = { runs = 3 }").replace(&large, "limits = { runs = 100 }");
        apply(together);
        assert_eq!(left("a2", "ann"), (json!("3"), json!("1")));

        // The meter is gone, and so is a dimension of another.
        let without = unlimited.replace("[meters.runs]\nname = \"Runs\"\nunit = \"run\"\n", "");
        let without = without.replace("dimensions = [\"region\"]\n\n[meters.spend]", "\n[meters.spend]");
        assert!(!without.contains("meters.runs") && without.len() < unlimited.len() - 45);
        apply(without);
        assert_eq!(left("a3", "ann"), (json!("3"), json!("0")));
        assert_eq!(ask("/v1/consume", run("a4", "ann")).expect(200).json()["allowed"], false);
        let committed = ask(&format!("/v1/holds/{hold}/commit"), json!({})).expect(200).json();
        assert_eq!(committed["limit"], "3", "{committed}");
        let mut reported = event("r", "limited");
        (reported["type"], reported["data"]) = (json!("runs"), json!({ "user": "cid" }));
        assert_eq!(counts(&batch(api, &house, &[reported])), [1, 0, 0]);
        assert_eq!(left("c", "cid"), (json!("3"), json!("1")), "one was reported");
        let mut traffic = event("t", "measured");
        (traffic["type"], traffic["data"]) = (json!("traffic"), json!({ "value": "1", "region": "eu" }));
        assert_eq!(counts(&batch(api, &house, &[traffic])), [1, 0, 0]);
        let path = format!("/v1/meters/traffic/usage?subscription={}&group_by=region", house.known.measured);
        let parts = api.get(&path).key(&house.all).send().expect(200).json();
        assert_eq!(parts["data"][0]["group"], json!({ "region": "eu" }), "{parts}");
    });
}

#[test]
fn figures_are_shown_in_parts_and_as_a_file() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let at = |id: &str, time: &str, region: &str| {
            let mut event = event(id, "measured");
            event["type"] = json!("traffic");
            event["time"] = json!(time);
            event["data"] = json!({ "value": "1.5", "region": region });
            event
        };
        let sent = [
            at("1", "2026-01-10T10:00:00Z", "eu"),
            at("2", "2026-01-10T23:59:59Z", "us"),
            at("3", "2026-01-11T00:00:00Z", "=eu"),
        ];
        assert_eq!(counts(&batch(api, &house, &sent)), [3, 0, 0]);
        let span = "from=2026-01-10T00:00:00Z&to=2026-01-12T00:00:00Z";
        let show = |query: &str| {
            let path = format!("/v1/meters/traffic/usage?{span}&{query}");
            api.get(&path).key(&house.all).send()
        };
        let days = show("customer=ext:first&by=day").expect(200).json();
        let values: Vec<_> = days["data"].as_array().unwrap().iter().map(|one| &one["value"]).collect();
        assert_eq!(values, ["3", "1.5"]);
        let file = show("customer=ext:first&by=day&group_by=region&format=csv").expect(200);
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(file.text.lines().next(), Some("start,end,region,value,events"));
        assert!(file.text.contains(",'=eu,1.5,1"), "{}", file.text);
        let periods = show("subscription=ext:measured&by=period").expect(200).json();
        assert_eq!(periods["data"][0]["value"], "4.5");
        for (query, pointer) in [
            ("by=day", "?customer"),
            ("customer=ext:first&by=week", "?by"),
            ("customer=ext:first&by=period", "?by"),
            ("customer=ext:first&group_by=colour", "?group_by"),
            ("customer=ext:first&format=xml", "?format"),
        ] {
            let wrong = show(query).expect(422);
            assert_eq!(
                (wrong.code().as_str(), wrong.pointers()),
                ("query_invalid", vec![pointer.to_owned()])
            );
        }
        let events = "/v1/meters/traffic/events?customer=ext:first&limit=1&";
        let first = api.get(&format!("{events}{span}")).key(&house.all).send().expect(200).json();
        assert_eq!(first["data"][0]["data"]["region"], "eu");
        let next = first["next"].as_str().unwrap();
        let second = api.get(&format!("{events}{span}&after={next}")).key(&house.all).send().expect(200);
        assert_eq!(second.json()["data"][0]["id"], "2");
    });
}

#[test]
fn alerts_are_listed_and_told_as_facts() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let many =
            |from: u32, to: u32| (from..to).map(|n| event(&n.to_string(), "measured")).collect::<Vec<_>>();
        batch(api, &house, &many(0, 798));
        let follow = || metering::alert::follow(&api.test.db, &house.scope).unwrap();
        let alerts =
            |query: &str| api.get(&format!("/v1/alerts{query}")).key(&house.all).send().expect(200).json();
        assert_eq!((follow(), alerts("")["data"].as_array().unwrap().len()), (0, 0));
        batch(api, &house, &many(798, 1_200));
        assert_eq!(follow(), 2);
        let told = alerts("");
        let [last, first] = told["data"].as_array().unwrap().as_slice() else { panic!("{told}") };
        assert_eq!((&first["level"], &last["level"]), (&json!(80), &json!(100)));
        for (field, value) in [("meter", "calls"), ("limit", "1000"), ("used", "1000"), ("reached", NOW)] {
            assert_eq!(last[field], value, "{field}");
        }
        assert_eq!(last["who"], Json::Null);
        let page = alerts("?limit=1");
        let next = alerts(&format!("?limit=1&after={}", page["next"].as_str().unwrap()));
        assert_eq!((&page["data"][0], &next["data"][0], &next["next"]), (last, first, &Json::Null));
        let of = |customer: &str| alerts(&format!("?customer={customer}"))["data"].as_array().unwrap().len();
        assert_eq!(of(last["customer"].as_str().unwrap()), 2);
        assert_eq!(of(&kernel::new_id::<kernel::ids::Customer>(&kernel::SystemIds).to_string()), 0);
        let facts = api.get("/v1/facts?limit=1000").key(&house.all).send().expect(200).json();
        let told =
            facts["data"].as_array().unwrap().iter().filter(|fact| fact["type"] == "alert.limit_reached");
        assert_eq!(told.count(), 2);
    });
}
