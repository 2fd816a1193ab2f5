//! The text a fact's hash is over: JSON with sorted keys, instants in microseconds, no spaces. It never
//! changes: every fact of every database was hashed over it.

use std::fmt::Write;

use jiff::Timestamp;
use kernel::{AnyId, ids::CustomerId};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a transaction says of all its facts.
pub(crate) struct Told<'f> {
    pub(crate) actor: &'f str,
    pub(crate) reason: Option<&'f str>,
    pub(crate) recorded: Timestamp,
}

/// What a fact says itself.
pub(crate) struct Link<'f> {
    pub(crate) seq: i64,
    pub(crate) kind: &'f str,
    pub(crate) v: i64,
    pub(crate) subject: AnyId,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) effective: Timestamp,
    /// Canonical itself.
    pub(crate) payload: &'f str,
}

impl Link<'_> {
    /// The keys in their order; those that are unknown are null.
    pub(crate) fn write(&self, env: Uuid, told: &Told<'_>, out: &mut String) {
        out.push_str("{\"actor\":");
        write_text(told.actor, out);
        // Writing to a String does not fail.
        let _ = match self.customer {
            Some(customer) => write!(out, ",\"customer\":\"{customer}\""),
            None => write!(out, ",\"customer\":null"),
        };
        let (effective, recorded) = (self.effective.as_microsecond(), told.recorded.as_microsecond());
        let _ = write!(out, ",\"effective\":{effective},\"env\":\"{}\",\"payload\":", env.simple());
        out.push_str(self.payload);
        out.push_str(",\"reason\":");
        match told.reason {
            Some(reason) => write_text(reason, out),
            None => out.push_str("null"),
        }
        let _ = write!(out, ",\"recorded\":{recorded},\"seq\":{},\"subject\":\"{}\"", self.seq, self.subject);
        out.push_str(",\"type\":");
        write_text(self.kind, out);
        let _ = write!(out, ",\"v\":{}}}", self.v);
    }
}

/// SHA-256 over the previous hash and a fact's text.
pub(crate) fn hash(previous: &[u8], text: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(text).finalize().into()
}

/// Whether a number in it is a float, which has no one spelling.
pub(crate) fn has_float(value: &Json) -> bool {
    match value {
        Json::Number(number) => number.is_f64(),
        Json::Array(items) => items.iter().any(has_float),
        Json::Object(fields) => fields.values().any(has_float),
        _ => false,
    }
}

/// JSON with keys in order, whatever order the engine or the library keeps them in.
pub(crate) fn write_canonical(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Json::String(text) => write_text(text, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
    }
}

/// A text in quotes, escaped as the library does.
fn write_text(text: &str, out: &mut String) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        *out += &Json::from(text).to_string();
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, ids::Invoice};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical(value: &Json) -> String {
        let mut out = String::new();
        write_canonical(value, &mut out);
        out
    }

    #[test]
    fn canonical_text_does_not_depend_on_key_order() {
        let value = serde_json::from_str(r#"{"b": [1, {"z": null, "a": "é\n"}], "a": true}"#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":true,"b":[1,{"a":"é\n","z":null}]}"#);
    }

    #[test]
    fn a_float_is_found_at_any_depth() {
        assert!(has_float(&json!({ "rates": [{ "rate": 0.5 }] })));
        assert!(!has_float(&json!({ "rates": [{ "rate": "0.5" }], "count": 1 })));
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_the_library_writes_it(text in any::<String>()) {
            prop_assert_eq!(canonical(&json!(text)), json!(text).to_string());
        }

        /// A fact's text is the canonical text of one object with all it says.
        #[test]
        fn a_fact_reads_like_one_object(
            (seq, v, bits, with_customer) in (1_i64.., 1_i64..9, any::<u128>(), any::<bool>()),
            (actor, reason) in (any::<String>(), any::<Option<String>>()),
            (effective, recorded) in (0_i64..4_000_000_000_000_000, 0_i64..4_000_000_000_000_000),
        ) {
            let customer = with_customer.then(|| Id::from_uuid(Uuid::from_u128(bits ^ 1)));
            let subject = Id::<Invoice>::from_uuid(Uuid::from_u128(bits)).any();
            let instant = |micros| Timestamp::from_microsecond(micros).unwrap();
            let payload = canonical(&json!({ "total": 4_900, "lines": [1, 2] }));
            let kind = "invoice.finalized";
            let link =
                Link { seq, kind, v, subject, customer, effective: instant(effective), payload: &payload };
            let told = Told { actor: &actor, reason: reason.as_deref(), recorded: instant(recorded) };
            let env = Uuid::from_u128(!bits);
            let mut out = String::new();
            link.write(env, &told, &mut out);
            let whole = json!({
                "env": env.simple().to_string(), "seq": seq, "type": kind, "v": v,
                "subject": subject.to_string(), "customer": customer.map(|id| id.to_string()),
                "actor": actor, "reason": reason, "effective": effective, "recorded": recorded,
                "payload": { "total": 4_900, "lines": [1, 2] },
            });
            prop_assert_eq!(out, canonical(&whole));
        }
    }
}
