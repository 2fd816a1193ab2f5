use identity::{LegalEntity, environment, permission::may};
use maud::{Markup, html};

use crate::{
    country,
    gate::{Answer, Asked, Desk, Member, Sheet},
    parts, ui,
};

pub(super) async fn page(member: Member, Asked(asked): Asked) -> Answer<Markup> {
    let entities = member.read(environment::entities).await?;
    let about = "Who issues documents. Tax is charged where a legal entity is registered, and nowhere else.";
    let body = html! {
        (ui::header("Legal entities", about, html! {}))
        (parts::was_done(&asked))
        (table(&member, &entities))
    };
    Ok(member.page(Sheet::new(ui::Section::LegalEntities, "Legal entities"), body))
}

fn table(desk: &Desk, entities: &[LegalEntity]) -> Markup {
    let rows = entities.iter().map(|entity| {
        let cells = vec![
            html! { (entity.name) },
            html! { (country::name(&entity.country)) @if let Some(region) = &entity.region { ", " (region) } },
            ui::optional(entity.tax_id.as_deref()),
            registrations(entity),
            html! { (entity.series) },
            html! { (entity.currency) },
            html! { (entity.zone) },
        ];
        match desk.may::<may::BookWrite>() {
            true => ui::Row::link(desk.at(&format!("/legal-entities/{}", entity.id)), cells),
            false => ui::Row::new(cells),
        }
    });
    ui::table(ui::Table {
        caption: "Legal entities",
        columns: &[
            ui::Column::text("Name"),
            ui::Column::text("Country"),
            ui::Column::text("Tax id"),
            ui::Column::text("Collects tax in"),
            ui::Column::text("Series").lead(),
            ui::Column::text("Currency"),
            ui::Column::text("Time zone"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No legal entity yet", "The API adds one: POST /v1/legal-entities.", html! {}),
    })
}

fn registrations(entity: &LegalEntity) -> Markup {
    html! {
        @if entity.registrations.is_empty() { "nowhere" }
        @for (place, registration) in entity.registrations.iter().enumerate() {
            @if place > 0 { ", " }
            (registration.name())
        }
    }
}
