//! A trial is extended, converted and billed; access is switched off and on again.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    journey::{get, post},
    lifecycle::{SUBSCRIPTION, advance, figures, refused, tell},
};

/// Starter with two more users, to be tried first.
fn wish() -> Json {
    json!({
        "customer": "ext:meyer", "plan": "starter", "cycle": "month", "addons": { "extra_user": 2 },
        "external_id": "meyer-1", "trial": true,
    })
}

/// A customer who tries it for fourteen days from 15 January on.
fn meyer(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    post(api, &house, "/v1/customers", &customer, 201);
    let preview = post(api, &house, "/v1/subscriptions/preview", &wish(), 200);
    assert_eq!(preview["subscription"]["trial_end"], "2026-01-29T00:00:00Z");
    let started = post(api, &house, "/v1/subscriptions", &wish(), 201);
    assert_eq!((&started["subscription"]["state"], &started["invoice"]), (&json!("trialing"), &Json::Null));
    assert_eq!(trial(&started["subscription"]), ("2026-01-29T00:00:00Z", false));
    house
}

/// The end of a subscription's trial, and whether a method of payment is on file.
fn trial(subscription: &Json) -> (&str, bool) {
    (subscription["trial_end"].as_str().unwrap(), subscription["has_method"].as_bool().unwrap())
}

/// What came of a command that makes no document: the subscription.
fn unbilled(changed: &Json) -> &Json {
    assert_eq!((&changed["credit_notes"], &changed["invoice"]), (&json!([]), &Json::Null));
    &changed["subscription"]
}

/// Its state and when it falls due next.
fn standing(subscription: &Json) -> (&str, Option<&str>) {
    (subscription["state"].as_str().unwrap(), subscription["next_due"].as_str())
}

#[test]
fn from_a_trial_to_a_reinstatement() {
    on_both(|api| {
        let house = meyer(api);
        extend_and_pay(api, &house);
        suspend_and_reinstate(api, &house);
        // One trial for each customer, whatever became of it.
        let mut again = wish();
        again["external_id"] = Json::Null;
        let answer = api.post("/v1/subscriptions").key(&house.all).json(&again).send().expect(409);
        assert_eq!(answer.code(), "trial_used");
        let balance = get(api, &house, "/v1/ledger/trial-balance");
        assert_eq!(balance["totals"][0]["balance"]["amount"], 0);
    });
}

/// Seven days more, with a method of payment at the end: it is billed from there on.
fn extend_and_pay(api: &Api<'_>, house: &House) {
    let extended = tell(api, house, "extend-trial", &json!({ "days": 7 }));
    let subscription = unbilled(&extended);
    assert_eq!(trial(subscription), ("2026-02-05T00:00:00Z", false));
    assert_eq!(standing(subscription), ("trialing", Some("2026-02-05T00:00:00Z")));
    assert_eq!(*subscription, get(api, house, SUBSCRIPTION));
    let told = tell(api, house, "payment-method", &json!({ "on_file": true }));
    assert_eq!(trial(unbilled(&told)), ("2026-02-05T00:00:00Z", true));
    assert_eq!(refused(api, house, "reinstate", &json!({})), "transition_illegal");
    assert_eq!(refused(api, house, "pause", &json!({})), "transition_illegal");

    advance(api, house, "2026-02-05T09:00:00Z");
    let converted = get(api, house, SUBSCRIPTION);
    assert_eq!(standing(&converted), ("active", Some("2026-03-05T00:00:00Z")));
    assert_eq!(trial(&converted), ("2026-02-05T00:00:00Z", true), "it is still told");
    let invoices = get(api, house, &format!("{SUBSCRIPTION}/invoices"))["data"].clone();
    assert_eq!(invoices.as_array().unwrap().len(), 1);
    assert_eq!(figures(&invoices[0]), ["59.00", "0.00", "59.00", "finalized"]);
    let facts = get(api, house, &format!("/v1/facts?subject={}", converted["id"].as_str().unwrap()));
    let types: Vec<_> =
        facts["data"].as_array().unwrap().iter().map(|fact| fact["type"].as_str().unwrap()).collect();
    let expected = [
        "subscription.trial_ended",
        "subscription.trial_reminder",
        "subscription.trial_reminder",
        "subscription.trial_reminder",
        "subscription.method_set",
        "subscription.trial_extended",
        "subscription.started",
    ];
    assert_eq!(types, expected);
    assert_eq!(refused(api, house, "convert", &json!({})), "transition_illegal");
    assert_eq!(refused(api, house, "extend-trial", &json!({ "days": 7 })), "transition_illegal");
}

/// Within the paid period it goes on as it was; after it the rest of the running one is charged.
fn suspend_and_reinstate(api: &Api<'_>, house: &House) {
    let nothing = json!({});
    let suspended = tell(api, house, "suspend", &nothing);
    assert_eq!(standing(unbilled(&suspended)), ("suspended", None));
    assert_eq!(refused(api, house, "suspend", &nothing), "transition_illegal");
    assert_eq!(refused(api, house, "change", &json!({ "plan": "professional" })), "transition_illegal");
    advance(api, house, "2026-02-10T09:00:00Z");
    let back = tell(api, house, "reinstate", &nothing);
    assert_eq!(standing(unbilled(&back)), ("active", Some("2026-03-05T00:00:00Z")));

    tell(api, house, "suspend", &nothing);
    advance(api, house, "2026-03-10T09:00:00Z");
    let back = tell(api, house, "reinstate", &nothing);
    assert_eq!(standing(&back["subscription"]), ("active", Some("2026-04-05T00:00:00Z")));
    // 26 of 31 days: 41.10 of Starter and 8.39 of the users.
    assert_eq!(figures(&back["invoice"]), ["49.49", "0.00", "49.49", "finalized"]);
    assert_eq!(back["credit_notes"], json!([]));
}

#[test]
fn a_trial_is_converted_early_or_after_it_was_suspended() {
    on_both(|api| {
        let house = meyer(api);
        advance(api, &house, "2026-01-20T09:00:00Z");
        let converted = tell(api, &house, "convert", &json!({}));
        assert_eq!(standing(&converted["subscription"]), ("active", Some("2026-02-20T00:00:00Z")));
        assert_eq!(trial(&converted["subscription"]), ("2026-01-20T09:00:00Z", false));
        assert_eq!(figures(&converted["invoice"]), ["59.00", "0.00", "59.00", "finalized"]);

        let house = meyer(api);
        advance(api, &house, "2026-02-01T09:00:00Z");
        assert_eq!(standing(&get(api, &house, SUBSCRIPTION)), ("suspended", None), "nobody pays");
        let told = tell(api, &house, "payment-method", &json!({ "on_file": true }));
        assert_eq!(standing(unbilled(&told)), ("suspended", None));
        let back = tell(api, &house, "reinstate", &json!({}));
        assert_eq!(standing(&back["subscription"]), ("active", Some("2026-03-01T00:00:00Z")));
        assert_eq!(figures(&back["invoice"]), ["59.00", "0.00", "59.00", "finalized"]);
    });
}

#[test]
fn without_a_trial_its_end_is_null() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let shown = get(api, &house, &format!("/v1/subscriptions/{}", house.known.running));
        assert_eq!((&shown["trial_end"], &shown["has_method"]), (&Json::Null, &json!(false)));
    });
}

#[test]
fn wrong_extensions_and_methods_are_422_with_their_place() {
    on_both(|api| {
        let house = meyer(api);
        let before = get(api, &house, SUBSCRIPTION);
        for (verb, body, code, pointer) in [
            ("extend-trial", json!({ "days": 0 }), "extension_invalid", "/days"),
            ("extend-trial", json!({ "days": 91 }), "extension_invalid", "/days"),
            ("extend-trial", json!({ "days": -1 }), "body_invalid", "/days"),
            ("extend-trial", json!({ "days": 65_536 }), "body_invalid", "/days"),
            ("extend-trial", json!({ "days": 1.5 }), "body_invalid", "/days"),
            ("extend-trial", json!({ "days": "7" }), "body_invalid", "/days"),
            ("extend-trial", json!({}), "body_invalid", ""),
            ("payment-method", json!({ "on_file": "yes" }), "body_invalid", "/on_file"),
            ("payment-method", json!({ "on_file": null }), "body_invalid", "/on_file"),
            ("payment-method", json!({}), "body_invalid", ""),
        ] {
            let path = format!("{SUBSCRIPTION}/{verb}");
            let answer = api.post(&path).key(&house.all).json(&body).send().expect(422);
            let told = (answer.code(), answer.pointers());
            assert_eq!(told, (code.to_owned(), vec![pointer.to_owned()]), "{verb} {body}");
        }
        assert_eq!(get(api, &house, SUBSCRIPTION), before);
    });
}
