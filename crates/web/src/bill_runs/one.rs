use billing::bill_run;
use identity::permission::may;
use kernel::{Currency, Money, ids};
use maud::{Markup, html};

use super::{due, is_running};
use crate::{
    customers,
    gate::{Answer, Asked, Desk, Named, Sheet, Staff},
    invoices,
    jobs::live,
    parts::{self, PAGE},
    show, ui,
};

pub(super) async fn page(
    staff: Staff<may::InvoiceRead>,
    Named(id): Named<ids::BillRun>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    let after = asked.some("after").map(str::parse).transpose()?;
    let (run, mut issued, names) = staff
        .read(move |view| {
            let issued = bill_run::invoices(view, id, after, PAGE + 1)?;
            let names = customers::names(view, issued.iter().map(|invoice| invoice.customer))?;
            Ok((bill_run::find(view, id)?, issued, names))
        })
        .await?;
    let path = staff.at(&format!("/bill-runs/{id}"));
    let pages = parts::pagination(&path, &asked, &mut issued, |invoice| format!("after={}", invoice.id));
    let crumbs = [ui::Crumb { label: "Bill runs", href: &staff.at("/bill-runs") }];
    let title = format!("Bill run of {}", show::date(staff.zone.date_of(run.first_due)));
    let body = html! {
        (ui::header(&title, "", html! {}))
        (live("run", &asked.link(&path), is_running(&run), html! { (figures(&run)) (details(&staff, &run)) }))
        (ui::anchored("invoices", ui::section("Invoices", html! {}, invoices::table(&staff, &issued, Some(&names)))))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::BillRuns, &title).below(&crumbs), body))
}

/// What it issued, by currency.
fn figures(run: &bill_run::BillRun) -> Markup {
    let rows = run.totals.iter().filter_map(|(code, total)| {
        let currency = Currency::parse(code).ok()?;
        let money = |minor| Money::new(minor, currency).ok().map(show::money);
        Some(ui::Row::link(
            "#invoices".to_owned(),
            vec![
                html! { (code) },
                html! { (show::grouped(total.invoices)) },
                money(total.total)?,
                money(total.credit)?,
            ],
        ))
    });
    ui::table(ui::Table {
        caption: "What was billed",
        columns: &[
            ui::Column::text("Currency"),
            ui::Column::number("Invoices"),
            ui::Column::number("Billed").lead(),
            ui::Column::number("Paid by credit"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No invoices", "Nothing that fell due had to be billed.", html! {}),
    })
}

fn details(desk: &Desk, run: &bill_run::BillRun) -> Markup {
    ui::definition_list(&[
        ("State", ui::state(run.state.word())),
        ("Due", due(desk, run)),
        ("Subscriptions", html! { (show::grouped(run.subscriptions)) }),
        ("Begun", desk.time(run.started)),
        ("Done", run.finished.map_or_else(|| ui::optional(None), |at| desk.time(at))),
        ("By", parts::actor(desk, &run.begun_by)),
        ("Time zone data", html! { (run.zone_data) }),
        ("Id", ui::copyable(&run.id.to_string())),
    ])
}
