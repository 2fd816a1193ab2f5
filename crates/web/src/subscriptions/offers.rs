//! What a price book offers, as fields of a form.

use catalog::{Addon, Book, Price};
use kernel::{Currency, Cycle};
use maud::Markup;

use crate::{gate::Answers, show, ui};

/// A plan with a cycle it is sold in: what a form sends for it.
pub(crate) fn offer(plan: &str, cycle: Cycle) -> String {
    format!("{plan}/{cycle}")
}

/// Every plan with every cycle it is sold in for this currency.
pub(crate) fn offers(book: &Book, currency: Currency) -> Vec<(String, String)> {
    let of_plan = |plan: &catalog::Plan| {
        let sold = plan.cycles().filter_map(|cycle| Some((cycle, plan.price_for(cycle, currency)?)));
        let offers = sold.map(|(cycle, price)| (offer(&plan.key, cycle), named(&plan.name, price, cycle)));
        offers.collect::<Vec<_>>()
    };
    book.plans.iter().flat_map(of_plan).collect()
}

/// `Starter, USD 49.00 a month`.
pub(crate) fn named(plan: &str, price: &Price, cycle: Cycle) -> String {
    format!("{plan}, {} {}", show::price(price), show::per(cycle))
}

/// Those add-ons that can be part of a subscription.
pub(crate) fn addons(book: &Book, currency: Currency) -> impl Iterator<Item = &Addon> {
    book.addons.iter().filter(move |addon| addon.one_off(currency).is_none())
}

/// Whether some plan is priced per unit.
pub(crate) fn per_unit(book: &Book) -> bool {
    book.plans.iter().flat_map(|plan| &plan.prices).any(|price| price.unit().is_some())
}

/// How many of an add-on.
pub(crate) fn addon_field(book: &Book, currency: Currency, addon: &Addon, answers: &Answers) -> Markup {
    let name = format!("addons.{}", addon.key);
    let in_currency = addon.prices.iter().filter(|price| price.currency == currency);
    let prices = in_currency.filter_map(|price| Some((price, price.when.cycle()?)));
    let prices: Vec<String> =
        prices.map(|(price, cycle)| format!("{} {}", show::price(price), show::per(cycle))).collect();
    let plans: Vec<&str> =
        book.plans.iter().filter(|plan| addon.fits(plan)).map(|plan| plan.name.as_str()).collect();
    let hint = match plans.len() == book.plans.len() {
        true => format!("{}.", prices.join(", or ")),
        false => format!("{}, with {}.", prices.join(", or "), plans.join(" or ")),
    };
    let unit = addon.prices.iter().find_map(|price| price.unit()).map(show::plural).unwrap_or_default();
    let field = ui::Field::new(&addon.name, &name, ui::Input::Number)
        .value(answers.get(&name))
        .error(answers.error(&name))
        .hint(&hint);
    ui::field(&if unit.is_empty() { field } else { field.unit(&unit) })
}
