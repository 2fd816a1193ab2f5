//! Input that means harm, or might as well.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::{Api, House, on_both},
    samples::subscription,
};

fn house(api: &Api<'_>) -> House {
    api.environment(Mode::Sandbox)
}

fn create(api: &Api<'_>, house: &House, body: impl Into<Vec<u8>>) -> crate::api::Answer {
    api.post("/v1/customers").key(&house.all).bytes(body).send()
}

fn customer(change: impl Fn(&mut Json)) -> String {
    let mut body = json!({ "name": "A", "country": "DE", "currency": "USD" });
    change(&mut body);
    body.to_string()
}

#[test]
fn what_is_no_json_is_a_clean_400() {
    on_both(|api| {
        let house = house(api);
        let deep = "[".repeat(1_000_000);
        let deep_object = r#"{"a":"#.repeat(100_000);
        for body in [
            b"{".as_slice(),
            b"{\"name\": }",
            b"nonsense",
            b"{} trailing",
            b"\xef\xbb\xbf{}",
            b"{\"name\": \"\xff\xfe\"}",
            b"{\"name\": \"\xed\xa0\x80\"}",
            b"{\"name\": \"\\ud800\"}",
            b"{\"name\": \"line\nbreak\"}",
            b"{\"name\": \"nul\0\"}",
            b"{\"quantity\": NaN}",
            b"{\"quantity\": Infinity}",
            b"{\"quantity\": 1e999}",
            b"{\"quantity\": 01}",
            deep.as_bytes(),
            deep_object.as_bytes(),
        ] {
            let answer = create(api, &house, body).expect(400);
            assert_eq!(answer.code(), "body_malformed");
            assert!(answer.text.len() < 500, "{}", answer.text);
        }
        let plain = api.post("/v1/customers").key(&house.all).bytes("{}").header("X", "y");
        assert_eq!(plain.send().expect(422).code(), "body_invalid");
    });
}

#[test]
fn a_body_of_another_kind_is_refused() {
    on_both(|api| {
        let house = house(api);
        let raw = |kind: &str| {
            let text = customer(|_| {});
            let request = format!(
                "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{kind}\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
                house.all,
                text.len(),
            );
            exchange(api, request.as_bytes())
        };
        assert!(raw("Content-Type: text/plain\r\n").contains("content_type_wrong"));
        assert!(raw("").contains("content_type_wrong"));
        assert!(raw("Content-Type: application/json; charset=utf-8\r\n").starts_with("HTTP/1.1 201"));
        assert!(
            raw("Content-Type: application/json\r\nIdempotency-Key: a b\r\n")
                .contains("idempotency_key_malformed")
        );
    });
}

/// Send bytes and read everything that comes back.
fn exchange(api: &Api<'_>, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(api.address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_huge_body_is_told_so_and_never_held() {
    on_both(|api| {
        let house = house(api);
        let answer = create(api, &house, vec![b' '; 100 << 20]).expect(413);
        assert_eq!(answer.code(), "body_too_large");
        let limit = 1 << 20;
        assert_eq!(create(api, &house, vec![b' '; limit + 1]).expect(413).code(), "body_too_large");
        assert_eq!(create(api, &house, vec![b' '; limit]).expect(400).code(), "body_malformed");
        // In chunks, with no length announced.
        let head = format!(
            "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\
             Content-Type: application/json\r\nConnection: close\r\n\r\n",
            house.all
        );
        let mut chunked = head.into_bytes();
        for _ in 0..40 {
            chunked.extend_from_slice(b"10000\r\n");
            chunked.extend(std::iter::repeat_n(b' ', 0x10000));
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        assert!(exchange(api, &chunked).contains("body_too_large"));
        // A client that asks first is told before it sends.
        let asks = format!(
            "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 104857600\r\n\
             Expect: 100-continue\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
            house.all
        );
        let told = exchange(api, asks.as_bytes());
        assert!(told.starts_with("HTTP/1.1 413") && told.contains("body_too_large"), "{told}");
    });
}

#[test]
fn a_refusal_is_heard_although_its_body_was_not_wanted() {
    on_both(|api| {
        let unwanted = vec![b'x'; 1 << 20];
        for path in ["/v1/customers", "/v1/nothing", "/v1/environment"] {
            for _ in 0..10 {
                let answer = api.post(path).bytes(unwanted.clone()).send();
                assert!(matches!(answer.status, 401 | 404 | 405), "{}", answer.text);
            }
        }
    });
}

#[test]
fn wrong_values_are_422_with_their_place() {
    on_both(|api| {
        let house = house(api);
        let too_long = "x".repeat(201);
        for (field, value, code, pointer) in [
            ("name", json!("a\u{0}b"), "body_invalid", "/name"),
            ("name", json!(""), "text_invalid", "/name"),
            ("name", json!(too_long), "text_invalid", "/name"),
            ("name", json!("two\nlines"), "text_invalid", "/name"),
            ("name", json!(7), "body_invalid", "/name"),
            ("name", Json::Null, "body_invalid", "/name"),
            ("email", json!("nobody"), "email_malformed", "/email"),
            ("country", json!("Germany"), "country_unknown", "/country"),
            ("currency", json!("usd"), "currency_unknown", "/currency"),
            ("currency", json!("XXX"), "currency_unknown", "/currency"),
            ("zone", json!("Mars/Olympus"), "zone_unknown", "/zone"),
            ("zone", json!("../../etc/passwd"), "zone_unknown", "/zone"),
            ("external_id", json!("a/b"), "external_id_malformed", "/external_id"),
            ("metadata", json!({ "a": 1 }), "body_invalid", "/metadata/a"),
            ("metadata", json!({ "a": "\u{0}" }), "body_invalid", "/metadata/a"),
            ("metadata", json!({ "a": "x".repeat(501) }), "metadata_invalid", "/metadata"),
            ("metadata", json!([]), "body_invalid", "/metadata"),
            ("more", json!(1), "body_invalid", "/more"),
        ] {
            let answer = create(api, &house, customer(|body| body[field] = value.clone())).expect(422);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                (code, vec![pointer.to_owned()]),
                "{field} {value}"
            );
        }
    });
}

#[test]
fn amounts_and_times_out_of_range_are_422() {
    on_both(|api| {
        let house = house(api);
        let good = subscription(&house.known);
        for (field, value, code, pointer) in [
            ("quantity", "9223372036854775808", "body_invalid", "/quantity"),
            ("quantity", "-9223372036854775809", "body_invalid", "/quantity"),
            ("quantity", "1e308", "body_invalid", "/quantity"),
            ("quantity", "1.5", "body_invalid", "/quantity"),
            ("quantity", "\"1\"", "body_invalid", "/quantity"),
            ("addons", "{\"extra_user\": 1e308}", "body_invalid", "/addons/extra_user"),
            ("cycle", "\"fortnight\"", "cycle_malformed", "/cycle"),
            ("zone", "\"Nowhere\"", "zone_unknown", "/zone"),
            ("currency", "\"US\"", "currency_unknown", "/currency"),
            ("start", "\"9999-12-31T23:59:59Z\"", "time_out_of_range", "/start"),
            ("start", "\"1969-12-31T23:59:59Z\"", "time_out_of_range", "/start"),
            ("start", "\"2026-01-15\"", "time_malformed", "/start"),
            ("bill_from", "\"yesterday\"", "body_invalid", "/bill_from"),
            ("customer", "\"cus_1\"", "id_malformed", "/customer"),
            ("legal_entity", "\"cus_1\"", "id_malformed", "/legal_entity"),
        ] {
            for path in ["/v1/subscriptions", "/v1/subscriptions/preview"] {
                let mut fields = good.as_object().unwrap().clone();
                fields.remove(field);
                let rest = Json::Object(fields).to_string();
                let body = format!("{{\"{field}\": {value}, {}", rest.trim_start_matches('{'));
                let answer = api.post(path).key(&house.all).bytes(body).send().expect(422);
                assert_eq!(
                    (answer.code().as_str(), answer.pointers()),
                    (code, vec![pointer.to_owned()]),
                    "{field} {value}"
                );
            }
        }
        // What only the rules can tell.
        for (field, value) in [
            ("quantity", json!(i64::MAX)),
            ("quantity", json!(-1)),
            ("quantity", json!(0)),
            ("addons", json!({ "extra_user": i64::MAX })),
            ("addons", json!({ "extra_user": -1 })),
            ("addons", json!({ "nothing_of_the_kind": 1 })),
            ("plan", json!("platinum")),
            ("start", json!("2999-12-31T23:59:59Z")),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let answer = api.post("/v1/subscriptions").key(&house.all).json(&body).send();
            assert!(matches!(answer.status, 422), "{body}: {}", answer.text);
            assert!(!answer.pointers().is_empty(), "{body}: {}", answer.text);
        }
        for to in ["9999-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "later"] {
            let answer =
                api.post("/v1/sandbox/clock/advance").key(&house.all).json(&json!({ "to": to })).send();
            assert_eq!(answer.expect(422).pointers(), ["/to"]);
        }
        let as_of =
            api.get("/v1/ledger/trial-balance?as_of=9999-01-01T00:00:00Z").key(&house.all).send().expect(422);
        assert_eq!(
            (as_of.code().as_str(), as_of.pointers()),
            ("time_out_of_range", vec!["?as_of".to_owned()])
        );
    });
}

#[test]
fn hostile_paths_queries_and_headers_are_refused() {
    on_both(|api| {
        let house = house(api);
        let get = |path: &str| api.get(path).key(&house.all).send();
        for (path, status, code) in [
            ("/v1/customers/cus_1", 422, "id_malformed"),
            ("/v1/customers/%00", 422, "id_malformed"),
            ("/v1/customers/%ff", 422, "path_malformed"),
            ("/v1/customers/ext:%00", 422, "external_id_malformed"),
            ("/v1/subscriptions/ext:none", 404, "not_found"),
            ("/v1/customers/ext:none", 404, "not_found"),
            ("/v1/customers/ext:'%20OR%201=1--", 422, "external_id_malformed"),
            ("/v1/subscriptions/ext:%00", 422, "external_id_malformed"),
            ("/v1/subscriptions/inv_1", 422, "id_malformed"),
            ("/v1/nothing", 404, "path_unknown"),
            ("/v1", 404, "path_unknown"),
            ("/v1/customers/", 404, "path_unknown"),
            ("/v1/customers?after=nonsense", 422, "cursor_malformed"),
            ("/v1/customers?after=MTI", 422, "cursor_malformed"),
            ("/v1/customers?limit=-1", 422, "query_invalid"),
            ("/v1/customers?limit=99999999999999999999", 422, "query_invalid"),
            ("/v1/customers?limit=1&limit=2", 422, "query_invalid"),
            ("/v1/facts?after=9223372036854775808", 422, "query_invalid"),
            ("/v1/facts?after=1&before=2", 422, "query_invalid"),
            ("/v1/facts?subject=nobody", 422, "id_malformed"),
        ] {
            assert_eq!(get(path).expect(status).code(), code, "{path}");
        }
        let wrong_method = api.call("DELETE", "/v1/customers").key(&house.all).send().expect(405);
        assert_eq!(wrong_method.code(), "method_not_allowed");
        assert!(wrong_method.header("allow").contains("POST"), "{wrong_method:?}");
        for (header, value, code) in [
            ("Idempotency-Key", "", "idempotency_key_malformed"),
            ("Idempotency-Key", "with space", "idempotency_key_malformed"),
            ("Idempotency-Key", &"k".repeat(256), "idempotency_key_malformed"),
            ("Idempotency-Key", "clé", "idempotency_key_malformed"),
            ("Steelyard-Reason", "Because!", "reason_malformed"),
        ] {
            let answer = api.post("/v1/customers").key(&house.all).header(header, value).bytes("{}").send();
            assert_eq!(answer.code(), code, "{header}: {value}");
        }
        let odd = b"GET /v1/environment HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n";
        assert!(exchange(api, odd).contains("key_missing"));
        let long = api.get("/v1/environment").key(&"s".repeat(5_000)).send();
        assert_eq!(long.expect(401).code(), "key_unknown");
    });
}

#[test]
fn twins_at_the_same_moment_make_one_customer() {
    on_both(|api| {
        let house = house(api);
        let body = customer(|body| body["external_id"] = json!("twin"));
        let ask = || {
            api.post("/v1/customers")
                .key(&house.all)
                .header("Idempotency-Key", "twin")
                .bytes(body.clone())
                .send()
        };
        let answers: Vec<_> = std::thread::scope(|threads| {
            let asking: Vec<_> = (0..8).map(|_| threads.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap().expect(201)).collect()
        });
        assert!(answers.iter().all(|answer| answer.text == answers[0].text));
        let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
        assert_eq!(first, 1);
        let list = api.get("/v1/customers").key(&house.all).send().expect(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), 2, "one was there, one was made");
    });
}

#[test]
fn twins_with_different_bodies_are_told_apart() {
    on_both(|api| {
        let house = house(api);
        let ask = |number: usize| {
            let body = customer(|body| body["name"] = json!(format!("Twin {number}")));
            api.post("/v1/customers").key(&house.all).header("Idempotency-Key", "one").bytes(body).send()
        };
        let ask = &ask;
        let answers: Vec<_> = std::thread::scope(|threads| {
            let asking: Vec<_> = (0..8).map(|number| threads.spawn(move || ask(number))).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        assert!(
            refused.iter().all(|answer| answer.status == 409 && answer.code() == "idempotency_key_reused")
        );
    });
}
