//! Lines that end early: by hand, in arrears, for a pause.

use billing::{
    credit_note::{Running, unused},
    invoice::{self, ChargeKind, Line},
};
use jiff::{ToSpan, civil::Date};
use kernel::{Edge, Exact, Money, Period, ProrationUnit, Zone};
use rating::{Explanation, Share};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book, period},
    desk::{Office, Wanted, no_id},
    levels, read, usage,
};

/// A line of which something has been credited by hand.
pub fn adjusted(case: &Case) -> Checked {
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
        key: "line".into(),
        group: String::new(),
        adjustment: 0,
        description: "Line".into(),
        period,
        quantity: 1,
        measured: None,
        discount: Money::zero(net.currency()),
        amount: net,
        tax: Money::zero(net.currency()),
        tax_category: "standard".into(),
        explanation: Explanation { currency: net.currency(), steps: Vec::new() },
    };
    let running = Running {
        invoice: no_id(),
        state: invoice::State::Finalized,
        entity: no_id(),
        customer: no_id(),
        line,
        credited,
        credited_tax: Money::zero(net.currency()),
    };
    let credit = unused(&running, unit, &Zone::utc(), at)?;
    Ok(credit.map_or(Money::zero(net.currency()), |credit| credit.amount))
}

/// A plan in arrears that ends within a period: the day it ends is billed.
pub fn ended_in_arrears(case: &Case) -> Checked {
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
pub fn phases(case: &Case) -> Checked {
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
