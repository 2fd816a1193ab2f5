//! Changes of a subscription within a period: what is credited, what is charged.

use std::collections::{BTreeMap, BTreeSet};

use billing::subscription::{Change, Timing};
use jiff::{Timestamp, civil::Date};
use kernel::{Cycle, CycleUnit, Exact, Money, Zone};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    desk::{Desk, Happened, Office, Row, Wanted},
    endings, read, upgrades, usage,
};

/// The knobs of a book by the policy a case assumes.
pub struct Knobs {
    /// `anchor`.
    pub anchor: &'static str,
    /// `proration`.
    pub proration: &'static str,
    /// `cancellation_day`.
    pub cancellation_day: &'static str,
    /// `cycle_change`.
    pub cycle_change: &'static str,
    /// `plan_change`.
    pub plan_change: &'static str,
    /// `cancellation_credit`.
    pub cancellation_credit: &'static str,
}

impl Knobs {
    /// The knobs a case asks for.
    pub fn of(case: &Case) -> Checked<Self> {
        // One engine bills by the calendar unless told otherwise.
        let by_calendar = case.policy.starts_with("LAGO");
        let anchor = match case.given["billing_time"].as_str() {
            Some("calendar") => "calendar",
            None if by_calendar => "calendar",
            _ => "anniversary",
        };
        let (proration, cancellation_day) = match case.policy.as_str() {
            "LAGO_DAY" | "LAGO_TAX" | "U" | "CLAMP" | "HIGH_WATER" => ("day", "billed"),
            "DAY_HALFOPEN" | "DAY_INCLUSIVE_END" => ("day", "free"),
            "SECOND" | "DURATION" => ("second", "free"),
            "FIXED30" => ("thirty_day_month", "free"),
            other => return Err(Miss::not(format!("no knob for the policy {other}"))),
        };
        let plan_change = if case.topic == "proration.reset" { "reset" } else { "prorate" };
        let cancellation_credit = if case.given["option"] == "skip" { "none" } else { "unused" };
        let cycle_change = "restart";
        Ok(Self { anchor, proration, cancellation_day, cycle_change, plan_change, cancellation_credit })
    }

    fn section(&self) -> String {
        let Self { anchor, proration, cancellation_day, cycle_change, plan_change, cancellation_credit } =
            self;
        format!(
            "[billing]\nanchor = {anchor:?}\nproration = {proration:?}\ncancellation_day = {cancellation_day:?}\n\
             cycle_change = {cycle_change:?}\nplan_change = {plan_change:?}\n\
             cancellation_credit = {cancellation_credit:?}\n"
        )
    }
}

/// A price book with plans, each at a price for a cycle, and add-ons, each at one price for every cycle.
pub fn book(
    case: &Case,
    knobs: &Knobs,
    plans: &[(&str, Cycle, String)],
    addons: &[(String, String)],
) -> String {
    let code = case.currency();
    let mut text = format!("book = 1\nname = \"B\"\ncurrency = \"{code}\"\n{}", knobs.section());
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (key, cycle, price) in plans {
        *seen.entry(key).or_default() += &format!("\"{cycle}\" = \"{price}\", ");
    }
    for (key, prices) in seen {
        text += &format!("[plans.{key}]\nname = \"plan {key}\"\nprice = {{ {prices} }}\n");
    }
    let cycles: BTreeSet<String> = plans.iter().map(|(_, cycle, _)| cycle.to_string()).collect();
    for (key, price) in addons {
        let prices: Vec<String> = cycles.iter().map(|cycle| format!("\"{cycle}\" = \"{price}\"")).collect();
        text += &format!("[addons.{key}]\nname = \"{key}\"\nprice = {{ {} }}\n", prices.join(", "));
    }
    text
}

/// `proration.*`.
pub fn check(case: &Case, office: &Office) -> Checked {
    match case.topic.as_str() {
        "proration.seats" => usage::seats(case),
        "proration.termination" => endings::ended_in_arrears(case),
        "proration.phase" => endings::phases(case),
        "proration.addon" => upgrades::addons(case, office),
        "proration.multiple_upgrades" => upgrades::several(case, office),
        _ if case.find(&["from"]).is_some_and(Value::is_object) => upgrades::other_cycle(case, office),
        _ if case.find(&["manual_adjustment"]).is_some() => endings::adjusted(case),
        _ if case.find(&["from_minor"]).is_some() => upgrades::with_usage(case, office),
        _ => one(case, office),
    }
}

/// A change of some components: the period, when it happens, and what each costs before and after.
struct Plain {
    zone: Zone,
    cycle: Cycle,
    new_cycle: Cycle,
    start: Timestamp,
    change_at: Timestamp,
    old: Vec<String>,
    new: Vec<String>,
}

impl Plain {
    fn of(case: &Case) -> Checked<Self> {
        let zone = read::zone(case)?;
        let (start, end, cycle) = period(case, &zone)?;
        let change_at = change_at(case, &zone, start, end)?;
        let old = prices(
            case,
            "old",
            &["old", "old_minor", "old_components_minor", "price_minor", "subscription_price_minor", "paid"],
        )?;
        let new =
            prices(case, "new", &["new", "new_minor", "new_components_minor", "product_price_now_minor"])?;
        let resets = case.given["interval_changes_so_cycle_resets"].as_bool().unwrap_or(false);
        let interval = case.given["new"]["interval"].as_str().map(read::cycle_word).transpose()?;
        let new_cycle = interval.unwrap_or(if resets { other_than(cycle) } else { cycle });
        Ok(Self { zone, cycle, new_cycle, start, change_at, old, new })
    }
}

fn other_than(cycle: Cycle) -> Cycle {
    if cycle == Cycle::YEAR { Cycle::MONTH } else { Cycle::YEAR }
}

/// What the components cost, as texts of a price book: one or a list, in major or minor units, or quantity and
/// price.
fn prices(case: &Case, side: &str, names: &[&str]) -> Checked<Vec<String>> {
    let name = names.iter().find(|name| !case.given[**name].is_null());
    let name = name.ok_or_else(|| Miss::not(format!("shape not known: what the {side} state costs")))?;
    let minor = name.ends_with("_minor");
    let one = |value: &Value| -> Checked<String> {
        if value.as_str() == Some("free") {
            return Ok("0".into());
        }
        if value.is_object() {
            let price = read::number(&value["price"]).ok_or_else(|| Miss::not("no price"))?;
            let quantity = read::number(&value["qty"]).unwrap_or_else(Exact::one);
            return Ok((price * quantity).to_string());
        }
        if minor { read::major(case, value) } else { read::decimal(value) }
    };
    read::several(&case.given[*name]).iter().map(one).collect()
}

/// The period in which the change happens, and the cycle it is one of.
pub fn period(case: &Case, zone: &Zone) -> Checked<(Timestamp, Timestamp, Cycle)> {
    if let Some(start) = case.find(&["cycle_start"]) {
        let (start, cycle) = (read::date(start)?, read::cycle(case)?);
        let end = kernel::Schedule::anniversary(zone.start_of_day(start), cycle, zone.clone()).edge(1)?;
        return Ok((zone.start_of_day(start), end.at, cycle));
    }
    let Some(pair) = case.find(&["period", "cycle"]) else {
        // Only the part that is left is given: any period will do.
        let start: Date = Date::constant(2025, 4, 1);
        let end = Date::constant(2025, 5, 1);
        return Ok((zone.start_of_day(start), zone.start_of_day(end), Cycle::MONTH));
    };
    let (start, mut end) = (read::date(&pair[0])?, read::date(&pair[1])?);
    let inclusive =
        case.policy == "DAY_INCLUSIVE_END" || pair[1].as_str().is_some_and(|text| text.contains("end day"));
    if inclusive {
        end = end.tomorrow().map_err(|_| Miss::not("no such date"))?;
    }
    Ok((zone.start_of_day(start), zone.start_of_day(end), cycle_between(start, end)?))
}

/// The cycle from one date to another: months or years where they fit, days otherwise.
fn cycle_between(start: Date, end: Date) -> Checked<Cycle> {
    for months in [1_u16, 3, 6, 12, 24, 36] {
        let cycle = Cycle::new(CycleUnit::Month, months)?;
        let zone = Zone::utc();
        let schedule = kernel::Schedule::anniversary(zone.start_of_day(start), cycle, zone);
        if schedule.edge(1)?.date == end {
            return Ok(cycle);
        }
    }
    let days = (end - start).get_days();
    Ok(Cycle::new(CycleUnit::Day, u16::try_from(days).map_err(|_| Miss::not("no period"))?)?)
}

/// The instant of the change: a date, the middle, or what is left of the period.
fn change_at(case: &Case, zone: &Zone, start: Timestamp, end: Timestamp) -> Checked<Timestamp> {
    let seconds = end.as_second() - start.as_second();
    let left = |left: &Exact| -> Checked<Timestamp> {
        let used = (Exact::one() - left) * Exact::from(seconds);
        let at = start.as_second() + used.round_half_up()?;
        Timestamp::from_second(at).map_err(|_| Miss::not("no such instant"))
    };
    if let Some(fraction) = case.find(&["fraction_left"]).and_then(read::number) {
        return left(&fraction);
    }
    let at = case.need(&["change_on", "change_at", "changed_at", "upgraded_at", "upgraded_on"])?;
    let text = at.as_str().unwrap_or_default();
    if text.contains("half") || text.contains('/') {
        return left(&Exact::ratio(1, 2));
    }
    read::instant(at, zone)
}

/// One change of one or several components. The components are add-ons, so that each is a line of its own.
fn one(case: &Case, office: &Office) -> Checked {
    let plain = Plain::of(case)?;
    let happened = run(case, office, &plain)?;
    let currency = happened.0.currency();
    let (charged, credited) = (happened.1.charged(currency)?, happened.1.credited(currency)?);
    case.amount("net", charged.checked_sub(credited)?)?;
    // Beside a charge and what they come to together, a credit has its sign.
    for (key, amount) in
        [("credit", credited), ("debit", charged), ("charge", charged), ("new_charge", charged)]
    {
        let negative = key == "credit" && case.expects("charge") && case.expects("net");
        case.amount(key, if negative { amount.negated() } else { amount })?;
    }
    case.amounts("credits", &row_amounts(&happened.1.credits, true))?;
    case.amounts("charges", &row_amounts(&happened.1.charges, false))?;
    let start = happened.1.subscription.period.start.date;
    case.text("new_cycle_start", &start.to_string())?;
    if case.expects("june_invoice") {
        // Billed with the next invoice rather than at once: together it is the same.
        let renewal: kernel::Result<Exact> = plain.new.iter().map(|price| Exact::parse_decimal(price)).sum();
        let renewal = renewal?;
        let next =
            Money::from_exact_major(&renewal, currency)?.checked_add(charged)?.checked_sub(credited)?;
        case.money("june_invoice", next)?;
    }
    if let Some(left) = case.expect.get("account_credit_left") {
        let first = credited.checked_sub(charged)?;
        let renewal = happened.1.charged(currency)?;
        case.list(
            "account_credit_left",
            left,
            &[first.exact_major(), first.checked_sub(renewal)?.exact_major()],
        )?;
    }
    Ok(())
}

/// Amounts by component, in the order of the components.
pub fn row_amounts(rows: &[Row], negative: bool) -> Vec<Money> {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.name.starts_with('c')).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows.iter().map(|row| if negative { row.amount.negated() } else { row.amount }).collect()
}

fn run<'o>(case: &Case, office: &'o Office, plain: &Plain) -> Checked<(Desk<'o>, Happened)> {
    let knobs = Knobs::of(case)?;
    let component = |at: usize| format!("c{at}");
    let addons = |prices: &[String]| -> Vec<(String, String)> {
        let longest = plain.old.len().max(plain.new.len());
        let price = |at: usize| prices.get(at).cloned().unwrap_or_else(|| "0".into());
        (0..longest).map(|at| (component(at), price(at))).collect()
    };
    let plans = [("old", plain.cycle, "0".into()), ("new", plain.new_cycle, "0".into())];
    let desk =
        office.desk(case, &plain.zone, &book(case, &knobs, &plans, &addons(&plain.old)), plain.start)?;
    let wanted =
        |prices: &[String]| (0..prices.len()).map(|at| (component(at), 1)).collect::<BTreeMap<_, _>>();
    let started = desk.start(&Wanted { addons: wanted(&plain.old), ..Wanted::plan(plain.cycle) })?;
    desk.apply(&book(case, &knobs, &plans, &addons(&plain.new)))?;
    if plain.change_at > plain.start {
        desk.advance(plain.change_at)?;
    }
    let mut change = wanted(&plain.new);
    for at in plain.new.len()..plain.old.len() {
        change.insert(component(at), 0);
    }
    let cycle = (plain.new_cycle != plain.cycle).then_some(plain.new_cycle);
    let command =
        Change { plan: Some("new".into()), cycle, quantity: None, addons: change, ..Change::default() };
    let happened = desk.change(started.subscription.id, command, Timing::Now)?;
    Ok((desk, happened))
}
