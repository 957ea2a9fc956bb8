//! OpenTelemetry's own variables about traces, as a tree to lay over a profile.

use prisma_log_core::Error;

use crate::environment::Environment;
use crate::hint;
use crate::origin::Origin;
use crate::tree::{Item, Kind, Map, Node, error_at};

/// Starts the name of every such variable.
pub(crate) const PREFIX: &str = "OTEL_";

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const PROPAGATORS: &str = "OTEL_PROPAGATORS";

/// Name of a sampler, who decides then, and the ratio, unless an argument says it.
const SAMPLERS: [(&str, &str, Option<&str>); 6] = [
    ("always_on", "ratio", Some("1")),
    ("always_off", "ratio", Some("0")),
    ("traceidratio", "ratio", None),
    ("parentbased_always_on", "parent", Some("1")),
    ("parentbased_always_off", "parent", Some("0")),
    ("parentbased_traceidratio", "parent", None),
];

const KNOWN_PROPAGATORS: [&str; 5] = ["tracecontext", "baggage", "b3", "b3multi", "none"];

/// What these variables say about a profile's `tracing`. As OpenTelemetry wants it, what can't be
/// understood is a warning, and counts as not set.
pub(crate) fn overlay(environment: &Environment, warnings: &mut Vec<Error>) -> Option<Node> {
    let mut tracing = Map::default();
    let mut variable = |name: &str| match environment.variable(name) {
        Ok(value) => value.map(|value| (value.trim().to_owned(), Origin::Variable(name.into()))),
        Err(error) => {
            warnings.push(error);
            None
        }
    };
    let (sampler, argument, propagators) =
        (variable(SAMPLER), variable(SAMPLER_ARGUMENT), variable(PROPAGATORS));
    let mut set = |key: &str, kind: Kind, origin: &Origin| {
        let node = Node { kind, origin: origin.clone() };
        tracing.items.push(Item { key: key.to_owned(), key_origin: origin.clone(), node });
    };
    if let Some((name, origin)) = sampler {
        match SAMPLERS.iter().find(|(known, ..)| *known == name) {
            Some(&(_, decides, ratio)) => {
                set("sampler", Kind::Scalar(decides.to_owned()), &origin);
                match (ratio, argument) {
                    (Some(ratio), _) => set("ratio", Kind::Scalar(ratio.to_owned()), &origin),
                    (None, Some((ratio, origin))) if is_ratio(&ratio) => {
                        set("ratio", Kind::Scalar(ratio), &origin);
                    }
                    (None, Some((ratio, origin))) => {
                        let message = format!("`{ratio}` is no ratio from 0 to 1; it is ignored");
                        warnings.push(error_at(origin.place(), message));
                        set("ratio", Kind::Scalar("1".to_owned()), &origin);
                    }
                    (None, None) => set("ratio", Kind::Scalar("1".to_owned()), &origin),
                }
            }
            None => warnings.push(unknown("sampler", &name, &origin, SAMPLERS.map(|s| s.0))),
        }
    }
    if let Some((names, origin)) = propagators {
        let mut nodes = Vec::new();
        let mut is_known = false;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !KNOWN_PROPAGATORS.contains(&name) {
                warnings.push(unknown("propagator", name, &origin, KNOWN_PROPAGATORS));
                continue;
            }
            is_known = true;
            if name != "none" {
                nodes.push(Node { kind: Kind::Scalar(name.to_owned()), origin: origin.clone() });
            }
        }
        if is_known {
            set("propagators", Kind::Seq(nodes), &origin);
        }
    }
    let origin = tracing.items.first()?.key_origin.clone();
    let tracing = Node { kind: Kind::Map(tracing), origin: origin.clone() };
    let item = Item { key: "tracing".to_owned(), key_origin: origin.clone(), node: tracing };
    Some(Node { kind: Kind::Map(Map { items: vec![item] }), origin })
}

fn is_ratio(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio))
}

fn unknown<const N: usize>(what: &str, name: &str, origin: &Origin, known: [&str; N]) -> Error {
    let error = error_at(origin.place(), format!("there is no {what} `{name}`; it is ignored"));
    match hint::closest(name, known) {
        Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
        None => error.with_hint(format!("known are {}", known.join(", "))),
    }
}
