use jiff::civil::date;
use kernel::Rate;

use crate::{Band, Category, Jurisdiction, PLACES, places};

fn percent(code: &str, category: Category, day: &str) -> String {
    places::by_code(code).unwrap().rate(category, day.parse().unwrap()).to_string()
}

#[test]
fn the_table_can_be_read() {
    for place in PLACES {
        assert!(Jurisdiction::parse(place.code).is_ok(), "{}", place.code);
        assert!(!place.source.is_empty() && !place.name.is_empty() && !place.tax.is_empty());
        assert_eq!(
            PLACES.iter().filter(|one| one.code == place.code).count(),
            1,
            "{} stands once",
            place.code
        );
        assert!(place.rates.iter().any(|rate| rate.band == Band::Standard), "{}", place.code);
        let order: Vec<_> = place.rates.iter().map(|rate| (rate.band as u8, rate.from)).collect();
        assert!(order.is_sorted(), "{}: bands in order, dates rising", place.code);
        for rate in place.rates {
            assert!(Rate::parse_percent(rate.percent).is_ok(), "{} {}", place.code, rate.percent);
        }
        // A region stands with its country, unless only the regions levy tax.
        assert!(place.country() == "US" || places::by_code(place.country()).is_some());
    }
    assert_eq!(
        PLACES.iter().filter(|place| place.regime == crate::Regime::Union && place.code.len() == 2).count(),
        27
    );
}

#[test]
fn rates_change_on_their_day() {
    for (code, day, rate) in [
        ("DE", "2020-06-30", "19"),
        ("DE", "2020-07-01", "16"),
        ("DE", "2020-12-31", "16"),
        ("DE", "2021-01-01", "19"),
        ("SK", "2024-12-31", "20"),
        ("SK", "2025-01-01", "23"),
        ("EE", "2025-07-01", "24"),
        ("FI", "2026-11-20", "25.5"),
        ("RO", "2025-08-01", "21"),
        ("SG", "2023-12-31", "8"),
        ("CH", "2024-01-01", "8.1"),
        ("CA-NS", "2025-03-31", "15"),
        ("CA-NS", "2025-04-01", "14"),
        ("FR", "1990-01-01", "20"),
    ] {
        assert_eq!(percent(code, Category::Standard, day), rate, "{code} {day}");
    }
}

#[test]
fn categories_have_rates_of_their_own() {
    let day = "2026-11-20";
    for (code, category, rate) in [
        ("DE", Category::Reduced, "7"),
        ("DE", Category::Service, "19"),
        ("DE", Category::Goods, "19"),
        ("DE", Category::Exempt, "0"),
        ("DK", Category::Reduced, "25"),
        ("US-CA", Category::Standard, "0"),
        ("US-CA", Category::Goods, "7.25"),
        ("US-TX", Category::Standard, "5"),
        ("US-TX", Category::Goods, "6.25"),
        ("US-NY", Category::Goods, "4"),
        ("US-NY", Category::Service, "0"),
        ("CA-QC", Category::Standard, "14.975"),
    ] {
        assert_eq!(percent(code, category, day), rate, "{code} {category:?}");
    }
}

#[test]
fn some_regions_lie_outside_of_their_countrys_tax() {
    assert!(places::at("ES", Some("CN")).is_empty());
    assert_eq!(places::at("ES", Some("MD"))[0].code, "ES");
    assert_eq!(places::at("PT", Some("20")).iter().map(|one| one.code).collect::<Vec<_>>(), ["PT-20", "PT"]);
    assert_eq!(places::at("MC", None)[0].code, "FR");
    assert!(places::at("US", None).is_empty());
    assert_eq!(places::by_code("US-NY").unwrap().rate(Category::Standard, date(2026, 1, 1)).to_string(), "4");
}
