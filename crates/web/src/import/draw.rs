//! The steps of an import as pages.

use billing::import::{Count, Finding, Mapped, Outline, Report};
use maud::{Markup, html};

use super::{
    SHIPPED,
    upload::{Kept, kept},
};
use crate::{
    gate::{Answers, Desk, Sheet},
    show, ui,
};

/// Findings on one page.
const SHOWN: usize = 100;

const ABOUT: &str = "Customers and subscriptions with their history, from CSV files of another system. Nothing is \
                     loaded before you have seen what it comes to; the past is not billed.";

/// Names and labels of the form, in order.
const FIELDS: [(&str, &str); 3] = [("files", "Files"), ("system", "Exported from"), ("mapping", "Mapping")];

fn sheet(desk: &Desk, body: Markup) -> Markup {
    let crumbs = [ui::Crumb { label: "Customers", href: &desk.at("/customers") }];
    desk.page(Sheet::new(ui::Section::Customers, "Import").below(&crumbs), body)
}

/// A form that takes files.
fn form(desk: &Desk, button: ui::Button, fields: Markup, step: &str, submit: &str) -> Markup {
    let class = match button {
        ui::Button::Primary => "button primary",
        ui::Button::Plain | ui::Button::Danger => "button",
    };
    html! {
        form class="form" method="post" action=(desk.at("/import")) enctype="multipart/form-data" novalidate {
            (ui::hidden_field("csrf", desk.csrf()))
            (fields)
            div class="actions" { button class=(class) name="step" value=(step) { (submit) } }
        }
    }
}

fn files_field(label: &str, answers: &Answers) -> Markup {
    let error = answers.error("files");
    let class = if error.is_some() { "field wrong" } else { "field" };
    html! {
        div class=(class) {
            label for="field-files" { (label) }
            p class="hint" id="field-files-hint" {
                "CSV in UTF-8, up to 2 MiB together. Which file holds what is told by its columns."
            }
            @if let Some(error) = error { p class="wrong-text" id="field-files-error" { (error) } }
            div class="control" {
                input type="file" id="field-files" name="files" multiple accept=".csv,.txt,text/csv"
                    aria-describedby=(if error.is_some() { "field-files-hint field-files-error" } else { "field-files-hint" });
            }
        }
    }
}

fn mapping_field(answers: &Answers, rows: u8, required: bool) -> Markup {
    let field = ui::Field::new("Mapping", "mapping", ui::Input::Textarea(rows))
        .value(answers.raw("mapping"))
        .hint("Which column is which, in TOML. Left empty, the mapping that ships for the system is taken.")
        .error(answers.error("mapping"));
    ui::field(&if required {
        field.required().hint("Which column is which. Put your own plans in and check again.")
    } else {
        field
    })
}

/// Choosing files and a mapping.
pub(super) fn first(desk: &Desk, answers: &Answers) -> Markup {
    let mut choices: Vec<ui::Choice<'_>> =
        SHIPPED.iter().map(|shipped| ui::Choice { value: shipped.value, label: shipped.label }).collect();
    choices.push(ui::Choice { value: "own", label: "Another system, by a mapping of my own" });
    let system = ui::Field::new("Exported from", "system", ui::Input::Select(&choices))
        .value(answers.get("system"))
        .required();
    let fields =
        html! { (files_field("Files", answers)) (ui::field(&system)) (mapping_field(answers, 8, false)) };
    sheet(
        desk,
        html! {
            (ui::header("Import", ABOUT, html! {}))
            (answers.summary(&FIELDS))
            (form(desk, ui::Button::Primary, fields, "check", "Check the files"))
        },
    )
}

/// The files are here, but what is to be done with them is not clear yet.
pub(super) fn again(desk: &Desk, answers: &Answers, files: &[Kept]) -> Markup {
    sheet(
        desk,
        html! {
            (ui::header("Import", ABOUT, html! {}))
            (answers.summary(&FIELDS))
            (names(files))
            (edit(desk, ui::Button::Primary, answers, files))
        },
    )
}

fn names(files: &[Kept]) -> Markup {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    html! { p { "Files: " (names.join(", ")) "." } }
}

fn edit(desk: &Desk, button: ui::Button, answers: &Answers, files: &[Kept]) -> Markup {
    let fields = html! { (kept(files)) (mapping_field(answers, 24, true)) (files_field("Other files instead", answers)) };
    html! { div class="wide code-form" { (form(desk, button, fields, "check", "Check again")) } }
}

/// What the files come to, or what was loaded.
pub(super) fn report(
    desk: &Desk,
    answers: &Answers,
    files: &[Kept],
    outlines: &[Outline],
    report: &Report,
) -> Markup {
    sheet(
        desk,
        html! {
            (ui::header("Import", ABOUT, html! {}))
            (verdict(desk, report))
            (figures(report))
            @if report.only_checked { (load(desk, answers, files, report)) }
            (findings("Bad rows", &report.bad, report.bad_rows))
            (findings("Rows to look at", &report.notices, report.noticed_rows))
            @if report.only_checked {
                (ui::section("What was taken for what", html! {}, html! { @for part in outlines { (columns(part)) } }))
                (ui::section("Change the mapping", html! {}, edit(desk, ui::Button::Plain, answers, files)))
            }
        },
    )
}

fn verdict(desk: &Desk, report: &Report) -> Markup {
    let bad = show::count(report.bad_rows, "row");
    match (report.only_checked, report.bad_rows) {
        (true, 0) => ui::notice(
            ui::Kind::Success,
            "Every row is good",
            html! { "Look at the figures and at what was taken for what, then load them." },
        ),
        (true, _) => ui::notice(
            ui::Kind::Warning,
            &format!("{bad} cannot be loaded"),
            html! { "Nothing was loaded yet. Correct the files or the mapping, or load the good rows." },
        ),
        (false, _) => ui::notice(
            ui::Kind::Success,
            "Loaded",
            html! {
                "See the " a href=(desk.at("/customers")) { "customers" } " and the "
                a href=(desk.at("/subscriptions")) { "subscriptions" } "."
                @if report.bad_rows > 0 { " " (bad) " could not be loaded." }
            },
        ),
    }
}

fn figures(report: &Report) -> Markup {
    let verb = if report.only_checked { "to load" } else { "loaded" };
    let note = |Count { already, .. }: Count| match already {
        0 => String::new(),
        already => format!("{} there before", show::grouped(already)),
    };
    let states: Vec<String> =
        report.states.iter().map(|(state, count)| format!("{} {state}", show::grouped(*count))).collect();
    let mut subscriptions = states.join(", ");
    let before = note(report.subscriptions);
    if !before.is_empty() {
        let joint = if subscriptions.is_empty() { "" } else { "; " };
        subscriptions = format!("{subscriptions}{joint}{before}");
    }
    let skipped = match report.skipped {
        0 => String::new(),
        skipped => format!("{} left out by the mapping", show::grouped(skipped)),
    };
    ui::stats(&[
        ui::Stat {
            label: &format!("Customers {verb}"),
            value: &show::grouped(report.customers.loaded),
            note: &note(report.customers),
        },
        ui::Stat {
            label: &format!("Subscriptions {verb}"),
            value: &show::grouped(report.subscriptions.loaded),
            note: &subscriptions,
        },
        ui::Stat { label: "Bad rows", value: &show::grouped(report.bad_rows), note: &skipped },
    ])
}

fn load(desk: &Desk, answers: &Answers, files: &[Kept], report: &Report) -> Markup {
    let subscriptions = report.subscriptions.loaded;
    let customers = show::count(report.customers.loaded, "customer");
    if report.customers.loaded + subscriptions == 0 {
        return html! { p { "There is nothing to load." } };
    }
    let fields = html! { (kept(files)) (ui::hidden_field("mapping", answers.raw("mapping"))) };
    let what = format!("{customers} and {}", show::count(subscriptions, "subscription"));
    let (step, submit) = match report.bad_rows {
        0 => ("load", format!("Load {what}")),
        _ => ("load-good", format!("Load {what}, leave the bad rows out")),
    };
    form(desk, ui::Button::Primary, fields, step, &submit)
}

fn findings(title: &str, findings: &[Finding], all: u64) -> Markup {
    if findings.is_empty() {
        return html! {};
    }
    let rows = findings.iter().take(SHOWN).map(|Finding { file, line, column, value, reason }| {
        ui::Row::new(vec![
            html! { (file) ", line " (line) },
            ui::optional(column.as_deref()),
            ui::optional(Some(value.as_str()).filter(|value| !value.is_empty())),
            html! { (capital(reason)) "." },
        ])
    });
    let more = all.saturating_sub(SHOWN as u64);
    let table = ui::table(ui::Table {
        caption: title,
        columns: &[
            ui::Column::text("Row"),
            ui::Column::text("Column"),
            ui::Column::text("Value"),
            ui::Column::text("What is wrong"),
        ],
        rows: rows.collect(),
        total: None,
        narrow: ui::Narrow::Stack,
        empty: html! {},
    });
    ui::section(
        title,
        html! {},
        html! { (table) @if more > 0 { p { "And " (show::count(more, "more row")) "." } } },
    )
}

/// A sentence's first letter.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn columns(part: &Outline) -> Markup {
    let rows = part.fields.iter().map(|Mapped { field, column, samples }| {
        let samples: Vec<&str> =
            samples.iter().map(String::as_str).filter(|sample| !sample.is_empty()).collect();
        ui::Row::new(vec![
            html! { (field) },
            html! { (column) },
            ui::optional(Some(samples.join(" · ").as_str()).filter(|text| !text.is_empty())),
        ])
    });
    let files = if part.files.is_empty() { "none of the files".to_owned() } else { part.files.join(", ") };
    let caption = format!("{}, from {files}", show::sentence(part.part));
    html! {
        h3 { (caption) }
        (ui::table(ui::Table {
            caption: &caption,
            columns: &[ui::Column::text("Field"), ui::Column::text("Column"), ui::Column::text("First values")],
            rows: rows.collect(),
            total: None,
            narrow: ui::Narrow::Stack,
            empty: html! {},
        }))
    }
}
