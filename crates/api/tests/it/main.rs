//! The API over real HTTP, on both databases.

mod api;
mod conventions;
mod document;
mod errors;
mod hostile;
mod journey;
mod lifecycle;
mod parties;
mod samples;
mod table;
mod trial;
