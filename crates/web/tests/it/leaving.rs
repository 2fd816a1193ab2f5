//! Why customers leave, what makes them stay, how they come back, and what they are offered for the next term.

use billing::{cancellation, subscription::State};
use identity::user::Role;
use testkit::on_both;

use crate::{
    browser::{Person, id_in, words},
    world::{CONTEXTS, World},
};

const BOOK: &str = r#"
book = 1
name = "Unison"
currency = "USD"

[cancellation]
reason = "required"
win_back = { coupon = "welcome_back", days = 90 }

[cancellation.reasons]
too_expensive = { name = "It costs too much", offer = "stay" }
other = "Another reason"

[plans.starter]
name = "Starter"
price = { month = 49 }

[plans.plus]
name = "Plus"
price = { month = 99 }

[coupons.stay]
name = "Stay with us"
percent = "20"
lasts = "3 periods"

[coupons.welcome_back]
name = "Welcome back"
percent = "30"
lasts = "3 periods"
"#;

#[test]
fn who_cancels_says_why_or_stays_for_an_offer_and_may_come_back() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let [stays, goes] =
            ["Kestrel", "Larkspur"].map(|name| world.subscription(&scope, world.customer(&scope, name)));
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };

        let path = format!("/subscriptions/{stays}");
        let page = person.open(&format!("{path}/cancel"));
        let seen = words(&page);
        for word in ["It costs too much", "Stay with us, 20 %, on 3 more invoices", "They stay for it"] {
            assert!(seen.contains(word), "{word}: {seen}");
        }
        let (_, kept) = person.follow(&page, &format!("{path}/stay"), &[("reason", "too_expensive")]);
        let seen = words(&kept);
        assert!(seen.contains("They stay") && seen.contains("USD 39.20"), "the next invoice: {seen}");
        assert!(!words(&person.open(&format!("{path}/cancel"))).contains("They stay for it"), "only once");

        let path = format!("/subscriptions/{goes}");
        let page = person.open(&format!("{path}/cancel"));
        let confirm = |fields: &[(&str, &str)]| {
            let [once, seen] = ["once", "seen"].map(|name| {
                page.text
                    .rsplit(&format!("name=\"{name}\" value=\""))
                    .next()
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
                    .to_owned()
            });
            let fields: Vec<_> = fields
                .iter()
                .copied()
                .chain([("timing", "now"), ("once", once.as_str()), ("seen", seen.as_str())])
                .collect();
            person.send(&page, &format!("{path}/cancel"), &fields)
        };
        let silent = confirm(&[]);
        assert_eq!(silent.status, 422, "{}", silent.text);
        assert!(silent.text.contains("field-now.reason"), "beside its field: {}", silent.text);
        let done = confirm(&[("now.reason", "other"), ("now.comment", "We close down")]);
        assert_eq!((done.status, done.location().contains("done=canceled")), (303, true), "{}", done.text);

        let report = words(&person.open("/cancellations"));
        for word in
            ["It costs too much\n0\n0\n1", "Another reason\n1\n0\n0", "We close down", "Larkspur", "Saved"]
        {
            assert!(report.contains(word), "{word}: {report}");
        }
        let gone = person.open(&path);
        assert!(words(&gone).contains("Bring it back"));
        let back = person.open(&format!("{path}/back"));
        let seen = words(&back);
        assert!(seen.contains("Welcome back") && seen.contains("USD 34.30"), "30 % off: {seen}");
        let (address, page) = person.follow(&back, &format!("{path}/back"), &[]);
        assert!(words(&page).contains("Brought back") && id_in(&address) != goes.to_string());
        // It comes back once: what is over leads to what goes on instead of offering it again.
        let gone = person.open(&path);
        assert!(!words(&gone).contains("Bring it back") && words(&gone).contains("It came back"));
        assert!(gone.text.contains(&format!("/subscriptions/{}\"", id_in(&address))), "{}", gone.text);
        assert!(words(&person.open(&format!("{path}/back"))).contains("It came back"));
        let again = person.send(&back, &format!("{path}/back"), &[]);
        assert_eq!(again.status, 409, "{}", again.text);
        let kept =
            world.db.read(&scope, move |view| cancellation::of_subscription(view, goes)).wait().unwrap();
        assert_eq!(kept[0].reason.as_deref(), Some("other"));
    });
}

#[test]
fn the_next_term_is_offered_seen_and_accepted() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.apply(&scope, BOOK.to_owned());
        let customer = world.customer(&scope, "Kestrel");
        let id = world.subscription(&scope, customer);
        let person =
            Person { world: &world, cookie: world.sign_in("ann@example.com", "unison", Role::Owner) };
        let path = format!("/subscriptions/{id}/renewals");
        let form = person.open(&path);
        assert!(words(&form).contains("No offers yet"));
        let wrong = person.send(&form, &format!("{path}/preview"), &[("months", "many")]);
        assert_eq!((wrong.status, wrong.text.contains("Next term:")), (422, true), "{}", wrong.text);

        let asked = [("plan", "plus/month"), ("price", "80"), ("months", "12")];
        let seen = person.send(&form, &format!("{path}/preview"), &asked);
        let shown = words(&seen);
        assert!(shown.contains("Preview of the offer") && shown.contains("USD 80.00"), "{shown}");
        let (_, made) = person.confirm(&seen, &path, &asked);
        let shown = words(&made);
        for word in ["Renewal offered", "Plus, monthly, Plus at USD 80.00, a term of 12 months", "Open"] {
            assert!(shown.contains(word), "{word}: {shown}");
        }
        assert!(words(&person.open(&format!("/subscriptions/{id}"))).contains("It waits for an answer."));

        // The customer sees it, and what it costs then, and accepts.
        let links = person.open(&format!("/customers/{customer}/links"));
        let made = person.send(&links, &format!("/customers/{customer}/links"), &[("days", "3")]);
        let secret =
            made.text.split("/my/open?link=").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
        let opened = world.get(&format!("/my/open?link={secret}"), "");
        let cookie = opened.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let home = world.get("/my", &cookie);
        assert!(
            home.text.contains("offers you this from") && home.text.contains("USD 80.00"),
            "{}",
            home.text
        );
        let csrf = home.hidden("csrf");
        let fields = [("csrf", csrf.as_str()), ("answer", "accept")];
        let answered = world.post(&format!("/my/subscriptions/{id}/renewal"), &cookie, &fields);
        assert_eq!(
            (answered.status, answered.location()),
            (303, "/my?done=renewal_accepted"),
            "{}",
            answered.text
        );
        let late = world.post(&format!("/my/subscriptions/{id}/renewal"), &cookie, &fields);
        assert_eq!(late.status, 409, "{}", late.text);
        let page = words(&person.open(&format!("/subscriptions/{id}")));
        assert!(page.contains("It changes on 28 Feb 2026") && page.contains("Plus at USD 80.00"), "{page}");
        assert_eq!(
            world.db.read(&scope, move |view| billing::subscription::find(view, id)).wait().unwrap().state,
            State::Active
        );
    });
}
