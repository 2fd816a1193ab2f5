//! What is agreed with a customer beside the price book: prices, a minimum, a term, a ramp; and coupons at the start.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    journey::{get, post},
    lifecycle::{SUBSCRIPTION, advance, figures, tell},
};

/// Five seats of Team at 8 instead of 10 for a year, from May on ten at 7; twice a fifth off.
fn wish() -> Json {
    json!({
        "customer": "ext:meyer", "plan": "team", "cycle": "month", "quantity": 5, "external_id": "meyer-1",
        "finalize": true, "coupons": ["spring26"],
        "agreement": { "prices": { "team": { "amount": "8" } }, "minimum": "30" },
        "term": { "months": 12, "renews": false },
        "ramp": [{ "on": "2026-05-01", "change": { "quantity": 10, "prices": { "team": { "amount": "7.00" } } } }],
    })
}

fn house(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    post(api, &house, "/v1/customers", &customer, 201);
    house
}

#[test]
fn a_contract_is_started_as_it_was_previewed() {
    on_both(|api| {
        let house = house(api);
        let reader = api.key(&house.scope, "subscription.read");
        let preview =
            api.post("/v1/subscriptions/preview").key(&reader).json(&wish()).send().expect(200).json();
        let started = post(api, &house, "/v1/subscriptions", &wish(), 201);
        let (subscription, invoice) = (&started["subscription"], &started["invoice"]);
        assert_eq!(
            subscription["agreement"],
            json!({ "prices": { "team": { "amount": "8", "percent": null } }, "minimum": "30" })
        );
        assert_eq!(subscription["term"], json!({ "months": 12, "renews": false, "ends": "2027-01-15" }));
        let step = &subscription["scheduled"][0];
        assert_eq!((&step["on"], &step["change"]["quantity"]), (&json!("2026-05-01"), &json!(10)));
        assert_eq!(step["change"]["prices"]["team"]["amount"], "7");
        assert_eq!(subscription["pending"], Json::Null, "it is not for the end of this period");
        let spring = &subscription["discounts"][0];
        assert_eq!(
            (&spring["coupon"], &spring["takes"], &spring["percent"]),
            (&json!("spring"), &json!("percent"), &json!("20"))
        );
        assert_eq!(spring["left"], 2, "the first of three periods is billed");
        assert_eq!(subscription["arrears_from"], testkit::START);
        assert_eq!(subscription["usage_rhythm"], Json::Null);
        for what in ["agreement", "term", "scheduled", "discounts"] {
            assert_eq!(preview["subscription"][what], subscription[what], "{what}");
        }

        assert_eq!(figures(invoice), ["32.00", "0.00", "32.00", "finalized"]);
        let line = &invoice["lines"][0];
        assert_eq!(
            (&line["discount"]["decimal"], &line["amount"]["decimal"], &line["key"]),
            (&json!("8.00"), &json!("32.00"), &json!("team"))
        );
        for amount in ["total", "credit", "amount_due"] {
            assert_eq!(preview["invoice"][amount], invoice[amount], "{amount}");
        }
        assert_eq!(get(api, &house, SUBSCRIPTION), *subscription);

        // The ramp is climbed at the first end of a period in May, and the term ends it.
        advance(api, &house, "2026-05-20T00:00:00Z");
        let climbed = get(api, &house, SUBSCRIPTION);
        assert_eq!((&climbed["items"][0]["quantity"], &climbed["scheduled"]), (&json!(10), &json!([])));
        assert_eq!(climbed["discounts"][0]["left"], 0);
        let newest = get(api, &house, &format!("{SUBSCRIPTION}/invoices"))["data"][0].clone();
        assert_eq!(newest["subtotal"]["decimal"], "70.00");
        advance(api, &house, "2027-02-01T00:00:00Z");
        assert_eq!(get(api, &house, SUBSCRIPTION)["state"], "expired");
    });
}

#[test]
fn credit_is_shown_before_it_is_used() {
    on_both(|api| {
        let house = house(api);
        post(api, &house, "/v1/subscriptions", &wish(), 201);
        advance(api, &house, "2026-01-20T00:00:00Z");
        // Three seats less: what is not used of five is credited, and pays.
        let change = json!({ "quantity": 2 });
        let preview = tell(api, &house, "change/preview", &change);
        let changed = tell(api, &house, "change", &change);
        for amount in ["total", "credit", "amount_due"] {
            assert_eq!(preview["invoice"][amount], changed["invoice"][amount], "{amount}");
        }
        assert_eq!(changed["invoice"]["amount_due"]["decimal"], "0.00");
        // What is left of it pays a start.
        let another =
            json!({ "customer": "ext:meyer", "plan": "starter", "cycle": "month", "finalize": true });
        let preview = post(api, &house, "/v1/subscriptions/preview", &another, 200);
        let started = post(api, &house, "/v1/subscriptions", &another, 201);
        for amount in ["total", "credit", "amount_due"] {
            assert_eq!(preview["invoice"][amount], started["invoice"][amount], "{amount}");
        }
        assert_ne!(started["invoice"]["credit"]["amount"], 0);
    });
}

#[test]
fn prices_are_agreed_later_and_the_book_comes_in_force() {
    on_both(|api| {
        let house = house(api);
        let plain = json!({
            "customer": "ext:meyer", "plan": "starter", "cycle": "month", "external_id": "meyer-1", "finalize": true,
        });
        post(api, &house, "/v1/subscriptions", &plain, 201);
        let dearer = crate::api::BOOK.replace("\"49\"", "\"59\"");
        post(api, &house, "/v1/price-book", &json!({ "source": dearer }), 201);
        let writer = api.key(&house.scope, "subscription.write");
        let ask = |body: Json| api.post(&format!("{SUBSCRIPTION}/change")).key(&writer).json(&body).send();
        assert_eq!(ask(json!({ "prices": {} })).expect(409).code(), "nothing_changes");
        let refused = ask(json!({ "prices": { "starter": { "amount": "39" } } })).expect(403);
        assert_eq!(
            (refused.code().as_str(), refused.pointers()),
            ("permission_missing", vec!["/prices".to_owned()])
        );
        let repriced = ask(json!({ "reprice": true, "timing": "period_end" })).expect(200).json();
        assert_eq!(repriced["subscription"]["pending"]["reprice"], true);
        advance(api, &house, "2026-02-20T00:00:00Z");
        let newest = |api: &Api<'_>| get(api, &house, &format!("{SUBSCRIPTION}/invoices"))["data"][0].clone();
        assert_eq!(newest(api)["subtotal"]["decimal"], "59.00");
        let agreed = tell(
            api,
            &house,
            "change",
            &json!({ "prices": { "starter": { "amount": "39" } }, "timing": "period_end" }),
        );
        assert_eq!(agreed["subscription"]["pending"]["prices"]["starter"]["amount"], "39");
        advance(api, &house, "2026-03-20T00:00:00Z");
        assert_eq!(newest(api)["subtotal"]["decimal"], "39.00");
    });
}

#[test]
fn wrong_agreements_are_refused_with_their_place() {
    on_both(|api| {
        let house = house(api);
        let price = |price: Json| json!({ "prices": { "team": price } });
        let step = |on: &str, change: Json| json!([{ "on": on, "change": change }]);
        let two = json!([{ "on": "2026-05-01", "change": {} }, { "on": "2026-05-01", "change": { "quantity": 2 } }]);
        for (field, value, status, code, pointer) in [
            (
                "agreement",
                price(json!({ "amount": "8,50" })),
                422,
                "price_malformed",
                "/agreement/prices/team/amount",
            ),
            (
                "agreement",
                price(json!({ "amount": "-8" })),
                422,
                "price_out_of_range",
                "/agreement/prices/team/amount",
            ),
            (
                "agreement",
                price(json!({ "amount": 8 })),
                422,
                "body_invalid",
                "/agreement/prices/team/amount",
            ),
            (
                "agreement",
                price(json!({ "percent": "many" })),
                422,
                "rate_malformed",
                "/agreement/prices/team/percent",
            ),
            (
                "agreement",
                price(json!({ "percent": "5" })),
                422,
                "price_not_negotiable",
                "/agreement/prices/team",
            ),
            (
                "agreement",
                json!({ "prices": { "x~y/z": { "amount": "?" } } }),
                422,
                "price_malformed",
                "/agreement/prices/x~0y~1z/amount",
            ),
            (
                "agreement",
                json!({ "prices": { "nothing": {} } }),
                422,
                "price_not_negotiable",
                "/agreement/prices/nothing",
            ),
            ("agreement", json!({ "minimum": "much" }), 422, "price_malformed", "/agreement/minimum"),
            ("agreement", json!({ "maximum": "9" }), 422, "body_invalid", "/agreement/maximum"),
            ("term", json!({ "months": 0, "renews": true }), 422, "term_invalid", "/term/months"),
            ("term", json!({ "months": 121, "renews": true }), 422, "term_invalid", "/term/months"),
            ("term", json!({ "months": -1, "renews": true }), 422, "body_invalid", "/term/months"),
            ("term", json!({ "months": 12 }), 422, "body_invalid", "/term"),
            ("ramp", two, 422, "ramp_invalid", "/ramp"),
            ("ramp", step("soon", json!({})), 422, "time_malformed", "/ramp/0/on"),
            (
                "ramp",
                step("2026-05-01", json!({ "cycle": "fortnight" })),
                422,
                "cycle_malformed",
                "/ramp/0/change/cycle",
            ),
            (
                "ramp",
                step("2026-05-01", json!({ "prices": { "team": { "amount": "" } } })),
                422,
                "price_malformed",
                "/ramp/0/change/prices/team/amount",
            ),
            (
                "ramp",
                step("2026-05-01", json!({ "timing": "now" })),
                422,
                "body_invalid",
                "/ramp/0/change/timing",
            ),
            ("coupons", json!(["nothing"]), 422, "coupon_unknown", "/coupons"),
            ("coupons", json!(["gone"]), 422, "coupon_expired", "/coupons"),
            ("coupons", json!(["five"]), 422, "coupon_not_for_plan", "/coupons"),
            ("coupons", json!(["spring", "SPRING26"]), 409, "coupon_twice", "/coupons"),
            ("coupons", json!(["spring", "alone"]), 409, "coupon_not_stackable", "/coupons"),
            ("coupons", json!("spring"), 422, "body_invalid", "/coupons"),
        ] {
            let mut body = wish();
            body[field] = value;
            for path in ["/v1/subscriptions/preview", "/v1/subscriptions"] {
                let answer = api.post(path).key(&house.all).json(&body).send().expect(status);
                assert_eq!(
                    (answer.code().as_str(), answer.pointers()),
                    (code, vec![pointer.to_owned()]),
                    "{path} {body}"
                );
            }
        }
        post(api, &house, "/v1/subscriptions", &wish(), 201);
        for (prices, code, pointer) in [
            (json!({ "team": { "amount": "x" } }), "price_malformed", "/prices/team/amount"),
            (json!({ "nothing": { "amount": "1" } }), "price_not_negotiable", "/prices/nothing"),
        ] {
            for verb in ["change/preview", "change"] {
                let body = json!({ "prices": prices });
                let answer = api
                    .post(&format!("{SUBSCRIPTION}/{verb}"))
                    .key(&house.all)
                    .json(&body)
                    .send()
                    .expect(422);
                assert_eq!(
                    (answer.code().as_str(), answer.pointers()),
                    (code, vec![pointer.to_owned()]),
                    "{verb} {body}"
                );
            }
        }
    });
}
