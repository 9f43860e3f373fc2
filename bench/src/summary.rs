//! Medians and spreads.

/// The median of some values, and between which they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` without values. Of two values in the middle it is the smaller one, so that the median was
    /// measured.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: *values.get(values.len().checked_sub(1)? / 2)?,
            least: *values.first()?,
            most: *values.last()?,
        })
    }

    /// Ratios, such as `0.65 (0.60–0.70)`.
    pub(crate) fn ratio(self) -> String {
        self.text(|ratio| format!("{ratio:.2}"))
    }

    /// The median, and the range if there is one, in the form that `write` gives to each.
    pub(crate) fn text(self, write: impl Fn(f64) -> String) -> String {
        let (median, least, most) = (write(self.median), write(self.least), write(self.most));
        if least == most {
            return median;
        }
        format!("{median} ({least}–{most})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::grouped;

    #[test]
    fn the_median_was_measured() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.median, spread.least, spread.most), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 1.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_spread_without_a_range_is_its_median() {
        assert_eq!(Spread::of([0.651, 0.652]).unwrap().ratio(), "0.65");
        let spread = Spread::of([0.6, 0.65, 0.7]).unwrap();
        assert_eq!(spread.ratio(), "0.65 (0.60–0.70)");
        let spread = Spread::of([1000.0, 1200.0]).unwrap();
        assert_eq!(spread.text(grouped), "1,000 (1,000–1,200)");
    }
}
