//! The table of error codes: complete, true, and printed as `docs/api-errors.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use api::CODES;

/// The crates whose errors can reach an answer.
const CRATES: &[&str] = &[
    "kernel", "store", "jobs", "catalog", "rating", "tax", "ledger", "identity", "billing", "metering", "api",
];

/// Parts of them that only the command line and pages call.
const ELSEWHERE: &[&str] =
    &["billing/src/import/", "store/src/schema.rs", "identity/src/user/", "identity/src/merchant/"];

/// Codes that only the command line, a job's log or a faulty program sees.
const INNER: &[&str] = &[
    "database_role_denied",
    "database_url_malformed",
    "due_taken",
    "history_invalid",
    "job_stopped",
    "jurisdiction_malformed",
    "lease_lost",
    "ledger_account_malformed",
    "ledger_unbalanced",
    "slug_malformed",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = path.display().to_string().replace('\\', "/");
        if ELSEWHERE.iter().any(|part| format!("{shown}/").contains(part)) || shown.contains("tests") {
            continue;
        }
        match path.is_dir() {
            true => sources(&path, found),
            false if shown.ends_with(".rs") => found.push(path),
            false => {}
        }
    }
}

/// The codes in the sources, each with its status: the first argument of an error's constructor.
fn codes_in_sources() -> BTreeMap<String, u16> {
    let mut files = Vec::new();
    for name in CRATES {
        sources(&crates().join(name).join("src"), &mut files);
    }
    let texts: Vec<String> =
        files.iter().map(|file| product_code(&fs::read_to_string(file).unwrap())).collect();
    let mut codes = BTreeMap::new();
    for text in &texts {
        for (constructor, status) in [
            ("Error::invalid(", 422),
            ("Error::conflict(", 409),
            ("Error::unavailable(", 503),
            // A local short name for the first of them.
            ("wrong(", 422),
            ("Kind::Malformed,", 400),
            ("Kind::Unauthenticated,", 401),
            ("Kind::Forbidden,", 403),
            ("Kind::NotFound,", 404),
            ("Kind::Conflict,", 409),
            ("Kind::TooLarge,", 413),
            ("Kind::Invalid,", 422),
            ("Kind::Internal,", 500),
            ("Kind::Unavailable,", 503),
        ] {
            let behind = text.split(constructor).skip(1);
            codes.extend(behind.filter_map(|rest| first_code(rest, &texts)).map(|code| (code, status)));
        }
    }
    // The one status that no kind of error has.
    codes.insert("method_not_allowed".to_owned(), 405);
    codes.retain(|code, _| !INNER.contains(&code.as_str()));
    codes
}

/// A file without its tests and comments.
fn product_code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The code at the start of an argument list: a literal, or a constant of some file.
fn first_code(rest: &str, texts: &[String]) -> Option<String> {
    let rest = rest.trim_start();
    let snake =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if let Some(literal) = rest.strip_prefix('"') {
        let code = literal.split('"').next()?;
        return snake(code).then(|| code.to_owned());
    }
    let name =
        rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().filter(|name| name.len() > 1)?;
    let definition = format!("const {name}: &str = \"");
    let value = texts.iter().find_map(|text| text.split(definition.as_str()).nth(1))?;
    value.split('"').next().filter(|code| snake(code)).map(str::to_owned)
}

/// The other way round does not hold: a code that nothing says any more stays explained.
#[test]
fn every_code_in_the_sources_is_in_the_table() {
    let table: BTreeMap<String, u16> = CODES.iter().map(|one| (one.code.to_owned(), one.status)).collect();
    let sources = codes_in_sources();
    let missing: Vec<_> = sources.iter().filter(|(code, status)| table.get(*code) != Some(status)).collect();
    assert!(missing.is_empty(), "not in crates/api/src/codes.rs, or with another status: {missing:?}");
}

#[test]
fn the_table_is_sorted_and_its_meanings_are_sentences() {
    let names: Vec<_> = CODES.iter().map(|one| one.code).collect();
    let sorted: BTreeSet<_> = names.iter().copied().collect();
    assert_eq!(names, sorted.into_iter().collect::<Vec<_>>());
    assert!(CODES.iter().all(|one| one.meaning.ends_with('.')));
}

/// Written anew with `UPDATE_DOCS=1`.
#[test]
fn the_page_of_error_codes_is_the_table() {
    let mut page = String::from(
        "# Error codes of the API\n\n\
         Every refusal is `application/problem+json` (RFC 9457) with a `code` that never changes, a `detail` for\n\
         people, and in `errors` the places concerned. This page is made of `crates/api/src/codes.rs` by\n\
         `UPDATE_DOCS=1 cargo test -p api --test it errors`.\n\n\
         | Code | Status | Meaning |\n|---|---|---|\n",
    );
    for one in CODES {
        page += &format!("| `{}` | {} | {} |\n", one.code, one.status, one.meaning);
    }
    let path = crates().parent().unwrap().join("docs/api-errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "docs/api-errors.md is out of date: run the test with UPDATE_DOCS=1");
}
