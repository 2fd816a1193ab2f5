//! What is charged once: with the first invoice, with the next one, or at once.

use billing::{
    charge::{self, Added, BillWith, Charge, NewCharge},
    invoice,
    subscription::{self, Start, State, Timing},
};
use kernel::{Result, UnitPrice, ids::SubscriptionId};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, lines, sound, starter},
};

const BOOK: &str = r#"
book = 1
name = "Once"
currency = "USD"

[billing]
tax = "standard"

[trial]
days = 10
at_end = { with_method = "convert", without = "suspend" }

[plans.basic]
name = "Basic"
price = { month = "30", year = "300" }

[plans.other]
name = "Other"
price = { month = "10" }

[addons.setup]
name = "Setup"
price = { once = "250" }

[addons.integration]
name = "Integration"
plans = ["basic"]
price = { per = "integration", once = "5000" }

[addons.support]
name = "Support"
price = { month = "20" }

[coupons.fifth]
name = "A fifth off"
percent = "20"
lasts = "2 periods"

[coupons.month]
name = "A month free"
free_months = 1
"#;

fn of(key: &str, quantity: i64) -> NewCharge {
    NewCharge { key: Some(key.into()), quantity: Some(quantity), ..NewCharge::default() }
}

fn agreed(description: &str, amount: &str) -> NewCharge {
    let amount = Some(UnitPrice::parse(amount).unwrap());
    NewCharge { description: Some(description.into()), amount, ..NewCharge::default() }
}

/// Add a charge as it was previewed.
fn add(test: &TestDb, scope: &Scope, id: SubscriptionId, new: NewCharge, with: BillWith) -> Result<Added> {
    let shown = new.clone();
    let preview = test.db.read(scope, move |view| charge::preview(view, id, &shown, with)).wait();
    let added = test.db.write(scope, move |tx| charge::add(tx, id, &new, with)).wait();
    let (preview, added) = match (preview, added) {
        (Err(shown), Err(met)) => {
            assert_eq!(shown, met);
            return Err(met);
        }
        (preview, added) => (preview.unwrap(), added.unwrap()),
    };
    assert_eq!(preview.line, added.charge.line);
    let of_invoice = added.invoice.map(|id| {
        let read = move |view: &mut store::View<'_>| {
            Ok((invoice::find(view, id)?.totals, invoice::lines(view, id)?))
        };
        test.db.read(scope, read).wait().unwrap()
    });
    let expected = preview.invoice.map(|(draft, totals)| (totals, draft.lines));
    assert_eq!(expected, of_invoice, "the preview is what is billed, to the explanation");
    Ok(added)
}

fn charges(test: &TestDb, scope: &Scope, id: SubscriptionId) -> Vec<Charge> {
    test.db.read(scope, move |view| charge::of_subscription(view, id, 100)).wait().unwrap()
}

fn newest(test: &TestDb, scope: &Scope) -> Vec<String> {
    let id = test.db.read(scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
    lines(test, scope, id)
}

#[test]
fn a_setup_fee_comes_with_the_first_invoice_as_previewed() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let charges_at_start = vec![of("setup", 1), agreed("Data migration", "99.90")];
        let start = Start { plan: "basic".into(), charges: charges_at_start, ..starter(customer.id) };
        let wish = start.clone();
        let preview = test.db.read(&scope, move |view| subscription::preview(view, &wish)).wait().unwrap();
        let started = ground::start(test, &scope, start).unwrap();
        let id = started.invoice.unwrap();
        assert_eq!(preview.invoice.unwrap().1.total.decimal(), "379.90");
        assert_eq!(
            lines(test, &scope, id),
            [
                "Basic 2026-01-01..2026-02-01 ×1 30.00",
                "Setup 2026-01-01..2026-01-01 ×1 250.00",
                "Data migration 2026-01-01..2026-01-01 ×1 99.90"
            ]
        );
        assert!(charges(test, &scope, started.subscription.id).iter().all(|one| one.invoice == Some(id)));
        advance(test, &scope, "2026-03-15T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 3, "and is charged once");
        assert_eq!(newest(test, &scope), ["Basic 2026-03-01..2026-04-01 ×1 30.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_charge_waits_for_the_next_invoice_or_is_taken_back() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let coupons = vec!["fifth".to_owned()];
        let start = Start { plan: "basic".into(), coupons, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        add(test, &scope, id, of("integration", 2), BillWith::NextInvoice).unwrap();
        let mistaken = add(test, &scope, id, of("setup", 3), BillWith::NextInvoice).unwrap().charge;
        assert_eq!(mistaken.line.amount.decimal(), "750.00");
        let number = mistaken.ordinal;
        test.db.write(&scope, move |tx| charge::remove(tx, id, number)).wait().unwrap();
        let again = test.db.write(&scope, move |tx| charge::remove(tx, id, number)).wait();
        assert_eq!(again.unwrap_err().code, "not_found");
        assert_eq!(charges(test, &scope, id).len(), 1);

        advance(test, &scope, "2026-02-10T00:00:00Z").unwrap();
        // A fifth off both: 24 and 8,000.
        assert_eq!(
            newest(test, &scope),
            ["Integration 2026-02-01..2026-02-01 ×2 8000.00", "Basic 2026-02-01..2026-03-01 ×1 24.00"]
        );
        let billed = test.db.write(&scope, move |tx| charge::remove(tx, id, 0)).wait();
        assert_eq!(billed.unwrap_err().code, "charge_billed");
        advance(test, &scope, "2026-03-10T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Basic 2026-03-01..2026-04-01 ×1 30.00"]);
        sound(test, &scope);
    });
}

#[test]
fn what_was_agreed_is_billed_at_once_and_explained() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let coupons = vec!["month".to_owned()];
        let start = Start { plan: "basic".into(), coupons, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        let training = NewCharge { quantity: Some(3), ..agreed("Training on site", "1200.505") };
        let added = add(test, &scope, id, training, BillWith::Now).unwrap();
        assert_eq!(added.charge.line.amount.decimal(), "3601.52");
        let sentences = added.charge.line.explanation.sentences();
        assert!(sentences[0].contains("Training on site: USD 1200.505"), "{sentences:?}");
        let cheaper = NewCharge { amount: Some(UnitPrice::parse("4000").unwrap()), ..of("integration", 2) };
        let added = add(test, &scope, id, cheaper, BillWith::Now).unwrap();
        assert_eq!(added.charge.line.amount.decimal(), "8000.00", "a free month is no free integration");
        assert_eq!(issued(test, &scope).len(), 3);
        sound(test, &scope);
    });
}

#[test]
fn what_cannot_be_charged_is_refused() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let start = Start { plan: "other".into(), ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        for (new, code) in [
            (of("nothing", 1), "addon_unknown"),
            (of("support", 1), "addon_not_one_off"),
            (of("integration", 1), "addon_not_for_plan"),
            (of("setup", 0), "quantity_invalid"),
            (NewCharge::default(), "charge_invalid"),
            (NewCharge { amount: None, ..agreed("Nothing", "1") }, "charge_invalid"),
            (agreed(&"x".repeat(201), "1"), "charge_invalid"),
        ] {
            let refused = add(test, &scope, id, new, BillWith::NextInvoice).unwrap_err();
            assert_eq!(refused.code, code);
        }
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::Now)).wait().unwrap();
        let refused = add(test, &scope, id, of("setup", 1), BillWith::NextInvoice).unwrap_err();
        assert_eq!(refused.code, "subscription_over");
        add(test, &scope, id, of("setup", 1), BillWith::Now).unwrap();
        sound(test, &scope);
    });
}

#[test]
fn a_trial_pays_a_setup_fee_when_it_becomes_a_paid_subscription() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        for (has_method, expected) in [(true, 1), (false, 0)] {
            let customer = customer_in(test, &scope, "UTC");
            let start = Start {
                plan: "basic".into(),
                trial: true,
                has_method,
                charges: vec![of("setup", 1)],
                ..starter(customer.id)
            };
            let id = ground::start(test, &scope, start).unwrap().subscription.id;
            assert_eq!(charges(test, &scope, id)[0].invoice, None);
            let to = format!("2026-0{}-20T00:00:00Z", 1 + expected);
            advance(test, &scope, if has_method { "2026-01-20T00:00:00Z" } else { "2026-02-01T00:00:00Z" })
                .unwrap();
            let billed = charges(test, &scope, id).iter().filter(|one| one.invoice.is_some()).count();
            assert_eq!(billed, expected, "{to}");
        }
        let trial = issued(test, &scope);
        assert_eq!(trial, ["INV-000001 2026-01-11 USD 280.00"], "30 and 250");
        sound(test, &scope);
    });
}

#[test]
fn a_cancellation_bills_what_waits() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let start = Start { plan: "basic".into(), ..starter(customer.id) };
        let id = ground::start(test, &scope, start.clone()).unwrap().subscription.id;
        add(test, &scope, id, of("setup", 1), BillWith::NextInvoice).unwrap();
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::Now)).wait().unwrap();
        assert_eq!(newest(test, &scope), ["Setup 2026-01-01..2026-01-01 ×1 250.00"]);
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        add(test, &scope, id, of("setup", 1), BillWith::NextInvoice).unwrap();
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        advance(test, &scope, "2026-02-10T00:00:00Z").unwrap();
        let over = test.db.read(&scope, move |view| subscription::find(view, id)).wait().unwrap();
        assert_eq!(over.state, State::Canceled);
        assert_eq!(newest(test, &scope), ["Setup 2026-02-01..2026-02-01 ×1 250.00"]);
        sound(test, &scope);
    });
}
