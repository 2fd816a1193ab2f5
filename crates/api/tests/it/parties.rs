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
