//! Stands for another library that speaks to the crate `log`.

use crate::order::OrderId;

const PIECES_PER_BOX: u64 = 6;

pub(crate) fn pack(id: &OrderId, pieces: u64) {
    let boxes = pieces.div_ceil(PIECES_PER_BOX);
    log::info!(target: "packing", "{id} packed: {boxes} boxes");
}
