//! The JSON API under `/v1`.
//!
//! [`ROUTES`] is the table of everything it answers; [`router`] mounts it and [`openapi`] describes it.
//! A handler takes the caller with its permission as a type ([`actor::Actor`]), reads through
//! [`App::read`](app::App) and changes through `App::change`, which also answers repeated requests.
//! Failures are problems of RFC 9457, made in one place ([`problem`]).

// The descriptions utoipa writes name types in full.
#![allow(unused_qualifications)]

mod actor;
mod advice;
mod alert;
mod app;
mod bill_run;
mod body;
mod charge;
mod codes;
mod coupon;
mod credit_note;
mod customer;
mod environment;
mod event;
mod fact;
mod feature;
mod flag;
mod invoice;
mod job;
mod keys;
mod lane;
mod ledger;
mod legal_entity;
mod limit;
mod meter;
mod migration;
mod ofrep;
mod openapi;
mod overrides;
mod page;
mod parameters;
mod payment;
mod price_book;
mod problem;
mod rate_limit;
mod reconcile;
mod routes;
mod sandbox;
mod shape;
mod subscription;
mod usage;

pub use app::{App, Parts};
pub use codes::{CODES, Code};
pub use keys::Keys;
pub use lane::Call;
pub use openapi::openapi;
pub use rate_limit::{Rate, Rates};
pub use routes::{ROUTES, Route, router};
