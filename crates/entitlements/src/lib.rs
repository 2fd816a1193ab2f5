//! What a customer may use now, and why; and flags.
//!
//! # The way of an answer
//!
//! 1. **Who**: a customer by its id or the merchant's own, or somebody not known here ([`Whom`]).
//! 2. **What there is** ([`Sight`]): the customer with what it agreed to and its overrides ([`feature::Account`]), the
//!    price book in force, the flags, and business time. [`sight`] reads them in one transaction; [`Desk`] keeps them in
//!    memory and reads only what changed.
//! 3. **Decided**, without I/O: [`feature::rules`] says for a feature of the book whether it may be used, its value and
//!    the reason; [`flag::rules`] which variant of a flag is served. A flag named like a feature decides about that
//!    feature, within what access there is.
//!
//! # Of a feature, the first that applies decides
//!
//! 1. its flag is switched off: nobody has it;
//! 2. access is off, because every subscription is suspended or paused: it is not to be used;
//! 3. an override of the customer that has not run out;
//! 4. a rule of its flag that matches, or the default variant of its flag where it has one;
//! 5. the plans and add-ons of the subscriptions that run, of several the most generous one; past due ones run until
//!    dunning ends them;
//! 6. for whoever has no subscription, the plan that costs nothing, where the book has one.
//!
//! # How new an answer is
//!
//! Exactly as new as the database at an instant after the question came. What is in memory is used only after the facts
//! committed since were read: that is one short read, and all questions that wait at that moment share it ([`Desk`]).
//! So an override, a suspension or a switched flag holds for every answer given to a question asked after it was
//! acknowledged, in every process.

mod desk;
pub mod feature;
pub mod flag;
mod metered;
pub mod override_;
pub mod prompt;
mod schema;
mod sight;
pub mod switch;

pub use desk::{Desk, may_change};
pub use metered::{Beside, Metered};
pub use schema::CONTEXT;
pub use sight::{Context, Served, Sight, Source, Whom, sight};
