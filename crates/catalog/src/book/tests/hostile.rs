//! Books that are huge, deep or no books at all.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{
    super::{Book, diff, read},
    SHIPPED, UNISON, bad, good,
};

/// A good book of about 5 × `plans` lines, with references wherever a book can have them.
fn large_book(plans: usize) -> String {
    let mut text = String::from("book = 1\nname = \"Large\"\ncurrency = \"USD\"\n[features]\n");
    for n in 0..plans {
        writeln!(text, "feature_{n} = \"Feature {n}\"").unwrap();
    }
    for n in 0..plans {
        writeln!(text, "[plans.plan_{n}]\nname = \"Plan {n}\"\nprice = {{ month = \"{n}.25\", year = {n} }}")
            .unwrap();
        writeln!(text, "features = [\"feature_{n}\", \"feature_{}\"]", (n + 7) % plans).unwrap();
    }
    for n in 0..plans / 5 {
        writeln!(
            text,
            "[addons.addon_{n}]\nname = \"Add-on {n}\"\nprice = {{ per = \"piece\", month = \"1\" }}"
        )
        .unwrap();
        writeln!(text, "features = [\"feature_{n}\"]\nplans = [\"plan_{n}\"]").unwrap();
    }
    text
}

/// How long it takes is measured by `cargo xtask bench book`.
#[test]
fn five_thousand_lines_are_read() {
    let text = large_book(1000);
    assert!(text.lines().count() > 5000);
    assert_eq!(good(&text).plans.len(), 1000);
}

#[test]
fn of_a_mistake_on_every_line_the_first_500_are_shown() {
    let broken = large_book(1000).replace("[\"feature_", "[\"faeture_");
    let mistakes = read("book.toml", &broken).unwrap_err();
    assert_eq!(mistakes.len(), 501);
    assert_eq!(mistakes[500].message, "and 700 more mistakes, not shown");
}

#[test]
fn limits_are_named() {
    let seen = bad(&format!("{UNISON}#{}", "x".repeat(1_000_000)));
    assert!(seen.contains("bytes; a price book has at most 1000000"), "{seen}");
    let mut text = String::from("book = 1\nname = \"B\"\ncurrency = \"USD\"\n[plans]\n[features]\n");
    (0..10_001).for_each(|n| writeln!(text, "f{n} = \"{n}\"").unwrap());
    assert!(bad(&text).contains("the file has 10001 entries; 10000 is the most"));

    let features: Vec<String> = (0..1000).map(|n| format!("f{n}")).collect();
    let mut text = String::from("book = 1\nname = \"B\"\ncurrency = \"USD\"\n[features]\n");
    features.iter().for_each(|key| writeln!(text, "{key} = \"{key}\"").unwrap());
    writeln!(text, "[plans.p0]\nname = \"0\"\nprice = {{ month = 0 }}\nfeatures = {features:?}").unwrap();
    for n in 1..=100 {
        writeln!(text, "[plans.p{n}]\nname = \"{n}\"\nprice = {{ month = 0 }}\nbuilds_on = \"p{}\"", n - 1)
            .unwrap();
    }
    let seen = bad(&text);
    assert!(seen.contains("the plans have more than 100000 features in all"), "{seen}");
}

#[test]
fn a_huge_line_is_shown_in_part() {
    let text = format!(
        "book = 1\nname = \"B\"\ncurrency = \"USD\"\nplans = {{ a = \"{}\", b = 5 }}\n",
        "é".repeat(100_000)
    );
    let mistakes = read("book.toml", &text).unwrap_err();
    assert!(mistakes.iter().all(|mistake| mistake.to_string().len() < 2000));
    assert!(mistakes.iter().any(|mistake| mistake.column > 100_000 && mistake.text == "5"));
}

#[test]
fn depth_is_refused_without_falling_over() {
    for text in [
        format!("a = {}", "[".repeat(400_000)),
        format!("a = {}", "{a=".repeat(200_000)),
        format!("{}a = 1", "a.".repeat(400_000)),
        "[".repeat(900_000),
        "\u{feff}".repeat(10),
        "\r\n\r".into(),
        String::new(),
    ] {
        assert!(!read("book.toml", &text).unwrap_err().is_empty());
    }
}

/// Words and signs of the format in any order, so that more than the parser is reached.
fn scraps() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "book",
        "name",
        "currency",
        "plans",
        "features",
        "addons",
        "trial",
        "billing",
        "price",
        "month",
        "once",
        "per",
        "meters",
        "coupons",
        "usage",
        "limits",
        "graduated",
        "volume",
        "package",
        "percent",
        "up_to",
        "or_less",
        "minimum",
        "lasts",
        "thresholds",
        "every",
        "tax",
        "late_window",
        "\"90 days\"",
        "proration",
        "days_in_month",
        "\"10 % off\"",
        "USD",
        "EUR",
        "starter",
        "\"USD\"",
        "\"49\"",
        "\"users\"",
        "49",
        "1",
        "-1",
        "0.5",
        "true",
        "=",
        "= ",
        "\n",
        "\n[",
        "]\n",
        ".",
        ", ",
        "{ ",
        " }",
        "[",
        "]",
        "\"é\u{1b}",
        "\"",
        "'",
        "#",
        "\r\n",
        "\t",
        "\u{0}",
    ];
    proptest::collection::vec(proptest::sample::select(WORDS), 0..80).prop_map(|words| words.concat())
}

/// A shipped book with a stretch of it replaced.
fn damaged() -> impl Strategy<Value = (&'static str, String)> {
    let places =
        (proptest::sample::select(SHIPPED), any::<proptest::sample::Index>(), 0..200_usize, ".{0,8}");
    places.prop_map(|(book, from, length, by)| {
        let from = from.index(book.len());
        let to = book.ceil_char_boundary((from + length).min(book.len()));
        let from = book.floor_char_boundary(from);
        (book, format!("{}{by}{}", &book[..from], &book[to..]))
    })
}

/// Whatever the text: no panic, a book or at least one mistake, and each mistake points into the text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(mistakes) = read("book.toml", text) else { return Ok(()) };
    prop_assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        let line = text.split('\n').nth(mistake.line - 1);
        prop_assert!(line.is_some_and(|line| mistake.column <= line.chars().count() + 1), "{mistake:?}");
        prop_assert!(!mistake.to_string().contains(['\0', '\x1b']));
    }
    prop_assert!(mistakes.is_sorted_by_key(|mistake| (mistake.line, mistake.column)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_scraps_of_a_book_are_answered(text in scraps()) {
        check(&text)?;
    }

    #[test]
    fn any_damage_to_a_good_book_is_answered((whole, text) in damaged()) {
        check(&text)?;
        if let Ok(book) = read("book.toml", &text) {
            prop_assert_eq!(diff(&good(whole), &book).is_empty(), book == good(whole));
            prop_assert_eq!(serde_json::from_str::<Book>(&book.canonical_json()).unwrap(), book);
        }
    }
}
