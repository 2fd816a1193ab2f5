//! Text for machines: identifiers and programs, with a button that copies them.

use maud::{Markup, html};

use super::icon::{Icon, icon};

/// An identifier with a copy button beside it. The button appears only where `app.js` runs.
pub fn copyable(text: &str) -> Markup {
    html! {
        span class="copyable" { code { (text) } (copy_button(text)) }
    }
}

/// Preformatted text under a title (a file name, `Request`), scrolling sideways in its own region.
pub fn code_block(title: &str, text: &str) -> Markup {
    html! {
        figure class="code" {
            figcaption { span { (title) } (copy_button(text)) }
            pre tabindex="0" role="region" aria-label=(title) { code { (text) } }
        }
    }
}

fn copy_button(text: &str) -> Markup {
    html! {
        button type="button" class="copy" data-copy=(text) {
            (icon(Icon::Copy))
            span data-copy-note aria-live="polite" { "Copy" }
        }
    }
}
