//! A subscription changes, is canceled, kept on, paused and resumed, and what that does to money.

use billing::clock::advance_job_kind;
use jobs::{JobKind, Runner};
use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    journey::{get, post},
};

pub const SUBSCRIPTION: &str = "/v1/subscriptions/ext:meyer-1";

pub fn tell(api: &Api<'_>, house: &House, verb: &str, body: &Json) -> Json {
    post(api, house, &format!("{SUBSCRIPTION}/{verb}"), body, 200)
}

pub fn refused(api: &Api<'_>, house: &House, verb: &str, body: &Json) -> String {
    api.post(&format!("{SUBSCRIPTION}/{verb}")).key(&house.all).json(body).send().expect(409).code()
}

/// Move the clock and do what falls due on the way.
pub fn advance(api: &Api<'_>, house: &House, to: &str) {
    post(api, house, "/v1/sandbox/clock/advance", &json!({ "to": to }), 202);
    let test = JobKind { name: "test", run: std::sync::Arc::new(|_| Ok(json!({}))) };
    let runner = Runner::new(api.test.db.clone(), vec![advance_job_kind(), test], Vec::new());
    runner.run_until_idle().unwrap();
    assert_eq!(get(api, house, "/v1/sandbox/clock")["at"], to);
}

/// A customer with Starter and two more users from 15 January on: 59 dollars a month, billed.
fn meyer(api: &Api<'_>) -> (House, Json) {
    let house = api.environment(Mode::Sandbox);
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    post(api, &house, "/v1/customers", &customer, 201);
    let start = json!({
        "customer": "ext:meyer", "plan": "starter", "cycle": "month", "addons": { "extra_user": 2 },
        "external_id": "meyer-1", "finalize": true,
    });
    let started = post(api, &house, "/v1/subscriptions", &start, 201);
    (house, started["invoice"].clone())
}

/// What the customer has to its credit.
fn credit(api: &Api<'_>, house: &House) -> String {
    let credit = get(api, house, "/v1/customers/ext:meyer/credit");
    let balances = credit["balances"].as_array().unwrap();
    assert!(balances.iter().all(|one| one["legal_entity"] == json!(house.known.entity)), "{credit}");
    match balances.as_slice() {
        [] => "none".to_owned(),
        [one] => one["balance"]["decimal"].as_str().unwrap().to_owned(),
        _ => panic!("{credit}"),
    }
}

/// Total, credit and what is left to pay of an invoice, and its state.
pub fn figures(invoice: &Json) -> [&str; 4] {
    let amount = |name: &str| invoice[name]["decimal"].as_str().unwrap();
    [amount("total"), amount("credit"), amount("amount_due"), invoice["state"].as_str().unwrap()]
}

/// The lines of a document without what only a stored one has.
fn lines(document: &Json, without: &[&str]) -> Vec<Json> {
    let mut lines = document.as_array().unwrap().clone();
    for line in &mut lines {
        line.as_object_mut().unwrap().retain(|key, _| !without.contains(&key.as_str()));
    }
    lines
}

#[test]
fn from_a_change_to_a_resumption() {
    on_both(|api| {
        let (house, first) = meyer(api);
        assert_eq!(figures(&first), ["59.00", "0.00", "59.00", "finalized"]);
        assert_eq!(credit(api, &house), "none");
        advance(api, &house, "2026-01-25T09:00:00Z");
        upgrade(api, &house, &first);
        downgrade(api, &house);
        advance(api, &house, "2026-02-15T00:00:00Z");
        let renewed = get(api, &house, &format!("{SUBSCRIPTION}/invoices"))["data"][0].clone();
        assert_eq!(figures(&renewed), ["59.00", "59.00", "0.00", "paid"]);
        assert_eq!(credit(api, &house), "42.62");
        schedule(api, &house);
        pause_and_resume(api, &house);
        invoices_page(api, &house);
    });
}

/// Ten of 31 days were used: 21 days of Starter are credited, and of Professional charged.
fn upgrade(api: &Api<'_>, house: &House, first: &Json) {
    let change = json!({ "plan": "professional" });
    let preview = tell(api, house, "change/preview", &change);
    let before = get(api, house, SUBSCRIPTION);
    assert_eq!(before["plan"], "starter", "a preview writes nothing");
    let changed = tell(api, house, "change", &change);
    assert_eq!(changed["subscription"], preview["subscription"]);
    assert_eq!(changed["subscription"], get(api, house, SUBSCRIPTION));
    assert_eq!(
        (&preview["effective_date"], &preview["effective"]),
        (&json!("2026-01-25"), &json!("2026-01-25T09:00:00Z"))
    );

    let (note, invoice) = (&changed["credit_notes"][0], &changed["invoice"]);
    assert_eq!(changed["credit_notes"].as_array().unwrap().len(), 1);
    assert_eq!(lines(&note["lines"], &["ordinal"]), *preview["credits"].as_array().unwrap());
    assert_eq!(note["total"], preview["credited"]);
    assert_eq!(lines(&invoice["lines"], &["subscription"]), *preview["invoice"]["lines"].as_array().unwrap());
    for amount in ["total", "credit", "amount_due"] {
        assert_eq!(invoice[amount], preview["invoice"][amount], "{amount}");
    }
    assert_eq!(figures(invoice), ["134.81", "33.19", "101.62", "finalized"]);
    assert_eq!(credit(api, house), "0.00");

    let id = note["id"].as_str().unwrap();
    assert!(id.starts_with("crn_"), "{id}");
    assert_eq!((&note["number"], &note["cause"]), (&json!("INV-CN-000002"), &json!("change")));
    assert_eq!((&note["invoice"], &note["party"]["name"]), (&first["id"], &json!("Meyer")));
    assert_eq!(get(api, house, &format!("/v1/credit-notes/{id}")), *note);
    let line = &note["lines"][0];
    assert_eq!((&line["description"], &line["amount"]["decimal"]), (&json!("Starter"), &json!("33.19")));
    let derivation = &line["derivation"];
    assert_eq!(
        (&derivation["part"], &derivation["whole"], &derivation["unit"]),
        (&json!(21), &json!(31), &json!("day"))
    );
    let sentences = derivation["sentences"].as_array().unwrap();
    assert_eq!(sentences[1], "× 21/31: 21 of its 31 days are not used");

    let listed = get(api, house, &format!("/v1/invoices/{}/credit-notes", first["id"].as_str().unwrap()));
    let mut shown = note.clone();
    for of_its_page in ["lines", "taxes"] {
        shown.as_object_mut().unwrap().remove(of_its_page);
    }
    assert_eq!(listed, json!({ "data": [shown], "next": null }));
}

/// Back on the same day: what was charged is credited whole, and what was credited is charged.
fn downgrade(api: &Api<'_>, house: &House) {
    assert_eq!(refused(api, house, "change", &json!({ "plan": "professional" })), "nothing_changes");
    let changed = tell(api, house, "change", &json!({ "plan": "starter", "timing": "now" }));
    assert_eq!(changed["credit_notes"][0]["total"]["decimal"], "134.81");
    assert_eq!(figures(&changed["invoice"]), ["33.19", "33.19", "0.00", "paid"]);
    assert_eq!(credit(api, house), "101.62");
}

/// What is to happen at the end of the period is shown, and can be taken back.
fn schedule(api: &Api<'_>, house: &House) {
    let nothing = json!({});
    let at_end = json!({ "timing": "period_end" });
    assert_eq!(refused(api, house, "keep-on", &nothing), "nothing_scheduled");
    let ending = tell(api, house, "cancel", &at_end);
    assert_eq!((&ending["credit_notes"], &ending["invoice"]), (&json!([]), &Json::Null));
    let subscription = &ending["subscription"];
    assert_eq!(
        (&subscription["state"], &subscription["ends"]),
        (&json!("active"), &json!("2026-03-15T00:00:00Z"))
    );
    let kept = tell(api, house, "keep-on", &nothing);
    assert_eq!(kept["subscription"]["ends"], Json::Null);

    let change = json!({ "cycle": "year", "addons": { "extra_user": 0 }, "timing": "period_end" });
    let preview = tell(api, house, "change/preview", &change);
    assert_eq!((&preview["effective"], &preview["invoice"]), (&json!("2026-03-15T00:00:00Z"), &Json::Null));
    let waiting = tell(api, house, "change", &change)["subscription"].clone();
    assert_eq!(waiting, preview["subscription"]);
    assert_eq!(
        waiting["pending"],
        json!({
            "plan": null, "cycle": "year", "quantity": null, "addons": { "extra_user": 0 }, "prices": {},
            "minimum": null, "term": null, "coupon": null,
            "reprice": false,
        })
    );
    assert_eq!(tell(api, house, "keep-on", &nothing)["subscription"]["pending"], Json::Null);

    // Only what it has now is shown: an add-on that ended is not, and comes back in its place.
    let items = |subscription: &Json| subscription["items"].as_array().unwrap().len();
    let ended = tell(api, house, "change", &json!({ "addons": { "extra_user": 0 } }));
    assert_eq!((items(&ended["subscription"]), ended["invoice"].is_null()), (1, true));
    let back = tell(api, house, "change", &json!({ "addons": { "extra_user": 2 } }));
    assert_eq!(items(&back["subscription"]), 2);
    assert_eq!(credit(api, house), "42.62", "ended and restored within one day");
}

/// 23 of 28 days are credited; fourteen days later the rest of the period is charged.
fn pause_and_resume(api: &Api<'_>, house: &House) {
    let nothing = json!({});
    advance(api, house, "2026-02-20T10:00:00Z");
    let paused = tell(api, house, "pause", &nothing);
    let total: i64 = paused["credit_notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            assert_eq!(note["cause"], "pause");
            note["total"]["amount"].as_i64().unwrap()
        })
        .sum();
    assert_eq!(total, 4846, "40.25 of Starter and 8.21 of the users");
    let subscription = &paused["subscription"];
    assert_eq!((&subscription["state"], &subscription["next_due"]), (&json!("paused"), &Json::Null));
    assert_eq!(credit(api, house), "91.08");
    assert_eq!(refused(api, house, "pause", &nothing), "transition_illegal");
    assert_eq!(refused(api, house, "change", &json!({ "plan": "professional" })), "transition_illegal");

    advance(api, house, "2026-03-01T10:00:00Z");
    let resumed = tell(api, house, "resume", &nothing);
    assert_eq!(resumed["credit_notes"], json!([]));
    assert_eq!(figures(&resumed["invoice"]), ["29.50", "29.50", "0.00", "paid"]);
    let subscription = &resumed["subscription"];
    assert_eq!(
        (&subscription["state"], &subscription["next_due"]),
        (&json!("active"), &json!("2026-03-15T00:00:00Z"))
    );
    assert_eq!(credit(api, house), "61.58");
    let trial = get(api, house, "/v1/ledger/trial-balance");
    assert_eq!(trial["totals"][0]["balance"]["amount"], 0);
}

/// The invoices of the subscription, two at a time.
fn invoices_page(api: &Api<'_>, house: &House) {
    let path = format!("{SUBSCRIPTION}/invoices");
    let whole = get(api, house, &format!("{path}?limit=100"));
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let page = get(api, house, &format!("{path}?limit=2{next}"));
        ids.extend(page["data"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&after={cursor}"),
            None => break,
        }
    }
    assert_eq!((json!(ids), ids.len()), (whole["data"].clone(), 6));
}

#[test]
fn canceling_at_once_credits_what_is_not_used() {
    on_both(|api| {
        let (house, _) = meyer(api);
        advance(api, &house, "2026-01-25T09:00:00Z");
        let canceled = tell(api, &house, "cancel", &json!({ "timing": "now" }));
        let subscription = &canceled["subscription"];
        assert_eq!((&subscription["state"], &subscription["next_due"]), (&json!("canceled"), &Json::Null));
        assert_eq!(subscription["ends"], "2026-01-25T09:00:00Z");
        // The day of the cancellation is paid for: 20 of 31 days are left.
        assert_eq!(canceled["credit_notes"][0]["total"]["decimal"], "38.06");
        assert_eq!(canceled["credit_notes"][0]["cause"], "cancellation");
        assert_eq!(refused(api, &house, "keep-on", &json!({})), "transition_illegal");
        assert_eq!(refused(api, &house, "cancel", &json!({ "timing": "now" })), "transition_illegal");
    });
}

#[test]
fn a_draft_for_the_running_period_must_be_issued_first() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let path = format!("/v1/subscriptions/{}/change", house.known.subscription);
        for path in [format!("{path}/preview"), path] {
            let change = json!({ "plan": "professional" });
            let answer = api.post(&path).key(&house.all).json(&change).send().expect(409);
            assert_eq!(answer.code(), "invoice_is_draft", "{path}");
        }
    });
}

#[test]
fn wrong_changes_are_422_with_their_place() {
    on_both(|api| {
        let (house, _) = meyer(api);
        for (verb, body, code, pointer) in [
            ("change", json!({ "cycle": "fortnight" }), "cycle_malformed", "/cycle"),
            ("change", json!({ "timing": "tomorrow" }), "body_invalid", "/timing"),
            ("change", json!({ "quantity": 1.5 }), "body_invalid", "/quantity"),
            ("change", json!({ "plan": "platinum" }), "plan_unknown", "/plan"),
            ("change", json!({ "addons": { "nothing": 1 } }), "addon_unknown", "/addons/nothing"),
            ("change", json!({ "addons": { "extra_user": -1 } }), "quantity_invalid", "/addons/extra_user"),
            ("cancel", json!({ "timing": null }), "body_invalid", "/timing"),
            ("cancel", json!({}), "body_invalid", ""),
        ] {
            let verbs = if verb == "change" { vec!["change", "change/preview"] } else { vec![verb] };
            for verb in verbs {
                let path = format!("{SUBSCRIPTION}/{verb}");
                let answer = api.post(&path).key(&house.all).json(&body).send().expect(422);
                let told = (answer.code(), answer.pointers());
                assert_eq!(told, (code.to_owned(), vec![pointer.to_owned()]), "{verb} {body}");
            }
        }
    });
}
