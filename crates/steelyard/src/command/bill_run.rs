//! `steelyard bill-runs`

use billing::bill_run::{self, BillRun};
use kernel::{Currency, Result};
use serde_json::json;

use super::check::decimal;
use crate::{
    arguments::{BillRuns, ListBillRuns},
    failure::Outcome,
    output::{self, count},
    place::Place,
    table::{Side, Table},
};

pub fn run(place: &Place, asked: &BillRuns) -> Outcome {
    let BillRuns::List(ListBillRuns { limit, json }) = *asked;
    let db = place.open()?;
    let chosen = place.choose(&db)?;
    let runs = db.read(&chosen.scope, move |view| bill_run::list(view, None, limit.into())).wait()?;
    if json {
        let list = runs.iter().map(|run| {
            json!({
                "id": run.id,
                "state": run.state.word(),
                "begun_by": run.begun_by,
                "first_due": run.first_due,
                "last_due": run.last_due,
                "zone_data": run.zone_data,
                "subscriptions": run.subscriptions,
                "invoices": run.invoices,
                "totals": run.totals,
                "started": run.started,
                "finished": run.finished,
            })
        });
        output::say_json(&list.collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new([
        ("run", Side::Whole),
        ("state", Side::Left),
        ("first due", Side::Spare),
        ("last due", Side::Spare),
        ("subscriptions", Side::Right),
        ("invoices", Side::Right),
        ("total", Side::Left),
    ]);
    for run in runs {
        table.row([
            run.id.to_string(),
            run.state.word().to_owned(),
            format!("{:.0}", run.first_due),
            format!("{:.0}", run.last_due),
            output::grouped(run.subscriptions),
            output::grouped(run.invoices),
            sums(&run)?.join(", "),
        ]);
    }
    table.say(&format!("Nothing was billed in {} yet.", chosen.shown()));
    Ok(())
}

fn sums(run: &BillRun) -> Result<Vec<String>> {
    let sum = |(code, total): (&String, &bill_run::Total)| {
        let currency = Currency::parse(code)?;
        Ok(format!("{code} {}", decimal(total.total, currency)))
    };
    run.totals.iter().map(sum).collect()
}

/// What a run issued, a sentence for each currency.
pub fn totals(run: &BillRun) -> Result<Vec<String>> {
    let sentence = |(code, total): (&String, &bill_run::Total)| {
        let currency = Currency::parse(code)?;
        let (invoices, sum) = (count(total.invoices, "invoice"), decimal(total.total, currency));
        let credit = match total.credit {
            0 => String::new(),
            credit => format!(", of which credit paid {code} {}", decimal(credit, currency)),
        };
        Ok(format!("{invoices} over {code} {sum}{credit}."))
    };
    run.totals.iter().map(sentence).collect()
}
