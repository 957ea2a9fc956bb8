//! The files under `config/`, and what is built in.

use std::path::{Path, PathBuf};

use prisma_log_config::{Config, Environment};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name)
}

const PROFILES: [&str; 4] = ["development", "staging", "production", "canary"];

#[test]
fn the_shipped_logging_file_has_no_mistake() {
    let errors = prisma_log_config::check(&shipped("logging.yaml"), &Environment::default());
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn every_folder_entry_is_tested_here() {
    let mut names: Vec<String> = std::fs::read_dir(shipped("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["alerts.yaml", "logging.yaml", "rules"]);
}

#[cfg(all(feature = "console", feature = "file"))]
#[test]
fn every_shipped_profile_is_built_and_takes_a_record() {
    use prisma_log_core::{Fields, Level, Record, Timestamp};

    for profile in PROFILES {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/app.log");
        let probe =
            Config::load(&shipped("logging.yaml"), &Environment::default().profile(profile))
                .unwrap();
        let has_file = probe.sinks().iter().any(|sink| sink.name == "file");
        let redirected = [("PRISMA_LOG__SINKS__FILE__PATH", path.as_os_str())];
        let variables = redirected.into_iter().filter(|_| has_file);
        let environment = Environment::new(variables).profile(profile);
        let config = Config::load(&shipped("logging.yaml"), &environment).unwrap();
        let sinks = config.build_sinks().unwrap();
        assert_eq!(sinks.len(), config.sinks().len());
        let fields = Fields::default();
        let mut record =
            Record::new(Timestamp::UNIX_EPOCH, Level::Critical, "shop", "from every profile");
        record.fields = fields.as_ref();
        for mut sink in sinks {
            assert!(sink.filter.passes("shop", Level::Critical));
            if sink.name == "file" {
                sink.sink.write(&[record]).unwrap();
                sink.sink.flush().unwrap();
            }
        }
        if has_file {
            let written = std::fs::read_to_string(&path).unwrap();
            assert!(written.contains("\"message\":\"from every profile\""), "{written}");
        }
    }
}

/// What is in force, without where it comes from and without the service's name, which the shipped
/// file has as an example.
fn effective(config: &Config) -> Vec<(String, String)> {
    let entries = config.entries().iter().filter(|entry| !entry.path.starts_with("service."));
    entries.map(|entry| (entry.path.clone(), entry.value.clone())).collect()
}

#[test]
fn the_built_in_profiles_are_the_shipped_ones() {
    for profile in &PROFILES[..3] {
        let environment = Environment::default().profile(*profile);
        let built_in = Config::builtin(&environment).unwrap();
        let file = Config::load(&shipped("logging.yaml"), &environment).unwrap();
        assert_eq!(effective(&built_in), effective(&file), "{profile}");
    }
    let config = Config::builtin(&Environment::default()).unwrap();
    assert_eq!((config.profile(), config.file()), ("development", None));
    assert_eq!(config.service().name, None);
    let error = Config::builtin(&Environment::new([("PRISMA_ENV", "canary")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "$PRISMA_ENV: there is no profile `canary` \
         (profiles: `development`, `staging`, `production`)"
    );
}

#[test]
fn the_profiles_are_what_the_guide_says() {
    let check = |profile: &str, expect: &[&str]| {
        let config = Config::builtin(&Environment::default().profile(profile)).unwrap();
        let shown: Vec<String> = config
            .entries()
            .iter()
            .map(|entry| format!("{}={}", entry.path, entry.value))
            .collect();
        for expect in expect {
            assert!(shown.iter().any(|shown| shown == expect), "{profile}: {expect}: {shown:?}");
        }
    };
    check("development", &["level=debug", "sinks.console.format=text", "sinks.file.format=json"]);
    check("staging", &["level=info", "sinks.console.stream=stdout", "sinks.console.format=json"]);
    check("production", &["level=warning", "sinks.file.path=/var/log/prisma/app.log"]);
}

#[cfg(feature = "monitor")]
#[test]
fn the_shipped_rules_are_the_default_rules() {
    let errors = prisma_log_config::rules::check(&shipped("alerts.yaml"));
    assert!(errors.is_empty(), "{errors:?}");
    let shipped = prisma_log_config::rules::load(&shipped("alerts.yaml")).unwrap();
    let default = prisma_log_monitor::default_rules();
    let names = |rules: &[prisma_log_monitor::Rule]| -> Vec<String> {
        rules.iter().map(|rule| rule.name().to_owned()).collect()
    };
    assert_eq!(names(&shipped), names(&default));
    for (shipped, default) in shipped.iter().zip(&default) {
        assert_eq!(shipped, default);
    }
}
