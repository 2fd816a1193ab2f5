//! The OpenFeature Remote Evaluation Protocol, and flags as they are kept.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Answer, Api, House, on_both};

/// Make the flags of the tests.
pub fn flags(api: &Api<'_>, house: &House) {
    let share = |variant: &str, percent: f64| json!([{ "variant": variant, "percent": percent }]);
    let boolean = json!({ "on": true, "off": false });
    let team = json!([{ "attribute": "team", "is": "in", "values": ["ops"] }]);
    let flags = [
        json!({
            "name": "Banner", "kind": "string", "variants": { "welcome": "Welcome", "none": "" }, "default": "welcome",
            "off": "none",
        }),
        json!({
            "name": "Layout", "kind": "json", "variants": { "wide": { "columns": 3 }, "narrow": { "columns": 1 } },
            "default": "narrow", "off": "narrow",
            "rules": [{ "serve": [{ "variant": "wide", "percent": 99.999 }, { "variant": "wide", "percent": 0.001 }] }],
        }),
        json!({ "name": "Stopped", "kind": "boolean", "variants": boolean, "default": "on", "off": "off", "enabled": false }),
        json!({
            "name": "Dealt", "kind": "boolean", "variants": boolean, "default": "off", "off": "off", "browser": true,
            "rules": [{ "serve": share("on", 50.0) }],
        }),
    ];
    for (key, flag) in ["banner", "layout", "stopped", "dealt"].into_iter().zip(flags) {
        let body = json!({ "key": key, "flag": flag });
        api.post("/v1/flags").key(&house.all).json(&body).send().expect(201);
    }
    let beta = json!({
        "name": "Beta", "kind": "boolean", "variants": boolean, "default": "off", "off": "off", "browser": true,
        "rules": [{ "name": "Operators", "when": team, "serve": share("on", 100.0) }],
    });
    let body = json!({ "version": 1, "flag": beta });
    api.call("PUT", "/v1/flags/beta").key(&house.all).json(&body).send().expect(200);
}

fn evaluate(api: &Api<'_>, key: &str, flag: &str, body: &Json) -> Answer {
    api.post(&format!("/ofrep/v1/evaluate/flags{flag}")).key(key).json(body).send()
}

#[test]
fn errors_are_those_of_the_protocol() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        flags(api, &house);
        let (path, key) = ("/ofrep/v1/evaluate/flags/beta", house.all.as_str());
        let said = |answer: Answer, status: u16| {
            let json = answer.expect(status).json();
            (
                json["key"].as_str().map(str::to_owned),
                json["errorCode"].as_str().unwrap_or_default().to_owned(),
            )
        };
        let one = |code: &str| (Some("beta".to_owned()), code.to_owned());
        let all = |code: &str| (None, code.to_owned());
        for (body, code) in [
            ("{", "PARSE_ERROR"),
            ("[]", "PARSE_ERROR"),
            ("\"x\"", "PARSE_ERROR"),
            (r#"{"context": 1}"#, "INVALID_CONTEXT"),
            (r#"{"context": {"targetingKey": 7}}"#, "INVALID_CONTEXT"),
        ] {
            assert_eq!(said(api.post(path).key(key).bytes(body).send(), 400), one(code), "{body}");
            let bulk = api.post("/ofrep/v1/evaluate/flags").key(key).bytes(body).send();
            assert_eq!(said(bulk, 400), all(code), "{body}");
        }
        let large = json!({ "context": { "x": "x".repeat(70_000) } });
        assert_eq!(said(evaluate(api, key, "/beta", &large), 400), one("PARSE_ERROR"));
        assert_eq!(said(api.post(path).bytes("{}").send(), 401), one("GENERAL"));
        assert_eq!(said(evaluate(api, "sk_sandbox_nobody", "/beta", &json!({})), 401), one("GENERAL"));
        let other = api.key(&house.scope, "customer.read");
        assert_eq!(said(evaluate(api, &other, "/beta", &json!({})), 403), one("GENERAL"));
        assert_eq!(said(evaluate(api, &other, "", &json!({})), 403), all("GENERAL"));
        let missing = (Some("nothing".to_owned()), "FLAG_NOT_FOUND".to_owned());
        assert_eq!(said(evaluate(api, key, "/nothing", &json!({})), 404), missing);
        let unnamed = (Some("dealt".to_owned()), "TARGETING_KEY_MISSING".to_owned());
        assert_eq!(said(evaluate(api, key, "/dealt", &json!({ "context": {} })), 400), unnamed);
        // No body at all is an empty context.
        let plain = api.post("/ofrep/v1/evaluate/flags/banner").key(key).send().expect(200).json();
        assert_eq!(plain["value"], "Welcome");
    });
}

#[test]
fn all_are_evaluated_at_once_and_the_tag_says_that_nothing_changed() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        flags(api, &house);
        let body = json!({ "context": { "targetingKey": "ext:first" } });
        let first = evaluate(api, &house.all, "", &body).expect(200);
        let told = first.json()["flags"].as_array().unwrap().clone();
        let named = |key: &str| told.iter().find(|one| one["key"] == key).cloned().unwrap_or(Json::Null);
        assert_eq!(named("inventory")["metadata"]["source"], "plan");
        assert_eq!(named("banner")["reason"], "STATIC");
        assert_eq!(named("calls"), Json::Null, "meters are no flags");
        let tag = first.header("etag").to_owned();
        let again = |tag: &str| {
            api.post("/ofrep/v1/evaluate/flags")
                .key(&house.all)
                .header("If-None-Match", tag)
                .json(&body)
                .send()
        };
        for seen in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let same = again(&seen).expect(304);
            assert_eq!((same.text.as_str(), same.header("etag")), ("", tag.as_str()), "{seen}");
        }
        again("\"x\"").expect(200);
        let off = json!({ "enabled": false });
        api.post("/v1/flags/banner/switch").key(&house.all).json(&off).send().expect(200);
        let changed = again(&tag).expect(200);
        assert_ne!(changed.header("etag"), tag);
        // Of those that deal, nobody is told that there is nothing to deal by.
        let nobody = evaluate(api, &house.all, "", &json!({ "context": {} })).expect(200).json();
        let dealt =
            nobody["flags"].as_array().unwrap().iter().find(|one| one["key"] == "dealt").unwrap().clone();
        assert_eq!(dealt["errorCode"], "TARGETING_KEY_MISSING");
    });
}

#[test]
fn a_key_in_a_web_page_sees_what_is_meant_for_it() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        flags(api, &house);
        let browser = api.key(&house.scope, "flag.evaluate");
        let keys = |context: Json| {
            let answer = evaluate(api, &browser, "", &json!({ "context": context })).expect(200).json();
            answer["flags"].as_array().unwrap().clone()
        };
        let names: Vec<String> =
            keys(json!({})).iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect();
        assert!(names.contains(&"beta".to_owned()) && names.contains(&"inventory".to_owned()), "{names:?}");
        assert!(!names.contains(&"banner".to_owned()) && !names.contains(&"stopped".to_owned()), "{names:?}");
        evaluate(api, &browser, "/banner", &json!({})).expect(404);
        // A customer is found by our id, and not by one that can be guessed.
        let inventory = |context: Json| {
            let found = keys(context).into_iter().find(|one| one["key"] == "inventory").unwrap();
            found["metadata"]["source"].as_str().unwrap().to_owned()
        };
        assert_eq!(inventory(json!({ "targetingKey": house.known.customer })), "plan");
        assert_eq!(inventory(json!({ "targetingKey": "ext:first" })), "not_included");
        assert_eq!(inventory(json!({ "targetingKey": "ann", "customer": "ext:first" })), "not_included");
        // It can do nothing else.
        assert_eq!(api.get("/v1/flags").key(&browser).send().expect(403).code(), "permission_missing");
        // A browser asks first.
        let preflight = api
            .call("OPTIONS", "/ofrep/v1/evaluate/flags")
            .header("Origin", "https://shop.example.com")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-api-key,content-type,if-none-match")
            .send()
            .expect(200);
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert!(preflight.header("access-control-allow-headers").contains("x-api-key"));
        let asked = api.post("/ofrep/v1/evaluate/flags").header("X-API-Key", &browser);
        let asked = asked.header("Origin", "https://shop.example.com").json(&json!({})).send().expect(200);
        assert!(asked.header("access-control-expose-headers").contains("etag"));
    });
}

#[test]
fn a_user_is_dealt_by_its_own_key_and_has_what_its_customer_has() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        flags(api, &house);
        let context = json!({ "targetingKey": "ann", "customer": "ext:first", "team": "ops" });
        let one =
            |flag: &str| evaluate(api, &house.all, flag, &json!({ "context": context })).expect(200).json();
        assert_eq!(one("/inventory")["metadata"]["plan"], "starter");
        assert_eq!(one("/beta")["metadata"], json!({ "source": "flag", "version": 2, "rule": 0 }));
        let tried =
            api.post("/v1/flags/beta/try").key(&house.all).json(&json!({ "context": context })).send();
        assert_eq!(
            (&tried.json()["value"], &tried.json()["reason"]),
            (&json!(true), &json!("TARGETING_MATCH"))
        );
    });
}

#[test]
fn features_say_why_and_what_would_unlock_them() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let get = |path: &str| api.get(&format!("/v1/customers/ext:first/{path}")).key(&house.all).send();
        let inventory = get("features/inventory").expect(200).json();
        assert_eq!((&inventory["allowed"], &inventory["plan"]), (&json!(true), &json!("starter")));
        let locked = get("features/api_access").expect(200).json();
        assert_eq!(locked["allowed"], json!(false), "{locked}");
        assert!(locked["upgrade_plan"].is_string(), "{locked}");
        assert_eq!(get("features/nothing").expect(404).code(), "not_found");
        let solo = json!({ "name": "Solo", "country": "DE", "currency": "USD", "external_id": "solo" });
        api.post("/v1/customers").key(&house.all).json(&solo).send().expect(201);
        let tier =
            api.get("/v1/customers/ext:solo/tiers/professional").key(&house.all).send().expect(200).json();
        assert_eq!((&tier["allowed"], &tier["upgrade_plan"]), (&json!(false), &json!("professional")));
        assert_eq!(get("tiers/starter").expect(200).json()["allowed"], json!(true));
        assert_eq!(get("tiers/nothing").expect(404).code(), "not_found");
        let withheld = get("features/work_orders").expect(200).json();
        assert_eq!((&withheld["reason"], &withheld["allowed"]), (&json!("override"), &json!(false)));
        let wrong = json!({ "value": 3 });
        let put = |key: &str, body: &Json| {
            api.call("PUT", &format!("/v1/customers/ext:first/overrides/{key}"))
                .key(&house.all)
                .json(body)
                .send()
        };
        let refused = put("inventory", &wrong).expect(422);
        assert_eq!(
            (refused.code().as_str(), refused.pointers()),
            ("override_invalid", vec!["/value".to_owned()])
        );
        assert_eq!(put("nothing", &json!({ "value": true })).expect(422).code(), "feature_unknown");
        let late =
            put("inventory", &json!({ "value": true, "expires_at": "2020-01-01T00:00:00Z" })).expect(422);
        assert_eq!(late.code(), "override_expired");
    });
}

#[test]
fn what_is_switched_off_is_refused_by_the_api() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        for key in ["trial_enabled", "payments_enabled"] {
            let flag = json!({
                "name": key, "kind": "boolean", "variants": { "on": true, "off": false }, "default": "on", "off": "off",
                "enabled": false,
            });
            let body = json!({ "key": key, "flag": flag });
            api.post("/v1/flags").key(&house.all).json(&body).send().expect(201);
        }
        let mut start = crate::samples::subscription(&house.known);
        start["trial"] = json!(true);
        let refused = api.post("/v1/subscriptions").key(&house.all).json(&start).send().expect(409);
        assert_eq!(refused.code(), "switched_off");
        let payment = crate::samples::payment(&house.known);
        let refused = api.post("/v1/payments").key(&house.all).json(&payment).send().expect(409);
        assert_eq!(refused.code(), "switched_off");
        api.post("/v1/flags/payments_enabled/switch")
            .key(&house.all)
            .json(&json!({ "enabled": true }))
            .send();
        api.post("/v1/payments").key(&house.all).json(&payment).send().expect(201);
    });
}

#[test]
fn faults_of_flags_are_told_with_their_places() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let mut flag = crate::samples::flag();
        let create = |flag: &Json| {
            api.post("/v1/flags")
                .key(&house.all)
                .json(&json!({ "key": "wrong", "flag": flag }))
                .send()
                .expect(422)
        };
        flag["rules"][0]["when"][0]["is"] = json!("near");
        assert_eq!(create(&flag).pointers(), ["/flag/rules/0/when/0/is"]);
        flag["rules"][0]["when"][0]["is"] = json!("less");
        assert_eq!(create(&flag).pointers(), ["/flag/rules/0/when/0/values/0"]);
        flag["rules"][0]["when"][0]["is"] = json!("in");
        flag["rules"][0]["serve"][0]["percent"] = json!(100.0001);
        assert_eq!(create(&flag).pointers(), ["/flag/rules/0/serve/0/percent"]);
        flag["rules"][0]["serve"][0]["percent"] = json!(12.5);
        flag["rules"][0]["from"] = json!("tomorrow");
        assert_eq!(create(&flag).pointers(), ["/flag/rules/0/from"]);
        let stale = json!({ "version": 7, "flag": crate::samples::flag() });
        let refused = api.call("PUT", "/v1/flags/beta").key(&house.all).json(&stale).send().expect(409);
        assert_eq!(refused.code(), "flag_changed_meanwhile");
    });
}
