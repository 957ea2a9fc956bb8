//! The sections `pipeline` and `reload`, and what variables do to them.

use std::path::Path;
use std::time::Duration;

use prisma_log_config::{Config, Environment, MemoryConfig, OverflowConfig};

use crate::{entry, load, said};

const FILE: &str = "\
version: 1
default_profile: base
profiles:
  base:
    sinks:
      out: {type: console, blocking: true}
      err: {type: console}
    pipeline:
      memory: /run/shop
      queue_size: 32MiB
      max_record_size: 1KiB
      latency: 100ms
      overflow: {policy: block, limit: 250ms}
      recover: false
      inline: true
      capture_panics: true
      flush_on_signals: true
    reload: {watch: false, interval: 10s, sighup: true}
  leaf:
    extends: base
    pipeline: {memory: null, overflow: {policy: spill, dir: /var/spool/, max_size: 1GiB}}
";

#[test]
fn every_key_arrives() {
    let config = load(FILE, &Environment::default()).unwrap();
    let pipeline = config.pipeline();
    assert_eq!(pipeline.memory, MemoryConfig::Dir("/run/shop".into()));
    assert_eq!((pipeline.queue_bytes, pipeline.max_record_bytes), (32 << 20, 1 << 10));
    assert_eq!(pipeline.latency, Duration::from_millis(100));
    let limit = Some(Duration::from_millis(250));
    assert_eq!(pipeline.overflow, OverflowConfig::Block { limit });
    assert!(!pipeline.recover && pipeline.inline);
    assert!(pipeline.capture_panics && pipeline.flush_on_signals);
    let reload = config.reload();
    assert!(!reload.watch && reload.sighup);
    assert_eq!(reload.interval, Duration::from_secs(10));
    let blocking: Vec<bool> = config.sinks().iter().map(|sink| sink.blocking).collect();
    assert_eq!(blocking, [true, false]);
}

#[test]
fn a_changed_policy_starts_afresh() {
    let leaf = |variables: &[(&str, &str)]| {
        load(FILE, &Environment::new(variables.iter().copied()).profile("leaf"))
    };
    let config = leaf(&[]).unwrap();
    assert_eq!(config.pipeline().memory, MemoryConfig::Default);
    let spill = OverflowConfig::Spill { dir: Path::new("/var/spool").into(), max_bytes: 1 << 30 };
    assert_eq!(config.pipeline().overflow, spill);

    let policy = "PRISMA_LOG__PIPELINE__OVERFLOW__POLICY";
    let config = leaf(&[(policy, "drop_oldest")]).unwrap();
    assert_eq!(config.pipeline().overflow, OverflowConfig::DropOldest);
    assert_eq!(
        entry(&config, "pipeline.overflow.policy"),
        "drop_oldest @$PRISMA_LOG__PIPELINE__OVERFLOW__POLICY"
    );
    let limit = "PRISMA_LOG__PIPELINE__OVERFLOW__LIMIT";
    let config = leaf(&[(policy, "block"), (limit, "forever")]).unwrap();
    assert_eq!(config.pipeline().overflow, OverflowConfig::Block { limit: None });
    let error = leaf(&[(limit, "1s")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "$PRISMA_LOG__PIPELINE__OVERFLOW__LIMIT: unknown key `limit` in `pipeline.overflow` \
         (`policy: spill` has no such key)"
    );
}

#[test]
fn the_defaults_are_shown() {
    let text = "version: 1\nprofiles: {p: {sinks: {out: {type: console}}}}\n";
    let config = load(text, &Environment::default().profile("p")).unwrap();
    let check = |path: &str, expect: &str| {
        assert_eq!(entry(&config, path), format!("{expect} @default"), "{path}");
    };
    check("pipeline.memory", "default");
    check("pipeline.queue_size", "8MiB");
    check("pipeline.max_record_size", "64KiB");
    check("pipeline.latency", "8ms");
    check("pipeline.overflow.policy", "block");
    check("pipeline.overflow.limit", "1s");
    check("pipeline.recover", "true");
    check("pipeline.inline", "false");
    check("pipeline.capture_panics", "false");
    check("pipeline.flush_on_signals", "false");
    check("reload.watch", "true");
    check("reload.interval", "1s");
    check("reload.sighup", "false");
}

#[test]
fn a_queue_too_small_for_its_records_is_refused_where_it_was_set() {
    let check = |variables: &[(&str, &str)], expect: &str| {
        let said = match Config::builtin(&Environment::new(variables.iter().copied())) {
            Ok(_) => "fine".to_owned(),
            Err(error) => said(&error),
        };
        assert_eq!(said, expect, "{variables:?}");
    };
    let queue = "PRISMA_LOG__PIPELINE__QUEUE_SIZE";
    let record = "PRISMA_LOG__PIPELINE__MAX_RECORD_SIZE";
    check(&[(queue, "1056KiB")], "fine");
    check(
        &[(queue, "1055KiB")],
        "$PRISMA_LOG__PIPELINE__QUEUE_SIZE: `pipeline.queue_size` is 1055KiB, which is too little \
         for records of 64KiB (set `queue_size` to 1056KiB at least)",
    );
    check(&[(queue, "1MiB"), (record, "32KiB")], "fine");
    check(
        &[(record, "1MiB")],
        "$PRISMA_LOG__PIPELINE__MAX_RECORD_SIZE: `pipeline.queue_size` is 8MiB, which is too \
         little for records of 1MiB (set `queue_size` to 16416KiB at least)",
    );
}
