use billing::subscription;
use identity::permission::may;
use maud::{Markup, html};

use crate::{
    gate::{Answer, Asked, Sheet, Staff},
    parts::{self, PAGE},
    ui,
};

pub(super) async fn page(staff: Staff<may::SubscriptionRead>, Asked(asked): Asked) -> Answer<Markup> {
    let before = asked.some("before").map(str::parse).transpose()?;
    let found = staff.read(move |view| {
        let subscriptions = subscription::list(view, before, PAGE + 1)?;
        super::listed(view, subscriptions)
    });
    let mut found = found.await?;
    let path = staff.at("/subscriptions");
    let pages = parts::pagination(&path, &asked, &mut found, |one| format!("before={}", one.subscription.id));
    let start = ui::button_link(ui::Button::Primary, "Start a subscription", &staff.at("/subscriptions/new"));
    let start = html! { @if staff.may::<may::SubscriptionWrite>() { (start) } };
    let none = ui::empty(
        "No subscriptions yet",
        "A subscription joins a customer to a plan of the price book. You see its first invoice before it starts.",
        start.clone(),
    );
    let body = html! {
        (ui::header("Subscriptions", "Who is on which plan, newest first.", start))
        (super::table(&staff, &found, true, none))
        (pages)
    };
    Ok(staff.page(Sheet::new(ui::Section::Subscriptions, "Subscriptions"), body))
}
