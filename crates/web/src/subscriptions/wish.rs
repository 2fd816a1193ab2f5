//! What the form for a new subscription asks for.

use std::collections::BTreeMap;

use billing::subscription::{BillFrom, Start};
use identity::customer;
use jiff::civil::Date;
use kernel::{Cycle, Error, Result, ids::CustomerId, time};
use serde_json::json;
use store::View;

use super::terms::Terms;
use crate::gate::{Answers, Desk, Mistakes};

/// From where to bill when the start lies in the past: word, label, meaning.
pub(super) const BILL_FROM: [(&str, &str, BillFrom); 3] = [
    ("start", "Its start: past periods too", BillFrom::Start),
    ("current_period", "The period it is in now", BillFrom::CurrentPeriod),
    ("next_period", "Its next period", BillFrom::NextPeriod),
];

/// A start as a form describes it: a day rather than an instant, whose zone is the customer's.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    customer: CustomerId,
    plan: String,
    cycle: Cycle,
    quantity: Option<i64>,
    addons: BTreeMap<String, i64>,
    day: Option<Date>,
    bill_from: BillFrom,
    external_id: Option<String>,
    finalize: bool,
    trial: bool,
    has_method: bool,
    coupons: Vec<String>,
    terms: Terms,
}

impl Wish {
    /// Read the form, or say everything that is wrong with it.
    pub(super) fn read(answers: &Answers) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let customer = mistakes.at("/customer", customer_id(answers));
        let offer = mistakes.at("/plan", offer(answers));
        let quantity = mistakes.at("/quantity", answers.some("quantity").map(whole).transpose());
        let day = mistakes.at("/start", answers.some("start").map(time::date).transpose());
        let mut addons = BTreeMap::new();
        for (key, text) in answers.under("addons.").filter(|(_, text)| !text.is_empty()) {
            if let Some(count) = mistakes.at(&format!("/addons/{key}"), whole(text)) {
                addons.insert(key.to_owned(), count);
            }
        }
        let plan = offer.as_ref().map_or("", |(plan, _)| plan.as_str());
        let terms = mistakes.keep(Terms::read(answers, plan));
        let bill_from = BILL_FROM.iter().find(|(word, ..)| *word == answers.get("bill_from"));
        let (Some(customer), Some((plan, cycle)), Some(terms), true) =
            (customer, offer, terms, mistakes.is_empty())
        else {
            return Err(mistakes.into_error());
        };
        Ok(Self {
            customer,
            plan,
            cycle,
            quantity: quantity.flatten(),
            addons,
            day: day.flatten(),
            bill_from: bill_from.map_or(BillFrom::Start, |(.., meaning)| *meaning),
            external_id: answers.some("external_id").map(str::to_owned),
            finalize: answers.ticked("finalize"),
            trial: answers.ticked("trial"),
            has_method: answers.ticked("has_method"),
            coupons: ["coupon", "code"]
                .into_iter()
                .filter_map(|name| answers.some(name))
                .map(str::to_owned)
                .collect(),
            terms,
        })
    }

    /// Errors: `permission_missing`, when something is agreed that this person may not agree.
    pub(super) fn allowed(&self, desk: &Desk) -> Result<()> {
        self.terms.allowed(desk)
    }

    /// The command, with the day's first instant where the customer is. Errors: `not_found`.
    pub(super) fn command(&self, view: &mut View<'_>) -> Result<Start> {
        let zone = customer::find(view, self.customer)?.zone;
        let wish = self.clone();
        Ok(Start {
            quantity: wish.quantity,
            addons: wish.addons,
            start: wish.day.map(|day| zone.start_of_day(day)),
            bill_from: wish.bill_from,
            external_id: wish.external_id,
            metadata: json!({}),
            finalize: wish.finalize,
            trial: wish.trial,
            has_method: wish.has_method,
            coupons: wish.coupons,
            agreement: wish.terms.agreement,
            term: wish.terms.term,
            ramp: wish.terms.ramp,
            ..Start::of(wish.customer, wish.plan, wish.cycle)
        })
    }
}

fn customer_id(answers: &Answers) -> Result<CustomerId> {
    let missing = || Error::invalid("customer_missing", "Choose who subscribes.");
    answers.some("customer").ok_or_else(missing)?.parse()
}

/// `starter/month`: a plan and one of its cycles.
pub(crate) fn offer(answers: &Answers) -> Result<(String, Cycle)> {
    let missing = || Error::invalid("plan_missing", "Choose a plan.");
    let (plan, cycle) = answers.get("plan").split_once('/').ok_or_else(missing)?;
    Ok((plan.to_owned(), Cycle::parse(cycle)?))
}

pub(crate) fn whole(text: &str) -> Result<i64> {
    let wrong = || Error::invalid("quantity_invalid", "Write a whole number, such as 4, or leave it empty.");
    text.parse().ok().filter(|count| *count >= 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_mistake_is_named_with_its_field() {
        let error = Wish::read(&answers(&[("addons.extra_user", "4.5"), ("start", "tomorrow")])).unwrap_err();
        let places: Vec<_> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(places, ["/customer", "/plan", "/start", "/addons/extra_user"]);
    }

    #[test]
    fn an_offer_is_a_plan_and_a_cycle() {
        let (plan, cycle) = offer(&answers(&[("plan", "starter/2 years")])).unwrap();
        assert_eq!((plan.as_str(), cycle), ("starter", Cycle::parse("2 years").unwrap()));
    }
}
