//! Minimums of a subscription, and coupons.

use catalog::{AddonPrice, PriceKind};
use proptest::prelude::*;

use super::*;
use crate::{Commitment, Coupon, Reduction, discount, true_up};

#[test]
fn a_subscription_pays_up_to_its_minimum() {
    let month = price(PriceKind::Flat { amount: unit_price("1000") });
    for (months, share, billed, amount) in [
        (1, Share::Whole, "400", "600.00"),
        (1, Share::Whole, "1000", "0.00"),
        (1, Share::Whole, "1200.50", "0.00"),
        (12, Share::Whole, "11000", "1000.00"),
        (1, days(10, 31), "0.01", "322.57"),
        (3, days(45, 90), "0", "1500.00"),
    ] {
        let minimum = AddonPrice { price: &month, unit_price: month.amount(), months_factor: months };
        let commitment = Commitment {
            name: "Scale",
            place: "plans.scale.minimum",
            book: 1,
            minimum,
            share,
            billed: usd(billed),
        };
        let rated = sound(true_up(&commitment).unwrap());
        assert_eq!(rated.amount.decimal(), amount, "{months} months {share:?}, {billed} billed");
    }
}

fn minor(parts: &[Money]) -> Vec<i64> {
    parts.iter().map(|part| part.minor()).collect()
}

#[test]
fn a_coupon_is_spread_over_what_is_left() {
    let lines = [usd("10"), usd("20"), usd("30")];
    let all = [true, true, true];
    let amount = |text: &str| Reduction::Amount(usd(text));
    let splits = discount(
        &lines,
        &[
            Coupon { reduction: amount("7"), covers: &[true, true, false] },
            Coupon { reduction: Reduction::Percent(rate_of("10")), covers: &all },
            Coupon { reduction: amount("1000"), covers: &[false, false, true] },
        ],
    )
    .unwrap();
    // 7 over 10 and 20; 10 % of the 53 left; the rest of the third line.
    assert_eq!(minor(&splits[0].parts), [233, 467, 0]);
    assert_eq!(minor(&splits[1].parts), [77, 153, 300]);
    assert_eq!(minor(&splits[2].parts), [0, 0, 2700]);
    assert_eq!(splits[0].exact[0], exact("700/3"));
    assert_eq!(splits.iter().map(|split| split.total.minor()).collect::<Vec<_>>(), [700, 530, 2700]);
}

#[test]
fn coupons_never_take_more_than_there_is() {
    let once = |line: &str, reduction| {
        minor(&discount(&[usd(line)], &[Coupon { reduction, covers: &[true] }]).unwrap()[0].parts)
    };
    assert_eq!(once("10", Reduction::Amount(usd("30"))), [1000]);
    assert_eq!(once("0", Reduction::Amount(usd("30"))), [0]);
    assert_eq!(once("-10", Reduction::Percent(rate_of("50"))), [0]);
    assert_eq!(once("10", Reduction::Percent(rate_of("250"))), [1000]);
    assert_eq!(once("1200", Reduction::FreeMonths { free: 1, of: 12 }), [10_000]);
    assert_eq!(once("49", Reduction::FreeMonths { free: 3, of: 1 }), [4_900]);
    assert_eq!(once("100", Reduction::FreeMonths { free: 1, of: 3 }), [3_333]);
    let euro = Reduction::Amount(Money::parse("1", currency("EUR")).unwrap());
    let mixed = discount(&[usd("10")], &[Coupon { reduction: euro, covers: &[true] }]);
    assert_eq!(mixed.unwrap_err().code, "currency_mismatch");
    assert_eq!(discount(&[], &[]).unwrap(), []);
}

#[test]
fn a_discount_is_part_of_the_explanation() {
    let price = price(PriceKind::PerUnit { unit: "call".into(), amount: unit_price("1") });
    let explanation = of_quantity(&price, "12").explanation.discounted("Welcome", usd("2.40"));
    assert_eq!(explanation.recompute().unwrap(), usd("9.60"));
    assert_eq!(explanation.sentences().last().unwrap(), "− USD 2.40, discount Welcome");
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![
        (0_i64..1_000_000).prop_map(|minor| Reduction::Amount(Money::new(minor, currency("USD")).unwrap())),
        (0_u32..12_000).prop_map(|points| Reduction::Percent(Rate::from_basis_points(points).unwrap())),
        (0_u32..15, 1_u32..13).prop_map(|(free, of)| Reduction::FreeMonths { free, of }),
    ]
}

proptest! {
    #[test]
    fn discounts_add_up_and_stay_near_their_exact_share(
        lines in prop::collection::vec(-1000_i64..1_000_000, 1..8),
        coupons in prop::collection::vec((reduction(), prop::collection::vec(any::<bool>(), 8)), 1..5),
    ) {
        let lines: Vec<Money> = lines.iter().map(|minor| Money::new(*minor, currency("USD")).unwrap()).collect();
        let coupons: Vec<Coupon<'_>> =
            coupons.iter().map(|(reduction, covers)| Coupon { reduction: *reduction, covers }).collect();
        let splits = discount(&lines, &coupons).unwrap();
        for (split, coupon) in splits.iter().zip(&coupons) {
            prop_assert_eq!(Money::total(split.parts.iter().copied(), currency("USD")).unwrap(), split.total);
            for (line, (part, exact)) in split.parts.iter().zip(&split.exact).enumerate() {
                prop_assert!(coupon.covers[line] || part.is_zero() && exact.is_zero());
                let drift = (Exact::from(part.minor()) - exact).abs();
                prop_assert!(drift <= Exact::from(2 * coupons.len() as i64), "{drift}");
            }
        }
        for (line, amount) in lines.iter().enumerate() {
            let taken: i64 = splits.iter().map(|split| split.parts[line].minor()).sum();
            prop_assert!((0..=amount.minor().max(0)).contains(&taken));
        }
    }
}
