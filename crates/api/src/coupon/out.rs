//! Coupons in answers.

use std::collections::BTreeMap;

use billing::coupon::Redemption;
use catalog::{Coupon, Discount};
use jiff::{Timestamp, civil::Date};
use kernel::{Currency, UnitPrice};
use serde::Serialize;
use utoipa::ToSchema;

/// A coupon of the price book in force. Amounts are decimal text in major units, by currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Coupon)]
pub(crate) struct CouponOut {
    /// Names it in programs.
    #[schema(examples("spring"))]
    key: String,
    /// Names it on invoices.
    name: String,
    /// What a customer types; null when only staff give it.
    #[schema(examples("SPRING26"))]
    code: Option<String>,
    /// What it takes off: `percent` of each line it covers, an `amount` of each invoice, or `free_months`.
    #[schema(examples("percent"))]
    takes: &'static str,
    /// How many percent, where it takes a share.
    #[schema(examples("20"))]
    percent: Option<String>,
    /// How much, where it takes an amount.
    amounts: Option<BTreeMap<&'static str, String>>,
    /// How many months are free, where it gives months.
    free_months: Option<u32>,
    /// For how long: `once`, `forever`, or so many periods; null where it gives months.
    #[schema(examples("3 periods"))]
    lasts: Option<String>,
    /// Keys of the plans, add-ons and usage prices it reduces; null: all.
    applies_to: Option<Vec<String>>,
    /// How often it was redeemed so far.
    redeemed: i64,
    /// How often all customers together may redeem it; null: any number of times.
    redemptions: Option<u64>,
    /// How often one customer may redeem it.
    per_customer: u64,
    /// Only a customer who never had a paid subscription may redeem it.
    new_customers_only: bool,
    /// An invoice is reduced only when the lines it covers come to at least so much; null: always.
    minimum: Option<BTreeMap<&'static str, String>>,
    /// The first local date on which it can be redeemed; null: at once.
    starts: Option<Date>,
    /// The first local date on which it can no longer be redeemed; null: there is none.
    expires: Option<Date>,
    /// Whether it goes together with other coupons.
    stacks: bool,
}

impl CouponOut {
    pub(super) fn new(coupon: &Coupon, redeemed: i64) -> Self {
        let (takes, percent, amounts, free_months) = match &coupon.discount {
            Discount::Percent { rate } => ("percent", Some(rate.to_string()), None, None),
            Discount::Amount { amounts } => ("amount", None, Some(by_currency(amounts)), None),
            Discount::FreeMonths { months } => ("free_months", None, None, Some(*months)),
        };
        Self {
            key: coupon.key.clone(),
            name: coupon.name.clone(),
            code: coupon.code.clone(),
            takes,
            percent,
            amounts,
            free_months,
            lasts: free_months.is_none().then(|| coupon.lasts.to_string()),
            applies_to: coupon.applies_to.as_ref().map(|keys| keys.iter().cloned().collect()),
            redeemed,
            redemptions: coupon.redemptions,
            per_customer: coupon.per_customer,
            new_customers_only: coupon.new_customers_only,
            minimum: (!coupon.minimum.is_empty()).then(|| by_currency(&coupon.minimum)),
            starts: coupon.starts,
            expires: coupon.expires,
            stacks: coupon.stacks,
        }
    }
}

fn by_currency(amounts: &[(Currency, UnitPrice)]) -> BTreeMap<&'static str, String> {
    amounts.iter().map(|(currency, amount)| (currency.code(), amount.to_string())).collect()
}

/// One use of a coupon.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Redemption)]
pub(crate) struct RedemptionOut {
    /// Which one it was, from 1.
    number: i64,
    /// Who redeemed it.
    customer: String,
    /// For what.
    subscription: String,
    /// When, in business time.
    redeemed: Timestamp,
}

impl From<Redemption> for RedemptionOut {
    fn from(Redemption { ordinal, customer, subscription, redeemed }: Redemption) -> Self {
        Self {
            number: ordinal,
            customer: customer.to_string(),
            subscription: subscription.to_string(),
            redeemed,
        }
    }
}
