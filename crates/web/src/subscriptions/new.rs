use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use catalog::{Trial, WithoutMethod, version, version::Version};
use identity::permission::may;
use kernel::{Error, Result, ids::CustomerId};
use maud::{Markup, html};
use store::View;

use super::{offers, plan_name, terms, wish::BILL_FROM};
use crate::{
    customers,
    gate::{Answer, Answers, Asked, Desk, Sheet, Staff},
    show, ui,
};

/// Customers in the list to choose from; the others are found by a search, or start from their own page.
const LISTED: i64 = 100;

/// What there is to choose from.
struct Choices {
    version: Option<Arc<Version>>,
    customers: Vec<(CustomerId, String)>,
    /// There are more than are listed.
    more: bool,
}

fn load(view: &mut View<'_>, chosen: Option<CustomerId>, search: Option<&str>) -> Result<Choices> {
    let mut customers = customers::matching(view, search, LISTED + 1)?;
    let more = customers.len() as i64 > LISTED;
    customers.truncate(LISTED as usize);
    if let Some(chosen) = chosen.filter(|chosen| customers.iter().all(|(id, _)| id != chosen)) {
        customers.extend(customers::names(view, [chosen])?);
    }
    customers.sort_by_cached_key(|(_, name)| name.to_lowercase());
    Ok(Choices { version: version::newest(view)?, customers, more })
}

pub(super) async fn page(staff: Staff<may::SubscriptionWrite>, Asked(asked): Asked) -> Answer<Markup> {
    draw(&staff, asked).await
}

/// The form again, with what an operation said of it.
pub(super) async fn refused(desk: &Desk, answers: Answers, error: Error) -> Answer<Response> {
    // What is said of the whole stands beside the box it is about.
    let error = match error.code {
        "no_trial" | "trial_used" => error.at("/trial"),
        "trial_needs_method" => error.at("/has_method"),
        _ => error,
    };
    let named = if answers.some("code").is_some() { "code" } else { "coupon" };
    let answers = answers.refused(error)?.beside("cycle", "plan").beside("coupons", named);
    let answers = terms::beside(answers);
    Ok((answers.status(), draw(desk, answers).await?).into_response())
}

async fn draw(desk: &Desk, answers: Answers) -> Answer<Markup> {
    let chosen = answers.some("customer").and_then(|text| text.parse().ok());
    let search = answers.some("search").map(str::to_owned);
    let choices = desk.read(move |view| load(view, chosen, search.as_deref())).await?;
    let crumbs = [ui::Crumb { label: "Subscriptions", href: &desk.at("/subscriptions") }];
    let body = html! {
        (ui::header("Start a subscription", "You see what it costs, line by line, before anything happens.", html! {}))
        @if choices.more || answers.some("search").is_some() { (finder(desk, &answers)) }
        (form(desk, &choices, &answers))
    };
    Ok(desk.page(Sheet::new(ui::Section::Subscriptions, "Start a subscription").below(&crumbs), body))
}

fn form(desk: &Desk, choices: &Choices, answers: &Answers) -> Markup {
    let Some(version) = &choices.version else {
        let apply = ui::button_link(ui::Button::Primary, "Apply a price book", &desk.at("/price-book/apply"));
        let why = "The plans one can subscribe to stand in the price book, and there is none here yet.";
        return ui::empty("No price book yet", why, html! { @if desk.may::<may::BookWrite>() { (apply) } });
    };
    if choices.customers.is_empty() && answers.some("search").is_some() {
        let all = ui::button_link(ui::Button::Plain, "Show the newest", &desk.at("/subscriptions/new"));
        return ui::empty(
            "No customer matches",
            "A search finds the beginnings of words of names and addresses.",
            all,
        );
    }
    if choices.customers.is_empty() {
        let create = ui::button_link(ui::Button::Primary, "New customer", &desk.at("/customers/new"));
        return ui::empty("No customers yet", "Somebody has to subscribe: create a customer first.", create);
    }
    let addons: Vec<(String, &str)> = offers::addons(&version.book, version.book.currency)
        .map(|addon| (format!("addons.{}", addon.key), addon.name.as_str()))
        .collect();
    let agreed = terms::names(&version.book, version.book.currency);
    let names: Vec<(&str, &str)> =
        [("customer", "Customer"), ("plan", "Plan"), ("quantity", "Quantity of the plan")]
            .into_iter()
            .chain(addons.iter().map(|(name, label)| (name.as_str(), *label)))
            .chain([("trial", "Trial"), ("has_method", "Method of payment")])
            .chain([("start", "Starts on"), ("bill_from", "Bill from"), ("external_id", "Your id")])
            .chain([("coupon", "Coupon"), ("code", "Code of a coupon")])
            .chain(agreed.iter().map(|(name, label)| (name.as_str(), label.as_str())))
            .collect();
    html! {
        (answers.summary(&names))
        (ui::form(&desk.at("/subscriptions/preview"), desk.csrf(), fields(desk, choices, version, answers), "Preview"))
    }
}

/// Among many customers, whom the form is for.
fn finder(desk: &Desk, answers: &Answers) -> Markup {
    let search = ui::Field::new("Find the customer by name or e-mail address", "search", ui::Input::Text);
    let field = html! { div class="search" { (ui::field(&search.value(answers.get("search")))) } };
    ui::filters(&desk.at("/subscriptions/new"), field, "Find")
}

fn fields(desk: &Desk, choices: &Choices, version: &Version, answers: &Answers) -> Markup {
    let book = &version.book;
    let ids: Vec<String> = choices.customers.iter().map(|(id, _)| id.to_string()).collect();
    let customers: Vec<_> =
        ids.iter().zip(&choices.customers).map(|(value, (_, label))| ui::Choice { value, label }).collect();
    let plans = offers::offers(book, book.currency);
    let plans: Vec<_> = plans.iter().map(|(value, label)| ui::Choice { value, label }).collect();
    let now = format!("Left empty: now, {}.", show::instant(desk.now, &desk.zone));
    let bill_from = BILL_FROM.map(|(value, label, _)| ui::Choice { value, label });
    let many = choices.more.then_some("The newest ones. Find others by their name above.");
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let customer = field("Customer", "customer", ui::Input::Select(&customers)).required();
    html! {
        (ui::field(&match many { Some(hint) => customer.hint(hint), None => customer }))
        (ui::field(&field("Plan", "plan", ui::Input::Select(&plans)).required()))
        @if offers::per_unit(book) {
            (ui::field(&field("Quantity of the plan", "quantity", ui::Input::Number).hint("For plans priced per unit.")))
        }
        @for addon in offers::addons(book, book.currency) { (offers::addon_field(book, book.currency, addon, answers)) }
        @if let Some(trial) = &book.trial { (trial_field(version, trial, answers)) }
        (coupon(version, answers))
        (ui::more("When and how it is billed", "now, unless you say otherwise", timed(answers), html! {
            (ui::field(&field("Starts on", "start", ui::Input::Date).hint(&now)))
            (ui::field(&field("Bill from", "bill_from", ui::Input::Select(&bill_from)).required()
                .value(answers.some("bill_from").unwrap_or(BILL_FROM[0].0))
                .hint("Matters when the start lies in the past.")))
            (ui::field(&field("A method of payment is on file", "has_method", ui::Input::Checkbox)
                .hint("Kept at a gateway or agreed otherwise. It decides what the end of a trial does.")))
            (ui::field(&field("Finalize the first invoice at once", "finalize", ui::Input::Checkbox)
                .hint("Otherwise it is left as a draft for you to look at.")))
            (ui::field(&field("Your id", "external_id", ui::Input::Text).hint("Its id in your own systems.")))
        }))
        @if desk.may::<may::SubscriptionNegotiate>() { (terms::fields(book, answers)) }
    }
}

/// Whether something is answered of when and how it is billed.
fn timed(answers: &Answers) -> bool {
    let other = answers.some("bill_from").is_some_and(|word| word != BILL_FROM[0].0);
    let some =
        ["start", "has_method", "finalize", "external_id"].iter().any(|name| answers.some(name).is_some());
    some || other
        || ["start", "bill_from", "external_id", "has_method"]
            .iter()
            .any(|name| answers.error(name).is_some())
}

fn coupon(version: &Version, answers: &Answers) -> Markup {
    let coupons: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "None" })
        .chain(version.book.coupons.iter().map(|one| ui::Choice { value: &one.key, label: &one.name }))
        .collect();
    let field = |label, name, input| {
        ui::field(&ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name)))
    };
    let open = ["coupon", "code"].iter().any(|name| answers.some(name).is_some());
    html! {
        @if coupons.len() > 1 {
            (ui::more("Coupon", "", open, html! {
                (field("Coupon", "coupon", ui::Input::Select(&coupons)))
                (field("Or its code", "code", ui::Input::Text))
            }))
        }
    }
}

fn trial_field(version: &Version, trial: &Trial, answers: &Answers) -> Markup {
    let label = format!("Start with a trial of {}", show::count(i64::from(trial.days), "day"));
    let without = match &trial.without {
        WithoutMethod::Suspend => "it is suspended".to_owned(),
        WithoutMethod::Cancel => "it is canceled".to_owned(),
        WithoutMethod::Downgrade { plan } => format!("it goes on with {}", plan_name(Some(version), plan)),
    };
    let tried = trial.plan.as_deref().map(|plan| format!("{} is tried. ", plan_name(Some(version), plan)));
    let hint = format!(
        "{}Nothing is billed before its end. Then it is paid for, or without a method of payment {without}.",
        tried.unwrap_or_default()
    );
    let field = ui::Field::new(&label, "trial", ui::Input::Checkbox).hint(&hint);
    ui::field(&field.value(answers.get("trial")).error(answers.error("trial")))
}
