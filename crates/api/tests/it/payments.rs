//! Payments are recorded, shown with what they paid, and undone.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::on_both,
    journey::{get, post},
    samples::payment,
};

#[test]
fn a_payment_pays_in_part_then_whole_and_is_undone() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let invoice = format!("/v1/invoices/{}", house.known.issued);
        let total = get(api, &house, &invoice)["total"]["amount"].as_i64().unwrap();
        let first = post(api, &house, "/v1/payments", &payment(&house.known), 201);
        let path = format!("/v1/payments/{}", first["id"].as_str().unwrap());
        assert_eq!(get(api, &house, &path), first);
        assert_eq!((&first["received_date"], &first["credit"]["amount"]), (&json!("2026-01-15"), &json!(0)));
        let settled = &first["settlements"][0];
        assert_eq!((&settled["invoice"], &settled["cause"]), (&json!(house.known.issued), &json!("settled")));
        let stands = |what: &str| {
            let invoice = get(api, &house, &invoice);
            json!([what, invoice["state"], invoice["paid"]["amount"], invoice["amount_due"]["amount"]])
        };
        assert_eq!(stands("part"), json!(["part", "finalized", 2_000, total - 2_000]));

        let rest = json!({
            "customer": "ext:first", "amount": "1000", "currency": "USD", "method": "cheque",
            "invoices": [house.known.issued],
        });
        let rest = post(api, &house, "/v1/payments", &rest, 201);
        assert_eq!(rest["credit"]["amount"], json!(100_000 - (total - 2_000)));
        assert_eq!(stands("whole"), json!(["whole", "paid", total, 0]));
        let of_invoice = get(api, &house, &format!("{invoice}/payments"));
        assert_eq!(of_invoice["data"].as_array().unwrap().len(), 2);
        assert_eq!(of_invoice["data"][1]["payment"]["id"], rest["id"]);

        let undone = post(api, &house, &format!("{path}/reverse"), &json!({}), 200);
        assert_eq!(undone["reversed"], json!(testkit::START));
        assert_eq!(undone["settlements"][1]["amount"]["decimal"], "-20.00");
        assert_eq!(stands("undone"), json!(["undone", "finalized", total - 2_000, 2_000]));
        let again = api.post(&format!("{path}/reverse")).key(&house.all).send().expect(409);
        assert_eq!(again.code(), "payment_reversed");
        let kinds: Vec<Json> =
            get(api, &house, &format!("{path}/ledger"))["data"].as_array().unwrap().clone();
        assert_eq!(kinds.len(), 2);
        let listed = get(api, &house, "/v1/payments?customer=ext:first&limit=1");
        assert_eq!((&listed["data"][0]["id"], listed["next"].is_string()), (&rest["id"], true));
    });
}

#[test]
fn wrong_payments_are_refused_with_their_place() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        post(api, &house, "/v1/payments", &payment(&house.known), 201);
        let (draft, issued) = (house.known.invoice, house.known.issued);
        for (field, value, status, code, pointer) in [
            ("amount", json!("0"), 422, "payment_amount_invalid", "/amount"),
            ("amount", json!("1.005"), 422, "amount_malformed", "/amount"),
            ("currency", json!("usd"), 422, "currency_unknown", "/currency"),
            ("method", json!("barter"), 422, "body_invalid", "/method"),
            ("received", json!("2026-01-16"), 422, "received_in_future", "/received"),
            ("received", json!("yesterday"), 422, "time_malformed", "/received"),
            ("reference", json!(""), 422, "text_invalid", "/reference"),
            ("reference", json!("T-77"), 409, "payment_reference_taken", "/reference"),
            ("invoices", json!([issued, draft]), 409, "invoice_not_payable", "/invoices/1"),
            ("invoices", json!(["inv_1"]), 422, "id_malformed", "/invoices/0"),
            ("legal_entity", json!("le_1"), 422, "id_malformed", "/legal_entity"),
            ("customer", json!("Ada"), 422, "id_malformed", "/customer"),
        ] {
            let mut body = payment(&house.known);
            body["reference"] = Json::Null;
            body[field] = value;
            let answer = api.post("/v1/payments").key(&house.all).json(&body).send().expect(status);
            let said = (answer.code(), answer.pointers());
            assert_eq!(said, (code.to_owned(), vec![pointer.to_owned()]), "{body}");
        }
    });
}
