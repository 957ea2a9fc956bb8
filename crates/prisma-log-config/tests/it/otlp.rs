//! OTLP and Zipkin sinks of a configuration.

use prisma_log_config::{Environment, SinkKind};

use crate::load;

#[test]
fn every_key_is_read_and_secrets_are_shown_nowhere() {
    let text = "{version: 1, profiles: {a: {sinks: {o: {type: otlp, endpoint: 'http://h/x?token=secret', \
        protocol: http/json, timeout: 3s, headers: {authorization: secret, x-scope: 'a,b'}, \
        resource: {team: checkout}, max_request: 1MiB}, z: {type: zipkin, blocking: false}}}}}";
    let config = load(text, &Environment::default().profile("a")).unwrap();
    let shown: Vec<_> =
        config.entries().iter().map(|e| format!("{}={}", e.path, e.value)).collect();
    for expect in [
        "sinks.o.endpoint=http://h/x",
        "sinks.o.headers.authorization=(hidden)",
        "sinks.o.headers.x-scope=(hidden)",
        "sinks.o.resource.team=checkout",
        "sinks.o.max_request=1MiB",
        "sinks.o.environment=true",
    ] {
        assert!(shown.iter().any(|shown| shown == expect), "{expect}: {shown:#?}");
    }
    assert!(!shown.iter().any(|shown| shown.contains("secret")), "{shown:#?}");
    let [otlp, zipkin] = config.sinks() else { panic!("{:?}", config.sinks()) };
    assert!(otlp.blocking && !zipkin.blocking);
    let SinkKind::Otlp(settings) = &otlp.kind else { panic!("{otlp:?}") };
    assert_eq!(settings.headers[0], ("authorization".to_owned(), "secret".to_owned()));
    assert_eq!(settings.max_request_bytes, Some(1 << 20));
}

#[cfg(all(feature = "otlp", feature = "zipkin"))]
#[test]
fn the_sinks_are_built() {
    let text = "{version: 1, service: {name: shop}, profiles: {a: {sinks: {z: {type: zipkin}, \
        o: {type: otlp, environment: false}}}}}";
    let config = load(text, &Environment::default().profile("a")).unwrap();
    let built = config.build_sinks().unwrap();
    assert!(built.len() == 2 && built.iter().all(|sink| sink.blocking));
    // What the builder refuses has the place in the file.
    let text = "{version: 1, profiles: {a: {sinks: {o: {type: otlp, headers: {host: x}}}}}}";
    let config = load(text, &Environment::default().profile("a")).unwrap();
    let error = config.build_sinks().unwrap_err().to_string();
    assert!(
        error.contains("logging.yaml:1:") && error.contains("is set by the sink itself"),
        "{error}"
    );
}
