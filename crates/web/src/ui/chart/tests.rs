//! What charts promise: the same drawing for the same figures, and every figure in words.

use super::*;

const MONTHS: [(&str, &str, &str); 6] = [
    ("Oct", "October 2026", "2026"),
    ("Nov", "November 2026", "2026"),
    ("Dec", "December 2026", "2026"),
    ("Jan", "January 2027", "2027"),
    ("Feb", "February 2027", "2027"),
    ("Mar", "March 2027", "2027"),
];

fn slots() -> Vec<Slot<'static>> {
    let slot = |(at, (label, name, group)): (usize, &(&'static str, &'static str, &'static str))| Slot {
        label,
        name,
        group,
        open: at == MONTHS.len() - 1,
        href: (at == 0).then_some("/invoices?from=2026-10-01"),
    };
    MONTHS.iter().enumerate().map(slot).collect()
}

fn series(name: &str, sizes: [Option<i128>; 6]) -> Series<'_> {
    let value = |size: i128| Value { size, text: format!("USD {size}") };
    Series { name, values: sizes.map(|size| size.map(value)).into() }
}

fn chart<'a>(slots: &'a [Slot<'a>], series: &'a [Series<'a>]) -> Chart<'a> {
    Chart {
        title: "Billed and credited by month",
        summary: "March is not over.",
        over: "Month",
        slots,
        series,
        tick: &|size| format!("{size}"),
    }
}

#[test]
fn columns_are_stacked_up_and_down() {
    let series = [
        series("Billed", [Some(40), Some(55), Some(61), None, Some(72), Some(18)]),
        series("Credited", [Some(-4), Some(0), Some(-11), None, Some(-2), Some(-1)]),
    ];
    insta::assert_snapshot!(columns(&chart(&slots(), &series)).0.replace('>', ">\n"));
}

#[test]
fn lines_break_where_nothing_is_known() {
    let known = [Some(12), Some(14), None, Some(19), Some(17), Some(23)];
    insta::assert_snapshot!(lines(&chart(&slots(), &[series("Active", known)])).0.replace('>', ">\n"));
    let two = lines(&chart(&slots(), &[series("One", known), series("Other", known)])).0;
    assert!(!two.contains("fill "), "areas would cover each other");
}

#[test]
fn small_drawings_say_what_they_show() {
    let all = maud::html! {
        (spark(&[3, 9, 4, 12], "3, 9, 4, 12 invoices a month"))
        (against(&Against { label: "Users", text: "29 of 25, 4 over", value: 29, limit: Some(25) }))
        (against(&Against { label: "Plants", text: "2 of 5", value: 2, limit: Some(5) }))
        (against(&Against { label: "Storage", text: "12 GB", value: 12, limit: None }))
        (shares("Subscriptions by state", ["State", "Subscriptions"], &[
            Share { label: "Active", text: "1,204", size: 1_204, href: Some("/subscriptions?state=active") },
            Share { label: "Paused", text: "3", size: 3, href: None },
        ]))
    };
    insta::assert_snapshot!(all.0.replace('>', ">\n"));
}

#[test]
fn every_figure_stands_in_the_table() {
    let sizes = [Some(40), Some(55), Some(61), None, Some(72), Some(18)];
    for draw in [columns, lines] {
        let drawn = draw(&chart(&slots(), &[series("Billed", sizes)])).0;
        let table = drawn.split("<table>").nth(1).unwrap();
        for size in sizes.iter().flatten() {
            assert!(table.contains(&format!("USD {size}")));
        }
        assert!(table.contains("none") && table.contains("so far") && table.contains("March 2027"));
    }
}

#[test]
fn nothing_is_drawn_of_nothing() {
    for draw in [columns, lines] {
        let empty = draw(&chart(&slots(), &[series("Billed", [None; 6])])).0;
        assert!(empty.contains("Nothing to draw yet.") && !empty.contains("<svg class=\"drawing\""));
        assert!(draw(&chart(&[], &[])).0.contains("Nothing to draw yet."));
    }
    assert_eq!(shares("None", ["a", "b"], &[]).0, "");
    assert!(spark(&[], "none").0.contains("aria-label=\"none\""));
}

#[test]
fn extremes_stay_on_the_paper() {
    let extreme = [Some(i128::MAX), Some(i128::MIN), Some(0), Some(1), Some(-1), None];
    for draw in [columns, lines] {
        let drawn = draw(&chart(&slots(), &[series("a", extreme), series("b", extreme)])).0;
        let heights =
            drawn.split(" y=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse::<f64>().ok());
        for y in heights {
            assert!((-1.0..=230.0).contains(&y), "{y}");
        }
    }
    assert!(against(&Against { label: "", text: "", value: u64::MAX, limit: Some(0) }).0.contains("over"));
}
