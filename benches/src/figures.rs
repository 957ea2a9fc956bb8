//! What was measured, by name.

use std::collections::BTreeMap;

/// The figures of one contender; of one run, or the median over the rounds.
///
/// Names end in the unit: `mean_ns`, `records_s_4` (records a second at four threads).
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// The figure of this name, if it was measured.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn merge(&mut self, other: Figures) {
        self.0.extend(other.0);
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self.0)
    }

    pub(crate) fn from_json(json: &serde_json::Value) -> Self {
        let entries = json.as_object().into_iter().flatten();
        let known = entries.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
        Figures(known.collect())
    }

    /// One row from many rounds: medians, but the best of bests, and the peaks of peaks.
    pub(crate) fn over(rounds: &[Figures]) -> Self {
        let names = rounds.iter().flat_map(|round| round.0.keys());
        let mut all = Figures::default();
        for name in names {
            let mut values: Vec<f64> = rounds.iter().filter_map(|round| round.get(name)).collect();
            values.sort_by(f64::total_cmp);
            let part = match name.as_str() {
                "best_ns" => 0.0,
                peak if peak == "max_ns" || peak.starts_with("rss") => 1.0,
                _ => 0.5,
            };
            all.set(name, percentile(&values, part));
        }
        all
    }
}

/// The value below which that part of the sorted values lies.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_become_medians_and_peaks() {
        let check = |name: &str, values: [f64; 3], expect: f64| {
            let rounds = values.map(|value| {
                let mut figures = Figures::default();
                figures.set(name, value);
                figures
            });
            assert_eq!(Figures::over(&rounds).get(name), Some(expect), "{name}");
        };
        check("mean_ns", [3.0, 1.0, 2.0], 2.0);
        check("best_ns", [3.0, 1.0, 2.0], 1.0);
        check("max_ns", [3.0, 1.0, 2.0], 3.0);
        check("rss_mib_4", [3.0, 1.0, 2.0], 3.0);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let check = |values: &[f64], part, expect: f64| {
            assert_eq!(percentile(values, part), expect);
        };
        check(&[1.0, 2.0, 3.0], 0.5, 2.0);
        check(&[1.0, 2.0, 3.0], 1.0, 3.0);
        check(&[1.0], 0.999, 1.0);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
