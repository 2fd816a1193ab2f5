#![doc = include_str!("../../../../docs/price-book.md")]

mod advice;
mod billing;
mod cancellation;
mod coupon;
mod diff;
mod meter;
mod mistake;
mod model;
mod price;
mod price_text;
mod read;
mod threshold;
mod trial;
mod upgrade;

#[cfg(test)]
mod tests;

pub use advice::{Advice, Lacking, Prompts, Team, Trigger};
pub use billing::{
    Anchor, Billing, CancellationCredit, CancellationDay, CarryOver, ChangeDay, CustomerChanges, CycleChange,
    Invoices, LateWindow, Minimums, PlanChange, TaxCategory, TaxRounding, TrialUsage, ZeroInvoices,
};
pub use cancellation::{Cancellation, CancellationReason, ReasonIs, WinBack};
pub use coupon::{Coupon, Discount, Lasts};
pub use diff::{Change, diff};
pub(crate) use diff::{billing_changes, plan_changes, price_word};
pub use meter::{
    Aggregation, Jump, Limit, LimitPolicy, LimitScope, Meter, RateLimit, RateSpan, Window, WindowUnit,
};
pub use mistake::Mistake;
pub use model::{Addon, AddonPrice, Book, Feature, FeatureKind, Included, Plan};
pub use price::{
    PayIn, PercentTier, Percentage, Prepaid, Price, PriceKind, Started, Tier, Tiers, UsagePrice, When,
};
pub use read::read;
pub use threshold::Thresholds;
pub use trial::{OncePer, Sameness, Trial, WithMethod, WithoutMethod};
pub use upgrade::Having;
