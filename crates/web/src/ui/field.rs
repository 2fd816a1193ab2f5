//! One question of a form: label, hint, control and error, tied together for everyone.

use maud::{Markup, html};

/// How a field is answered.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// One line of text.
    Text,
    /// An e-mail address.
    Email,
    /// A secret.
    Password,
    /// A decimal number. A text control with a numeric keyboard: a browser's own number control
    /// rewrites what was typed and changes it under the mouse wheel.
    Number,
    /// A calendar day, `2027-03-14`.
    Date,
    /// One of a list.
    Select(&'a [Choice<'a>]),
    /// Several lines of text, so many high.
    Textarea(u8),
    /// Yes or no; sends its value (or `true`) when ticked. Ticked when the value is `true`.
    Checkbox,
}

/// An entry of a list.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// What is sent.
    pub value: &'a str,
    /// What is shown.
    pub label: &'a str,
}

/// One question of a form.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    label: &'a str,
    name: &'a str,
    input: Input<'a>,
    id: Option<&'a str>,
    value: &'a str,
    hint: Option<&'a str>,
    error: Option<&'a str>,
    unit: Option<&'a str>,
    autocomplete: Option<&'a str>,
    required: bool,
}

impl<'a> Field<'a> {
    /// A question called `label`, sent as `name`.
    pub const fn new(label: &'a str, name: &'a str, input: Input<'a>) -> Self {
        Self {
            label,
            name,
            input,
            id: None,
            value: "",
            hint: None,
            error: None,
            unit: None,
            autocomplete: None,
            required: false,
        }
    }

    /// The answer so far.
    pub const fn value(self, value: &'a str) -> Self {
        Self { value, ..self }
    }

    /// What helps to answer.
    pub const fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What is wrong with the answer and what to do; `None` when it is fine.
    pub const fn error(self, error: Option<&'a str>) -> Self {
        Self { error, ..self }
    }

    /// The unit written after the control: `users`, `USD`.
    pub const fn unit(self, unit: &'a str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// What a browser may fill in: a token of HTML's autofill (`username`).
    pub const fn autocomplete(self, token: &'a str) -> Self {
        Self { autocomplete: Some(token), ..self }
    }

    /// It must be answered; the others are marked “optional”.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The element's id, where two forms of one page ask for the same name.
    pub const fn id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }
}

/// The id of a field's control, the target of [`super::error_summary`].
pub(super) fn control_id(name: &str) -> String {
    format!("field-{name}")
}

/// A value sent with a form and not shown.
pub fn hidden_field(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// A question with its control.
pub fn field(field: &Field) -> Markup {
    let id = field.id.map_or_else(|| control_id(field.name), str::to_owned);
    let checkbox = matches!(field.input, Input::Checkbox);
    let class = match (checkbox, field.error.is_some()) {
        (true, true) => "field check wrong",
        (true, false) => "field check",
        (false, true) => "field wrong",
        (false, false) => "field",
    };
    html! {
        div class=(class) {
            @if checkbox { (control(field, &id)) }
            label for=(id) {
                (field.label)
                @if !field.required && !checkbox { span class="optional" { " optional" } }
            }
            @if let Some(hint) = field.hint { p class="hint" id={ (id) "-hint" } { (hint) } }
            @if let Some(error) = field.error { p class="wrong-text" id={ (id) "-error" } { (error) } }
            @if !checkbox {
                div class="control" {
                    (control(field, &id))
                    @if let Some(unit) = field.unit { span class="unit" { (unit) } }
                }
            }
        }
    }
}

fn control(field: &Field, id: &str) -> Markup {
    let described = described_by(field, id);
    let described = described.as_deref();
    let wrong = field.error.map(|_| "true");
    let (kind, mode) = match field.input {
        Input::Email => ("email", None),
        Input::Password => ("password", None),
        Input::Date => ("date", None),
        Input::Number => ("text", Some("decimal")),
        _ => ("text", None),
    };
    html! {
        @match field.input {
            Input::Select(choices) => {
                @let answered = choices.iter().any(|choice| choice.value == field.value);
                // HTML allows `required` only with an empty first entry; an answered list always has an answer.
                select id=(id) name=(field.name) required[field.required && !answered] aria-describedby=[described]
                    aria-invalid=[wrong] {
                    @if !answered { option value="" { "Choose…" } }
                    @for choice in choices {
                        option value=(choice.value) selected[choice.value == field.value] { (choice.label) }
                    }
                }
            }
            Input::Textarea(rows) => {
                // A browser drops one line break after the tag: ours, not the answer's.
                textarea id=(id) name=(field.name) rows=(rows) required[field.required]
                    aria-describedby=[described] aria-invalid=[wrong] { "\n" (field.value) }
            }
            Input::Checkbox => {
                input type="checkbox" id=(id) name=(field.name) value="true" checked[field.value == "true"]
                    required[field.required] aria-describedby=[described] aria-invalid=[wrong];
            }
            _ => {
                input type=(kind) id=(id) name=(field.name) value=(field.value) inputmode=[mode]
                    autocomplete=(field.autocomplete.unwrap_or("off")) required[field.required]
                    aria-describedby=[described] aria-invalid=[wrong];
            }
        }
    }
}

fn described_by(field: &Field, id: &str) -> Option<String> {
    let hint = field.hint.map(|_| format!("{id}-hint"));
    let error = field.error.map(|_| format!("{id}-error"));
    let ids: Vec<String> = hint.into_iter().chain(error).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}
