//! Sinks whose type the program was built without.

use prisma_log_config::Environment;

use crate::{load, said};

/// What building the only sink of a profile says.
fn refusal(sink: &str) -> String {
    let text = format!("{{version: 1, profiles: {{a: {{sinks: {{s: {sink}}}}}}}}}");
    let config = load(&text, &Environment::default().profile("a")).unwrap();
    said(&config.build_sinks().unwrap_err())
}

#[cfg(not(feature = "console"))]
#[test]
fn a_console_sink_needs_its_feature() {
    assert_eq!(
        refusal("{type: console}"),
        "logging.yaml:1:47: this program was built without sinks of `type: console` \
         (turn on the feature `console`)"
    );
}

#[cfg(not(feature = "file"))]
#[test]
fn a_file_sink_needs_its_feature() {
    assert_eq!(
        refusal("{type: file, path: x}"),
        "logging.yaml:1:59: this program was built without sinks of `type: file` \
         (turn on the feature `file`)"
    );
}

#[cfg(not(feature = "otlp"))]
#[test]
fn an_otlp_sink_needs_its_feature() {
    assert_eq!(
        refusal("{type: otlp}"),
        "logging.yaml:1:47: this program was built without sinks of `type: otlp` \
         (turn on the feature `otlp`)"
    );
}

#[cfg(not(feature = "zipkin"))]
#[test]
fn a_zipkin_sink_needs_its_feature() {
    assert_eq!(
        refusal("{type: zipkin}"),
        "logging.yaml:1:47: this program was built without sinks of `type: zipkin` \
         (turn on the feature `zipkin`)"
    );
}

#[cfg(all(feature = "otlp", not(feature = "otlp-tls")))]
#[test]
fn https_needs_its_feature() {
    let said = refusal("{type: otlp, endpoint: 'https://h', environment: false}");
    assert!(said.contains("built without TLS") && said.contains("`otlp-tls`"), "{said}");
}
