//! What a business itself does: it tries things with flags, and raises its prices once.

use entitlements::flag;
use kernel::{Error, Result};
use serde_json::{Value as Json, json};
use store::{Db, Scope, Tx};

use crate::business::Business;

/// Make the flags a business opens with: one for a share of everybody, one by country, one that is off.
pub(crate) fn flags(tx: &mut Tx<'_>) -> Result<()> {
    let onoff = || json!({ "on": true, "off": false });
    let share = json!([{ "name": "A fifth of everybody", "serve": [{ "variant": "on", "percent": 20 }] }]);
    let abroad = json!([{
        "name": "Customers in Germany",
        "when": [{ "attribute": "@country", "is": "in", "values": ["DE"] }],
        "serve": [{ "variant": "de" }],
    }]);
    let words = json!({ "en": "Try it for two weeks", "de": "Zwei Wochen auf Probe" });
    let all = [
        (
            "new_start_page",
            true,
            json!({ "name": "New start page", "kind": "boolean", "variants": onoff(),
            "default": "off", "off": "off", "rules": share }),
        ),
        (
            "trial_words",
            true,
            json!({ "name": "Words of the trial", "kind": "string", "variants": words,
            "default": "en", "off": "en", "rules": abroad }),
        ),
        (
            "quick_export",
            false,
            json!({ "name": "Quick export", "kind": "boolean", "variants": onoff(),
            "default": "on", "off": "off" }),
        ),
    ];
    all.into_iter().try_for_each(|(key, enabled, said)| make(tx, key, enabled, said))
}

fn make(tx: &mut Tx<'_>, key: &str, enabled: bool, said: Json) -> Result<()> {
    let wrong = |error: serde_json::Error| Error::internal(format!("a flag of the demo: {error}"));
    flag::create(tx, key, enabled, &serde_json::from_value(said).map_err(wrong)?).map(drop)
}

/// Apply the price book with what it raises. Nothing changes for those who are there.
pub(crate) fn raise(db: &Db, scope: &Scope, business: &'static Business) -> Result<()> {
    if business.raised.is_empty() {
        return Ok(());
    }
    let text =
        business.raised.iter().fold(business.book.to_owned(), |book, (from, to)| book.replacen(from, to, 1));
    db.write(scope, move |tx| catalog::version::apply(tx, business.file, &text).map(drop)).wait()
}
