//! `steelyard sign-in`

use identity::user;
use kernel::Error;
use store::{Db, Scope};

use crate::{
    arguments::SignIn,
    failure::{Failure, Outcome},
    output,
    place::Place,
};

/// Who owns an installation that was told nothing else.
pub const OWNER: &str = "owner@example.com";

pub fn run(place: &Place, asked: &SignIn) -> Outcome {
    let db = place.open()?;
    let email = asked.who.as_deref().or(asked.email.as_deref()).unwrap_or(OWNER);
    output::say(link(&db, email, asked.url.trim_end_matches('/'))?);
    output::note("This link signs in once, within 30 minutes.");
    Ok(())
}

/// A link that signs in a member of some merchant's staff once.
pub fn link(db: &Db, email: &str, site: &str) -> Outcome<String> {
    let (secret, whom) = (user::new_secret()?, email.to_owned());
    let token = secret.clone();
    let made = db.write(&Scope::installation("make a sign-in link"), move |tx| {
        // Adds whoever is not known; the refusal below takes that back.
        let user = user::find_or_add(tx, &whom)?;
        if user::merchants(tx, user.id)?.is_empty() {
            return Err(Error::not_found("user"));
        }
        user::add_link(tx, user.id, &token)
    });
    match made.wait() {
        Ok(()) => Ok(format!("{site}{}", server::sign_in_path(&secret))),
        Err(error) if error.code == "not_found" => Err(Failure::new(
            format!("{email} works for no merchant here."),
            "Give the e-mail address of somebody who does: the one given to `steelyard serve --owner`.",
        )),
        Err(error) => Err(error.into()),
    }
}
