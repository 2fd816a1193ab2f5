//! Bill runs are listed, asked for and foreseen.

use billing::bill_run::job_kind;
use jobs::{JobKind, Runner};
use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    journey::{get, post},
    lifecycle::advance,
};

fn run_jobs(api: &Api<'_>) {
    let test = JobKind { name: "test", run: std::sync::Arc::new(|_| Ok(json!({}))) };
    Runner::new(api.test.db.clone(), vec![job_kind(), test], Vec::new()).run_until_idle().unwrap();
}

/// A sandbox in which nothing is due and no run goes on.
fn settled(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    post(api, &house, "/v1/bill-runs", &json!({}), 202);
    run_jobs(api);
    assert_eq!(get(api, &house, "/v1/bill-runs")["data"][0]["state"], "done");
    house
}

/// The sandbox's `measured` subscription was due before it was made, once: 10 less a fifth.
#[test]
fn a_run_says_what_it_billed() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let path = format!("/v1/bill-runs/{}", house.known.bill_run.unwrap());
        let run = get(api, &house, &path);
        assert_eq!((&run["subscriptions"], &run["invoices"]), (&json!(1), &json!(1)), "{run}");
        assert_eq!(run["totals"][0]["total"]["decimal"], "8.00");
        assert_eq!(
            (&run["first_due"], &run["last_due"]),
            (&json!("2026-01-10T00:00:00Z"), &json!("2026-01-10T00:00:00Z"))
        );
        assert_eq!(get(api, &house, "/v1/bill-runs")["data"], json!([run]));
        let invoices = get(api, &house, &format!("{path}/invoices"));
        assert_eq!(
            (&invoices["data"][0]["total"]["decimal"], &invoices["next"]),
            (&json!("8.00"), &Json::Null)
        );
        let numbers: Vec<Json> = [get(api, &house, &format!("{path}/invoices?limit=1"))]
            .iter()
            .map(|page| page["data"][0]["number"].clone())
            .collect();
        assert_eq!(numbers, ["INV-000004"]);
    });
}

#[test]
fn what_is_due_is_billed_when_somebody_asks() {
    on_both(|api| {
        let house = settled(api);
        let backdated = json!({
            "customer": house.known.customer, "plan": "starter", "cycle": "month", "start": "2025-11-15T00:00:00Z",
            "finalize": true,
        });
        post(api, &house, "/v1/subscriptions", &backdated, 201);
        let at = json!({ "at": "2025-12-20T00:00:00Z" });
        let dry = post(
            api,
            &house,
            "/v1/bill-runs",
            &json!({ "at": "2025-12-20T00:00:00Z", "dry_run": true }),
            200,
        );
        assert_eq!(
            (&dry["invoice_count"], &dry["totals"][0]["decimal"]),
            (&json!(1), &json!("49.00")),
            "{dry}"
        );
        assert_eq!(
            (&dry["events"][0]["what"], &dry["events"][0]["at"]),
            (&json!("renewal"), &json!("2025-12-15T00:00:00Z"))
        );
        let job = post(api, &house, "/v1/bill-runs", &at, 202);
        assert_eq!((&job["kind"], &job["state"]), (&json!("bill.run"), &json!("queued")));
        run_jobs(api);
        let done = get(api, &house, &format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
        assert_eq!((&done["state"], &done["result"]), (&json!("done"), &json!({ "done": 1 })));
        let runs = get(api, &house, "/v1/bill-runs")["data"].clone();
        assert_eq!(runs.as_array().unwrap().len(), 2);
        assert_eq!((&runs[0]["begun_by"], &runs[0]["state"]), (&job["id"], &json!("done")));
        assert_eq!(runs[0]["totals"][0]["total"]["decimal"], "49.00");
        // The rest of it, and nothing twice.
        post(api, &house, "/v1/bill-runs", &json!({}), 202);
        post(api, &house, "/v1/bill-runs", &json!({}), 202);
        run_jobs(api);
        let runs = get(api, &house, "/v1/bill-runs")["data"].clone();
        assert_eq!((runs.as_array().unwrap().len(), &runs[0]["invoices"]), (3, &json!(1)), "January's");
    });
}

#[test]
fn a_forecast_is_what_then_comes_about() {
    on_both(|api| {
        let house = settled(api);
        let foreseen = get(api, &house, "/v1/bill-runs/forecast?until=2026-02-20T00:00:00Z&limit=1000");
        let what: Vec<&str> =
            foreseen["events"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
        for word in ["trial_end", "cancellation", "renewal"] {
            assert!(what.contains(&word), "{what:?}");
        }
        let few = get(api, &house, "/v1/bill-runs/forecast?until=2026-02-20T00:00:00Z&limit=1");
        assert_eq!(
            (few["events"].as_array().unwrap().len(), &few["event_count"]),
            (1, &foreseen["event_count"])
        );
        assert_eq!(
            (&few["invoice_count"], &few["totals"]),
            (&foreseen["invoice_count"], &foreseen["totals"])
        );
        advance(api, &house, "2026-02-20T00:00:00Z");
        let run = get(api, &house, "/v1/bill-runs")["data"][0].clone();
        assert_eq!(run["invoices"], foreseen["invoice_count"]);
        assert_eq!(run["totals"][0]["total"], foreseen["totals"][0], "no tax is charged here");
        assert_eq!(
            get(api, &house, "/v1/bill-runs/forecast?until=2026-02-20T00:00:00Z&from=2026-02-01T00:00:00Z")["events"],
            json!([]),
            "what is over is not ahead"
        );
    });
}

#[test]
fn wrong_runs_and_forecasts_are_refused_with_their_place() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        for (body, code, pointer) in [
            (json!({ "at": "2026-02-01T00:00:00Z" }), "run_in_future", "/at"),
            (json!({ "at": "soon" }), "time_malformed", "/at"),
            (json!({ "at": "2027-06-01T00:00:00Z", "dry_run": true }), "forecast_too_far", "/at"),
            (json!({ "dry_run": "yes" }), "body_invalid", "/dry_run"),
        ] {
            let answer = api.post("/v1/bill-runs").key(&house.all).json(&body).send().expect(422);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                (code, vec![pointer.to_owned()]),
                "{body}"
            );
        }
        for (query, code) in [
            ("", "query_invalid"),
            ("?until=tomorrow", "time_malformed"),
            ("?until=2026-02-01T00:00:00Z&from=x", "time_malformed"),
            ("?until=2027-06-01T00:00:00Z", "forecast_too_far"),
            ("?until=2026-02-01T00:00:00Z&limit=1001", "limit_out_of_range"),
            ("?until=2026-02-01T00:00:00Z&nonsense=1", "query_invalid"),
        ] {
            let answer =
                api.get(&format!("/v1/bill-runs/forecast{query}")).key(&house.all).send().expect(422);
            assert_eq!(answer.code(), code, "{query}");
        }
        let nothing = api.get("/v1/bill-runs/forecast?until=2026-01-01T00:00:00Z").key(&house.all).send();
        assert_eq!(nothing.expect(200).json()["event_count"], 0);
    });
}
