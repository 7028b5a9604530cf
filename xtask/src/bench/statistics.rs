// SPDX-License-Identifier: GPL-2.0

//! Medians and spreads.

use serde::Serialize;

/// Of several measurements of one thing, the middle one, and how far apart they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The median distance from the median.
    pub(crate) deviation: f64,
    /// How many there were.
    pub(crate) count: usize,
}

impl Spread {
    /// Of these; `None` when there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Spread> {
        let middle = median(values)?;
        let distances: Vec<_> = values.iter().map(|value| (value - middle).abs()).collect();
        Some(Spread {
            median: middle,
            deviation: median(&distances)?,
            count: values.len(),
        })
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some((lower + upper) / 2.0)
}

/// The power of `x` that `y` grows with: the slope of the line through the logarithms.
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<_> = points
        .iter()
        .filter(|(x, y)| *x > 0.0 && *y > 0.0)
        .map(|(x, y)| (x.ln(), y.ln()))
        .collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) = (
        logs.iter().map(|(x, _)| x).sum::<f64>() / count,
        logs.iter().map(|(_, y)| y).sum::<f64>() / count,
    );
    let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (logs.len() >= 2 && spread > 0.0).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_measurement_moves_neither_median_nor_deviation() {
        let spread = Spread::of(&[10.0, 11.0, 9.0, 10.0, 500.0]).unwrap();
        assert_eq!((spread.median, spread.deviation), (10.0, 1.0));
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0]), Some(2.5));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_exponent_tells_linear_from_square_growth() {
        let grow = |power: i32| [1.0f64, 10.0, 100.0].map(|x| (x, 3.0 * x.powi(power)));
        assert!((exponent(&grow(1)).unwrap() - 1.0).abs() < 1e-9);
        assert!((exponent(&grow(2)).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(exponent(&[(1.0, 1.0)]), None);
    }
}
