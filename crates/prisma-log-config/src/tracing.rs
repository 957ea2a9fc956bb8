//! A profile's traces: which of them are recorded, and what travels in headers.

use crate::origin::{Entry, Origin};
use crate::scalars::{Ratio, Scalar, words};
use crate::section::{self, Section};
use crate::tree::{Kind, Node};

/// Which traces are recorded, and what travels in the headers of requests.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TracingConfig {
    /// Who decides; [`SamplerConfig::Parent`] by default.
    pub sampler: SamplerConfig,
    /// The share of traces to record, from 0 to 1, where the ratio decides; 1 by default.
    pub ratio: f64,
    /// Headers that are sent on; [`PropagatorConfig::TraceContext`] and
    /// [`PropagatorConfig::Baggage`] by default.
    pub propagators: Vec<PropagatorConfig>,
    /// Entries of the callers' baggage that become fields of the records, `baggage.KEY`; none by
    /// default.
    pub baggage_fields: Vec<String>,
}

/// Who decides whether a trace is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplerConfig {
    /// Whoever began the trace; the ratio, where it begins here.
    Parent,
    /// The ratio, whatever the caller decided.
    Ratio,
}
words!(SamplerConfig, "a sampler: parent or ratio", Parent = "parent", Ratio = "ratio");

/// Headers that a trace travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropagatorConfig {
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// W3C `baggage`.
    Baggage,
    /// Zipkin's `b3`, in one header.
    B3,
    /// Zipkin's `x-b3-…` headers.
    B3Multi,
}
words!(
    PropagatorConfig,
    "a propagator: tracecontext, baggage, b3 or b3multi",
    TraceContext = "tracecontext",
    Baggage = "baggage",
    B3 = "b3",
    B3Multi = "b3multi"
);

const DEFAULT_PROPAGATORS: [PropagatorConfig; 2] =
    [PropagatorConfig::TraceContext, PropagatorConfig::Baggage];

impl TracingConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let sampler = section.value("sampler", SamplerConfig::Parent);
        let Ratio(ratio) = section.value("ratio", Ratio(1.0));
        let propagators = words_of(&mut section, "propagators", "tracecontext, baggage");
        let baggage_fields = words_of(&mut section, "baggage_fields", "(none)").unwrap_or_default();
        section.finish();
        let propagators = propagators.unwrap_or_else(|| DEFAULT_PROPAGATORS.to_vec());
        TracingConfig { sampler, ratio, propagators, baggage_fields }
    }
}

/// A list of words, or in one value with commas between them, as a variable has to write it; those
/// that can't be read are reported.
fn words_of<T: Scalar>(
    section: &mut Section<'_>,
    key: &'static str,
    default: &str,
) -> Option<Vec<T>> {
    let nodes = section.list(key).unwrap_or_default();
    let path = section.path_of(key);
    let mut read = Vec::new();
    for node in nodes {
        let text = node.scalar().unwrap_or_default();
        let parts = text.split(',').map(|part| Node {
            kind: node.scalar().map_or(node.kind.clone(), |_| Kind::Scalar(part.trim().to_owned())),
            origin: node.origin.clone(),
        });
        for part in parts {
            match section::read(&part, &path) {
                Ok(word) => read.push(word),
                Err(error) => section.report().error(error),
            }
        }
    }
    let given = !section.is_missing(key);
    let origin = nodes.first().map_or(Origin::Default, |node| node.origin.clone());
    let shown: Vec<String> = read.iter().map(Scalar::show).collect();
    let shown = match (given, shown.is_empty()) {
        (true, false) => shown.join(", "),
        (true, true) => "(none)".to_owned(),
        (false, _) => default.to_owned(),
    };
    section.report().entry(Entry::new(path, shown, origin));
    given.then_some(read)
}
