//! Changes of a subscription within a period: what is credited, what is charged.

use std::collections::{BTreeMap, BTreeSet};

use billing::{
    credit_note::{Running, unused},
    invoice::{self, ChargeKind, Line},
    subscription::{Change, Timing},
};
use jiff::{Timestamp, ToSpan, civil::Date};
use kernel::{Cycle, CycleUnit, Edge, Exact, Money, Period, ProrationUnit, Zone};
use rating::{Explanation, Share};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    credit_note::with_tax,
    desk::{Desk, Happened, Office, Row, Wanted, no_id},
    levels, read, usage,
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
        Ok(Self { anchor, proration, cancellation_day, cycle_change: "restart" })
    }

    fn section(&self) -> String {
        let Self { anchor, proration, cancellation_day, cycle_change } = self;
        format!(
            "[billing]\nanchor = {anchor:?}\nproration = {proration:?}\ncancellation_day = {cancellation_day:?}\n\
             cycle_change = {cycle_change:?}\n"
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
        "proration.reset" => Err(Miss::not("a new period without credit: no such knob")),
        "proration.seats" => usage::seats(case),
        "proration.termination" => ended_in_arrears(case),
        "proration.phase" => phases(case),
        "proration.addon" => addons(case, office),
        "proration.multiple_upgrades" => several(case, office),
        _ if case.find(&["from"]).is_some_and(Value::is_object) => other_cycle(case, office),
        _ if case.find(&["manual_adjustment"]).is_some() => adjusted(case),
        _ if case.find(&["from_minor"]).is_some() => with_usage(case, office),
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
fn period(case: &Case, zone: &Zone) -> Checked<(Timestamp, Timestamp, Cycle)> {
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
    if case.expects("june_invoice") {
        // Billed with the next invoice rather than at once: together it is the same.
        let renewal = plain.new.iter().map(|price| Exact::parse_decimal(price)).sum_exact()?;
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

trait SumExact {
    fn sum_exact(self) -> Checked<Exact>;
}

impl<I: Iterator<Item = kernel::Result<Exact>>> SumExact for I {
    fn sum_exact(mut self) -> Checked<Exact> {
        Ok(self.try_fold(Exact::zero(), |sum, number| number.map(|number| sum + number))?)
    }
}

/// Amounts by component, in the order of the components.
fn row_amounts(rows: &[Row], negative: bool) -> Vec<Money> {
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
    let command = Change { plan: Some("new".into()), cycle, quantity: None, addons: change };
    let happened = desk.change(started.subscription.id, command, Timing::Now)?;
    Ok((desk, happened))
}

/// A change to another cycle that keeps the day of the month, now or at the end of the period.
fn other_cycle(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let knobs = Knobs { cycle_change: "keep", ..Knobs::of(case)? };
    let side = |key: &str| -> Checked<(Cycle, String)> {
        let side = &case.given[key];
        let cycle = read::cycle_word(side["interval"].as_str().unwrap_or("month"))?;
        Ok((cycle, read::major(case, &side["price_minor"])?))
    };
    let ((old_cycle, old), (new_cycle, new)) = (side("from")?, side("to")?);
    let book = book(case, &knobs, &[("old", old_cycle, old), ("new", new_cycle, new)], &[]);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let id = desk.start(&Wanted::plan(old_cycle))?.subscription.id;
    let command = Change { plan: Some("new".into()), cycle: Some(new_cycle), ..Change::default() };
    let at_end = case.find(&["effective"]);
    desk.advance(read::instant(case.need(&["upgraded_at", "requested", "change_at"])?, &zone)?)?;
    if let Some(before) = case.expect.get("old_plan_invoices_before") {
        case.equal("old_plan_invoices_before", before, &Exact::from(desk.invoices()?.len() as i64))?;
    }
    let timing = if at_end.is_some() { Timing::PeriodEnd } else { Timing::Now };
    let happened = desk.change(id, command, timing)?;
    if let Some(effective) = at_end {
        if case.expect.get("invoice_at_request").is_some_and(Value::is_null) && happened.charges.is_empty() {
            case.note("invoice_at_request");
        }
        desk.advance(read::instant(effective, &zone)?)?;
    }
    let charges = desk.invoices()?.pop().unwrap_or_default();
    let invoice = Money::total(charges.iter().map(|row| row.amount), desk.currency())?;
    case.amount("new_invoice", invoice)?;
    case.amount("credit_note", happened.credited(desk.currency())?)?;
    let period = desk.find(id)?.period;
    // Cases name the last day of a period.
    let last = period.end.date - 1.day();
    case.texts("new_period", &serde_json::json!([period.start.date.to_string(), last.to_string()]))
}

/// A line of which something has been credited by hand.
fn adjusted(case: &Case) -> Checked {
    let utc = Zone::utc();
    let paid = &case.given["paid"];
    let edge = |value: &Value| -> Checked<Edge> { Ok(Edge::of_date(read::date(value)?, &utc)) };
    let period = Period { start: edge(&paid["period"][0])?, end: edge(&paid["period"][1])? };
    let amount = |value: &Value| -> Checked<Money> {
        let number = read::number(value).ok_or_else(|| Miss::not("no amount"))?;
        Ok(Money::from_exact_major(&number, case.currency())?)
    };
    let (net, by_hand) = (amount(&paid["amount"])?, amount(case.need(&["manual_adjustment"])?)?);
    let at = edge(case.need(&["change_on"])?)?;
    let credited = credit(net, period, ProrationUnit::Day, at, by_hand.negated())?;
    let rest = Period { start: at, end: period.end };
    let share = Share::of(ProrationUnit::Day, &utc, rest, period);
    let charged = usage::flat(case, &read::decimal(case.need(&["new_price"])?)?, share)?;
    case.amount("credit", credited)?;
    case.amount("new_charge", charged)?;
    case.amount("net_credit", credited.checked_sub(charged)?)
}

/// The engine's credit for a line of `net` over `period` that ends at `at`.
pub fn credit(net: Money, period: Period, unit: ProrationUnit, at: Edge, credited: Money) -> Checked<Money> {
    let line = Line {
        ordinal: 0,
        subscription: no_id(),
        item: 0,
        kind: ChargeKind::Recurring,
        adjustment: 0,
        description: "Line".into(),
        period,
        quantity: 1,
        amount: net,
        explanation: Explanation { currency: net.currency(), steps: Vec::new() },
    };
    let running = Running {
        invoice: no_id(),
        state: invoice::State::Finalized,
        entity: no_id(),
        customer: no_id(),
        line,
        credited,
    };
    let credit = unused(&running, unit, &Zone::utc(), at)?;
    Ok(credit.map_or(Money::zero(net.currency()), |credit| credit.amount))
}

/// Fixed charges beside a plan, from a start within a period or through a change of it.
fn addons(case: &Case, office: &Office) -> Checked {
    if case.find(&["upgraded_on"]).is_none() {
        return started_late(case, office);
    }
    let zone = read::zone(case)?;
    let knobs = Knobs::of(case)?;
    let major = |value: &Value| read::major(case, value);
    let upgraded = read::instant(case.need(&["upgraded_on"])?, &zone)?;
    let month = Cycle::MONTH;
    // The charges before and after: the last one before is the first one after, at another price.
    let lists = case.find(&["old_charges_minor"]).zip(case.find(&["new_charges_minor"]));
    let (old, new): (Vec<String>, Vec<String>) = match lists {
        Some((old, new)) => {
            let texts = |list: &Value| read::several(list).iter().map(major).collect::<Checked<Vec<_>>>();
            (texts(old)?, texts(new)?)
        }
        None => {
            let (old, new) = (&case.given["old"], &case.given["new"]);
            (
                vec![major(&old["addon_B_paid_minor"])?],
                vec![major(&new["addon_B_minor"])?, major(&new["addon_C_minor"])?],
            )
        }
    };
    let shared = old.len() - 1;
    let name = |at: usize| format!("c{at}");
    let side = |prices: &[String], from: usize| -> Vec<(String, String)> {
        let count = shared + new.len();
        let price = |at: usize| {
            at.checked_sub(from).and_then(|at| prices.get(at)).cloned().unwrap_or_else(|| "0".into())
        };
        (0..count).map(|at| (name(at), price(at))).collect()
    };
    let plans = [("old", month, "0".to_owned()), ("new", month, "0".to_owned())];
    let started = match case.find(&["started"]) {
        Some(started) => read::instant(started, &zone)?,
        None => read::instant(&case.need(&["period"])?[0], &zone)?,
    };
    let desk = office.desk(case, &zone, &book(case, &knobs, &plans, &side(&old, 0)), started)?;
    let wanted =
        |from: usize, count: usize| (from..from + count).map(|at| (name(at), 1)).collect::<BTreeMap<_, _>>();
    let first = desk.start(&Wanted { addons: wanted(0, old.len()), ..Wanted::plan(month) })?;
    case.amounts("first_invoice", &row_amounts(&first.charges, false))?;
    desk.apply(&book(case, &knobs, &plans, &side(&new, shared)))?;
    desk.advance(upgraded)?;
    let mut change = wanted(shared, new.len());
    change.extend((0..shared).map(|at| (name(at), 0)));
    let command = Change { plan: Some("new".into()), addons: change, ..Change::default() };
    let happened = desk.change(first.subscription.id, command, Timing::Now)?;
    let of = |rows: &[Row], at: usize| {
        let rows = rows.iter().filter(|row| row.name == name(at)).map(|row| row.amount);
        Money::total(rows, desk.currency())
    };
    let due: Checked<Vec<Money>> = (shared..shared + new.len())
        .map(|at| Ok(of(&happened.charges, at)?.checked_sub(of(&happened.credits, at)?)?))
        .collect();
    let due = due?;
    case.amounts("upgrade_invoice", &due)?;
    case.amount("addon_B_due", due[0])?;
    if let Some(second) = due.get(1) {
        case.amount("addon_C_due", *second)?;
    }
    if let Some(fee) = case.given["old"].get("sub_minor_arrears") {
        let whole = desk.find(first.subscription.id)?.schedule.period_at(upgraded)?;
        let used = Period { start: whole.start, end: Edge::at(upgraded, &zone) };
        let share = Share::of(ProrationUnit::Day, &zone, used, whole);
        case.amount("old_subscription_fee", usage::flat(case, &major(fee)?, share)?)?;
    }
    Ok(())
}

fn started_late(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let month = Cycle::MONTH;
    let charges = read::several(case.need(&["charges_minor"])?);
    let prices: Checked<Vec<String>> = charges.iter().map(|charge| read::major(case, charge)).collect();
    let addons: Vec<(String, String)> =
        prices?.into_iter().enumerate().map(|(at, price)| (format!("c{at}"), price)).collect();
    let book = book(case, &Knobs::of(case)?, &[("old", month, "0".into())], &addons);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let wanted = addons.iter().map(|(key, ..)| (key.clone(), 1)).collect();
    let first = desk.start(&Wanted { addons: wanted, ..Wanted::plan(month) })?;
    case.amounts("first_invoice", &row_amounts(&first.charges, false))?;
    desk.advance(first.subscription.billed_through.at)?;
    let next = desk.invoices()?.pop().unwrap_or_default();
    case.amounts("next_invoice", &row_amounts(&next, false))
}

/// Upgrade after upgrade, each credit with its part of the tax.
fn several(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let prices: Checked<Vec<String>> =
        read::several(case.need(&["plans_minor"])?).iter().map(|price| read::major(case, price)).collect();
    let prices = prices?;
    const KEYS: [&str; 6] = ["old", "p1", "p2", "p3", "p4", "p5"];
    let plans: Vec<(&str, Cycle, String)> =
        prices.iter().zip(KEYS).map(|(price, key)| (key, Cycle::MONTH, price.clone())).collect();
    let book = book(case, &Knobs::of(case)?, &plans, &[]);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let first = desk.start(&Wanted::plan(Cycle::MONTH))?;
    let currency = desk.currency();
    let mut running = first.charged(currency)?;
    let (mut fees, mut notes) = (vec![running], Vec::new());
    let rate = read::rate(case.need(&["tax_rate_pct"])?)?;
    for (at, (key, ..)) in plans.iter().enumerate().skip(1) {
        desk.advance(read::instant(case.need(&[&format!("upgrade_{at}")])?, &zone)?)?;
        let command = Change { plan: Some((*key).into()), ..Change::default() };
        let happened = desk.change(first.subscription.id, command, Timing::Now)?;
        let credited = happened.credited(currency)?;
        notes.push(with_tax(running, credited, rate)?.1);
        running = happened.charged(currency)?;
        fees.push(running);
    }
    case.amounts("invoices_fees", &fees)?;
    case.amounts("credit_notes_total", &notes)
}

/// An upgrade beside a quantity that is billed for its days in arrears.
fn with_usage(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let (old, new) =
        (read::major(case, case.need(&["from_minor"])?)?, read::major(case, case.need(&["to_minor"])?)?);
    let plans = [("old", Cycle::MONTH, old), ("new", Cycle::MONTH, new)];
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let upgraded = read::instant(case.need(&["upgraded_at"])?, &zone)?;
    let desk = office.desk(case, &zone, &book(case, &Knobs::of(case)?, &plans, &[]), start)?;
    let id = desk.start(&Wanted::plan(Cycle::MONTH))?.subscription.id;
    desk.advance(upgraded)?;
    let command = Change { plan: Some("new".into()), ..Change::default() };
    let happened = desk.change(id, command, Timing::Now)?;
    let (charged, credited) = (happened.charged(desk.currency())?, happened.credited(desk.currency())?);
    case.amount("credit_note", credited)?;

    let period = happened.subscription.period;
    let metric = case.need(&["recurring_prorated_metric"])?;
    let change = Edge::of_date(zone.date_of(upgraded), &zone);
    let before = levels::standing(case, metric, period.start, change, period)?;
    let after = levels::standing(case, metric, change, period.end, period)?;
    case.amount("upgrade_invoice", charged.checked_sub(credited)?.checked_add(before)?)?;
    desk.advance(period.end.at)?;
    let renewal = desk.invoices()?.pop().unwrap_or_default();
    let renewal = Money::total(renewal.iter().map(|row| row.amount), desk.currency())?;
    case.amount("march_invoice", renewal.checked_add(after)?)
}

/// A plan in arrears that ends within a period: the day it ends is billed.
fn ended_in_arrears(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let date = |value: &Value| -> Checked<Date> { Ok(zone.date_of(read::instant(value, &zone)?)) };
    let edge = |date: Date| Edge::of_date(date, &zone);
    let ended = edge(date(case.need(&["terminated", "terminated_at"])?)? + 1.day());
    let added = case.find(&["units_added"]).and_then(Value::as_object);
    let cycle = read::cycle(case)?;
    let from = match (case.find(&["plan_started", "started"]), added.and_then(|added| added.keys().next())) {
        (Some(start), _) => date(start)?,
        (None, Some(start)) => date(&Value::String(start.clone()))?,
        (None, None) => return Err(Miss::not("shape not known: nothing has a start")),
    };
    let anchor = case.find(&["anchor"]).map(date).transpose()?;
    let schedule = match anchor {
        Some(anchor) => kernel::Schedule::anniversary(zone.start_of_day(anchor), cycle, zone.clone()),
        None => kernel::Schedule::calendar(zone.start_of_day(from), cycle, zone.clone()),
    };
    let whole = schedule.period_at(zone.start_of_day(from))?;
    let used = Period { start: edge(from), end: ended };
    let share = Share::of(ProrationUnit::Day, &zone, used, whole);
    case.texts("period", &serde_json::json!([from.to_string(), (ended.date - 1.day()).to_string()]))?;
    let amount = match added {
        Some(added) => {
            let units: Option<Exact> = added.values().map(read::number).sum();
            let metric = serde_json::json!({ "unit": case.given["unit"], "units": units.ok_or_else(|| Miss::not("no units"))?.to_string() });
            levels::standing(case, &metric, used.start, used.end, whole)?
        }
        None => usage::flat(case, &read::major(case, case.need(&["price_minor"])?)?, share)?,
    };
    case.amount("fee", amount)?;
    case.amount("usage_fee", amount)?;
    let Some(percent) = case.find(&["tax_rate_pct"]) else { return Ok(()) };
    case.amount("total", amount.checked_add(crate::rounding::tax(amount, read::rate(percent)?)?)?)
}

/// Phases of a plan that share a calendar month.
fn phases(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let dates = case.need(&["phase_1"])?;
    let (start, end) = (read::instant(&dates[0], &zone)?, read::instant(&dates[1], &zone)?);
    let whole = kernel::Schedule::calendar(start, read::cycle(case)?, zone.clone()).period_at(start)?;
    let fee = read::decimal(case.need(&["fee", "price"])?)?;
    let cost = |start: Edge, end: Edge| {
        usage::flat(case, &fee, Share::of(ProrationUnit::Second, &zone, Period { start, end }, whole))
    };
    let middle = Edge::at(end, &zone);
    case.amount("phase_1_amount", cost(Edge::at(start, &zone), middle)?)?;
    case.amount("phase_2_stub_amount", cost(middle, whole.end)?)?;
    case.amount("february_amount", usage::flat(case, &fee, Share::Whole)?)
}

/// `subscription.pause`.
pub fn paused(case: &Case, office: &Office) -> Checked {
    if case.find(&["paused"]).is_none() {
        return Err(Miss::not("shape not known: no pause"));
    }
    let zone = read::zone(case)?;
    let (start, _, cycle) = period(case, &zone)?;
    let price = match case.find(&["price"]) {
        Some(price) => read::decimal(price)?,
        None => read::major(case, case.need(&["price_minor"])?)?,
    };
    let desk =
        office.desk(case, &zone, &book(case, &Knobs::of(case)?, &[("old", cycle, price)], &[]), start)?;
    let id = desk.start(&Wanted::plan(cycle))?.subscription.id;
    desk.advance(read::instant(case.need(&["paused"])?, &zone)?)?;
    case.amount("credit_on_pause", desk.pause(id)?.credited(desk.currency())?)?;
    let Some(resumed) = case.find(&["resumed"]) else { return Ok(()) };
    desk.advance(read::instant(resumed, &zone)?)?;
    let happened = desk.resume(id)?;
    case.amount("charge_on_resume", happened.charged(desk.currency())?)?;
    let period = happened.subscription.period;
    let dates = serde_json::json!([period.start.date.to_string(), period.end.date.to_string()]);
    case.texts("resume_period", &dates)
}
