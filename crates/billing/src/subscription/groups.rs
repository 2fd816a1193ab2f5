//! Subscriptions by what they agreed to and where they stand.
//!
//! One index holds each group in a piece, by id: a few ids of a group cost the same however many it has. How many each
//! has is kept with every write.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use catalog::version::{self, Version};
use kernel::{
    Error, Result,
    ids::{BookVersionId, SubscriptionId},
};
use store::{Migration, Step, Tx, View, counts, params, statements};
use uuid::Uuid;

use super::model::{State, Subscription};

/// The key of a subscription's plan, beside it, for the indexes.
pub(crate) const PLAN: Migration = Migration {
    number: 11,
    name: "the plan of a subscription",
    step: Step::Expand,
    sql: "ALTER TABLE subscription ADD COLUMN plan TEXT NOT NULL DEFAULT '';",
    extra: store::Extra {
        sqlite: "
            UPDATE subscription SET plan = coalesce((SELECT i.key FROM subscription_item i
                WHERE i.env_id = subscription.env_id AND i.subscription_id = subscription.id AND i.kind = 'plan'), '');
        ",
        // Who owns the tables sees no row of theirs while that is forced; it is again once this migration is done.
        postgres: "
            ALTER TABLE subscription NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE subscription_item NO FORCE ROW LEVEL SECURITY;
            UPDATE subscription SET plan = i.key FROM subscription_item i
                WHERE i.env_id = subscription.env_id AND i.subscription_id = subscription.id AND i.kind = 'plan';
        ",
    },
};

/// Groups in a piece, and the list of a plan.
pub(crate) const INDEXES: Migration = Migration {
    number: 12,
    name: "subscriptions by version, state and plan",
    step: Step::Expand,
    sql: "
        DROP INDEX subscription_book;
        DROP INDEX subscription_item_plan;
        CREATE INDEX subscription_book ON subscription (env_id, book_id, state, plan, id);
        CREATE INDEX subscription_plan ON subscription (env_id, plan, id);
    ",
    extra: store::Extra::NONE,
};

/// The groups that are there are counted once; then each write counts.
pub(crate) const COUNTS: Migration = Migration {
    number: 13,
    name: "subscriptions are counted",
    step: Step::Expand,
    sql: "",
    extra: store::Extra {
        sqlite: "
            INSERT INTO row_count (env_id, kind, part, slot, number)
                SELECT env_id, 'subscription', lower(hex(book_id)) || ' ' || state || ' ' || plan, 0, count(*)
                FROM subscription GROUP BY env_id, book_id, state, plan;
        ",
        postgres: "
            ALTER TABLE subscription NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE row_count NO FORCE ROW LEVEL SECURITY;
            INSERT INTO row_count (env_id, kind, part, slot, number)
                SELECT env_id, 'subscription', replace(book_id::text, '-', '') || ' ' || state || ' ' || plan, 0, count(*)
                FROM subscription GROUP BY env_id, book_id, state, plan;
        ",
    },
};

/// Every state there is.
macro_rules! states {
    () => {
        "known (state) AS (VALUES ('incomplete'), ('scheduled'), ('trialing'), ('active'), ('past_due'), ('paused'),
            ('suspended'), ('canceled'), ('expired'))"
    };
}

statements! {
    /// The groups there are: from each version to the next, and within each state from each plan to the next.
    environment GROUPS = concat!("WITH RECURSIVE ", states!(), ",
            version (id) AS (
                SELECT (SELECT s.book_id FROM subscription s WHERE s.env_id = $1 ORDER BY s.book_id LIMIT 1)
                UNION ALL
                SELECT (SELECT s.book_id FROM subscription s WHERE s.env_id = $1 AND s.book_id > v.id
                    ORDER BY s.book_id LIMIT 1) FROM version v WHERE v.id IS NOT NULL),
            found (book_id, state, plan) AS (
                SELECT v.id, k.state, (SELECT s.plan FROM subscription s WHERE s.env_id = $1 AND s.book_id = v.id
                    AND s.state = k.state ORDER BY s.plan LIMIT 1)
                FROM version v CROSS JOIN known k WHERE v.id IS NOT NULL
                UNION ALL
                SELECT f.book_id, f.state, (SELECT s.plan FROM subscription s WHERE s.env_id = $1 AND s.book_id = f.book_id
                    AND s.state = f.state AND s.plan > f.plan ORDER BY s.plan LIMIT 1)
                FROM found f WHERE f.plan IS NOT NULL)
            SELECT f.book_id, f.state, f.plan FROM found f WHERE f.plan IS NOT NULL");
    /// One by one, which takes its time.
    environment COUNT_AGAIN = "SELECT book_id, state, plan, count(*) FROM subscription WHERE env_id = $1
        GROUP BY book_id, state, plan";
    environment FIRST_OF = "SELECT id FROM subscription WHERE env_id = $1 AND book_id = $2 AND state = $3 AND plan = $4
        AND id > $5 ORDER BY id LIMIT $6";
}

/// The price books whose meters and features count: the newest one, and those of subscriptions that are not over. The newest
/// first.
///
/// Subscriptions begin under, and move to, the version in force at that moment: one that is not known yet comes with a fact
/// about the price book.
pub fn agreed_books(view: &mut View<'_>) -> Result<Vec<Arc<Version>>> {
    let groups = groups(view)?;
    let lasting = groups.iter().filter(|group| !matches!(group.state, State::Canceled | State::Expired));
    let mut ids: Vec<BookVersionId> = lasting.map(|group| group.book).collect();
    ids.extend(version::newest(view)?.map(|newest| newest.id));
    ids.sort_unstable();
    ids.dedup();
    let mut versions = version::many(view, ids)?;
    versions.sort_unstable_by_key(|version| Reverse(version.number));
    Ok(versions)
}

/// The meters of those books, each once and as the newest book that has it says, in the order of the books.
pub fn agreed_meters(view: &mut View<'_>) -> Result<Vec<catalog::Meter>> {
    let mut meters: Vec<catalog::Meter> = Vec::new();
    for version in agreed_books(view)? {
        for meter in &version.book.meters {
            if meters.iter().all(|known| known.key != meter.key) {
                meters.push(meter.clone());
            }
        }
    }
    Ok(meters)
}

/// What some subscriptions have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The price book version they agreed to.
    pub book: BookVersionId,
    /// Where they stand.
    pub state: State,
    /// The key of their plan.
    pub plan: String,
}

impl Group {
    fn read(row: &store::Row<'_>) -> Result<Self> {
        Ok(Self { book: row.get(0)?, state: row.parse(1, State::parse)?, plan: row.get(2)? })
    }

    fn of(subscription: &Subscription) -> Self {
        let Subscription { book, state, .. } = subscription;
        Self { book: *book, state: *state, plan: subscription.plan().to_owned() }
    }

    /// As it is counted.
    fn part(&self) -> String {
        format!("{} {} {}", self.book.uuid().simple(), self.state.word(), self.plan)
    }

    fn of_part(part: &str) -> Result<Self> {
        let mut words = part.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let broken = || Error::internal(format!("{part:?} is no group of subscriptions"));
        let book = Uuid::try_parse(word()).map_err(|_| broken())?;
        let state = State::parse(word()).ok_or_else(broken)?;
        Ok(Self { book: BookVersionId::from_uuid(book), state, plan: word().to_owned() })
    }
}

/// What they are counted as.
const COUNTED: &str = "subscription";

/// Subscriptions came, each into its group.
pub(super) fn count_new<'s>(tx: &mut Tx<'_>, new: impl Iterator<Item = &'s Subscription>) {
    new.for_each(|one| tx.counted(COUNTED, Group::of(one).part(), 1));
}

/// Subscriptions left one group for another, perhaps.
pub(super) fn count_moved(tx: &mut Tx<'_>, changes: &[(&Subscription, &Subscription)]) {
    let group = |one: &Subscription| (one.book, one.state);
    for (before, after) in changes {
        if group(before) != group(after) || before.plan() != after.plan() {
            tx.counted(COUNTED, Group::of(before).part(), -1);
            tx.counted(COUNTED, Group::of(after).part(), 1);
        }
    }
}

/// The groups that have subscriptions, in no order.
pub fn groups(view: &mut View<'_>) -> Result<Vec<Group>> {
    view.all(&GROUPS, params![], Group::read)
}

/// How many subscriptions each group has; groups without any are left out. In no order.
pub fn group_counts(view: &mut View<'_>) -> Result<Vec<(Group, i64)>> {
    let parts = counts::of(view, COUNTED)?.into_iter();
    parts.map(|(part, count)| Ok((Group::of_part(&part)?, count))).collect()
}

/// The same, counted one by one, to be compared.
pub fn group_counts_again(view: &mut View<'_>) -> Result<Vec<(Group, i64)>> {
    view.all(&COUNT_AGAIN, params![], |row| Ok((Group::read(row)?, row.get(3)?)))
}

/// Put what was counted one by one in place of what was kept.
pub fn count_again(tx: &mut Tx<'_>) -> Result<()> {
    let groups = group_counts_again(tx)?;
    counts::set(tx, COUNTED, groups.into_iter().map(|(group, count)| (group.part(), count)))
}

/// How many subscriptions are in each state.
pub fn state_counts(view: &mut View<'_>) -> Result<Vec<(State, i64)>> {
    let mut states: BTreeMap<State, i64> = BTreeMap::new();
    for (group, count) in group_counts(view)? {
        *states.entry(group.state).or_default() += count;
    }
    Ok(states.into_iter().collect())
}

/// The first subscriptions of groups after `after` (none: from the first on), by id, at most `limit`.
pub(crate) fn first_of<'g>(
    view: &mut View<'_>,
    groups: impl Iterator<Item = &'g Group>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<SubscriptionId>> {
    let after = after.map_or(Uuid::nil(), SubscriptionId::uuid);
    let mut found: Vec<SubscriptionId> = Vec::new();
    for Group { book, state, plan } in groups {
        let ids = view.all(&FIRST_OF, params![book, state.word(), plan, after, limit], |row| row.get(0))?;
        found.extend::<Vec<SubscriptionId>>(ids);
    }
    found.sort_unstable();
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted() {
        for state in State::ALL {
            assert!(states!().contains(&format!("('{}')", state.word())), "{state:?}");
        }
    }
}
