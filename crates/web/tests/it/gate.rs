//! Who gets in, and what is refused.

use identity::user::Role;
use testkit::on_both;

use crate::world::{CONTEXTS, World};

#[test]
fn a_link_works_once_and_not_by_being_looked_at() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        world.merchant("unison");
        let token = world.link("ann@example.com", "unison", Role::Owner);
        for _ in 0..2 {
            let preview = world.get(&format!("/sign-in?token={token}"), "");
            assert!(preview.status == 200 && preview.text.contains(&token));
        }
        let opened = world.post("/sign-in", "", &[("token", &token)]);
        let cookie = &opened.headers["set-cookie"];
        for part in ["steelyard_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
        assert!(!cookie.contains("Secure"), "this test is served without HTTPS");
        let used = world.post("/sign-in", "", &[("token", &token)]);
        assert_eq!(used.status, 401);
        assert!(used.text.contains("does not work any more") && used.text.contains("steelyard sign-in"));
        assert!(world.get("/sign-in", "").text.contains("steelyard sign-in"));

        let cookie = cookie.split(';').next().unwrap().to_owned();
        let chooser = world.get("/environments", &cookie);
        let csrf = chooser.hidden("csrf");
        assert_eq!(world.post("/sign-out", &cookie, &[("csrf", "")]).status, 403);
        let out = world.post("/sign-out", &cookie, &[("csrf", &csrf)]);
        assert!(out.status == 303 && out.headers["set-cookie"].contains("Max-Age=0"));
        assert_eq!(
            world.get("/environments", &cookie).location(),
            "/sign-in",
            "the session has ended on the server too"
        );
    });
}

#[test]
fn a_link_expires() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let token = world.link("ann@example.com", "none", Role::Owner);
        test.clock.advance(jiff::SignedDuration::from_mins(31));
        assert_eq!(world.post("/sign-in", "", &[("token", &token)]).status, 401);
        let cookie = world.sign_in("ann@example.com", "none", Role::Owner);
        assert!(world.get("/", &cookie).text.contains("No merchant yet"));
        test.clock.advance(jiff::SignedDuration::from_hours(24 * 15));
        assert_eq!(world.get("/", &cookie).location(), "/sign-in", "a session expires");
    });
}

#[test]
fn somebody_elses_looks_like_nothing() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (own, other) = (world.merchant("unison"), world.merchant("lumen"));
        let foreign = world.customer(&other, "Foreign Ltd");
        let mine = world.customer(&own, "Own Ltd");
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let (foreign_merchant, missing_merchant) =
            (world.get("/lumen/rehearsal/", &cookie), world.get("/nobody/rehearsal/", &cookie));
        let missing_environment = world.get("/unison/none/", &cookie);
        for page in [&foreign_merchant, &missing_merchant, &missing_environment] {
            assert_eq!(page.status, 404);
            assert_eq!(page.text, foreign_merchant.text);
        }
        let of = |id: &str| world.get(&format!("/unison/rehearsal/customers/{id}"), &cookie);
        let unknown = kernel::ids::CustomerId::from_uuid(uuid::Uuid::nil()).to_string();
        let (theirs, nobody, misspelt) = (of(&foreign.to_string()), of(&unknown), of("cus_x"));
        for page in [&theirs, &nobody, &misspelt] {
            assert_eq!(page.status, 404);
            assert_eq!(page.text, theirs.text, "foreign, missing and misspelt answer alike");
        }
        assert_eq!(of(&mine.to_string()).status, 200);
        let chooser = world.get("/", &cookie).text;
        assert!(chooser.contains(">1 customer<") && chooser.contains(">0 customers<"));
        assert!(!chooser.contains("Lumen") && !chooser.contains("/lumen/"));
        // The same in another environment of the same merchant.
        assert_eq!(world.get(&format!("/unison/live/customers/{mine}"), &cookie).status, 404);
        // Nor can one be billed, nor its subscription be touched.
        world.book(&own);
        world.book(&other);
        let theirs = world.subscription(&other, foreign);
        for word in ["", "/change", "/cancel", "/pause", "/extend-trial"] {
            let page = world.get(&format!("/unison/rehearsal/subscriptions/{theirs}{word}"), &cookie);
            assert_eq!(page.status, 404, "{word}");
        }
        let csrf = world.get("/unison/rehearsal/customers/new", &cookie).hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("customer", &foreign.to_string()), ("plan", "starter/month")];
        assert_eq!(world.post("/unison/rehearsal/subscriptions/preview", &cookie, &fields).status, 404);
    });
}

#[test]
fn a_form_of_another_session_or_site_changes_nothing() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let other = world.sign_in("bob@example.com", "unison", Role::Owner);
        let path = "/unison/rehearsal/customers";
        let (own, theirs) =
            [&cookie, &other].map(|cookie| world.get(&format!("{path}/new"), cookie).hidden("csrf")).into();
        let with = |csrf: &str, headers: &[(&str, &str)]| {
            let fields = [("csrf", csrf), ("name", "X"), ("country", "DE"), ("currency", "USD")];
            world.post_with(path, &cookie, &fields, headers)
        };
        for refused in [
            with("", &[]),
            with(&theirs, &[]),
            with(&own, &[("sec-fetch-site", "cross-site")]),
            with(&own, &[("sec-fetch-site", "same-site")]),
            with(&own, &[("origin", "https://evil.example")]),
            with(&own, &[("origin", "null")]),
        ] {
            assert_eq!(refused.status, 403, "{}", refused.text);
        }
        assert!(world.get(path, &cookie).text.contains("No customers yet"));
        assert_eq!(world.post(path, "", &[("csrf", &own)]).location(), "/sign-in");
        assert_eq!(with(&own, &[("sec-fetch-site", "same-origin"), ("origin", &world.address)]).status, 303);
        let _ = scope;
    });
}

#[test]
fn a_viewer_sees_and_changes_nothing() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel");
        let subscription = world.subscription(&scope, customer);
        let own = |word: &str| format!("/subscriptions/{subscription}{word}");
        let cookie = world.sign_in("vic@example.com", "unison", Role::Viewer);
        let base = "/unison/rehearsal";
        let list = world.get(&format!("{base}/customers"), &cookie);
        assert!(list.status == 200 && !list.text.contains("New customer"));
        let csrf = list.hidden("csrf");
        for path in [
            "/customers/new",
            "/subscriptions/new",
            "/price-book/apply",
            &format!("/customers/{customer}/erase"),
            &own("/change"),
            &own("/cancel"),
            &own("/pause"),
            &own("/extend-trial"),
        ] {
            let page = world.get(&format!("{base}{path}"), &cookie);
            assert_eq!(page.status, 403, "{path}");
            assert!(page.text.contains("permission_missing") && page.text.contains("Main"), "framed: {path}");
        }
        let page = world.get(&format!("{base}{}", own("")), &cookie);
        assert!(page.status == 200 && !page.text.contains("/pause") && !page.text.contains("/cancel"));
        for path in [
            "/customers",
            "/subscriptions",
            "/subscriptions/preview",
            "/price-book/apply",
            "/clock",
            "/api",
            &own("/change"),
            &own("/change/preview"),
            &own("/cancel"),
            &own("/keep-on"),
            &own("/method"),
            &own("/extend-trial"),
            &own("/suspend"),
        ] {
            let answer = world.post(&format!("{base}{path}"), &cookie, &[("csrf", &csrf), ("by", "day")]);
            assert_eq!(answer.status, 403, "{path}");
        }
    });
}
