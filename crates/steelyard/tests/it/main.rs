//! The program from outside: the real binary, on a folder and on PostgreSQL.

mod backup;
mod bill_run;
mod book;
mod commands;
mod crash;
mod crawl;
mod doctor;
mod faults;
mod features;
mod gateway;
mod hostile;
mod import;
mod owners;
mod program;
mod serving;
mod subscriptions;
mod trouble;
