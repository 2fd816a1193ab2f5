//! A credit note and its lines.

use identity::customer::Party;
use jiff::{Timestamp, civil::Date};
use kernel::{
    Money, Period, ProrationUnit,
    ids::{CreditNoteId, CustomerId, InvoiceId, LegalEntityId},
};
use rating::Explanation;
use serde::{Deserialize, Serialize};

use crate::invoice::Totals;

/// Why something is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The subscription changed before what was paid for was used.
    Change,
    /// It was canceled before.
    Cancellation,
    /// It was paused before.
    Pause,
    /// Less was used than was billed.
    Usage,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Change, Self::Cancellation, Self::Pause, Self::Usage];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Cancellation => "cancellation",
            Self::Pause => "pause",
            Self::Usage => "usage",
        }
    }

    /// The inverse of [`Cause::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// A credit as it is decided: which line of which invoice, for which time, how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Credit {
    /// The invoice that billed it.
    pub invoice: InvoiceId,
    /// The line's place on that invoice.
    pub invoice_line: i64,
    /// The key of what the line charged.
    pub key: String,
    /// What the line read.
    pub description: String,
    /// The time no longer paid for.
    pub period: Period,
    /// Before tax; positive.
    pub amount: Money,
    /// The tax that goes with it, with all that was credited of the line before counted in.
    pub tax: Money,
    /// How the amount came to be.
    pub derivation: Derivation,
}

impl Credit {
    /// Whether what it takes back had been earned, because its time is over.
    pub const fn was_earned(&self) -> bool {
        matches!(self.derivation, Derivation::Measured(_))
    }
}

/// How a credit came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Derivation {
    /// Time that was paid for is not used.
    Unused(Unused),
    /// What was measured turned out less: what it costs, less what was billed, is below zero by the credit.
    Measured(Explanation),
}

impl Derivation {
    /// One line of text per step.
    pub fn sentences(&self, currency: &str) -> Vec<String> {
        match self {
            Self::Unused(unused) => unused.sentences(currency),
            Self::Measured(explanation) => explanation.sentences(),
        }
    }
}

/// `billed × part / whole`, rounded half up, at most what is left of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// Net amount of the line, in major units.
    pub billed: String,
    /// What of it was credited before, in major units.
    pub credited_before: String,
    /// What time is counted in.
    pub unit: ProrationUnit,
    /// Units not used.
    pub part: i64,
    /// Units the line paid for.
    pub whole: i64,
    /// `billed × part / whole`: a decimal, or a fraction when it does not end.
    pub exact: String,
    /// The credit, in major units.
    pub amount: String,
}

impl Unused {
    /// One line of text per step.
    pub fn sentences(&self, currency: &str) -> Vec<String> {
        let Self { billed, credited_before, unit, part, whole, exact, amount } = self;
        let unit = match unit {
            ProrationUnit::Day => "days".to_owned(),
            ProrationUnit::Second => "seconds".to_owned(),
            ProrationUnit::FixedMonth(days) => format!("days of {}-day months", days.get()),
            ProrationUnit::None => "periods".to_owned(),
        };
        let mut text = vec![
            format!("{currency} {billed} was billed for this line"),
            format!("× {part}/{whole}: {part} of its {whole} {unit} are not used"),
            format!("= {currency} {exact}, rounded half up"),
        ];
        if credited_before.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
            text.push(format!("at most what is left after {currency} {credited_before} credited before"));
        }
        text.push(format!("credit: {currency} {amount}"));
        text
    }
}

/// A line of an issued credit note.
#[derive(Clone, Debug, PartialEq)]
pub struct CreditLine {
    /// Its place, from 0.
    pub ordinal: i64,
    /// What it credits.
    pub credit: Credit,
}

/// An issued credit note, without its lines. It never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct CreditNote {
    /// Its id.
    pub id: CreditNoteId,
    /// Who issues it.
    pub entity: LegalEntityId,
    /// Who it is for.
    pub customer: CustomerId,
    /// The invoice it corrects.
    pub invoice: InvoiceId,
    /// `INV-CN-000001`, without a gap per legal entity.
    pub number: String,
    /// The legal entity's local date, never before the last one of the series.
    pub issued: Date,
    /// When it counts from, in business time.
    pub effective: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What it adds up to; positive.
    pub totals: Totals,
    /// The party as printed.
    pub party: Option<Party>,
    /// Its issuer as printed.
    pub seller: Option<Party>,
}
