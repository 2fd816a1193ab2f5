//! The page around a page: document, navigation, environment, sandbox clock.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets;
use super::form::{Button, post_button};
use super::icon::{Icon, icon};

/// A place of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The front page.
    Home,
    /// Customers.
    Customers,
    /// Subscriptions.
    Subscriptions,
    /// Usage.
    Usage,
    /// Invoices.
    Invoices,
    /// Payments.
    Payments,
    /// Bill runs.
    BillRuns,
    /// The price book.
    PriceBook,
    /// Flags.
    Flags,
    /// Legal entities.
    LegalEntities,
    /// The ledger.
    Ledger,
    /// Facts.
    Facts,
    /// Jobs.
    Jobs,
    /// The API.
    Api,
}

impl Section {
    /// In groups: what one sells, the books, the machinery.
    const GROUPS: [&'static [Self]; 3] = [
        &[
            Self::Home,
            Self::Customers,
            Self::Subscriptions,
            Self::Usage,
            Self::Invoices,
            Self::Payments,
            Self::BillRuns,
        ],
        &[Self::PriceBook, Self::Flags, Self::LegalEntities, Self::Ledger],
        &[Self::Facts, Self::Jobs, Self::Api],
    ];

    /// Its name, its path below the frame's base, its icon.
    const fn parts(self) -> (&'static str, &'static str, Icon) {
        match self {
            Self::Home => ("Home", "/", Icon::Home),
            Self::Customers => ("Customers", "/customers", Icon::Customers),
            Self::Subscriptions => ("Subscriptions", "/subscriptions", Icon::Subscriptions),
            Self::Usage => ("Usage", "/usage", Icon::Clock),
            Self::Invoices => ("Invoices", "/invoices", Icon::Invoices),
            Self::Payments => ("Payments", "/payments", Icon::Payments),
            Self::BillRuns => ("Bill runs", "/bill-runs", Icon::Jobs),
            Self::PriceBook => ("Price book", "/price-book", Icon::PriceBook),
            Self::Flags => ("Flags", "/flags", Icon::Flags),
            Self::LegalEntities => ("Legal entities", "/legal-entities", Icon::LegalEntities),
            Self::Ledger => ("Ledger", "/ledger", Icon::Ledger),
            Self::Facts => ("Facts", "/facts", Icon::Facts),
            Self::Jobs => ("Jobs", "/jobs", Icon::Jobs),
            Self::Api => ("API", "/api", Icon::Api),
        }
    }
}

/// The environment a page is about.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// Its name: `Live`, `Rehearsal 2027`.
    pub name: &'a str,
    /// Where another one is chosen.
    pub href: &'a str,
    /// Its clock, when it is a sandbox.
    pub sandbox: Option<Sandbox<'a>>,
}

/// The clock of a sandbox, which stands until it is moved.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox<'a> {
    /// Where it stands: `14 March 2027, 09:00 UTC`.
    pub clock: &'a str,
    /// Where it is moved.
    pub href: &'a str,
}

/// Who is signed in.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The person's name or address.
    pub name: &'a str,
    /// What they may do here: `Owner`.
    pub role: &'a str,
    /// Where signing out is posted.
    pub sign_out: &'a str,
    /// The session's token.
    pub csrf: &'a str,
}

/// A step on the way to this page.
#[derive(Debug, Clone, Copy)]
pub struct Crumb<'a> {
    /// Its title.
    pub label: &'a str,
    /// Its address.
    pub href: &'a str,
}

/// Everything around the body of a page.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The page's title, for the window.
    pub title: &'a str,
    /// Whose books these are.
    pub merchant: &'a str,
    /// Which of them.
    pub environment: Environment<'a>,
    /// What the navigation's addresses begin with: empty, or a path without a slash at its end.
    pub base: &'a str,
    /// Where in the navigation this page is.
    pub active: Option<Section>,
    /// Who is signed in.
    pub account: Option<Account<'a>>,
    /// The way here, without the page itself.
    pub crumbs: &'a [Crumb<'a>],
}

/// A whole page with navigation.
pub fn page(frame: &Frame, body: Markup) -> Markup {
    let title = format!("{} · {}", frame.title, frame.merchant);
    document(
        &title,
        html! {
            a class="skip" href="#main" { "Skip to the content" }
            div class="frame" {
                (side(frame))
                div class="page" {
                    @if let Some(sandbox) = &frame.environment.sandbox { (clock(frame.environment.name, sandbox)) }
                    (crumbs(frame.crumbs))
                    main id="main" tabindex="-1" { (body) }
                }
            }
        },
    )
}

/// A whole page with nothing around its body: signing in, errors.
pub fn bare_page(title: &str, body: Markup) -> Markup {
    let title = format!("{title} · Steelyard");
    document(
        &title,
        html! {
            main class="bare" id="main" {
                p class="brand" { (icon(Icon::Mark)) "Steelyard" }
                (body)
            }
        },
    )
}

/// Everything around the body of a customer's own page.
#[derive(Debug, Clone, Copy)]
pub struct OwnFrame<'a> {
    /// The page's title, for the window.
    pub title: &'a str,
    /// Whose customer it is.
    pub merchant: &'a str,
    /// Who it is.
    pub customer: &'a str,
    /// The address of its first page.
    pub home: &'a str,
    /// Where leaving is posted.
    pub leave: &'a str,
    /// The visit's token.
    pub csrf: &'a str,
    /// The way here, without the page itself.
    pub crumbs: &'a [Crumb<'a>],
}

/// A whole page for a customer of the merchant: the merchant's name, and nothing of the back office.
pub fn own_page(frame: &OwnFrame, body: Markup) -> Markup {
    let title = format!("{} · {}", frame.title, frame.merchant);
    document(
        &title,
        html! {
            a class="skip" href="#main" { "Skip to the content" }
            div class="own" {
                header class="own-head" {
                    a class="brand" href=(frame.home) { (frame.merchant) }
                    div class="account" {
                        span class="name" { (frame.customer) }
                        (post_button(Button::Plain, "Leave", frame.leave, frame.csrf))
                    }
                }
                (crumbs(frame.crumbs))
                main id="main" tabindex="-1" { (body) }
                footer class="own-foot" {
                    p { "Whoever has the link to this page sees it. It works for some days only." }
                    button type="button" class="theme" data-theme-toggle {
                        (icon(Icon::Theme)) "Theme: " span data-theme-name aria-live="polite" { "auto" }
                    }
                }
            }
        },
    )
}

/// A whole page for whoever comes, signed in or not.
pub fn open_page(title: &str, way: &[Crumb], body: Markup) -> Markup {
    let title = format!("{title} · Steelyard");
    document(
        &title,
        html! {
            a class="skip" href="#main" { "Skip to the content" }
            div class="own open" {
                header class="own-head" { a class="brand" href="/" { (icon(Icon::Mark)) "Steelyard" } }
                (crumbs(way))
                main id="main" tabindex="-1" { (body) }
                footer class="own-foot" {
                    button type="button" class="theme" data-theme-toggle {
                        (icon(Icon::Theme)) "Theme: " span data-theme-name aria-live="polite" { "auto" }
                    }
                }
            }
        },
    )
}

/// A whole page with nothing around it, not even our name: for customers whose link does not work.
pub fn quiet_page(title: &str, body: Markup) -> Markup {
    document(title, html! { main class="bare" id="main" { (body) } })
}

fn document(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(assets::href("favicon.svg"));
                link rel="stylesheet" href=(assets::href("style.css"));
                // Not deferred: it sets the theme before the first paint.
                script src=(assets::href("app.js")) {}
            }
            body { (body) }
        }
    }
}

fn side(frame: &Frame) -> Markup {
    let live = frame.environment.sandbox.is_none();
    html! {
        header class="side" {
            a class="brand" href={ (frame.base) "/" } { (icon(Icon::Mark)) "Steelyard" }
            a class="where" href=(frame.environment.href) {
                span class="merchant" { (frame.merchant) }
                span class=(if live { "environment live" } else { "environment" }) { (frame.environment.name) }
            }
            // On a phone this shows and hides the panel that follows it; on a desk it is not there.
            details class="menu" { summary { (icon(Icon::Menu)) "Menu" } }
            div class="panel" {
                nav aria-label="Main" {
                    @for group in Section::GROUPS { ul { @for section in group { (nav_item(frame, *section)) } } }
                }
                div class="foot" {
                    @if let Some(account) = &frame.account {
                        div class="account" {
                            p { span class="name" { (account.name) } span class="role" { (account.role) } }
                            (post_button(Button::Plain, "Sign out", account.sign_out, account.csrf))
                        }
                    }
                    button type="button" class="theme" data-theme-toggle {
                        (icon(Icon::Theme)) "Theme: " span data-theme-name aria-live="polite" { "auto" }
                    }
                }
            }
        }
    }
}

fn nav_item(frame: &Frame, section: Section) -> Markup {
    let (label, path, mark) = section.parts();
    let current = (frame.active == Some(section)).then_some("page");
    html! { li { a href={ (frame.base) (path) } aria-current=[current] { (icon(mark)) (label) } } }
}

fn clock(environment: &str, sandbox: &Sandbox) -> Markup {
    html! {
        aside class="clock" aria-label="Sandbox" {
            (icon(Icon::Clock))
            p {
                @if environment == "Sandbox" { "This is a sandbox. Its clock stands at " }
                @else { strong { (environment) } " is a sandbox. Its clock stands at " }
                strong { (sandbox.clock) } "."
            }
            a href=(sandbox.href) { "Move the clock" }
        }
    }
}

fn crumbs(crumbs: &[Crumb]) -> Markup {
    if crumbs.is_empty() {
        return PreEscaped(String::new());
    }
    html! {
        nav class="crumbs" aria-label="Way here" {
            ol { @for crumb in crumbs { li { a href=(crumb.href) { (crumb.label) } } } }
        }
    }
}
