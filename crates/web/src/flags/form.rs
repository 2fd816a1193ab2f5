//! The form of a flag: what is read from it, and what is filled in.

use entitlements::flag::{Definition, Kind, Rule};
use kernel::{Error, Result, time};
use maud::{Markup, html};

use super::text;
use crate::{
    gate::{Answers, Mistakes},
    ui,
};

/// Rules that can be filled in beside those there are.
const ROOM: usize = 1;
/// Most rules a form asks for.
const MOST: usize = 50;

/// The answers that describe a flag.
pub(super) fn filled(asked: Answers, definition: &Definition) -> Answers {
    let mut answers = asked
        .or("name", definition.name.clone())
        .or("description", definition.description.clone())
        .or("kind", definition.kind.word())
        .or("variants", text::variants(&definition.variants, definition.kind))
        .or("default", definition.default.clone().unwrap_or_default())
        .or("off", definition.off.clone())
        .or("browser", if definition.browser { "true" } else { "" });
    for (at, rule) in definition.rules.iter().enumerate() {
        let conditions: Vec<String> = rule.when.iter().map(text::condition).collect();
        answers = answers
            .or(&format!("rules.{at}.name"), rule.name.clone())
            .or(&format!("rules.{at}.when"), conditions.join("\n"))
            .or(&format!("rules.{at}.serve"), text::shares(&rule.serve))
            .or(&format!("rules.{at}.from"), rule.from.map(|at| at.to_string()).unwrap_or_default())
            .or(&format!("rules.{at}.until"), rule.until.map(|at| at.to_string()).unwrap_or_default());
    }
    answers
}

/// The flag a form describes, or everything that cannot be read. A rule that serves nothing is none.
pub(super) fn read(answers: &Answers) -> Result<Definition> {
    let mut mistakes = Mistakes::default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == answers.get("kind"));
    let kind = kind.ok_or_else(|| Error::invalid("flag_invalid", "Choose of what kind its values are."));
    let kind = mistakes.at("/kind", kind);
    let variants =
        kind.and_then(|kind| mistakes.at("/variants", text::read_variants(answers.get("variants"), kind)));
    let mut rules = Vec::new();
    for at in places(answers) {
        let get = |name: &str| answers.get(&format!("rules.{at}.{name}"));
        let place = |name: &str| format!("/rules/{at}/{name}");
        let instant =
            |name: &str| Some(get(name)).filter(|text| !text.is_empty()).map(time::instant).transpose();
        let when = mistakes.at(&place("when"), text::read_conditions(get("when")));
        let serve = mistakes.at(&place("serve"), text::read_shares(get("serve")));
        let from = mistakes.at(&place("from"), instant("from"));
        let until = mistakes.at(&place("until"), instant("until"));
        let name = get("name").to_owned();
        rules.push(Rule {
            name,
            when: when.unwrap_or_default(),
            serve: serve.unwrap_or_default(),
            from: from.flatten(),
            until: until.flatten(),
        });
    }
    match (kind, variants) {
        (Some(kind), Some(variants)) if mistakes.is_empty() => Ok(Definition {
            name: answers.get("name").to_owned(),
            description: answers.get("description").to_owned(),
            kind,
            variants: variants.into_iter().collect(),
            default: answers.some("default").map(str::to_owned),
            off: answers.get("off").to_owned(),
            rules,
            browser: answers.ticked("browser"),
        }),
        _ => Err(mistakes.into_error()),
    }
}

/// Where the rules of the definition stand in the form: those that say nothing are left out of it.
pub(super) fn places(answers: &Answers) -> Vec<usize> {
    let says = |at: usize, name: &str| !answers.get(&format!("rules.{at}.{name}")).is_empty();
    (0..MOST).filter(|at| says(*at, "when") || says(*at, "serve")).collect()
}

/// How many rules a form shows: those that are filled in, and room for one more.
fn shown(answers: &Answers) -> usize {
    places(answers).last().map_or(ROOM, |last| last + 1 + ROOM).min(MOST)
}

/// Names and labels of what can be wrong, in order.
pub(super) fn labels(answers: &Answers) -> Vec<(String, String)> {
    let plain = [
        ("key", "Key"),
        ("name", "Name"),
        ("description", "Description"),
        ("kind", "Values"),
        ("variants", "Variants"),
        ("default", "Default variant"),
        ("off", "Off variant"),
    ];
    let mut labels: Vec<(String, String)> =
        plain.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned())).collect();
    for at in 0..shown(answers) {
        for (name, label) in [("when", "who"), ("serve", "serves"), ("from", "from"), ("until", "until")] {
            labels.push((format!("rules.{at}.{name}"), format!("Rule {}, {label}", at + 1)));
        }
    }
    labels
}

/// The questions; `new` asks for key and kind, which never change.
pub(super) fn fields(answers: &Answers, new: bool) -> Markup {
    let kinds: Vec<ui::Choice<'_>> =
        [("boolean", "True or false"), ("string", "Text"), ("number", "A number"), ("json", "JSON")]
            .map(|(value, label)| ui::Choice { value, label })
            .to_vec();
    let field = |label, name, input| {
        ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name))
    };
    html! {
        @if new {
            (ui::field(&field("Key", "key", ui::Input::Text).required()
                .hint("What programs ask for, such as new_checkout. It never changes. With the key of a feature of the price \
                    book the flag decides about that feature.")))
        }
        (ui::field(&field("Name", "name", ui::Input::Text).required()))
        (ui::field(&field("Description", "description", ui::Input::Text)))
        @if new {
            (ui::field(&field("Values", "kind", ui::Input::Select(&kinds)).required()))
        } @else {
            (ui::hidden_field("kind", answers.get("kind")))
        }
        (ui::field(&field("Variants", "variants", ui::Input::Textarea(3)).required()
            .hint("One a line: its name, = and its value, such as: on = true")))
        (ui::field(&field("Default variant", "default", ui::Input::Text)
            .hint("For whoever no rule matches. Left empty: what the price book says about the feature of this key.")))
        (ui::field(&field("Off variant", "off", ui::Input::Text).required().hint("For everybody while it is switched off.")))
        (ui::field(&field("Web pages may ask for it", "browser", ui::Input::Checkbox)
            .hint("With a key that stands in the page. Leave it for what everybody may see.")))
        @for at in 0..shown(answers) { (rule(answers, at)) }
    }
}

fn rule(answers: &Answers, at: usize) -> Markup {
    let name = |part: &str| format!("rules.{at}.{part}");
    let [title, when, serve, from, until] = ["name", "when", "serve", "from", "until"].map(name);
    let field = |label: &'static str, name: &str, input| -> Markup {
        let field = ui::Field::new(label, name, input).value(answers.get(name)).error(answers.error(name));
        // What can be written is said once.
        ui::field(&match label {
            _ if at > 0 => field,
            "Who" => field.hint(
                "A condition a line, all of which must hold; none: everybody. Such as: @plan is team, pro — country is \
                 not US — age >= 18 — app version from 2.1.0. We know @plan, @feature, @customer, @external_id, @country \
                 and @currency ourselves.",
            ),
            "Gets" => field.hint(
                "A variant a line, with its share: on 25 %. Without a share everybody. Whoever is beyond the shares is \
                 left to the next rule. Empty: this rule goes.",
            ),
            "From" => field.hint("An instant, such as 2027-03-14T09:00:00Z."),
            _ => field,
        })
    };
    html! {
        fieldset class="rule" {
            legend { "Rule " (at + 1) }
            (field("Name", &title, ui::Input::Text))
            (field("Who", &when, ui::Input::Textarea(3)))
            (field("Gets", &serve, ui::Input::Textarea(2)))
            (field("From", &from, ui::Input::Text))
            (field("Until", &until, ui::Input::Text))
        }
    }
}
