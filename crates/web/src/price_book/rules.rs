//! How a book's subscriptions are billed: its knobs in words.

use catalog::{
    Anchor, Billing, Book, CancellationCredit, CancellationDay, CustomerChanges, Invoices, PlanChange,
    ReasonIs, TaxRounding, Thresholds, TrialUsage, WithMethod, WithoutMethod, ZeroInvoices,
};
use kernel::{ProrationUnit, UnitPrice};
use maud::{Markup, html};

use crate::{show, ui};

/// The rules as a list.
pub(super) fn drawn(book: &Book) -> Markup {
    let billing = &book.billing;
    let trial = trial(book);
    ui::definition_list(&[
        ("Currency", html! { (book.currency) }),
        ("Periods begin", html! { (begin(billing)) }),
        ("Parts of a period", html! { (parts(billing)) }),
        ("Change of plan", html! { (plan_change(billing)) }),
        ("Cancellation", html! { (cancellation(billing)) }),
        ("Reasons to cancel", html! { (reasons(book)) }),
        ("Winning back", ui::optional(win_back(book).as_deref())),
        ("Invoices", html! { (invoices(billing)) }),
        ("Tiny invoices", html! { (tiny(billing)) }),
        ("Tax", html! { (tax(billing)) }),
        ("Usage is billed", html! { (usage(book)) }),
        ("Late events", html! { "Taken up to " (billing.late_window) " after they happened" }),
        ("Trial", ui::optional(trial.as_deref())),
        ("Customers change", html! { (customers(billing)) }),
    ])
}

fn begin(billing: &Billing) -> &'static str {
    match billing.anchor {
        Anchor::Anniversary => "On the day a subscription started",
        Anchor::Calendar => "On the 1st, or on a Monday",
    }
}

fn parts(billing: &Billing) -> String {
    match billing.proration {
        ProrationUnit::Day => "By the day".to_owned(),
        ProrationUnit::Second => "By the second".to_owned(),
        ProrationUnit::FixedMonth(days) => format!("By the day, in months of {}", days.get()),
        ProrationUnit::None => "Not at all: a part costs the whole".to_owned(),
    }
}

fn plan_change(billing: &Billing) -> &'static str {
    match billing.plan_change {
        PlanChange::Prorate => {
            "Within the running period: the rest of the old plan is credited, that of the new charged"
        }
        PlanChange::Reset => "A new period begins and is charged whole, nothing is credited",
    }
}

fn cancellation(billing: &Billing) -> String {
    let credit = match billing.cancellation_credit {
        CancellationCredit::Unused => "What is not used is credited",
        CancellationCredit::None => return "Nothing is given back".to_owned(),
    };
    match (billing.cancellation_day, billing.proration.counts_days()) {
        (CancellationDay::Billed, true) => format!("{credit}; the day itself is paid for"),
        (CancellationDay::Free, true) => format!("{credit}; the day itself is free"),
        (_, false) => credit.to_owned(),
    }
}

fn reasons(book: &Book) -> String {
    let asked = match book.cancellation.reason {
        ReasonIs::Required => "One must be given",
        ReasonIs::Optional => "May be left out",
    };
    let names = book.cancellation.reasons.iter().map(|reason| match &reason.offer {
        Some(coupon) => format!("{} (to stay: {})", reason.name, coupon_name(book, coupon)),
        None => reason.name.clone(),
    });
    format!("{asked}: {}", names.collect::<Vec<_>>().join("; "))
}

fn win_back(book: &Book) -> Option<String> {
    let win = book.cancellation.win_back.as_ref()?;
    Some(format!(
        "With {}, up to {} after the end",
        coupon_name(book, &win.coupon),
        show::count(win.days, "day")
    ))
}

fn coupon_name(book: &Book, key: &str) -> String {
    book.coupons.iter().find(|one| one.key == key).map_or_else(|| key.to_owned(), |one| one.name.clone())
}

fn tiny(billing: &Billing) -> String {
    let Some(carry) = &billing.carry_over else { return "Issued like any other".to_owned() };
    let below: Vec<String> =
        carry.below.iter().map(|(currency, amount)| show::unit_price(*amount, *currency)).collect();
    let times = show::count(carry.periods, "time");
    format!("Below {} they wait for the next one, at most {times} in a row", below.join(" or "))
}

fn invoices(billing: &Billing) -> String {
    let together = match billing.invoices {
        Invoices::Consolidated => "One for all that falls due for a customer on a day",
        Invoices::PerSubscription => "One for each subscription",
    };
    match billing.zero_invoices {
        ZeroInvoices::Issue => together.to_owned(),
        ZeroInvoices::Skip => format!("{together}; none over nothing"),
    }
}

fn tax(billing: &Billing) -> String {
    let rounded = match billing.tax_rounding {
        TaxRounding::Category => "once for each category and rate",
        TaxRounding::Document => "once for each document",
        TaxRounding::Line => "on each line",
    };
    format!("Category {}, rounded {rounded}", billing.tax)
}

/// "At the period's end; of Professional also at USD 200.00, then at every USD 1,000.00".
fn usage(book: &Book) -> String {
    let early = book.plans.iter().filter(|plan| !plan.thresholds.is_empty());
    let early: Vec<String> =
        early.map(|plan| format!("; of {} also {}", plan.name, thresholds(&plan.thresholds))).collect();
    format!("At the period's end{}", early.concat())
}

/// "at USD 200.00, USD 500.00, then at every USD 1,000.00".
fn thresholds(list: &[Thresholds]) -> String {
    let one = |thresholds: &Thresholds| {
        let money = |amount: UnitPrice| show::unit_price(amount, thresholds.currency);
        let at: Vec<String> = thresholds.at.iter().copied().map(money).collect();
        let at = if at.is_empty() { String::new() } else { format!("at {}", at.join(", ")) };
        match thresholds.every {
            Some(every) if at.is_empty() => format!("at every {}", money(every)),
            Some(every) => format!("{at}, then at every {}", money(every)),
            None => at,
        }
    };
    list.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn customers(billing: &Billing) -> &'static str {
    match billing.customer_changes {
        CustomerChanges::Plans => "Plan, cycle, quantities and add-ons on their own page",
        CustomerChanges::Quantities => "Quantities and add-ons on their own page",
        CustomerChanges::None => "Nothing themselves",
    }
}

fn trial(book: &Book) -> Option<String> {
    let trial = book.trial.as_ref()?;
    let with = match trial.with_method {
        WithMethod::Convert => "then paid",
    };
    let without = match &trial.without {
        WithoutMethod::Suspend => "suspended without a payment method".to_owned(),
        WithoutMethod::Cancel => "canceled without a payment method".to_owned(),
        WithoutMethod::Downgrade { plan } => {
            let name = book.plan(plan).map_or(plan.as_str(), |plan| plan.name.as_str());
            format!("{name} without a payment method")
        }
    };
    let usage = match book.billing.trial_usage {
        TrialUsage::Billed => "; usage in it is billed",
        TrialUsage::Free => "",
    };
    Some(format!("{}, {with}, {without}{usage}", show::count(trial.days, "day")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(billing: &str) -> String {
        let book = format!(
            "book = 1\nname = \"B\"\ncurrency = \"USD\"\nbilling = {{ {billing} }}\n\
             trial = {{ days = 14 }}\nmeters = {{ calls = {{ name = \"Calls\", unit = \"call\" }} }}\n\
             [plans.pro]\nname = \"Pro\"\nprice = {{ month = 1 }}\nusage = {{ calls = \"0.1\" }}\n\
             thresholds = {{ at = [200, 500], every = 1_000 }}"
        );
        let book = catalog::read("book.toml", &book).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
        drawn(&book).into_string()
    }

    #[test]
    fn every_knob_is_in_words() {
        let defaults = text("");
        for words in [
            "By the day",
            "the rest of the old plan is credited",
            "What is not used is credited; the day itself is paid for",
            "One for all that falls due for a customer on a day",
            "Category standard, rounded once for each category and rate",
            "Taken up to 90 days after they happened",
            "of Pro also at USD 200.00, USD 500.00, then at every USD 1,000.00",
            "14 days, then paid, suspended without a payment method",
        ] {
            assert!(defaults.contains(words), "{words}: {defaults}");
        }
        let others = text(
            "proration = { days_in_month = 28 }, plan_change = \"reset\", cancellation_credit = \"none\", \
             invoices = \"per_subscription\", zero_invoices = \"skip\", tax = \"software\", \
             tax_rounding = \"line\", late_window = \"1 day\", trial_usage = \"billed\", customer_changes = \"quantities\"",
        );
        for words in [
            "By the day, in months of 28",
            "A new period begins and is charged whole, nothing is credited",
            "Nothing is given back",
            "One for each subscription; none over nothing",
            "Category software, rounded on each line",
            "Taken up to 1 day after they happened",
            "suspended without a payment method; usage in it is billed",
            "Quantities and add-ons on their own page",
        ] {
            assert!(others.contains(words), "{words}: {others}");
        }
    }
}
