//! Usage is posted, looked at, billed, and corrected when it comes late.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Answer, Api, House, on_both},
    journey::{get, post},
    lifecycle::advance,
};

fn put(api: &Api<'_>, house: &House, subscription: &str, key: &str, body: &Json) -> Answer {
    api.call("PUT", &format!("/v1/subscriptions/{subscription}/usage/{key}"))
        .key(&house.all)
        .json(body)
        .send()
}

fn usage(api: &Api<'_>, house: &House, subscription: &str) -> Json {
    get(api, house, &format!("/v1/subscriptions/{subscription}/usage"))
}

fn start(api: &Api<'_>, house: &House, plan: &str) -> String {
    let body = json!({ "customer": house.known.customer, "plan": plan, "cycle": "month", "finalize": true });
    let started = post(api, house, "/v1/subscriptions", &body, 201);
    started["subscription"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn usage_is_posted_shown_and_billed() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = house.known.measured.to_string();
        let before = usage(api, &house, &id);
        let open = &before["open"][0];
        assert_eq!(
            (&open["key"], &open["name"], &open["unit"]),
            (&json!("calls"), &json!("Calls"), &json!("call"))
        );
        assert_eq!((&open["posted"], &open["so_far"]["decimal"]), (&Json::Null, &json!("0.00")));
        assert_eq!(
            (&open["lines"][0]["included"], &open["lines"][0]["left"]),
            (&json!("1000"), &json!("1000"))
        );
        assert_eq!(
            (&open["period"]["start_date"], &open["period"]["end_date"]),
            (&json!("2026-01-10"), &json!("2026-02-10"))
        );
        assert_eq!(
            (&before["billable"], &before["history"]),
            (&json!(true), &json!({ "data": [], "next": null }))
        );

        let body = json!({ "quantity": "400.0", "watermark": "event 7" });
        let taken = put(api, &house, &id, "calls", &body).expect(200).json();
        let figure = json!({ "kind": "quantity", "total": "400", "events": null });
        assert_eq!((&taken["usage"]["figure"], &taken["usage"]["groups"]), (&figure, &Json::Null));
        assert_eq!(
            (&taken["usage"]["watermark"], &taken["usage"]["late"]),
            (&json!("event 7"), &json!(false))
        );
        assert_eq!((&taken["invoice"], &taken["credit_notes"]), (&Json::Null, &json!([])));
        assert_eq!(usage(api, &house, &id)["open"][0]["lines"][0]["left"], "600");

        put(api, &house, &id, "calls", &json!({ "quantity": "5200" })).expect(200);
        let standing = usage(api, &house, &id);
        assert_eq!(standing["so_far"]["decimal"], "42.00", "4,200 beyond the thousand");
        let line = &standing["open"][0]["lines"][0];
        assert_eq!((&line["left"], &line["amount"]["decimal"]), (&json!("0"), &json!("42.00")));
        assert!(line["explanation"]["sentences"].as_array().unwrap().len() > 2, "{line}");
        assert_eq!(standing["history"]["data"].as_array().unwrap().len(), 1, "the later figure stands");

        advance(api, &house, "2026-02-12T00:00:00Z");
        let invoice = get(api, &house, &format!("/v1/subscriptions/{id}/invoices"))["data"][0].clone();
        let invoice = get(api, &house, &format!("/v1/invoices/{}", invoice["id"].as_str().unwrap()));
        let line = invoice["lines"].as_array().unwrap().iter().find(|line| line["kind"] == "usage").unwrap();
        assert_eq!(
            (&line["measured"], &line["key"], &line["group"]),
            (&json!("5200"), &json!("calls"), &json!(""))
        );
        assert_eq!(
            (&line["discount"]["decimal"], &line["amount"]["decimal"]),
            (&json!("8.40"), &json!("33.60"))
        );
        assert_eq!(usage(api, &house, &id)["open"][0]["posted"], Json::Null, "a new stretch");
    });
}

#[test]
fn a_late_figure_waits_for_the_next_invoice() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = house.known.measured.to_string();
        let december = |units: &str| json!({ "quantity": units, "period_start": "2025-12-10T00:00:00Z" });
        let taken = put(api, &house, &id, "calls", &december("1100")).expect(200).json();
        assert_eq!((&taken["usage"]["late"], &taken["invoice"]), (&json!(true), &Json::Null));
        advance(api, &house, "2026-02-12T00:00:00Z");
        let lines = |api: &Api<'_>| {
            let newest = get(api, &house, &format!("/v1/subscriptions/{id}/invoices"))["data"][0].clone();
            get(api, &house, &format!("/v1/invoices/{}", newest["id"].as_str().unwrap()))["lines"].clone()
        };
        let late =
            lines(api).as_array().unwrap().iter().find(|line| line["adjustment"] == 1).unwrap().clone();
        assert_eq!(
            (&late["period"]["start_date"], &late["amount"]["decimal"]),
            (&json!("2025-12-10"), &json!("0.80"))
        );
        let history = usage(api, &house, &id)["history"]["data"].clone();
        assert_eq!(history[0]["late"], false, "it is billed now: {history}");

        // Nothing follows the end, so what comes then is billed or credited at once.
        post(api, &house, &format!("/v1/subscriptions/{id}/cancel"), &json!({ "timing": "now" }), 200);
        assert_eq!(usage(api, &house, &id)["open"], json!([]));
        let nowhere = put(api, &house, &id, "calls", &json!({ "quantity": "1" })).expect(422);
        assert_eq!(
            (nowhere.code().as_str(), nowhere.pointers()),
            ("usage_period_unknown", vec!["/period_start".to_owned()])
        );
        let taken = put(api, &house, &id, "calls", &december("1300")).expect(200).json();
        assert_eq!(taken["invoice"]["subtotal"]["decimal"], "1.60", "two more, less a fifth");
        let taken = put(api, &house, &id, "calls", &december("0")).expect(200).json();
        let credited: i64 = taken["credit_notes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|note| {
                assert_eq!(note["cause"], "usage");
                note["total"]["amount"].as_i64().unwrap()
            })
            .sum();
        assert_eq!(credited, 240, "{taken}");
    });
}

#[test]
fn a_price_that_may_be_less_shows_both() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = start(api, &house, "lesser");
        let open = usage(api, &house, &id)["open"][0].clone();
        assert_eq!(
            (&open["key"], &open["unit"], &open["so_far"]["decimal"]),
            (&json!("spend"), &json!("USD"), &json!("99.00"))
        );
        put(api, &house, &id, "spend", &json!({ "amount": "1234.50", "events": 17 })).expect(200);
        let open = usage(api, &house, &id)["open"][0].clone();
        assert_eq!(open["so_far"]["decimal"], "24.69");
        assert_eq!(open["posted"]["figure"], json!({ "kind": "amount", "total": "1234.5", "events": 17 }));
        put(api, &house, &id, "spend", &json!({ "transactions": ["1000", "234.5"] })).expect(200);
        let open = usage(api, &house, &id)["open"][0].clone();
        assert_eq!(
            open["posted"]["figure"],
            json!({ "kind": "transactions", "total": "1234.5", "events": 2 })
        );
        put(api, &house, &id, "spend", &json!({ "incomplete": true })).expect(200);
        let open = usage(api, &house, &id)["open"][0].clone();
        assert_eq!(open["posted"]["figure"], json!({ "kind": "incomplete", "total": null, "events": null }));
        assert_eq!(open["so_far"]["decimal"], "99.00");
    });
}

/// Such a figure would keep the stretch from ever being billed.
#[test]
fn a_figure_the_price_cannot_be_applied_to_is_refused() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = start(api, &house, "payments");
        assert_eq!(usage(api, &house, &id)["so_far"]["decimal"], "0.00", "nothing is no transaction");
        for (body, pointer) in [
            (json!({ "quantity": "1000" }), "/quantity"),
            (json!({ "amount": "1000", "events": 10 }), "/amount"),
        ] {
            let answer = put(api, &house, &id, "spend", &body).expect(422);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                ("transactions_needed", vec![pointer.to_owned()])
            );
        }
        // 2.9 % of 100 and 0.30; of 1 it would be 0.33, and is 0.50.
        put(api, &house, &id, "spend", &json!({ "transactions": ["100", "1"] })).expect(200);
        assert_eq!(usage(api, &house, &id)["so_far"]["decimal"], "3.70");
        // It waits for a complete figure, and nothing can be said meanwhile.
        put(api, &house, &id, "spend", &json!({ "incomplete": true })).expect(200);
        let open = usage(api, &house, &id)["open"][0].clone();
        assert_eq!((&open["lines"], &open["so_far"]["decimal"]), (&json!([]), &json!("0.00")));
        // One without a figure goes on from period to period.
        put(api, &house, &id, "spend", &json!({ "transactions": ["100"] })).expect(200);
        let idle = start(api, &house, "payments");
        advance(api, &house, "2026-02-16T00:00:00Z");
        let period = get(api, &house, &format!("/v1/subscriptions/{idle}"))["period"].clone();
        assert_eq!(period["start_date"], "2026-02-15");
    });
}

#[test]
fn the_history_pages() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = start(api, &house, "lesser");
        for month in 2..6 {
            put(api, &house, &id, "spend", &json!({ "quantity": month.to_string() })).expect(200);
            advance(api, &house, &format!("2026-0{month}-16T00:00:00Z"));
        }
        let path = format!("/v1/subscriptions/{id}/usage");
        let whole = get(api, &house, &path)["history"]["data"].clone();
        assert_eq!(whole.as_array().unwrap().len(), 4);
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = get(api, &house, &format!("{path}?limit=3{next}"))["history"].clone();
            all.extend(page["data"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(cursor) => next = format!("&after={cursor}"),
                None => break,
            }
        }
        assert_eq!(json!(all), whole);
        let wrong = api.get(&format!("{path}?after=bm90aGluZw")).key(&house.all).send().expect(422);
        assert_eq!(
            (wrong.code().as_str(), wrong.pointers()),
            ("cursor_malformed", vec!["?after".to_owned()])
        );
    });
}

#[test]
fn wrong_figures_are_422_with_their_place() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let id = house.known.measured.to_string();
        let before = usage(api, &house, &id);
        let long = "x".repeat(201);
        for (body, code, pointer) in [
            (json!({}), "usage_invalid", ""),
            (json!({ "incomplete": false }), "usage_invalid", ""),
            (json!({ "quantity": "1", "incomplete": true }), "usage_invalid", ""),
            (json!({ "amount": "1" }), "usage_invalid", ""),
            (json!({ "events": 1 }), "usage_invalid", ""),
            (json!({ "quantity": "1", "groups": {} }), "usage_invalid", ""),
            (json!({ "quantity": 5200 }), "body_invalid", "/quantity"),
            (json!({ "quantity": "many" }), "number_malformed", "/quantity"),
            (json!({ "quantity": "1/3" }), "number_malformed", "/quantity"),
            (json!({ "quantity": "1e3" }), "number_malformed", "/quantity"),
            (json!({ "quantity": "-1" }), "usage_invalid", "/quantity"),
            (json!({ "quantity": "1000000000000001" }), "usage_invalid", "/quantity"),
            (json!({ "amount": "x", "events": 1 }), "number_malformed", "/amount"),
            (json!({ "amount": "-1", "events": 1 }), "usage_invalid", "/amount"),
            (json!({ "amount": "1", "events": -1 }), "body_invalid", "/events"),
            (json!({ "transactions": ["1", ""] }), "number_malformed", "/transactions/1"),
            (json!({ "transactions": ["1", "-1"] }), "usage_invalid", "/transactions"),
            (json!({ "groups": {} }), "usage_invalid", "/groups"),
            (
                json!({ "groups": { "eu/west": { "quantity": "x" } } }),
                "number_malformed",
                "/groups/eu~1west/quantity",
            ),
            (json!({ "groups": { "eu": {} } }), "usage_invalid", "/groups/eu"),
            (json!({ "groups": { "eu": { "quantity": "1" } } }), "usage_invalid", "/groups"),
            (
                json!({ "quantity": "1", "period_start": "2026-01-11T00:00:00Z" }),
                "usage_period_unknown",
                "/period_start",
            ),
            (json!({ "quantity": "1", "period_start": "January" }), "time_malformed", "/period_start"),
            (json!({ "quantity": "1", "watermark": "" }), "text_invalid", "/watermark"),
            (json!({ "quantity": "1", "watermark": long }), "text_invalid", "/watermark"),
        ] {
            let answer = put(api, &house, &id, "calls", &body).expect(422);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                (code, vec![pointer.to_owned()]),
                "{body}"
            );
        }
        let one = json!({ "quantity": "1" });
        let unknown = put(api, &house, &id, "clicks", &one).expect(422);
        assert_eq!((unknown.code().as_str(), unknown.pointers()), ("usage_key_unknown", Vec::new()));
        let unmeasured = put(api, &house, &house.known.running.to_string(), "calls", &one).expect(422);
        assert_eq!(unmeasured.code(), "usage_key_unknown");
        assert_eq!(put(api, &house, "ext:none", "calls", &one).expect(404).code(), "not_found");
        assert_eq!(put(api, &house, "inv_1", "calls", &one).expect(422).code(), "id_malformed");
        assert_eq!(put(api, &house, &id, "%ff", &one).expect(422).code(), "path_malformed");
        assert_eq!(usage(api, &house, &id), before);
    });
}
