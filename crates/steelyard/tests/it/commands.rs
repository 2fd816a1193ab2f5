//! Lists, explanations, clocks and keys.

use serde_json::json;

use crate::program::{Installation, on_both};

#[test]
fn a_subscription_is_billed_and_explained_from_the_command_line() {
    on_both(|installation| {
        let server = installation.serve();
        let key = server.key.clone().unwrap();
        let body = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "A-1" });
        assert_eq!(server.post("/v1/customers", &key, &body).0, 201);
        let body = json!({ "customer": "ext:A-1", "plan": "starter", "cycle": "month", "finalize": true });
        let (status, started) = server.post("/v1/subscriptions", &key, &body);
        assert_eq!(status, 201, "{started}");
        server.stop();

        let clock = installation.run(&["clock", "show"]).good();
        let year: i32 = clock.split_once("stands at ").unwrap().1[..4].parse().unwrap();
        let moved = installation.run(&["clock", "advance", &format!("{}-07-01", year + 1)]).good();
        assert!(moved.contains("due items done on the way"), "{moved}");

        let customers = installation.run(&["customers", "list"]).good();
        assert!(customers.contains("Meyer") && customers.contains("A-1"), "{customers}");
        let subscriptions = installation.run(&["subscriptions", "list"]).good();
        assert!(subscriptions.contains("starter") && subscriptions.contains("active"), "{subscriptions}");
        let narrowed = [
            (&["customers", "--search", "mey", "--country", "DE", "--subscription", "active"][..], "Meyer"),
            (&["customers", "list", "--search", "nobody"], "No customer of sandbox of Unison is like that."),
            (&["customers", "--subscription", "none", "--sort", "name"], "No customer of"),
            (&["customers", "--env", "live"], "live of Unison has no customers."),
            (
                &["subscriptions", "--state", "active", "--plan", "starter", "--customer", "ext:A-1"],
                "starter",
            ),
            (&["subscriptions", "list", "--currency", "JPY"], "No subscription of"),
            (&["subscriptions", "--due-from", "2000-01-01", "--due-to", "2001-01-01"], "No subscription of"),
            (&["invoices", "--state", "finalized", "--customer", "ext:A-1", "--limit", "1"], "INV-0"),
            (&["invoices", "list", "--issued-to", "2000-01-01"], "No invoice of"),
        ];
        for (arguments, shown) in narrowed {
            let said = installation.run(arguments).good();
            assert!(said.contains(shown), "{arguments:?}: {said}");
        }
        let wrong = installation.run(&["customers", "--country", "Germany"]);
        assert!(wrong.err.contains("such as DE or US"), "{}", wrong.err);
        let wrong = installation.run(&["explain", "nothing"]).refused();
        assert!(wrong.contains("`steelyard invoices --json`"), "{wrong}");
        let wrong = installation.run(&["invoices", "--state", "lost"]);
        assert_eq!(wrong.code, Some(2), "a slip of the pen on the command line");
        let wrong = wrong.err;
        assert!(wrong.contains("write draft, finalized, paid, void or uncollectible"), "{wrong}");
        let invoices = installation.json(&["invoices", "--json"]);
        let invoices = invoices.as_array().unwrap();
        assert!(invoices.len() > 6, "{invoices:?}");
        assert!(invoices.iter().all(|invoice| invoice["total"] == 4_900), "{invoices:?}");

        let runs = installation.json(&["bill-runs", "--json"]);
        assert_eq!(runs, installation.json(&["bill-runs", "list", "--json"]));
        assert!(!runs.as_array().unwrap().is_empty());

        let pay = ["payments", "record", "--amount", "60", "--invoice", "INV-000001", "--reference", "T-1"];
        let paid = installation.run(&pay).good();
        assert!(paid.contains("USD 60.00 by transfer (T-1) from Meyer"), "{paid}");
        assert!(paid.contains("USD 11.00 became the customer's credit"), "{paid}");
        let again = installation.run(&[
            "payments",
            "record",
            "--amount",
            "1",
            "--customer",
            "ext:A-1",
            "--reference",
            "T-1",
        ]);
        assert!(again.refused().contains("recorded before"));
        let listed = installation.json(&["payments", "--customer", "ext:A-1", "--json"]);
        let id = listed[0]["id"].as_str().unwrap();
        let shown = installation.run(&["explain", "INV-000001"]).good();
        assert!(shown.contains("by payments USD 49.00, due USD 0.00"), "{shown}");
        let reversed = installation.run(&["payments", "reverse", id]).good();
        assert!(reversed.contains("due again on INV-000001"), "{reversed}");
        assert_eq!(installation.run(&["payments", "show", id]).good(), reversed);

        let shown = installation.run(&["explain", "INV-000001"]).good();
        assert!(shown.starts_with("Invoice INV-000001 to Meyer (finalized, issued "), "{shown}");
        assert!(
            shown.contains("Starter: USD 49 every month") && shown.contains("total USD 49.00"),
            "{shown}"
        );
        let by_id = installation.run(&["explain", started["invoice"]["id"].as_str().unwrap()]).good();
        assert_eq!(by_id, shown);
        installation.run(&["explain", "INV-999999"]).refused();

        // The first legal entity collects tax nowhere, and the document says so.
        assert!(shown.contains("The seller is not registered in Germany"), "{shown}");
        assert_eq!(installation.run(&["invoice", "show", "INV-000001"]).good(), shown);
        let end = |what: &str, number: &str, reason: &str| {
            installation.run(&["invoices", what, number, "--reason", reason])
        };
        assert_eq!(
            end("void", "INV-000001", "duplicate").good(),
            "Invoice INV-000001 over USD 49.00 is void.\n"
        );
        assert!(end("void", "INV-000001", "duplicate").refused().contains("is void cannot be voided"));
        assert!(end("void", "INV-000002", "Sent twice").refused().contains("A reason is a code"));
        let given_up = end("uncollectible", "INV-000002", "insolvent").good();
        assert_eq!(given_up, "Invoice INV-000002 over USD 49.00 is uncollectible.\n");
        let shown = installation.run(&["explain", "INV-000002"]).good();
        assert!(shown.contains("It is uncollectible since ") && shown.contains(": insolvent"), "{shown}");

        let balance = installation.run(&["ledger", "trial-balance"]).good();
        assert!(balance.contains("receivable:cus_") && balance.contains("deferred_revenue"), "{balance}");
        accounting(installation);
        let checked = installation.run(&["ledger", "check", "--all"]).good();
        assert!(checked.contains("live of Unison: 0 ledger transactions"), "{checked}");
        let jobs = installation.run(&["jobs", "list"]).good();
        assert!(jobs.contains("clock.advance") && jobs.contains("done"), "{jobs}");
        installation.run(&["jobs", "run"]).good();

        for (arguments, sentence) in [
            (&["clock", "advance", "1999-01-01"][..], "only moves forward"),
            (&["clock", "advance", "soon"], "This is not an instant"),
            (&["--env", "live", "clock", "advance", "2030-01-01"], "runs on real time"),
            (&["--env", "test", "clock", "show"], "Unison has no environment called test."),
            (&["--merchant", "acme", "clock", "show"], "There is no merchant called acme."),
        ] {
            let refused = installation.run(arguments).refused();
            assert!(refused.contains(sentence), "{refused}");
        }
    });
}

#[test]
fn the_api_describes_itself() {
    let installation = Installation::sqlite();
    let document = installation.json(&["openapi"]);
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(document["paths"]["/v1/customers"]["post"].is_object());
}

#[test]
fn the_demo_is_made_once_and_served_after() {
    on_both(|installation| {
        let made = installation.run(&["demo", "--no-serve", "--scale", "20", "--months", "3"]).good();
        for word in ["Frontier", "Lumen", "Apex", "Grosso", "Unison", "JPY", "Every ledger balances"] {
            assert!(made.contains(word), "{word}: {made}");
        }
        let again = installation.run(&["demo", "--no-serve", "--scale", "20", "--months", "3"]).refused();
        assert!(again.contains("There are businesses in") && again.contains("steelyard serve"), "{again}");
        let clock = installation.run(&["clock", "show", "--merchant", "lumen"]).good();
        assert!(clock.contains("stands at 2025-03-01T00:00:00Z"), "nine in the morning in Tokyo: {clock}");
        installation.run(&["facts", "verify", "--all"]).good();
    });
}

#[test]
fn what_cannot_go_well_is_heard_of_before_the_demo_is_made() {
    let installation = Installation::sqlite();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = installation.run(&["demo", "--scale", "20", "--listen", &address]).refused();
    assert!(refused.contains(&address), "{refused}");
    installation.run(&["customers"]).refused();
    let elsewhere = Installation::at("mysql://host/x").run(&["demo", "--no-serve"]);
    assert_eq!(elsewhere.code, Some(2), "{}", elsewhere.err);
    assert!(elsewhere.err.contains("postgres://user:password@host:5432/database"), "{}", elsewhere.err);
}

/// The books leave under the names of the chart of accounts, and come to zero.
fn accounting(installation: &Installation) {
    let chart = installation.path("chart.csv");
    std::fs::write(&chart, "account,code,name\nreceivable,1400,Trade receivables\n").unwrap();
    let shown = installation.run(&["ledger", "chart", chart.to_str().unwrap()]).good();
    assert!(shown.contains("1400") && shown.contains("Trade receivables"), "{shown}");
    std::fs::write(&chart, "account,code,name\nsales,4400,Sales\n").unwrap();
    let refused = installation.run(&["ledger", "chart", chart.to_str().unwrap()]).refused();
    assert!(refused.contains("`sales` is no account"), "{refused}");

    let file = installation.path("journal.csv");
    let written = installation.run(&["ledger", "export", file.to_str().unwrap()]).good();
    assert!(written.contains("ledger transactions written"), "{written}");
    let exported = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Vec<&str>> = exported.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let cents = |text: &str| text.replace('.', "").parse::<i64>().unwrap_or(0);
    assert_eq!(rows.iter().map(|row| cents(row[10]) - cents(row[11])).sum::<i64>(), 0);
    assert!(rows.iter().any(|row| row[7..9] == ["1400", "Trade receivables"] && !row[10].is_empty()));
    let none = installation.run(&["ledger", "export", "--from", "2999-01-01"]).good();
    assert_eq!(none.lines().count(), 1, "only the columns: {none}");
}
