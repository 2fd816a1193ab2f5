//! What holds for every route of the table: fine, 401, 403, foreign = missing, repeated, 422.

use api::{ROUTES, Route};
use identity::Permission;
use kernel::{IdSource, SystemIds, ids};
use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Answer, Api, House, on_both},
    samples::{Sample, guarded, sample},
};

fn send(api: &Api<'_>, route: &Route, sample: &Sample, secret: Option<&str>) -> Answer {
    let mut call = api.call(route.method, &sample.path(route.path));
    if let Some(secret) = secret {
        call = call.key(secret);
    }
    if let Some(body) = &sample.body {
        call = call.json(body);
    }
    call.send()
}

fn new_house(api: &Api<'_>) -> House {
    api.environment(Mode::Sandbox)
}

/// A shown id of the same kind that names nothing.
fn missing(id: &str) -> String {
    let known = ids::parse_any(id).unwrap();
    kernel::AnyId { prefix: known.prefix, uuid: SystemIds.next() }.to_string()
}

/// An answer without what differs between two requests on purpose.
fn neutral(answer: &Answer, id: &str) -> (u16, String, Vec<(String, String)>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "request-id" && *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, answer.text.replace(id, "…"), headers)
}

#[test]
fn the_permission_of_the_table_is_enough() {
    on_both(|api| {
        for route in ROUTES {
            let house = new_house(api);
            let secret = api.key(&house.scope, route.permission.map_or("", Permission::word));
            let sample = sample(route.name, &house.known);
            let answer = send(api, route, &sample, Some(&secret));
            assert_eq!(answer.status, sample.status, "{route:?}: {}", answer.text);
            assert!(answer.header("request-id").starts_with("req_"), "{route:?}");
            assert_eq!(answer.header("cache-control"), "no-store", "{route:?}");
        }
    });
}

#[test]
fn without_a_known_key_nothing_is_told() {
    on_both(|api| {
        let house = new_house(api);
        let revoked = format!("{}x", house.all);
        for route in ROUTES {
            let sample = sample(route.name, &house.known);
            let refused = send(api, route, &sample, None).expect(401);
            assert_eq!(refused.code(), "key_missing");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            assert_eq!(send(api, route, &sample, Some(&revoked)).expect(401).code(), "key_unknown");
        }
    });
}

#[test]
fn every_other_permission_together_is_not_enough() {
    on_both(|api| {
        let house = new_house(api);
        let before = facts(api, &house);
        for route in ROUTES {
            let Some(needed) = route.permission else { continue };
            let others: Vec<_> =
                Permission::ALL.iter().filter(|one| **one != needed).map(|one| one.word()).collect();
            let secret = api.key(&house.scope, &others.join(" "));
            let sample = sample(route.name, &house.known);
            let answer = send(api, route, &sample, Some(&secret)).expect(403);
            assert_eq!(answer.code(), "permission_missing", "{route:?}");
            assert!(answer.text.contains(needed.word()), "{}", answer.text);
        }
        let keys_made = ROUTES.iter().filter(|route| route.permission.is_some()).count();
        assert_eq!(facts(api, &house).len(), before.len() + keys_made, "a refused request changed something");
    });
}

#[test]
fn guarded_fields_need_the_second_permission() {
    on_both(|api| {
        for route in ROUTES.iter().filter(|route| route.also.is_some()) {
            let words = [route.permission, route.also].map(|one| one.unwrap().word());
            for (field, value, pointer) in guarded(route.name) {
                let house = new_house(api);
                let mut sample = sample(route.name, &house.known);
                sample.body.as_mut().unwrap()[field] = value;
                let one = api.key(&house.scope, words[0]);
                let refused = send(api, route, &sample, Some(&one)).expect(403);
                assert_eq!(
                    (refused.code().as_str(), refused.pointers()),
                    ("permission_missing", vec![pointer.to_owned()])
                );
                assert!(refused.text.contains(words[1]), "{}", refused.text);
                let both = api.key(&house.scope, &words.join(" "));
                send(api, route, &sample, Some(&both)).expect(sample.status);
            }
        }
    });
}

#[test]
fn what_another_environment_has_looks_missing() {
    on_both(|api| {
        let (ours, theirs) = (new_house(api), new_house(api));
        let before = facts(api, &theirs);
        for route in ROUTES.iter().filter(|route| route.path.contains("{id}")) {
            let foreign = sample(route.name, &theirs.known);
            let foreign_id = foreign.id.clone().unwrap();
            let missing_id = missing(&foreign_id);
            let gone = Sample { id: Some(missing_id.clone()), ..sample(route.name, &theirs.known) };
            let one = send(api, route, &foreign, Some(&ours.all));
            let other = send(api, route, &gone, Some(&ours.all));
            assert_eq!(one.status, 404, "{route:?}: {}", one.text);
            assert_eq!(neutral(&one, &foreign_id), neutral(&other, &missing_id), "{route:?}");
        }
        assert_eq!(facts(api, &theirs), before, "something was written in the other environment");
    });
}

#[test]
fn foreign_ids_in_bodies_and_queries_look_missing() {
    on_both(|api| {
        let (ours, theirs) = (new_house(api), new_house(api));
        let start = |customer: &str, entity: Option<&str>| json!({ "customer": customer, "plan": "starter", "cycle": "month", "legal_entity": entity });
        let (customer, entity) = (theirs.known.customer.to_string(), theirs.known.entity.to_string());
        let mine = ours.known.customer.to_string();
        for (path, id, body) in [
            ("/v1/subscriptions", &customer, None),
            ("/v1/subscriptions/preview", &customer, None),
            ("/v1/subscriptions", &entity, Some(&mine)),
            ("/v1/subscriptions/preview", &entity, Some(&mine)),
        ] {
            let ask = |id: &str| {
                let body = body.map_or_else(|| start(id, None), |mine| start(mine, Some(id)));
                api.post(path).key(&ours.all).json(&body).send()
            };
            let gone = missing(id);
            let (one, other) = (ask(id), ask(&gone));
            assert!(matches!(one.status, 404 | 422), "{path}: {}", one.text);
            assert_eq!(neutral(&one, id), neutral(&other, &gone), "{path}");
        }
        for query in
            ["/v1/facts?customer=", "/v1/facts?subject=", "/v1/invoices?customer=", "/v1/payments?customer="]
        {
            let ask = |id: &str| api.get(&format!("{query}{id}")).key(&ours.all).send();
            let gone = missing(&customer);
            assert_eq!(neutral(&ask(&customer), &customer), neutral(&ask(&gone), &gone), "{query}");
            assert_eq!(ask(&customer).json()["data"], json!([]), "{query}");
        }
    });
}

#[test]
fn a_repeated_change_happens_once_and_says_the_same() {
    on_both(|api| {
        for route in ROUTES.iter().filter(|route| route.changes()) {
            let house = new_house(api);
            let sample = sample(route.name, &house.known);
            let body = sample.body.as_ref().unwrap().to_string();
            let ask = |body: &str| {
                let call = api.call(route.method, &sample.path(route.path)).key(&house.all);
                call.header("Idempotency-Key", "once").bytes(body).send()
            };
            let first = ask(&body).expect(sample.status);
            let told = facts(api, &house);
            let again = ask(&body).expect(sample.status);
            assert_eq!(again.text, first.text, "{route:?}");
            assert_eq!(again.header("idempotency-replayed"), "true", "{route:?}");
            assert_eq!(first.header("idempotency-replayed"), "", "{route:?}");
            assert_eq!(facts(api, &house), told, "{route:?} changed something twice");
            assert_eq!(ask(&format!("{body} ")).expect(409).code(), "idempotency_key_reused", "{route:?}");
        }
    });
}

#[test]
fn the_same_key_on_another_path_is_another_request() {
    on_both(|api| {
        let house = new_house(api);
        let ask =
            |path: &str| api.post(path).key(&house.all).header("Idempotency-Key", "k").bytes("{}").send();
        ask(&format!("/v1/invoices/{}/finalize", house.known.invoice)).expect(200);
        let other = ask(&format!("/v1/customers/{}/erase", house.known.customer)).expect(409);
        assert_eq!(other.code(), "idempotency_key_reused");
    });
}

/// The routes that answer with as much as is asked for.
const LISTS: &[&str] = &[
    "customer_list",
    "price_book_versions",
    "subscription_list",
    "subscription_invoices",
    "invoice_list",
    "payment_list",
    "ledger_statement",
    "fact_list",
    "job_list",
    "usage_show",
    "meter_behind",
    "coupon_redemptions",
    "bill_run_list",
    "bill_run_invoices",
];

#[test]
fn wrong_bodies_and_queries_are_named() {
    on_both(|api| {
        let house = new_house(api);
        for route in ROUTES {
            let sample = sample(route.name, &house.known);
            let path = sample.path(route.path);
            // Events come in shapes of their own.
            if route.method != "GET" && route.name != "event_ingest" {
                let ask = |body: &Json| api.call(route.method, &path).key(&house.all).json(body).send();
                let unknown = ask(&json!({ "nonsense": 1 })).expect(422);
                assert_eq!(
                    (unknown.code().as_str(), unknown.pointers()),
                    ("body_invalid", vec!["/nonsense".to_owned()])
                );
                assert_eq!(ask(&json!([])).expect(422).code(), "body_invalid", "{route:?}");
            }
            if LISTS.contains(&route.name) {
                let ask =
                    |query: &str| api.get(&format!("{path}?{query}")).key(&house.all).send().expect(422);
                assert_eq!(ask("limit=0").code(), "limit_out_of_range", "{route:?}");
                assert_eq!(ask("limit=100000").code(), "limit_out_of_range", "{route:?}");
                assert_eq!(ask("limit=many").code(), "query_invalid", "{route:?}");
                assert_eq!(ask("nonsense=1").code(), "query_invalid", "{route:?}");
            }
        }
    });
}

/// The number of every fact of an environment.
fn facts(api: &Api<'_>, house: &House) -> Vec<i64> {
    let facts = api.test.db.read(&house.scope, |view| store::facts::feed(view, 0, 10_000)).wait().unwrap();
    facts.into_iter().map(|fact| fact.seq).collect()
}
