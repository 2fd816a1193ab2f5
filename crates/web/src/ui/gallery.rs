//! Every component on one page, with the data of a real business: Unison, which sells an ERP system.

mod charts;
mod documents;

use maud::{Markup, html};

use super::*;
use documents::{CREDIT_STEPS, credit_lines, invoice};

/// The gallery as a whole page, served at `/design`. Its links and forms lead nowhere.
pub fn gallery() -> Markup {
    let frame = Frame {
        title: "Design",
        merchant: "Unison",
        environment: Environment {
            name: "Rehearsal",
            href: "#environments",
            sandbox: Some(Sandbox { clock: "16 March 2027, 09:00 UTC", href: "#clock" }),
        },
        base: "",
        active: Some(Section::Invoices),
        account: Some(Account { name: "Maren Holt", role: "Owner", sign_out: "#sign-out", csrf: "token" }),
        crumbs: &[Crumb { label: "Home", href: "/" }, Crumb { label: "Pages", href: "#pages" }],
    };
    page(&frame, body())
}

fn body() -> Markup {
    html! {
        (header("Design", "Every component of the product, with real data. Look here before and after a change.",
            html! {
                (button_link(Button::Plain, "Export", "#export"))
                (button_link(Button::Primary, "New customer", "#new"))
            }))
        (headline())
        (section("Charts", html! {}, charts::all()))
        (section("Table", html! { a href="#all" { "All invoices" } }, html! { (list_filters()) (invoices()) }))
        (section("Table with totals", html! {}, trial_balance()))
        (section("Table without rows", html! {}, no_rows()))
        (section("States", html! {}, states()))
        (section("Document", html! {}, invoice_sheet(&invoice())))
        (section("Lines of a credit note", html! {}, credit_lines()))
        (section("Explanation", html! {}, html! {
            p { "Why a credit of " (amount("-$25.29")) "?" }
            (explanation(&CREDIT_STEPS))
        }))
        (section("Details and timeline", html! {}, details()))
        (section("Countdowns", html! {}, countdowns()))
        (section("Messages", html! {}, messages()))
        (section("Form", html! {}, customer_form()))
        (section("Actions", html! {}, actions()))
        (section("Progress and live parts", html! {}, usage()))
        (section("Text for machines", html! {}, machine_text()))
        (section("Icons", html! {}, icons()))
    }
}

fn headline() -> Markup {
    let stat = |label, value, note| Stat { label, value, note };
    figures(&[
        (stat("Monthly recurring revenue", "$48,215.00", "+$1,304.00 since 1 March"), None),
        (stat("Open invoices", "$6,118.40", "31 invoices, 4 past due"), Some("#open")),
        (stat("Customers", "412", "38 in trial"), Some("#customers")),
        (stat("Credit given this month", "-$212.07", "9 credit notes"), None),
    ])
}

fn list_filters() -> Markup {
    const STATES: [Choice; 4] = [
        Choice { value: "all", label: "Every state" },
        Choice { value: "draft", label: "Draft" },
        Choice { value: "finalized", label: "Finalized" },
        Choice { value: "paid", label: "Paid" },
    ];
    let fields = html! {
        (field(&Field::new("Customer", "customer", Input::Text)))
        (field(&Field::new("State", "state", Input::Select(&STATES)).value("all")))
        (field(&Field::new("Issued from", "from", Input::Date).value("2027-03-01")))
    };
    html! {
        (filters("#filter", fields, "Show"))
        (chosen(&[("Customer: Brandt & Sohn Metallbau GmbH", "#without-customer")]))
    }
}

fn invoices() -> Markup {
    let columns = [
        Column::text("Number"),
        Column::text("Customer"),
        Column::text("State"),
        Column::text("Issued"),
        Column::text("Due"),
        Column::number("Amount").lead(),
    ];
    let entries = [
        (
            "UN-2027-0418",
            "Brandt & Sohn Metallbau GmbH",
            "finalized",
            "16 Mar 2027",
            Some("30 Mar 2027"),
            "$87.74",
        ),
        ("UN-2027-0417", "Northfield Castings Ltd", "paid", "15 Mar 2027", Some("29 Mar 2027"), "$2,149.00"),
        ("UN-2027-0416", "Ateliers Lavoie", "past_due", "28 Feb 2027", Some("14 Mar 2027"), "$249.00"),
        ("UN-2027-0415", "Kestrel Precision Engineering", "void", "28 Feb 2027", None, "$49.00"),
        ("CN-2027-0009", "Brandt & Sohn Metallbau GmbH", "paid", "16 Mar 2027", None, "-$25.29"),
    ];
    let rows = entries.map(|(number, customer, name, issued, due, total)| {
        let cells = vec![
            html! { (number) },
            html! { (customer) },
            state(name),
            html! { (issued) },
            optional(due),
            amount(total),
        ];
        Row::link(format!("#{number}"), cells)
    });
    html! {
        (table(Table {
            caption: "Invoices",
            columns: &columns,
            rows: rows.into(),
            total: None,
            narrow: Narrow::Stack,
            empty: html! {},
        }))
        (pagination(Some("#first"), Some("#next")))
    }
}

fn trial_balance() -> Markup {
    let columns = ["Account", "Opening", "Debit", "Credit", "Closing"].map(|label| match label {
        "Account" => Column::text(label),
        _ => Column::number(label),
    });
    let row = |cells: [&str; 5]| {
        let [account, figures @ ..] = cells;
        let mut row = vec![html! { (account) }];
        row.extend(figures.map(amount));
        Row::new(row)
    };
    table(Table {
        caption: "Trial balance, March 2027, Unison Software Inc., USD",
        columns: &columns,
        rows: vec![
            row(["1200 Receivables", "$4,870.40", "$51,466.00", "$50,218.00", "$6,118.40"]),
            row(["1000 Cash at the gateway", "$212,904.11", "$50,218.00", "$0.00", "$263,122.11"]),
            row(["2300 Customer credit", "-$118.00", "$0.00", "$212.07", "-$330.07"]),
            row(["4000 Subscription revenue", "-$217,656.51", "$212.07", "$51,466.00", "-$268,910.44"]),
        ],
        total: Some(row(["Total", "$0.00", "$101,896.07", "$101,896.07", "$0.00"])),
        narrow: Narrow::Scroll,
        empty: html! {},
    })
}

fn no_rows() -> Markup {
    table(Table {
        caption: "Subscriptions",
        columns: &[Column::text("Customer")],
        rows: Vec::new(),
        total: None,
        narrow: Narrow::Stack,
        empty: empty(
            "No subscriptions yet",
            "A subscription joins a customer to a plan of the price book. Starter, Professional and Enterprise are ready.",
            button_link(Button::Primary, "Start a subscription", "#start"),
        ),
    })
}

fn states() -> Markup {
    const NAMES: [&str; 17] = [
        "draft",
        "finalized",
        "paid",
        "void",
        "uncollectible",
        "incomplete",
        "trialing",
        "active",
        "past_due",
        "paused",
        "suspended",
        "canceled",
        "expired",
        "queued",
        "running",
        "done",
        "failed",
    ];
    html! { div class="specimens" { @for name in NAMES { (state(name)) } } }
}

fn countdowns() -> Markup {
    let entries = [
        (Urgency::Calm, "9 days left", 5),
        (Urgency::Soon, "3 days left", 11),
        (Urgency::LastDay, "Last day", 13),
    ];
    let ends = html! { "Then it is suspended: no method of payment is on file." };
    html! {
        @for (urgency, left, passed) in entries {
            (countdown(&Countdown { urgency, left, title: "Trial until 14 Mar 2027", passed, whole: 14 }, ends.clone()))
        }
    }
}

fn details() -> Markup {
    let main = timeline(&[
        Moment {
            at: "2027-03-16T09:00:00Z",
            time: "16 Mar 2027, 09:00",
            title: "Invoice UN-2027-0418 finalized",
            body: html! { (amount("$87.74")) " due on 30 March, after a credit of " (amount("$25.29")) "." },
            href: Some("#UN-2027-0418"),
        },
        Moment {
            at: "2027-03-16T08:58:12Z",
            time: "16 Mar 2027, 08:58",
            title: "Changed to Professional",
            body: html! { "By Maren Holt, effective at once: “They opened a second plant.”" },
            href: None,
        },
        Moment {
            at: "2027-03-01T00:00:00Z",
            time: "1 Mar 2027, 00:00",
            title: "Subscription started on Starter",
            body: html! { (copyable("sub_01jqd5v9m4e7kbt2x8f3wzr6hc")) },
            href: None,
        },
    ]);
    let aside = definition_list(&[
        ("Customer", html! { a href="#brandt" { "Brandt & Sohn Metallbau GmbH" } }),
        ("State", state("active")),
        ("Plan", html! { "Professional, monthly" }),
        ("Users", html! { "29" }),
        ("Next invoice", html! { "1 April 2027" }),
        ("Coupon", optional(None)),
    ]);
    split(main, aside)
}

fn messages() -> Markup {
    html! {
        (notice(Kind::Info, "Nothing is charged yet", html! { "This preview becomes an invoice when you confirm it." }))
        (notice(Kind::Success, "Subscription started", html! { "Northfield Castings is on Professional from today." }))
        (notice(Kind::Warning, "The price book has changed since this draft", html! {
            "Version 4 was applied on 15 March. " a href="#diff" { "See what differs" } "."
        }))
        (notice(Kind::Error, "The clock was not moved", html! {
            "A sandbox's clock only goes forward. Choose an instant after 16 March 2027, 09:00 UTC."
        }))
        (error_message(404, "There is no such invoice", "Nothing of this environment has this address. It may belong to another one.", "not_found"))
    }
}

fn customer_form() -> Markup {
    const PLANS: [Choice; 3] = [
        Choice { value: "starter", label: "Starter, $49.00 a month" },
        Choice { value: "professional", label: "Professional, $199.00 a month" },
        Choice { value: "enterprise", label: "Enterprise, $999.00 a month" },
    ];
    let email_wrong = "Write the whole address, like accounts@example.com.";
    let fields = html! {
        (field(&Field::new("Name", "name", Input::Text).value("Northfield Castings Ltd").required()
            .hint("As it should stand on invoices.")))
        (field(&Field::new("Invoices go to", "email", Input::Email).value("accounts@").required()
            .error(Some(email_wrong))))
        (field(&Field::new("Plan", "plan", Input::Select(&PLANS)).value("professional").required()))
        (field(&Field::new("Extra users", "extra_users", Input::Number).value("4").unit("users at $5.00 a month")))
        (field(&Field::new("Starts on", "starts", Input::Date).value("2027-03-16").required()))
        (more("Note", "nobody but your staff sees it", false, html! {
            (field(&Field::new("Note", "note", Input::Textarea(3)).hint("Only your staff see it.")))
        }))
        (field(&Field::new("Start with a trial of 14 days", "trial", Input::Checkbox).value("true")
            .hint("Nothing is billed before 30 March 2027.")))
    };
    html! {
        (error_summary(&[("email", email_wrong)]))
        (form("#create", "token", fields, "Start the subscription"))
    }
}

fn actions() -> Markup {
    html! {
        div class="actions" {
            (post_button(Button::Primary, "Finalize", "#finalize", "token"))
            (button_link(Button::Plain, "Preview", "#preview"))
            (post_button(Button::Danger, "Cancel the subscription", "#cancel", "token"))
            (badge(Tone::Plain, "Version 3"))
        }
    }
}

fn usage() -> Markup {
    html! {
        div class="progresses" {
            (progress(29, 25, "Users: 29 of 25"))
            (progress(2, 5, "Plants: 2 of 5"))
        }
        (refreshing("job", "#job", 5, html! {
            (definition_list(&[("Bill run, March 2027", state("running")), ("Invoices", html! { "318 of 412" })]))
        }))
    }
}

fn machine_text() -> Markup {
    const REQUEST: &str = "curl https://billing.example.com/v1/subscriptions \\\n  \
        -H 'Authorization: Bearer sk_test_…' \\\n  -H 'Idempotency-Key: 6f1c…' \\\n  \
        -d '{\"customer\": \"ext:northfield\", \"plan\": \"professional\", \"add_ons\": [{\"name\": \"extra_user\", \"quantity\": 4}]}'";
    html! {
        p { "Invoice " (copyable("inv_01jqd62k7w3n5ys8p4gzv0ahbe")) }
        (code_block("Request", REQUEST))
    }
}

fn icons() -> Markup {
    html! {
        div class="specimens" {
            @for mark in Icon::ALL { figure { (icon(mark)) figcaption { (format!("{mark:?}")) } } }
        }
    }
}
