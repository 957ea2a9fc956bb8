//! The records that most rows log.

use prisma_log::info;

use crate::ours::Logger;

/// An ordinary record with its identity: run, thread and number.
pub(crate) fn record(log: &Logger, run: u64, thread: u64, n: u64) {
    info!(log, "order processed"; "r" => run, "t" => thread, "n" => n, "amount" => 99.9,
        "currency" => "EUR");
}

/// A number of the length that a bench would use for a random one, from a seed; splitmix64.
pub(crate) fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
