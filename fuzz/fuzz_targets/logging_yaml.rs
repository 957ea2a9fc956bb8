//! Whatever a configuration file holds, it is read or refused at a place, without a panic.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prisma_log_config::{Config, Environment, check, rules};

/// One file per process: libFuzzer's workers run at the same time.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("prisma-log-fuzz-{}.yaml", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).expect("the temporary folder is writable");
    let environment = Environment::new([("PRISMA_ENV", "production")]);
    match Config::load(&FILE, &environment) {
        Ok(config) => config.entries().iter().for_each(|entry| drop(entry.to_string())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for error in check(&FILE, &environment).into_iter().chain(rules::check(&FILE)) {
        assert!(error.place().is_some() || error.is_io(), "no place: {error}");
    }
});
