//! What is watched of usage: rejected events, sudden jumps.

use jiff::SignedDuration;
use metering::event::Meters;
use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, BOOK, House, on_both};

fn tokens(id: &str, subject: &str, value: i64) -> Json {
    json!({
        "specversion": "1.0", "id": id, "source": "test", "type": "tokens", "subject": subject,
        "data": { "value": value },
    })
}

fn send(api: &Api<'_>, house: &House, body: String) -> Json {
    let call = api.post("/v1/events").key(&house.all).raw(body);
    call.header("Content-Type", "application/cloudevents-batch+json").send().expect(200).json()
}

fn list(api: &Api<'_>, house: &House, path: &str) -> Json {
    api.get(path).key(&house.all).send().expect(200).json()
}

#[test]
fn rejected_events_are_listed_by_reason() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let sent = json!([
            tokens("1", "measured", 5),
            tokens("2", "measured", 1_000_001),
            tokens("3", "measured", -1),
            tokens("4", "nobody", 5),
            { "id": 5 },
        ]);
        assert_eq!(send(api, &house, sent.to_string())["rejected"], 4);
        // A single one that is refused, and one through the address of another product, are rejected no less.
        let one = api.post("/v1/events").key(&house.all).raw(tokens("6", "nobody", 7).to_string());
        one.header("Content-Type", "application/cloudevents+json").send().expect(422);
        let lago =
            json!({ "event": { "transaction_id": "7", "code": "nothing", "external_subscription_id": "x" } });
        api.post("/api/v1/events").key(&house.all).json(&lago).send().expect(422);
        api.metering.keep_rejected().unwrap();
        let all = list(api, &house, "/v1/events/rejected");
        let rows = all["data"].as_array().unwrap();
        let seen = |code: &str| {
            rows.iter().find(|one| one["code"] == code).unwrap_or_else(|| panic!("{code}: {all}"))
        };
        assert_eq!(rows.len(), 4, "{all}");
        let range = seen("value_out_of_range");
        assert_eq!((&range["count"], &range["pointer"]), (&json!(2), &json!("/data/value")));
        assert_eq!((&range["type"], &range["event"]), (&json!("tokens"), &json!("3")));
        let nobody = seen("subject_unknown");
        assert_eq!((&nobody["count"], &nobody["subject"]), (&json!(2), &json!("nobody")));
        assert_eq!((&nobody["content"], &nobody["cut"]), (&json!("{\"value\":7}"), &json!(false)));
        assert_eq!(nobody["last_seen"], testkit::START);
        let unread = seen("event_malformed");
        assert_eq!((&unread["content"], &unread["type"]), (&json!("{\"id\":5}"), &Json::Null));
        assert_eq!(seen("meter_unknown")["source"], "lago");
        // A page at a time.
        let (mut after, mut codes) = (String::new(), Vec::new());
        loop {
            let page = list(api, &house, &format!("/v1/events/rejected?limit=1{after}"));
            codes.push(page["data"][0]["code"].clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(codes, rows.iter().map(|one| one["code"].clone()).collect::<Vec<_>>());
        // Another environment has none.
        let other = api.environment(Mode::Sandbox);
        assert_eq!(list(api, &other, "/v1/events/rejected")["data"], json!([]));
    });
}

#[test]
fn sudden_jumps_are_listed_and_told_as_facts() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let book = catalog::read("book.toml", BOOK).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let meters = Meters::of(&book);
        let follow = || metering::jump::follow(&api.test.db, &house.scope, &meters).unwrap();
        for day in 0..3 {
            send(api, &house, json!([tokens(&format!("d{day}"), "measured", 70)]).to_string());
            api.test.clock.advance(SignedDuration::from_hours(24));
        }
        assert_eq!(follow(), 0);
        send(api, &house, json!([tokens("j", "measured", 151)]).to_string());
        assert_eq!((follow(), follow()), (1, 0));
        let listed = list(api, &house, "/v1/alerts/jumps");
        let one = &listed["data"][0];
        assert_eq!((&one["meter"], &one["day"]), (&json!("tokens"), &json!("2026-01-18")));
        assert_eq!((&one["used"], &one["usual"], &one["times"]), (&json!("151"), &json!("30"), &json!(5)));
        let customer = one["customer"].as_str().unwrap();
        let of = |customer: &str| {
            list(api, &house, &format!("/v1/alerts/jumps?customer={customer}"))["data"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(
            (of(customer), of(&kernel::new_id::<kernel::ids::Customer>(&kernel::SystemIds).to_string())),
            (1, 0)
        );
        let facts = list(api, &house, "/v1/facts?limit=1000");
        let told = facts["data"].as_array().unwrap().iter().filter(|one| one["type"] == "alert.usage_jumped");
        assert_eq!(told.count(), 1);
    });
}
