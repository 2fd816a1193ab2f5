//! The pages over real HTTP, on both databases.

mod browser;
mod changes;
mod chromium;
mod gate;
mod import;
mod invoices;
mod journey;
mod pages;
mod parties;
mod payments;
mod world;
