//! What was agreed with a customer, in answers: steps that wait, a term, prices, coupons.

use std::collections::BTreeMap;

use billing::subscription::{
    AgreedPrice, Agreement, Change, Discount, NewTerm, Off, Rhythm, Scheduled, Term,
};
use jiff::civil::Date;
use kernel::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use crate::shape::PeriodOut;

/// A change that waits for the end of a period. What is null stays.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PendingChange)]
pub(crate) struct PendingOut {
    /// Key of another plan.
    plan: Option<String>,
    /// Another cycle.
    cycle: Option<String>,
    /// Units of the plan.
    quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    addons: BTreeMap<String, i64>,
    /// Prices agreed from then on, by the key of the plan, add-on or usage price.
    prices: BTreeMap<String, AgreedPriceOut>,
    /// Every price that is not agreed becomes that of the price book in force then.
    reprice: bool,
    /// The least a period comes to from then on, in major units.
    minimum: Option<String>,
    /// A contract's term that begins then.
    term: Option<NewTermOut>,
    /// The key of a coupon that counts from then on.
    coupon: Option<String>,
}

/// A contract's term that is to begin.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = NewTerm)]
pub(crate) struct NewTermOut {
    /// Its length in months.
    months: u32,
    /// Whether another term of the same length follows; otherwise the subscription expires.
    renews: bool,
}

impl From<NewTerm> for NewTermOut {
    fn from(NewTerm { months, renews }: NewTerm) -> Self {
        Self { months, renews }
    }
}

impl From<Change> for PendingOut {
    fn from(change: Change) -> Self {
        let Change { plan, cycle, quantity, addons, prices, reprice, minimum, term, discount } = change;
        Self {
            plan,
            cycle: cycle.map(|cycle| cycle.to_string()),
            quantity,
            addons,
            prices: prices_out(prices),
            reprice,
            minimum: minimum.map(|minimum| minimum.to_string()),
            term: term.map(NewTermOut::from),
            coupon: discount.map(|discount| discount.key),
        }
    }
}

/// A step that waits for its day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduledChange)]
pub(crate) struct ScheduledOut {
    /// It is made at the first end of a period on or after this local date.
    on: Date,
    /// What changes.
    change: PendingOut,
}

impl From<Scheduled> for ScheduledOut {
    fn from(Scheduled { on, change, .. }: Scheduled) -> Self {
        Self { on, change: change.into() }
    }
}

/// Figures of a price agreed with a customer. What is null is the price book's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AgreedPrice)]
pub(crate) struct AgreedPriceOut {
    /// The amount of a flat price, of one unit or of one package, in major units.
    amount: Option<String>,
    /// The share of a percentage, or of a price that may be less.
    percent: Option<String>,
}

pub(super) fn prices_out(prices: BTreeMap<String, AgreedPrice>) -> BTreeMap<String, AgreedPriceOut> {
    let out = |AgreedPrice { amount, percent }| AgreedPriceOut {
        amount: amount.map(|amount| amount.to_string()),
        percent: percent.map(|percent| percent.to_string()),
    };
    prices.into_iter().map(|(key, price)| (key, out(price))).collect()
}

/// What was agreed with a customer beside the price book.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Agreement)]
pub(crate) struct AgreementOut {
    /// Prices by the key of the plan, add-on or usage price.
    prices: BTreeMap<String, AgreedPriceOut>,
    /// The least a period comes to, in major units; null: the plan's minimum, if it has one.
    minimum: Option<String>,
}

impl AgreementOut {
    /// None when nothing was agreed.
    pub(super) fn of(agreement: Agreement) -> Option<Self> {
        let some = !agreement.is_empty();
        let Agreement { prices, minimum } = agreement;
        let minimum = minimum.map(|minimum| minimum.to_string());
        some.then(|| Self { prices: prices_out(prices), minimum })
    }
}

/// A contract's term.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Term)]
pub(crate) struct TermOut {
    /// Its length in months.
    months: u32,
    /// Whether another term of the same length follows; otherwise the subscription expires.
    renews: bool,
    /// The local date on which it is over, at the first end of a period on or after it.
    ends: Date,
}

impl From<Term> for TermOut {
    fn from(Term { months, renews, ends }: Term) -> Self {
        Self { months, renews, ends }
    }
}

/// A coupon of a subscription, used up ones too, or what staff gave away.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionDiscount)]
pub(crate) struct DiscountOut {
    /// The coupon's key in the price book; `comp` when staff gave it.
    #[schema(examples("spring"))]
    coupon: String,
    /// What it is called on invoices.
    name: String,
    /// What it takes off: `percent` of each line it covers, an `amount` of each invoice, or `free_months`.
    #[schema(examples("percent"))]
    takes: &'static str,
    /// How many percent, where it takes a share.
    #[schema(examples("20"))]
    percent: Option<String>,
    /// How much, in major units of the subscription's currency, where it takes an amount.
    amount: Option<String>,
    /// ISO 4217.
    currency: &'static str,
    /// Keys of the plans, add-ons and usage prices it reduces; null: all.
    applies_to: Option<Vec<String>>,
    /// What the lines it reduces must come to before discounts, in major units; null: anything.
    minimum: Option<String>,
    /// On how many more invoices at the edge of a period, or for how many more months; null: on all; 0: it is used up.
    left: Option<u32>,
    /// The first local date on which it no longer counts; null: there is none.
    until: Option<Date>,
}

impl DiscountOut {
    pub(super) fn new(discount: Discount, currency: Currency) -> Self {
        let Discount { key, name, reduction, applies_to, minimum, left, until } = discount;
        let (takes, percent, amount) = match reduction {
            Off::Percent(rate) => ("percent", Some(rate.to_string()), None),
            Off::Amount(amount) => ("amount", None, Some(amount.to_string())),
            Off::FreeMonths => ("free_months", None, None),
        };
        let applies_to = applies_to.map(|keys| keys.into_iter().collect());
        let (currency, minimum) = (currency.code(), minimum.map(|least| least.to_string()));
        Self { coupon: key, name, takes, percent, amount, currency, applies_to, minimum, left, until }
    }
}

/// Usage that is counted and billed by a cycle of its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageRhythm)]
pub(crate) struct RhythmOut {
    /// How often it is billed.
    #[schema(examples("month"))]
    cycle: String,
    /// The stretch that is not billed yet.
    period: PeriodOut,
}

impl From<Rhythm> for RhythmOut {
    fn from(Rhythm { cycle, stretch, .. }: Rhythm) -> Self {
        Self { cycle: cycle.to_string(), period: stretch.into() }
    }
}
