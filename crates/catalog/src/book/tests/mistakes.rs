//! What a founder sees of a book with mistakes.

use super::{super::read, UNISON, bad};

/// The first line of each mistake.
fn headlines(text: &str) -> Vec<String> {
    let mistakes = read("book.toml", text).expect_err("the book has mistakes");
    mistakes.iter().map(|mistake| mistake.to_string().lines().take(1).collect()).collect()
}

/// The one mistake of Unison's book with a part of it replaced.
fn with(from: &str, to: &str) -> String {
    assert!(UNISON.contains(from), "{from}");
    let headlines = headlines(&UNISON.replacen(from, to, 1));
    let [headline] = headlines.as_slice() else { panic!("{headlines:#?}") };
    headline.splitn(4, ':').nth(3).unwrap_or_default().trim_start().to_owned()
}

#[test]
fn a_mistake_knows_its_place_and_its_text() {
    let mistakes =
        read("books/unison.toml", &UNISON.replacen("\"starter\", \"prof", "\"statrer\", \"prof", 1));
    let mistakes = mistakes.unwrap_err();
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    let line = UNISON.lines().position(|line| line.starts_with("plans = [\"starter\"")).unwrap() + 1;
    assert_eq!((mistake.file.as_str(), mistake.line, mistake.column), ("books/unison.toml", line, 10));
    assert_eq!(mistake.text, "\"statrer\"");
    assert_eq!(mistake.message, "plan `statrer` is not defined");
    assert_eq!(mistake.hint.as_deref(), Some("did you mean `starter`?"));
    assert_eq!(mistake.source, "plans = [\"statrer\", \"professional\"]");
}

#[test]
fn columns_count_characters_and_carets_follow_tabs() {
    let seen = bad(
        "book = 1\nname = \"B\"\ncurrency = \"USD\"\n[plans.a]\nprice = { month = 1 }\r\n\tname\t=\t4\t# é\r\n",
    );
    assert_eq!(
        seen,
        "book.toml:6:9: a name is a text in quotes; this is a whole number\n    6 | \tname\t=\t4\t# é\n      | \t    \t \t^\n"
    );
    let seen =
        bad("book = 1\nname = \"B\"\ncurrency = \"USD\"\nplans = { a = { name = \"ééé\", price = 1 } }\n");
    assert!(seen.starts_with("book.toml:4:39: a price says"), "{seen}");
}

#[test]
fn every_rule_has_a_sentence() {
    for (from, to, sentence) in [
        ("days = 14", "days = 14.0", "`days` is a whole number; this is a number with a decimal point"),
        ("days = 14", "days = 366", "`days` must be from 1 to 365"),
        (
            "card_required = false",
            "card_required = \"false\"",
            "`card_required` is true or false, without quotes; this is a text",
        ),
        ("[7, 3, 1]", "7", "`reminders` is a list in square brackets; this is a whole number"),
        (
            "proration = \"day\"",
            "proration = \"days\"",
            "`days` is not a choice for `proration`: \"day\", \"second\", \"thirty_day_month\", \"none\"; did you mean `day`?",
        ),
        (
            "without = \"suspend\"",
            "without = \"downgrade:started\"",
            "plan `started` is not defined; did you mean `starter`?",
        ),
        ("name = \"Unison\"", "name = \" Unison\"", "a name cannot begin or end with a space"),
        ("name = \"Unison\"", "name = 1979-05-27", "a name is a text in quotes; this is a date"),
        (
            "builds_on = \"professional\"",
            "builds_on = \"enterprise\"",
            "no plan above this one is called `enterprise`",
        ),
        (
            "{ month = \"49\", year = \"529\" }",
            "{}",
            "there is no amount; add one for a cycle, such as month = \"49\"",
        ),
        (
            "month = \"49\"",
            "quarter = \"1\", \"3 months\" = \"2\"",
            "there are two prices for the cycle `quarter`",
        ),
        (
            "month = \"49\"",
            "month = \"-49\"",
            "`-49` is not a price; write a decimal of at most 12 places, such as \"49\" or \"0.50\", from 0 to 10^12",
        ),
        (
            "month = \"49\"",
            "month = 0x31",
            "`0x31` is not a price; write a decimal of at most 12 places, such as \"49\" or \"0.50\", from 0 to 10^12",
        ),
        (
            "month = \"5\"",
            "month = \"5\", once = \"5\"",
            "a price is paid either once or every cycle; make two add-ons of it",
        ),
        (
            "month = \"5\"",
            "year = \"5\"",
            "add-on `extra_user` has no price for the cycle `month` of plan `starter`; add one, or a price for a month, which counts for each month of the cycle `month`",
        ),
        (
            "raises = { users = 1 }\nplans = [\"starter\"",
            "raises = { users = 1 }\nplans = [\"enterprise\"",
            "plan `enterprise` has `users` unlimited: there is nothing to raise",
        ),
        (
            "raises = { users = 1 }\nplans = [\"starter\", \"professional\"]",
            "raises = { users = 1 }\nplans = []",
            "the list is empty; leave `plans` out to mean every plan",
        ),
        (
            "kind = \"value\"",
            "kind = \"values\"",
            "`values` is not a choice for `kind`: \"boolean\", \"limit\", \"value\"; did you mean `value`?",
        ),
    ] {
        assert_eq!(with(from, to), sentence, "{to}");
    }
}

#[test]
fn text_that_is_no_toml_is_placed_too() {
    let seen = bad("book = 1\nname = Unison\ncurrency = USD\n");
    let expected = r#"book.toml:2:8: text must be in quotes; write "Unison"
    2 | name = Unison
      |        ^^^^^^
book.toml:3:12: text must be in quotes; write "USD"
    3 | currency = USD
      |            ^^^
"#;
    assert_eq!(seen, expected);
    let closing = headlines("book = 1\nname = \"Uni\n");
    assert_eq!(closing, ["book.toml:2:12: the text does not end on its line: a closing quote is missing"]);
    let twice = headlines("book = 1\nbook = 1\nname = \"B\"\ncurrency = \"USD\"\n[plans]\n");
    let expected = [
        "book.toml:2:1: `book` is given a second time; keep one of the two",
        "book.toml:5:1: there is no plan; add one, such as [plans.starter]",
    ];
    assert_eq!(twice, expected);
    let empty = headlines("");
    let missing = ["book", "name", "currency", "plans"]
        .map(|key| format!("book.toml:1:1: the price book has no `{key}`"));
    assert_eq!(empty, missing);
}

#[test]
fn a_book_full_of_mistakes_reports_all_of_them() {
    let text = include_str!("wrong.toml");
    assert_eq!(bad(text), include_str!("wrong.txt"));
}

#[test]
fn a_trial_goes_on_in_the_currency_it_was_tried_in() {
    let book = |price: &str, plan: &str| {
        format!(
            "book = 1\nname = \"B\"\ncurrency = \"USD\"\n[trial]\ndays = 7\n{plan}\
             at_end = {{ without = \"downgrade:basic\" }}\n[plans.basic]\nname = \"Basic\"\nprice = {{ month = {price} }}\n\
             [plans.pro]\nname = \"Pro\"\nprice = {{ month = {{ USD = \"9\", EUR = \"8\" }} }}\n\
             [plans.one]\nname = \"One\"\nprice = {{ year = \"100\" }}\n"
        )
    };
    let mistakes = headlines(&book("\"1\"", ""));
    assert_eq!(
        mistakes,
        [
            "book.toml:6:10: plan `basic` has no price in EUR, in which `pro` can be tried; give it one, or let the trial end in another way"
        ]
    );
    read("book.toml", &book("{ USD = \"1\", EUR = \"1\" }", "")).unwrap();
    read("book.toml", &book("\"1\"", "plan = \"one\"\n")).unwrap();
}
