//! How a line's amount came to be, in steps one can follow with a pencil.

mod metered;

use std::borrow::Cow;

use kernel::{Currency, Cycle, Exact, ProrationUnit};
use rating::{Explanation, Step};

use crate::{show, ui};

/// The texts a step on the page borrows.
pub(crate) struct Worked {
    pub(crate) label: String,
    pub(crate) working: String,
    pub(crate) figure: String,
}

impl Worked {
    pub(crate) fn step(&self) -> ui::Step<'_> {
        ui::Step { label: &self.label, working: &self.working, figure: &self.figure }
    }
}

/// The steps of an explanation. The last one repeats the whole product, where it is one, and says how it was
/// rounded.
pub(crate) fn worked(explanation: &Explanation) -> Vec<Worked> {
    let currency = explanation.currency;
    let (_, before) = explanation.steps.split_last().unzip();
    let factors: Option<Vec<String>> =
        before.unwrap_or_default().iter().map(|step| factor(step, currency)).collect();
    let sentences = explanation.sentences();
    let steps = explanation.steps.iter().zip(sentences);
    steps.map(|(step, sentence)| one(step, sentence, currency, factors.as_deref())).collect()
}

/// What a step multiplies by; none when it does something else.
fn factor(step: &Step, currency: Currency) -> Option<String> {
    if let Step::Price { amount, .. } = step {
        Some(show::unit_price(*amount, currency))
    } else if let Step::Months { months } = step {
        Some(months.to_string())
    } else if let Step::Quantity { quantity, .. } = step {
        Some(quantity.clone())
    } else if let Step::Share { part, whole, .. } = step {
        Some(format!("{part} ⁄ {whole}"))
    } else {
        None
    }
}

fn one(step: &Step, sentence: String, currency: Currency, factors: Option<&[String]>) -> Worked {
    let (label, working, figure) = if let Step::Price { name, place, book, amount, per, every } = step {
        let one = per.as_ref().map(|unit| format!(" of one {unit}")).unwrap_or_default();
        let time = every.as_deref().and_then(|every| Cycle::parse(every).ok()).map(show::span);
        let time = time.map(|time| format!(" for {time}")).unwrap_or_default();
        let working = format!("{name}, price book version {book}, {place}");
        (format!("Price{one}{time}"), working, show::unit_price(*amount, currency))
    } else if let Step::Months { months } = step {
        ("Months in the period".to_owned(), "The price is a month's".to_owned(), format!("× {months}"))
    } else if let Step::Quantity { quantity, unit } = step {
        ("Quantity subscribed".to_owned(), show::units(quantity, unit), format!("× {quantity}"))
    } else if let Step::Share { unit, part, whole } = step {
        let working = format!("{} of the {whole} {} of a full period", show::grouped(*part), counted(*unit));
        ("Share of the period".to_owned(), working, format!("× {part} ⁄ {whole}"))
    } else if let Step::Restored { name, amount } = step {
        ("Charged again as it was credited".to_owned(), name.clone(), show::decimal(amount, currency))
    } else if let Step::Round { exact, amount } = step {
        rounded(exact, amount, currency, factors)
    } else if let Some(parts) = metered::step(step, currency) {
        parts
    } else {
        (sentence, String::new(), String::new())
    };
    Worked { label, working, figure }
}

fn rounded(
    exact: &str,
    amount: &str,
    currency: Currency,
    factors: Option<&[String]>,
) -> (String, String, String) {
    let is_exact = exact.parse::<Exact>().ok() == amount.parse::<Exact>().ok();
    let label = rounding(is_exact, currency);
    let working = match (factors, is_exact) {
        (Some([_]) | None, true) => String::new(),
        (Some(factors), true) => factors.join(" × "),
        (Some(factors), false) => format!("{} = {}", factors.join(" × "), show::exact(exact)),
        (None, false) => format!("{currency} {}", show::exact(exact)),
    };
    (label, working, show::decimal(amount, currency))
}

/// What the last step of a calculation does.
pub(crate) fn rounding(is_exact: bool, currency: Currency) -> String {
    match (is_exact, currency.exponent()) {
        (true, _) => "Amount, without rounding".to_owned(),
        (false, 0) => format!("Rounded half up to a whole {currency}"),
        (false, places) => format!("Rounded half up to {places} decimals"),
    }
}

/// What time is counted in.
pub(crate) fn counted(unit: ProrationUnit) -> Cow<'static, str> {
    match unit {
        ProrationUnit::Day => "days".into(),
        ProrationUnit::Second => "seconds".into(),
        ProrationUnit::FixedMonth(days) => format!("days (months of {})", days.get()).into(),
        ProrationUnit::None => "units".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(explanation: &Explanation) -> Vec<String> {
        worked(explanation)
            .iter()
            .map(|one| format!("{} | {} | {}", one.label, one.working, one.figure))
            .collect()
    }

    fn explanation(steps: &str) -> Explanation {
        let price = r#"{"step":"price","name":"Extra user","place":"addons.extra_user","book":3,"amount":"5","per":"user","every":"month"}"#;
        serde_json::from_str(&format!(r#"{{"currency":"USD","steps":[{price},{steps}]}}"#)).unwrap()
    }

    #[test]
    fn an_exact_amount_shows_its_product() {
        let steps = r#"{"step":"months","months":12},{"step":"quantity","quantity":"6","unit":"user"},{"step":"round","exact":"360","amount":"360.00"}"#;
        assert_eq!(
            text(&explanation(steps)),
            [
                "Price of one user for a month | Extra user, price book version 3, addons.extra_user | USD 5.00",
                "Months in the period | The price is a month's | × 12",
                "Quantity subscribed | 6 users | × 6",
                "Amount, without rounding | USD 5.00 × 12 × 6 | USD 360.00",
            ]
        );
    }

    #[test]
    fn what_was_measured_is_worked_out_in_figures() {
        let steps = r#"{"currency":"USD","steps":[
            {"step":"tariff","name":"AI operations","place":"plans.growth.usage.ai_operations","book":1,"price":{"when":"month","currency":"USD","kind":{"package":{"unit":"operation","size":"1000","amount":"0.1"}},"pay_in":"arrears"}},
            {"step":"measured","quantity":"112500","unit":"operation"},
            {"step":"included","each":"10000","times":"11","left":"2500"},
            {"step":"packages","units":"2500","size":"1000","packages":3,"each":"0.1","amount":"0.3"},
            {"step":"lesser","percent":"5","of":"6272","amount":"313.6"},
            {"step":"round","exact":"0.3","amount":"0.30"}]}"#;
        let text = text(&serde_json::from_str(steps).unwrap());
        assert!(
            text[0].ends_with(" | AI operations, price book version 1, plans.growth.usage.ai_operations | "),
            "{text:?}"
        );
        assert_eq!(
            text[1..],
            [
                "What was measured |  | 112,500 operations",
                "Left to be charged | 10,000 included, for each of 11 | 2,500",
                "For each package | 2,500 in packages of 1,000: 3 × USD 0.10 | USD 0.30",
                "Or a share, where that is less | 5 % of USD 6,272.00 | USD 313.60",
                "Amount, without rounding |  | USD 0.30",
            ]
        );
    }

    #[test]
    fn a_rounded_amount_shows_what_was_rounded() {
        let steps = r#"{"step":"share","unit":"day","part":16,"whole":31},{"step":"round","exact":"80/31","amount":"2.58"}"#;
        let text = text(&explanation(steps));
        assert_eq!(text[1], "Share of the period | 16 of the 31 days of a full period | × 16 ⁄ 31");
        assert_eq!(text[2], "Rounded half up to 2 decimals | USD 5.00 × 16 ⁄ 31 = 2.5806… | USD 2.58");
    }
}
