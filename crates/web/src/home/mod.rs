//! The front page of an environment: what stands, what comes, what happened.

mod ahead;
mod begin;
mod health;
mod lately;
mod money;

use std::collections::BTreeMap;

use ::ledger::AccountKind;
use billing::{
    figures::{self, Month},
    invoice,
    subscription::{self, State},
};
use catalog::version;
use identity::{customer, permission::may};
use jiff::civil::Date;
use kernel::{Currency, Result, Zone};
use maud::{Markup, html};
use store::View;

use crate::{
    gate::{Answer, Asked, Desk, Sheet, Staff},
    show, ui,
};

/// Counting more open invoices, or more that falls due, would keep whoever opens the page waiting.
const MOST_COUNTED: i64 = 5_000;

/// Everything on the page.
struct Whole {
    customers: i64,
    /// Subscriptions by state, of all price books together.
    states: BTreeMap<&'static str, i64>,
    /// Invoices that are not paid, and drafts: each counted as far as `MOST_COUNTED`.
    open: i64,
    drafts: i64,
    has_book: bool,
    months: Vec<Month>,
    /// What customers owe, in minor units.
    owed: BTreeMap<Currency, i128>,
    ahead: ahead::Ahead,
    lately: lately::Lately,
    health: health::Health,
}

impl Whole {
    fn load(view: &mut View<'_>, zone: &Zone, today: Date) -> Result<Self> {
        let states = subscription::state_counts(view)?;
        Ok(Self {
            customers: customer::count(view)?,
            states: states.into_iter().map(|(state, count)| (state.word(), count)).collect(),
            open: invoice::count(view, invoice::State::Finalized, MOST_COUNTED)?,
            drafts: invoice::count(view, invoice::State::Draft, MOST_COUNTED)?,
            has_book: version::newest(view)?.is_some(),
            months: figures::months(view, money::first_month(today))?,
            owed: owed(view)?,
            ahead: ahead::Ahead::load(view, zone, today)?,
            lately: lately::Lately::load(view)?,
            health: health::Health::load(view)?,
        })
    }

    fn in_state(&self, state: State) -> i64 {
        self.states.get(state.word()).copied().unwrap_or_default()
    }

    fn subscriptions(&self) -> i64 {
        self.states.values().sum()
    }
}

/// What stands on the receivable accounts.
fn owed(view: &mut View<'_>) -> Result<BTreeMap<Currency, i128>> {
    let mut owed: BTreeMap<Currency, i128> = BTreeMap::new();
    for total in ::ledger::totals(view, None)? {
        if total.kind == AccountKind::Receivable {
            *owed.entry(total.currency).or_default() += i128::from(total.debit) - i128::from(total.credit);
        }
    }
    Ok(owed)
}

pub(crate) async fn page(staff: Staff<may::InvoiceRead>, Asked(asked): Asked) -> Answer<Markup> {
    let (zone, today) = (staff.zone.clone(), staff.zone.date_of(staff.now));
    let whole = staff.read(move |view| Whole::load(view, &zone, today)).await?;
    let begun = whole.has_book && whole.customers > 0 && whole.subscriptions() > 0;
    let about =
        format!("{} · {}", show::sentence(&staff.environment.slug), show::instant(staff.now, &staff.zone));
    let happened = ui::section(
        "What happened",
        html! { a href=(staff.at("/facts")) { "All facts" } },
        lately::drawn(&staff, &whole.lately),
    );
    let body = html! {
        (ui::header(&staff.merchant.name, &about, actions(&staff, begun)))
        @if begun {
            @let currency = money::currency(&asked, &staff, &whole.months);
            (figures(&staff, &whole, currency))
            (ui::split_above(
                html! {
                    (ui::section("Money", money::currencies(&staff, &whole.months, currency), money::chart(&staff, &whole.months, currency, today)))
                    (ui::section("Subscriptions", html! { a href=(staff.at("/subscriptions")) { "All subscriptions" } }, states(&staff, &whole)))
                },
                html! {
                    (ahead::drawn(&staff, &whole.ahead))
                    (health::drawn(&staff, &whole.health))
                },
                happened,
            ))
        } @else {
            (begin::steps(&staff, &whole))
            (happened)
        }
    };
    Ok(staff.page(Sheet::new(ui::Section::Home, "Home"), body))
}

fn actions(desk: &Desk, begun: bool) -> Markup {
    html! {
        @if begun && desk.may::<may::CustomerWrite>() {
            (ui::button_link(ui::Button::Plain, "New customer", &desk.at("/customers/new")))
        }
        @if begun && desk.may::<may::SubscriptionWrite>() {
            (ui::button_link(ui::Button::Primary, "Start a subscription", &desk.at("/subscriptions/new")))
        }
    }
}

fn figures(desk: &Desk, whole: &Whole, currency: Currency) -> Markup {
    let count = |number: i64| show::grouped(number);
    let (customers, active) = (count(whole.customers), count(whole.in_state(State::Active)));
    let trialing = format!("{} in trial", count(whole.in_state(State::Trialing)));
    let open_note = match whole.drafts {
        0 => counted(whole.open, "open invoice"),
        drafts => format!("{}, {}", counted(whole.open, "open invoice"), counted(drafts, "draft")),
    };
    let owed = show::minor(whole.owed.get(&currency).copied().unwrap_or_default(), currency);
    let others: Vec<_> = whole.owed.iter().filter(|(other, sum)| **other != currency && **sum != 0).collect();
    let open = |currency: Currency| desk.at(&format!("/invoices?state=finalized&currency={currency}"));
    let owed_note = html! {
        (open_note)
        @for (place, (other, sum)) in others.iter().enumerate() {
            (if place == 0 { "; and " } else { ", " })
            a href=(open(**other)) { (ui::amount(&show::minor(**sum, **other))) }
        }
    };
    let month = money::this_month(desk, &whole.months, currency);
    let stat = |label, value| ui::Stat { label, value, note: "" };
    let [customers_href, active_href, trialing_href] =
        ["/customers", "/subscriptions?state=active", "/subscriptions?state=trialing"]
            .map(|path| desk.at(path));
    let open_href = open(currency);
    ui::figures_noted(&[
        (stat("Customers", &customers), Some(&customers_href), html! {}),
        (
            stat("Active subscriptions", &active),
            Some(&active_href),
            html! { a href=(trialing_href) { (trialing) } },
        ),
        (stat("Owed by customers", &owed), Some(&open_href), owed_note),
        (stat(&month.label, &month.value), Some(&month.href), month.note),
    ])
}

/// `3 drafts`, `20,000 drafts and more`.
fn counted(count: i64, noun: &str) -> String {
    let more = if count == MOST_COUNTED { " and more" } else { "" };
    format!("{}{more}", show::count(count, noun))
}

/// The states subscriptions are in, those that go on first.
fn states(desk: &Desk, whole: &Whole) -> Markup {
    const ORDER: [State; 9] = [
        State::Active,
        State::Trialing,
        State::Scheduled,
        State::PastDue,
        State::Incomplete,
        State::Paused,
        State::Suspended,
        State::Canceled,
        State::Expired,
    ];
    let known = ORDER.into_iter().filter(|state| whole.in_state(*state) > 0);
    let texts: Vec<(String, String, i64, String)> = known
        .map(|state| {
            let count = whole.in_state(state);
            let href = desk.at(&format!("/subscriptions?state={}", state.word()));
            (show::sentence(state.word()), show::grouped(count), count, href)
        })
        .collect();
    let parts: Vec<ui::Share> = texts
        .iter()
        .map(|(label, text, count, href)| ui::Share {
            label,
            text,
            size: u64::try_from(*count).unwrap_or_default(),
            href: Some(href),
        })
        .collect();
    ui::shares("Subscriptions by state", ["State", "Subscriptions"], &parts)
}
