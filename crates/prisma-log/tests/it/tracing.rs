//! Tracers and propagation as the configuration says.

use prisma_log::config::{Config, Environment};
use prisma_log::{Context, Logging, Sampler, SpanKind};

fn logging(tracing: &str) -> (tempfile::TempDir, std::path::PathBuf, Logging) {
    let dir = tempfile::tempdir().unwrap();
    let (file, log) = (dir.path().join("logging.yaml"), dir.path().join("app.log"));
    let text = format!(
        "version: 1\nprofiles:\n  p:\n    sinks: {{file: {{type: file, path: {log:?}}}}}\n    pipeline: {{memory: anonymous}}\n    reload: {{watch: false}}\n    tracing: {tracing}\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file, &Environment::default().profile("p")).unwrap();
    let logging = Logging::from_config(&config).unwrap();
    (dir, log, logging)
}

#[test]
fn the_sampler_of_the_profile_decides() {
    let check = |tracing: &str, parent: Option<bool>, expect: bool| {
        let (_dir, path, logging) = logging(tracing);
        let tracer = logging.tracer("shop");
        let span = tracer.span("work").kind(SpanKind::Server);
        let span = match parent {
            Some(sampled) => span.child_of(&Context::new().sampled(sampled)),
            None => span.root(),
        };
        span.start().end();
        drop(logging);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let case = format!("{tracing} {parent:?}");
        assert_eq!(text.contains("\"span.kind\":\"server\""), expect, "{case}: {text}");
        assert_eq!(text.contains("\"slog.tag\":\"span\""), expect, "{case}");
    };
    check("{}", None, true);
    check("{}", Some(false), false);
    check("{ratio: 0}", None, false);
    check("{ratio: 0}", Some(true), true);
    check("{sampler: ratio, ratio: 0}", Some(true), false);
    check("{sampler: ratio, ratio: 1}", Some(false), true);
}

#[test]
fn the_headers_of_the_profile_are_sent() {
    let check = |tracing: &str, expect: &[&str]| {
        let (_dir, _path, logging) = logging(tracing);
        let propagation = logging.propagation();
        let headers = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("baggage", "tenant=blue,secret=s3"),
        ];
        let context = propagation.extract(&headers).context();
        let fields: Vec<_> = context.fields().iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(fields, ["baggage.tenant"]);
        let mut onward: Vec<(String, String)> = Vec::new();
        propagation.inject(&context, &mut onward);
        let names: Vec<_> = onward.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, expect, "{tracing}");
    };
    check("{baggage_fields: [tenant]}", &["traceparent", "baggage"]);
    check("{baggage_fields: [tenant], propagators: [b3]}", &["b3"]);
    check("{baggage_fields: [tenant], propagators: []}", &[]);
}

#[test]
fn in_code_the_sampler_is_a_setter() {
    let logging = Logging::builder().sampler(Sampler::never()).build().unwrap();
    let span = logging.tracer("t").span("s").start();
    assert!(!span.is_sampled() && !span.is_recording());
}
