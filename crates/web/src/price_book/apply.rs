//! Checking a new book and putting it in force.

use axum::{http::StatusCode, response::IntoResponse};
use catalog::{Book, Mistake, diff, version};
use identity::permission::may;
use kernel::Result;
use maud::{Markup, html};

use super::versions::changes;
use crate::{
    gate::{Answer, Answers, Desk, Posted, Sheet, Staff},
    parts, show, ui,
};

/// What the file is called in places of mistakes.
const FILE: &str = "price-book.toml";

pub(super) async fn page(staff: Staff<may::BookWrite>) -> Answer<Markup> {
    let source = staff.read(|view| {
        let newest = version::newest(view)?;
        newest.map(|newest| version::source(view, newest.id)).transpose()
    });
    let source = source.await?.unwrap_or_default();
    Ok(draw(&staff, &source, ui::Button::Primary, html! {}))
}

/// First what it would change, and only then the change.
pub(super) async fn post(staff: Staff<may::BookWrite>, Posted(answers): Posted) -> Answer {
    // Browsers send line breaks of their own.
    let source = answers.raw("source").replace("\r\n", "\n");
    match catalog::read(FILE, &source) {
        Err(wrong) => {
            let page = draw(&staff, &source, ui::Button::Primary, mistakes(&wrong));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Ok(book) if answers.get("step") != "apply" => check(&staff, &source, &book).await,
        Ok(_) => apply(&staff, answers, source).await,
    }
}

async fn check(desk: &Desk, source: &str, book: &Book) -> Answer {
    let newest = desk.read(version::newest).await?;
    let differences = newest.as_ref().map(|newest| diff(&newest.book, book));
    let same = differences.as_ref().is_some_and(Vec::is_empty);
    let weight = if same { ui::Button::Primary } else { ui::Button::Plain };
    let told = match &differences {
        Some(_) if same => ui::notice(
            ui::Kind::Info,
            "Nothing changes",
            html! { "The book says what the newest version already says." },
        ),
        Some(differences) => html! {
            (ui::notice(ui::Kind::Success, "The book is right", html! {
                (show::count(differences.len() as i128, "change")) ". Applied, they hold for new subscriptions; those that run keep what they agreed to."
            }))
            (ui::section("What changes", html! {}, html! { (changes(differences)) (apply_button(desk, source)) }))
        },
        None => html! {
            (ui::notice(ui::Kind::Success, "The book is right", html! {
                (book.name) " has " (show::count(book.plans.len() as i128, "plan")) ", "
                (show::count(book.addons.len() as i128, "add-on")) " and "
                (show::count(book.features.len() as i128, "feature")) ". It is the first book of this environment."
            }))
            (apply_button(desk, source))
        },
    };
    Ok(draw(desk, source, weight, told).into_response())
}

fn apply_button(desk: &Desk, source: &str) -> Markup {
    let hidden = html! { (ui::hidden_field("step", "apply")) (ui::hidden_field("source", source)) };
    ui::post_button_with(ui::Button::Primary, "Apply it", &desk.at("/price-book/apply"), desk.csrf(), hidden)
}

async fn apply(desk: &Desk, answers: Answers, source: String) -> Answer {
    let text = source.clone();
    let applied: Result<_> = desk.write(move |tx| version::apply(tx, FILE, &text)).await;
    match applied {
        Ok(applied) => {
            Ok(parts::done(&desk.at("/price-book"), if applied.changed { "applied" } else { "unchanged" }))
        }
        Err(error) => {
            let answers = answers.refused(error)?;
            Ok((answers.status(), draw(desk, &source, ui::Button::Primary, answers.summary(&[])))
                .into_response())
        }
    }
}

/// `weight` is that of checking: less where applying is the next step.
fn draw(desk: &Desk, source: &str, weight: ui::Button, told: Markup) -> Markup {
    let crumbs = [ui::Crumb { label: "Price book", href: &desk.at("/price-book") }];
    let about = "Change the text, then check it. Nothing happens before you have seen what changes.";
    let field = ui::Field::new("Price book", "source", ui::Input::Textarea(28)).value(source).required();
    let body = html! {
        (ui::header("Apply a new version", about, html! {}))
        (told)
        div class="wide code-form" { (ui::form_as(weight, &desk.at("/price-book/apply"), desk.csrf(), ui::field(&field), "Check it")) }
    };
    desk.page(Sheet::new(ui::Section::PriceBook, "Apply a new version").below(&crumbs), body)
}

fn mistakes(wrong: &[Mistake]) -> Markup {
    let title = format!("{} in the book. Nothing was applied.", show::count(wrong.len() as i128, "mistake"));
    let text: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    html! {
        (ui::notice(ui::Kind::Error, &title, html! {
            ul class="changes" {
                @for mistake in wrong {
                    li { "Line " (mistake.line) ", column " (mistake.column) ": " (mistake.message)
                        @if let Some(hint) = &mistake.hint { "; " (hint) } }
                }
            }
        }))
        (ui::code_block("Where they stand", &text.join("\n\n")))
    }
}
