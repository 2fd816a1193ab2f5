//! What is agreed with one customer, as forms ask for it: prices, a minimum, a term, a ramp.

use std::collections::{BTreeMap, BTreeSet};

use billing::subscription::{AgreedPrice, Agreement, Change, NewTerm, Scheduled};
use catalog::{Book, PriceKind};
use identity::permission::may;
use kernel::{Currency, Error, Kind, Rate, Result, UnitPrice, time};
use maud::{Markup, html};

use super::{
    offers,
    wish::{offer, whole},
};
use crate::{
    gate::{Answers, Desk, Mistakes},
    ui,
};

/// The price of whatever plan is chosen.
const OF_PLAN: &str = "agreement.plan";
/// Prices of add-ons and usage, by their keys.
const PRICES: &str = "agreement.prices.";
/// Behind the key, where it is a share and not an amount.
const PERCENT: &str = ".percent";
/// The least a period comes to.
const MINIMUM: &str = "agreement.minimum";
/// So many steps of a ramp can be written at once.
const STEPS: usize = 3;

/// What is wrong with the price of the plan stands beside its field.
pub(super) fn beside(answers: Answers) -> Answers {
    let plan = answers.get("plan").split('/').next().unwrap_or_default().to_owned();
    answers
        .beside(&format!("{PRICES}{plan}"), OF_PLAN)
        .beside("term.months", "term.months")
        .beside("ramp", "ramp.0.on")
}

/// Names and labels of the fields, for what is wrong with them.
pub(super) fn names(book: &Book, currency: Currency) -> Vec<(String, String)> {
    let mut all = vec![(OF_PLAN.to_owned(), "Price of the plan".to_owned())];
    all.extend(others(book, currency).into_iter().map(|one| (format!("{PRICES}{}", one.key), one.name)));
    all.push((MINIMUM.to_owned(), "Minimum".to_owned()));
    all.push(("term.months".to_owned(), "Term".to_owned()));
    for step in 0..STEPS {
        all.extend(
            ["on", "plan", "quantity", "price"]
                .map(|name| (format!("ramp.{step}.{name}"), format!("Step {}", step + 1))),
        );
    }
    all
}

/// Prices agreed for the chosen plan and for add-ons and usage, by key.
pub(super) fn prices(answers: &Answers, plan: &str) -> Result<BTreeMap<String, AgreedPrice>> {
    let mut mistakes = Mistakes::default();
    let mut prices: BTreeMap<String, AgreedPrice> = BTreeMap::new();
    if let Some(text) = answers.some(OF_PLAN) {
        let amount = mistakes.at("/agreement/plan", UnitPrice::parse(text));
        prices.insert(plan.to_owned(), AgreedPrice { amount, percent: None });
    }
    for (name, text) in answers.under(PRICES).filter(|(_, text)| !text.is_empty()) {
        let key = name.strip_suffix(PERCENT).unwrap_or(name);
        let pointer = format!("/agreement/prices/{}", name.replace('.', "/"));
        let agreed = prices.entry(key.to_owned()).or_default();
        if name.ends_with(PERCENT) {
            agreed.percent = mistakes.at(&pointer, Rate::parse_percent(text));
        } else {
            agreed.amount = mistakes.at(&pointer, UnitPrice::parse(text));
        }
    }
    if mistakes.is_empty() { Ok(prices) } else { Err(mistakes.into_error()) }
}

/// What a form for a start agrees: prices, minimum, term, ramp.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) agreement: Agreement,
    pub(super) term: Option<NewTerm>,
    pub(super) ramp: Vec<Scheduled>,
}

impl Terms {
    /// Read the form, or say everything that is wrong with it.
    pub(super) fn read(answers: &Answers, plan: &str) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let prices = mistakes.keep(prices(answers, plan)).unwrap_or_default();
        let minimum = answers.some(MINIMUM).map(UnitPrice::parse).transpose();
        let minimum = mistakes.at("/agreement/minimum", minimum).flatten();
        let months = mistakes.at("/term/months", answers.some("term.months").map(whole).transpose());
        let months = months.flatten().map(|months| u32::try_from(months).unwrap_or(u32::MAX));
        let renews = answers.ticked("term.renews");
        let ramp: Vec<_> = (0..STEPS).filter_map(|at| step(answers, at, &mut mistakes)).collect();
        if !mistakes.is_empty() {
            return Err(mistakes.into_error());
        }
        Ok(Self {
            agreement: Agreement { prices, minimum },
            term: months.map(|months| NewTerm { months, renews }),
            ramp,
        })
    }

    /// Prices, minimums and terms are not everybody's to agree. Errors: `permission_missing`.
    pub(super) fn allowed(&self, desk: &Desk) -> Result<()> {
        let priced = self.ramp.iter().any(|step| !step.change.prices.is_empty());
        check(desk, priced || self.term.is_some() || !self.agreement.is_empty())
    }
}

/// Errors: `permission_missing`, when something is agreed by somebody who may not.
pub(super) fn check(desk: &Desk, agreed: bool) -> Result<()> {
    if !agreed || desk.may::<may::SubscriptionNegotiate>() {
        return Ok(());
    }
    let detail = "You may not agree prices or terms with customers in this environment.";
    Err(Error::new(Kind::Forbidden, "permission_missing", detail))
}

/// One step of a ramp; none where nothing is written.
fn step(answers: &Answers, at: usize, mistakes: &mut Mistakes) -> Option<Scheduled> {
    let get = |name: &str| answers.some(&format!("ramp.{at}.{name}"));
    let (on, plan, quantity, price) = (get("on"), get("plan"), get("quantity"), get("price"));
    if [on, plan, quantity, price].iter().all(Option::is_none) {
        return None;
    }
    let place = |name: &str| format!("/ramp/{at}/{name}");
    let missing = || Error::invalid("time_malformed", "Say from which day on.");
    let on = mistakes.at(&place("on"), on.ok_or_else(missing).and_then(time::date));
    let chosen = plan.map(|text| offer(&Answers::default().with("plan", text))).transpose();
    let chosen = mistakes.at(&place("plan"), chosen).flatten();
    let quantity = mistakes.at(&place("quantity"), quantity.map(whole).transpose()).flatten();
    let amount = mistakes.at(&place("price"), price.map(UnitPrice::parse).transpose()).flatten();
    let of = chosen.as_ref().map_or_else(
        || answers.get("plan").split('/').next().unwrap_or_default().to_owned(),
        |(plan, _)| plan.clone(),
    );
    let prices = amount.map(|amount| (of, AgreedPrice { amount: Some(amount), percent: None }));
    let (plan, cycle) = chosen.map_or((None, None), |(plan, cycle)| (Some(plan), Some(cycle)));
    let change = Change { plan, cycle, quantity, prices: prices.into_iter().collect(), ..Change::default() };
    Some(Scheduled { on: on?, change, offered: false })
}

/// An add-on or a usage price whose figures can be agreed.
struct Other {
    key: String,
    name: String,
    amount: bool,
    percent: bool,
}

/// Add-ons and usage prices of a book, each key once.
fn others(book: &Book, currency: Currency) -> Vec<Other> {
    let addons = offers::addons(book, currency).filter_map(|addon| {
        Some((&addon.key, &addon.name, &addon.prices.iter().find(|one| one.currency == currency)?.kind))
    });
    let usage = book.plans.iter().flat_map(|plan| &plan.usage);
    let usage = usage.filter_map(|usage| Some((&usage.key, &usage.name, &usage.price_in(currency)?.kind)));
    let mut seen = BTreeSet::new();
    let new = addons.chain(usage).filter(|(key, ..)| seen.insert((*key).clone()));
    let other = |(key, name, kind): (&String, &String, &PriceKind)| {
        let amount = matches!(
            kind,
            PriceKind::Flat { .. }
                | PriceKind::PerUnit { .. }
                | PriceKind::Package { .. }
                | PriceKind::LesserOf { .. }
        );
        let percent = matches!(kind, PriceKind::LesserOf { .. } | PriceKind::Percentage(_));
        (amount || percent).then(|| Other { key: key.clone(), name: name.clone(), amount, percent })
    };
    new.filter_map(other).collect()
}

/// The fields of agreed prices.
pub(super) fn price_fields(book: &Book, currency: Currency, answers: &Answers) -> Markup {
    let code = currency.code();
    let number = |label: &str, name: &str, unit: &str| {
        let field = ui::Field::new(label, name, ui::Input::Number).unit(unit);
        ui::field(&field.value(answers.get(name)).error(answers.error(name)))
    };
    html! {
        (number("Price of the plan", OF_PLAN, code))
        @for one in others(book, currency) {
            @let name = format!("{PRICES}{}", one.key);
            @if one.amount { (number(&format!("Price of {}", one.name), &name, code)) }
            @if one.percent { (number(&format!("Share of {}", one.name), &format!("{name}{PERCENT}"), "%")) }
        }
    }
}

/// Whether anything is answered of what is agreed.
pub(super) fn has_prices(answers: &Answers) -> bool {
    answers.under("agreement.").any(|(_, text)| !text.is_empty())
}

/// What a start may agree, each part on demand.
pub(super) fn fields(book: &Book, answers: &Answers) -> Markup {
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let has = |prefix: &str| answers.under(prefix).any(|(_, text)| !text.is_empty());
    html! {
        (ui::more("Agreed prices", "instead of the price book’s", has_prices(answers), html! {
            (price_fields(book, book.currency, answers))
            (ui::field(&field("Minimum", MINIMUM, ui::Input::Number).unit(book.currency.code())
                .hint("The least a period comes to.")))
        }))
        (ui::more("Contract term", "", has("term."), html! {
            (ui::field(&field("Length", "term.months", ui::Input::Number).unit("months")))
            (ui::field(&field("Another term of the same length follows", "term.renews", ui::Input::Checkbox)
                .hint("Otherwise it expires at the end.")))
        }))
        (ui::more("Price ramp", "what changes later", has("ramp."), html! {
            p class="hint" { "Each step is made at the first end of a period on or after its day." }
            div class="rows" { @for at in 0..STEPS { (step_fields(book, at, answers)) } }
        }))
    }
}

fn step_fields(book: &Book, at: usize, answers: &Answers) -> Markup {
    let plans = offers::offers(book, book.currency);
    let plans: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "As before" })
        .chain(plans.iter().map(|(value, label)| ui::Choice { value, label }))
        .collect();
    let names = ["on", "plan", "quantity", "price"].map(|name| format!("ramp.{at}.{name}"));
    let [on, plan, quantity, price] = &names;
    let field = |label: &str, name: &str, input: ui::Input<'_>| {
        ui::field(&ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name)))
    };
    html! {
        fieldset class="row" {
            legend class="unseen" { "Step " (at + 1) }
            (field("From", on, ui::Input::Date))
            (field("Plan", plan, ui::Input::Select(&plans)))
            @if offers::per_unit(book) { (field("Quantity", quantity, ui::Input::Number)) }
            (field("Price of the plan", price, ui::Input::Number))
        }
    }
}
