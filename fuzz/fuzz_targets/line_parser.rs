//! Whatever a log file holds, its lines are read back without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prisma_log_core::Timestamp;
use prisma_log_tail::LineParser;

fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_unix_seconds(1_795_507_200);
    let parser = LineParser::builder().time_zone("Europe/Berlin").now(now).build();
    let mut parser = parser.expect("the time zone exists");
    for line in data.split(|&byte| byte == b'\n') {
        let read = parser.parse(line);
        // What is given back is whole: keys and values can be walked and shown.
        for (key, value) in read.fields.iter() {
            assert!(!format!("{key}={value}").is_empty());
        }
    }
});
