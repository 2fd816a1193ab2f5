//! Whether the machinery runs.

use ::jobs::{self, Job, State};
use kernel::Result;
use maud::{Markup, html};
use store::View;

use crate::{gate::Desk, show, ui};

/// Jobs and stuck items looked at.
const LOOKED_AT: i64 = 50;

/// How background work is doing.
pub(super) struct Health {
    newest: Vec<Job>,
    stuck: usize,
}

impl Health {
    pub(super) fn load(view: &mut View<'_>) -> Result<Self> {
        let stuck = jobs::due::stuck(view, LOOKED_AT)?.len();
        Ok(Self { newest: jobs::list(view, None, LOOKED_AT)?, stuck })
    }

    fn count(&self, state: State) -> usize {
        self.newest.iter().filter(|job| job.state == state).count()
    }
}

pub(super) fn drawn(desk: &Desk, health: &Health) -> Markup {
    let (failed, running) = (health.count(State::Failed), health.count(State::Running));
    let due = match health.stuck {
        0 => ui::badge(ui::Tone::Good, "Nothing is stuck"),
        stuck => ui::badge(ui::Tone::Bad, &format!("{} stuck", show::count(stuck as i128, "item"))),
    };
    let jobs = match (failed, running) {
        (0, 0) => ui::badge(ui::Tone::Good, "All done"),
        (0, running) => ui::badge(ui::Tone::Moving, &format!("{} running", show::grouped(running as i128))),
        (failed, _) => ui::badge(ui::Tone::Bad, &format!("{} failed", show::grouped(failed as i128))),
    };
    let last = match health.newest.first() {
        Some(job) => {
            let href = desk.at(&format!("/jobs/{}", job.id));
            html! { a href=(href) { (show::sentence(&job.kind)) } ", " (ui::state(job.state.word())) }
        }
        None => ui::optional(None),
    };
    let all = html! { a href=(desk.at("/jobs")) { "All jobs" } };
    ui::section("Health", all, ui::definition_list(&[("Due work", due), ("Jobs", jobs), ("Last job", last)]))
}
