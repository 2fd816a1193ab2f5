//! Currencies: the active list of ISO 4217 with each one's true number of minor-unit digits.

use std::fmt;

use crate::{Error, Result, text_serde::text_serde};

/// The active codes of ISO 4217 list one (state of 2026), sorted, each with its exponent.
///
/// Codes the standard gives no minor unit ("N.A.": metals, bond units, `XDR`, `XTS`, `XXX`) are left
/// out: nothing can be invoiced in them. Withdrawn codes (`HRK`, `ANG`, `BGN`, …) are left out too.
#[rustfmt::skip]
const TABLE: &[(&str, u8)] = &[
    ("AED", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("AOA", 2), ("ARS", 2), ("AUD", 2), ("AWG", 2),
    ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2), ("BHD", 3), ("BIF", 0), ("BMD", 2), ("BND", 2),
    ("BOB", 2), ("BOV", 2), ("BRL", 2), ("BSD", 2), ("BTN", 2), ("BWP", 2), ("BYN", 2), ("BZD", 2),
    ("CAD", 2), ("CDF", 2), ("CHE", 2), ("CHF", 2), ("CHW", 2), ("CLF", 4), ("CLP", 0), ("CNY", 2),
    ("COP", 2), ("COU", 2), ("CRC", 2), ("CUP", 2), ("CVE", 2), ("CZK", 2), ("DJF", 0), ("DKK", 2),
    ("DOP", 2), ("DZD", 2), ("EGP", 2), ("ERN", 2), ("ETB", 2), ("EUR", 2), ("FJD", 2), ("FKP", 2),
    ("GBP", 2), ("GEL", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2), ("GNF", 0), ("GTQ", 2), ("GYD", 2),
    ("HKD", 2), ("HNL", 2), ("HTG", 2), ("HUF", 2), ("IDR", 2), ("ILS", 2), ("INR", 2), ("IQD", 3),
    ("IRR", 2), ("ISK", 0), ("JMD", 2), ("JOD", 3), ("JPY", 0), ("KES", 2), ("KGS", 2), ("KHR", 2),
    ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2), ("KZT", 2), ("LAK", 2), ("LBP", 2),
    ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LYD", 3), ("MAD", 2), ("MDL", 2), ("MGA", 2), ("MKD", 2),
    ("MMK", 2), ("MNT", 2), ("MOP", 2), ("MRU", 2), ("MUR", 2), ("MVR", 2), ("MWK", 2), ("MXN", 2),
    ("MXV", 2), ("MYR", 2), ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2), ("NOK", 2), ("NPR", 2),
    ("NZD", 2), ("OMR", 3), ("PAB", 2), ("PEN", 2), ("PGK", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2),
    ("PYG", 0), ("QAR", 2), ("RON", 2), ("RSD", 2), ("RUB", 2), ("RWF", 0), ("SAR", 2), ("SBD", 2),
    ("SCR", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SLE", 2), ("SOS", 2), ("SRD", 2),
    ("SSP", 2), ("STN", 2), ("SVC", 2), ("SYP", 2), ("SZL", 2), ("THB", 2), ("TJS", 2), ("TMT", 2),
    ("TND", 3), ("TOP", 2), ("TRY", 2), ("TTD", 2), ("TWD", 2), ("TZS", 2), ("UAH", 2), ("UGX", 0),
    ("USD", 2), ("USN", 2), ("UYI", 0), ("UYU", 2), ("UYW", 4), ("UZS", 2), ("VED", 2), ("VES", 2),
    ("VND", 0), ("VUV", 0), ("WST", 2), ("XAD", 2), ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0),
    ("XPF", 0), ("YER", 2), ("ZAR", 2), ("ZMW", 2), ("ZWG", 2),
];

/// A currency of ISO 4217: a small handle onto the table. Orders by code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

impl Currency {
    /// The currency of an upper-case ISO 4217 code. Error: `currency_unknown`.
    pub fn parse(code: &str) -> Result<Self> {
        TABLE.binary_search_by(|(known, _)| (*known).cmp(code)).map(|index| Self(index as u8)).map_err(|_| {
            let shown: String = code.chars().take(10).collect();
            Error::invalid(
                "currency_unknown",
                format!("\"{shown}\" is not a currency. Use an ISO 4217 code in upper case, such as USD."),
            )
        })
    }

    /// The three letters.
    pub fn code(self) -> &'static str {
        TABLE[usize::from(self.0)].0
    }

    /// How many decimal digits the minor unit stands after the major one: JPY 0, USD 2, KWD 3, CLF 4.
    pub fn exponent(self) -> u8 {
        TABLE[usize::from(self.0)].1
    }

    /// Minor units in one major unit: 10 to the exponent.
    pub fn minor_per_major(self) -> i64 {
        10_i64.pow(u32::from(self.exponent()))
    }

    /// Every currency, by code.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..TABLE.len() as u8).map(Self)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
text_serde!(Currency, Currency::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_code_is_found() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for currency in Currency::all() {
            assert_eq!(Currency::parse(currency.code()).unwrap(), currency);
            assert!(currency.code().len() == 3 && currency.code().bytes().all(|b| b.is_ascii_uppercase()));
            assert_eq!(currency.minor_per_major().to_string().len(), usize::from(currency.exponent()) + 1);
        }
    }

    #[test]
    fn exponents_are_those_of_the_standard() {
        let with = |exponent| {
            let codes: Vec<_> =
                Currency::all().filter(|c| c.exponent() == exponent).map(Currency::code).collect();
            codes.join(" ")
        };
        assert_eq!(with(0), "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF");
        assert_eq!(with(3), "BHD IQD JOD KWD LYD OMR TND");
        assert_eq!(with(4), "CLF UYW");
        assert!(with(1).is_empty());
        for code in ["USD", "EUR", "GBP", "CHF", "MGA", "MRU", "HUF", "TWD"] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), 2, "{code}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "usd", "Usd", "US", "USDD", " USD", "XXX", "XAU", "HRK", "ZZZ", "€", "U\0D"] {
            assert_eq!(Currency::parse(bad).unwrap_err().code, "currency_unknown", "{bad:?}");
        }
    }

    #[test]
    fn it_travels_as_its_code_and_orders_by_it() {
        let eur = Currency::parse("EUR").unwrap();
        assert_eq!(serde_json::to_string(&eur).unwrap(), "\"EUR\"");
        assert_eq!(serde_json::from_str::<Currency>("\"EUR\"").unwrap(), eur);
        assert!(serde_json::from_str::<Currency>("\"eur\"").is_err());
        assert!(eur < Currency::parse("USD").unwrap());
    }
}
