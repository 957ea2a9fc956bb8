//! Which traces are recorded.

use prisma_log_core::{Error, TraceId};

/// Decides at the start of a span whether its trace is recorded.
///
/// Whatever is decided, the trace's ids are in every log record: a sampler is about the records of
/// spans and what is exported, not about logs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Traces whose random part is below this are not recorded.
    threshold: u64,
    follows_parent: bool,
}

/// The random part of a trace id has 56 bits (W3C Trace Context level 2).
const RANDOM_BITS: u32 = 56;

impl Sampler {
    /// Every trace.
    pub const fn always() -> Self {
        Sampler { threshold: 0, follows_parent: false }
    }

    /// No trace.
    pub const fn never() -> Self {
        Sampler { threshold: 1 << RANDOM_BITS, follows_parent: false }
    }

    /// This share of all traces, from 0.0 to 1.0, by the 56 random bits of the trace id: services
    /// with the same ratio, and others that follow OpenTelemetry's consistent sampling, choose the
    /// same traces; those of a smaller ratio are among those of a larger one.
    ///
    /// # Errors
    /// When the ratio is not from 0.0 to 1.0.
    pub fn ratio(ratio: f64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(Error::config(format!(
                "a sampling ratio of {ratio} is not from 0.0 to 1.0"
            )));
        }
        let threshold = ((1.0 - ratio) * (1_u64 << RANDOM_BITS) as f64).round() as u64;
        Ok(Sampler { threshold, follows_parent: false })
    }

    /// As the parent decided, wherever it is; where there is none, as `root` decides.
    pub const fn parent_based(root: Sampler) -> Self {
        Sampler { follows_parent: true, ..root }
    }

    /// Whether to record a trace, whose parent, if it has one, is sampled or not.
    pub fn samples(&self, trace_id: TraceId, parent: Option<bool>) -> bool {
        match parent {
            Some(sampled) if self.follows_parent => sampled,
            _ => trace_id.get() as u64 & ((1 << RANDOM_BITS) - 1) >= self.threshold,
        }
    }
}

impl Default for Sampler {
    /// As the parent decided; every trace that has none.
    fn default() -> Self {
        Sampler::parent_based(Sampler::always())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(random: u64) -> TraceId {
        TraceId::new(1 << 127 | u128::from(random)).unwrap()
    }

    #[test]
    fn a_ratio_takes_its_share() {
        let max = (1 << RANDOM_BITS) - 1;
        let check = |sampler: Sampler, random: u64, expect: bool| {
            assert_eq!(sampler.samples(id(random), None), expect, "{sampler:?} {random:x}");
        };
        check(Sampler::always(), 0, true);
        check(Sampler::never(), max, false);
        check(Sampler::ratio(1.0).unwrap(), 0, true);
        check(Sampler::ratio(0.0).unwrap(), max, false);
        let quarter = Sampler::ratio(0.25).unwrap();
        check(quarter, (max >> 2) * 3, false);
        check(quarter, (max >> 2) * 3 + 3, true);
        // Bits above the random part have no say.
        check(quarter, 0xFF << RANDOM_BITS, false);
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Sampler::ratio(bad).unwrap_err().is_config(), "{bad}");
        }
        let taken = (0..100_000).filter(|_| {
            let trace = crate::ids::trace_id();
            quarter.samples(trace, None)
        });
        let taken = taken.count();
        assert!((24_000..26_000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_parent_decides_where_it_is_asked() {
        let followed = Sampler::parent_based(Sampler::never());
        assert!(followed.samples(id(0), Some(true)));
        assert!(!followed.samples(id(0), None));
        assert!(!Sampler::default().samples(id(0), Some(false)));
        assert!(Sampler::default().samples(id(0), None));
        assert!(Sampler::always().samples(id(0), Some(false)));
    }
}
