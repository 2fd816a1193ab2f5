//! Events that come late, are backfilled, corrected or voided end as lines and credit notes of their difference.

use billing::simulate::{Ask, simulate};
use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, BOOK, House, on_both},
    journey::{get, post},
};

fn call(id: &str, time: &str) -> Json {
    json!({
        "specversion": "1.0", "id": id, "source": "test", "type": "calls", "subject": "measured", "time": time,
    })
}

fn send(api: &Api<'_>, house: &House, query: &str, events: &[Json]) -> Json {
    let body = Json::from(events.to_vec()).to_string();
    let sent = api.post(&format!("/v1/events{query}")).key(&house.all).raw(body);
    let answer = sent.header("Content-Type", "application/cloudevents-batch+json").send().expect(200).json();
    billing::usage::follow(&api.test.db, &house.scope).unwrap();
    answer
}

fn run_jobs(api: &Api<'_>) {
    let kinds = server::job_kinds(&metering::Options::default());
    jobs::Runner::new(api.test.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
}

/// Move the clock, with all that falls due.
fn advance(api: &Api<'_>, house: &House, to: &str) {
    post(api, house, "/v1/sandbox/clock/advance", &json!({ "to": to }), 202);
    run_jobs(api);
}

/// The usage lines of the newest invoice of `measured`: start of their period, what was measured, before the coupon.
fn usage_lines(api: &Api<'_>, house: &House) -> Vec<(String, String, i64)> {
    let newest = get(api, house, "/v1/subscriptions/ext:measured/invoices")["data"][0].clone();
    let lines = get(api, house, &format!("/v1/invoices/{}", newest["id"].as_str().unwrap()))["lines"].clone();
    let of_usage = lines.as_array().unwrap().iter().filter(|line| line["kind"] == "usage").cloned();
    let shown = |line: Json| {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let amount =
            line["amount"]["amount"].as_i64().unwrap() + line["discount"]["amount"].as_i64().unwrap_or(0);
        (text(&line["period"]["start_date"]), text(&line["measured"]), amount)
    };
    // What is within the soft limit costs nothing.
    of_usage.map(shown).filter(|(.., amount)| *amount != 0).collect()
}

/// What was credited on the invoices of `measured`, before the coupon's share.
fn credited(api: &Api<'_>, house: &House) -> i64 {
    let invoices = get(api, house, "/v1/subscriptions/ext:measured/invoices?limit=100")["data"].clone();
    let of = |invoice: &Json| {
        let notes =
            get(api, house, &format!("/v1/invoices/{}/credit-notes", invoice["id"].as_str().unwrap()));
        let notes =
            notes["data"].as_array().cloned().or_else(|| notes.as_array().cloned()).unwrap_or_default();
        notes.iter().map(|note| note["subtotal"]["amount"].as_i64().unwrap_or(0)).sum::<i64>()
    };
    invoices.as_array().unwrap().iter().map(of).sum()
}

fn reconciled(api: &Api<'_>, house: &House) -> Json {
    let job = post(api, house, "/v1/reconciliations", &json!({}), 202);
    run_jobs(api);
    get(api, house, &format!("/v1/jobs/{}", job["id"].as_str().unwrap()))["result"].clone()
}

#[test]
fn late_backfilled_corrected_and_voided_events_are_billed_as_their_difference() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        // 1,100 calls in January's stretch, with the one the house begins with 1,101: 101 beyond what is included.
        let calls: Vec<Json> = (0..1_100).map(|n| call(&n.to_string(), "2026-01-15T10:00:00Z")).collect();
        assert_eq!(send(api, &house, "", &calls)["accepted"], 1_100);
        advance(api, &house, "2026-02-12T12:00:00Z");
        assert_eq!(usage_lines(api, &house), [("2026-01-10".into(), "1101".into(), 101)]);

        // Three late, one voided, one moved to February: one more than was billed.
        let late: Vec<Json> = (0..3).map(|n| call(&format!("late-{n}"), "2026-01-31T23:59:59Z")).collect();
        assert_eq!(send(api, &house, "", &late)["accepted"], 3);
        let void = json!({ "source": "test", "id": "7" });
        assert_eq!(post(api, &house, "/v1/events/void", &void, 200)["changed"], true);
        let mut moved = call("8", "2026-02-11T00:00:00Z");
        moved.as_object_mut().unwrap().remove("specversion");
        assert_eq!(post(api, &house, "/v1/events/correct", &moved, 200)["changed"], true);
        billing::usage::follow(&api.test.db, &house.scope).unwrap();
        advance(api, &house, "2026-03-12T12:00:00Z");
        assert_eq!(usage_lines(api, &house), [("2026-01-10".into(), "1102".into(), 1)]);

        // Months later only staff may send what happened then.
        advance(api, &house, "2026-05-12T12:00:00Z");
        let old: Vec<Json> = (0..10).map(|n| call(&format!("old-{n}"), "2026-01-20T00:00:00Z")).collect();
        assert_eq!(send(api, &house, "", &old)["receipts"][0]["error"]["code"], "too_old");
        assert_eq!(send(api, &house, "?backfill=true", &old)["accepted"], 10);
        advance(api, &house, "2026-06-12T12:00:00Z");
        assert_eq!(usage_lines(api, &house), [("2026-01-10".into(), "1112".into(), 10)]);

        // And what is taken away is credited.
        assert_eq!(credited(api, &house), 0);
        for n in 100..150 {
            post(api, &house, "/v1/events/void", &json!({ "source": "test", "id": n.to_string() }), 200);
        }
        billing::usage::follow(&api.test.db, &house.scope).unwrap();
        advance(api, &house, "2026-07-12T12:00:00Z");
        assert!((1..=50).contains(&credited(api, &house)), "{}", credited(api, &house));

        let report = reconciled(api, &house);
        assert_eq!((&report["differences"], &report["named"]), (&json!(0), &json!([])), "{report}");
        let critical = &report["critical"][0];
        assert_eq!(
            (&critical["meter"], &critical["source"], &critical["sum"]),
            (
                &json!("calls"),
                // 1,101 + 3 + 10 came and 51 were voided.
                &json!("-1063"),
                &json!("0")
            )
        );
        // All of it is billed: what January's stretch came to after the credit, and the one call of February's.
        assert_eq!((&critical["usage"], &critical["billed"]), (&json!("0"), &json!("1063")), "{critical}");

        // Under the same prices the past comes to what was billed less what was credited.
        let book = catalog::read("same.toml", BOOK).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let (from, to) = ("2026-01-10T00:00:00Z".parse().unwrap(), "2026-02-10T00:00:00Z".parse().unwrap());
        let ask = Ask { book: &book, plans: Default::default(), from, to };
        let simulation = simulate(&api.test.db, &house.scope, &ask).unwrap();
        let [sums] = simulation.totals.values().collect::<Vec<_>>()[..] else { panic!("{simulation:?}") };
        assert_eq!(sums.would_be, sums.billed, "{simulation:?}");
    });
}
