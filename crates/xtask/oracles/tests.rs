//! Our own cases hold, every figure of them counts, and so do the cases at hand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Count, check};

/// Worked out with fractions by a program of its own; at least three for each topic.
const OWN: &str = include_str!("own.json");

/// Cases of other engines. They are not part of the repository.
const OTHERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/oracles/billing.json");

/// The count, and the lines of cases that begin with one of these words.
fn checked(text: &str, words: &[&str]) -> (Count, Vec<String>) {
    let mut lines = Vec::new();
    let count = check(text, "", &mut |line| {
        if words.iter().any(|word| line.starts_with(word)) {
            lines.push(line);
        }
    });
    (count.unwrap(), lines)
}

fn own() -> Vec<Value> {
    let file: Value = serde_json::from_str(OWN).unwrap();
    file["scenarios"].as_array().unwrap().clone()
}

#[test]
fn our_own_cases_hold() {
    let (count, lines) = checked(OWN, &["FAILED", "skipped"]);
    assert_eq!(lines, [""; 0]);
    assert_eq!(count.passed, own().len());
}

#[test]
fn each_topic_has_three_cases_of_our_own() {
    let mut topics: BTreeMap<String, usize> = BTreeMap::new();
    own().iter().for_each(|case| *topics.entry(case["topic"].to_string()).or_default() += 1);
    let few: Vec<_> = topics.iter().filter(|(_, count)| **count < 3).collect();
    assert!(few.is_empty() && topics.len() >= 60, "{few:?}");
}

/// Another value of the same kind: the last of a list or table, another number, year or text.
fn changed(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        Value::String(text) => match text.split_once('-').map(|(year, rest)| (year.parse::<i32>(), rest)) {
            Some((Ok(year), rest)) => json!(format!("{}-{rest}", year + 1)),
            _ => json!(format!("{text}7")),
        },
        Value::Array(list) => {
            let mut list = list.clone();
            if let Some(last) = list.last_mut() {
                *last = changed(last);
            }
            Value::Array(list)
        }
        Value::Object(table) => {
            let mut table = table.clone();
            if let Some((_, last)) = table.iter_mut().next_back() {
                *last = changed(last);
            }
            Value::Object(table)
        }
        other => other.clone(),
    }
}

/// A check that passes whatever is expected would prove nothing.
#[test]
fn every_figure_counts() {
    let mut wrong = Vec::new();
    for case in own() {
        for (key, value) in case["expect"].as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
            let mut other = case.clone();
            other["expect"][key] = changed(value);
            other["id"] = json!(format!("{} {key}", case["id"].as_str().unwrap()));
            wrong.push(other);
        }
    }
    let expected = wrong.len();
    let (count, lines) = checked(&json!({ "scenarios": wrong }).to_string(), &["passed", "skipped"]);
    assert_eq!(lines, [""; 0]);
    assert_eq!(count.failed, expected);
}

#[test]
fn cases_of_other_engines_hold() {
    let Ok(text) = std::fs::read_to_string(OTHERS) else {
        eprintln!("no cases of other engines at hand");
        return;
    };
    let (count, lines) = checked(&text, &["FAILED"]);
    assert_eq!(lines, [""; 0]);
    assert!(count.passed > count.skipped, "{count:?}");
    eprintln!("{count:?}");
}

#[test]
fn what_is_no_file_of_cases_is_refused() {
    let mut silent = |_| {};
    assert!(check("", "", &mut silent).unwrap_err().starts_with("the file is no JSON"));
    assert_eq!(check("{}", "", &mut silent).unwrap_err(), "the file has no list of cases");
    let odd = json!([{ "id": "x", "topic": "pricing.volume", "given": {}, "expect": {} }, {}, 5]).to_string();
    let (count, lines) = checked(&odd, &["skipped"]);
    assert_eq!((count.passed, count.failed, lines.len()), (0, 0, 3), "{lines:?}");
}
