//! Stroke icons on a 20 × 20 grid, drawn inline so that they take the colour of their text.

use maud::{Markup, html};

/// What an icon stands for. Icons are decoration: the text beside them carries the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// The product itself: a steelyard, the scale with one moving weight.
    Mark,
    /// The front page.
    Home,
    /// Customers.
    Customers,
    /// Subscriptions.
    Subscriptions,
    /// Invoices.
    Invoices,
    /// Payments, as a banknote.
    Payments,
    /// The price book.
    PriceBook,
    /// Flags.
    Flags,
    /// Legal entities, as a house of business.
    LegalEntities,
    /// The ledger, as a T account.
    Ledger,
    /// Facts.
    Facts,
    /// Jobs.
    Jobs,
    /// The API.
    Api,
    /// A menu that is closed.
    Menu,
    /// A clock.
    Clock,
    /// Add something.
    Plus,
    /// Copy to the clipboard.
    Copy,
    /// Onward: next page, next step.
    Arrow,
    /// Plain information.
    Info,
    /// Something went well.
    Check,
    /// Something needs attention.
    Warning,
    /// Something failed.
    Cross,
    /// Light or dark.
    Theme,
}

impl Icon {
    /// Every icon, for the gallery.
    pub(super) const ALL: [Self; 23] = [
        Self::Mark,
        Self::Home,
        Self::Customers,
        Self::Subscriptions,
        Self::Invoices,
        Self::Payments,
        Self::PriceBook,
        Self::Flags,
        Self::LegalEntities,
        Self::Ledger,
        Self::Facts,
        Self::Jobs,
        Self::Api,
        Self::Menu,
        Self::Clock,
        Self::Plus,
        Self::Copy,
        Self::Arrow,
        Self::Info,
        Self::Check,
        Self::Warning,
        Self::Cross,
        Self::Theme,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Mark => {
                "M2.5 9.8 17.8 7M7.4 8.9V5.2M7.4 2.6a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1 0-2.6ZM4 9.6v3.6\
                 M1.8 13.4h4.4a2.2 2.2 0 0 1-4.4 0ZM14 7.7v2.8M12.8 10.7h2.4l1.2 4.2a.6.6 0 0 1-.6.8h-3.6a.6.6 0 0 1-.6-.8Z"
            }
            Self::Home => "M3 9.5 10 3.5l7 6M5 8v8.5h10V8M8.25 16.5V12h3.5v4.5",
            Self::Customers => {
                "M10.25 6.5a2.75 2.75 0 1 1-5.5 0 2.75 2.75 0 0 1 5.5 0ZM2.5 16.5c0-3 2.2-4.75 5-4.75s5 1.75 5 4.75\
                 M13 3.9a2.75 2.75 0 0 1 0 5.2M14.75 12c1.75.6 2.75 2.2 2.75 4.5"
            }
            Self::Subscriptions => {
                "M16.5 10a6.5 6.5 0 0 1-11.9 3.6M3.5 10a6.5 6.5 0 0 1 11.9-3.6M15.75 2.75v3.75H12M4.25 17.25V13.5H8"
            }
            Self::Invoices => "M5 2.75h10v14.5l-2.5-1.5-2.5 1.5-2.5-1.5-2.5 1.5ZM7.75 6.5h4.5M7.75 9.75h4.5",
            Self::Payments => {
                "M2.75 5.5h14.5v9H2.75ZM10 12.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5ZM5.5 8h.01M14.5 12h.01"
            }
            Self::PriceBook => {
                "M10.6 3h5.65a.75.75 0 0 1 .75.75V9.4a1 1 0 0 1-.3.7l-6.5 6.5a1 1 0 0 1-1.4 0l-5.4-5.4a1 1 0 0 1 0-1.4\
                 l6.5-6.5a1 1 0 0 1 .7-.3ZM13.75 6.25h.01"
            }
            Self::Flags => "M4.5 17.25V3M4.5 3.75h9.75l-2.25 3.5 2.25 3.5H4.5",
            Self::LegalEntities => {
                "M4.25 17V3.5h7V17M11.25 8h4.5v9M2.5 17h15M6.75 6.75h2M6.75 9.75h2M6.75 12.75h2M13.5 11h.01M13.5 14h.01"
            }
            Self::Ledger => "M2.75 4.5h14.5M10 4.5v12.25M5 8.25h2M5 11.25h2M13 8.25h2",
            Self::Facts => "M3.5 5h.01M3.5 10h.01M3.5 15h.01M7.25 5h9.25M7.25 10h9.25M7.25 15h9.25",
            Self::Jobs => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM8.5 7.25v5.5L13 10Z",
            Self::Api => "M6.25 6 2.5 10l3.75 4M13.75 6l3.75 4-3.75 4M11.25 4.5l-2.5 11",
            Self::Menu => "M3.5 5.5h13M3.5 10h13M3.5 14.5h13",
            Self::Clock => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 6v4l2.75 1.75",
            Self::Plus => "M10 4.5v11M4.5 10h11",
            Self::Copy => "M7.5 7.5h8.75v8.75H7.5ZM4.75 12.5h-1V3.75h8.75v1",
            Self::Arrow => "M4 10h12M11.25 5.25 16 10l-4.75 4.75",
            Self::Info => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9.25v4M10 6.5h.01",
            Self::Check => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM6.9 10.2l2.2 2.2 4-4.6",
            Self::Warning => "M10 3.25 17.5 16.5h-15ZM10 8.25v3.5M10 14.1h.01",
            Self::Cross => "M6.9 3h6.2L17 6.9v6.2L13.1 17H6.9L3 13.1V6.9ZM7.6 7.6l4.8 4.8M12.4 7.6l-4.8 4.8",
            Self::Theme => {
                "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 3v14M10 6.5 13 5M10 10h6.5M10 13.5l3 1.5"
            }
        }
    }
}

/// An icon the height of its text, hidden from screen readers.
pub fn icon(icon: Icon) -> Markup {
    html! {
        svg class="icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.5"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d=(icon.path()) {}
        }
    }
}
