//! What was filled into a form or stands in an address, and what is wrong with it.

use std::collections::BTreeMap;

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
};
use kernel::{Error, Kind};
use maud::{Markup, html};

use super::{Failure, Session};
use crate::{App, ui};

/// The answers of a form by field name. A field is named like its place in the API's body, with dots:
/// what an operation says of `/addons/extra_user` stands beside the field `addons.extra_user`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    values: BTreeMap<String, String>,
    wrong: Vec<(String, String)>,
    /// What is wrong with the whole.
    refusal: Option<Error>,
}

impl Answers {
    /// These answers to begin with, where none was given.
    pub(crate) fn or(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.entry(name.to_owned()).or_insert_with(|| value.into());
        self
    }

    /// What was answered, without the spaces around it; empty for no answer.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// What was answered, unless that is nothing.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// What a filter is narrowed to, unless it leaves everything in.
    pub(crate) fn narrowed(&self, name: &str) -> Option<&str> {
        self.some(name).filter(|value| *value != crate::parts::ALL)
    }

    /// What was answered, as it was sent.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        self.get(name) == "true"
    }

    /// Names and values whose names begin so, without that beginning.
    pub(crate) fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }

    /// What is wrong with an answer.
    pub(crate) fn error(&self, name: &str) -> Option<&str> {
        self.wrong.iter().find(|(wrong, _)| wrong == name).map(|(_, sentence)| sentence.as_str())
    }

    /// The answers with what an operation said of them, to show the form again. An error that is not about
    /// what was asked stays an error.
    pub(crate) fn refused(mut self, error: Error) -> Result<Self, Failure> {
        if !matches!(error.kind, Kind::Invalid | Kind::Conflict) {
            return Err(error.into());
        }
        let name = |pointer: &str| pointer.trim_start_matches('/').replace('/', ".");
        self.wrong = error.fields.iter().map(|field| (name(&field.pointer), field.detail.clone())).collect();
        self.refusal = Some(error);
        Ok(self)
    }

    /// What is said of `from` is shown beside `to`.
    pub(crate) fn beside(mut self, from: &str, to: &str) -> Self {
        for (name, _) in self.wrong.iter_mut().filter(|(name, _)| name == from) {
            to.clone_into(name);
        }
        self
    }

    /// The status of the page that shows them.
    pub(crate) fn status(&self) -> StatusCode {
        self.refusal.as_ref().map_or(StatusCode::OK, super::failure::status)
    }

    /// What is wrong, above a form with these fields (name and label) and in their order; what is about none of
    /// them stands by itself.
    pub(crate) fn summary(&self, fields: &[(&str, &str)]) -> Markup {
        let Some(error) = &self.refusal else { return html! {} };
        let shown: Vec<(&str, String)> = fields
            .iter()
            .filter_map(|(name, label)| Some((*name, format!("{label}: {}", self.error(name)?))))
            .collect();
        let shown: Vec<_> = shown.iter().map(|(name, sentence)| (*name, sentence.as_str())).collect();
        let elsewhere = |name: &str| fields.iter().all(|(field, _)| *field != name);
        let others: Vec<&str> = match self.wrong.is_empty() {
            true => vec![&error.detail],
            false => self
                .wrong
                .iter()
                .filter(|(name, _)| elsewhere(name))
                .map(|(_, sentence)| sentence.as_str())
                .collect(),
        };
        html! {
            @if !others.is_empty() {
                (ui::notice(ui::Kind::Error, "Nothing was changed", html! { @for sentence in others { p { (sentence) } } }))
            }
            (ui::error_summary(&shown))
        }
    }

    /// The answers to carry on in another form, apart from its token.
    pub(crate) fn hidden(&self) -> Markup {
        html! { @for (name, value) in &self.values { @if name != "csrf" { (ui::hidden_field(name, value)) } } }
    }

    /// The address of a page that has these answers filled in.
    pub(crate) fn link(&self, path: &str) -> String {
        let kept = self.values.iter().filter(|(name, value)| *name != "csrf" && !value.is_empty());
        let pairs: Vec<String> =
            kept.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }

    /// The same with another answer.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same without these.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.values.retain(|name, _| !names.contains(&name.as_str()));
        self
    }
}

impl FromIterator<(String, String)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self { values: pairs.into_iter().collect(), ..Self::default() }
    }
}

/// Percent-encoded for a query: everything but letters, digits and `-._~`.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// The answers in an address.
pub(crate) struct Asked(pub(crate) Answers);

impl FromRequestParts<App> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let Query(pairs) = pairs.map_err(|_| malformed("The address of this page is misspelt."))?;
        Ok(Self(pairs.into_iter().collect()))
    }
}

/// The answers of a form that was made for the session it is sent in.
pub(crate) struct Posted(pub(crate) Answers);

impl FromRequest<App> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, app).await?;
        let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), app).await;
        let Form(pairs) = form.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::new(
                Kind::TooLarge,
                "body_too_large",
                "This form is larger than can be taken in one piece.",
            ),
            _ => malformed("This form could not be read."),
        })?;
        let answers: Answers = pairs.into_iter().collect();
        if !session.made(answers.get("csrf")) {
            let detail =
                "This form was not made for your session. Open the page again and send it from there.";
            return Err(Error::new(Kind::Forbidden, "form_token_wrong", detail).into());
        }
        Ok(Self(answers))
    }
}

fn malformed(detail: &str) -> Error {
    Error::new(Kind::Malformed, "request_malformed", detail)
}

/// Collects everything that is wrong with a form, not only the first thing.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<Error>);

impl Mistakes {
    /// The value, or a note of what is wrong with the field at `pointer`.
    pub(crate) fn at<T>(&mut self, pointer: &str, read: kernel::Result<T>) -> Option<T> {
        self.keep(read.map_err(|error| if error.fields.is_empty() { error.at(pointer) } else { error }))
    }

    /// The value, or a note of what is wrong.
    pub(crate) fn keep<T>(&mut self, read: kernel::Result<T>) -> Option<T> {
        read.map_err(|error| self.0.push(error)).ok()
    }

    /// Whether nothing is wrong so far.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it as one error.
    pub(crate) fn into_error(self) -> Error {
        let mut errors = self.0.into_iter();
        let Some(mut first) = errors.next() else {
            return Error::internal("a form is refused without a mistake");
        };
        first.fields.extend(errors.flat_map(|error| error.fields));
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_an_operation_says_stands_beside_its_field() {
        let error = Error::invalid("x", "Too many.").at("/addons/extra_user");
        let refused = answers(&[("addons.extra_user", "7 ")]).refused(error).unwrap();
        assert_eq!(refused.error("addons.extra_user"), Some("Too many."));
        assert_eq!((refused.get("addons.extra_user"), refused.status().as_u16()), ("7", 422));
        let summary = refused.summary(&[("addons.extra_user", "Extra user")]).into_string();
        assert!(summary.contains("Extra user: Too many.") && summary.contains("#field-addons.extra_user"));
        assert!(!summary.contains("Nothing was changed"));
        assert!(refused.summary(&[]).into_string().contains("Too many."));
    }

    #[test]
    fn other_errors_stay_errors() {
        assert!(answers(&[]).refused(Error::not_found("customer")).is_err());
        assert!(answers(&[]).refused(Error::internal("x")).is_err());
        let conflict = answers(&[]).refused(Error::conflict("taken", "Taken.")).unwrap();
        assert_eq!(conflict.status().as_u16(), 409);
        assert!(conflict.summary(&[]).into_string().contains("Taken."));
    }

    #[test]
    fn answers_travel_in_an_address() {
        let link = answers(&[("csrf", "secret"), ("plan", "starter month"), ("q", "a&b=ü"), ("empty", "")])
            .link("/new");
        assert_eq!(link, "/new?plan=starter%20month&q=a%26b%3D%C3%BC");
    }
}
