use billing::invoice;
use identity::permission::may;
use maud::{Markup, html};

use crate::{
    customers,
    gate::{Answer, Asked, Sheet, Staff},
    parts::{self, PAGE},
    ui,
};

pub(super) async fn page(staff: Staff<may::InvoiceRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let found = staff.read(move |view| {
        let invoices = invoice::list(view, before, PAGE + 1)?;
        let names = customers::names(view, invoices.iter().map(|invoice| invoice.customer))?;
        Ok((invoices, names))
    });
    let (mut invoices, names) = found.await?;
    let path = staff.at("/invoices");
    let pages = parts::pagination(&path, &asked, &mut invoices, |invoice| format!("before={}", invoice.id));
    let body = html! {
        (ui::header("Invoices", "What was billed, newest first. A draft may still change; a finalized invoice never does.", html! {}))
        (super::table(&staff, &invoices, Some(&names)))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Invoices, "Invoices"), body))
}
