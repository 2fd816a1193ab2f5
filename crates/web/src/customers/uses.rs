//! What a customer may use, and why; overrides.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
    response::IntoResponse,
};
use entitlements::{
    Context, Sight, Whom,
    feature::{Decision, Kind, Reason, Upgrade, Value},
    override_::{self, Override},
};
use identity::{customer, permission::may};
use kernel::{Error, Result, ids, time};
use maud::{Markup, html};
use serde_json::Value as Json;
use store::View;

use crate::{
    App,
    gate::{Answer, Answers, Asked, Desk, Failure, Named, Posted, Sheet, Staff},
    parts, show, ui, usage,
};

/// Features that are shown on the customer's own page here.
const FEW: usize = 6;

/// Everything on the page.
struct Whole {
    name: String,
    sight: Sight,
    overrides: Vec<Override>,
}

fn load(view: &mut View<'_>, id: ids::CustomerId) -> Result<Whole> {
    let customer = customer::find(view, id)?;
    Ok(Whole {
        name: customer::person(view, customer.person)?.shown().to_owned(),
        sight: entitlements::sight(view, &Whom::Customer(id))?,
        overrides: override_::of_customer(view, id)?,
    })
}

/// In few lines: what is out of the ordinary first.
pub(super) fn section(desk: &Desk, id: ids::CustomerId, features: &[Decision]) -> Markup {
    if features.is_empty() {
        return html! {};
    }
    let href = desk.at(&format!("/customers/{id}/features"));
    let all = html! { a href=(href) { "All " (show::count(features.len() as i128, "feature")) } };
    let had = features.iter().filter(|one| one.allowed()).count();
    let ordinary = |one: &&Decision| matches!(one.reason.word(), "plan" | "not_included");
    let odd = features.iter().filter(|one| !ordinary(one));
    let mut shown: Vec<&Decision> =
        odd.chain(features.iter().filter(|one| one.allowed()).filter(ordinary)).collect();
    shown.truncate(FEW);
    let body = html! {
        p { (had) " of " (features.len()) " may be used." }
        (table(desk, &shown))
    };
    ui::section("May use", all, body)
}

fn table(desk: &Desk, features: &[&Decision]) -> Markup {
    let locked = features.iter().any(|one| one.upgrade.is_some());
    let rows = features.iter().map(|one| {
        let mut cells = vec![html! { (one.name) }, html! { (amount(one)) }, html! { (why(desk, one)) }];
        cells.extend(locked.then(|| upgrade(one)));
        ui::Row::new(cells)
    });
    let mut columns =
        vec![ui::Column::text("Feature"), ui::Column::text("May use").lead(), ui::Column::text("Why")];
    columns.extend(locked.then(|| ui::Column::text("Unlocked by")));
    ui::table(ui::Table {
        caption: "Features",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No features", "The price book has neither features nor meters.", html! {}),
    })
}

fn amount(one: &Decision) -> Markup {
    let unit = match &one.kind {
        Kind::Limit { unit } | Kind::Metered { unit, .. } => unit.as_str(),
        Kind::Boolean | Kind::Value => "",
    };
    let window = match &one.kind {
        Kind::Metered { window: Some(window), .. } => format!(" per {window}"),
        _ => String::new(),
    };
    match &one.value {
        Value::None => ui::badge(ui::Tone::Ended, "No"),
        Value::Yes => ui::badge(ui::Tone::Good, "Yes"),
        Value::Unlimited => ui::badge(ui::Tone::Good, "Unlimited"),
        Value::UpTo(amount) => html! { (show::units(&usage::number(&amount.to_string()), unit)) (window) },
        Value::Text(text) => html! { (text) },
    }
}

fn why(desk: &Desk, one: &Decision) -> Markup {
    let had = |noun: &str, key: &str, book: i64| {
        html! { "With the " (noun) " " (show::sentence(key)) ", price book version " (book) }
    };
    match (&one.reason, one.until) {
        (Reason::Plan { plan, book }, _) => had("plan", plan, *book),
        (Reason::Addon { addon, book }, _) => had("add-on", addon, *book),
        // What unlocks it has a column of its own.
        (Reason::NotIncluded, _) => html! { "Not included" },
        (Reason::Override, Some(until)) => html! { span { "Override until " (desk.time(until)) } },
        _ => html! { (one.why()) },
    }
}

fn upgrade(one: &Decision) -> Markup {
    match &one.upgrade {
        Some(Upgrade::Plan(plan)) => html! { "Plan " (show::sentence(plan)) },
        Some(Upgrade::Addon(addon)) => html! { "Add-on " (show::sentence(addon)) },
        None => html! {},
    }
}

pub(super) async fn page(
    staff: Staff<may::CustomerRead>,
    Named(id): Named<ids::Customer>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked).await
}

async fn draw(desk: &Desk, id: ids::CustomerId, answers: Answers) -> Answer<Markup> {
    let whole = desk.read(move |view| load(view, id)).await?;
    let features = whole.sight.features(&Context::default());
    let all: Vec<&Decision> = features.iter().collect();
    let crumbs = [
        ui::Crumb { label: "Customers", href: &desk.at("/customers") },
        ui::Crumb { label: &whole.name, href: &desk.at(&format!("/customers/{id}")) },
    ];
    let about = "By plans, add-ons, overrides and flags, as every check answers now.";
    let body = html! {
        (ui::header("May use", about, html! {}))
        (parts::was_done(&answers))
        (table(desk, &all))
        (ui::section("Overrides", html! {}, overrides(desk, id, &whole)))
        @if desk.may::<may::OverrideWrite>() && !features.is_empty() {
            (ui::section("Override", html! {}, form(desk, id, &features, &answers)))
        }
    };
    Ok(desk.page(Sheet::new(ui::Section::Customers, "May use").below(&crumbs), body))
}

fn overrides(desk: &Desk, id: ids::CustomerId, whole: &Whole) -> Markup {
    let rows = whole.overrides.iter().map(|one| {
        let path = desk.at(&format!("/customers/{id}/features/{}/remove", one.key));
        let state = match one.holds(whole.sight.now) {
            true => ui::badge(ui::Tone::Good, "In force"),
            false => ui::badge(ui::Tone::Ended, "Run out"),
        };
        ui::Row::new(vec![
            html! { (show::sentence(&one.key)) },
            state,
            html! { (given(one)) },
            one.expires.map_or_else(|| html! { "Until it is removed" }, |at| desk.time(at)),
            ui::optional(one.reason.as_deref()),
            html! { @if desk.may::<may::OverrideWrite>() { (ui::post_button(ui::Button::Danger, "Remove", &path, desk.csrf())) } },
        ])
    });
    ui::table(ui::Table {
        caption: "Overrides",
        columns: &[
            ui::Column::text("Feature"),
            ui::Column::text("State").lead(),
            ui::Column::text("Given"),
            ui::Column::text("Until"),
            ui::Column::text("Reason"),
            ui::Column::text("Remove"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty(
            "No overrides",
            "This customer has what it agreed to, and what flags say.",
            html! {},
        ),
    })
}

fn given(one: &Override) -> String {
    match &one.given {
        override_::Given::Bool(true) => "Yes".to_owned(),
        override_::Given::Bool(false) => "Withheld".to_owned(),
        override_::Given::UpTo(amount) => show::grouped(*amount),
        override_::Given::Unlimited => "Unlimited".to_owned(),
        override_::Given::Value(text) => text.clone(),
    }
}

fn form(desk: &Desk, id: ids::CustomerId, features: &[Decision], answers: &Answers) -> Markup {
    let choices: Vec<ui::Choice<'_>> =
        features.iter().map(|one| ui::Choice { value: &one.key, label: &one.name }).collect();
    let labels = [("key", "Feature"), ("value", "Given"), ("expires_at", "Until"), ("reason", "Reason")];
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    let fields = html! {
        (ui::field(&field("Feature", "key", ui::Input::Select(&choices)).required()))
        (ui::field(&field("Given", "value", ui::Input::Text).required()
            .hint("yes or no; a whole number or unlimited for a limit; text for a value.")))
        (ui::field(&field("Until", "expires_at", ui::Input::Date).hint("It ends when this day begins; left empty, when it is removed.")))
        (ui::field(&field("Reason", "reason", ui::Input::Text).hint("For staff. It goes when personal data are erased.")))
    };
    html! {
        (answers.summary(&labels))
        (ui::form(&desk.at(&format!("/customers/{id}/features")), desk.csrf(), fields, "Override"))
    }
}

pub(super) async fn set(
    staff: Staff<may::OverrideWrite>,
    Named(id): Named<ids::Customer>,
    Posted(answers): Posted,
) -> Answer {
    let (key, value) = (answers.get("key").to_owned(), answers.get("value").to_owned());
    let reason = answers.some("reason").map(str::to_owned);
    let zone = staff.zone.clone();
    let expires = answers.some("expires_at").map(|text| time::date(text).map(|date| zone.start_of_day(date)));
    let set = match expires.transpose() {
        Err(error) => Err(error.at("/expires_at")),
        Ok(expires) => {
            let set = move |tx: &mut store::Tx<'_>| {
                let value = typed(tx, id, &key, &value)?;
                override_::set(tx, id, &key, &value, expires, reason.as_deref())
            };
            staff.write(set).await
        }
    };
    match set {
        Ok(_) => Ok(parts::done(&staff.at(&format!("/customers/{id}/features")), "override_set")),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(&staff, id, answers).await?).into_response())
        }
    }
}

/// What was typed, as the kind of the feature wants it.
fn typed(view: &mut View<'_>, id: ids::CustomerId, key: &str, text: &str) -> Result<Json> {
    let sight = entitlements::sight(view, &Whom::Customer(id))?;
    let kind = sight.feature(key, &Context::default()).map(|decision| decision.kind);
    Ok(match kind {
        Some(Kind::Boolean) => match text.to_lowercase().as_str() {
            "yes" | "true" => true.into(),
            "no" | "false" => false.into(),
            other => other.into(),
        },
        Some(Kind::Limit { .. } | Kind::Metered { .. }) => match text.replace(',', "").parse::<u64>() {
            Ok(amount) => amount.into(),
            Err(_) => text.to_lowercase().into(),
        },
        Some(Kind::Value) | None => text.into(),
    })
}

pub(super) async fn remove(
    staff: Staff<may::OverrideWrite>,
    Named(id): Named<ids::Customer>,
    FeatureKey(key): FeatureKey,
    Posted(_): Posted,
) -> Answer {
    staff.write(move |tx| override_::remove(tx, id, &key)).await?;
    Ok(parts::done(&staff.at(&format!("/customers/{id}/features")), "override_removed"))
}

/// The feature's key in the address.
pub(super) struct FeatureKey(String);

impl FromRequestParts<App> for FeatureKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let missing = || Error::not_found("override");
        let all = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| missing())?;
        let key = all.iter().find(|(name, _)| *name == "key").map(|(_, value)| value.to_owned());
        Ok(Self(key.ok_or_else(missing)?))
    }
}
