//! Pages, references, repetitions and reasons.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, House, on_both};

fn create(api: &Api<'_>, house: &House, name: &str) -> Json {
    let body = json!({
        "name": name, "country": "DE", "currency": "EUR", "zone": "Europe/Berlin", "external_id": name,
        "email": format!("{name}@example.com"), "metadata": { "segment": "smb" },
    });
    api.post("/v1/customers").key(&house.all).json(&body).send().expect(201).json()
}

#[test]
fn pages_join_without_gap_or_repetition() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        for number in 0..7 {
            create(api, &house, &format!("c{number}"));
        }
        let (mut names, mut next) = (Vec::new(), String::new());
        loop {
            let page =
                api.get(&format!("/v1/customers?limit=3{next}")).key(&house.all).send().expect(200).json();
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= 3);
            names.extend(data.iter().map(|one| one["external_id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&after={cursor}"),
                None => break,
            }
        }
        assert_eq!(names, ["c6", "c5", "c4", "c3", "c2", "c1", "c0", "first"]);
        // A cursor of another list is none of this one.
        let page = api.get("/v1/customers?limit=1").key(&house.all).send().json();
        let cursor = page["next"].as_str().unwrap();
        let wrong = api.get(&format!("/v1/invoices?after={cursor}")).key(&house.all).send().expect(422);
        assert_eq!(
            (wrong.code().as_str(), wrong.pointers()),
            ("cursor_malformed", vec!["?after".to_owned()])
        );
    });
}

#[test]
fn every_list_pages() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let lists = [
            "/v1/subscriptions".to_owned(),
            "/v1/invoices".to_owned(),
            format!("/v1/invoices?customer={}", house.known.customer),
        ];
        for list in lists {
            let sign = if list.contains('?') { '&' } else { '?' };
            let page = |query: &str| {
                api.get(&format!("{list}{sign}{query}")).key(&house.all).send().expect(200).json()
            };
            let whole = page("limit=9");
            let one = page("limit=1");
            let rest = page(&format!("limit=8&after={}", one["next"].as_str().unwrap()));
            let joined: Vec<_> =
                [&one, &rest].into_iter().flat_map(|page| page["data"].as_array().unwrap()).collect();
            assert_eq!(whole["data"], json!(joined), "{list}");
            assert_eq!((&whole["next"], &rest["next"]), (&Json::Null, &Json::Null), "{list}");
        }
    });
}

#[test]
fn a_customer_is_named_by_its_id_or_the_merchants() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let made = create(api, &house, "meyer");
        assert_eq!(made["zone"], "Europe/Berlin");
        assert_eq!(made["metadata"], json!({ "segment": "smb" }));
        let by_id = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        for path in [by_id.as_str(), "/v1/customers/ext:meyer"] {
            assert_eq!(api.get(path).key(&house.all).send().expect(200).json(), made);
        }
        let taken = api.post("/v1/customers").key(&house.all);
        let body = json!({ "name": "x", "country": "DE", "currency": "EUR", "external_id": "meyer" });
        let taken = taken.json(&body).send().expect(409);
        assert_eq!(
            (taken.code().as_str(), taken.pointers()),
            ("external_id_taken", vec!["/external_id".to_owned()])
        );
    });
}

#[test]
fn erasure_blanks_the_person_and_leaves_the_facts() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        create(api, &house, "meyer");
        let erase = || {
            api.post("/v1/customers/ext:meyer/erase")
                .key(&house.all)
                .header("Steelyard-Reason", "customer_request")
        };
        let erased = erase().send().expect(200).json();
        for field in ["name", "email", "address"] {
            assert_eq!(erased[field], Json::Null, "{field}");
        }
        assert_eq!(erased["metadata"], json!({}));
        assert!(erased["erased"].is_string());
        assert_eq!(erase().send().expect(409).code(), "already_erased");
        let timeline = api.get("/v1/facts?customer=ext:meyer").key(&house.all).send().expect(200);
        assert!(!timeline.text.contains("example.com"));
        let facts = timeline.json();
        assert_eq!(facts["data"][0]["type"], "customer.erased");
        assert_eq!(facts["data"][0]["reason"], "customer_request");
        assert!(facts["data"][0]["actor"].as_str().unwrap().starts_with("key_"));
        assert_eq!(facts["data"][1]["type"], "customer.created");
    });
}

#[test]
fn a_refused_change_is_not_kept_under_its_key() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        create(api, &house, "taken");
        let ask = |id: &str| {
            let body = json!({ "name": "x", "country": "DE", "currency": "EUR", "external_id": id });
            api.post("/v1/customers").key(&house.all).header("Idempotency-Key", "k").json(&body).send()
        };
        assert_eq!(ask("taken").expect(409).code(), "external_id_taken");
        ask("free").expect(201);
        assert_eq!(ask("taken").expect(409).code(), "idempotency_key_reused");
    });
}

#[test]
fn the_feed_is_read_in_order_and_timelines_backwards() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let get =
            |query: &str| api.get(&format!("/v1/facts?{query}")).key(&house.all).send().expect(200).json();
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let page = get(&format!("after={after}&limit=2"));
            let seqs: Vec<i64> =
                page["data"].as_array().unwrap().iter().map(|fact| fact["seq"].as_i64().unwrap()).collect();
            after = page["next"].as_i64().unwrap();
            if seqs.is_empty() {
                break;
            }
            seen.extend(seqs);
        }
        assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>());
        assert_eq!(get(&format!("after={after}"))["next"], after, "the end of the feed is where it goes on");
        let subject = get(&format!("subject={}", house.known.subscription));
        assert_eq!(subject["data"][0]["type"], "subscription.started");
        assert_eq!(subject["next"], Json::Null);
        let latest = get(&format!("before={}&limit=1", i64::MAX));
        assert_eq!(latest["data"][0]["seq"], after);
        assert_eq!(get(&format!("customer={}&limit=1", house.known.customer))["data"][0]["seq"], after);
    });
}

#[test]
fn a_live_environment_has_no_clock() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        assert_eq!(api.get("/v1/sandbox/clock").key(&house.all).send().expect(409).code(), "clock_is_live");
        let ask = api
            .post("/v1/sandbox/clock/advance")
            .key(&house.all)
            .json(&json!({ "to": "2027-01-01T00:00:00Z" }));
        assert_eq!(ask.send().expect(409).code(), "clock_is_live");
        let environment = api.get("/v1/environment").key(&house.all).send().expect(200).json();
        assert_eq!((&environment["mode"], &environment["now"]), (&json!("live"), &json!(testkit::START)));
    });
}

#[test]
fn the_price_book_is_checked_and_applied() {
    on_both(|api| {
        let house = api.environment(Mode::Live);
        let post = |path: &str, source: &str| {
            api.post(path).key(&house.all).json(&json!({ "source": source })).send()
        };
        let book = crate::api::BOOK;
        let dearer = book.replace("\"49\"", "\"59\"");
        let same = post("/v1/price-book", book).expect(200).json();
        assert_eq!((&same["changed"], &same["version"]["number"]), (&json!(false), &json!(1)));
        let checked = post("/v1/price-book/check", &dearer).expect(200).json();
        assert_eq!((&checked["valid"], &checked["mistakes"]), (&json!(true), &json!([])));
        assert!(checked["changes"][0]["sentence"].as_str().unwrap().contains("59"), "{checked}");
        let applied = post("/v1/price-book", &dearer).expect(201).json();
        assert_eq!((&applied["changed"], &applied["version"]["number"]), (&json!(true), &json!(2)));
        let in_force = api.get("/v1/price-book").key(&house.all).send().expect(200).json();
        assert_eq!(in_force, applied["version"]);
        assert_eq!(in_force["book"]["name"], "Unison");
        let source = api.get(in_force["source"].as_str().unwrap()).key(&house.all).send().expect(200);
        assert_eq!(
            (source.text.as_str(), source.header("content-type")),
            (dearer.as_str(), "application/toml")
        );
        let versions = api.get("/v1/price-book/versions?limit=1").key(&house.all).send().expect(200).json();
        assert_eq!(versions["data"][0]["number"], 2);
        let next = versions["next"].as_str().unwrap();
        let older = api
            .get(&format!("/v1/price-book/versions?after={next}"))
            .key(&house.all)
            .send()
            .expect(200)
            .json();
        assert_eq!(older["data"][0]["id"], json!(house.known.book));

        let bad = book.replace("currency = \"USD\"", "currency = \"USB\"");
        let mistakes = post("/v1/price-book/check", &bad).expect(200).json();
        assert_eq!((&mistakes["valid"], &mistakes["mistakes"][0]["line"]), (&json!(false), &json!(8)));
        let refused = post("/v1/price-book", &bad).expect(422);
        assert_eq!(
            (refused.code().as_str(), &refused.pointers()[0]),
            ("book_invalid", &"/source".to_owned())
        );
    });
}
