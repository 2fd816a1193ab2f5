//! `[cancellation]`.

use super::{
    super::{
        cancellation::{Cancellation, CancellationReason, ReasonIs, WinBack},
        coupon::Coupon,
    },
    report::{Report, short},
    section::{self, Entry, Item, Names, Section},
    settings::Knobs,
    value,
};

/// Most reasons to choose from.
const MAX_REASONS: usize = 50;
/// Longest time in which somebody is won back, in days.
const MAX_DAYS: u64 = 3650;

/// Read `[cancellation]`.
pub(super) fn read(item: Option<&Item<'_>>, coupons: &[Coupon], report: &mut Report) -> Cancellation {
    let mut read = Cancellation::default();
    let Some(item) = item else { return read };
    let Some(mut section) = Section::open("[cancellation]", item.span(), item, report) else { return read };
    let choices = [("optional", ReasonIs::Optional), ("required", ReasonIs::Required)];
    Knobs { section: &mut section, report }.choose("reason", &choices, &mut read.reason);
    let reasons = section.optional("reasons");
    let win_back = section.optional("win_back");
    section.close(report);
    if let Some(item) = reasons {
        let entries = section::entries("reasons", Some(item), report);
        if entries.is_empty() && item.get_ref().is_table() {
            report.add_hint(item.span(), "there is no reason", "leave `reasons` out for the usual ones");
        }
        if entries.len() > MAX_REASONS {
            report.add(item.span(), format!("there are at most {MAX_REASONS} reasons"));
        }
        let mut names = Names::of("reason");
        let read_one = |entry: &Entry<'_>| reason(entry, coupons, &mut names, report);
        read.reasons = entries.iter().filter_map(read_one).collect();
    }
    read.win_back = win_back.and_then(|item| self::win_back(item, coupons, report));
    read
}

/// `too_expensive = "Too expensive"`, or with what is offered.
fn reason(
    entry: &Entry<'_>,
    coupons: &[Coupon],
    names: &mut Names,
    report: &mut Report,
) -> Option<CancellationReason> {
    let (name_item, offer) = match entry.item.get_ref().is_table() {
        false => (entry.item, None),
        true => {
            let what = format!("reason `{}`", short(entry.key));
            let mut section = Section::open(what, entry.key_span.clone(), entry.item, report)?;
            let name = section.required("name", report);
            let offer = section.optional("offer");
            section.close(report);
            (name?, offer)
        }
    };
    let name = value::name(name_item, report)?;
    names.check(entry.key, &name, name_item, report);
    let offer = offer.and_then(|item| coupon(item, "`offer`", coupons, report));
    Some(CancellationReason { key: entry.key.to_owned(), name, offer })
}

/// `win_back = { coupon = "back", days = 90 }`.
fn win_back(item: &Item<'_>, coupons: &[Coupon], report: &mut Report) -> Option<WinBack> {
    let mut section = Section::open("`win_back`", item.span(), item, report)?;
    let key = section.required("coupon", report);
    let days = section.required("days", report);
    section.close(report);
    let key = key.and_then(|item| coupon(item, "`coupon`", coupons, report));
    let days = days.and_then(|item| value::whole(item, "`days`", 1..=MAX_DAYS, report));
    Some(WinBack { coupon: key?, days: u16::try_from(days?).ok()? })
}

/// The key of a coupon that can be given to who had a subscription.
fn coupon(item: &Item<'_>, what: &str, coupons: &[Coupon], report: &mut Report) -> Option<String> {
    let key = value::text(item, what, report)?;
    let Some(found) = coupons.iter().find(|coupon| coupon.key == key) else {
        let message = format!("coupon `{}` is not defined", short(key));
        report.add_unknown(item.span(), message, key, coupons.iter().map(|coupon| coupon.key.as_str()));
        return None;
    };
    if found.new_customers_only {
        let message = format!("coupon `{}` is for new customers only", short(key));
        report.add_hint(item.span(), message, "who cancels is none: offer another coupon");
    }
    Some(key.to_owned())
}
