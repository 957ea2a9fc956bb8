//! The section `tracing`, and OpenTelemetry's variables.

use prisma_log_config::{Environment, PropagatorConfig, SamplerConfig};

use crate::{entry, load, said};

const FILE: &str = "\
version: 1
profiles:
  base:
    sinks: {out: {type: console}}
    tracing:
      sampler: ratio
      ratio: 0.25
      propagators: [tracecontext, b3multi]
      baggage_fields: [tenant, region]
  bare:
    sinks: {out: {type: console}}
";

fn environment(profile: &str, variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().copied()).profile(profile)
}

#[test]
fn every_key_arrives_and_has_a_default() {
    let config = load(FILE, &environment("base", &[])).unwrap();
    let tracing = config.tracing();
    assert_eq!((tracing.sampler, tracing.ratio), (SamplerConfig::Ratio, 0.25));
    let propagators = [PropagatorConfig::TraceContext, PropagatorConfig::B3Multi];
    assert_eq!(tracing.propagators, propagators);
    assert_eq!(tracing.baggage_fields, ["tenant", "region"]);
    let config = load(FILE, &environment("bare", &[])).unwrap();
    let tracing = config.tracing();
    assert_eq!((tracing.sampler, tracing.ratio), (SamplerConfig::Parent, 1.0));
    let propagators = [PropagatorConfig::TraceContext, PropagatorConfig::Baggage];
    assert_eq!((&*tracing.propagators, tracing.baggage_fields.len()), (&propagators[..], 0));
}

#[test]
fn opentelemetrys_variables_count_between_the_profile_and_ours() {
    use SamplerConfig::{Parent, Ratio};
    let check = |variables: &[(&str, &str)], expect: (SamplerConfig, f64)| {
        let config = load(FILE, &environment("base", variables)).unwrap();
        let tracing = config.tracing();
        assert_eq!((tracing.sampler, tracing.ratio), expect, "{variables:?}");
        assert_eq!(config.warnings().len(), 0, "{variables:?}");
    };
    let (name, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    check(&[(name, "always_on")], (Ratio, 1.0));
    check(&[(name, "always_off"), (argument, "0.5")], (Ratio, 0.0));
    check(&[(name, "traceidratio")], (Ratio, 1.0));
    check(&[(name, "traceidratio"), (argument, "0.5")], (Ratio, 0.5));
    check(&[(name, "parentbased_always_on")], (Parent, 1.0));
    check(&[(name, "parentbased_always_off")], (Parent, 0.0));
    check(&[(name, "parentbased_traceidratio"), (argument, " 0.1 ")], (Parent, 0.1));
    check(&[(argument, "0.5")], (Ratio, 0.25));
    check(&[(name, "always_on"), ("PRISMA_LOG__TRACING__RATIO", "0.75")], (Ratio, 0.75));

    let config = load(FILE, &environment("base", &[("OTEL_PROPAGATORS", "b3, baggage")])).unwrap();
    let propagators = [PropagatorConfig::B3, PropagatorConfig::Baggage];
    assert_eq!(config.tracing().propagators, propagators);
    let config = load(FILE, &environment("base", &[("OTEL_PROPAGATORS", "none")])).unwrap();
    assert_eq!(config.tracing().propagators, []);
    let config = load(FILE, &environment("base", &[(name, "always_on")])).unwrap();
    assert_eq!(entry(&config, "tracing.ratio"), "1 @$OTEL_TRACES_SAMPLER");
    let ours = [("PRISMA_LOG__TRACING__PROPAGATORS", "b3,baggage"), ("OTEL_PROPAGATORS", "none")];
    let config = load(FILE, &environment("base", &ours)).unwrap();
    let shown = "b3, baggage @$PRISMA_LOG__TRACING__PROPAGATORS";
    assert_eq!(entry(&config, "tracing.propagators"), shown);
    assert_eq!(entry(&config, "tracing.baggage_fields"), "tenant, region @f:9:24");
    let config = load(FILE, &environment("bare", &[])).unwrap();
    assert_eq!(entry(&config, "tracing.propagators"), "tracecontext, baggage @default");
}

#[test]
fn what_opentelemetrys_variables_say_wrong_is_a_warning() {
    let check = |variables: &[(&str, &str)], expect: &str, ratio: f64| {
        let config = load(FILE, &environment("base", variables)).unwrap();
        let warnings: Vec<_> = config.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expect), "{warnings:?}");
        assert_eq!(config.tracing().ratio, ratio);
    };
    let (name, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    check(&[(name, "always_onn")], "no sampler `always_onn`", 0.25);
    check(&[(name, "traceidratio"), (argument, "2")], "`2` is no ratio", 1.0);
    check(&[("OTEL_PROPAGATORS", "tracecontext,jaeger")], "no propagator `jaeger`", 0.25);
    let config = load(FILE, &environment("base", &[("OTEL_PROPAGATORS", "jaeger")])).unwrap();
    let propagators = [PropagatorConfig::TraceContext, PropagatorConfig::B3Multi];
    assert_eq!(config.tracing().propagators, propagators, "as if it were not set");
}

#[test]
fn what_the_file_says_wrong_is_an_error() {
    let check = |tracing: &str, expect: &str| {
        let file = format!(
            "version: 1\nprofiles:\n  p:\n    sinks: {{o: {{type: console}}}}\n    tracing: {tracing}\n"
        );
        let error = load(&file, &environment("p", &[])).unwrap_err();
        let said = format!("{} {}", said(&error), error.hint().unwrap_or_default());
        assert!(said.contains(expect), "{said}");
    };
    check("{sampler: parnt}", "did you mean `parent`?");
    check("{ratio: 1.5}", "a number from 0 to 1");
    check("{ratio: 25%}", "write `0.25`");
    check("{ratio: .nan}", "a number from 0 to 1");
    check("{propagators: [b4]}", "did you mean `b3`?");
    check("{propagators: {b3: true}}", "a list");
    check("{propagators: [[b3]]}", "a propagator");
    check("{baggage_field: [a]}", "did you mean `baggage_fields`?");
}
