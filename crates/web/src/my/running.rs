//! A subscription as its customer sees it.

use billing::{
    renewal::{self, RenewalOffer, RenewalPreview},
    subscription::{State, Subscription},
    usage::{self, Standing},
};
use catalog::{CustomerChanges, version::Version};
use kernel::{Result, ids::SubscriptionId};
use maud::{Markup, html};
use store::View;

use crate::{
    gate::Visitor,
    invoices, show,
    subscriptions::{Head, coming::NextEdge, counted, items, renewals},
    ui,
};

/// A subscription with what it costs next.
pub(super) struct Running {
    pub(super) head: Head,
    next: Option<NextEdge>,
    usage: Standing,
    /// Terms that are offered for the time after, and what they would come to.
    offer: Option<(RenewalOffer, RenewalPreview)>,
}

impl Running {
    pub(super) fn read(view: &mut View<'_>, id: SubscriptionId) -> Result<Self> {
        let head = Head::read(view, id)?;
        let next = NextEdge::ahead(view, &head.subscription, 1)?.into_iter().next();
        let today = head.subscription.schedule.zone.date_of(view.now());
        let waits = renewal::of_subscription(view, id)?.into_iter().find(|offer| offer.is_open(today));
        // What cannot be worked out any more is not shown.
        let offer = waits.and_then(|offer| {
            let preview = renewal::preview(view, id, &offer.terms).ok()?;
            Some((offer, preview))
        });
        Ok(Self { next, usage: usage::standing(view, id)?, offer, head })
    }

    /// What it is called.
    pub(super) fn title(&self) -> String {
        self.head.title()
    }

    /// Its state.
    pub(super) fn state(&self) -> Markup {
        ui::state(self.head.subscription.state.word())
    }

    /// One among many: what it costs next, and the rest on demand.
    pub(super) fn folded(&self, visitor: &Visitor, in_force: &Version) -> Markup {
        let bill = self.next.as_ref().and_then(|next| Some((next.renewal.at.date, next.bill.as_ref()?)));
        let hint = match bill {
            Some((date, (_, totals))) => format!("{} on {}", totals.total, show::date(date)),
            None => at_rest(&self.head.subscription),
        };
        ui::more(&self.title(), &hint, false, self.draw(visitor, in_force))
    }

    /// All of it.
    pub(super) fn draw(&self, visitor: &Visitor, in_force: &Version) -> Markup {
        whole(visitor, self, in_force)
    }
}

fn whole(visitor: &Visitor, one: &Running, in_force: &Version) -> Markup {
    let Head { subscription, version, .. } = &one.head;
    let path = format!("/my/subscriptions/{}/change", subscription.id);
    let may = super::changes(subscription, &in_force.book);
    let label = if may == CustomerChanges::Plans { "Change plan" } else { "Change quantities" };
    let answered = format!("/my/subscriptions/{}/renewal", subscription.id);
    let [next_invoice, used] = ["next", "used"].map(|part| format!("{part}-{}", subscription.id));
    html! {
        (ui::anchored(&next_invoice, next(one)))
        @if let Some((offer, preview)) = &one.offer { (offered(visitor, one, offer, preview, in_force, &answered)) }
        (scheduled(subscription, in_force))
        (closing(subscription))
        (items::table(subscription, &version.book, Some(&format!("#{next_invoice}"))))
        @if !one.usage.open.is_empty() {
            h3 { "Used since the last invoice" }
            (counted::table(&one.usage, version, Some(&format!("#{used}"))))
            (ui::anchored(&used, counted::worked(&one.usage)))
        }
        @if subscription.is_over() {} @else if may == CustomerChanges::None { p class="hint" { (why_not(visitor, subscription)) } } @else {
            div class="actions" { (ui::button_link(ui::Button::Plain, label, &path)) }
        }
    }
}

fn why_not(visitor: &Visitor, subscription: &Subscription) -> String {
    let merchant = &visitor.merchant;
    match subscription.term {
        Some(term) => {
            format!("Your contract runs until {}. To change it, ask {merchant}.", show::date(term.ends))
        }
        None => format!("To change it, ask {merchant}."),
    }
}

/// What the next invoice comes to and what is on it, or why there is none.
fn next(one: &Running) -> Markup {
    let subscription = &one.head.subscription;
    let Some((edge, (draft, totals))) = one.next.as_ref().and_then(|next| Some((next, next.bill.as_ref()?)))
    else {
        return html! { p { (at_rest(subscription)) } };
    };
    let (value, date) = (totals.total.to_string(), show::date(edge.renewal.at.date));
    let on_it = format!("#on-it-{}", subscription.id);
    let label = match subscription.state {
        State::Trialing => "After your trial",
        State::Scheduled => "First invoice",
        _ => "Next invoice",
    };
    let (sums, total) = (invoices::Sums::of(totals, &draft.taxes), totals.total.to_string());
    html! {
        (ui::figures(&[(ui::Stat { label, value: &value, note: &format!("on {date}, before credit") }, Some(&on_it))]))
        (ui::more_at(&on_it[1..], "What is on it", "", false, html! {
            (invoices::lines(&draft.lines))
            (ui::totals(&sums.entries(), &ui::Total { label: "Total", amount: &total, href: None }))
        }))
    }
}

fn at_rest(subscription: &Subscription) -> String {
    match (subscription.state, subscription.ends) {
        (State::Scheduled, _) => format!("It begins on {}.", show::date(subscription.billed_through.date)),
        (State::Trialing, _) => {
            format!("Your trial ends on {}.", show::date(subscription.billed_through.date))
        }
        (State::Canceled | State::Expired, _) => "It has ended.".to_owned(),
        (State::Paused, _) => "It is paused: nothing is billed until it is resumed.".to_owned(),
        (State::Suspended, _) => "It is suspended: nothing is billed until it goes on.".to_owned(),
        (_, Some(ends)) => {
            format!("It ends on {}.", show::date(subscription.schedule.zone.date_of(ends)))
        }
        _ => "Nothing is to be billed.".to_owned(),
    }
}

fn scheduled(subscription: &Subscription, in_force: &Version) -> Markup {
    let date = show::date(subscription.billed_through.date);
    match (subscription.ends, subscription.pending()) {
        (Some(ends), _) => {
            let title = format!("It ends on {}", show::date(subscription.schedule.zone.date_of(ends)));
            ui::notice(ui::Kind::Warning, &title, html! { "Nothing is billed after that." })
        }
        (None, Some(change)) => {
            let to = items::asked(change, subscription, Some(in_force));
            let text = if to.is_empty() {
                "At the prices in force on that day.".to_owned()
            } else {
                format!("To {to}.")
            };
            ui::notice(ui::Kind::Info, &format!("It changes on {date}"), html! { (text) })
        }
        (None, None) => html! {},
    }
}

/// Terms that wait for an answer: what they are, what is billed then, and two buttons.
fn offered(
    visitor: &Visitor,
    one: &Running,
    offer: &RenewalOffer,
    preview: &RenewalPreview,
    in_force: &Version,
    path: &str,
) -> Markup {
    let day = show::date(preview.effective.date);
    let terms = renewals::offered(&offer.terms, &one.head.subscription, in_force);
    let answer = |kind, label, word| {
        ui::post_button_with(kind, label, path, &visitor.csrf, ui::hidden_field("answer", word))
    };
    let until = offer.valid_until.map(|until| format!(" The offer is good until {}.", show::date(until)));
    html! {
        (ui::notice(ui::Kind::Info, &format!("{} offers you this from {day} on", visitor.merchant), html! {
            p { (terms) "." (until.unwrap_or_default()) }
            div class="actions" {
                (answer(ui::Button::Primary, "Accept", "accept"))
                (answer(ui::Button::Plain, "Decline", "decline"))
            }
        }))
        (ui::more("What it would cost then", "", false, renewals::coming(preview)))
    }
}

/// That what was used in a stretch that is over is billed later.
fn closing(subscription: &Subscription) -> Markup {
    let Some(closing) = &subscription.closing else { return html! {} };
    let (end, cut) = (show::date(closing.end.date), show::date(closing.cut.date));
    ui::notice(
        ui::Kind::Info,
        &format!("What you used until {end} is billed on {cut}"),
        html! {
            "Figures may still come in until then."
        },
    )
}
