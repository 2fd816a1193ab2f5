//! Coupons of a subscription, and giving it away.

use std::sync::Arc;

use axum::response::IntoResponse;
use billing::{
    coupon,
    subscription::{COMP, Discount, Subscription},
};
use catalog::version::{self, Version};
use identity::permission::may;
use kernel::{Error, Result, ids, ids::SubscriptionId, time};
use maud::{Markup, html};

use super::{Head, extras};
use crate::{
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Staff},
    parts, ui,
};

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer {
    draw(&staff, id, asked).await
}

pub(super) async fn redeem(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let Some(named) = answers.some("code").or_else(|| answers.some("coupon")).map(str::to_owned) else {
        let missing = Error::invalid("coupon_unknown", "Choose a coupon, or write its code.").at("/coupon");
        return draw(&staff, id, answers.refused(missing)?).await;
    };
    let done = staff.write(move |tx| coupon::redeem(tx, id, &named)).await;
    answered(&staff, id, answers, done, "redeemed").await
}

pub(super) async fn take_away(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let key = answers.get("key").to_owned();
    let done = staff.write(move |tx| coupon::take_away(tx, id, &key)).await;
    answered(&staff, id, answers, done, "taken_away").await
}

pub(super) async fn comp(
    staff: Staff<may::SubscriptionNegotiate>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let until = answers.some("until").map(time::date).transpose().map_err(|error| error.at("/until"));
    let done = match until {
        Ok(until) => staff.write(move |tx| coupon::comp(tx, id, until)).await,
        Err(error) => Err(error),
    };
    answered(&staff, id, answers, done, "comped").await
}

async fn answered(
    desk: &Desk,
    id: SubscriptionId,
    answers: Answers,
    done: Result<Subscription>,
    word: &str,
) -> Answer {
    match done {
        Ok(_) => Ok(parts::done(&desk.at(&format!("/subscriptions/{id}/coupons")), word)),
        Err(error) => {
            // What is said of coupons stands beside the field that was answered.
            let field = if answers.some("code").is_some() { "code" } else { "coupon" };
            let answers = answers.refused(error)?.beside("coupons", field).beside("coupon", field);
            draw(desk, id, answers).await
        }
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer {
    let (head, in_force) =
        desk.read(move |view| Ok((Head::read(view, id)?, version::in_force(view)?))).await?;
    let status = answers.status();
    let over = head.subscription.is_over();
    let forms = html! {
        @if desk.may::<may::SubscriptionWrite>() && !over {
            (ui::section("Redeem a coupon", html! {}, redeem_form(desk, &head.subscription, &in_force, &answers)))
        }
        @if desk.may::<may::SubscriptionNegotiate>() && !over && !is_comped(&head.subscription) {
            (ui::section("Give it away", html! {}, comp_form(desk, &head.subscription, &answers)))
        }
    };
    let body = html! {
        (ui::header("Coupons", &head.about(), html! {}))
        (parts::was_done(&answers))
        (answers.summary(&[("coupon", "Coupon"), ("code", "Code"), ("until", "Until")]))
        (ui::split(table(desk, &head.subscription), forms))
    };
    Ok((status, head.page(desk, "Coupons", body)).into_response())
}

fn is_comped(subscription: &Subscription) -> bool {
    subscription.discounts.iter().any(|one| one.key == COMP && one.left != Some(0))
}

fn table(desk: &Desk, subscription: &Subscription) -> Markup {
    let today = subscription.schedule.zone.date_of(desk.now);
    let path = desk.at(&format!("/subscriptions/{}/take-away", subscription.id));
    let may_take = desk.may::<may::SubscriptionWrite>();
    let rows = subscription.discounts.iter().map(|one| {
        let runs = one.runs(today);
        let state = match runs {
            true => ui::badge(ui::Tone::Good, "Comes off"),
            false => ui::badge(ui::Tone::Ended, "Over"),
        };
        ui::Row::new(vec![
            html! { (one.name) },
            state,
            html! { (extras::taken_off(one, subscription.currency)) },
            html! { @if runs && may_take { (take_button(desk, &path, one)) } },
        ])
    });
    ui::table(ui::Table {
        caption: "Coupons",
        columns: &[
            ui::Column::text("Coupon"),
            ui::Column::text("State").lead(),
            ui::Column::text("Takes off"),
            ui::Column::text("Take away"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: ui::empty("No coupons", "Nothing comes off its invoices.", html! {}),
    })
}

fn take_button(desk: &Desk, path: &str, one: &Discount) -> Markup {
    ui::post_button_with(
        ui::Button::Danger,
        "Take away",
        path,
        desk.csrf(),
        ui::hidden_field("key", &one.key),
    )
}

fn redeem_form(
    desk: &Desk,
    subscription: &Subscription,
    in_force: &Arc<Version>,
    answers: &Answers,
) -> Markup {
    let coupons: Vec<ui::Choice> = std::iter::once(ui::Choice { value: "", label: "By its code" })
        .chain(in_force.book.coupons.iter().map(|one| ui::Choice { value: &one.key, label: &one.name }))
        .collect();
    let field = |label, name, input| {
        ui::field(&ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name)))
    };
    let fields = html! {
        @if coupons.len() > 1 { (field("Coupon", "coupon", ui::Input::Select(&coupons))) }
        (field("Code", "code", ui::Input::Text))
    };
    let path = desk.at(&format!("/subscriptions/{}/coupons", subscription.id));
    html! {
        p { "It comes off from the next invoice on." }
        (ui::form(&path, desk.csrf(), fields, "Redeem"))
    }
}

fn comp_form(desk: &Desk, subscription: &Subscription, answers: &Answers) -> Markup {
    let until = ui::Field::new("Until", "until", ui::Input::Date)
        .value(answers.get("until"))
        .error(answers.error("until"))
        .hint("The first day on which it costs something again. Left empty: until it is taken away.");
    let path = desk.at(&format!("/subscriptions/{}/comp", subscription.id));
    html! {
        p { "Its invoices, from the next one on, cost nothing." }
        (ui::form_as(ui::Button::Plain, &path, desk.csrf(), ui::field(&until), "Give it away"))
    }
}
