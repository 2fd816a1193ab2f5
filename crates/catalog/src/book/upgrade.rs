//! The cheapest plan that would do: one rule for limits and for features.

use kernel::{Currency, Cycle, Exact};

use super::model::{Book, Plan};

/// What a customer has, when it asks for more.
#[derive(Clone, Copy, Debug)]
pub struct Having<'a> {
    /// The price book it agreed to.
    pub book: &'a Book,
    /// Its plan; none: it has none.
    pub plan: Option<&'a str>,
    /// How often that is billed.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Units of what the plan is priced per.
    pub quantity: &'a Exact,
}

impl<'a> Having<'a> {
    /// What a plan costs it, by the price for the same cycle (or a month where it has none for that), in major units;
    /// none when the plan is not sold in the currency. Of plans whose price staff agree it is where that starts.
    pub fn price(&self, plan: &Plan) -> Option<Exact> {
        let price = plan.price_for(self.cycle, self.currency);
        let price = price.or_else(|| plan.price_for(Cycle::MONTH, self.currency))?;
        let units = if price.unit().is_some() { self.quantity.clone() } else { Exact::one() };
        Some(price.amount().exact() * units)
    }

    /// The cheapest other plan of the book that `does`, with its price. Plans whose price staff agree come last; one
    /// that costs less than the customer's own is none that one is upgraded to.
    pub fn cheapest(&self, does: impl Fn(&Plan) -> bool) -> Option<(&'a Plan, Exact)> {
        let price = |plan: &Plan| Some((plan.negotiated, self.price(plan)?));
        let floor = self.plan.and_then(|own| self.book.plan(own)).and_then(price);
        let better = self.book.plans.iter().filter(|plan| Some(plan.key.as_str()) != self.plan && does(plan));
        let priced = better.filter_map(|plan| Some((price(plan)?, plan)));
        let dearer = priced.filter(|(price, _)| floor.as_ref().is_none_or(|floor| price >= floor));
        dearer.min_by(|(one, _), (other, _)| one.cmp(other)).map(|((_, price), plan)| (plan, price))
    }
}
