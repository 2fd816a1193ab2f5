//! The lines stretches were rated on. Most are on invoices. Where a stretch ended with nothing to bill (an invoice over
//! nothing is left out, or all of it was billed early) its lines are kept here: a late figure is rated by them, and they say
//! where the stretch ended.

use jiff::Timestamp;
use kernel::{Money, Period, Result, ids::SubscriptionId};
use store::{Extra, Migration, Row, Step, ToValue, Tx, Value, View, params};

use super::sql;
use crate::{
    credit_note::{self, Running},
    invoice::{self, Line, State},
};

/// Where lines of stretches are kept that ended with nothing to bill.
pub(crate) const MIGRATION: Migration = Migration {
    number: 14,
    name: "stretches that ended with nothing to bill",
    step: Step::Expand,
    sql: "
        CREATE TABLE usage_unbilled (
            env_id UUID NOT NULL,
            subscription_id UUID NOT NULL,
            start_at INSTANT NOT NULL,
            kind TEXT NOT NULL,
            item INTEGER NOT NULL,
            key TEXT NOT NULL,
            dimensions TEXT NOT NULL,
            adjustment INTEGER NOT NULL,
            description TEXT NOT NULL,
            start_date DATE NOT NULL,
            end_date DATE NOT NULL,
            end_at INSTANT NOT NULL,
            quantity INTEGER NOT NULL,
            measured TEXT,
            tax_category TEXT NOT NULL,
            explanation JSON NOT NULL,
            PRIMARY KEY (env_id, subscription_id, start_at, kind, item, key, dimensions)
        ) STRICT, WITHOUT ROWID;
    ",
    extra: Extra::NONE,
};

/// The lines stretches of subscriptions were rated on that began at an instant or later, those of a stretch together
/// and the oldest first.
pub(crate) fn rated(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
    from: Timestamp,
) -> Result<Vec<Running>> {
    let mut lines = credit_note::billed_in_arrears(view, subscriptions.clone(), from)?;
    let billed = lines.len();
    lines.extend(view.all(&sql::UNBILLED, params![subscriptions, from], read)?);
    if lines.len() > billed {
        lines.sort_by(|one, other| place(&one.line).cmp(&place(&other.line)));
    }
    Ok(lines)
}

fn place(line: &Line) -> (SubscriptionId, Timestamp, i64, &str, i64) {
    (line.subscription, line.period.start.at, line.item, &line.key, line.adjustment)
}

fn read(row: &Row<'_>) -> Result<Running> {
    let line = invoice::read_line(row, 0)?;
    let nothing = Money::zero(line.amount.currency());
    Ok(Running {
        invoice: kernel::Id::from_uuid(uuid::Uuid::nil()),
        state: State::Finalized,
        entity: row.get(20)?,
        customer: row.get(21)?,
        credited: nothing,
        credited_tax: nothing,
        line,
    })
}

/// Keep lines of stretches that ended with nothing to bill.
pub(crate) fn keep_unbilled(tx: &mut Tx<'_>, lines: &[Line]) -> Result<()> {
    let explained = lines.iter().map(|line| Value::json_of(&line.explanation)).collect::<Result<Vec<_>>>()?;
    let rows = lines.iter().zip(explained).map(|(line, explanation)| {
        let Period { start, end } = line.period;
        [
            line.subscription.to_value(),
            Value::Instant(start.at),
            Value::from(line.kind.word()),
            Value::Int(line.item),
            line.key.to_value(),
            line.group.to_value(),
            Value::Int(line.adjustment),
            line.description.to_value(),
            Value::Date(start.date),
            Value::Date(end.date),
            Value::Instant(end.at),
            Value::Int(line.quantity),
            line.measured.as_ref().map_or(Value::Null, |measured| Value::from(measured.to_string())),
            line.tax_category.to_value(),
            explanation,
        ]
    });
    tx.bulk_all(&sql::KEEP_UNBILLED, rows)
}
