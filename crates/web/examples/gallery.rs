//! Writes the gallery of components and a few whole pages as files, to be looked at in a browser:
//! `cargo run -p web --example gallery -- FOLDER`. Each page comes light and dark.

use std::path::PathBuf;
use std::{env, fs, io};

use maud::{Markup, html};
use web::ui::{self, Field, Input};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("name the folder to write to: gallery FOLDER"))?;
    fs::create_dir_all(folder.join("assets"))?;
    for name in ui::assets::names() {
        if let Some((_, bytes, _)) = ui::assets::find(name) {
            fs::write(folder.join("assets").join(name), bytes)?;
        }
    }
    let pages = [
        ("gallery", ui::gallery()),
        ("sign-in", sign_in()),
        (
            "error",
            ui::error_page(
                503,
                "Steelyard is busy",
                "Too many requests wait for the database. Nothing was changed; try again in a moment.",
                "overloaded",
            ),
        ),
    ];
    for (name, page) in pages {
        // Files have no root: the links to assets become relative.
        let light = page.into_string().replace("\"/assets/", "\"assets/");
        let dark = light.replace("<html lang=\"en\"", "<html lang=\"en\" data-theme=\"dark\"");
        fs::write(folder.join(format!("{name}.html")), light)?;
        fs::write(folder.join(format!("{name}-dark.html")), dark)?;
    }
    Ok(())
}

fn sign_in() -> Markup {
    let fields = html! {
        (ui::field(&Field::new("E-mail", "email", Input::Email).required().autocomplete("username")))
        (ui::field(&Field::new("Password", "password", Input::Password).required().autocomplete("current-password")))
    };
    let body = html! {
        (ui::header("Sign in", "", html! {}))
        (ui::form("/sign-in", "token", fields, "Sign in"))
    };
    ui::bare_page("Sign in", body)
}
