use jiff::civil::date;

use crate::{Buyer, Category, Kind, Registration, Seller, Treatment, treat};

/// `DE`, `US-NY`: a country, and its region when there is one.
fn place(text: &str) -> (&str, Option<&str>) {
    text.split_once('-').map_or((text, None), |(country, region)| (country, Some(region)))
}

fn sell(from: &str, registered: &str, to: &str, business: bool, category: Category) -> Treatment {
    let registrations: Vec<Registration> =
        registered.split(' ').filter(|code| !code.is_empty()).map(|code| code.parse().unwrap()).collect();
    let ((country, region), (buyer, buyer_region)) = (place(from), place(to));
    let seller = Seller { country, region, registrations: &registrations };
    let buyer = Buyer { country: buyer, region: buyer_region, has_tax_id: business, exempt: false };
    treat(&seller, &buyer, category, date(2026, 11, 20))
}

/// `DE standard 19`.
fn shown(treatment: &Treatment) -> String {
    format!("{} {} {}", treatment.jurisdiction, treatment.kind.word(), treatment.rate)
}

#[test]
fn worked_sales() {
    let (business, consumer) = (true, false);
    for (from, registered, to, is_business, expected) in [
        // Within a country.
        ("DE", "DE", "DE", business, "DE standard 19"),
        ("DE", "DE", "DE", consumer, "DE standard 19"),
        ("DE", "", "DE", consumer, "DE not_registered 0"),
        ("DE", "FR OSS", "DE", consumer, "DE not_registered 0"),
        ("PT", "PT", "PT-20", consumer, "PT-20 standard 16"),
        ("FR", "FR", "MC", consumer, "FR standard 20"),
        ("BR", "", "BR", consumer, "BR not_registered 0"),
        // Within the European Union.
        ("DE", "DE", "FR", business, "FR reverse_charge 0"),
        ("DE", "DE", "FR", consumer, "DE standard 19"),
        ("DE", "DE OSS", "FR", consumer, "FR standard 20"),
        ("DE", "DE OSS", "FR", business, "FR reverse_charge 0"),
        ("DE", "DE FR", "FR", consumer, "FR standard 20"),
        ("DE", "", "FR", business, "DE not_registered 0"),
        ("DE", "", "FR", consumer, "DE not_registered 0"),
        ("DE", "OSS", "FR", consumer, "FR standard 20"),
        ("DE", "DE", "ES-CN", consumer, "DE export 0"),
        // Out of the Union.
        ("DE", "DE OSS", "US-NY", consumer, "DE export 0"),
        ("DE", "DE", "BR", business, "DE export 0"),
        ("DE", "DE US-NY", "US-NY", consumer, "US-NY standard 4"),
        ("DE", "DE CH", "CH", business, "CH standard 8.1"),
        ("DE", "DE", "GB", business, "DE export 0"),
        ("DE", "DE GB", "GB", business, "GB reverse_charge 0"),
        ("DE", "DE GB", "GB", consumer, "GB standard 20"),
        // Into the Union.
        ("US-CA", "US-CA", "FR", business, "FR reverse_charge 0"),
        ("US-CA", "US-CA", "FR", consumer, "FR not_registered 0"),
        ("US-CA", "OSS", "FR", consumer, "FR standard 20"),
        ("GB", "GB", "DE", business, "DE reverse_charge 0"),
        ("GB", "GB DE", "DE", consumer, "DE standard 19"),
        // Within the United States: only where the seller is registered, businesses too.
        ("US-CA", "US-CA", "US-CA", consumer, "US-CA exempt 0"),
        ("US-CA", "US-CA US-NY", "US-NY", business, "US-NY standard 4"),
        ("US-CA", "US-CA", "US-NY", consumer, "US-NY not_registered 0"),
        ("US-CA", "US-CA", "US-OR", consumer, "US not_registered 0"),
        ("US-CA", "US-CA", "US", consumer, "US not_registered 0"),
        ("US", "", "US-TX", consumer, "US-TX not_registered 0"),
        ("US-CA", "US-CA", "BR", consumer, "US export 0"),
        // Canada: one registration for GST and HST, others for the provinces' own taxes.
        ("CA-ON", "CA", "CA-ON", business, "CA-ON standard 13"),
        ("CA-ON", "CA", "CA-NS", consumer, "CA-NS standard 14"),
        ("CA-ON", "CA", "CA-AB", consumer, "CA standard 5"),
        ("CA-ON", "CA", "CA-QC", consumer, "CA standard 5"),
        ("CA-ON", "CA CA-QC", "CA-QC", consumer, "CA-QC standard 14.975"),
        ("CA-ON", "", "CA-ON", consumer, "CA-ON not_registered 0"),
        // Elsewhere.
        ("AU", "AU", "NZ", business, "AU export 0"),
        ("AU", "AU NZ", "NZ", business, "NZ reverse_charge 0"),
        ("AU", "AU NZ", "NZ", consumer, "NZ standard 15"),
        ("SG", "SG", "SG", business, "SG standard 9"),
    ] {
        let found = sell(from, registered, to, is_business, Category::Standard);
        assert_eq!(
            shown(&found),
            expected,
            "{from} ({registered}) to {to}, business {is_business}: {}",
            found.reason
        );
    }
}

#[test]
fn what_is_sold_matters() {
    for (category, registered, expected) in [
        (Category::Service, "DE OSS", "DE standard 19"),
        (Category::Reduced, "DE OSS", "FR standard 10"),
        (Category::Goods, "DE OSS", "FR standard 20"),
        (Category::Exempt, "DE OSS", "FR exempt 0"),
    ] {
        assert_eq!(shown(&sell("DE", registered, "FR", false, category)), expected);
    }
    assert_eq!(shown(&sell("US-TX", "US-TX", "US-TX", false, Category::Service)), "US-TX exempt 0");
    assert_eq!(shown(&sell("US-CA", "US-CA", "US-CA", false, Category::Goods)), "US-CA standard 7.25");
}

#[test]
fn who_is_exempt_pays_nothing_anywhere() {
    let registrations = ["DE", "OSS", "US-NY"].map(|code| code.parse().unwrap());
    let seller = Seller { country: "DE", region: None, registrations: &registrations };
    for (country, region) in [("DE", None), ("FR", None), ("US", Some("NY")), ("BR", None)] {
        let buyer = Buyer { country, region, has_tax_id: false, exempt: true };
        let treatment = treat(&seller, &buyer, Category::Standard, date(2026, 11, 20));
        assert_eq!((treatment.kind, treatment.rate.is_zero()), (Kind::Exempt, true), "{country}");
        assert_eq!(treatment.reason, "The customer is exempt from tax.");
    }
}

#[test]
fn the_reason_is_a_sentence_and_the_note_what_the_law_wants() {
    let told = |from, registered, to, business| {
        let treatment = sell(from, registered, to, business, Category::Standard);
        (treatment.label(), treatment.reason, treatment.note.unwrap_or_default())
    };
    assert_eq!(
        told("DE", "DE", "DE", true),
        ("VAT 19 %".into(), "Sold within Germany: VAT of Germany, 19 %.".into(), String::new())
    );
    assert_eq!(
        told("DE", "DE", "FR", true),
        (
            "VAT, reverse charge".into(),
            "A business in France with a tax id buys from abroad: it accounts for the VAT of France itself."
                .into(),
            "Reverse charge: the customer accounts for the VAT (article 196 of Directive 2006/112/EC)."
                .into(),
        )
    );
    assert_eq!(
        told("DE", "DE OSS", "FR", false).1,
        "A consumer in France buys from Germany, and the seller is registered for the One-Stop-Shop: VAT of France, 20 %."
    );
    assert_eq!(
        told("DE", "DE", "US-NY", false),
        (
            "VAT, not due abroad".into(),
            "The customer is outside the European Union, and the seller collects no tax where it is.".into(),
            "Not subject to VAT: supplied to a customer outside the European Union.".into(),
        )
    );
    assert_eq!(
        told("US-CA", "US-CA", "US-NY", false),
        (
            "Sales tax, not charged".into(),
            "The seller is not registered in New York, so its sales tax is not charged.".into(),
            String::new(),
        )
    );
    assert_eq!(
        told("US-CA", "US-CA", "US-CA", false).1,
        "Sold within California: California does not tax what is sold."
    );
    assert_eq!(told("US-CA", "US-CA", "BR", false).2, "");
    assert_eq!(
        told("GB", "GB", "BR", false).2,
        "Not subject to VAT: supplied to a customer outside the United Kingdom."
    );
    assert_eq!(told("AU", "AU NZ", "NZ", true).2, "Reverse charge: the customer accounts for the GST.");
    assert_eq!(
        told("DE", "", "DE", true).1,
        "The seller is not registered in Germany, so its VAT is not charged."
    );
}

/// Whatever the places, a treatment can be told: a rate only where it is charged, a sentence always.
#[test]
fn every_sale_is_treated() {
    let codes: Vec<&str> =
        crate::PLACES.iter().map(|place| place.code).chain(["BR", "US", "US-OR"]).collect();
    let everything: String = codes
        .iter()
        .filter(|code| !["BR", "US", "US-OR"].contains(code))
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    for from in &codes {
        for to in &codes {
            for registered in ["", from, to, "OSS", &everything] {
                let registered = if ["BR", "US", "US-OR"].contains(&registered) { "" } else { registered };
                for business in [true, false] {
                    let treatment = sell(from, registered, to, business, Category::Standard);
                    assert_eq!(treatment.kind == Kind::Standard, !treatment.rate.is_zero(), "{from} {to}");
                    assert!(treatment.reason.ends_with('.') && treatment.reason.len() > 20);
                    assert!(
                        !registered.is_empty() || treatment.rate.is_zero(),
                        "{from} {to}: charged unregistered"
                    );
                }
            }
        }
    }
}
