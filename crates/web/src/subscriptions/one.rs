use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use billing::{
    cancellation, credit_note,
    invoice::{self, Invoice},
    renewal::{self, RenewalOffer},
    subscription::{self, State, Subscription, Transition},
    usage::{self, Standing},
};
use catalog::version::{self, Version};
use identity::{LegalEntity, environment, permission::may};
use kernel::{Money, Result, ids, ids::SubscriptionId};
use maud::{Markup, html};
use store::{Fact, View, facts};

use super::{
    Head, act, back,
    charges::{self, Charges},
    coming, counted, extras, items, renewals,
};
use crate::{
    credit_notes, facts as history,
    gate::{Answer, Answers, Asked, Desk, Named, Posted, Sheet, Staff},
    invoices,
    parts::{self, FEW},
    show, ui,
};

/// Everything on the page of a subscription.
struct Whole {
    head: Head,
    in_force: Arc<Version>,
    entity: LegalEntity,
    /// The customer's credit with whom it is invoiced by.
    credit: Money,
    invoices: Vec<Invoice>,
    /// What took back some of what it was billed.
    corrections: Vec<credit_notes::Listed>,
    facts: Vec<Fact>,
    /// What its next edges will do, soonest first.
    edges: Vec<coming::NextEdge>,
    usage: Standing,
    charges: Charges,
    /// What was offered for the time after the term, the last first.
    renewals: Vec<RenewalOffer>,
    /// As which one it came back after its end.
    successor: Option<SubscriptionId>,
}

fn load(view: &mut View<'_>, id: SubscriptionId) -> Result<Whole> {
    let head = Head::read(view, id)?;
    let invoices = invoice::of_subscription(view, id, None, FEW)?;
    let notes = credit_note::of_subscription(view, id, None, FEW)?;
    Ok(Whole {
        edges: coming::NextEdge::shown(view, &head.subscription)?,
        usage: usage::standing(view, id)?,
        charges: Charges::read(view, id, FEW)?,
        renewals: renewal::of_subscription(view, id)?,
        successor: cancellation::successor(view, id)?,
        in_force: version::in_force(view)?,
        entity: environment::entity(view, Some(head.subscription.entity))?,
        credit: act::credit(view, &head.subscription)?,
        corrections: credit_notes::listed(view, notes)?,
        invoices,
        facts: facts::of_subject(view, id.uuid(), i64::MAX, FEW)?,
        head,
    })
}

pub(super) async fn page(
    staff: Staff<may::SubscriptionRead>,
    Named(id): Named<ids::Subscription>,
    Asked(asked): Asked,
) -> Answer<Markup> {
    draw(&staff, id, asked).await
}

/// Take back what is scheduled.
pub(super) async fn keep_on(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let kept = staff.write(move |tx| subscription::keep_on(tx, id)).await;
    answered(&staff, id, answers, kept.map(|_| "kept_on")).await
}

/// Note whether a method of payment is on file.
pub(super) async fn set_method(
    staff: Staff<may::SubscriptionWrite>,
    Named(id): Named<ids::Subscription>,
    Posted(answers): Posted,
) -> Answer {
    let on_file = answers.ticked("has_method");
    let noted = staff.write(move |tx| subscription::set_method(tx, id, on_file)).await;
    answered(&staff, id, answers, noted.map(|_| "method")).await
}

async fn answered(desk: &Desk, id: SubscriptionId, answers: Answers, done: Result<&str>) -> Answer<Response> {
    match done {
        Ok(word) => Ok(parts::done(&desk.at(&format!("/subscriptions/{id}")), word)),
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(desk, id, answers).await?).into_response())
        }
    }
}

async fn draw(desk: &Desk, id: SubscriptionId, answers: Answers) -> Answer<Markup> {
    let whole = desk.read(move |view| load(view, id)).await?;
    let title = whole.head.title();
    let crumbs = [ui::Crumb { label: "Subscriptions", href: &desk.at("/subscriptions") }];
    let customer = desk.at(&format!("/customers/{}", whole.head.subscription.customer));
    // The state stands here too, because the details are far below on a phone.
    let about = html! {
        a href=(customer) { (whole.head.customer) } " " (ui::state(whole.head.subscription.state.word()))
    };
    let body = html! {
        (ui::header_about(&title, about, actions(desk, &whole)))
        (parts::was_done(&answers))
        (answers.summary(&[]))
        (begins(&whole.head.subscription))
        (back::came(desk, whole.successor))
        (scheduled(desk, &whole))
        (closing(&whole.head.subscription))
        @let aside = html! { (details(desk, &whole))
            (renewals::section(desk, &whole.head, &whole.renewals, &whole.in_force))
            (charges::section(desk, &whole.head, &whole.charges))
            (extras::section(desk, &whole.head))
        };
        (ui::split_above(main(desk, &whole), aside, happened(desk, &whole)))
    };
    Ok(desk.page(Sheet::new(ui::Section::Subscriptions, &title).below(&crumbs), body))
}

/// What one may do to a subscription, the likeliest first. Each leads to a page that says what it will do.
const ACTIONS: [(Transition, &str, &str); 8] = [
    (Transition::Convert, "Convert to paid", "convert"),
    (Transition::Resume, "Resume", "resume"),
    (Transition::Reinstate, "Reinstate", "reinstate"),
    (Transition::Change, "Change", "change"),
    (Transition::ExtendTrial, "Extend the trial", "extend-trial"),
    (Transition::Pause, "Pause", "pause"),
    (Transition::Suspend, "Suspend", "suspend"),
    (Transition::Cancel, "Cancel", "cancel"),
];

fn actions(desk: &Desk, whole: &Whole) -> Markup {
    let subscription = &whole.head.subscription;
    let allowed = ACTIONS.iter().filter(|(one, ..)| one.from(subscription.state).is_some());
    html! {
        @if desk.may::<may::SubscriptionWrite>() {
            @for (place, (transition, label, path)) in allowed.enumerate() {
                @let weight = match (place, transition) {
                    (_, Transition::Cancel) => ui::Button::Danger,
                    (0, _) => ui::Button::Primary,
                    _ => ui::Button::Plain,
                };
                (ui::button_link(weight, label, &desk.at(&format!("/subscriptions/{}/{path}", subscription.id))))
            }
            @if back::may_come(subscription.state, whole.successor) {
                (ui::button_link(ui::Button::Plain, "Bring it back", &desk.at(&format!("/subscriptions/{}/back", subscription.id))))
            }
        }
    }
}

/// That it has not begun.
fn begins(subscription: &Subscription) -> Markup {
    if subscription.state != State::Scheduled {
        return html! {};
    }
    let title = format!("It begins on {}", show::date(subscription.billed_through.date));
    let at = show::time(subscription.billed_through.at, &subscription.schedule.zone);
    ui::notice(
        ui::Kind::Info,
        &title,
        html! {
            "As of " (at) ". Until then it gives no access and nothing is billed; it can only be canceled."
        },
    )
}

/// That what was used in a stretch that is over is not billed yet.
fn closing(subscription: &Subscription) -> Markup {
    let Some(closing) = &subscription.closing else { return html! {} };
    let title = format!("What was used until {} waits for late figures", show::date(closing.end.date));
    let cut = show::time(closing.cut.at, &subscription.schedule.zone);
    ui::notice(
        ui::Kind::Info,
        &title,
        html! {
            "It is billed as of " (cut) ", with everything that is known by then. What comes after is billed as a correction."
        },
    )
}

/// What happens when the period ends, and the way to take it back.
fn scheduled(desk: &Desk, whole: &Whole) -> Markup {
    let subscription = &whole.head.subscription;
    let open = Transition::KeepOn.from(subscription.state).is_some();
    let keep = html! {
        @if desk.may::<may::SubscriptionWrite>() {
            @let path = desk.at(&format!("/subscriptions/{}/keep-on", subscription.id));
            div class="actions" { (ui::post_button(ui::Button::Plain, "Keep on", &path, desk.csrf())) }
        }
    };
    match (open, subscription.ends, subscription.pending()) {
        (true, Some(ends), _) => {
            let title = format!("It ends on {}", show::date(subscription.schedule.zone.date_of(ends)));
            ui::notice(
                ui::Kind::Warning,
                &title,
                html! {
                    p { "It is canceled as of " (show::time(ends, &subscription.schedule.zone)) ". Nothing more is billed." }
                    (keep)
                },
            )
        }
        (true, None, Some(change)) => {
            let title = format!("It changes on {}", show::date(subscription.billed_through.date));
            ui::notice(
                ui::Kind::Info,
                &title,
                html! {
                    p { "To " (extras::step_text(change, subscription, &whole.in_force)) ", at the prices in force on that day." }
                    (keep)
                },
            )
        }
        _ => html! {},
    }
}

fn happened(desk: &Desk, whole: &Whole) -> Markup {
    let timeline = history::timeline_here(desk, &whole.facts, "Nothing has happened yet.");
    let all =
        html! { a href=(desk.at(&format!("/facts?about={}", whole.head.subscription.id))) { "Everything" } };
    ui::section("What happened", all, timeline)
}

fn main(desk: &Desk, whole: &Whole) -> Markup {
    let Head { subscription, version, .. } = &whole.head;
    let (edge, in_force) = (whole.edges.first(), &whole.in_force);
    let ahead = coming::Ahead { subscription, edge, agreed: version, in_force };
    let coming = coming::coming(ahead, &whole.edges);
    let book = desk.at(&format!("/price-book/versions/{}", version.id));
    html! {
        (coming::countdown(desk, ahead, method(desk, subscription)))
        (ui::section("Items", html! {}, items::table(subscription, &version.book, Some(&book))))
        (counted::section(desk, &whole.usage, version))
        (ui::section("What comes", html! {}, html! {
            @if coming.is_empty() { p { (at_rest(subscription.state)) } } @else { (coming::timeline(&coming)) }
        }))
        (ui::section("Invoices", html! {}, invoices::table(desk, &whole.invoices, None)))
        @if !whole.corrections.is_empty() {
            (ui::section("Credit notes", html! {}, credit_notes::table(desk, &whole.corrections)))
        }
    }
}

/// Why nothing falls due.
const fn at_rest(state: State) -> &'static str {
    match state {
        State::Paused => "Nothing falls due while it is paused.",
        State::Suspended => "Nothing falls due while it is suspended.",
        State::Canceled => "Nothing: it is canceled.",
        State::Expired => "Nothing: its term is over.",
        State::Scheduled => "Its start cannot be decided yet.",
        _ => "Nothing is to fall due.",
    }
}

/// Note that there is a method of payment, or that there is none any more.
fn method(desk: &Desk, subscription: &Subscription) -> Markup {
    let path = desk.at(&format!("/subscriptions/{}/method", subscription.id));
    let (label, to) = match subscription.has_method {
        true => ("No method of payment any more", "false"),
        false => ("A method of payment is on file", "true"),
    };
    let hidden = ui::hidden_field("has_method", to);
    html! {
        @if desk.may::<may::SubscriptionWrite>() {
            (ui::post_button_with(ui::Button::Plain, label, &path, desk.csrf(), hidden))
        }
    }
}

fn details(desk: &Desk, whole: &Whole) -> Markup {
    let Whole { head: Head { subscription, version, customer }, entity, .. } = whole;
    let zone = &subscription.schedule.zone;
    let book = desk.at(&format!("/price-book/versions/{}", version.id));
    let customer_path = desk.at(&format!("/customers/{}", subscription.customer));
    let period = if subscription.state == State::Trialing { "Trial" } else { "Period" };
    let on_file = if subscription.has_method { "On file" } else { "None" };
    let ended = subscription.ends.filter(|_| subscription.state == State::Canceled);
    let tried = subscription.trial_end.filter(|_| subscription.state != State::Trialing);
    let begun = subscription.state != State::Scheduled;
    let next_zone = subscription.next_zone.as_ref();
    let next_zone =
        next_zone.map(|next| format!("{next} from {} on", show::date(subscription.billed_through.date)));
    let entries = [
        Some(("State", ui::state(subscription.state.word()))),
        ended.map(|at| ("Ended", show::time(at, zone))),
        Some(("Customer", html! { a href=(customer_path.as_str()) { (customer) } })),
        Some(("Customer’s credit", html! { a href=(customer_path) { (show::money(whole.credit)) } })),
        Some((
            "Billed",
            html! { (show::every(subscription.schedule.cycle)) ", in " (subscription.currency) },
        )),
        begun.then(|| (period, html! { (show::period(&subscription.period)) })),
        Some(("Next", super::next(subscription))),
        tried.map(|end| ("Trial ended", html! { (show::date(end.date)) })),
        Some(("Method of payment", html! { (on_file) })),
        Some((if begun { "Started" } else { "Starts" }, show::time(subscription.started, zone))),
        Some((
            "Days begin in",
            html! { (zone) @if let Some(next) = next_zone { span class="under" { (next) } } },
        )),
        Some(("Price book", html! { a href=(book) { "Version " (version.number) } })),
        Some(("Invoiced by", html! { (entity.name) })),
        Some((
            "Your id",
            subscription.external_id.as_deref().map_or_else(|| ui::optional(None), ui::copyable),
        )),
        Some(("Id", ui::copyable(&subscription.id.to_string()))),
    ];
    ui::definition_list(&entries.into_iter().flatten().collect::<Vec<_>>())
}
