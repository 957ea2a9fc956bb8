//! Stands for a library that knows nothing of this logging: it speaks to the crate `log`.

use crate::order::{Line, OrderId};

const GRAMS_PER_PIECE: u64 = 250;
const GRAMS_PER_PARCEL: u64 = 2_000;

/// What the lines weigh together, in grams.
pub(crate) fn weigh(id: &OrderId, lines: &[Line]) -> u64 {
    let grams = lines.iter().map(|line| u64::from(line.pieces) * GRAMS_PER_PIECE).sum::<u64>();
    log::info!("{id} weighed: {grams} g, {} parcels", grams.div_ceil(GRAMS_PER_PARCEL));
    grams
}
