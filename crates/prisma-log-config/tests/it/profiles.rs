//! Profiles that extend others, and what a file may leave out.

use prisma_log_config::{Environment, SinkKind};

use crate::{entry, load, said};

const FILE: &str = "\
version: 1
default_profile: leaf
profiles:
  base:
    level: warning
    directives: [a=debug, b=off]
    service: {name: base}
    sinks:
      file: {type: file, path: app.log, rotate: {size: 1MiB}, level: error}
      out: {type: console, format: json}
  middle:
    extends: base
    level: info
    sinks:
      file: {rotate: {size: 2MiB}}
      out: {format: ecs, stream: stdout}
  leaf:
    extends: middle
    directives: [c=trace]
    service: {version: 2}
    sinks:
      out: null
      file: {path: leaf.log, level: null}
";

#[test]
fn a_profile_inherits_key_by_key() {
    let config = load(FILE, &Environment::default()).unwrap();
    assert_eq!(config.profile(), "leaf");
    assert_eq!(config.filter().to_string(), "info,c=trace");
    let names: Vec<&str> = config.sinks().iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["file"]);
    let check = |path: &str, expect: &str| assert_eq!(entry(&config, path), expect, "{path}");
    check("level", "info @f:13:12");
    check("service.name", "base @f:7:21");
    check("service.version", "2 @f:20:24");
    check("sinks.file.path", "leaf.log @f:23:20");
    check("sinks.file.rotate.size", "2MiB @f:15:29");
    check("sinks.file.level", "trace @default");
}

#[test]
fn the_order_of_sinks_is_the_order_in_which_they_were_first_written() {
    let config = load(FILE, &Environment::default().profile("middle")).unwrap();
    let names: Vec<&str> = config.sinks().iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["file", "out"]);
    let SinkKind::Console(out) = &config.sinks()[1].kind else { panic!("not a console") };
    assert_eq!(format!("{:?} {:?}", out.format, out.stream), "Ecs Stdout");
}

#[test]
fn aliases_and_merge_keys_work_as_yaml_has_them() {
    let text = "\
version: 1
default_profile: b
profiles:
  a: &a
    level: error
    sinks: &sinks
      main: {type: console, format: json}
  b:
    <<: *a
    level: info
  c: {sinks: *sinks}
";
    let config = load(text, &Environment::default()).unwrap();
    assert_eq!(entry(&config, "level"), "info @f:10:12");
    assert_eq!(config.sinks().len(), 1);
    let config = load(text, &Environment::default().profile("c")).unwrap();
    assert_eq!(entry(&config, "level"), "info @default");
    assert_eq!(entry(&config, "sinks.main.format"), "json @f:11:14");
}

#[test]
fn another_profile_that_is_broken_does_not_stop_this_one() {
    let text = format!("{FILE}  broken:\n    levle: info\n");
    assert!(load(&text, &Environment::default()).is_ok());
    let error = load(&text, &Environment::default().profile("broken")).unwrap_err();
    let expect = "logging.yaml:24:3: the profile `broken` has no sinks (add `sinks:`; to log \
                  nothing, set `level: off`; 1 more mistake: `plog config check logging.yaml`)";
    assert_eq!(said(&error), expect);
}

#[test]
fn a_base_needs_no_sinks_of_its_own() {
    let text = "\
version: 1
profiles:
  base: {level: info}
  leaf: {extends: base, sinks: {out: {type: console}}}
";
    let (_dir, path) = crate::file(text);
    let errors = prisma_log_config::check(&path, &Environment::default().profile("leaf"));
    assert!(errors.is_empty(), "{errors:?}");
}
