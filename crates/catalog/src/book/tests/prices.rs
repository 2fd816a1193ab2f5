//! Every kind of price in the file.

use kernel::{Currency, Cycle, Exact, Rate, UnitPrice};

use super::{super::*, bad, good};

const START: &str = r#"
    book = 1
    name = "B"
    currency = "USD"
    features = { users = { name = "Users", kind = "limit", unit = "user" } }
    [meters]
    calls = { name = "Calls", unit = "call", dimensions = ["region", "model"] }
    volume = { name = "Volume", unit = "USD", aggregation = "sum", property = "amount", decimals = 2 }
    seats = { name = "Seats", unit = "seat", aggregation = "time_weighted", decimals = 6 }
"#;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn book_with(rest: &str) -> Book {
    good(&format!("{START}\n{rest}"))
}

/// The mistakes of a book that goes on like this, without their places and source lines.
fn mistakes(rest: &str) -> Vec<String> {
    let seen = bad(&format!("{START}\n{rest}"));
    let lines = seen.lines().filter(|line| line.starts_with("book.toml:"));
    lines.map(|line| line.splitn(4, ':').nth(3).unwrap_or_default().trim().to_owned()).collect()
}

fn usage(rest: &str) -> Book {
    book_with(&format!("[plans.a]\nname = \"A\"\nprice = {{ month = 1 }}\n[plans.a.usage]\n{rest}"))
}

fn shown(rest: &str) -> String {
    usage(rest).plans[0].usage[0].prices[0].to_string()
}

#[test]
fn usage_is_priced_in_every_way() {
    for (written, expected) in [
        ("calls = \"0.002\"", "USD 0.002 per call"),
        (
            "calls = { price = \"0.5\", minimum = 10, maximum = 90 }",
            "USD 0.50 per call, at least USD 10, at most USD 90",
        ),
        ("calls = { package = 1000, price = \"0.10\" }", "USD 0.10 per package of 1000 (unit: call)"),
        (
            "calls = { package = \"0.5\", price = 1, started = \"free\" }",
            "USD 1 per package of 0.5 (unit: call, full packages only)",
        ),
        (
            "calls = { graduated = [{ up_to = 10, flat = 5 }, { up_to = \"99.5\", price = \"0.5\" }, { price = \"0.25\", flat = 1 }] }",
            "USD 5 flat up to 10, then USD 0.50 per call up to 99.5, then USD 1 and USD 0.25 per call",
        ),
        (
            "calls = { volume = [{ up_to = 10, price = 5 }, { price = 4, package = 100 }], flat_at_zero = true }",
            "all at USD 5 per call up to 10, then USD 4 per package of 100 (unit: call), flat amount also at zero",
        ),
        ("volume = { percent = \"2.9 %\", fixed = \"0.30\" }", "2.9 % and USD 0.30 for each transaction"),
        (
            "volume = { percent = 1, free_amount = 100, free_events = 3, at_least = \"0.5\", at_most = 4 }",
            "1 %, each at least USD 0.50, each at most USD 4, USD 100 free, 3 transactions free",
        ),
        (
            "volume = { graduated = [{ up_to = 1000, percent = 3 }, { percent = 2, flat = 7 }] }",
            "3 % up to 1000, then USD 7 and 2 %",
        ),
        ("volume = { times = \"1.2\" }", "the amount measured × 1.2"),
    ] {
        assert_eq!(shown(written), expected, "{written}");
    }
}

#[test]
fn usage_has_its_own_cycle_name_and_filter() {
    let book = usage(
        r#"
        eu = { meter = "calls", name = "Calls in Europe", where = { region = "eu" }, every = "month", price = 2 }
        eu_large = { meter = "calls", where = { region = "eu", model = "large" }, price = 3 }
        calls = { price = 1, group_by = ["model"], free = 100 }
        "#,
    );
    let plan = &book.plans[0];
    assert_eq!((plan.usage[0].name.as_str(), plan.usage[1].name.as_str()), ("Calls in Europe", "Calls"));
    assert_eq!(
        (plan.usage[0].prices[0].when, plan.usage[1].prices[0].when),
        (When::Every(Cycle::MONTH), When::Period)
    );
    assert_eq!(plan.usage[2].group_by, ["model"]);
    assert_eq!(plan.usage[2].free.as_ref().unwrap().to_string(), "100");
    assert!(plan.usage.iter().all(|usage| usage.prices[0].pay_in == PayIn::Arrears));
    let priced = |event: &[(&str, &str)]| {
        let value = |key: &str| event.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
        plan.usage_for("calls", value).map(|usage| usage.key.clone())
    };
    for (event, key) in [
        (&[("region", "eu")][..], Some("eu")),
        (&[("region", "eu"), ("model", "large")], Some("eu_large")),
        (&[("region", "us"), ("model", "large")], Some("calls")),
        (&[], Some("calls")),
    ] {
        assert_eq!(priced(event).as_deref(), key, "{event:?}");
    }
    assert_eq!(plan.usage_for("volume", |_| None), None);
}

#[test]
fn seats_have_tiers_packages_and_bounds_too() {
    let book = book_with(
        r#"
        [plans.a]
        name = "A"
        price = { per = "user", month = { graduated = [{ up_to = 5, price = 10, flat = 20 }, { price = "8.5" }] }, year = "10 % off" }
        [plans.b]
        name = "B"
        price = { per = "user", month = { price = 10, minimum = 50, maximum = 500 }, year = "100 % off" }
        [plans.c]
        name = "C"
        price = { per = "user", month = { package = 5, price = 40 }, pay_in = "arrears" }
        minimum = { month = 100, year = 1000 }
        "#,
    );
    let shown = |plan: usize, price: usize| book.plans[plan].prices[price].to_string();
    assert_eq!(shown(0, 0), "USD 20 and USD 10 per user up to 5, then USD 8.50 per user");
    assert_eq!(
        shown(0, 1),
        "USD 216 and USD 108 per user up to 5, then USD 91.80 per user (10 % off 12 months)"
    );
    assert_eq!(shown(1, 0), "USD 10 per user, at least USD 50, at most USD 500");
    assert_eq!(shown(1, 1), "USD 0 per user (100 % off 12 months), at least USD 0, at most USD 0");
    let prepaid = book.plans[0].prices[1].prepaid.clone().unwrap();
    assert_eq!((prepaid.months, prepaid.off), (12, Rate::parse_percent("10").unwrap()));
    assert_eq!(book.plans[2].prices[0].pay_in, PayIn::Arrears);
    let minimum = |cycle| {
        let minimum = book.plans[2].minimum_for(cycle, currency("USD")).unwrap();
        (minimum.unit_price, minimum.months_factor)
    };
    let amount = |text: &str| UnitPrice::parse(text).unwrap();
    assert_eq!(minimum(Cycle::MONTH), (amount("100"), 1));
    assert_eq!(minimum(Cycle::QUARTER), (amount("100"), 3));
    assert_eq!(minimum(Cycle::YEAR), (amount("1000"), 1));
}

#[test]
fn a_price_has_several_currencies() {
    let book = book_with(
        r#"
        [plans.a]
        name = "A"
        price = { per = "user", month = { USD = 49, EUR = "45.5" }, year = "10 % off" }
        minimum = { month = { EUR = 90, USD = 100 } }
        usage.calls = { graduated = [{ up_to = 100, price = 0 }, { price = { EUR = "0.1", USD = "0.2" } }] }
        usage.volume = { percent = 2 }
        [addons.x]
        name = "X"
        price = { month = { USD = 1, EUR = 2 } }
        [coupons.c]
        name = "C"
        amount = { USD = 10, EUR = 9 }
        "#,
    );
    let plan = &book.plans[0];
    let shown: Vec<String> = plan.prices.iter().map(|price| format!("{} {price}", price.when)).collect();
    assert_eq!(
        shown,
        [
            "month USD 49 per user",
            "month EUR 45.50 per user",
            "year USD 529.20 per user (10 % off 12 months)",
            "year EUR 491.40 per user (10 % off 12 months)",
        ]
    );
    assert_eq!(book.currencies(), [currency("USD"), currency("EUR")]);
    assert_eq!(plan.currencies(), [currency("USD"), currency("EUR")]);
    assert!(plan.cycles().eq([Cycle::MONTH, Cycle::YEAR]), "each cycle once");
    let in_euro = |usage: usize| plan.usage[usage].price_in(currency("EUR")).unwrap().to_string();
    assert_eq!(in_euro(0), "EUR 0 per call up to 100, then EUR 0.10 per call");
    assert_eq!(in_euro(1), "2 %");
    let minimum = plan.minimum_for(Cycle::YEAR, currency("EUR")).unwrap();
    assert_eq!((minimum.unit_price.to_string().as_str(), minimum.months_factor), ("90", 12));
    let addon = book.addon("x").unwrap();
    assert_eq!(addon.price_for(Cycle::YEAR, currency("EUR")).unwrap().unit_price.to_string(), "2");
    let Discount::Amount { amounts } = &book.coupon("c").unwrap().discount else { panic!("an amount") };
    assert_eq!(amounts.len(), 2);
    let json = book.canonical_json();
    assert_eq!(serde_json::from_str::<Book>(&json).unwrap(), book);
}

#[test]
fn coupons_are_read() {
    let book = book_with(
        r#"
        [plans.a]
        name = "A"
        price = { month = 1 }
        [coupons.welcome]
        name = "Welcome"
        code = "WELCOME-20"
        percent = "20 %"
        lasts = "3 periods"
        applies_to = ["a"]
        redemptions = 100
        expires = 2027-01-31
        stacks = true
        [coupons.month]
        name = "A month on us"
        free_months = 1
        [coupons.gift]
        name = "Gift"
        amount = "25"
        lasts = "forever"
        expires = "2028-02-29"
        "#,
    );
    let [welcome, month, gift] = book.coupons.as_slice() else { panic!("three coupons") };
    assert_eq!(welcome.code.as_deref(), Some("WELCOME-20"));
    assert_eq!(welcome.discount, Discount::Percent { rate: Rate::parse_percent("20").unwrap() });
    assert_eq!((welcome.lasts, welcome.redemptions, welcome.stacks), (Lasts::Periods(3), Some(100), true));
    assert_eq!(welcome.expires.unwrap().to_string(), "2027-01-31");
    assert_eq!(
        (&month.discount, month.lasts, month.stacks),
        (&Discount::FreeMonths { months: 1 }, Lasts::Once, false)
    );
    assert_eq!((gift.lasts, gift.expires.unwrap().to_string().as_str()), (Lasts::Forever, "2028-02-29"));
    assert!(gift.covers("a") && welcome.covers("a") && !welcome.covers("b"));
}

#[test]
fn mistakes_in_usage_are_named() {
    let plan =
        |usage: &str| format!("[plans.a]\nname = \"A\"\nprice = {{ month = 1 }}\n[plans.a.usage]\n{usage}");
    for (written, sentence) in [
        ("callz = 1", "meter `callz` is not defined; did you mean `calls`?"),
        ("calls = 0.5", "a price with a decimal point must be in quotes; write \"0.5\""),
        (
            "calls = {}",
            "there is no price; say how it is found: `price`, `graduated`, `volume`, `percent` or `times`",
        ),
        (
            "calls = { price = 1, graduated = [{ price = 1 }] }",
            "a price is found in one way, and this one has both `price` and `graduated`; keep one of the two",
        ),
        ("calls = { price = 1, fixed = 1 }", "`fixed` goes with `percent`, not with `price`"),
        (
            "calls = { price = 1, prise = 1 }",
            "`prise` is not a key of usage price `calls`; did you mean `price`?",
        ),
        ("calls = { package = 0, price = 1 }", "the size of a package is above 0"),
        (
            "calls = { price = 1, started = \"free\" }",
            "`started` says what a package costs that is not full; there is no `package`",
        ),
        ("calls = { price = 1, minimum = 5, maximum = 4 }", "the minimum is above the maximum"),
        (
            "calls = { graduated = [] }",
            "there is no tier; write [{ up_to = 10, price = \"5\" }, { price = \"4\" }] with your own figures",
        ),
        (
            "calls = { graduated = [{ price = 1 }, { price = 2 }] }",
            "only the last tier has no end; add up_to = 10 with your own figure",
        ),
        (
            "calls = { graduated = [{ up_to = 5, price = 1 }, { up_to = 9, price = 2 }] }",
            "the last tier has an end; leave `up_to` out, or add a tier after it",
        ),
        (
            "calls = { volume = [{ up_to = 5, price = 1 }, { up_to = 5, price = 2 }, { price = 3 }] }",
            "the tier does not end after the one before it",
        ),
        (
            "calls = { volume = [{ up_to = 5 }, { price = 3 }] }",
            "the tier has no price; add one, such as price = \"5\"",
        ),
        (
            "volume = { graduated = [{ up_to = 5, percent = 1 }, { price = 3 }] }",
            "some tiers have a percentage and this one has none; add percent = \"0\"",
        ),
        (
            "volume = { volume = [{ percent = 1 }] }",
            "percentages are graduated, not by volume; write `graduated`",
        ),
        (
            "calls = { percent = 1 }",
            "a percentage needs an amount, and meter `calls` does not add one up; give the meter aggregation = \"sum\"",
        ),
        (
            "volume = { percent = \"-1\" }",
            "`-1` is not a percentage; write a decimal of at most 10 places, such as \"2.9\", from 0 to 10000",
        ),
        (
            "calls = { price = 1, where = { regoin = \"eu\" } }",
            "`regoin` is not a dimension of meter `calls`; did you mean `region`?",
        ),
        ("calls = { price = 1, group_by = [\"zone\"] }", "`zone` is not a dimension of meter `calls`"),
        (
            "calls = { price = 1, every = \"monthly\" }",
            "`monthly` is not a billing cycle; did you mean `month`?",
        ),
        (
            "calls = { price = { USD = 1, EUR = 2 }, minimum = 7 }",
            "there is no amount in EUR, which this price is given in elsewhere; write one for each currency: { USD = \"49\", EUR = \"45\" }",
        ),
        (
            "calls = { USD = 1, EURO = 2 }",
            "`EURO` is not the code of a currency (ISO 4217); did you mean `EUR`?",
        ),
        (
            "calls = { EUR = 1 }",
            "the plan is sold in USD, and this price has no amount in it; write one for each currency: { USD = \"5\" }",
        ),
        (
            "calls = 1\nmore = { meter = \"calls\", price = 2 }",
            "`calls` and `more` price the same usage of `calls`; keep one of the two, or tell them apart by `where`",
        ),
    ] {
        assert_eq!(mistakes(&plan(written)), [sentence], "{written}");
    }
}

#[test]
fn mistakes_in_prices_and_limits_are_named() {
    for (written, sentence) in [
        ("price = { month = 1, year = \"10 % off\", or_less = { percent = 1 } }", "`or_less` has no `of`"),
        (
            "price = { month = 1, or_less = { percent = 1, of = \"calls\" } }",
            "a percentage needs an amount, and meter `calls` does not add one up; give the meter aggregation = \"sum\"",
        ),
        (
            "price = { month = 1, or_less = { percent = 1, of = \"volume\" }, pay_in = \"advance\" }",
            "a price that may be a percentage instead is known only at the period's end",
        ),
        (
            "price = { per = \"user\", month = 1, or_less = { percent = 1, of = \"volume\" } }",
            "a price that may be a percentage instead is not per unit",
        ),
        (
            "price = { year = \"10 % off\" }",
            "the discount is off the price of a month, and there is none; add one, such as month = \"49\"",
        ),
        ("price = { month = 1, week = \"10 % off\" }", "a discount is for paying several months at once"),
        (
            "price = { month = 1, year = \"110 % off\" }",
            "`110` is not a discount; write a percentage from 0 to 100, such as \"10 % off\"",
        ),
        (
            "price = { month = \"0.000000000001\", year = \"10 % off\" }",
            "the discounted price has more than 12 decimals; write the amount instead",
        ),
        (
            "price = { month = { package = 5, price = 1 } }",
            "the price depends on how many there are of what; add what is counted, such as per = \"user\"",
        ),
        ("price = { month = { percent = 5 } }", "what a meter measures is priced under `usage`"),
        ("price = { month = 1 }\nminimum = { per = \"user\", month = 1 }", "`per` is not a key of a minimum"),
        (
            "price = { month = 1, week = 1 }\nminimum = { month = 1 }",
            "the plan is sold by `week` in USD, for which there is no minimum; add one, or one for a month, which counts for each month",
        ),
        (
            "price = { month = 1 }\nnegotiated = \"yes\"",
            "`negotiated` is true or false, without quotes; this is a text",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { amount = 1, per = \"user\" } }",
            "the plan is not priced per unit, so there is no number to multiply the limit by; for a limit of each user on its own, write scope = \"user\"",
        ),
        (
            "price = { per = \"user\", month = 1 }\nlimits = { calls = { amount = 1, per = \"seat\" } }",
            "the plan is priced per user, so that is what a limit can be multiplied by; write per = \"user\"",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { amount = 1, window = \"rolling 5 month\" } }",
            "`rolling 5 month` is not a window: \"period\", \"day\", \"week\", \"month\", \"year\", or a time up to now such as \"rolling 5 hours\"",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { policy = \"hard\" } }",
            "limit `calls` has no `amount`",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { amount = 1, policy = \"soft\" } }",
            "plan `a` bills what goes beyond its soft limit `calls`, and has no price for it; add a price for `calls` under `usage`, or make the limit \"hard\" or \"warn\"",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { amount = 1, policy = \"soft\" } }\nusage = { calls = { price = 1, free = 5 } }",
            "plan `a` includes units of `calls` twice: by its soft limit and by `free`; keep one of the two",
        ),
        (
            "price = { month = 1 }\nlimits = { calls = { amount = 1, policy = \"soft\", window = \"day\" } }\nusage = { calls = 1 }",
            "plan `a` bills `calls` by the period, and its soft limit counts by another time; leave `window` out",
        ),
        (
            "price = { month = 1 }\nlimits = { volume = { amount = 1, policy = \"soft\" } }\nusage = { volume = { percent = 1 } }",
            "plan `a` has a price of an amount for `volume`, of which a soft limit includes nothing; write `free_amount` in the price",
        ),
    ] {
        assert_eq!(mistakes(&format!("[plans.a]\nname = \"A\"\n{written}")), [sentence], "{written}");
    }
}

#[test]
fn what_is_checked_of_events_is_read_and_written_back() {
    let read_meter = |meter: &str| {
        let head = "book = 1\nname = \"B\"\ncurrency = \"USD\"\n[meters]\n";
        let tail = "[plans.a]\nname = \"A\"\nprice = { month = 1 }";
        let book = read("b.toml", &format!("{head}x = {{ name = \"X\", unit = \"x\", {meter} }}\n{tail}"));
        book.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).meters[0].clone()
    };
    let plain = read_meter("aggregation = \"sum\"");
    assert_eq!((&plain.min, &plain.max, &plain.jump, plain.critical), (&None, &None, &None, false));
    let json = serde_json::to_value(&plain).unwrap();
    assert!(json.get("critical").is_none() && json.get("jump").is_none(), "{json}");
    let full = read_meter(
        "aggregation = \"sum\", min = \"0.5\", max = 10, jump = { times = 5, floor = 20 }, critical = true",
    );
    let exact = |text| Exact::parse_decimal(text).unwrap();
    assert_eq!((&full.min, &full.max), (&Some(exact("0.5")), &Some(exact("10"))));
    assert_eq!(full.jump, Some(Jump { times: 5, floor: exact("20") }));
    assert!(full.critical);
    assert_eq!(serde_json::from_value::<Meter>(serde_json::to_value(&full).unwrap()).unwrap(), full);
    assert_eq!(read_meter("jump = 10").jump, Some(Jump { times: 10, floor: exact("100") }));
}

#[test]
fn mistakes_in_meters_and_coupons_are_named() {
    let plan = "[plans.a]\nname = \"A\"\nprice = { month = 1 }";
    for (written, sentence) in [
        (
            "[meters.x]\nname = \"X\"\nunit = \"x\"\naggregation = \"summ\"",
            "`summ` is not a choice for `aggregation`: \"count\", \"sum\", \"max\", \"min\", \"unique\", \"latest\", \"time_weighted\"; did you mean `sum`?",
        ),
        (
            "[meters.x]\nname = \"X\"\nunit = \"x\"\ndecimals = 2",
            "what is counted one by one has no decimals",
        ),
        ("[meters.x]\nname = \"X\"\nunit = \"x\"\nproperty = \"y\"", "a count looks at no property"),
        (
            "[meters.x]\nname = \"X\"\nunit = \"x\"\nmax = 5",
            "what is counted one by one has no range: only a number that an event brings has",
        ),
        (
            "[meters.x]\nname = \"X\"\nunit = \"x\"\naggregation = \"sum\"\nmin = \"5.5\"\nmax = 5",
            "`max` is below `min`: no event could be accepted",
        ),
        ("[meters.x]\nname = \"X\"\nunit = \"x\"\njump = 1", "`jump` must be from 2 to 1000000"),
        ("[meters.x]\nname = \"X\"\nunit = \"x\"\njump = { floor = 5 }", "a jump has no `times`"),
        (
            "[meters.x]\nname = \"X\"\nunit = \"x\"\naggregation = \"max\"\ncritical = true",
            "double entry is of a meter that counts or sums up; give the meter aggregation = \"sum\", or leave it out",
        ),
        (
            "[meters.users]\nname = \"X\"\nunit = \"x\"",
            "`users` is a feature already; give one of the two another key",
        ),
        ("[meters.x]\nname = \"Calls\"\nunit = \"x\"", "meter `calls` is already called \"Calls\""),
        (
            "[coupons.x]\nname = \"X\"",
            "the coupon takes nothing off; add `percent`, `amount` or `free_months`",
        ),
        (
            "[coupons.x]\nname = \"X\"\npercent = 1\namount = 1",
            "a coupon takes one thing off, and this one has `percent` and `amount`; make two coupons of it",
        ),
        ("[coupons.x]\nname = \"X\"\npercent = 101", "a discount is above 0 and at most 100 %"),
        ("[coupons.x]\nname = \"X\"\namount = 0", "the amount of a coupon is above 0"),
        (
            "[coupons.x]\nname = \"X\"\npercent = 1\nlasts = \"3 months\"",
            "`3 months` is not a choice: \"once\", \"forever\" or so many periods",
        ),
        (
            "[coupons.x]\nname = \"X\"\nfree_months = 1\nlasts = \"once\"",
            "free months say themselves how long they last",
        ),
        (
            "[coupons.x]\nname = \"X\"\npercent = 1\ncode = \"a b\"",
            "`a b` is not a code; use upper case letters, digits, - and _, at most 40, such as \"WELCOME20\"",
        ),
        (
            "[coupons.x]\nname = \"X\"\npercent = 1\nexpires = \"31.1.2027\"",
            "`31.1.2027` is not a date; write it as 2027-01-31",
        ),
        (
            "[coupons.x]\nname = \"X\"\npercent = 1\napplies_to = [\"b\"]",
            "no plan, add-on or usage price is called `b`; did you mean `a`?",
        ),
    ] {
        assert_eq!(mistakes(&format!("{written}\n{plan}")), [sentence], "{written}");
    }
}

#[test]
fn what_a_plan_builds_on_must_fit() {
    let seen = mistakes(
        r#"
        [plans.a]
        name = "A"
        price = { per = "user", month = 1 }
        limits = { calls = { amount = 1, per = "user" } }
        usage = { volume = { percent = 1, fixed = 1 } }
        [plans.b]
        name = "B"
        builds_on = "a"
        price = { month = { USD = 1, EUR = 1 } }
        "#,
    );
    assert_eq!(
        seen,
        [
            "the limit `calls` is per user, which this plan is not priced per; give this plan a limit `calls` of its own",
            "usage price `volume` has no amount in EUR, in which the plan is sold; add a price for `volume` to this plan",
        ]
    );
}

#[test]
fn every_new_part_is_compared() {
    let old = r#"
        [plans.a]
        name = "A"
        price = { month = 1, or_less = { percent = 1, of = "volume" } }
        limits = { calls = 5 }
        usage = { calls = "0.5" }
        [coupons.c]
        name = "C"
        percent = 5
    "#;
    let new = r#"
        [plans.a]
        name = "A"
        negotiated = true
        price = { month = 1, or_less = { percent = 2, of = "volume" } }
        minimum = { month = 9 }
        limits = { calls = { amount = 6, window = "day", scope = "user" } }
        usage = { calls = { price = "0.75", every = "month", free = 3 }, volume = { percent = 1 } }
        [coupons.c]
        name = "C"
        amount = "5"
        lasts = "forever"
        code = "C"
        redemptions = 3
        stacks = true
    "#;
    let sentences: Vec<String> = diff(&book_with(old), &book_with(new))
        .iter()
        .map(|change| format!("[{}] {change}", change.place))
        .collect();
    assert_eq!(
        sentences,
        [
            "[plans.a] plan A: monthly price USD 1 or 1 % of volume, whichever is less → USD 1 or 2 % of volume, whichever is less",
            "[plans.a] plan A: negotiated false → true",
            "[plans.a] plan A: monthly minimum USD 9 added",
            "[plans.a] plan A: calls 5 (hard) → 6 (hard, each user, day)",
            "[plans.a] plan A: usage price calls free none → 3",
            "[plans.a] plan A: usage price calls USD 0.50 per call removed",
            "[plans.a] plan A: monthly usage price calls USD 0.75 per call added",
            "[plans.a] plan A: usage price volume added",
            "[coupons.c] coupon C: code none → C",
            "[coupons.c] coupon C: discount 5 % → USD 5",
            "[coupons.c] coupon C: lasts once → forever",
            "[coupons.c] coupon C: redemptions any number → 3",
            "[coupons.c] coupon C: stacks false → true",
        ]
    );
}
