//! What subscriptions would become if they were moved from one book to another, before any of them is.
//!
//! Applying a book moves nobody: that is an act of its own. [`compare`] says for each way a plan of the old book is
//! sold what it becomes, whether it then costs the same, and what is gone.

mod step;

use std::collections::{BTreeMap, HashMap, HashSet};

use kernel::{Currency, Cycle, Error, Result};
use serde::Serialize;

pub use step::PriceStep;

use crate::{Addon, Book, Change, Plan, When, book};

/// What moving from one book to another means.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What changes in how every subscription is billed, in sentences.
    pub billing: Vec<Change>,
    /// One for each plan, cycle and currency of the old book, in its order.
    pub moves: Vec<Move>,
    by_plan: HashMap<String, Vec<usize>>,
}

/// One way a plan of the old book is sold, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The plan in the old book.
    pub plan: String,
    /// How it is paid.
    pub cycle: Cycle,
    /// In what.
    pub currency: Currency,
    /// What becomes of it.
    pub fate: Fate,
    /// The same as a sentence: "plan Starter, monthly price in USD: rises from USD 49 to USD 59".
    pub sentence: String,
    /// What else changes for who has it, in sentences: features, limits, usage prices, the minimum.
    pub changes: Vec<Change>,
    /// Add-ons of the old book that do not stay as they are. The others are not listed.
    pub addons: Vec<AddonMove>,
}

/// What becomes of a plan, or of an add-on, as it is sold now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It goes on.
    Becomes {
        /// As this plan or add-on of the new book.
        key: String,
        /// What happens to its price.
        price: PriceStep,
    },
    /// The new book has no such plan or add-on, or does not sell the add-on with the plan.
    Gone,
    /// The new book has it, without a price for this cycle in this currency.
    NoPrice {
        /// The plan or add-on of the new book.
        key: String,
    },
}

/// What becomes of an add-on of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddonMove {
    /// The add-on in the old book.
    pub addon: String,
    /// What becomes of it.
    pub fate: Fate,
    /// The same as a sentence: "add-on Extra user, monthly price in USD: rises from USD 5 per user to USD 6 per user".
    pub sentence: String,
}

impl Move {
    /// Whether a subscription without add-ons can be moved.
    pub fn is_possible(&self) -> bool {
        matches!(self.fate, Fate::Becomes { .. })
    }
}

impl Comparison {
    /// What becomes of a subscription to this plan.
    pub fn find(&self, plan: &str, cycle: Cycle, currency: Currency) -> Option<&Move> {
        let mut moves = self.by_plan.get(plan)?.iter().map(|place| &self.moves[*place]);
        moves.find(|one| one.cycle == cycle && one.currency == currency)
    }
}

/// Compare two books for moving subscriptions. A plan becomes the one `plan_map` names for it, or else the one with its
/// own key; an add-on stays the one with its key.
///
/// Errors: `plan_unknown` when `plan_map` names a plan that the old book, or the new one, does not have.
pub fn compare(old: &Book, new: &Book, plan_map: &BTreeMap<String, String>) -> Result<Comparison> {
    let ground = Ground {
        plans: new.plans.iter().map(|plan| (plan.key.as_str(), plan)).collect(),
        addons: new.addons.iter().map(|addon| (addon.key.as_str(), addon)).collect(),
        old,
    };
    let known: HashSet<&str> = old.plans.iter().map(|plan| plan.key.as_str()).collect();
    for (from, to) in plan_map {
        let unknown = |key: &str, which: &str| {
            let detail = format!("There is no plan {key:?} in the {which} price book.");
            Err(Error::invalid("plan_unknown", detail).at(format!("/plans/{from}")))
        };
        if !known.contains(from.as_str()) {
            return unknown(from, "old");
        }
        if !ground.plans.contains_key(to.as_str()) {
            return unknown(to, "new");
        }
    }
    let mut comparison = Comparison {
        billing: book::billing_changes(&old.billing, &new.billing),
        moves: Vec::new(),
        by_plan: HashMap::new(),
    };
    for plan in &old.plans {
        let target = plan_map.get(&plan.key).unwrap_or(&plan.key);
        let first = comparison.moves.len();
        comparison.moves.extend(ground.moves(plan, target));
        comparison.by_plan.insert(plan.key.clone(), (first..comparison.moves.len()).collect());
    }
    Ok(comparison)
}

/// The old book, and the new one by key.
struct Ground<'a> {
    old: &'a Book,
    plans: HashMap<&'a str, &'a Plan>,
    addons: HashMap<&'a str, &'a Addon>,
}

impl Ground<'_> {
    /// All the ways a plan is sold.
    fn moves<'g>(&'g self, plan: &'g Plan, target: &'g str) -> impl Iterator<Item = Move> + 'g {
        let sold = plan.prices.iter().filter_map(|price| Some((price.when.cycle()?, price.currency)));
        sold.map(move |(cycle, currency)| self.one(plan, target, cycle, currency))
    }

    fn one(&self, plan: &Plan, target: &str, cycle: Cycle, currency: Currency) -> Move {
        let about =
            format!("plan {}, {} in {currency}", plan.name, book::price_word("price", When::Every(cycle)));
        let next = self.plans.get(target).copied();
        let before = plan.price_for(cycle, currency);
        let step = next
            .and_then(|next| next.price_for(cycle, currency))
            .zip(before)
            .map(|(after, before)| (PriceStep::between(before, after), PriceStep::words(before, after)));
        let (fate, what) = match (next, step) {
            (None, _) => {
                (Fate::Gone, format!("the new book has no plan `{target}`; name the plan it becomes"))
            }
            (Some(next), None) => {
                let what = format!(
                    "plan {} has no such price in the new book; add one, or name another plan",
                    next.name
                );
                (Fate::NoPrice { key: next.key.clone() }, what)
            }
            (Some(next), Some((price, words))) => {
                let other =
                    if next.key == plan.key { String::new() } else { format!(", as plan {}", next.name) };
                (Fate::Becomes { key: next.key.clone(), price }, words + &other)
            }
        };
        let next = next.filter(|_| matches!(fate, Fate::Becomes { .. }));
        Move {
            plan: plan.key.clone(),
            cycle,
            currency,
            fate,
            sentence: format!("{about}: {what}"),
            changes: next.map(|next| book::plan_changes(plan, next, cycle, currency)).unwrap_or_default(),
            addons: next.map(|next| self.addons(plan, next, cycle, currency)).unwrap_or_default(),
        }
    }

    /// The add-ons a subscription to the plan can have that do not stay as they are.
    fn addons(&self, plan: &Plan, next: &Plan, cycle: Cycle, currency: Currency) -> Vec<AddonMove> {
        let fits = self.old.addons.iter().filter(|addon| addon.fits(plan));
        fits.filter_map(|addon| self.addon(addon, next, cycle, currency)).collect()
    }

    fn addon(&self, addon: &Addon, plan: &Plan, cycle: Cycle, currency: Currency) -> Option<AddonMove> {
        // What is charged once is over and done with, and what has no price for the cycle nobody has.
        let before = addon.price_for(cycle, currency)?;
        let moved = |fate: Fate, what: &str| {
            let word = book::price_word("price", When::Every(cycle));
            let sentence = format!("add-on {}, {word} in {currency}: {what}", addon.name);
            Some(AddonMove { addon: addon.key.clone(), fate, sentence })
        };
        let Some(next) = self.addons.get(addon.key.as_str()) else {
            return moved(Fate::Gone, "the new book has no such add-on");
        };
        if !next.fits(plan) {
            return moved(Fate::Gone, &format!("the new book does not sell it with plan {}", plan.name));
        }
        let key = next.key.clone();
        let Some(after) = next.price_for(cycle, currency) else {
            return moved(Fate::NoPrice { key }, "there is no such price in the new book");
        };
        let price = PriceStep::of_addon(&before, &after);
        if price == PriceStep::Same {
            return None;
        }
        let words = match before.months_factor == after.months_factor {
            true => PriceStep::words(before.price, after.price),
            false => price.words_for(&step::over_months(&before), &step::over_months(&after)),
        };
        moved(Fate::Becomes { key, price }, &words)
    }
}

#[cfg(test)]
mod tests;
