//! What a case is set up with, at random.

use std::time::Duration;

use fastrand::Rng;

use crate::model_tests::service::Setup;
use crate::{Compression, Every, Retention, Rotation, Sync};

const ZONES: [&str; 8] = [
    "utc",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/St_Johns",
];

/// Times at which clocks or calendars do something odd, in seconds since 1970.
pub(super) const ODD_TIMES: [i64; 12] = [
    0,
    86_395,
    // 2038: the end of 32 bits.
    2_147_483_640,
    // Berlin, 2026: forward on March 29, back on October 25.
    1_774_745_990,
    1_792_890_000 - 10,
    // New York, 2026: forward on March 8, back on November 1.
    1_772_953_200 - 10,
    1_793_512_800 - 10,
    // Lord Howe, 2026: back by half an hour on April 4.
    1_775_314_800 - 10,
    // Apia: December 30, 2011 never came.
    1_325_239_200 - 10,
    // The turn of a leap year.
    1_709_164_795,
    4_102_444_795,
    1_795_507_200,
];

pub(super) fn any_sizes(random: &mut Rng) -> Vec<usize> {
    let count = match random.u8(..20) {
        0 => random.usize(20..60),
        1..8 => 1,
        _ => random.usize(1..8),
    };
    let size = |_| match random.u8(..30) {
        0 => random.usize(500..1800),
        _ => random.usize(20..200),
    };
    (0..count).map(size).collect()
}

pub(super) fn any_setup(random: &mut Rng) -> Setup {
    let mut setup = Setup::plain();
    if random.u8(..8) > 0 {
        let mut rotation = Rotation::new().zone(ZONES[random.usize(..ZONES.len())]);
        if random.u8(..4) > 0 {
            rotation = rotation.max_bytes(random.u64(1024..4096));
        }
        let every = match random.u8(..8) {
            0 => Some(Every::Hour),
            1 | 2 => Some(Every::Day),
            3 => Some(Every::Week),
            4 => {
                let texts = ["*/5 * * * *", "30 2 * * *", "0 0 1 * *", "15 14 * * 1-5"];
                let text = texts[random.usize(..texts.len())];
                Some(Every::Cron(text.parse().expect("a cron expression")))
            }
            _ => None,
        };
        if let Some(every) = every {
            rotation = rotation.every(every);
        }
        setup.rotation = Some(rotation.on_start(random.u8(..5) == 0));
    }
    let mut retention = Retention::new();
    if random.bool() {
        retention = retention.archives([0, 1, 2, 3, 5, 8][random.usize(..6)]);
    }
    if random.u8(..4) == 0 {
        retention = retention.age(Duration::from_secs(random.u64(1..200_000)));
    }
    if random.u8(..3) == 0 {
        retention = retention.total_bytes(random.u64(8192..20_000));
    }
    if random.u8(..6) == 0 {
        retention = retention.free_space(random.u64(1..10_000));
    }
    setup.retention = retention;
    setup.compression = match random.u8(..6) {
        0 if cfg!(feature = "gzip") => Compression::Gzip,
        1 if cfg!(feature = "zstd") => Compression::Zstd,
        _ => Compression::None,
    };
    setup.sync = match random.u8(..4) {
        0 => Sync::Every {
            interval: Duration::from_millis(random.u64(1..5000)),
            records: random.u64(1..50),
        },
        _ => Sync::PageCache,
    };
    setup.sync_on_flush = random.bool();
    setup.link = random.u8(..4) == 0;
    setup.when_full = (random.u8(..4) == 0).then(|| random.usize(..4));
    setup
}
