//! The five businesses: who they are, where their customers are, what those choose.

/// A business.
pub(crate) struct Business {
    /// Its name in addresses.
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    /// Its share of all customers, in hundredths.
    pub(crate) share: usize,
    pub(crate) file: &'static str,
    pub(crate) book: &'static str,
    pub(crate) entity: Entity,
    pub(crate) markets: &'static [Market],
    /// From the smallest to the largest.
    pub(crate) plans: &'static [Plan],
    /// The plan of a trial and how many in a hundred begin with one.
    pub(crate) trial: Option<(&'static str, i64)>,
    /// A coupon, the plans it is for, and how many in a hundred of those redeem it.
    pub(crate) coupon: Option<(&'static str, &'static [&'static str], i64)>,
    /// Add-ons that are charged once, and the plans they are for.
    pub(crate) once: &'static [(&'static str, &'static [&'static str])],
    /// What is measured.
    pub(crate) measured: &'static [Measured],
    /// Prices it raises once: what its book reads before and after. Who came before keeps what was agreed.
    pub(crate) raised: &'static [(&'static str, &'static str)],
}

/// Who issues the invoices.
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    pub(crate) country: &'static str,
    pub(crate) region: Option<&'static str>,
    pub(crate) tax_id: Option<&'static str>,
    pub(crate) registrations: &'static [&'static str],
    pub(crate) currency: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) series: &'static str,
}

/// Where customers are.
pub(crate) struct Market {
    pub(crate) weight: i64,
    pub(crate) country: &'static str,
    pub(crate) region: Option<&'static str>,
    pub(crate) zone: &'static str,
    pub(crate) currency: &'static str,
    /// What companies call themselves there.
    pub(crate) form: &'static str,
    pub(crate) city: &'static str,
}

/// A plan to choose.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) key: &'static str,
    pub(crate) weight: i64,
    /// How it is billed, the most usual first.
    pub(crate) cycles: &'static [&'static str],
    /// The fewest and most seats at the start, where it is priced by the seat.
    pub(crate) seats: Option<(i64, i64)>,
    /// Add-ons and how many of each at most.
    pub(crate) addons: &'static [(&'static str, i64)],
    /// A price agreed with each customer, in the business's currency, from and to.
    pub(crate) agreed: Option<(i64, i64)>,
}

/// How a meter is told of use, each time it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What was used since the last time, for each seat.
    Total,
    /// How much there is now.
    Level,
    /// An event for each time.
    Each,
    /// The same, asked for before: a limit may refuse it.
    Asked,
}

/// What is measured.
pub(crate) struct Measured {
    pub(crate) key: &'static str,
    pub(crate) plans: &'static [&'static str],
    pub(crate) how: How,
    /// The least and the most of a reading.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Whose use it is within the customer, where a limit counts each.
    pub(crate) user: Option<&'static str>,
}

const fn measured(
    key: &'static str,
    plans: &'static [&'static str],
    how: How,
    from: i64,
    to: i64,
) -> Measured {
    Measured { key, plans, how, from, to, user: None }
}

const fn market(
    weight: i64,
    country: &'static str,
    zone: &'static str,
    currency: &'static str,
    form: &'static str,
    city: &'static str,
) -> Market {
    Market { weight, country, region: None, zone, currency, form, city }
}

const fn plan(key: &'static str, weight: i64, cycles: &'static [&'static str]) -> Plan {
    Plan { key, weight, cycles, seats: None, addons: &[], agreed: None }
}

macro_rules! book {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/", $name))
    };
}

const BY_MONTH: &[&str] = &["month"];
const BY_MONTH_OR_YEAR: &[&str] = &["month", "month", "year"];

pub(crate) const BUSINESSES: [Business; 5] = [
    Business {
        slug: "frontier",
        name: "Frontier",
        share: 24,
        file: "frontier.toml",
        book: book!("frontier.toml"),
        entity: Entity {
            name: "Frontier Inc.",
            country: "US",
            region: Some("NY"),
            tax_id: None,
            registrations: &["US-NY"],
            currency: "USD",
            zone: "America/New_York",
            series: "FR",
        },
        markets: &[
            Market { region: Some("NY"), ..market(5, "US", "America/New_York", "USD", "Inc.", "New York") },
            Market {
                region: Some("CA"),
                ..market(4, "US", "America/Los_Angeles", "USD", "LLC", "San Francisco")
            },
            market(2, "GB", "Europe/London", "USD", "Ltd", "London"),
        ],
        plans: &[
            plan("starter", 50, BY_MONTH),
            Plan {
                seats: Some((2, 14)),
                addons: &[("premium_support", 6)],
                ..plan("growth", 42, &["month", "month", "month", "year", "2 years"])
            },
            Plan { seats: Some((20, 60)), agreed: Some((299, 349)), ..plan("scale", 4, &["month", "year"]) },
        ],
        trial: Some(("growth", 45)),
        coupon: None,
        once: &[("custom_integration", &["growth"])],
        measured: &[
            measured("ai_operations", &["growth", "scale"], How::Total, 900, 7_500),
            measured("ai_operations", &["starter"], How::Total, 5, 60),
            measured("storage", &["growth", "scale"], How::Level, 30, 1_100),
        ],
        raised: &[("month = \"99\"", "month = \"109\"")],
    },
    Business {
        slug: "lumen",
        name: "Lumen",
        share: 22,
        file: "lumen.toml",
        book: book!("lumen.toml"),
        entity: Entity {
            name: "Lumen K.K.",
            country: "JP",
            region: None,
            tax_id: None,
            registrations: &["JP"],
            currency: "JPY",
            zone: "Asia/Tokyo",
            series: "LU",
        },
        markets: &[
            market(6, "JP", "Asia/Tokyo", "JPY", "K.K.", "Tokyo"),
            market(3, "US", "America/Chicago", "USD", "Inc.", "Chicago"),
            market(2, "KW", "Asia/Kuwait", "KWD", "W.L.L.", "Kuwait City"),
            market(2, "FR", "Europe/Paris", "EUR", "SARL", "Lyon"),
        ],
        plans: &[
            plan("starter", 46, BY_MONTH),
            plan("professional", 34, BY_MONTH),
            plan("business", 14, BY_MONTH),
            plan("enterprise", 6, BY_MONTH),
        ],
        trial: Some(("professional", 60)),
        coupon: None,
        once: &[],
        measured: &[
            measured("generations", &["starter"], How::Asked, 2, 12),
            measured("generations", &["professional", "business", "enterprise"], How::Each, 5, 25),
        ],
        raised: &[],
    },
    Business {
        slug: "apex",
        name: "Apex",
        share: 16,
        file: "apex.toml",
        book: book!("apex.toml"),
        entity: Entity {
            name: "Apex Pty Ltd",
            country: "AU",
            region: None,
            tax_id: None,
            registrations: &["AU"],
            currency: "USD",
            zone: "Australia/Sydney",
            series: "AP",
        },
        markets: &[
            market(5, "AU", "Australia/Sydney", "USD", "Pty Ltd", "Sydney"),
            Market { region: Some("WA"), ..market(4, "US", "America/Los_Angeles", "USD", "Inc.", "Seattle") },
            market(2, "IN", "Asia/Kolkata", "USD", "Pvt Ltd", "Pune"),
        ],
        plans: &[plan("free", 30, BY_MONTH), plan("early", 48, BY_MONTH), plan("mid", 22, BY_MONTH)],
        trial: Some(("early", 55)),
        coupon: Some(("recommended", &["early", "mid"], 25)),
        once: &[("run_pack", &["early", "mid"])],
        measured: &[
            measured("ai_spend", &["early", "mid"], How::Total, 600, 7_000),
            Measured { user: Some("lead"), ..measured("agent_runs", &["free"], How::Asked, 1, 5) },
            Measured { user: Some("lead"), ..measured("agent_runs", &["early", "mid"], How::Each, 4, 24) },
        ],
        raised: &[],
    },
    Business {
        slug: "grosso",
        name: "Grosso",
        share: 18,
        file: "grosso.toml",
        book: book!("grosso.toml"),
        entity: Entity {
            name: "Grosso S.r.l.",
            country: "IT",
            region: None,
            tax_id: Some("IT00743110157"),
            registrations: &["IT", "OSS"],
            currency: "USD",
            zone: "Europe/Rome",
            series: "GR",
        },
        markets: &[
            market(5, "IT", "Europe/Rome", "USD", "S.r.l.", "Bologna"),
            market(3, "ES", "Europe/Madrid", "USD", "S.L.", "Valencia"),
            market(2, "GB", "Europe/London", "USD", "Ltd", "Leeds"),
        ],
        plans: &[
            plan("free", 44, BY_MONTH),
            Plan {
                addons: &[
                    ("extra_user", 4),
                    ("premium_analytics", 1),
                    ("fraud_protection", 1),
                    ("product_boost", 3),
                ],
                ..plan("professional", 42, BY_MONTH_OR_YEAR)
            },
            Plan {
                addons: &[("extra_user", 8), ("priority_listing", 1)],
                ..plan("enterprise", 14, BY_MONTH)
            },
        ],
        trial: None,
        coupon: Some(("early_adopter", &["professional", "enterprise"], 12)),
        once: &[("flash_sale", &["free", "professional", "enterprise"])],
        measured: &[
            measured("api_calls", &["professional"], How::Total, 8_000, 70_000),
            measured("api_calls", &["enterprise"], How::Total, 60_000, 620_000),
            measured("orders", &["free", "professional", "enterprise"], How::Each, 2, 14),
        ],
        raised: &[],
    },
    Business {
        slug: "unison",
        name: "Unison",
        share: 20,
        file: "unison.toml",
        book: book!("unison.toml"),
        entity: Entity {
            name: "Unison Software GmbH",
            country: "DE",
            region: None,
            tax_id: Some("DE136695976"),
            registrations: &["DE", "OSS"],
            currency: "USD",
            zone: "Europe/Berlin",
            series: "UN",
        },
        markets: &[
            market(6, "DE", "Europe/Berlin", "USD", "GmbH", "Hamburg"),
            market(2, "SE", "Europe/Stockholm", "USD", "AB", "Göteborg"),
            market(3, "US", "America/Chicago", "USD", "Inc.", "Milwaukee"),
        ],
        plans: &[
            Plan {
                addons: &[("extra_user", 5), ("extra_storage", 80)],
                ..plan("starter", 52, BY_MONTH_OR_YEAR)
            },
            Plan {
                addons: &[("extra_user", 12), ("extra_plant", 2)],
                ..plan("professional", 36, BY_MONTH_OR_YEAR)
            },
            plan("enterprise", 12, BY_MONTH_OR_YEAR),
        ],
        trial: Some(("starter", 55)),
        coupon: None,
        once: &[],
        measured: &[
            measured("storage_used", &["starter"], How::Level, 1, 9),
            measured("storage_used", &["professional"], How::Level, 12, 96),
            measured("storage_used", &["enterprise"], How::Level, 150, 900),
        ],
        raised: &[
            ("month = \"49\", year = \"529\"", "month = \"54\", year = \"583\""),
            ("month = \"199\"", "month = \"219\""),
        ],
    },
];
