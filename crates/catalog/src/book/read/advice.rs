//! `[advice]` and `[prompts]`.

use std::collections::BTreeSet;

use super::{
    super::{
        advice::{Advice, Lacking, Piece, Prompts, Team, Trigger, pieces},
        model::{Feature, FeatureKind, Plan},
    },
    report::{Report, short},
    section::{self, Item, Section},
    settings::Knobs,
    value,
};

/// Most closed periods looked at.
const MAX_PERIODS: u64 = 24;
/// Most people a team needs.
const MAX_TEAM: u64 = 1_000;
/// Most mail domains of a book's own.
const MAX_DOMAINS: usize = 1_000;
/// Most characters of a prompt.
const MAX_PROMPT: usize = 500;

/// Read `[advice]`.
pub(super) fn read(
    item: Option<&Item<'_>>,
    plans: &[Plan],
    features: &[Feature],
    report: &mut Report,
) -> Advice {
    let mut read = Advice::default();
    let Some(item) = item else { return read };
    let Some(mut section) = Section::open("[advice]", item.span(), item, report) else { return read };
    let (team, periods) = (section.optional("team"), section.optional("periods"));
    let (saves, near) = (section.optional("saves"), section.optional("near"));
    let choices = [("kept", Lacking::Kept), ("named", Lacking::Named)];
    Knobs { section: &mut section, report }.choose("features", &choices, &mut read.features);
    section.close(report);
    read.team = team.and_then(|item| self::team(item, plans, features, report));
    let periods = periods.and_then(|item| value::whole(item, "`periods`", 1..=MAX_PERIODS, report));
    read.periods = periods.and_then(|periods| u8::try_from(periods).ok()).unwrap_or(read.periods);
    let near = near.and_then(|item| value::whole(item, "`near`", 1..=100, report));
    read.near = near.and_then(|near| u16::try_from(near).ok()).unwrap_or(read.near);
    read.saves = saves.and_then(|item| value::percent(item, report)).unwrap_or(read.saves);
    read
}

/// `team = { plan = "business", from = 3, seats = "users", public_mail = ["isp.example"] }`.
fn team(item: &Item<'_>, plans: &[Plan], features: &[Feature], report: &mut Report) -> Option<Team> {
    let mut section = Section::open("`team`", item.span(), item, report)?;
    let (plan, from) = (section.required("plan", report), section.optional("from"));
    let (seats, public) = (section.optional("seats"), section.optional("public_mail"));
    section.close(report);
    let from = from.and_then(|item| value::whole(item, "`from`", 2..=MAX_TEAM, report));
    let seats = seats.and_then(|item| self::seats(item, features, report));
    let public_mail = public.map(|item| domains(item, report)).unwrap_or_default();
    let plan = self::plan(plan?, plans, report)?;
    Some(Team { plan, from: from.and_then(|from| u16::try_from(from).ok()).unwrap_or(3), seats, public_mail })
}

fn plan(item: &Item<'_>, plans: &[Plan], report: &mut Report) -> Option<String> {
    let key = value::text(item, "`plan`", report)?;
    let Some(found) = plans.iter().find(|plan| plan.key == key) else {
        let message = format!("plan `{}` is not defined", short(key));
        report.add_unknown(item.span(), message, key, plans.iter().map(|plan| plan.key.as_str()));
        return None;
    };
    if found.negotiated {
        let message = format!("the price of plan `{}` is agreed with each customer", short(key));
        report.add_hint(item.span(), message, "offer a plan with a price");
    }
    if plans.first().is_some_and(|first| first.key == key) {
        let message = format!("no plan stands before `{}` that teams could come from", short(key));
        report.add_hint(item.span(), message, "name a plan behind the first one");
    }
    Some(key.to_owned())
}

fn seats(item: &Item<'_>, features: &[Feature], report: &mut Report) -> Option<String> {
    let key = value::text(item, "`seats`", report)?;
    let limits = features.iter().filter(|one| matches!(one.kind, FeatureKind::Limit { .. }));
    let mut limits = limits.map(|one| one.key.as_str());
    if limits.clone().any(|known| known == key) {
        return Some(key.to_owned());
    }
    let message = format!("`{}` is no feature of the kind \"limit\"", short(key));
    report.add_unknown(item.span(), message, key, limits.by_ref());
    None
}

fn domains(item: &Item<'_>, report: &mut Report) -> BTreeSet<String> {
    let items = value::list(item, "`public_mail`", report);
    if let Some(item) = items.get(MAX_DOMAINS) {
        report.add(item.span(), format!("there are at most {MAX_DOMAINS} domains"));
    }
    let mut domains = BTreeSet::new();
    for item in items.iter().take(MAX_DOMAINS) {
        let Some(text) = value::text(item, "a domain", report) else { continue };
        let written = text.contains('.') && !text.contains(['@', ' ']) && text.to_lowercase() == text;
        if !written || text.len() > 253 {
            let hint = "write it in lower case without an @, such as \"isp.example\"";
            report.add_hint(item.span(), format!("`{}` is not a mail domain", short(text)), hint);
        } else if !domains.insert(text.to_owned()) {
            report.add(item.span(), "it is listed twice");
        }
    }
    domains
}

/// Read `[prompts]`.
pub(super) fn prompts(item: Option<&Item<'_>>, report: &mut Report) -> Prompts {
    let mut prompts = Prompts::default();
    for entry in section::entries("prompts", item, report) {
        let Some(trigger) = Trigger::parse(entry.key) else {
            let message = format!("`{}` is not a key of [prompts]", short(entry.key));
            let known = Trigger::ALL.into_iter().map(Trigger::word);
            report.add_unknown(entry.key_span, message, entry.key, known);
            continue;
        };
        let text = value::shown(entry.item, "a prompt", MAX_PROMPT, report);
        let Some(text) = text else { continue };
        for piece in pieces(&text) {
            let Piece::Blank(name) = piece else { continue };
            if !trigger.blanks().contains(&name) {
                let message = format!("`{{{}}}` is nothing that {} knows", short(name), trigger.word());
                report.add_unknown(entry.item.span(), message, name, trigger.blanks().iter().copied());
            }
        }
        prompts.0.insert(trigger, text);
    }
    prompts
}
