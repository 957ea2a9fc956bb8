//! What a configuration may ask for, and the classic stack has not.

use prisma_log_config::{Config, Entry, Origin};
use prisma_log_core::Error;

/// The first setting that somebody made and that can't be followed.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let mut asked_for = config.entries().iter().filter(|entry| entry.origin != Origin::Default);
    let refused = asked_for.find_map(|entry| refusal(entry).map(|refusal| (entry, refusal)));
    let Some((entry, (what, hint))) = refused else { return Ok(()) };
    let message = format!("the classic stack has no {what}: `{} = {}`", entry.path, entry.value);
    let error = Error::config(message).with_hint(hint);
    Err(match entry.origin.place() {
        Some(place) => error.at(place),
        None => error,
    })
}

/// What is missing, and what to do about it.
fn refusal(entry: &Entry) -> Option<(&'static str, &'static str)> {
    let value = entry.value.as_str();
    let leave_out = "leave the key out, or use `Logging`";
    let switch = |what| (value != "false").then_some((what, "set it to false, or use `Logging`"));
    if let Some(of_sink) = entry.path.strip_prefix("sinks.") {
        let key = of_sink.split_once('.')?.1;
        let logrotate = "leave the key out, and have logrotate do it by `copytruncate`";
        return match (key.split('.').next()?, value) {
            ("type", "syslog" | "journald" | "otlp" | "zipkin") => {
                Some(("such sink", "types: `console`, `file`"))
            }
            ("rotate" | "keep" | "compress" | "link", _) => Some(("rotation", logrotate)),
            ("sync", "false") => None,
            ("sync", _) => Some(("synchronisation", leave_out)),
            ("mode", _) => Some(("permissions to set", leave_out)),
            ("fallback", _) => Some(("fallback", leave_out)),
            ("max_line", _) => Some(("limit to a line", leave_out)),
            ("format", "ecs" | "logfmt") => Some(("such format", "formats: `json`, `text`")),
            _ => None,
        };
    }
    match (entry.path.as_str(), value) {
        ("pipeline.memory", "anonymous") => None,
        ("pipeline.memory", _) => {
            Some(("memory that survives the process", "write `memory: anonymous`"))
        }
        ("pipeline.queue_size" | "pipeline.max_record_size", _) => {
            Some(("limit in bytes", leave_out))
        }
        ("pipeline.latency", _) => Some(("latency to set", leave_out)),
        ("pipeline.overflow.policy", "block" | "drop_newest") => None,
        ("pipeline.overflow.policy", _) => {
            Some(("such policy", "policies: `block` (without limit), `drop_newest`"))
        }
        ("pipeline.overflow.limit", "forever") => None,
        ("pipeline.overflow.limit", _) => {
            Some(("limit to how long a call waits", "write `limit: forever`"))
        }
        ("pipeline.recover", _) => switch("recovery"),
        ("pipeline.inline", _) => switch("calls that write themselves"),
        ("pipeline.capture_panics", _) => switch("records of panics"),
        ("pipeline.flush_on_signals", _) => switch("handlers of signals"),
        ("reload.watch" | "reload.sighup", _) => switch("reload"),
        ("reload.interval", _) => Some(("reload", leave_out)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prisma_log_config::Environment;

    use super::*;

    /// What is said about a profile with one console sink.
    fn check(settings: &str, expect: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logging.yaml");
        let text = format!("version: 1\ndefault_profile: p\nprofiles:\n  p:\n    {settings}\n");
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path, &Environment::default()).unwrap();
        let said = match super::check(&config) {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.to_string().replace(&format!("{}:", path.display()), ""),
        };
        assert_eq!(said, expect, "{settings}");
    }

    #[test]
    fn what_is_asked_for_in_vain_is_named_with_its_place() {
        let plain = "sinks: {c: {type: console}}";
        check(plain, "fine");
        check(
            &format!(
                "{plain}\n    pipeline: {{overflow: {{policy: drop_newest}}, recover: false}}"
            ),
            "fine",
        );
        check(
            &format!("{plain}\n    pipeline: {{memory: anonymous, overflow: {{limit: forever}}}}"),
            "fine",
        );
        check(&format!("{plain}\n    reload: {{watch: false}}"), "fine");
        check(
            "sinks: {f: {type: file, path: p, rotate: {size: 1MiB}}}",
            "5:53: the classic stack has no rotation: `sinks.f.rotate.size = 1MiB` (leave the key \
             out, and have logrotate do it by `copytruncate`)",
        );
        check("sinks: {f: {type: file, path: p, sync: {on_flush: false}}}", "fine");
        check(
            "sinks: {j: {type: journald}}",
            "5:23: the classic stack has no such sink: `sinks.j.type = journald` (types: `console`, \
             `file`)",
        );
        check(
            "sinks: {c: {type: console, format: ecs}}",
            "5:40: the classic stack has no such format: `sinks.c.format = ecs` (formats: `json`, \
             `text`)",
        );
        check(
            &format!("{plain}\n    pipeline: {{overflow: {{policy: drop_oldest}}}}"),
            "6:35: the classic stack has no such policy: `pipeline.overflow.policy = drop_oldest` \
             (policies: `block` (without limit), `drop_newest`)",
        );
        check(
            &format!("{plain}\n    pipeline: {{overflow: {{limit: 1s}}}}"),
            "6:34: the classic stack has no limit to how long a call waits: \
             `pipeline.overflow.limit = 1s` (write `limit: forever`)",
        );
        check(
            &format!("{plain}\n    pipeline: {{capture_panics: true}}"),
            "6:32: the classic stack has no records of panics: `pipeline.capture_panics = true` \
             (set it to false, or use `Logging`)",
        );
        check(
            &format!("{plain}\n    pipeline: {{queue_size: 2MiB}}"),
            "6:28: the classic stack has no limit in bytes: `pipeline.queue_size = 2MiB` (leave the \
             key out, or use `Logging`)",
        );
        check(
            &format!("{plain}\n    reload: {{sighup: true}}"),
            "6:22: the classic stack has no reload: `reload.sighup = true` (set it to false, or use \
             `Logging`)",
        );
    }
}
