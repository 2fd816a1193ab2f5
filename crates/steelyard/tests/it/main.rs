//! The program from outside: the real binary, on a folder and on PostgreSQL.

mod backup;
mod bill_run;
mod book;
mod commands;
mod crash;
mod crawl;
mod doctor;
mod features;
mod import;
mod program;
mod serving;
mod subscriptions;
mod trouble;
