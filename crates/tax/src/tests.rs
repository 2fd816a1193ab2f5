//! The table, the rules on worked sales, the laws of the arithmetic, and the page about them.

mod laws;
mod page;
mod sales;
mod table;
