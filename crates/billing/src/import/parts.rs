//! The parts of a mapping, field by field.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    field::Field,
    mapping::{AddonFields, ChangeFields, CustomerFields, Mapping, SubscriptionFields},
};

/// What the rows of a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Customer,
    Subscription,
    Change,
    Addon,
}

impl Kind {
    /// The name of its part in the mapping.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Change => "change",
            Self::Addon => "addon",
        }
    }
}

/// A part of a mapping: its fields by our words, and what it leaves out.
pub(super) struct Part<'m> {
    pub(super) kind: Kind,
    pub(super) fields: Vec<(String, &'m Field)>,
    skip: &'m BTreeMap<String, BTreeSet<String>>,
}

impl<'m> Part<'m> {
    /// The columns a file needs to hold it.
    pub(super) fn columns(&self) -> Vec<&'m str> {
        let named = self.fields.iter().flat_map(|(_, field)| field.needed());
        let mut columns: Vec<&str> = Vec::new();
        for name in named.chain(self.skip.keys().map(String::as_str)) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        columns
    }
}

/// The parts of a mapping; customers' alone where only they are wanted.
pub(super) fn parts(mapping: &Mapping, only_customers: bool) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = mapping.customer.as_ref().map(customer).into_iter().collect();
    if only_customers {
        return parts;
    }
    if let Some(fields) = &mapping.subscription {
        let mut part = subscription(fields);
        part.fields.extend(mapping.check.as_ref().map(|check| ("check.amount".to_owned(), &check.amount)));
        parts.push(part);
    }
    parts.extend(mapping.change.as_ref().map(change));
    parts.extend(mapping.addon.as_ref().map(addon));
    parts
}

/// Fields by name: those that must be there, then those that may.
fn named<'m>(
    needed: &[(&str, &'m Field)],
    optional: &[(&str, &'m Option<Field>)],
) -> Vec<(String, &'m Field)> {
    let optional = optional.iter().filter_map(|(name, field)| Some((*name, field.as_ref()?)));
    needed.iter().copied().chain(optional).map(|(name, field)| (name.to_owned(), field)).collect()
}

fn under<'m>(prefix: &str, fields: &'m BTreeMap<String, Field>) -> impl Iterator<Item = (String, &'m Field)> {
    fields.iter().map(move |(name, field)| (format!("{prefix}.{name}"), field))
}

fn customer(of: &CustomerFields) -> Part<'_> {
    let mut fields = named(
        &[("id", &of.id), ("name", &of.name)],
        &[
            ("email", &of.email),
            ("address", &of.address),
            ("country", &of.country),
            ("region", &of.region),
            ("tax_id", &of.tax_id),
            ("tax_exempt", &of.tax_exempt),
            ("zone", &of.zone),
            ("currency", &of.currency),
        ],
    );
    fields.extend(under("metadata", &of.metadata));
    Part { kind: Kind::Customer, fields, skip: &of.skip }
}

fn subscription(of: &SubscriptionFields) -> Part<'_> {
    let mut fields = named(
        &[("id", &of.id), ("customer", &of.customer), ("plan", &of.plan), ("start", &of.start)],
        &[
            ("end", &of.end),
            ("cycle", &of.cycle),
            ("quantity", &of.quantity),
            ("currency", &of.currency),
            ("state", &of.state),
            ("since", &of.since),
            ("trial", &of.trial),
            ("trial_end", &of.trial_end),
            ("next_period", &of.next_period),
            ("renews", &of.renews),
            ("cancels_at_period_end", &of.cancels_at_period_end),
            ("has_method", &of.has_method),
            ("legal_entity", &of.legal_entity),
        ],
    );
    fields.extend(under("counts", &of.counts));
    fields.extend(under("metadata", &of.metadata));
    Part { kind: Kind::Subscription, fields, skip: &of.skip }
}

fn change(of: &ChangeFields) -> Part<'_> {
    let fields = named(
        &[("subscription", &of.subscription), ("at", &of.at)],
        &[
            ("event", &of.event),
            ("plan", &of.plan),
            ("cycle", &of.cycle),
            ("quantity", &of.quantity),
            ("from_plan", &of.from_plan),
            ("from_cycle", &of.from_cycle),
            ("from_quantity", &of.from_quantity),
        ],
    );
    Part { kind: Kind::Change, fields, skip: &of.skip }
}

fn addon(of: &AddonFields) -> Part<'_> {
    let needed = [("subscription", &of.subscription), ("addon", &of.addon)];
    Part { kind: Kind::Addon, fields: named(&needed, &[("quantity", &of.quantity)]), skip: &of.skip }
}
