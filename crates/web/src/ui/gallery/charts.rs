//! A year of a small business, drawn.

use maud::{Markup, html};

use super::super::*;

const MONTHS: [(&str, &str, &str); 12] = [
    ("Apr", "April 2026", "2026"),
    ("May", "May 2026", "2026"),
    ("Jun", "June 2026", "2026"),
    ("Jul", "July 2026", "2026"),
    ("Aug", "August 2026", "2026"),
    ("Sep", "September 2026", "2026"),
    ("Oct", "October 2026", "2026"),
    ("Nov", "November 2026", "2026"),
    ("Dec", "December 2026", "2026"),
    ("Jan", "January 2027", "2027"),
    ("Feb", "February 2027", "2027"),
    ("Mar", "March 2027", "2027"),
];

const BILLED: [i128; 12] = [18, 21, 24, 23, 27, 31, 34, 33, 38, 42, 45, 29];
const CREDITED: [i128; 12] = [0, -1, 0, -3, -1, -1, 0, -2, -4, -1, 0, -1];
const ACTIVE: [i128; 12] = [210, 226, 241, 247, 262, 281, 300, 309, 331, 356, 380, 388];
const TRIALING: [i128; 12] = [31, 28, 35, 40, 36, 41, 44, 52, 39, 61, 58, 38];

fn series(name: &str, values: [i128; 12], text: impl Fn(i128) -> String) -> Series<'_> {
    Series { name, values: values.map(|size| Some(Value { size, text: text(size) })).into() }
}

pub(super) fn all() -> Markup {
    let slot = |at: usize| {
        let (label, name, group) = MONTHS[at];
        Slot { label, name, group, open: at == 11, href: Some("#invoices") }
    };
    let slots: Vec<Slot> = (0..12).map(slot).collect();
    let money = |thousands: i128| match thousands {
        0 => "$0.00".to_owned(),
        size => format!("{}${},000.00", if size < 0 { "-" } else { "" }, size.abs()),
    };
    let tick = |thousands: i128| if thousands == 0 { "0".to_owned() } else { format!("{thousands}k") };
    let count = |size: i128| size.to_string();
    html! {
        (columns(&Chart {
            title: "Billed and credited by month, in US dollars",
            summary: "February was billed $45,000.00, the most of these twelve months. March is not over.",
            over: "Month",
            slots: &slots,
            series: &[series("Billed", BILLED, money), series("Credited", CREDITED, money)],
            tick: &tick,
        }))
        (lines(&Chart {
            title: "Active subscriptions at the end of each month",
            summary: "From 210 in April to 388 now.",
            over: "Month",
            slots: &slots,
            series: &[series("Active", ACTIVE, count)],
            tick: &count,
        }))
        (lines(&Chart {
            title: "Subscriptions and trials",
            summary: "Trials went from 31 to 38, with a peak of 61 in January.",
            over: "Month",
            slots: &slots,
            series: &[series("Active", ACTIVE, count), series("Trialing", TRIALING, count)],
            tick: &count,
        }))
        (columns(&Chart {
            title: "Payments by month",
            summary: "None yet.",
            over: "Month",
            slots: &slots,
            series: &[series("Received", [0; 12], money)],
            tick: &tick,
        }))
        (section("Parts of a whole", html! {}, shares("Subscriptions by state", ["State", "Subscriptions"], &[
            Share { label: "Active", text: "388", size: 388, href: Some("#active") },
            Share { label: "Trialing", text: "38", size: 38, href: Some("#trialing") },
            Share { label: "Paused", text: "9", size: 9, href: None },
            Share { label: "Suspended", text: "4", size: 4, href: None },
        ])))
        (section("Bars against a limit", html! {}, html! {
            div class="progresses" {
                (against(&Against { label: "Users", text: "29 of 25, 4 over the limit", value: 29, limit: Some(25) }))
                (against(&Against { label: "Plants", text: "2 of 5", value: 2, limit: Some(5) }))
                (against(&Against { label: "Storage", text: "12 GB, no limit", value: 12, limit: None }))
            }
        }))
        p { "Invoices of the last year " (spark(&ACTIVE, "from 210 to 388 in twelve months")) " in a line of text." }
    }
}
