//! The pages: server-rendered, over the same operations as the API.
//!
//! One module per noun of the address. What comes in passes `gate` (who asks, where, whether they may,
//! what they filled in), what goes out is made of the components of [`ui`]. A handler reads or changes
//! through its desk (one environment, one person) and hands what it found to a function that draws it.

pub mod ui;

mod advice;
mod api;
mod asset;
mod bill_runs;
mod clock;
mod country;
mod credit_notes;
mod customers;
mod environments;
mod facts;
mod flags;
mod gate;
mod home;
mod import;
mod invoices;
mod jobs;
mod ledger;
mod legal_entities;
mod my;
mod parts;
mod payments;
mod price_book;
mod reference;
mod show;
mod sign_in;
mod subscriptions;
mod usage;

pub use reference::reference;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};

/// What the pages are served from.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: store::Db,
    /// Rung when a page has enqueued a job.
    pub bell: ::jobs::Bell,
    /// Knows how limits stand.
    pub metering: metering::Metering,
    /// Send the session's cookie over HTTPS only: wherever the pages are reached by HTTPS.
    pub secure_cookies: bool,
}

/// The largest form, apart from a price book's.
const LARGEST_FORM: usize = 256 * 1024;

/// Every page and file. The API and its documentation are not among them.
pub fn router(app: App) -> Router {
    let environment = Router::new()
        .nest("/{merchant}/{environment}", nouns())
        // Two spellings of the home page: the addresses of the others are the first one and a path.
        .route("/{merchant}/{environment}/", get(home::page))
        .route_layer(middleware::from_fn_with_state(app.clone(), gate::enter));
    Router::new()
        .merge(environments::routes())
        .merge(sign_in::routes())
        .merge(environment)
        .merge(my::routes())
        .route("/assets/{name}", get(asset::file))
        .route("/favicon.svg", get(asset::favicon))
        .route("/design", get(async || ui::gallery()))
        .fallback(gate::nothing_here)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn(gate::refuse_cross_site))
        .layer(middleware::from_fn(gate::secure))
        .with_state(app)
}

fn nouns() -> Router<App> {
    Router::new()
        .route("/", get(home::page))
        .merge(customers::routes())
        .merge(import::routes())
        .merge(subscriptions::routes())
        .merge(usage::routes())
        .merge(advice::routes())
        .merge(invoices::routes())
        .merge(payments::routes())
        .merge(credit_notes::routes())
        .merge(price_book::routes())
        .merge(flags::routes())
        .merge(legal_entities::routes())
        .merge(ledger::routes())
        .merge(facts::routes())
        .merge(bill_runs::routes())
        .merge(jobs::routes())
        .merge(clock::routes())
        .merge(api::routes())
}
