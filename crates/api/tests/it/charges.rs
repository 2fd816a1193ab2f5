//! One-off charges, starts that lie ahead, and moving subscriptions to a new price book.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, BOOK, House, on_both},
    journey::{get, post},
};

fn house(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    post(api, &house, "/v1/customers", &customer, 201);
    house
}

fn wish() -> Json {
    json!({ "customer": "ext:meyer", "plan": "starter", "cycle": "month", "external_id": "s", "finalize": true })
}

#[test]
fn a_charge_is_previewed_added_and_taken_back() {
    on_both(|api| {
        let house = house(api);
        let mut start = wish();
        start["charges"] = json!([{ "key": "setup", "quantity": 2 }]);
        let started = post(api, &house, "/v1/subscriptions", &start, 201);
        assert_eq!(started["invoice"]["total"]["amount"], 54_900, "49 and 2 × 250");
        let path = "/v1/subscriptions/ext:s/charges";
        let agreed = json!({ "description": "Training", "amount": "99.5", "bill": "now" });
        let preview = post(api, &house, &format!("{path}/preview"), &agreed, 200);
        let added = post(api, &house, path, &agreed, 201);
        for field in ["subtotal", "total", "taxes"] {
            assert_eq!(preview["invoice"][field], added["invoice"][field], "{field}");
        }
        assert_eq!((&added["charge"]["state"], &added["charge"]["number"]), (&json!("billed"), &json!(1)));
        let waiting = post(api, &house, path, &json!({ "key": "setup" }), 201);
        assert_eq!((&waiting["charge"]["state"], &waiting["invoice"]), (&json!("waiting"), &Json::Null));
        let taken = api.call("DELETE", &format!("{path}/2")).key(&house.all).json(&json!({})).send();
        assert_eq!(taken.expect(200).json()["line"]["amount"]["amount"], 25_000);
        let again = api.call("DELETE", &format!("{path}/1")).key(&house.all).json(&json!({})).send();
        assert_eq!(again.expect(409).code(), "charge_billed");
        let all = get(api, &house, path);
        let numbers: Vec<_> = all["data"].as_array().unwrap().iter().map(|one| &one["number"]).collect();
        assert_eq!(numbers, [1, 0]);
        let wrong = api.post(path).key(&house.all).json(&json!({ "key": "nothing" })).send().expect(422);
        assert_eq!((wrong.code().as_str(), wrong.pointers()), ("addon_unknown", vec!["/key".to_owned()]));
    });
}

#[test]
fn a_start_ahead_is_scheduled_and_shown_with_its_first_invoice() {
    on_both(|api| {
        let house = house(api);
        let mut start = wish();
        start["start"] = json!("2026-03-01T00:00:00Z");
        let preview = post(api, &house, "/v1/subscriptions/preview", &start, 200);
        assert_eq!(preview["invoice"]["total"]["amount"], 4_900);
        assert_eq!(preview["invoice"]["due"], "2026-03-01T00:00:00Z");
        let started = post(api, &house, "/v1/subscriptions", &start, 201);
        let subscription = &started["subscription"];
        assert_eq!((&subscription["state"], &started["invoice"]), (&json!("scheduled"), &Json::Null));
        assert_eq!(subscription["next_due"], "2026-03-01T00:00:00Z");
        let foreseen =
            get(api, &house, "/v1/bill-runs/forecast?from=2026-03-01T00:00:00Z&until=2026-03-01T00:00:00Z");
        let begins = foreseen["events"].as_array().unwrap().iter().filter(|one| one["what"] == "start");
        assert_eq!(begins.count(), 1);
        assert_eq!(foreseen["invoices"][0]["amount_due"]["currency"], "USD");
    });
}

#[test]
fn subscriptions_are_moved_to_a_new_book_by_a_job() {
    on_both(|api| {
        let house = house(api);
        post(api, &house, "/v1/subscriptions", &wish(), 201);
        let dearer = json!({ "source": BOOK.replace("\"49\"", "\"59\"") });
        post(api, &house, "/v1/price-book", &dearer, 201);
        let reader = api.key(&house.scope, "subscription.read");
        let preview = api.post("/v1/price-book/migration/preview").key(&reader);
        let preview = preview.json(&json!({ "plans": ["starter"], "limit": 1 })).send().expect(200).json();
        assert!(preview["more"].as_u64().unwrap() > 1, "{preview}");
        let first = &preview["data"][0];
        let fees = |side: &str| first[side]["fees"]["amount"].clone();
        assert_eq!((fees("now"), fees("then")), (json!(4_900), json!(5_900)));
        let next = json!({ "plans": ["starter"], "limit": 1, "after": preview["next"] });
        let second = post(api, &house, "/v1/price-book/migration/preview", &next, 200);
        assert_ne!(second["data"][0]["subscription"], first["subscription"]);
        let job = post(api, &house, "/v1/price-book/migration", &json!({ "timing": "now" }), 202);
        assert_eq!(job["kind"], "subscription.migration");
        let twice = api.post("/v1/price-book/migration").key(&house.all).json(&json!({})).send();
        assert!([202, 409].contains(&twice.status), "{}", twice.text);
    });
}
