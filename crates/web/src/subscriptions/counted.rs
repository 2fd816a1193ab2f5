//! What was used and is not billed yet, against what is included.

use billing::usage::{Figure, Open, Posted, Standing};
use catalog::{Plan, UsagePrice, version::Version};
use identity::permission::may;
use kernel::Exact;
use maud::{Markup, html};

use crate::{gate::Desk, invoices, show, ui};

/// The usage that is not billed yet, as a part of the subscription's page; nothing where nothing is counted.
pub(crate) fn section(desk: &Desk, standing: &Standing, version: &Version) -> Markup {
    if standing.open.is_empty() {
        return html! {};
    }
    let path = desk.at(&format!("/subscriptions/{}/usage", standing.subscription.id));
    let label = if desk.may::<may::UsageWrite>() { "Figures, and post one" } else { "Figures" };
    let link = html! { a href=(path.as_str()) { (label) } };
    ui::section("Usage that is not billed yet", link, table(standing, version, Some(&path)))
}

/// How the amounts come to be, line by line; nothing where there are none.
pub(crate) fn worked(standing: &Standing) -> Markup {
    let lines: Vec<_> = standing.open.iter().flat_map(|open| open.lines.iter().cloned()).collect();
    html! {
        @if !lines.is_empty() && standing.billable {
            (ui::more("How these amounts come to be", "line by line", false, invoices::lines(&lines)))
        }
    }
}

/// One row for each figure that is open, leading to `why`.
pub(crate) fn table(standing: &Standing, version: &Version, why: Option<&str>) -> Markup {
    let rows = standing.open.iter().map(|open| {
        let cells = cells(standing, version, open);
        why.map_or_else(|| ui::Row::new(cells.clone()), |why| ui::Row::link(why.to_owned(), cells.clone()))
    });
    let so_far = standing
        .so_far()
        .ok()
        .map(|sum| ui::Row::new(vec![html! { "So far" }, html! {}, html! {}, html! {}, show::money(sum)]));
    html! {
        (ui::table(ui::Table {
            caption: "Usage that is not billed yet",
            columns: &[
                ui::Column::text("Usage"),
                ui::Column::text("Counted"),
                ui::Column::number("Used"),
                ui::Column::number("Included"),
                ui::Column::number("Comes to").lead(),
            ],
            rows: rows.collect(),
            total: so_far.filter(|_| standing.open.len() > 1),
            narrow: ui::Narrow::Stack,
            empty: ui::empty("Nothing is counted", "Its plan has no usage price, or it does not run.", html! {}),
        }))
        @if !standing.billable { p { "What is used in the trial is counted and not billed." } }
    }
}

fn cells(standing: &Standing, version: &Version, open: &Open) -> Vec<Markup> {
    let plan = version.book.plan(standing.subscription.plan());
    let price = plan.and_then(|plan| plan.usage.iter().find(|price| price.key == open.key));
    let included = plan.zip(price).and_then(|(plan, price)| included(standing, plan, price));
    let used = open.posted.as_ref().map(used).unwrap_or(Some(Exact::zero()));
    let share = included.as_ref().zip(used.as_ref()).and_then(|(whole, used)| share(used, whole));
    let amounts = open.lines.iter().map(|line| line.amount);
    let sum = kernel::Money::total(amounts, standing.subscription.currency).ok();
    vec![
        html! { (open.name) @if let Some(share) = share { span class="under" { (share) " of what is included" } } },
        html! { (show::period(&open.period)) },
        match &used {
            Some(used) => html! { (show::units(&figure(used), &open.meter.unit)) },
            None => html! { "not complete" },
        },
        ui::optional(included.as_ref().map(figure).as_deref()),
        match sum.filter(|_| standing.billable) {
            Some(sum) => show::money(sum),
            None => ui::optional(None),
        },
    ]
}

/// The whole of a figure, all its groups together; none while one is incomplete.
pub(crate) fn used(posted: &Posted) -> Option<Exact> {
    let totals = posted.groups.values().map(Figure::total).collect::<Option<Vec<_>>>()?;
    Some(totals.iter().map(|total| (**total).clone()).sum())
}

/// So many units cost nothing: the plan's soft limit, or what the price gives free.
fn included(standing: &Standing, plan: &Plan, price: &UsagePrice) -> Option<Exact> {
    let seats = Exact::from(standing.subscription.peak);
    plan.included(price).map(|limit| limit.amount_for(&seats)).or_else(|| price.free.clone())
}

/// `43 %`.
fn share(used: &Exact, whole: &Exact) -> Option<String> {
    let percent = (used * &Exact::from(100_i64)).checked_div(whole)?.floor().ok()?;
    Some(format!("{} %", show::grouped(percent)))
}

/// Grouped where it is whole, as it is otherwise.
pub(crate) fn figure(amount: &Exact) -> String {
    let whole = amount.floor().ok().filter(|_| amount.is_integer());
    whole.map_or_else(|| show::exact(&amount.to_string()), show::grouped)
}
