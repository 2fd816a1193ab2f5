//! When a use is a jump. Pure.

use catalog::Jump;
use kernel::Exact;

/// The days before that say what is usual.
pub const DAYS: i64 = 7;

/// The usual use of a day, when `used` is a jump above it: the average of the days `before`, above zero, of which it is
/// more than so many times, and more than the floor.
pub fn usual_exceeded(jump: &Jump, before: &[Exact], used: &Exact) -> Option<Exact> {
    let sum: Exact = before.iter().cloned().sum();
    let usual = sum.checked_div(&Exact::ratio(before.len() as i128, 1))?;
    let bound = &usual * &Exact::ratio(jump.times.into(), 1);
    let is_jump = !usual.is_negative() && !usual.is_zero() && *used > bound && *used > jump.floor;
    is_jump.then_some(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(number: i64) -> Exact {
        Exact::from(number)
    }

    #[test]
    fn a_jump_is_above_so_many_times_the_usual_and_above_the_floor() {
        let jump = Jump { times: 10, floor: exact(100) };
        let days = |each: i64| vec![exact(each); 7];
        for (each, used, usual) in [
            (20, 200, None),
            (20, 201, Some(20)),
            (1, 100, None),
            (1, 101, Some(1)),
            (0, 1_000_000, None),
            (-5, 1_000_000, None),
        ] {
            let found = usual_exceeded(&jump, &days(each), &exact(used));
            assert_eq!(found, usual.map(exact), "{each} {used}");
        }
        // One busy day of seven.
        let mut one = days(0);
        one[3] = exact(140);
        assert_eq!(usual_exceeded(&jump, &one, &exact(200)), None);
        assert_eq!(usual_exceeded(&jump, &one, &exact(201)), Some(exact(20)));
        assert_eq!(usual_exceeded(&jump, &[], &exact(1_000)), None);
    }
}
