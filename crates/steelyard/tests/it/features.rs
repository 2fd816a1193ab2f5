//! What a customer may use, and flags, from the command line; the server beside heeds them at once.

use std::fs;

use serde_json::json;

use crate::program::on_both;

#[test]
fn features_are_overridden_and_flags_switched_beside_a_running_server() {
    on_both(|installation| {
        let server = installation.serve();
        let key = server.key.clone().unwrap();
        let body = json!({ "name": "Acme", "country": "DE", "currency": "USD", "external_id": "acme" });
        assert_eq!(server.post("/v1/customers", &key, &body).0, 201);
        let body = json!({ "customer": "ext:acme", "plan": "starter", "cycle": "month", "finalize": true });
        assert_eq!(server.post("/v1/subscriptions", &key, &body).0, 201);
        let ask = |flag: &str| {
            let context = json!({ "context": { "targetingKey": "ext:acme" } });
            server.post(&format!("/ofrep/v1/evaluate/flags/{flag}"), &key, &context)
        };
        let (status, served) = ask("api_access");
        assert_eq!((status, &served["value"]), (200, &json!(false)), "{served}");

        let listed = installation.run(&["features", "ext:acme"]).good();
        assert!(listed.contains("The plan starter has it (price book version 1)."), "{listed}");
        let set = [
            "features",
            "ext:acme",
            "api_access",
            "--set",
            "yes",
            "--until",
            "2999-01-01",
            "--reason",
            "Trial",
        ];
        let shown = installation.run(&set).good();
        assert!(shown.contains("An override gives it until 2999-01-01T00:00:00Z."), "{shown}");
        assert_eq!(ask("api_access").1["value"], json!(true), "another process said so");
        let wrong = installation.run(&["features", "ext:acme", "api_access", "--set", "maybe"]);
        assert!(wrong.refused().contains("This is overridden with true or false."));
        let removed = installation.run(&["features", "ext:acme", "api_access", "--remove"]).good();
        assert!(removed.contains("plan enterprise"), "{removed}");
        assert_eq!(ask("api_access").1["value"], json!(false));

        assert!(installation.run(&["flags"]).good().contains("There are no flags."));
        let flag = json!({
            "key": "beta",
            "flag": {
                "name": "Beta", "kind": "boolean", "variants": { "on": true, "off": false }, "default": "off", "off": "off",
                "rules": [{ "when": [{ "attribute": "@plan", "is": "in", "values": ["starter"] }], "serve": [{ "variant": "on" }] }],
            },
        });
        let file = installation.path("beta.json");
        fs::write(&file, flag.to_string()).unwrap();
        let applied = installation.run(&["flags", "apply", file.to_str().unwrap()]).good();
        assert_eq!(applied.trim(), "beta has version 1.");
        assert_eq!(ask("beta").1["value"], json!(true));
        installation.run(&["flags", "off", "beta"]).good();
        assert_eq!((&ask("beta").1["value"], &ask("beta").1["reason"]), (&json!(false), &json!("DISABLED")));
        installation.run(&["flags", "on", "beta"]).good();
        let tried = installation.run(&["flags", "try", "beta", "--who", "ext:acme"]).good();
        assert_eq!(tried.trim(), "on = true");
        let shown = installation.json(&["flags", "show", "beta"]);
        assert_eq!((&shown["version"], &shown["enabled"]), (&json!(3), &json!(true)));
        fs::write(&file, "{").unwrap();
        let broken = installation.run(&["flags", "apply", file.to_str().unwrap()]);
        assert!(broken.refused().contains("is no flag"));
        server.stop();
    });
}
