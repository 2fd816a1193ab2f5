//! From figures to places on a drawing.

/// A step of an axis that reads well: 1, 2 or 5 times a power of ten, about `parts` of them in `range`.
fn step(range: i128, parts: i128) -> i128 {
    let wanted = (range / parts).max(1);
    let mut power = 1;
    while power <= wanted / 10 {
        power *= 10;
    }
    let fits = [1, 2, 5, 10].into_iter().map(|times| times * power).find(|step| step * parts >= range);
    fits.unwrap_or(power * 10)
}

/// The span an axis covers. It begins or ends at zero, or has it inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    lowest: i128,
    highest: i128,
    step: i128,
}

/// Beyond this a figure is drawn as large as this: more than any sum of money, and safe to multiply.
const LARGEST: i128 = 10_i128.pow(30);

/// Lines of the grid above zero, about.
const PARTS: i128 = 4;

impl Scale {
    /// The span of these figures.
    pub(super) fn of(values: impl Iterator<Item = i128>) -> Self {
        let (lowest, highest) = values
            .map(|value| value.clamp(-LARGEST, LARGEST))
            .fold((0, 0), |(lowest, highest), value| (value.min(lowest), value.max(highest)));
        let step = step((highest - lowest).max(1), PARTS);
        let (below, above) = ((-lowest + step - 1) / step, (highest + step - 1) / step);
        Self { lowest: -below * step, highest: (above * step).max(if below == 0 { step } else { 0 }), step }
    }

    /// The figures of the grid, from the lowest up.
    pub(super) fn ticks(self) -> impl Iterator<Item = i128> {
        let count = (self.highest - self.lowest) / self.step;
        (0..=count).map(move |at| self.lowest + at * self.step)
    }

    /// How far below the top of a drawing so many units high a figure stands.
    pub(super) fn place(self, value: i128, height: i128) -> i128 {
        let value = value.clamp(self.lowest, self.highest);
        (self.highest - value) * height / (self.highest - self.lowest)
    }
}

/// `part` of `whole` in per cent, to the thousandth: `8.333%`.
pub(super) fn percent(part: i128, whole: i128) -> String {
    thousandths(part * 100_000 / whole.max(1)) + "%"
}

/// `8333` as `8.333`, without zeros at the end.
pub(super) fn thousandths(value: i128) -> String {
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let text = format!("{sign}{}.{:03}", size / 1_000, size % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_well() {
        let cases =
            [(1, 1), (4, 1), (5, 2), (9, 5), (17, 5), (40, 10), (41, 20), (99, 50), (1_234_567, 500_000)];
        for (range, expected) in cases {
            assert_eq!(step(range, 4), expected, "{range}");
        }
        for range in 1..5_000 {
            let step = step(range, 4);
            assert!(step * 4 >= range && (step == 1 || step * 4 < range * 10), "{range}: {step}");
        }
    }

    #[test]
    fn an_axis_holds_zero_and_every_figure() {
        for values in [vec![], vec![0], vec![7, 31], vec![-3, 12], vec![-40, -2], vec![i128::MAX, i128::MIN]]
        {
            let scale = Scale::of(values.iter().copied());
            let ticks: Vec<i128> = scale.ticks().collect();
            assert!(ticks.contains(&0), "{values:?}: {ticks:?}");
            assert!((2..=8).contains(&ticks.len()), "{values:?}: {ticks:?}");
            for value in values {
                let place = scale.place(value, 1_000);
                assert!((0..=1_000).contains(&place), "{value} stands at {place}");
            }
        }
        assert_eq!(Scale::of([0, 80].into_iter()).place(80, 200), 0);
        assert_eq!(Scale::of([0, 80].into_iter()).place(0, 200), 200);
    }

    #[test]
    fn shares_are_written_briefly() {
        assert_eq!(percent(1, 12), "8.333%");
        assert_eq!(percent(1, 2), "50%");
        assert_eq!(percent(0, 0), "0%");
        assert_eq!(thousandths(-12_340), "-12.34");
    }
}
