//! A price that looks at each transaction, applied to one after the other: what they come to is added up, and none of them
//! is kept, however many they are.

use catalog::Percentage;
use kernel::Exact;
use serde::{Deserialize, Serialize};

use crate::{
    Bound, Number, Step,
    metered::not_below_zero,
    tariff::{Sum, count, percent},
};

/// Transactions as a price of each of them takes them, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Each {
    rule: Percentage,
    left: Allowances,
    /// Free as a whole.
    free: Group,
    /// Of all transactions, what is free.
    free_amount: Number,
    plain: Group,
    /// Those that cost the least a transaction can.
    least: Group,
    /// Those that cost the most.
    most: Group,
}

impl Each {
    /// None yet, for this price.
    pub fn of(rule: &Percentage) -> Self {
        Self {
            left: Allowances {
                events: rule.free_events,
                amount: rule.free_amount.map(|free| free.exact().into()),
            },
            rule: rule.clone(),
            free: Group::default(),
            free_amount: Exact::zero().into(),
            plain: Group::default(),
            least: Group::default(),
            most: Group::default(),
        }
    }

    /// All of some, in major units; those below zero count as zero.
    pub fn all<'a>(rule: &Percentage, amounts: impl IntoIterator<Item = &'a Exact>) -> Self {
        let mut each = Self::of(rule);
        amounts.into_iter().for_each(|amount| each.take(amount));
        each
    }

    /// The next one, in major units; one below zero counts as zero.
    pub fn take(&mut self, amount: &Exact) {
        let amount = not_below_zero(amount.clone());
        let Some(charged) = self.left.charge(&amount) else {
            self.free_amount = (&*self.free_amount + &amount).into();
            self.free.take(&amount);
            return;
        };
        if charged != amount {
            self.free_amount = (&*self.free_amount + &(&amount - &charged)).into();
        }
        let fee = self.rule.rate.of(&charged) + self.rule.fixed.exact();
        let group = if self.rule.at_least.is_some_and(|bound| fee < bound.exact()) {
            &mut self.least
        } else if self.rule.at_most.is_some_and(|bound| fee > bound.exact()) {
            &mut self.most
        } else {
            &mut self.plain
        };
        group.take(&charged);
    }

    /// The price they were taken by.
    pub const fn rule(&self) -> &Percentage {
        &self.rule
    }

    /// What they add up to, in major units.
    pub fn total(&self) -> Exact {
        let charged = [&self.plain, &self.least, &self.most].into_iter().map(|group| (*group.of).clone());
        charged.sum::<Exact>() + &*self.free_amount
    }

    /// How many they are.
    pub const fn events(&self) -> u64 {
        self.free.events + self.plain.events + self.least.events + self.most.events
    }

    /// Add what they cost.
    pub(crate) fn apply(&self, sum: &mut Sum) {
        let Self { rule, free, free_amount, plain, least, most, .. } = self;
        if free.events > 0 || !free_amount.is_zero() {
            sum.steps.push(Step::Free { events: free.events, amount: free_amount.clone() });
        }
        for (bound, group, each) in
            [(Bound::AtLeast, least, rule.at_least), (Bound::AtMost, most, rule.at_most)]
        {
            if let Some(each) = each.filter(|_| group.events > 0) {
                let amount = each.exact() * count(group.events);
                let (events, of) = (group.events, group.of.clone());
                sum.add(amount.clone(), Step::Bounded { bound, events, of, each, amount: amount.into() });
            }
        }
        percent(rule, &plain.of, plain.events, sum);
    }
}

/// Transactions that cost the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    events: u64,
    of: Number,
}

impl Default for Group {
    fn default() -> Self {
        Self { events: 0, of: Exact::zero().into() }
    }
}

impl Group {
    fn take(&mut self, amount: &Exact) {
        self.events += 1;
        self.of = (&*self.of + amount).into();
    }
}

/// What is still free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Allowances {
    events: Option<u64>,
    amount: Option<Number>,
}

impl Allowances {
    /// How much of the next transaction is charged; none when it is free as a whole. It is free while both
    /// allowances last; one that crosses the free amount pays for what is beyond.
    fn charge(&mut self, amount: &Exact) -> Option<Exact> {
        if self.events.is_none() && self.amount.is_none() || self.events == Some(0) {
            return Some(amount.clone());
        }
        self.events = self.events.map(|left| left - 1);
        let left = (**self.amount.as_ref()?).clone();
        if *amount <= left {
            self.amount = Some((&left - amount).into());
            return None;
        }
        self.amount = Some(Exact::zero().into());
        Some(amount - &left)
    }
}
