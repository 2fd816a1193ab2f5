//! The API over real HTTP, on both databases.

mod advice;
mod agreed;
mod api;
mod bill_runs;
mod charges;
mod conventions;
mod coupons;
mod document;
mod errors;
mod hostile;
mod journey;
mod late_events;
mod lifecycle;
mod metering;
mod ofrep;
mod parties;
mod payments;
mod rates;
mod reconcile;
mod samples;
mod sdk;
mod simulate;
mod table;
mod trial;
mod usage;
mod watched;
