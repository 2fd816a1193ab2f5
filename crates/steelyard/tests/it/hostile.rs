//! Events no sane program sends, to the real program: a clear answer to each, nothing miscounted, nothing that grows.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};

use crate::{
    faults::{peak, say},
    program::{Installation, Server, get, on_both, post},
};

const BOOK: &str = r#"
book = 1
name = "Hostile"
currency = "USD"

[meters]
calls = { name = "Calls", unit = "call", dimensions = ["region"] }
bytes = { name = "Bytes", unit = "GB", aggregation = "sum", decimals = 9, critical = true }

[plans.small]
name = "Small"
price = { month = "10" }
"#;

fn serve(installation: &Installation) -> (Server, String) {
    std::fs::write(installation.path("hostile.toml"), BOOK).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--book", "hostile.toml"];
    let server = Server::start(installation.command(&arguments));
    let key = server.key.clone().unwrap();
    let customer = json!({ "name": "Meyer", "country": "DE", "currency": "USD", "external_id": "meyer" });
    assert_eq!(server.post("/v1/customers", &key, &customer).0, 201);
    (server, key)
}

fn event(meter: &str, id: &str, data: Json) -> Json {
    json!({
        "specversion": "1.0", "id": id, "source": "test", "type": meter, "subject": "meyer", "data": data,
    })
}

/// Send a batch; its answer.
fn batch(server: &Server, key: &str, events: &[Json]) -> Json {
    let (status, answer) = post(&server.url, "/v1/events", key, None, &Json::from(events.to_vec()));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn used(server: &Server, key: &str, meter: &str) -> Json {
    let (status, answer) = get(&server.url, &format!("/v1/meters/{meter}/usage?customer=ext:meyer"), key);
    assert_eq!(status, 200, "{answer}");
    answer["data"][0]["value"].clone()
}

#[test]
fn ten_thousand_dimensions_are_answered_and_bounded() {
    on_both(|installation| {
        let (server, key) = serve(installation);
        let many: Vec<Json> = (0..10_000)
            .map(|n| event("calls", &n.to_string(), json!({ "region": format!("region-{n}") })))
            .collect();
        assert_eq!(batch(&server, &key, &many)["accepted"], 10_000);
        assert_eq!(batch(&server, &key, &many[..100])["duplicates"], 100);
        assert_eq!(used(&server, &key, "calls"), "10000");
        // Keys that no meter asks for are kept as they came, as long as they are not too many.
        let keys = |count: usize| {
            let members = (0..count).map(|n| (format!("k{n}"), json!(n)));
            Json::Object(members.collect())
        };
        let answer = batch(&server, &key, &[event("calls", "some", keys(500))]);
        assert_eq!(answer["accepted"], 1, "{answer}");
        let answer =
            batch(&server, &key, &[event("calls", "many", keys(10_000)), event("calls", "ok", json!({}))]);
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(1)));
        let error = &answer["receipts"][0]["error"];
        assert_eq!((&error["code"], &error["pointer"]), (&json!("data_too_large"), &json!("/data")));
        // Deeply nested, and a value that is no scalar.
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let text = format!(
            r#"[{{"specversion":"1.0","id":"deep","source":"test","type":"calls","subject":"meyer","data":{{"region":{deep}}}}}]"#
        );
        let (status, answer) = raw(&server, &key, &text);
        assert!((400..500).contains(&status) || answer["rejected"] == 1, "{status} {answer}");
        assert_eq!(used(&server, &key, "calls"), "10002");
        server.stop();
        let report = installation.run(&["reconcile"]).good();
        assert!(report.contains("no difference"), "{report}");
    });
}

/// Send a text as it is.
fn raw(server: &Server, key: &str, text: &str) -> (u16, Json) {
    let body = ureq::post(format!("{}/v1/events", server.url))
        .config()
        .http_status_as_error(false)
        .build()
        .header("Authorization", format!("Bearer {key}"))
        .header("Content-Type", "application/cloudevents-batch+json")
        .send(text);
    let mut answer = body.unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn numbers_and_dates_at_the_edges_are_counted_exactly_or_refused_in_words() {
    on_both(|installation| {
        let (server, key) = serve(installation);
        let text = |id: &str, value: &str, time: &str| {
            format!(
                r#"[{{"specversion":"1.0","id":"{id}","source":"test","type":"bytes","subject":"meyer"{time},"data":{{"value":{value}}}}}]"#
            )
        };
        let code = |answer: &(u16, Json)| match answer {
            (200, answer) => {
                let receipt = &answer["receipts"][0];
                receipt["error"]["code"]
                    .as_str()
                    .or(receipt["status"].as_str())
                    .unwrap_or_default()
                    .to_owned()
            }
            (_, problem) => problem["code"].as_str().unwrap_or_default().to_owned(),
        };
        for (value, wanted) in [
            ("NaN", "events_malformed"),
            ("\"NaN\"", "quantity_malformed"),
            ("\"Infinity\"", "quantity_malformed"),
            ("1e308", "quantity_out_of_range"),
            ("-1e308", "quantity_out_of_range"),
            ("1e-308", "accepted"),
            ("12345678901234567890", "quantity_out_of_range"),
            ("0.12345678901234567890", "accepted"),
            ("\"0.10000000000000000000\"", "accepted"),
        ] {
            assert_eq!(
                code(&raw(&server, &key, &text(value.trim_matches('"'), value, ""))),
                wanted,
                "{value}"
            );
        }
        for (time, wanted) in [
            ("1970-01-01T00:00:00Z", "too_old"),
            ("0001-01-01T00:00:00Z", "time_out_of_range"),
            ("9999-12-31T23:59:59Z", "time_out_of_range"),
            ("10000-01-01T00:00:00Z", "time_malformed"),
            ("2026-02-30T00:00:00Z", "time_malformed"),
        ] {
            let sent = text(time, "1", &format!(r#","time":"{time}""#));
            let found = code(&raw(&server, &key, &sent));
            assert!(found == wanted || found == "too_old" || found == "time_out_of_range", "{time}: {found}");
        }
        // Twenty digits, rounded once: 0.123456789 and 0.1.
        assert_eq!(used(&server, &key, "bytes"), "0.223456789");
        server.stop();
        // What was rejected can be looked at, with what came, also when nothing runs.
        let kept = installation.json(&["usage", "rejected", "--json"]);
        let codes: Vec<&str> =
            kept.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        assert!(codes.contains(&"quantity_out_of_range") && codes.contains(&"too_old"), "{kept}");
        let shown = installation.run(&["usage", "rejected"]).good();
        assert!(shown.contains("quantity_malformed"), "{shown}");
        let report = installation.run(&["reconcile"]).good();
        assert!(report.contains("no difference") && report.contains("bytes in double entry"), "{report}");
    });
}

#[test]
fn a_stream_without_end_is_refused_early_or_taken_in_piece_by_piece() {
    let installation = Installation::sqlite();
    let (server, key) = serve(&installation);
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/x-ndjson\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let before = peak(server.process());
    // A gigabyte in one line is refused where it becomes too long, whatever is still to come.
    let sent = AtomicU64::new(0);
    let endless = std::iter::repeat_with(|| {
        sent.fetch_add(1, Ordering::SeqCst);
        chunk(&[b'x'; 0x10000])
    });
    let answer = say(&server.url, &head, endless.take(16_384));
    assert!(answer.contains(" 413 ") || answer.is_empty(), "{answer}");
    assert!(sent.load(Ordering::SeqCst) < 1_024, "{sent:?} pieces were read");
    // Long lines come in without being held together: sixty megabytes of them.
    let mut long = event("calls", "0", json!({ "note": "x".repeat(60_000) })).to_string().into_bytes();
    long.push(b'\n');
    let lines = std::iter::repeat_n(chunk(&long), 1_000).chain([b"0\r\n\r\n".to_vec()]);
    let answer = say(&server.url, &head, lines);
    assert!(answer.contains(" 200 ") && answer.contains("\"rejected\":1000"), "{answer}");
    let grown = peak(server.process()) - before;
    assert!(grown < 40, "{grown} MiB");
    assert_eq!(used(&server, &key, "calls"), "0");
    server.stop();
}

#[test]
fn a_flood_of_bad_events_keeps_nobody_waiting_and_fills_nothing() {
    let installation = Installation::sqlite();
    let (server, key) = serve(&installation);
    for round in 0..20 {
        let bad = |n: u32| {
            let mut one = event("calls", &format!("{round}-{n}"), json!({}));
            one["subject"] = json!(format!("nobody-{round}-{n}"));
            one
        };
        let mut events: Vec<Json> = (0..500).map(bad).collect();
        events.push(event("calls", &format!("good-{round}"), json!({})));
        let answer = batch(&server, &key, &events);
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(500)));
    }
    assert_eq!(used(&server, &key, "calls"), "20");
    server.stop();
    let kept = installation.json(&["usage", "rejected", "--limit", "5000", "--json"]);
    let kept = kept.as_array().unwrap();
    assert!((1..=1_000).contains(&kept.len()), "{}", kept.len());
    // Those of more than 500 sorts within a second are counted in one row.
    let (others, told): (Vec<_>, Vec<_>) = kept.iter().partition(|one| one["code"] == "others");
    assert!(others.len() <= 1 && !told.is_empty(), "{others:?}");
    assert!(told.iter().all(|one| one["code"] == "subject_unknown"));
}
