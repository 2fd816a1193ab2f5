//! Reasons in sentences.

use catalog::{LimitScope, Window};
use kernel::{Exact, Money};

/// A reason for advice, with its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// So much less would have been billed.
    Saves {
        /// What was compared, as a count of periods.
        periods: usize,
        /// What they came to.
        now: Money,
        /// What they would have come to.
        then: Money,
    },
    /// So much more would have been billed.
    Costs {
        /// As above.
        periods: usize,
        /// What they came to.
        now: Money,
        /// What they would have come to.
        then: Money,
    },
    /// A limit was reached, or nearly.
    Tight {
        /// What the limit is of.
        meter: String,
        /// One of what it counts.
        unit: String,
        /// The limit.
        limit: Exact,
        /// Over what time it counts.
        window: Window,
        /// Whose use counts together.
        scope: LimitScope,
        /// Most that was used of it, where one figure tells.
        used: Option<Exact>,
        /// From which percentage on it counts as near.
        near: u16,
        /// In how many periods that much was used.
        in_periods: usize,
        /// In how many of them all of it.
        wholly: usize,
        /// Of how many.
        periods: usize,
    },
    /// What was used fits.
    Holds {
        /// The plan.
        plan: String,
        /// What the limit is of.
        meter: String,
        /// One of what it counts.
        unit: String,
        /// The plan's limit; none: it sets none.
        limit: Option<Exact>,
        /// Most that was used in a period.
        used: Exact,
    },
    /// What is bought as add-ons now is part of the plan.
    Includes {
        /// The plan.
        plan: String,
        /// What the limit is called.
        feature: String,
        /// How many the plan has; none: any number.
        amount: Option<u64>,
        /// How many there are now.
        had: u64,
    },
    /// These are not part of the plan.
    Lacks {
        /// The plan.
        plan: String,
        /// What they are called.
        features: Vec<String>,
    },
    /// These come with the plan.
    Adds {
        /// The plan.
        plan: String,
        /// What they are called.
        features: Vec<String>,
    },
}

impl Reason {
    /// The word in the API.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Saves { .. } => "saves",
            Self::Costs { .. } => "costs",
            Self::Tight { .. } => "limit_tight",
            Self::Holds { .. } => "limit_holds",
            Self::Includes { .. } => "includes",
            Self::Lacks { .. } => "lacks",
            Self::Adds { .. } => "adds",
        }
    }

    /// The reason as a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Saves { periods, now, then } => {
                let less =
                    now.checked_sub(*then).map_or_else(|_| String::new(), |less| format!(": {less} less"));
                format!("{} would have come to {then} instead of {now}{less}.", last(*periods))
            }
            Self::Costs { periods, now, then } => {
                let more =
                    then.checked_sub(*now).map_or_else(|_| String::new(), |more| format!(": {more} more"));
                format!("{} would have come to {then} instead of {now}{more}.", last(*periods))
            }
            Self::Tight { .. } => self.tight(),
            Self::Holds { plan, meter, limit, used, unit } => {
                let used = number(used);
                match limit {
                    None => format!("{meter}: at most {used} in a period, and {plan} sets no limit."),
                    Some(limit) => {
                        let limit = units(limit, unit);
                        format!("{meter}: at most {used} in a period, and {plan} has {limit}.")
                    }
                }
            }
            Self::Includes { plan, feature, amount, had } => match amount {
                None => format!("{feature}: {had} now, and {plan} has any number."),
                Some(amount) => format!("{feature}: {had} now, and {plan} has {amount}."),
            },
            Self::Lacks { plan, features } => format!("{plan} does not have {}.", listed(features, "or")),
            Self::Adds { plan, features } => format!("{plan} also has {}.", listed(features, "and")),
        }
    }

    /// "Runs: 93 % of 1,000 runs were used, and 80 % or more in 2 of 3 periods."
    fn tight(&self) -> String {
        let Self::Tight { meter, unit, limit, window, scope, used, near, in_periods, wholly, periods } = self
        else {
            return String::new();
        };
        let whose = match (scope, window) {
            (LimitScope::Customer, Window::Period) => String::new(),
            (LimitScope::Customer, window) => format!(" ({window})"),
            (LimitScope::User, window) => format!(" ({window}, each user)"),
            (LimitScope::Seat, window) => format!(" ({window}, each seat)"),
            (LimitScope::Key, window) => format!(" ({window}, each key)"),
        };
        let limit_text = format!("{}{whose}", units(limit, unit));
        let most = used.as_ref().and_then(|used| percent(used, limit));
        let first = match most {
            Some(most) => format!("{meter}: up to {most} % of {limit_text} was used"),
            None if *wholly > 0 => format!("{meter}: the limit of {limit_text} was reached"),
            None => format!("{meter}: {near} % of {limit_text} was reached"),
        };
        let of = if *periods == 1 {
            "the last period".to_owned()
        } else {
            format!("{in_periods} of {periods} periods")
        };
        match (most.is_some(), *wholly) {
            (true, 0) => format!("{first}, {near} % or more in {of}."),
            (true, wholly) if wholly == *in_periods => format!("{first}, all of it in {of}."),
            (true, wholly) => format!("{first}, {near} % or more in {of} and all of it in {wholly}."),
            (false, _) => format!("{first} in {of}."),
        }
    }
}

fn last(periods: usize) -> String {
    if periods == 1 { "The last period".to_owned() } else { format!("The last {periods} periods") }
}

/// Whole percent, rounded down: 99.9 % is not all.
fn percent(used: &Exact, limit: &Exact) -> Option<i64> {
    (used * Exact::from(100_i64)).checked_div(limit)?.floor().ok()
}

fn listed(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// "1,000 runs"; an abbreviation or a sign has no plural.
fn units(amount: &Exact, unit: &str) -> String {
    let plural = unit.chars().all(|letter| letter.is_ascii_lowercase()) && *amount != Exact::one();
    format!("{} {unit}{}", number(amount), if plural { "s" } else { "" })
}

/// A decimal with its thousands apart, rounded half to even to six places.
pub fn number(amount: &Exact) -> String {
    let text = amount.round_half_even_to(6).to_string();
    let (whole, part) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    part.map_or(out.clone(), |part| format!("{out}.{part}"))
}
