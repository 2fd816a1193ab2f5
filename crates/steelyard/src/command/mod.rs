//! What each command does.

mod advice;
mod backup;
mod bill;
mod bill_run;
mod book;
mod check;
mod clock;
mod coupon;
mod credit_note;
mod customer;
mod demo;
mod doctor;
mod explain;
mod export;
mod features;
mod foresight;
mod gateway;
mod import;
mod invoice;
mod job;
mod key;
mod list;
mod manifest;
mod metered;
mod migrate;
mod migration;
mod payment;
mod postgres;
mod reconcile;
mod restore;
mod serve;
mod sign_in;
mod simulate;
mod sqlite;
mod subscription;
mod usage;
mod work;

use crate::{
    arguments::{Arguments, Command},
    failure::Outcome,
    output,
};

/// Do what was asked.
pub fn run(arguments: Arguments) -> Outcome {
    let place = arguments.place();
    let serves = match &arguments.command {
        Command::Serve(_) | Command::Gateway(_) => true,
        Command::Demo(asked) => !asked.no_serve,
        _ => false,
    };
    if !serves {
        quiet_log();
    }
    match arguments.command {
        Command::Serve(asked) => serve::run(&place, &asked),
        Command::Gateway(asked) => gateway::run(asked),
        Command::Demo(asked) => demo::run(&place, &asked),
        Command::Book(asked) => book::run(&place, &asked),
        Command::Import(asked) => import::run(&place, &asked),
        Command::Customers(asked) => customer::run(&place, asked.command()),
        Command::Subscriptions(asked) => subscription::run(&place, asked.command()),
        Command::Invoices(asked) => invoice::run(&place, asked.command()),
        Command::Payments(asked) => payment::run(&place, asked.command()),
        Command::Features(asked) => features::run(&place, asked),
        Command::Flags(asked) => features::flags(&place, asked),
        Command::Usage(asked) => usage::run(&place, asked),
        Command::Coupons(asked) => coupon::run(&place, asked),
        Command::Bill(asked) => bill::run(&place, &asked),
        Command::BillRuns(asked) => bill_run::run(&place, &asked.command()),
        Command::Day(asked) => foresight::day(&place, &asked),
        Command::Explain { document } => explain::run(&place, &document),
        Command::Ledger(asked) => check::ledger(&place, &asked),
        Command::Facts(asked) => check::facts(&place, &asked),
        Command::Clock(asked) => clock::run(&place, &asked),
        Command::Jobs(asked) => job::run(&place, &asked),
        Command::Key(asked) => key::run(&place, &asked),
        Command::SignIn(asked) => sign_in::run(&place, &asked),
        Command::Reconcile(asked) => reconcile::run(&place, &asked),
        Command::Advice(asked) => advice::run(&place, asked),
        Command::Simulate(asked) => simulate::run(&place, asked),
        Command::Doctor => doctor::run(&place),
        Command::Backup { folder } => backup::run(&place, &folder),
        Command::Restore { folder } => restore::run(&place, &folder),
        Command::Migrate => migrate::run(&place),
        Command::Openapi => {
            output::say(server::openapi()?);
            Ok(())
        }
    }
}

/// Beside the server nothing is logged unless somebody asks: errors reach the person as sentences.
fn quiet_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEELYARD_LOG");
    if let Ok(filter) = filter {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}
