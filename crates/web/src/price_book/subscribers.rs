//! Who is on which plan of which version.

use std::collections::BTreeMap;

use billing::{
    customers::RUNNING,
    subscription::{self, Group},
};
use catalog::Book;
use kernel::{Result, ids::BookVersionId};
use maud::{Markup, html};
use store::View;

use crate::{gate::Desk, show, ui};

/// Running subscriptions, by what they agreed to and where they stand.
pub(super) struct Subscribers(Vec<(Group, i64)>);

impl Subscribers {
    pub(super) fn load(view: &mut View<'_>) -> Result<Self> {
        let mut counts = subscription::group_counts(view)?;
        counts.retain(|(group, _)| RUNNING.contains(&group.state));
        Ok(Self(counts))
    }

    /// Only those of one version.
    pub(super) fn of(mut self, version: BookVersionId) -> Self {
        self.0.retain(|(group, _)| group.book == version);
        self
    }

    /// How many in all.
    pub(super) fn count(&self) -> i64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// How many of each version.
    pub(super) fn by_version(&self) -> BTreeMap<BookVersionId, i64> {
        let mut counts = BTreeMap::new();
        self.0.iter().for_each(|(group, count)| *counts.entry(group.book).or_default() += count);
        counts
    }

    /// How many of each version and plan.
    pub(super) fn by_version_and_plan(&self) -> BTreeMap<(BookVersionId, &str), i64> {
        let mut counts = BTreeMap::new();
        self.0.iter().for_each(|(group, count)| {
            *counts.entry((group.book, group.plan.as_str())).or_default() += count
        });
        counts
    }
}

/// Plans with how many are on them, in the order of the book; those it does not sell come last. `version` narrows
/// what they lead to.
pub(super) fn by_plan(
    desk: &Desk,
    book: &Book,
    subscribers: &Subscribers,
    version: Option<BookVersionId>,
) -> Markup {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for (group, count) in &subscribers.0 {
        *counts.entry(&group.plan).or_default() += count;
    }
    let sold = book.plans.iter().map(|plan| (plan.key.as_str(), plan.name.clone()));
    let gone = counts
        .keys()
        .filter(|key| book.plan(key).is_none())
        .map(|key| (*key, format!("{key} (sold no more)")));
    let of = version.map(|id| format!("&book={id}")).unwrap_or_default();
    let rows: Vec<(String, String, i64, String)> = sold
        .chain(gone)
        .map(|(key, name)| {
            let count = counts.get(key).copied().unwrap_or_default();
            (name, show::grouped(count), count, desk.at(&format!("/subscriptions?plan={key}{of}")))
        })
        .collect();
    let parts: Vec<ui::Share> = rows
        .iter()
        .map(|(label, text, count, href)| ui::Share {
            label,
            text,
            size: u64::try_from(*count).unwrap_or_default(),
            href: Some(href),
        })
        .collect();
    html! {
        @if subscribers.count() == 0 { p { "Nobody yet." } } @else {
            (ui::shares("Running subscriptions by plan", ["Plan", "Running subscriptions"], &parts))
        }
    }
}
