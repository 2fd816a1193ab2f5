//! The books of the other four businesses say what the businesses say.

use kernel::{Currency, Cycle, Exact};

use super::{super::*, good};

macro_rules! book {
    ($name:literal) => {
        good(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../books/", $name, ".toml")))
    };
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn price(book: &Book, plan: &str, cycle: Cycle) -> Option<String> {
    Some(book.plan(plan).unwrap().price_for(cycle, usd())?.to_string())
}

fn monthly(book: &Book) -> Vec<String> {
    book.plans.iter().map(|plan| plan.price_for(Cycle::MONTH, usd()).unwrap().to_string()).collect()
}

fn limit(book: &Book, plan: &str, meter: &str) -> String {
    let limit = &book.plan(plan).unwrap().limits[meter];
    let per = limit.per.as_ref().map(|unit| format!(" per {unit}")).unwrap_or_default();
    format!("{}{per} {:?} {} {:?}", limit.amount, limit.policy, limit.window, limit.scope)
}

fn addons(book: &Book) -> Vec<String> {
    let word = |addon: &Addon| format!("{} {} {}", addon.key, addon.prices[0].when, addon.prices[0]);
    book.addons.iter().map(word).collect()
}

#[test]
fn every_book_is_stored_and_read_back() {
    for book in [book!("frontier"), book!("lumen"), book!("apex"), book!("grosso"), book!("unison")] {
        let json = book.canonical_json();
        assert_eq!(serde_json::from_str::<Book>(&json).unwrap(), book);
        assert_eq!(diff(&book, &book), []);
        assert_eq!(book.currencies()[0], usd());
    }
}

#[test]
fn frontier_sells_seats_with_allowances() {
    let book = book!("frontier");
    assert_eq!(monthly(&book), ["USD 0", "USD 99 per user", "USD 299 per user"]);
    let years = |count: u16| Cycle::new(kernel::CycleUnit::Year, count).unwrap();
    // 12 × 99 less 10 %, 24 × 99 less 15 %, 36 × 99 less 20 %.
    for (count, shown) in [
        (1, "USD 1069.20 per user (10 % off 12 months)"),
        (2, "USD 2019.60 per user (15 % off 24 months)"),
        (3, "USD 2851.20 per user (20 % off 36 months)"),
    ] {
        assert_eq!(price(&book, "growth", years(count)).unwrap(), shown);
    }
    assert_eq!(price(&book, "scale", Cycle::YEAR).unwrap(), "USD 3229.20 per user (10 % off 12 months)");
    assert_eq!(price(&book, "starter", Cycle::YEAR), None);
    let negotiated: Vec<bool> = book.plans.iter().map(|plan| plan.negotiated).collect();
    assert_eq!(negotiated, [false, false, true]);

    assert_eq!(book.plan("starter").unwrap().includes["users"], Included::UpTo(5));
    assert_eq!(limit(&book, "starter", "ai_operations"), "1000 Hard period Customer");
    assert_eq!(limit(&book, "starter", "storage"), "10 Hard period Customer");
    assert_eq!(limit(&book, "growth", "ai_operations"), "10000 per user Soft period Customer");
    assert_eq!(limit(&book, "growth", "storage"), "100 per user Soft period Customer");
    let growth = book.plan("growth").unwrap();
    assert_eq!(growth.limits["storage"].amount_for(&Exact::from(7_i64)), Exact::from(700_i64));
    let usage: Vec<String> = growth.usage.iter().map(|usage| usage.prices[0].to_string()).collect();
    assert_eq!(
        usage,
        ["USD 0.10 per package of 1000 (unit: operation)", "USD 2 per package of 100 (unit: GB)"]
    );
    for usage in &growth.usage {
        assert_eq!(usage.prices[0].when, When::Every(Cycle::MONTH));
        assert_eq!(usage.prices[0].pay_in, PayIn::Arrears);
        assert_eq!(growth.included(usage).unwrap().policy, LimitPolicy::Soft);
    }
    assert!(book.plan("starter").unwrap().usage.is_empty());

    assert_eq!(
        addons(&book),
        ["premium_support month USD 29 per user", "custom_integration once USD 5000 per integration"]
    );
    assert_eq!(book.addon("custom_integration").unwrap().plans.clone().unwrap().len(), 1);
    let trial = book.trial.unwrap();
    assert_eq!((trial.days, trial.plan.as_deref()), (14, Some("growth")));
    assert_eq!(trial.without, WithoutMethod::Downgrade { plan: "starter".into() });
}

#[test]
fn lumen_sells_four_flat_tiers() {
    let book = book!("lumen");
    assert_eq!(monthly(&book), ["USD 19", "USD 49", "USD 99", "USD 199"]);
    assert!(book.plans.iter().all(|plan| plan.cycles().eq([Cycle::MONTH])));
    let limits: Vec<String> = book.plans.iter().map(|plan| limit(&book, &plan.key, "generations")).collect();
    let expected = ["500", "2500", "10000", "50000"].map(|amount| format!("{amount} Hard period Customer"));
    assert_eq!(limits, expected);
    assert!(
        book.plan("business").unwrap().has("collaboration") && !book.plan("professional").unwrap().has("sso")
    );
    let trial = book.trial.unwrap();
    assert_eq!((trial.days, trial.plan.as_deref(), trial.card_required), (14, Some("professional"), false));
    assert_eq!(trial.without, WithoutMethod::Suspend);
}

#[test]
fn apex_sells_whichever_is_less() {
    let book = book!("apex");
    assert_eq!(
        monthly(&book),
        [
            "USD 0",
            "USD 99 or 2 % of ai_spend, whichever is less",
            "USD 499 or 5 % of ai_spend, whichever is less",
            "USD 0"
        ]
    );
    let early = book.plan("early").unwrap().price_for(Cycle::MONTH, usd()).unwrap();
    assert_eq!((early.pay_in, early.meter()), (PayIn::Arrears, Some("ai_spend")));
    let limits: Vec<String> = book.plans.iter().map(|plan| limit(&book, &plan.key, "agent_runs")).collect();
    let expected = ["3", "100", "1000", "1000"].map(|amount| format!("{amount} Hard rolling 5 hours User"));
    assert_eq!(limits, expected);
    assert_eq!(book.plan("free").unwrap().limits["agent_runs"].window.rolling_seconds(), Some(5 * 3600));

    let enterprise = book.plan("enterprise").unwrap();
    assert!(enterprise.negotiated);
    assert_eq!(enterprise.usage[0].price_in(usd()).unwrap().to_string(), "8 %");
    assert_eq!(book.addon("run_pack").unwrap().raises["agent_runs"], 100);
    assert_eq!(addons(&book), ["run_pack once USD 10"]);
    let counts: Vec<usize> = book.plans.iter().map(|plan| plan.features.len()).collect();
    assert_eq!(counts, [2, 5, 8, 11]);
    let trial = book.trial.as_ref().unwrap();
    assert_eq!(
        (trial.days, trial.plan.as_deref(), trial.reminders.as_slice()),
        (7, Some("early"), &[3, 1][..])
    );
    let coupon = book.coupon("recommended").unwrap();
    assert_eq!(coupon.lasts, Lasts::Periods(3));
    assert!(coupon.covers("mid") && !coupon.covers("run_pack"));
    assert!(coupon.new_customers_only && coupon.per_customer == 1);
}

#[test]
fn grosso_sells_plans_beside_its_commission() {
    let book = book!("grosso");
    assert_eq!(monthly(&book), ["USD 0", "USD 199", "USD 999"]);
    assert_eq!(price(&book, "professional", Cycle::YEAR).unwrap(), "USD 1990");
    let value = |plan: &str, key: &str| book.plan(plan).unwrap().includes[key].clone();
    for (plan, users, commission) in
        [("free", 1, "5.0 %"), ("professional", 5, "3.5 %"), ("enterprise", 25, "2.5 %")]
    {
        assert_eq!(value(plan, "users"), Included::UpTo(users));
        assert_eq!(value(plan, "commission"), Included::Value(commission.into()));
    }
    assert_eq!(value("free", "products"), Included::UpTo(10));
    assert_eq!(value("enterprise", "products"), Included::Unlimited);
    assert_eq!(limit(&book, "free", "orders"), "20 Warn month Customer");
    assert!(!book.plan("professional").unwrap().limits.contains_key("orders"));
    assert_eq!(limit(&book, "free", "api_calls"), "0 Hard month Customer");
    assert_eq!(limit(&book, "professional", "api_calls"), "100000 Soft period Customer");
    assert_eq!(limit(&book, "enterprise", "api_calls"), "1000000 Soft period Customer");
    for plan in ["professional", "enterprise"] {
        let usage = &book.plan(plan).unwrap().usage[0];
        assert_eq!(usage.prices[0].to_string(), "USD 50 per package of 10000 (unit: call)");
    }
    assert_eq!(
        addons(&book),
        [
            "extra_user month USD 20 per user",
            "premium_analytics month USD 99",
            "fraud_protection month USD 149",
            "priority_listing month USD 299",
            "featured_distributor month USD 299",
            "top_of_results month USD 199",
            "territory_badge month USD 99",
            "featured_home month USD 999 per product",
            "featured_category month USD 299 per product",
            "product_boost month USD 99 per product",
            "newsletter_feature month USD 299 per feature",
            "flash_sale once USD 499 per event",
            "white_label_setup once USD 25000",
        ]
    );
    assert_eq!(book.trial, None);
    let referral = book.coupon("early_adopter").unwrap();
    assert_eq!((&referral.discount, referral.code.as_ref()), (&Discount::FreeMonths { months: 3 }, None));
    assert!(referral.per_customer > 100 && referral.covers("enterprise") && !referral.covers("free"));
}
