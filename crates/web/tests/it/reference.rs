//! The API reference: every operation and shape has its page, for whoever comes.

use testkit::TestDb;

use crate::{
    browser::words,
    world::{CONTEXTS, World},
};

#[test]
fn every_operation_and_every_shape_of_the_document_has_its_page() {
    let world = World::new(&TestDb::sqlite(CONTEXTS));
    let document: serde_json::Value = serde_json::from_str(&server::openapi().unwrap()).unwrap();
    let overview = world.get("/docs", "");
    assert_eq!(overview.status, 200);
    assert!(overview.headers["content-security-policy"].contains("default-src 'self'"));
    let (mut operations, mut pages) = (0, vec![("/docs".to_owned(), overview.text.clone())]);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, said) in item.as_object().unwrap() {
            let address = format!("/docs/operations/{}", said["operationId"].as_str().unwrap());
            assert!(overview.text.contains(&format!("href=\"{address}\"")), "{address}");
            let page = world.get(&address, "");
            assert_eq!(page.status, 200, "{address}");
            let title = format!("{} {path}", method.to_uppercase());
            assert!(words(&page).contains(&title) && page.text.contains("data-call"), "{address}");
            operations += 1;
            pages.push((address, page.text));
        }
    }
    assert!(operations > 100, "{operations}");
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let address = format!("/docs/shapes/{name}");
        let page = world.get(&address, "");
        assert_eq!(page.status, 200, "{address}");
        pages.push((address, page.text));
    }
    let links = pages.iter().flat_map(|(_, text)| text.split("href=\"/docs/").skip(1));
    for link in links.map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            pages.iter().any(|(address, _)| address.strip_prefix("/docs/") == Some(link)),
            "{link} leads nowhere"
        );
    }
    let mistakes = testkit::html::mistakes(pages.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    assert!(mistakes.is_empty(), "{}", mistakes[..mistakes.len().min(20)].join("\n"));
    for nothing in ["/docs/operations/nothing", "/docs/shapes/Nothing"] {
        assert_eq!(world.get(nothing, "").status, 404);
    }
}

#[test]
fn an_operation_says_what_it_takes_and_how_it_is_called() {
    let world = World::new(&TestDb::sqlite(CONTEXTS));
    let page = words(&world.get("/docs/operations/subscription_change", ""));
    for said in [
        "POST /v1/subscriptions/{id}/change",
        "-H 'Authorization: Bearer sk_…'",
        "Key of another plan.",
        "Idempotency-Key",
        "ChangedSubscription",
        "Permission:",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}
