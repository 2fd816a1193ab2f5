//! Events, tallies, figures and lines agree, and each damage is named.

use serde_json::{Value as Json, json};
use server::Reconciled;
use store::{Mode, statements};

use crate::api::{Api, House, on_both};

statements! {
    environment SPOIL_LINE = "UPDATE invoice_line SET measured = '7' WHERE env_id = $1 AND measured IS NOT NULL";
    environment SPOIL_AMOUNT = "UPDATE invoice_line SET amount = amount + 1 WHERE env_id = $1 AND measured IS NOT NULL";
    environment SPOIL_FIGURE = "UPDATE usage_figure SET figures = $2 WHERE env_id = $1 AND start_at < $3";
    environment SPOIL_OPEN = "UPDATE usage_figure SET figures = $2 WHERE env_id = $1 AND start_at >= $3";
}

fn reconcile(api: &Api<'_>, house: &House) -> Reconciled {
    server::reconcile(&api.test.db, &house.scope, 400).unwrap()
}

fn codes(api: &Api<'_>, house: &House) -> Vec<&'static str> {
    reconcile(api, house).proof.named.into_iter().map(|one| one.code).collect()
}

fn spoil(
    api: &Api<'_>,
    house: &House,
    statement: &'static store::Statement,
    values: Vec<store::Value<'static>>,
) {
    let scope = house.scope.clone().for_due_work();
    api.test
        .db
        .write(&scope, move |tx| tx.exec(statement, &values).map(|rows| assert!(rows > 0)))
        .wait()
        .unwrap();
}

/// A house with a billed stretch of usage and an open one.
fn house(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    send(api, &house, 10);
    let to = json!({ "to": "2026-02-12T12:00:00Z" });
    api.post("/v1/sandbox/clock/advance").key(&house.all).json(&to).send().expect(202);
    run_jobs(api);
    send(api, &house, 20);
    house
}

fn run_jobs(api: &Api<'_>) {
    let kinds = server::job_kinds(&metering::Options::default());
    jobs::Runner::new(api.test.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
}

/// Five calls, taken to their figures.
fn send(api: &Api<'_>, house: &House, from: u32) {
    let event = |n: u32| {
        json!({
            "specversion": "1.0", "id": n.to_string(), "source": "test", "type": "calls", "subject": "measured",
        })
    };
    let events: Vec<Json> = (from..from + 5).map(event).collect();
    let call = api.post("/v1/events").key(&house.all).raw(Json::from(events).to_string());
    call.header("Content-Type", "application/cloudevents-batch+json").send().expect(200);
    billing::usage::follow(&api.test.db, &house.scope).unwrap();
}

#[test]
fn what_agrees_is_proven_and_each_damage_is_named() {
    on_both(|api| {
        let sound = house(api);
        let Reconciled { proof, compared } = reconcile(api, &sound);
        assert_eq!(proof.named, []);
        assert!(proof.events > 5 && compared.lines > 0 && compared.figures > 0, "{proof:?} {compared:?}");

        let figures = || store::Value::Json(json!({ "": { "quantity": "99" } }).to_string().into());
        let cases: [(&'static store::Statement, Vec<store::Value<'static>>, &[&str]); 4] = [
            (&SPOIL_LINE, vec![], &["line_differs", "figure_unbilled"]),
            (&SPOIL_AMOUNT, vec![], &["line_amount_differs", "line_amount_differs"]),
            // The meter is critical: what was posted for the stretch is a second witness.
            (&SPOIL_FIGURE, vec![figures()], &["figure_unbilled", "billed_differs"]),
            (&SPOIL_OPEN, vec![figures()], &["figure_differs"]),
        ];
        for (statement, mut values, wanted) in cases {
            let house = house(api);
            if !values.is_empty() {
                values.push(store::Value::Instant("2026-02-10T00:00:00Z".parse().unwrap()));
            }
            spoil(api, &house, statement, values);
            assert_eq!(codes(api, &house), wanted, "{}", statement.name);
        }
    });
}

#[test]
fn a_job_reconciles_and_its_result_is_the_report() {
    on_both(|api| {
        let house = house(api);
        let job = api.post("/v1/reconciliations").key(&house.all).json(&json!({})).send().expect(202).json();
        run_jobs(api);
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        let done = api.get(&path).key(&house.all).send().expect(200).json();
        assert_eq!((&done["kind"], &done["state"]), (&json!("usage.reconcile"), &json!("done")));
        assert_eq!((&done["result"]["differences"], &done["result"]["named"]), (&json!(0), &json!([])));
        assert!(done["result"]["lines"].as_u64().unwrap() > 0, "{done}");
    });
}
