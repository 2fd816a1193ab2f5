//! The documents of an upgrade in the middle of a month.

use maud::{Markup, html};

use super::super::*;

pub(super) const CREDIT_STEPS: [Step; 3] = [
    Step { label: "Billed for March", working: "Starter, monthly, price book version 3", figure: "$49.00" },
    Step {
        label: "Share of unused days",
        working: "16 of 31 days: 16 Mar – 31 Mar, Europe/Berlin",
        figure: "16 ⁄ 31",
    },
    Step {
        label: "Credit, rounded half up to the cent",
        working: "$49.00 × 16 ⁄ 31 = $25.2903…",
        figure: "-$25.29",
    },
];

const PLAN_STEPS: [Step; 3] = [
    Step {
        label: "Price of a month",
        working: "Professional, monthly, price book version 3",
        figure: "$199.00",
    },
    Step {
        label: "Share of the month",
        working: "16 of 31 days: the day of the change belongs to the new plan",
        figure: "16 ⁄ 31",
    },
    Step {
        label: "Rounded half up to the cent",
        working: "$199.00 × 16 ⁄ 31 = $102.7096…",
        figure: "$102.71",
    },
];

const USER_STEPS: [Step; 3] = [
    Step { label: "Users beyond the plan", working: "29 users, 25 in Professional", figure: "4" },
    Step { label: "Price of a month", working: "4 × $5.00", figure: "$20.00" },
    Step {
        label: "Rounded half up to the cent", working: "$20.00 × 16 ⁄ 31 = $10.3225…", figure: "$10.32"
    },
];

const LINES: [InvoiceLine; 2] = [
    InvoiceLine {
        title: "Professional, monthly",
        period: "16 Mar – 31 Mar 2027, changed from Starter",
        quantity: "1",
        unit_price: "$199.00",
        amount: "$102.71",
        steps: &PLAN_STEPS,
    },
    InvoiceLine {
        title: "Extra users",
        period: "16 Mar – 31 Mar 2027",
        quantity: "4 users",
        unit_price: "$5.00",
        amount: "$10.32",
        steps: &USER_STEPS,
    },
];

/// An upgrade in the middle of a month, with the credit for what it replaced.
pub(super) const fn invoice() -> InvoiceSheet<'static> {
    InvoiceSheet {
        title: "Invoice",
        number: Some("UN-2027-0418"),
        state: Some("finalized"),
        seller: Party {
            name: "Unison Software Inc.",
            lines: &["500 Congress Avenue, Suite 210", "Austin, TX 78701, United States", "EIN 12-3456789"],
        },
        to: "Billed to",
        buyer: Party {
            name: "Brandt & Sohn Metallbau GmbH",
            lines: &["Speicherstraße 14", "20457 Hamburg, Germany", "VAT ID DE 123 456 789"],
        },
        particulars: &[
            ("Issued", "16 March 2027"),
            ("Due", "30 March 2027"),
            ("Currency", "US dollar"),
            ("Your reference", "PO 7731"),
        ],
        columns: INVOICE_COLUMNS,
        lines: &LINES,
        totals: &[
            Total { label: "Subtotal", amount: "$113.03", href: None },
            Total { label: "VAT, reverse charge", amount: "$0.00", href: None },
            Total { label: "Total", amount: "$113.03", href: None },
            Total { label: "Credit note CN-2027-0009", amount: "-$25.29", href: None },
        ],
        due: Total { label: "Amount due", amount: "$87.74", href: None },
        notes: &[
            "Please pay by 30 March 2027 to account 000123456789, routing number 111000025, with reference UN-2027-0418.",
            "The recipient is liable for value added tax (reverse charge, article 196 of Directive 2006/112/EC).",
        ],
    }
}

/// What a change takes back.
pub(super) fn credit_lines() -> Markup {
    let line = InvoiceLine {
        title: "Starter",
        period: "16 Mar – 31 Mar 2027",
        quantity: "16 of 31 days",
        unit_price: "$49.00",
        amount: "$25.29",
        steps: &CREDIT_STEPS,
    };
    html! {
        (statement_lines(CREDIT_COLUMNS, &[line]))
        (totals(&[Total { label: "Tax", amount: "$0.00", href: None }], &Total { label: "Credit", amount: "$25.29", href: None }))
    }
}
