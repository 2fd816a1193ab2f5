//! The pages over real HTTP, on both databases.

mod advice;
mod ahead;
mod browser;
mod changes;
mod chromium;
mod extras;
mod flags;
mod gate;
mod import;
mod invoices;
mod journey;
mod leaving;
mod measured;
mod moving;
mod own;
mod pages;
mod parties;
mod payments;
mod reference;
mod usage;
mod world;
