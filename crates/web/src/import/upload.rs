//! A form with files, and files that come back with the next form.

use axum::{
    extract::{FromRequest, FromRequestParts, Multipart, Request, multipart::MultipartError},
    http::StatusCode,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Error, Kind};
use maud::{Markup, html};

use super::LARGEST;
use crate::{
    App,
    gate::{Answers, Failure, Session},
    ui,
};

/// A file on its way through the steps of an import.
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// What was filled in and which files came, of a form that was made for the session it is sent in.
pub(super) struct Upload {
    pub(super) answers: Answers,
    pub(super) files: Vec<Kept>,
}

/// Files are sent along under this name until they are loaded: `name:base64`.
const KEPT: &str = "kept";

impl FromRequest<App> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, app).await?;
        let mut form =
            Multipart::from_request(Request::from_parts(parts, body), app).await.map_err(|_| malformed())?;
        let (mut pairs, mut kept, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(field) = form.next_field().await.map_err(|error| unread(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let content = field.bytes().await.map_err(|error| unread(&error))?.to_vec();
            match file {
                // A browser sends an empty part where nothing was chosen.
                Some(file) if name == "files" && !(file.is_empty() && content.is_empty()) => {
                    chosen.push(Kept { name: last_name(&file), content });
                }
                Some(_) => {}
                None => {
                    let text = String::from_utf8(content).map_err(|_| malformed())?;
                    if name == KEPT { kept.push(unwrap(&text)?) } else { pairs.push((name, text)) }
                }
            }
        }
        let answers: Answers = pairs.into_iter().collect();
        if !session.made(answers.get("csrf")) {
            let detail =
                "This form was not made for your session. Open the page again and send it from there.";
            return Err(Error::new(Kind::Forbidden, "form_token_wrong", detail).into());
        }
        let files = if chosen.is_empty() { kept } else { chosen };
        if files.iter().map(|file| file.content.len()).sum::<usize>() > LARGEST {
            return Err(too_large().into());
        }
        Ok(Self { answers, files })
    }
}

/// A file's own name, without the folders some browsers send.
fn last_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or(path).chars().take(100).collect()
}

fn unwrap(text: &str) -> Result<Kept, Failure> {
    let (name, content) = text.split_once(':').ok_or_else(malformed)?;
    let content = STANDARD.decode(content).map_err(|_| malformed())?;
    Ok(Kept { name: name.to_owned(), content })
}

/// The files once more, in a form that sends them on.
pub(super) fn kept(files: &[Kept]) -> Markup {
    html! {
        @for Kept { name, content } in files {
            (ui::hidden_field(KEPT, &format!("{}:{}", name.replace(':', "_"), STANDARD.encode(content))))
        }
    }
}

fn unread(error: &MultipartError) -> Failure {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large().into() } else { malformed().into() }
}

fn malformed() -> Error {
    Error::new(Kind::Malformed, "request_malformed", "This form could not be read.")
}

fn too_large() -> Error {
    let detail = format!(
        "Pages take files of up to {} MiB together. Bring larger ones in with `steelyard import subscriptions`.",
        LARGEST >> 20
    );
    Error::new(Kind::TooLarge, "body_too_large", detail)
}
