//! A price book and its file.
//!
//! # The file
//!
//! A price book is one TOML file of at most 1 MB. Keys are lower case words such as `extra_user`
//! (`[a-z][a-z0-9_]*`, at most 63 characters); they never change, the `name` beside them may. The order of
//! features, meters, plans, add-ons and coupons in the file is their order on the pricing page.
//!
//! ```toml
//! book = 1                   # the format of this file
//! name = "Unison"
//! currency = "USD"           # of every price that names no other
//!
//! [billing]                  # each line may be left out; these are the defaults
//! anchor = "anniversary"     # or "calendar": periods begin on the 1st
//! proration = "day"          # or "second", "thirty_day_month", "none"
//! change_day = "new"         # the day of a change belongs to the "new" state, or to the "old"
//! cancellation_day = "billed" # or "free"
//! cycle_change = "restart"   # a new cycle starts a new period and anchor; or "keep"
//! minimums = "whole"         # a minimum counts in full in a shorter period, or "prorated"
//!
//! [trial]                    # leave the section out: no trial
//! days = 14
//! plan = "professional"      # the plan tried; left out: the plan the customer chose
//! card_required = false
//! keep_anchor = false        # true: paid periods keep the anchor of the trial's start
//! reminders = [7, 3, 1]      # days before the end
//! at_end = { with_method = "convert", without = "suspend" }  # or "cancel", "downgrade:starter"
//!
//! [features]
//! work_orders = "Work orders"                                  # a plan has it or not
//! users = { name = "Users", kind = "limit", unit = "user" }    # a plan has so many
//! support = { name = "Support", kind = "value" }               # a plan has a text of its own
//!
//! [meters]
//! api_calls = { name = "API calls", unit = "call" }            # counts events
//! traffic = { name = "Traffic", unit = "GB", aggregation = "sum", property = "gb", decimals = 3, dimensions = ["region"] }
//!
//! [plans.starter]
//! name = "Starter"
//! price = { month = "49", year = "529" }        # or { per = "user", month = "99", year = "10 % off" }
//! includes = { users = 3, support = "E-mail" }  # limits and values; a limit may be "unlimited"
//! features = ["work_orders"]
//! limits = { api_calls = 1_000 }                # of what is measured, each period; more is refused
//!
//! [plans.professional]
//! name = "Professional"
//! builds_on = "starter"      # everything a plan above has but its price, unless this one says otherwise
//! price = { month = "199", year = "2149" }
//! includes = { users = 25 }
//! limits = { api_calls = { amount = 10_000, policy = "soft" } }
//! usage = { api_calls = { package = 1_000, price = "0.50" }, traffic = "0.02" }  # soft limits come first
//!
//! [addons.extra_user]
//! name = "Extra user"
//! price = { per = "user", month = "5" }         # or { once = "5000" }
//! raises = { users = 1 }     # each unit bought raises these limits by so much
//! plans = ["starter"]        # left out: every plan; `features = […]` may be granted as well
//!
//! [coupons.welcome]
//! name = "Welcome"
//! code = "WELCOME20"         # what a customer types; left out: only staff give it
//! percent = "20"             # or amount = "50", or free_months = 1
//! lasts = "3 periods"        # or "once", "forever"
//! ```
//!
//! # Prices
//!
//! A price is a quoted decimal (`"0.50"`) or a whole number. Its keys are billing cycles: `day`, `week`,
//! `month`, `quarter`, `half_year`, `year`, or a count such as `"2 years"`. Without `per` it is flat; with
//! `per` it is multiplied by the quantity bought. `once` is charged one time (add-ons only). A cycle of several
//! months may say `"10 % off"`: that much less than the price of a month for each of its months.
//!
//! - **Currencies.** Wherever an amount stands, one for each currency may stand: `{ USD = "49", EUR = "45" }`.
//!   All amounts of a price name the same currencies; 0 is 0 in each.
//! - `pay_in = "arrears"` in a price: the period is paid at its end.
//! - `or_less = { percent = "2", of = "ai_spend" }` in a price: the amount, or a percentage of what a meter sums
//!   up, whichever is less. Paid in arrears; without a complete figure the amount stands.
//! - `minimum = { month = "500" }` in a plan: a period costs at least so much, all its lines together.
//! - `negotiated = true` in a plan: staff agree the price; the figures are where that starts.
//!
//! Where a cycle's amount stands, and under `usage`, a section may say how the amount is found:
//!
//! | keys | price |
//! |---|---|
//! | `price = "0.02"` | for each unit |
//! | `package = 1000, price = "0.10"` | for each package, the last one whole (`started = "free"`: only full ones) |
//! | `graduated = [{ up_to = 10, price = "5" }, { price = "4" }]` | each tier's units at its price |
//! | `volume = [{ up_to = 10, price = "5", flat = "20" }, { price = "4" }]` | all units at the price of the tier reached |
//! | `percent = "2.9", fixed = "0.30"` | of each transaction; also `free_amount`, `free_events`, `at_least`, `at_most` |
//! | `graduated = [{ up_to = 1000, percent = "3" }, { percent = "2" }]` | each tier's part of the amount |
//! | `times = "1.2"` | the amount the events carry, times that |
//! | `minimum = "5", maximum = "100"` | beside any of them: what a period costs at least and at most |
//!
//! A tier's `up_to` belongs to it. Its `flat` is charged once when the tier is entered (`flat_at_zero = true`: the
//! first one also without usage); with `package` it is sold in whole packages.
//!
//! # Usage
//!
//! `usage` of a plan names meters, each with a price or a section. Besides the keys above: `every = "month"` bills
//! it by another cycle than the plan's, `meter` and `name` when the key is not the meter's, `where = { region =
//! "eu" }` only for events with that value of a dimension (the price that asks most applies), `group_by` rates
//! each value of a dimension on its own, and `free = 100` leaves the first units free.
//!
//! `limits` of a plan say how much of a meter it includes: `{ amount, per, policy, window, scope }`, or only the
//! amount. `per = "user"` multiplies it by the seats bought. `policy` is `"hard"` (more is refused), `"soft"` (the
//! amount is included, more is billed by the meter's price) or `"warn"`. `window` is `"period"`, a calendar unit
//! or `"rolling 5 hours"`; `scope` is `"customer"`, `"user"`, `"seat"` or `"key"`.
//!
//! `aggregation` of a meter is `"count"`, `"sum"`, `"max"`, `"min"`, `"unique"`, `"latest"` or `"time_weighted"`.
//!
//! # Coupons
//!
//! Also `applies_to = ["growth", "extra_user"]` (plans, add-ons, usage prices), `redemptions = 100`, `expires =
//! 2027-01-31` (the first day it is too late) and `stacks = true` (goes together with other coupons).
//!
//! **Add-ons follow the cycle of the plan.** An add-on with a price for that cycle costs that price. One
//! without it, but with a price for a month, costs that price times the months of the cycle: at 5 a month
//! an extra user on a yearly plan is 60 a year, paid with the year. See [`Addon::price_for`].

mod coupon;
mod diff;
mod meter;
mod mistake;
mod model;
mod price;
mod price_text;
mod read;

#[cfg(test)]
mod tests;

pub use coupon::{Coupon, Discount, Lasts};
pub use diff::{Change, diff};
pub use meter::{Aggregation, Limit, LimitPolicy, LimitScope, Meter, Window, WindowUnit};
pub use mistake::Mistake;
pub use model::{
    Addon, AddonPrice, Anchor, Billing, Book, CancellationDay, ChangeDay, CycleChange, Feature, FeatureKind,
    Included, Minimums, Plan, Trial, WithMethod, WithoutMethod,
};
pub use price::{
    PayIn, PercentTier, Percentage, Prepaid, Price, PriceKind, Started, Tier, Tiers, UsagePrice, When,
};
pub use read::read;
