//! The pages over real HTTP, on both databases.

mod gate;
mod journey;
mod pages;
mod world;
