//! Whatever a file of alert rules holds, it is read or refused at a place, without a panic; what is
//! read can be asked about a line.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prisma_log_config::rules::{AlertConfig, check};
use prisma_log_tail::LineParser;

/// One file per process: libFuzzer's workers run at the same time.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("prisma-log-fuzz-rules-{}.yaml", std::process::id()))
});

const LINE: &[u8] = br#"{"level":"ERROR","logger":"shop.db","message":"refused","ms":31}"#;

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).expect("the temporary folder is writable");
    let errors = check(&FILE);
    for error in &errors {
        assert!(error.place().is_some() || error.is_io(), "no place: {error}");
    }
    let Ok(config) = AlertConfig::load(&FILE) else {
        assert!(!errors.is_empty(), "refused without a reason");
        return;
    };
    assert!(errors.is_empty(), "read in spite of {errors:?}");
    config.warnings().iter().for_each(|warning| assert!(warning.place().is_some()));
    let line = LineParser::new().parse(LINE);
    for rule in config.rules() {
        assert!(!rule.kind().to_string().is_empty());
        let explanation = rule.explain(&line, LINE, Path::new("app.log"));
        assert_eq!(explanation.matched, explanation.condition.culprit().is_none());
    }
});
