//! What a form for a one-off charge asks.

use billing::charge::{BillWith, NewCharge};
use catalog::{Book, version::Version};
use identity::permission::may;
use kernel::{Currency, Result, UnitPrice};
use maud::{Markup, html};

use super::super::{Head, wish::whole};
use crate::{
    gate::{Answers, Desk, Mistakes},
    show, ui,
};

/// Names and labels of the fields, in their order.
pub(super) const FIELDS: [(&str, &str); 5] = [
    ("key", "What"),
    ("description", "Reads on the invoice"),
    ("quantity", "Quantity"),
    ("amount", "Amount"),
    ("bill", "Billed"),
];

const NOW: &str = "now";
const NEXT: &str = "next_invoice";

/// The charge a form asks for, and with which invoice; or everything that is wrong with it.
pub(super) fn read(answers: &Answers) -> Result<(NewCharge, BillWith)> {
    let mut mistakes = Mistakes::default();
    let quantity = mistakes.at("/quantity", answers.some("quantity").map(whole).transpose());
    let amount = mistakes.at("/amount", answers.some("amount").map(UnitPrice::parse).transpose());
    let (Some(quantity), Some(amount), true) = (quantity, amount, mistakes.is_empty()) else {
        return Err(mistakes.into_error());
    };
    let new = NewCharge {
        key: answers.some("key").map(str::to_owned),
        description: answers.some("description").map(str::to_owned),
        amount,
        quantity,
    };
    let with = if answers.get("bill") == NOW { BillWith::Now } else { BillWith::NextInvoice };
    Ok((new, with))
}

/// What the price book charges once in this currency: key, and `Flash sale, USD 499.00 per event`.
fn offers(book: &Book, plan: &str, currency: Currency) -> Vec<(String, String)> {
    let plan = book.plan(plan);
    let fitting = book.addons.iter().filter(|addon| plan.is_none_or(|plan| addon.fits(plan)));
    let sold = fitting.filter_map(|addon| Some((addon, addon.one_off(currency)?)));
    sold.map(|(addon, price)| (addon.key.clone(), format!("{}, {}", addon.name, show::price(price))))
        .collect()
}

/// The form; its preview comes before anything is charged.
pub(super) fn form(desk: &Desk, head: &Head, in_force: &Version, answers: &Answers) -> Markup {
    let subscription = &head.subscription;
    let currency = subscription.currency;
    let negotiates = desk.may::<may::SubscriptionNegotiate>();
    let offers = offers(&in_force.book, subscription.plan(), currency);
    if offers.is_empty() && !negotiates {
        let why = "The price book has nothing that is charged once, and you may not agree other prices.";
        return html! { p { (why) } };
    }
    let mut whats: Vec<ui::Choice> =
        offers.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    if negotiates {
        whats.push(ui::Choice { value: "", label: "Something agreed with this customer" });
    }
    let next = match subscription.falls_due() {
        Some(edge) => format!("With the next invoice, {}", show::date(edge.date)),
        None => "With the next invoice".to_owned(),
    };
    let mut times = vec![ui::Choice { value: NOW, label: "Now, on an invoice of its own" }];
    if !subscription.is_over() {
        times.insert(0, ui::Choice { value: NEXT, label: &next });
    }
    let first = offers.first().map_or("", |(key, _)| key.as_str());
    let first_time = times.first().map_or("", |time| time.value);
    let answers = &answers.clone().or("key", first).or("bill", first_time);
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let fields = html! {
        (ui::field(&field("What", "key", ui::Input::Select(&whats)).required()))
        (ui::field(&field("Quantity", "quantity", ui::Input::Number).hint("Left empty: 1.")))
        (ui::field(&field("Reads on the invoice", "description", ui::Input::Text)
            .hint("Left empty: the name in the price book. What is agreed needs a text.")))
        @if negotiates {
            (ui::field(&field("Amount", "amount", ui::Input::Number).unit(currency.code())
                .hint("For one, before tax. Left empty: the price book’s.")))
        }
        (ui::field(&field("Billed", "bill", ui::Input::Select(&times)).required()))
    };
    ui::form(
        &desk.at(&format!("/subscriptions/{}/charges/preview", subscription.id)),
        desk.csrf(),
        fields,
        "Preview",
    )
}
