//! The description of the API: complete, and served with its interactive page.

use std::collections::{BTreeMap, BTreeSet};

use api::ROUTES;
use serde_json::Value as Json;
use testkit::TestDb;

use crate::api::{Api, CONTEXTS};

fn document() -> Json {
    sorted(serde_json::to_value(api::openapi()).unwrap())
}

/// Keys in order, whichever way the JSON library was built to keep them.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Json::Object(fields.into_iter().collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch", "head", "options", "trace"] {
            if item.get(method).is_some() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let routes: BTreeSet<_> =
        ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(described, routes);
    assert_eq!(routes.len(), ROUTES.len(), "a route stands twice in the table");
}

#[test]
fn every_operation_is_named_explained_and_secured() {
    let document = document();
    let mut names = BTreeSet::new();
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{route:?}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{route:?}");
        assert_eq!(operation["security"], serde_json::json!([{ "key": [] }]), "{route:?}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{route:?} {status}"
            );
        }
        assert!(
            operation["responses"]["401"]["content"]["application/problem+json"].is_object(),
            "{route:?}"
        );
    }
}

/// Every `$ref` leads somewhere, which the generator does not check.
#[test]
fn every_reference_resolves() {
    fn walk(json: &Json, refs: &mut Vec<String>) {
        match json {
            Json::Object(fields) => {
                refs.extend(fields.get("$ref").and_then(Json::as_str).map(str::to_owned));
                fields.values().for_each(|value| walk(value, refs));
            }
            Json::Array(items) => items.iter().for_each(|item| walk(item, refs)),
            _ => {}
        }
    }
    let document = document();
    let mut refs = Vec::new();
    walk(&document, &mut refs);
    for reference in refs {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

/// `/v1` is additive only: a change of this snapshot that takes something away is a mistake.
#[test]
fn the_document_is_the_one_agreed() {
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document()).unwrap());
}

#[test]
fn the_document_is_served_without_a_key() {
    let test = TestDb::sqlite(CONTEXTS);
    let api = Api::serve(&test);
    let served = api.get("/v1/openapi.json").send().expect(200);
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.json(), document());
    assert_eq!(served.json()["openapi"], "3.1.0");
}
