//! Opening bill runs, counting on them, and finding them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{
    Error, Result, Zone,
    ids::{BillRunId, InvoiceId},
};
use serde_json::json;
use store::{NewFact, Row, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    model::{BillRun, State, Total},
    sql,
};
use crate::invoice::{self, Invoice};

fn read(row: &Row<'_>) -> Result<BillRun> {
    let totals = serde_json::from_value(row.get(8)?);
    Ok(BillRun {
        id: row.get(0)?,
        state: row.parse(1, State::parse)?,
        begun_by: row.get(2)?,
        first_due: row.get(3)?,
        last_due: row.get(4)?,
        zone_data: row.get(5)?,
        subscriptions: row.get(6)?,
        invoices: row.get(7)?,
        totals: totals.map_err(|error| Error::internal(format!("stored totals cannot be read: {error}")))?,
        started: row.get(9)?,
        finished: row.get(10)?,
    })
}

/// The run that goes on in the environment, or a new one that begins with what is due at `at`.
pub(crate) fn open(tx: &mut Tx<'_>, at: Timestamp) -> Result<BillRun> {
    if let Some(run) = tx.opt(&sql::OPEN, params![], read)? {
        return Ok(run);
    }
    let run = BillRun {
        id: tx.new_id(),
        state: State::Running,
        begun_by: tx.scope().actor.to_string(),
        first_due: at,
        last_due: at,
        zone_data: Zone::database_version().to_owned(),
        subscriptions: 0,
        invoices: 0,
        totals: BTreeMap::new(),
        started: tx.recorded(),
        finished: None,
    };
    let nothing = json!({});
    let written =
        tx.exec(&sql::INSERT, params![run.id, run.begun_by, at, run.zone_data, nothing, run.started])?;
    // Another process opened one at the same moment.
    if written == 1 { Ok(run) } else { Err(tx.try_again()) }
}

/// Count what a batch of a run did at `at`.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    mut run: BillRun,
    subscriptions: usize,
    invoices: &[Invoice],
    at: Timestamp,
) -> Result<()> {
    for invoice in invoices {
        let total = run.totals.entry(invoice.totals.total.currency().code().to_owned()).or_default();
        let Total { invoices, total, credit } = total;
        *invoices += 1;
        *total = total.saturating_add(invoice.totals.total.minor());
        *credit = credit.saturating_add(invoice.credit.minor());
    }
    let totals = Value::json_of(&run.totals)?;
    let (passed, issued) = (run.subscriptions + subscriptions as i64, run.invoices + invoices.len() as i64);
    tx.exec_one(&sql::COUNT, params![run.id, run.last_due.max(at), passed, issued, totals])
}

/// Nothing more is due: the run that goes on, if there is one, is done.
pub(crate) fn close(tx: &mut Tx<'_>) -> Result<()> {
    let Some(run) = tx.opt(&sql::OPEN, params![], read)? else { return Ok(()) };
    let finished = tx.recorded();
    tx.exec(&sql::CLOSE, params![finished])?;
    let payload = json!({
        "subscriptions": run.subscriptions,
        "invoices": run.invoices,
        "totals": run.totals,
        "first_due": run.first_due,
        "last_due": run.last_due,
        "zone_data": run.zone_data,
    });
    tx.fact(NewFact::new("bill_run.done", run.id.any(), payload)?);
    Ok(())
}

/// A bill run. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: BillRunId) -> Result<BillRun> {
    view.opt(&sql::FIND, params![id], read)?.ok_or_else(|| Error::not_found("bill run"))
}

/// Runs begun before `before` (none: from the newest on), newest first.
pub fn list(view: &mut View<'_>, before: Option<BillRunId>, limit: i64) -> Result<Vec<BillRun>> {
    let before = before.map_or(Uuid::max(), BillRunId::uuid);
    view.all(&sql::LIST, params![before, limit], read)
}

/// The invoices of a run after `after` (none: from the first on), in the order they were issued.
pub fn invoices(
    view: &mut View<'_>,
    id: BillRunId,
    after: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let after = after.map_or(Uuid::nil(), InvoiceId::uuid);
    let ids: Vec<InvoiceId> = view.all(&sql::INVOICES, params![id, after, limit], |row| row.get(0))?;
    invoice::many(view, ids)
}
