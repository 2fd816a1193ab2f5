//! Changing customers and legal entities.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::on_both;

#[test]
fn a_patch_changes_what_it_names_and_null_takes_away() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let path = format!("/v1/customers/{}", house.known.customer);
        let patch = |body: Json| api.call("PATCH", &path).key(&house.all).json(&body).send();
        let before = api.get(&path).key(&house.all).send().expect(200).json();
        assert_eq!(
            (&before["country"], &before["tax_exempt"], &before["tax_id"]),
            (&json!("DE"), &json!(false), &Json::Null)
        );
        let changed = patch(json!({
            "email": null, "country": "US", "region": "NY", "tax_id": "12-3456789", "zone": "America/New_York",
            "metadata": { "segment": "smb" },
        }));
        let changed = changed.expect(200).json();
        assert_eq!(changed["name"], before["name"], "what is left out stays");
        for (field, value) in [
            ("email", Json::Null),
            ("country", json!("US")),
            ("region", json!("NY")),
            ("tax_id", json!("12-3456789")),
            ("zone", json!("America/New_York")),
            ("metadata", json!({ "segment": "smb" })),
        ] {
            assert_eq!(changed[field], value, "{field}");
        }
        assert_eq!(patch(json!({})).expect(200).json(), changed, "nothing named, nothing changed");
        for (body, code, pointer) in [
            (json!({ "name": null }), "body_invalid", "/name"),
            (json!({ "tax_exempt": "yes" }), "body_invalid", "/tax_exempt"),
            (json!({ "currency": "EUR" }), "body_invalid", "/currency"),
            (json!({ "region": "New York" }), "region_unknown", "/region"),
            (json!({ "tax_id": "DE123456789" }), "tax_id_malformed", "/tax_id"),
            (json!({ "zone": "Mars" }), "zone_unknown", "/zone"),
        ] {
            let refused = patch(body.clone()).expect(422);
            assert_eq!(
                (refused.code().as_str(), refused.pointers()),
                (code, vec![pointer.to_owned()]),
                "{body}"
            );
        }
        let facts = api.get(&format!("/v1/facts?customer={}", house.known.customer)).key(&house.all).send();
        assert!(
            facts.text.contains("customer.changed") && !facts.text.contains("12-3456789"),
            "{}",
            facts.text
        );
    });
}

#[test]
fn a_legal_entity_is_set_up_and_changed_with_its_registrations() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let body = |registrations: Json| {
            json!({
                "name": "Unison Inc.", "country": "US", "region": "CA", "tax_id": "12-3456789", "currency": "USD",
                "zone": "America/Los_Angeles", "series": "US1", "registrations": registrations,
            })
        };
        let add = |body: Json| api.post("/v1/legal-entities").key(&house.all).json(&body).send();
        let refused = add(body(json!(["US-CA", "US"]))).expect(422);
        assert_eq!(
            (refused.code().as_str(), refused.pointers()),
            ("registration_unknown", vec!["/registrations/1".to_owned()])
        );
        let made = add(body(json!(["US-NY", "US-CA", "US-NY"]))).expect(201).json();
        assert_eq!(made["registrations"], json!(["US-CA", "US-NY"]));
        let path = format!("/v1/legal-entities/{}", made["id"].as_str().unwrap());
        let patch = |body: Json| api.call("PATCH", &path).key(&house.all).json(&body).send();
        let changed = patch(json!({ "registrations": [], "tax_id": null })).expect(200).json();
        assert_eq!(
            (&changed["registrations"], &changed["tax_id"], &changed["region"]),
            (&json!([]), &Json::Null, &json!("CA"))
        );
        assert_eq!(patch(json!({ "series": "X" })).expect(422).pointers(), ["/series"]);
    });
}

#[test]
fn an_invoice_says_its_taxes_and_why_and_can_be_voided() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let ask = |method: &str, path: &str, body: Json, status: u16| {
            api.call(method, path).key(&house.all).json(&body).send().expect(status).json()
        };
        let entity = format!("/v1/legal-entities/{}", house.known.entity);
        let registered = json!({ "country": "DE", "tax_id": "DE123456789", "registrations": ["DE"] });
        ask("PATCH", &entity, registered, 200);
        let start = json!({ "customer": "ext:first", "plan": "starter", "cycle": "month", "finalize": true });
        let preview = ask("POST", "/v1/subscriptions/preview", start.clone(), 200);
        let started = ask("POST", "/v1/subscriptions", start, 201);
        let invoice = &started["invoice"];
        assert_eq!(
            (&invoice["tax"]["decimal"], &invoice["total"]["decimal"]),
            (&json!("9.31"), &json!("58.31"))
        );
        assert_eq!(
            (&preview["invoice"]["total"], &preview["invoice"]["taxes"]),
            (&invoice["total"], &invoice["taxes"])
        );
        let tax = &invoice["taxes"][0];
        for (field, value) in [
            ("jurisdiction", "DE"),
            ("kind", "standard"),
            ("label", "VAT 19 %"),
            ("rate", "19"),
            ("reason", "Sold within Germany: VAT of Germany, 19 %."),
        ] {
            assert_eq!(tax[field], value, "{field}");
        }
        assert_eq!(invoice["lines"][0]["tax"]["decimal"], "9.31");
        assert_eq!(invoice["seller"]["tax_id"], "DE123456789");

        let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
        let void = |reason: Json| {
            api.post(&format!("{path}/void")).key(&house.all).json(&json!({ "reason": reason })).send()
        };
        let wrong = void(json!("Sent twice")).expect(422);
        assert_eq!(
            (wrong.code().as_str(), wrong.pointers()),
            ("reason_malformed", vec!["/reason".to_owned()])
        );
        let voided = void(json!("duplicate")).expect(200).json();
        assert_eq!((&voided["state"], &voided["ended"]["reason"]), (&json!("void"), &json!("duplicate")));
        assert_eq!((&voided["amount_due"]["amount"], &voided["total"]), (&json!(0), &invoice["total"]));
        assert_eq!(void(json!("duplicate")).expect(409).code(), "transition_illegal");
        let ledger = ask("GET", &format!("{path}/ledger"), json!({}), 200);
        let sum: i64 = ledger["data"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|entry| entry["postings"].as_array().unwrap())
            .filter(|posting| posting["account"]["kind"] == "tax_payable")
            .map(|posting| posting["amount"]["amount"].as_i64().unwrap())
            .sum();
        assert_eq!(sum, 0, "{ledger}");
    });
}
