//! The price book and its versions.

mod apply;
mod book;
mod migrate;
mod moving;
mod outlook;
mod rules;
mod subscribers;
mod usage;
mod versions;

use axum::{Router, extract::DefaultBodyLimit, routing::get};

use crate::App;

/// A book of one megabyte, each of its bytes percent-encoded, and something around it.
const LARGEST_BOOK: usize = 4 * 1024 * 1024;

pub(crate) fn routes() -> Router<App> {
    let apply = get(apply::page).post(apply::post).layer(DefaultBodyLimit::max(LARGEST_BOOK));
    Router::new()
        .route("/price-book", get(versions::in_force))
        .route("/price-book/apply", apply)
        .route("/price-book/migrate", get(migrate::page).post(moving::start))
        .route("/price-book/migrate/{id}", get(moving::page))
        .route("/price-book/versions", get(versions::list))
        .route("/price-book/versions/{id}", get(versions::one))
}
