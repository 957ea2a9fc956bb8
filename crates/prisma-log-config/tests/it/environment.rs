//! Variables: which profile, which file, and what they override.

use std::path::Path;

use prisma_log_config::{Config, Environment, SinkKind};
use prisma_log_core::Level;

use crate::{entry, file, load, said};

const FILE: &str = "\
version: 1
service: {name: shop, version: 1.10}
default_profile: dev
profiles:
  dev:
    level: debug
    directives: [hyper=warn, shop.db=trace]
    sinks:
      out: {type: console}
      file: {type: file, path: logs/app.log, rotate: {size: 10MiB}}
  prod:
    level: warning
    sinks:
      file: {type: file, path: /var/log/app.log}
";

#[test]
fn the_program_then_prisma_env_then_the_file_choose_the_profile() {
    let check = |environment: Environment, expect: &str, level: &str| {
        let config = load(FILE, &environment).unwrap();
        assert_eq!(entry(&config, "profile"), expect);
        assert_eq!(entry(&config, "level"), level);
    };
    let prod = Environment::new([("PRISMA_ENV", "prod")]);
    check(Environment::default(), "dev @f:3:18", "debug @f:6:12");
    check(Environment::new([("PRISMA_ENV", "")]), "dev @f:3:18", "debug @f:6:12");
    check(prod.clone(), "prod @$PRISMA_ENV", "warning @f:12:12");
    check(prod.profile("dev"), "dev @argument", "debug @f:6:12");
    let error = load(FILE, &Environment::new([("PRISMA_ENV", "prd")])).unwrap_err();
    assert_eq!(said(&error), "$PRISMA_ENV: there is no profile `prd` (did you mean `prod`?)");
    let error = load(FILE, &Environment::new([("PRISMA_ENV", "qa")])).unwrap_err();
    assert_eq!(said(&error), "$PRISMA_ENV: there is no profile `qa` (profiles: `dev`, `prod`)");
    let error = load(FILE, &Environment::default().profile("qa")).unwrap_err();
    assert!(error.place().is_none() && error.message() == "there is no profile `qa`", "{error}");
    let undecided = FILE.replace("default_profile: dev\n", "");
    let error = load(&undecided, &Environment::default()).unwrap_err();
    assert_eq!(error.message(), "no profile is chosen");
}

#[test]
fn every_setting_says_where_it_came_from() {
    let environment = Environment::new([
        ("PRISMA_LOG__SINKS__FILE__ROTATE__SIZE", "50MiB"),
        ("PRISMA_LOG__SERVICE__ENVIRONMENT", "eu"),
        ("RUST_LOG", "hyper=off,tokio=warn"),
        ("HOME", "/root"),
    ]);
    let config = load(FILE, &environment).unwrap();
    let shown: Vec<String> = config
        .entries()
        .iter()
        .map(|e| format!("{} = {}", e.path, entry(&config, &e.path)))
        .collect();
    let expect = [
        "profile = dev @f:3:18",
        "service.name = shop @f:2:17",
        "service.version = 1.10 @f:2:32",
        "service.environment = eu @$PRISMA_LOG__SERVICE__ENVIRONMENT",
        "level = debug @f:6:12",
        "directives.hyper = off @$RUST_LOG",
        "directives.shop.db = trace @f:7:30",
        "directives.tokio = warning @$RUST_LOG",
        "sinks.out.type = console @f:9:19",
        "sinks.out.level = trace @default",
        "sinks.out.directives = (none) @default",
        "sinks.out.blocking = false @default",
        "sinks.out.fallback = (none) @default",
        "sinks.out.format = text @default",
        "sinks.out.stream = stderr @default",
        "sinks.out.color = auto @default",
        "sinks.out.max_line = 16KiB @default",
        "sinks.file.type = file @f:10:20",
        "sinks.file.level = trace @default",
        "sinks.file.directives = (none) @default",
        "sinks.file.blocking = false @default",
        "sinks.file.fallback = (none) @default",
        "sinks.file.path = logs/app.log @f:10:32",
        "sinks.file.format = json @default",
        "sinks.file.rotate.size = 50MiB @$PRISMA_LOG__SINKS__FILE__ROTATE__SIZE",
        "sinks.file.rotate.every = (none) @default",
        "sinks.file.rotate.zone = utc @default",
        "sinks.file.rotate.on_start = false @default",
        "sinks.file.keep.age = (none) @default",
        "sinks.file.keep.size = (none) @default",
        "sinks.file.keep.free_space = (none) @default",
        "sinks.file.keep.count = 5 @default",
        "sinks.file.keep.when_full = (none) @default",
        "sinks.file.compress = none @default",
        "sinks.file.link = (none) @default",
        "sinks.file.sync.every = (none) @default",
        "sinks.file.sync.records = (none) @default",
        "sinks.file.sync.on_flush = false @default",
        "sinks.file.mode = 0640 @default",
    ];
    let (of_profile, queue_and_reload) = shown.split_at(expect.len());
    assert_eq!(of_profile, expect);
    assert!(queue_and_reload.iter().all(|shown| shown.ends_with("@default")));
    let SinkKind::File(file) = &config.sinks()[1].kind else { panic!("{:?}", config.sinks()) };
    assert_eq!(file.rotate.max_bytes, Some(50 << 20));
    let service = config.service();
    let known = [&service.name, &service.version, &service.environment].map(Option::as_deref);
    assert_eq!(known, [Some("shop"), Some("1.10"), Some("eu")]);
}

#[test]
fn levels_come_from_the_file_then_rust_log_then_our_own_variables() {
    let check = |variables: &[(&str, &str)], expect: &str| {
        let config = load(FILE, &Environment::new(variables.iter().copied())).unwrap();
        assert_eq!(config.filter().to_string(), expect, "{variables:?}");
    };
    let ours = [("PRISMA_LOG__LEVEL", "error"), ("PRISMA_LOG__DIRECTIVES", "hyper=debug,a=off")];
    check(&[], "debug,shop.db=trace,hyper=warning");
    check(&[("RUST_LOG", "info,hyper=trace")], "info,shop.db=trace,hyper=trace");
    check(&ours, "error,hyper=debug,a=off");
    check(
        &[ours[0], ours[1], ("RUST_LOG", "info,hyper=trace,b=warn")],
        "error,hyper=debug,a=off,b=warning",
    );
    check(&[ours[0], ("RUST_LOG", "trace")], "error,shop.db=trace,hyper=warning");
}

#[test]
fn what_is_wrong_in_rust_log_is_a_warning() {
    let environment = Environment::new([("RUST_LOG", "hyper=loud,shop=error")]);
    let config = load(FILE, &environment).unwrap();
    assert_eq!(config.filter().level_for("shop.cart"), Some(Level::Error));
    assert_eq!(config.filter().level_for("hyper"), Some(Level::Warning));
    assert_eq!(config.warnings().len(), 1);
    assert!(config.warnings()[0].to_string().starts_with("$RUST_LOG: unknown level \"loud\""));
}

#[test]
fn a_wrong_variable_is_an_error_that_names_it() {
    let check = |name: &str, value: &str, expect: &str| {
        let error = load(FILE, &Environment::new([(name, value)])).unwrap_err();
        assert_eq!(said(&error), expect);
        let (_dir, path) = file(FILE);
        let checked = prisma_log_config::check(&path, &Environment::new([(name, value)]));
        assert_eq!(checked.iter().map(said).collect::<Vec<_>>(), [expect]);
    };
    check(
        "PRISMA_LOG__SINKS__FILE__KEEP__COUNTS",
        "3",
        "$PRISMA_LOG__SINKS__FILE__KEEP__COUNTS: unknown key `counts` in `sinks.file.keep` \
         (did you mean `count`?)",
    );
    check(
        "PRISMA_LOG__SINKS__FIEL__FORMAT",
        "json",
        "$PRISMA_LOG__SINKS__FIEL__FORMAT: there is no sink `fiel` in this profile \
         (did you mean `file`?)",
    );
    check(
        "PRISMA_LOG__LEVLE",
        "debug",
        "$PRISMA_LOG__LEVLE: unknown key `levle` (did you mean `level`?)",
    );
    check(
        "PRISMA_LOG__SINKS__FILE__ROTATE__SIZE",
        "10 apples",
        "$PRISMA_LOG__SINKS__FILE__ROTATE__SIZE: `sinks.file.rotate.size`: expected a size such as \
         10MiB, found `10 apples` (units: `B`, `kB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`)",
    );
    check(
        "PRISMA_LOG__LEVEL__X",
        "debug",
        "$PRISMA_LOG__LEVEL__X: `level`: expected a level: trace, debug, info, warning, error, \
         critical, or off, found a map",
    );
    check(
        "PRISMA_LOG__EXTENDS",
        "prod",
        "$PRISMA_LOG__EXTENDS: `extends` can't be overridden (choose another profile by \
         PRISMA_ENV)",
    );
    check("PRISMA_LOG__SINKS", "x", "$PRISMA_LOG__SINKS: `sinks`: expected a map, found `x`");
}

/// What the file lacks is missing in the file, though a variable sets something beside it.
#[test]
fn a_variable_does_not_take_the_blame_for_the_file() {
    let text = "\
version: 1
default_profile: a
profiles:
  a:
    sinks:
      file: {type: file}
      out: {format: json}
";
    let environment = Environment::new([
        ("PRISMA_LOG__SINKS__FILE__ROTATE__SIZE", "1MiB"),
        ("PRISMA_LOG__SINKS__OUT__FORMAT", "ecs"),
    ]);
    let error = load(text, &environment).unwrap_err();
    assert!(said(&error).starts_with("logging.yaml:6:13: `sinks.file.path` is missing"), "{error}");
    let text = text.replace("{type: file}", "{type: file, path: x}");
    let error = load(&text, &environment).unwrap_err();
    assert!(said(&error).starts_with("logging.yaml:7:7: `sinks.out.type` is missing"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_an_error() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    for name in ["PRISMA_ENV", "PRISMA_LOG__LEVEL"] {
        let value = OsString::from_vec(vec![b'd', 0xff]);
        let error = load(FILE, &Environment::new([(name, value)])).unwrap_err();
        assert!(said(&error).starts_with(&format!("${name}: the value is not UTF-8")), "{error}");
    }
    let value = OsString::from_vec(vec![b'd', 0xff]);
    let config = load(FILE, &Environment::new([("RUST_LOG", value)])).unwrap();
    assert!(config.warnings()[0].message().contains("not UTF-8"));
}

#[test]
fn variables_add_change_and_remove_sinks() {
    let names = |variables: &[(&str, &str)]| -> Vec<String> {
        let config = load(FILE, &Environment::new(variables.iter().copied())).unwrap();
        config.sinks().iter().map(|sink| format!("{} {:?}", sink.name, sink.kind)).collect()
    };
    let sinks = names(&[
        ("PRISMA_LOG__SINKS__OUT", "null"),
        ("PRISMA_LOG__SINKS__FILE__TYPE", "console"),
        ("PRISMA_LOG__SINKS__ERR__TYPE", "file"),
        ("PRISMA_LOG__SINKS__ERR__PATH", "err.log"),
        ("PRISMA_LOG__SINKS__ERR__FORMAT", "logfmt"),
    ]);
    assert_eq!(sinks.len(), 2, "{sinks:?}");
    assert!(sinks[0].starts_with("file Console"), "{sinks:?}");
    assert!(sinks[1].starts_with("err File") && sinks[1].contains("Logfmt"), "{sinks:?}");
}

#[test]
fn the_file_that_a_variable_names_is_read() {
    let (_dir, path) = file(FILE);
    let variables = [("PRISMA_LOG_CONFIG", path.as_os_str())];
    let config = Config::find(&Environment::new(variables)).unwrap();
    assert_eq!((config.file(), config.profile()), (Some(path.as_path()), "dev"));
    let missing = Path::new("/nowhere/logging.yaml");
    let variables = [("PRISMA_LOG_CONFIG", missing.as_os_str())];
    let error = Config::find(&Environment::new(variables)).unwrap_err();
    assert!(error.is_io() && error.to_string().contains("/nowhere/logging.yaml"), "{error}");
    assert_eq!(error.hint(), Some("PRISMA_LOG_CONFIG names this file"));
}
