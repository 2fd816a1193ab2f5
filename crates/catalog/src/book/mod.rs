//! A price book and its file.
//!
//! # The file
//!
//! A price book is one TOML file of at most 1 MB. Keys are lower case words such as `extra_user`
//! (`[a-z][a-z0-9_]*`, at most 63 characters); they never change, the `name` beside them may. The order of
//! features, plans and add-ons in the file is their order on the pricing page.
//!
//! ```toml
//! book = 1                   # the format of this file
//! name = "Unison"
//! currency = "USD"           # of every price in the file
//!
//! [billing]                  # each line may be left out; these are the defaults
//! anchor = "anniversary"     # or "calendar": periods begin on the 1st
//! proration = "day"          # or "second", "thirty_day_month", "none"
//! change_day = "new"         # the day of a change belongs to the "new" state, or to the "old"
//! cancellation_day = "billed" # or "free"
//! cycle_change = "restart"   # a new cycle starts a new period and anchor; or "keep"
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
//! [plans.starter]
//! name = "Starter"
//! price = { month = "49", year = "529" }        # or { per = "user", month = "99" }
//! includes = { users = 3, support = "E-mail" }  # limits and values; a limit may be "unlimited"
//! features = ["work_orders"]
//!
//! [plans.professional]
//! name = "Professional"
//! builds_on = "starter"      # everything a plan above has, unless `includes` says otherwise
//! price = { month = "199", year = "2149" }
//! includes = { users = 25 }
//!
//! [addons.extra_user]
//! name = "Extra user"
//! price = { per = "user", month = "5" }         # or { once = "5000" }
//! raises = { users = 1 }     # each unit bought raises these limits by so much
//! plans = ["starter"]        # left out: every plan; `features = […]` may be granted as well
//! ```
//!
//! # Prices
//!
//! A price is a quoted decimal (`"0.50"`) or a whole number. Its keys are billing cycles: `day`, `week`,
//! `month`, `quarter`, `half_year`, `year`, or a count such as `"2 years"`. Without `per` it is flat; with
//! `per` it is multiplied by the quantity bought. `once` is charged one time (add-ons only).
//!
//! **Add-ons follow the cycle of the plan.** An add-on with a price for that cycle costs that price. One
//! without it, but with a price for a month, costs that price times the months of the cycle: at 5 a month
//! an extra user on a yearly plan is 60 a year, paid with the year. See [`Addon::price_for`].

mod diff;
mod mistake;
mod model;
mod price;
mod read;

#[cfg(test)]
mod tests;

pub use diff::{Change, diff};
pub use mistake::Mistake;
pub use model::{
    Addon, AddonPrice, Anchor, Billing, Book, CancellationDay, ChangeDay, CycleChange, Feature, FeatureKind,
    Included, Plan, Trial, WithMethod, WithoutMethod,
};
pub use price::{Price, PriceKind, When};
pub use read::read;
