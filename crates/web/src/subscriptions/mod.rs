//! Subscriptions.

pub(crate) mod act;
mod back;
mod cancel;
pub(crate) mod change;
mod charges;
pub(crate) mod coming;
pub(crate) mod counted;
pub(crate) mod deed;
mod discounts;
mod extend;
mod extras;
pub(crate) mod items;
mod leavers;
mod list;
mod new;
pub(crate) mod offers;
mod one;
pub(crate) mod outcome;
mod preview;
pub(crate) mod renewals;
mod terms;
mod usage;
pub(crate) mod wish;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    routing::{get, post},
};
use billing::subscription::{self, State, Subscription};
use catalog::version::{self, Version};
use jiff::civil::Date;
use kernel::{
    Result,
    ids::{BookVersionId, SubscriptionId},
};
use maud::{Markup, html};
use store::View;

use crate::{
    App, customers,
    gate::{Answer, Desk, Sheet},
    show, ui,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/subscriptions", get(list::page).post(preview::start))
        .route("/cancellations", get(leavers::page))
        .route("/subscriptions/new", get(new::page))
        .route("/subscriptions/preview", get(preview::again).post(preview::page))
        .route("/subscriptions/{id}", get(one::page))
        .route("/subscriptions/{id}/change", get(change::page).post(change::post))
        .route("/subscriptions/{id}/change/preview", get(change::again).post(change::preview))
        .route("/subscriptions/{id}/cancel", get(cancel::page).post(cancel::post))
        .route("/subscriptions/{id}/stay", post(cancel::stay))
        .route("/subscriptions/{id}/keep-on", post(one::keep_on))
        .route("/subscriptions/{id}/method", post(one::set_method))
        .route("/subscriptions/{id}/extend-trial", get(extend::page).post(extend::post))
        .route("/subscriptions/{id}/usage", get(usage::page).post(usage::post))
        .route("/subscriptions/{id}/coupons", get(discounts::page).post(discounts::redeem))
        .route("/subscriptions/{id}/take-away", post(discounts::take_away))
        .route("/subscriptions/{id}/comp", post(discounts::comp))
        .route("/subscriptions/{id}/back", get(back::page).post(back::post))
        .merge(charges::routes())
        .merge(renewals::routes())
        .route("/subscriptions/{id}/{deed}", get(deed::page).post(deed::post))
}

/// What every page about one subscription begins with.
pub(crate) struct Head {
    pub(crate) subscription: Subscription,
    customer: String,
    /// The price book it agreed to.
    pub(crate) version: Arc<Version>,
}

impl Head {
    pub(crate) fn read(view: &mut View<'_>, id: SubscriptionId) -> Result<Self> {
        let subscription = subscription::find(view, id)?;
        let customer = subscription.customer;
        Ok(Self {
            customer: customers::names(view, [customer])?.remove(&customer).unwrap_or_default(),
            version: version::find(view, subscription.book)?,
            subscription,
        })
    }

    /// Errors: `not_found`.
    async fn load(desk: &Desk, id: SubscriptionId) -> Answer<Self> {
        Ok(desk.read(move |view| Self::read(view, id)).await?)
    }

    /// What its customer is called.
    pub(crate) fn customer(&self) -> &str {
        &self.customer
    }

    /// `Starter, monthly`.
    pub(crate) fn title(&self) -> String {
        titled(&self.version, &self.subscription)
    }

    /// Whose it is, and which one.
    fn about(&self) -> String {
        format!("{}: {}", self.customer, self.title())
    }

    /// A page below that of the subscription.
    fn page(&self, desk: &Desk, title: &str, body: Markup) -> Markup {
        let own = self.title();
        let path = desk.at(&format!("/subscriptions/{}", self.subscription.id));
        let crumbs = [
            ui::Crumb { label: "Subscriptions", href: &desk.at("/subscriptions") },
            ui::Crumb { label: &own, href: &path },
        ];
        desk.page(Sheet::new(ui::Section::Subscriptions, title).below(&crumbs), body)
    }
}

fn titled(version: &Version, subscription: &Subscription) -> String {
    let plan = plan_name(Some(version), subscription.plan());
    format!("{plan}, {}", show::every(subscription.schedule.cycle))
}

/// A subscription in a list.
pub(crate) struct Listed {
    pub(crate) subscription: Subscription,
    customer: String,
    plan: String,
}

impl Listed {
    /// When it falls due next.
    pub(crate) fn due(&self) -> Date {
        self.subscription.next_due().date
    }

    /// Its page.
    pub(crate) fn path(&self, desk: &Desk) -> String {
        desk.at(&format!("/subscriptions/{}", self.subscription.id))
    }

    /// What its customer is called.
    pub(crate) fn customer(&self) -> &str {
        &self.customer
    }

    /// What its plan is called.
    pub(crate) fn plan(&self) -> &str {
        &self.plan
    }

    /// Where it stands.
    pub(crate) const fn state(&self) -> State {
        self.subscription.state
    }

    /// Whether it ends instead of going on.
    pub(crate) const fn ends(&self) -> bool {
        self.subscription.ends.is_some()
    }
}

/// Subscriptions with the names of their customers and plans.
pub(crate) fn listed(view: &mut View<'_>, subscriptions: Vec<Subscription>) -> Result<Vec<Listed>> {
    let names = customers::names(view, subscriptions.iter().map(|one| one.customer))?;
    let mut books: Vec<BookVersionId> = subscriptions.iter().map(|one| one.book).collect();
    books.sort_unstable();
    books.dedup();
    let books: HashMap<BookVersionId, Arc<Version>> =
        version::many(view, books)?.into_iter().map(|version| (version.id, version)).collect();
    let listed = subscriptions.into_iter().map(|subscription| Listed {
        customer: names.get(&subscription.customer).cloned().unwrap_or_default(),
        plan: plan_name(books.get(&subscription.book).map(|version| &**version), subscription.plan()),
        subscription,
    });
    Ok(listed.collect())
}

/// What a plan is called in a book; its key where the book does not know it.
pub(crate) fn plan_name(version: Option<&Version>, key: &str) -> String {
    let plan = version.and_then(|version| version.book.plan(key));
    plan.map_or_else(|| key.to_owned(), |plan| plan.name.clone())
}

/// Subscriptions in a table; with their customers where they are of several.
pub(crate) fn table(desk: &Desk, listed: &[Listed], with_customers: bool, empty: Markup) -> Markup {
    let rows = listed.iter().map(|Listed { subscription, customer, plan }| {
        let plan = html! { (plan) ", " (show::every(subscription.schedule.cycle)) };
        let mut cells = if with_customers { vec![html! { (customer) }, plan] } else { vec![plan] };
        let more = subscription.active_items().count().saturating_sub(1);
        cells.extend([
            ui::state(subscription.state.word()),
            ui::optional((more > 0).then(|| more.to_string()).as_deref()),
            html! { (show::date(subscription.schedule.zone.date_of(subscription.started))) },
            next(subscription),
        ]);
        ui::Row::link(desk.at(&format!("/subscriptions/{}", subscription.id)), cells)
    });
    let first: &[ui::Column] = if with_customers {
        &[ui::Column::text("Customer"), ui::Column::text("Plan")]
    } else {
        &[ui::Column::text("Plan")]
    };
    let columns: Vec<ui::Column> = first
        .iter()
        .copied()
        .chain([
            ui::Column::text("State").lead(),
            ui::Column::number("Add-ons").spare(),
            ui::Column::text("Started").spare(),
            ui::Column::text("Next"),
        ])
        .collect();
    ui::table(ui::Table {
        caption: "Subscriptions",
        columns: &columns,
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty,
    })
}

/// What a subscription waits for, if it waits for anything.
pub(crate) fn next(subscription: &Subscription) -> Markup {
    let date = show::date(subscription.billed_through.date);
    match (subscription.state, subscription.ends) {
        (State::Scheduled, _) => html! { "Begins " (date) },
        (State::Trialing, _) => html! { "Trial ends " (date) },
        (State::Active, Some(ends)) => {
            html! { "Ends " (show::date(subscription.schedule.zone.date_of(ends))) }
        }
        (State::Active, None) => html! { "Invoice " (show::date(subscription.next_due().date)) },
        (State::Canceled | State::Expired, _) if subscription.closing.is_some() => {
            html! { "Last invoice " (show::date(subscription.next_due().date)) }
        }
        _ => ui::optional(None),
    }
}
