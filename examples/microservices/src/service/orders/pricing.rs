//! Prices and weights, on rayon's threads.

use prisma_log::Tracer;
use prisma_log::{Logger, info};
use rayon::prelude::*;

use crate::order::{Line, OrderId};
use crate::service::orders::freight;

/// What an order comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub(crate) cents: u64,
    pub(crate) grams: u64,
}

pub(crate) fn totals(log: &Logger, tracer: &Tracer, id: &OrderId, lines: &[Line]) -> Totals {
    // Both sides in the context of now, whichever thread takes which.
    let (cents, grams) = prisma_log::rayon::join(
        || {
            let span = tracer.span("price lines").attribute("order", id.as_str()).start();
            // A parallel iterator's threads are in other contexts, or in none, or have just left off
            // another request: the context is entered for each item.
            let context = span.context();
            let priced = lines.par_iter().map(|line| context.run(|| price(log, id, line)));
            priced.sum()
        },
        || {
            let span = tracer.span("weigh lines").attribute("order", id.as_str()).start();
            span.run(|| freight::weigh(id, lines))
        },
    );
    Totals { cents, grams }
}

fn price(log: &Logger, id: &OrderId, line: &Line) -> u64 {
    // By the article's name, so that it is the same every day.
    let each = line.sku.bytes().fold(99, |cents, byte| (cents * 31 + u64::from(byte)) % 10_007);
    let cents = each * u64::from(line.pieces);
    info!(log, "line priced"; "order" => %id, "sku" => &line.sku, "cents" => cents);
    cents
}
