//! The customer's own page: what its link opens, and what it does not.

use identity::user::Role;
use kernel::ids::{CustomerId, SubscriptionId};
use store::Scope;
use testkit::on_both;

use crate::{
    browser::Person,
    world::{CONTEXTS, Page, World},
};

/// A customer at its own page.
struct Visitor<'w> {
    world: &'w World,
    cookie: String,
}

impl Visitor<'_> {
    fn get(&self, path: &str) -> Page {
        self.world.get(path, &self.cookie)
    }

    fn open(&self, path: &str) -> Page {
        let page = self.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        page
    }

    fn send(&self, from: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = from.hidden("csrf");
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.world.post(path, &self.cookie, &fields)
    }
}

/// A link made on the customer's page; its path.
pub fn link(person: &Person<'_>, customer: CustomerId) -> String {
    let form = person.open(&format!("/customers/{customer}/links"));
    let made = person.send(&form, &format!("/customers/{customer}/links"), &[("days", "3")]);
    assert_eq!(made.status, 200, "{}", made.text);
    let secret = made.text.split("/my/open?link=").nth(1).and_then(|rest| rest.split('<').next());
    format!("/my/open?link={}", secret.expect("a link"))
}

fn visit<'w>(world: &'w World, path: &str) -> Visitor<'w> {
    let answer = world.get(path, "");
    assert_eq!((answer.status, answer.location()), (303, "/my"), "{}", answer.text);
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/my") && cookie.contains("SameSite=Lax"));
    Visitor { world, cookie: cookie.split(';').next().unwrap().to_owned() }
}

/// Two customers with a subscription each, and somebody of the staff.
fn begin(world: &World) -> (Scope, [(CustomerId, SubscriptionId); 2], Person<'_>) {
    let scope = world.merchant("unison");
    world.book(&scope);
    let two = ["Brandt & Sohn", "Kestrel"].map(|name| {
        let customer = world.customer(&scope, name);
        (customer, world.subscription(&scope, customer))
    });
    let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
    (scope, two, Person { world, cookie })
}

#[test]
fn a_link_opens_the_page_of_one_customer_and_nothing_else() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (_, [(brandt, own), (_, others)], person) = begin(&world);
        let visitor = visit(&world, &link(&person, brandt));
        let page = visitor.open("/my");
        for words in ["Brandt &amp; Sohn", "Starter, monthly", "Next invoice", "USD 49.00", "UN-000001"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert!(!page.text.contains("Kestrel") && !page.text.contains("/unison/"));

        let number = |page: &Page| {
            let id = page.text.split("/my/invoices/inv_").nth(1).and_then(|rest| rest.split('"').next());
            format!("inv_{}", id.expect("an invoice"))
        };
        let invoice = visitor.open(&format!("/my/invoices/{}", number(&page)));
        assert!(invoice.text.contains("UN-000001") && invoice.text.contains("How this was worked out"));

        let staff = person.open(&format!("/subscriptions/{others}"));
        let foreign = staff.text.split("/invoices/inv_").nth(1).unwrap().split('"').next().unwrap();
        for path in [
            format!("/my/invoices/inv_{foreign}"),
            format!("/my/subscriptions/{others}/change"),
            "/my/credit-notes/crn_01jdd7w000e008000000000001".to_owned(),
        ] {
            assert_eq!(visitor.get(&path).status, 404, "{path}");
        }
        assert_eq!(visitor.get("/unison/rehearsal/customers").location(), "/sign-in", "it signs nobody in");

        let form = visitor.open(&format!("/my/subscriptions/{own}/change"));
        let change = [("plan", "professional/month"), ("timing", "now")];
        let theirs = visitor.send(&form, &format!("/my/subscriptions/{others}/change/preview"), &change);
        assert_eq!(theirs.status, 404);
        let forged = world.post(
            &format!("/my/subscriptions/{own}/change/preview"),
            &visitor.cookie,
            &[change[0], change[1], ("csrf", "x")],
        );
        assert_eq!(forged.status, 403);
    });
}

#[test]
fn a_customer_changes_its_plan_as_it_was_shown() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (_, [(brandt, own), _], person) = begin(&world);
        let visitor = visit(&world, &link(&person, brandt));
        let path = format!("/my/subscriptions/{own}/change");
        let change = [("plan", "professional/month"), ("timing", "now")];
        let preview = visitor.send(&visitor.open(&path), &format!("{path}/preview"), &change);
        assert_eq!(preview.status, 200, "{}", preview.text);
        assert!(preview.text.contains("Credited") && preview.text.contains("USD 199.00"), "{}", preview.text);
        let (once, seen) = (preview.hidden("once"), preview.hidden("seen"));
        let confirmed: Vec<_> =
            change.into_iter().chain([("once", once.as_str()), ("seen", seen.as_str())]).collect();
        let done = visitor.send(&preview, &path, &confirmed);
        assert_eq!((done.status, done.location()), (303, "/my?done=my_changed"), "{}", done.text);
        assert!(visitor.open(done.location()).text.contains("Professional, monthly"));
        // A price is never the customer's to say, whatever a form says.
        let priced = [change[0], change[1], ("agreement.plan", "1")];
        assert_eq!(visitor.send(&preview, &format!("{path}/preview"), &priced).status, 403);
        let facts = person.open(&format!("/facts?customer={brandt}"));
        assert!(
            facts.text.contains("the customer")
                && facts.text.contains("Link to the customer’s own page made")
        );
    });
}

#[test]
fn what_customers_may_change_is_what_the_book_says() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (scope, [(brandt, own), _], person) = begin(&world);
        let visitor = visit(&world, &link(&person, brandt));
        let path = format!("/my/subscriptions/{own}/change");
        let plan = [("plan", "professional/month"), ("timing", "now")];
        let seats = [("plan", "starter/month"), ("timing", "now"), ("addons.extra_user", "2")];
        let csrf = visitor.open(&path);

        world.book_with(&scope, "[billing]\n", "[billing]\ncustomer_changes = \"quantities\"\n");
        assert!(visitor.open("/my").text.contains("Change quantities"));
        assert_eq!(visitor.send(&csrf, &format!("{path}/preview"), &plan).status, 403);
        let preview = visitor.send(&csrf, &format!("{path}/preview"), &seats);
        assert_eq!(preview.status, 200, "{}", preview.text);

        world.book_with(&scope, "[billing]\n", "[billing]\ncustomer_changes = \"none\"\n");
        let page = visitor.open("/my");
        assert!(
            !page.text.contains("Change quantities") && page.text.contains("ask unison"),
            "{}",
            page.text
        );
        assert_eq!(visitor.get(&path).status, 403);
        assert_eq!(visitor.send(&csrf, &format!("{path}/preview"), &seats).status, 403);
    });
}

#[test]
fn a_revoked_link_opens_nothing() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (_, [(brandt, _), _], person) = begin(&world);
        let path = link(&person, brandt);
        let visitor = visit(&world, &path);
        let links = person.open(&format!("/customers/{brandt}/links"));
        let id = links.hidden("link");
        let revoke = format!("/customers/{brandt}/links/revoke");
        let (_, done) = person.follow(&links, &revoke, &[("link", &id)]);
        assert!(done.text.contains("Link revoked") && done.text.contains("Revoked"));
        for answer in [world.get(&path, ""), visitor.get("/my"), world.get("/my/open?link=x", "")] {
            assert_eq!(answer.status, 401);
            assert!(answer.text.contains("This link does not work any more"));
        }
        let viewer = world.sign_in("viv@example.com", "unison", Role::Viewer);
        let seen = world.get(&format!("/unison/rehearsal/customers/{brandt}/links"), &viewer);
        assert_eq!((seen.status, seen.text.contains("Make a link")), (200, false));
    });
}

#[test]
fn payments_and_many_subscriptions_have_pages_of_their_own() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let (scope, [(brandt, _), (kestrel, _)], person) = begin(&world);
        let pay = |customer: CustomerId, minor: i64| {
            let paid = world.db.write(&scope, move |tx| {
                let amount = kernel::Money::new(minor, kernel::Currency::parse("USD")?)?;
                let method = billing::payment::Method::Transfer;
                let new = billing::payment::NewPayment {
                    customer,
                    entity: None,
                    amount,
                    method,
                    received: None,
                    reference: None,
                    invoices: Vec::new(),
                };
                billing::payment::record(tx, new)
            });
            paid.wait().unwrap().payment.id
        };
        let (own, others) = (pay(brandt, 6_000), pay(kestrel, 1_000));
        let visitor = visit(&world, &link(&person, brandt));
        let home = visitor.open("/my");
        assert!(home.text.contains("Payments") && home.text.contains("Transfer"), "{}", home.text);
        assert!(!home.text.contains("All subscriptions"));
        assert!(visitor.open("/my/payments").text.contains(&format!("/my/payments/{own}")));
        let page = visitor.open(&format!("/my/payments/{own}"));
        for words in ["Payment of USD 60.00", "UN-000001", "USD 49.00", "USD 11.00 of it is your credit."] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert_eq!(visitor.get(&format!("/my/payments/{others}")).status, 404);

        // Beyond a few the page leads to all of them.
        let last = (0..11).map(|_| world.subscription(&scope, brandt)).last().unwrap();
        let home = visitor.open("/my");
        assert!(home.text.contains("href=\"/my/subscriptions\""), "{}", home.text);
        let list = visitor.open("/my/subscriptions");
        assert_eq!(list.text.matches("href=\"/my/subscriptions/sub_").count(), 12);
        let one = visitor.open(&format!("/my/subscriptions/{last}"));
        assert!(one.text.contains("Next invoice") && one.text.contains("Starter, monthly"), "{}", one.text);
        let not_theirs = world.subscription(&scope, kestrel);
        assert_eq!(visitor.get(&format!("/my/subscriptions/{not_theirs}")).status, 404);
    });
}
