//! Coupons are listed, redeemed, taken away; subscriptions are given away.

use serde_json::{Value as Json, json};
use store::Mode;

use crate::{
    api::on_both,
    journey::{get, post},
    lifecycle::advance,
};

#[test]
fn a_coupon_is_redeemed_counted_and_taken_away() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let running = format!("/v1/subscriptions/{}", house.known.running);
        let listed = get(api, &house, "/v1/coupons");
        let find = |listed: &Json, key: &str| {
            let all = listed["data"].as_array().unwrap();
            all.iter().find(|one| one["key"] == key).unwrap().clone()
        };
        let (spring, five, alone) = (find(&listed, "spring"), find(&listed, "five"), find(&listed, "alone"));
        assert_eq!(
            (
                &spring["code"],
                &spring["percent"],
                &spring["lasts"],
                &spring["redemptions"],
                &spring["redeemed"]
            ),
            (&json!("SPRING26"), &json!("20"), &json!("3 periods"), &json!(2), &json!(1))
        );
        assert_eq!((&five["amounts"], &five["redeemed"]), (&json!({ "USD": "5" }), &json!(0)));
        assert_eq!(
            (&alone["free_months"], &alone["lasts"], &alone["stacks"]),
            (&json!(2), &Json::Null, &json!(false))
        );

        let redeemed = post(api, &house, &format!("{running}/coupons"), &json!({ "coupon": "five" }), 200);
        assert_eq!(redeemed, get(api, &house, &running));
        let discount = &redeemed["discounts"][0];
        assert_eq!(
            (&discount["coupon"], &discount["amount"], &discount["left"]),
            (&json!("five"), &json!("5"), &Json::Null)
        );
        assert_eq!(find(&get(api, &house, "/v1/coupons"), "five")["redeemed"], 1);
        let uses = get(api, &house, "/v1/coupons/five/redemptions");
        let one = &uses["data"][0];
        assert_eq!((&one["number"], &one["subscription"]), (&json!(1), &json!(house.known.running)));
        assert_eq!(
            (&one["customer"], &one["redeemed"]),
            (&json!(house.known.customer), &json!(testkit::START))
        );
        assert_eq!(get(api, &house, "/v1/coupons/alone/redemptions"), json!({ "data": [], "next": null }));

        let delete =
            |key: &str| api.call("DELETE", &format!("{running}/coupons/{key}")).key(&house.all).send();
        let taken = delete("five").expect(200).json();
        assert_eq!(taken["discounts"][0]["left"], 0, "it is used up");
        assert_eq!(delete("five").expect(404).code(), "not_found");
        assert_eq!(delete("nothing%20at%2Fall").expect(404).code(), "not_found");
        assert_eq!(find(&get(api, &house, "/v1/coupons"), "five")["redeemed"], 1, "it stays counted");
    });
}

#[test]
fn a_subscription_is_given_away_for_a_time() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let running = format!("/v1/subscriptions/{}", house.known.running);
        let writer = api.key(&house.scope, "subscription.write");
        let until = json!({ "until": "2026-03-01" });
        let refused = api.post(&format!("{running}/comp")).key(&writer).json(&until).send().expect(403);
        assert!(refused.text.contains("subscription.negotiate"), "{}", refused.text);
        let given = post(api, &house, &format!("{running}/comp"), &until, 200);
        let comp = &given["discounts"][0];
        assert_eq!(
            (&comp["coupon"], &comp["percent"], &comp["until"]),
            (&json!("comp"), &json!("100"), &json!("2026-03-01"))
        );
        advance(api, &house, "2026-03-20T00:00:00Z");
        let invoices = get(api, &house, &format!("{running}/invoices"))["data"].clone();
        let of_it: Vec<Json> = (0..2)
            .map(|place| {
                get(api, &house, &format!("/v1/invoices/{}", invoices[place]["id"].as_str().unwrap()))
            })
            .map(|invoice| {
                let lines = invoice["lines"].as_array().unwrap().clone();
                lines.into_iter().find(|line| line["subscription"] == json!(house.known.running)).unwrap()
            })
            .map(|line| json!([line["discount"]["decimal"], line["amount"]["decimal"]]))
            .collect();
        assert_eq!(of_it, [json!(["0.00", "49.00"]), json!(["49.00", "0.00"])], "March costs again");
    });
}

#[test]
fn wrong_coupons_are_refused_with_their_place() {
    on_both(|api| {
        let house = api.environment(Mode::Sandbox);
        let running = format!("/v1/subscriptions/{}", house.known.running);
        let ask = |path: &str, body: Json| {
            api.post(&format!("{running}/{path}")).key(&house.all).json(&body).send()
        };
        for (body, status, code, pointers) in [
            (json!({ "coupon": "nothing" }), 422, "coupon_unknown", vec!["/coupon"]),
            (json!({ "coupon": "gone" }), 422, "coupon_expired", vec!["/coupon"]),
            (json!({ "coupon": "spring" }), 409, "coupon_used_up", vec!["/coupon"]),
            (json!({ "coupon": 7 }), 422, "body_invalid", vec!["/coupon"]),
            (json!({ "coupon": null }), 422, "body_invalid", vec!["/coupon"]),
            (json!({}), 422, "body_invalid", vec![""]),
        ] {
            let answer = ask("coupons", body.clone()).expect(status);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                (code, pointers.into_iter().map(str::to_owned).collect()),
                "{body}"
            );
        }
        ask("coupons", json!({ "coupon": "five" })).expect(200);
        assert_eq!(ask("coupons", json!({ "coupon": "five" })).expect(409).code(), "coupon_twice");
        assert_eq!(ask("coupons", json!({ "coupon": "alone" })).expect(409).code(), "coupon_not_stackable");
        for (body, code) in [
            (json!({ "until": "2026-01-15" }), "until_in_past"),
            (json!({ "until": "tomorrow" }), "time_malformed"),
            (json!({ "until": 3 }), "body_invalid"),
        ] {
            let answer = ask("comp", body.clone()).expect(422);
            assert_eq!(
                (answer.code().as_str(), answer.pointers()),
                (code, vec!["/until".to_owned()]),
                "{body}"
            );
        }
        ask("comp", json!({})).expect(200);
        assert_eq!(ask("comp", json!({})).expect(409).code(), "coupon_twice");
        api.call("DELETE", &format!("{running}/coupons/comp")).key(&house.all).send().expect(200);
        ask("cancel", json!({ "timing": "now" })).expect(200);
        assert_eq!(ask("coupons", json!({ "coupon": "five" })).expect(409).code(), "subscription_over");
        let unknown = api.get("/v1/coupons/nothing/redemptions").key(&house.all).send().expect(404);
        assert_eq!(unknown.code(), "not_found");
    });
}
