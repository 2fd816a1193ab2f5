//! The slice through the house: customer, preview, subscription, invoice, ledger, facts, clock.

use billing::clock::advance_job_kind;
use jobs::Runner;
use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, CONTEXTS, House, on_both};

pub fn get(api: &Api<'_>, house: &House, path: &str) -> Json {
    api.get(path).key(&house.all).send().expect(200).json()
}

pub fn post(api: &Api<'_>, house: &House, path: &str, body: &Json, status: u16) -> Json {
    api.post(path).key(&house.all).json(body).send().expect(status).json()
}

#[test]
fn from_customer_to_ledger() {
    on_both(|api| {
        assert_eq!(CONTEXTS.len(), 9);
        let house = api.environment(Mode::Sandbox);
        let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
        post(api, &house, "/v1/customers", &customer, 201);
        let start = json!({
            "customer": "ext:meyer", "plan": "starter", "cycle": "month", "addons": { "extra_user": 2 },
            "external_id": "meyer-1",
        });
        let preview = post(api, &house, "/v1/subscriptions/preview", &start, 200);
        let started = post(api, &house, "/v1/subscriptions", &start, 201);
        let (invoice, subscription) = (&started["invoice"], &started["subscription"]);
        assert_eq!(preview["invoice"]["total"], invoice["total"]);
        assert_eq!(preview["subscription"]["period"], subscription["period"]);
        assert_eq!(invoice["total"], json!({ "amount": 5900, "currency": "USD", "decimal": "59.00" }));
        assert_eq!((&invoice["state"], &invoice["number"]), (&json!("draft"), &Json::Null));
        let line = &invoice["lines"][1];
        assert_eq!((&line["quantity"], &line["amount"]["decimal"]), (&json!(2), &json!("10.00")));
        assert!(line["explanation"]["steps"].as_array().unwrap().len() > 1, "{line}");
        assert!(line["explanation"]["sentences"][0].as_str().unwrap().contains("per user"), "{line}");

        let id = invoice["id"].as_str().unwrap();
        let issued = post(api, &house, &format!("/v1/invoices/{id}/finalize"), &json!({}), 200);
        assert_eq!((&issued["state"], &issued["number"]), (&json!("finalized"), &json!("INV-000005")));
        assert_eq!((&issued["party"]["name"], &issued["issued"]), (&json!("Meyer"), &json!("2026-01-15")));
        assert_eq!(get(api, &house, &format!("/v1/invoices/{id}")), issued);
        let again = api.post(&format!("/v1/invoices/{id}/finalize")).key(&house.all).send().expect(409);
        assert_eq!(again.code(), "invoice_not_draft");
        let of_subscription = get(api, &house, "/v1/subscriptions/ext:meyer-1/invoices");
        assert_eq!(of_subscription["data"][0]["id"], invoice["id"]);
        assert_eq!(get(api, &house, "/v1/subscriptions/ext:meyer-1"), *subscription);
        ledger_of(api, &house, id);
    });
}

fn ledger_of(api: &Api<'_>, house: &House, invoice: &str) {
    let ledger = get(api, house, &format!("/v1/invoices/{invoice}/ledger"));
    let postings = ledger["data"][0]["postings"].as_array().unwrap();
    let amounts: Vec<i64> =
        postings.iter().map(|posting| posting["amount"]["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [5900, -5900]);
    let receivable = postings[0]["account"].as_str().unwrap();
    let accounts = get(api, house, "/v1/ledger/accounts");
    let account = accounts["data"].as_array().unwrap().iter().find(|one| one["name"] == receivable).unwrap();
    let statement =
        get(api, house, &format!("/v1/ledger/accounts/{}/statement", account["id"].as_str().unwrap()));
    assert_eq!(
        (&statement["data"][0]["document"], &statement["data"][0]["balance"]["amount"]),
        (&json!(invoice), &json!(5900))
    );
    let trial = get(api, house, "/v1/ledger/trial-balance");
    assert_eq!(trial["totals"][0]["balance"]["amount"], 0);
    assert_eq!(
        trial["totals"][0]["debit"],
        json!({ "amount": 27_100, "currency": "USD", "decimal": "271.00" })
    );
    let journal = get(api, house, "/v1/ledger/transactions?limit=1");
    assert_eq!(journal["data"].as_array().unwrap().len(), 1);
    let next = journal["next"].as_str().unwrap();
    let behind = get(api, house, &format!("/v1/ledger/transactions?limit=100&after={next}"));
    let first = journal["data"][0]["id"].as_str().unwrap();
    assert!(behind["data"].as_array().unwrap().iter().all(|one| one["id"] != first), "{behind}");
    let later = get(api, house, "/v1/ledger/transactions?from=2030-01-01T00:00:00Z");
    assert_eq!(later, json!({ "data": [], "next": null }));
    let before = get(api, house, "/v1/ledger/trial-balance?as_of=2026-01-01T00:00:00Z");
    assert!(
        before["accounts"].as_array().unwrap().iter().all(|one| one["balance"]["amount"] == 0),
        "{before}"
    );
}

#[test]
fn the_clock_moves_and_bills_on_the_way() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let to = json!({ "to": "2026-03-20T00:00:00Z" });
        let ask = || {
            api.post("/v1/sandbox/clock/advance")
                .key(&house.all)
                .header("Idempotency-Key", "march")
                .json(&to)
                .send()
        };
        let job = ask().expect(202);
        assert_eq!(ask().expect(202).text, job.text, "a repetition hears the same while the clock moves");
        let clock = get(api, &house, "/v1/sandbox/clock");
        assert_eq!(clock, json!({ "at": testkit::START, "target": "2026-03-20T00:00:00Z" }));
        let customer = json!({ "name": "x", "country": "DE", "currency": "USD" });
        let refused = api.post("/v1/customers").key(&house.all).json(&customer).send().expect(409);
        assert_eq!(refused.code(), "clock_advancing");

        let test = jobs::JobKind { name: "test", run: std::sync::Arc::new(|_| Ok(json!({}))) };
        Runner::new(api.test.db.clone(), vec![advance_job_kind(), test], Vec::new())
            .run_until_idle()
            .unwrap();
        let path = format!("/v1/jobs/{}", job.json()["id"].as_str().unwrap());
        let done = get(api, &house, &path);
        assert_eq!((&done["state"], &done["runs"][0]["outcome"]), (&json!("done"), &json!("done")), "{done}");
        let clock = get(api, &house, "/v1/sandbox/clock");
        assert_eq!(clock, json!({ "at": "2026-03-20T00:00:00Z", "target": null }));
        let invoices = get(api, &house, &format!("/v1/subscriptions/{}/invoices", house.known.subscription));
        assert_eq!(invoices["data"].as_array().unwrap().len(), 3, "January, February, March");
        post(api, &house, "/v1/customers", &customer, 201);
    });
}
