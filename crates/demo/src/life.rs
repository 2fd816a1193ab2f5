//! What one customer lives through, drawn before it happens.

use jiff::{ToSpan, civil::Date};

use crate::{
    business::{Business, Plan},
    dice::Dice,
};

/// Something a customer does, or that is done about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A method of payment is put on file.
    Method,
    /// Staff let a trial last longer.
    Extend(u16),
    /// A trial is paid for before its end.
    Convert,
    /// To the next larger plan.
    Up,
    /// To the next smaller plan, now or at the end of the period.
    Down(bool),
    /// More or fewer seats or units of add-ons.
    Seats(i64),
    /// By another cycle, from the period's end.
    Cycle,
    /// Something is charged once, now or with the next invoice.
    Charge(bool),
    /// For some weeks.
    Pause,
    /// After a pause.
    Resume,
    /// Now, or at the end of the period.
    Cancel(bool),
    /// On second thoughts.
    KeepOn,
    /// A new subscription after the last one ended.
    Return,
    /// Access off, because nothing was paid.
    Suspend,
    /// Access on again.
    Reinstate,
}

/// How a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Within two weeks.
    Prompt,
    /// One or two months late, now and then in two parts.
    Late,
    /// Not any more from so many invoices on.
    StopsAfter(i64),
}

/// When a subscription began, seen from the day somebody writes it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Began {
    /// At once.
    Now,
    /// So many days before, billed from then on.
    Before(i64),
    /// So many days before; only what comes next is billed here, the past was billed elsewhere.
    Elsewhere(i64),
    /// On the last day of the month before.
    MonthEnd,
    /// So many days later.
    Ahead(i64),
}

/// A first subscription.
#[derive(Clone, Debug)]
pub(crate) struct First {
    pub(crate) plan: &'static Plan,
    pub(crate) cycle: &'static str,
    pub(crate) seats: Option<i64>,
    pub(crate) addons: Vec<(&'static str, i64)>,
    pub(crate) began: Began,
    /// With a trial, and whether a method of payment is on file from the start.
    pub(crate) trial: Option<bool>,
    pub(crate) coupon: Option<&'static str>,
    /// A price agreed, per month, in major units.
    pub(crate) agreed: Option<i64>,
    /// Months of a contract.
    pub(crate) term: Option<u32>,
}

/// A customer's life.
pub(crate) struct Life {
    /// Which market it is in.
    pub(crate) market: usize,
    pub(crate) comes: Date,
    /// None for a customer who never subscribes.
    pub(crate) first: Option<First>,
    pub(crate) habit: Habit,
    /// What comes after, in order.
    pub(crate) deeds: Vec<(Date, Deed)>,
}

/// The life of a customer of a business, between these days.
pub(crate) fn draw(business: &'static Business, dice: &mut Dice, from: Date, to: Date) -> Life {
    let market = dice.weighted(business.markets, |market| market.weight);
    let market = business.markets.iter().position(|one| std::ptr::eq(one, market)).unwrap_or(0);
    let comes = arrival(dice, from, to);
    let first = (!dice.percent(4)).then(|| first(business, dice));
    let habit = match dice.from(1, 100) {
        1..=78 => Habit::Prompt,
        79..=93 => Habit::Late,
        _ => Habit::StopsAfter(dice.from(0, 9)),
    };
    let mut deeds = Vec::new();
    if let Some(first) = &first {
        let begins = match first.trial {
            Some(_) => trial(dice, &mut deeds, comes),
            None => comes,
        };
        if let Habit::StopsAfter(_) = habit
            && dice.percent(50)
        {
            let off = begins.saturating_add(dice.from(120, 420).days());
            deeds.push((off, Deed::Suspend));
            if dice.percent(30) {
                deeds.push((off.saturating_add(dice.from(6, 40).days()), Deed::Reinstate));
            }
        }
        course(dice, &mut deeds, begins, to);
    }
    deeds.retain(|(day, _)| *day <= to);
    deeds.sort_by_key(|(day, _)| *day);
    Life { market, comes, first, habit, deeds }
}

/// More come each month than the month before; many on the first of it.
fn arrival(dice: &mut Dice, from: Date, to: Date) -> Date {
    let days = i64::from((to - from).get_days()).max(1);
    // The larger of two throws: twice as many in the end as on average.
    let day = dice.from(0, days - 1).max(dice.from(-days / 2, days - 1));
    let day = from.saturating_add(day.days());
    if dice.percent(30) { day.first_of_month() } else { day }
}

fn first(business: &'static Business, dice: &mut Dice) -> First {
    let trial = business.trial.filter(|(_, percent)| dice.percent(*percent));
    let plan = match trial {
        Some((key, _)) => business.plans.iter().find(|plan| plan.key == key).unwrap_or(&business.plans[0]),
        None => dice.weighted(business.plans, |plan| plan.weight),
    };
    let coupon = business
        .coupon
        .filter(|(_, plans, percent)| trial.is_none() && plans.contains(&plan.key) && dice.percent(*percent));
    let began = match dice.from(1, 100) {
        _ if trial.is_some() => Began::Now,
        1..=6 => Began::Before(dice.from(3, 80)),
        7..=9 => Began::Elsewhere(dice.from(20, 200)),
        10..=19 => Began::MonthEnd,
        20..=27 => Began::Ahead(dice.from(5, 60)),
        _ => Began::Now,
    };
    let addons = plan.addons.iter().filter(|_| dice.percent(35)).collect::<Vec<_>>();
    let agreed = plan.agreed.map(|(from, to)| dice.from(from, to));
    First {
        plan,
        // What follows a trial may be sold by the month only.
        cycle: if trial.is_some() { "month" } else { dice.one::<&str>(plan.cycles) },
        seats: plan.seats.map(|(from, to)| dice.from(from, to)),
        addons: addons.into_iter().map(|(key, most)| (*key, dice.from(1, *most))).collect(),
        began,
        trial: trial.map(|_| dice.percent(35)),
        coupon: coupon.map(|(key, ..)| key),
        agreed,
        term: agreed.and(Some(12)).filter(|_| dice.percent(60)),
    }
}

/// What happens in a trial; when it is over.
fn trial(dice: &mut Dice, deeds: &mut Vec<(Date, Deed)>, comes: Date) -> Date {
    let day = |days: i64| comes.saturating_add(days.days());
    match dice.from(1, 100) {
        1..=22 => deeds.push((day(dice.from(2, 6)), Deed::Method)),
        23..=30 => deeds.push((day(dice.from(2, 6)), Deed::Convert)),
        31..=38 => {
            deeds.push((day(dice.from(3, 6)), Deed::Extend(7)));
            if dice.percent(60) {
                deeds.push((day(dice.from(7, 12)), Deed::Method));
            }
        }
        39..=46 => deeds.push((day(dice.from(2, 6)), Deed::Cancel(true))),
        // Suspended at its end, and back after all.
        47..=56 => deeds.push((day(dice.from(20, 50)), Deed::Reinstate)),
        _ => {}
    }
    day(22)
}

/// What happens in the months after.
fn course(dice: &mut Dice, deeds: &mut Vec<(Date, Deed)>, begins: Date, to: Date) {
    let mut day = begins.saturating_add(dice.from(20, 110).days());
    while day < to {
        match dice.from(1, 100) {
            1..=18 => deeds.push((day, Deed::Up)),
            19..=27 => deeds.push((day, Deed::Down(dice.percent(40)))),
            28..=62 => deeds.push((day, Deed::Seats(dice.from(-3, 6)))),
            63..=68 => deeds.push((day, Deed::Cycle)),
            69..=76 => {
                deeds.push((day, Deed::Pause));
                day = day.saturating_add(dice.from(10, 70).days());
                deeds.push((day, Deed::Resume));
            }
            77..=92 => {
                deeds.push((day, Deed::Cancel(dice.percent(45))));
                if dice.percent(20) {
                    deeds.push((day.saturating_add(dice.from(2, 9).days()), Deed::KeepOn));
                }
                if dice.percent(35) {
                    day = day.saturating_add(dice.from(40, 200).days());
                    deeds.push((day, Deed::Return));
                } else {
                    return;
                }
            }
            _ => deeds.push((day, Deed::Charge(dice.percent(50)))),
        }
        day = day.saturating_add(dice.from(25, 160).days());
    }
}
