//! Recording payments on pages.

use identity::user::Role;
use testkit::on_both;

use crate::world::{CONTEXTS, World};

#[test]
fn a_payment_is_recorded_on_its_invoice_and_reversed() {
    on_both(CONTEXTS, |test| {
        let world = World::new(test);
        let scope = world.merchant("unison");
        world.book(&scope);
        let customer = world.customer(&scope, "Kestrel Castings");
        world.subscription(&scope, customer);
        let invoices = world.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap();
        let invoice = invoices[0].id;
        let cookie = world.sign_in("ann@example.com", "unison", Role::Owner);
        let base = "/unison/rehearsal";

        let page = world.get(&format!("{base}/invoices/{invoice}"), &cookie);
        let new = format!("{base}/payments/new?invoice={invoice}");
        assert!(page.text.contains(&new.replace('&', "&amp;")), "the page leads to the form");
        let form = world.get(&new, &cookie);
        assert!(form.text.contains("value=\"49.00\""), "what is due is filled in");
        let csrf = form.hidden("csrf");
        let id = invoice.to_string();
        let pay = |amount: &str, received: &str, reference: &str| {
            let fields = [
                ("csrf", csrf.as_str()),
                ("invoice", id.as_str()),
                ("amount", amount),
                ("received", received),
                ("method", "cheque"),
                ("reference", reference),
            ];
            world.post(&format!("{base}/payments"), &cookie, &fields)
        };
        let wrong = pay("a lot", "2027-01-01", "");
        assert_eq!(wrong.status, 422);
        assert!(wrong.text.contains("Amount:"), "{}", wrong.text);
        assert!(pay("49.00", "2027-01-01", "").text.contains("Received:"));

        let paid = pay("60.00", "2026-01-31", "Cheque 4711");
        assert_eq!(
            (paid.status, paid.location()),
            (303, &*format!("{base}/invoices/{invoice}?done=payment_recorded"))
        );
        assert_eq!(pay("1.00", "2026-01-31", "").status, 409, "nothing is due any more");
        let page = world.get(&format!("{base}/invoices/{invoice}"), &cookie);
        assert!(page.text.contains("Cheque 4711") && page.text.contains("Invoice paid"));

        let payments =
            world.db.read(&scope, |view| billing::payment::list(view, None, None, 1)).wait().unwrap();
        let one = format!("{base}/payments/{}", payments[0].id);
        let shown = world.get(&one, &cookie);
        assert!(
            shown.text.contains("USD 60.00") && shown.text.contains("USD 11.00"),
            "amount, and credit left"
        );
        let list = world.get(&format!("{base}/payments"), &cookie);
        assert!(list.text.contains("Kestrel Castings") && list.text.contains(&one));
        let before = world.get(&format!("{one}/reverse"), &cookie);
        assert!(before.text.contains("USD 49.00") && before.text.contains("is due then"), "{}", before.text);
        let reversed = world.post(&format!("{one}/reverse"), &cookie, &[("csrf", csrf.as_str())]);
        assert_eq!((reversed.status, reversed.location()), (303, &*format!("{one}?done=payment_reversed")));
        let again = world.get(&format!("{one}/reverse"), &cookie);
        assert!(again.text.contains("was reversed before"));
        let page = world.get(&format!("{base}/invoices/{invoice}"), &cookie);
        assert!(page.text.contains("Invoice due again") && page.text.contains("Record a payment"));
        assert_eq!(world.get(&format!("{base}/customers/{customer}"), &cookie).status, 200);
        assert_eq!(world.get(&format!("{base}/payments?customer={customer}"), &cookie).status, 200);
        assert_eq!(world.get(&format!("{base}/payments/new?customer={customer}"), &cookie).status, 200);
        let viewer = world.sign_in("bob@example.com", "unison", Role::Viewer);
        assert_eq!(world.get(&new, &viewer).status, 403);
        assert_eq!(world.get(&one, &viewer).status, 200);
    });
}
