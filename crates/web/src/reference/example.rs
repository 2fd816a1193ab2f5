//! What a body may look like, from its schema.

use serde_json::{Map, Value as Json, json};

use super::{Reference, shape::referred};

/// Shapes within shapes are followed so deep; some contain themselves.
const DEEP: usize = 4;

/// A body of this schema, indented.
pub(super) fn json(reference: &Reference, schema: &Json) -> String {
    serde_json::to_string_pretty(&value(reference, schema, 0)).unwrap_or_default()
}

fn value(reference: &Reference, schema: &Json, deep: usize) -> Json {
    if let Some(example) = schema["examples"].as_array().and_then(|all| all.first()) {
        return example.clone();
    }
    if let Some(usual) = schema.get("default").or_else(|| schema.get("example")) {
        return usual.clone();
    }
    if let Some(name) = referred(schema) {
        let found = reference.shape(name).filter(|_| deep < DEEP);
        return found.map_or_else(|| json!({}), |found| value(reference, found, deep + 1));
    }
    for word in ["oneOf", "anyOf", "allOf", "enum"] {
        if let Some(first) = schema[word].as_array().and_then(|all| all.first()) {
            return if word == "enum" { first.clone() } else { value(reference, first, deep) };
        }
    }
    let word = schema["type"].as_array().and_then(|all| all.first()).unwrap_or(&schema["type"]);
    match word.as_str() {
        Some("object") => object(reference, schema, deep),
        Some("array") => json!([value(reference, &schema["items"], deep + 1)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "date-time" => json!("2026-01-31T09:00:00Z"),
        Some("string") if schema["format"] == "date" => json!("2026-01-31"),
        Some("string") => json!("…"),
        _ => json!({}),
    }
}

/// What must be there; everything, where nothing must.
fn object(reference: &Reference, schema: &Json, deep: usize) -> Json {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten();
    let shown = fields.filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()));
    let body: Map<String, Json> =
        shown.map(|(name, said)| (name.clone(), value(reference, said, deep + 1))).collect();
    Json::Object(body)
}
