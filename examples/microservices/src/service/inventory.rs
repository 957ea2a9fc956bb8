//! The inventory: knows what is there, and what the supplier says.

mod held;
mod packing;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use prisma_log::{InContext as _, SpanKind, Tracer};
use prisma_log::{Logger, info, warn};
use serde_json::{Value, json};

use crate::order::{Goods, Line, OrderId};
use crate::service::inventory::held::Held;
use crate::service::observed::Observed;
use crate::service::refusal::Refusal;

/// How long the supplier takes to answer.
const SUPPLIER: Duration = Duration::from_millis(40);
/// How long a reservation waits for goods that nobody knows anything of.
const PATIENCE: Duration = Duration::from_secs(60);

struct Inventory {
    log: Logger,
    tracer: Tracer,
    held: Held,
}

/// What it is there for, and beside that what tells which orders wait.
pub(crate) fn router(observed: &Observed) -> (Router, Router) {
    let log = observed.logger("shop.inventory");
    let inventory = Inventory { log, tracer: observed.tracer(), held: Held::new() };
    let inventory = Arc::new(inventory);
    let app = Router::new().route("/reservations/{order}", post(reserve));
    let beside = Router::new().route("/held/{order}", get(held));
    (app.with_state(inventory.clone()), beside.with_state(inventory))
}

async fn reserve(
    State(inventory): State<Arc<Inventory>>,
    Path(id): Path<OrderId>,
    Json(lines): Json<Vec<Line>>,
) -> Result<Json<Value>, Refusal> {
    info!(inventory.log, "goods asked for"; "order" => %id, "lines" => lines.len());
    let lines = Arc::new(lines);
    let looked = prisma_log::tokio::spawn({
        let (inventory, id, lines) = (inventory.clone(), id.clone(), lines.clone());
        let span = inventory.tracer.span("look at shelves").attribute("order", id.as_str()).start();
        async move { inventory.look_at_shelves(&id, &lines).await }.in_span(span)
    });
    looked.await.map_err(Refusal::internal)?;

    for line in &*lines {
        match Goods::of_sku(&line.sku) {
            Some(Goods::Stocked) => {}
            Some(Goods::Imported) => inventory.ask_supplier(&id, line).await,
            Some(Goods::Awaited) => inventory.wait(&id, line).await?,
            Some(Goods::Unpriced) => panic!("{id}: article {} has no price", line.sku),
            Some(Goods::SoldOut) => {
                warn!(inventory.log, "sold out"; "order" => %id, "sku" => &line.sku);
                let why = format!("article {} is sold out", line.sku);
                return Err(Refusal::new(StatusCode::CONFLICT, why));
            }
            None => {
                let why = format!("there is no article `{}`", line.sku);
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why));
            }
        }
    }
    let pieces = book(&id, &lines);
    Ok(Json(json!({ "order": id, "pieces": pieces })))
}

/// Returns when the order waits for goods, so that a caller can know when to lose patience.
async fn held(State(inventory): State<Arc<Inventory>>, Path(id): Path<OrderId>) {
    inventory.held.wait_for(&id).await;
}

impl Inventory {
    async fn look_at_shelves(&self, id: &OrderId, lines: &[Line]) {
        for line in lines {
            // Whoever is next on this thread is another request, and this one may go on elsewhere.
            tokio::task::yield_now().await;
            info!(self.log, "shelf looked at"; "order" => %id, "sku" => &line.sku);
        }
    }

    async fn ask_supplier(&self, id: &OrderId, line: &Line) {
        let span = self.tracer.span("ask supplier").kind(SpanKind::Client);
        let span = span.attribute("order", id.as_str()).attribute("sku", &*line.sku).start();
        async {
            tokio::time::sleep(SUPPLIER).await;
            span.event("answered", &[("pieces", line.pieces.into())]);
            info!(self.log, "supplier has it"; "order" => %id, "sku" => &line.sku);
        }
        .in_context(span.context().clone())
        .await;
        span.succeed();
    }

    async fn wait(&self, id: &OrderId, line: &Line) -> Result<(), Refusal> {
        info!(self.log, "waiting for goods"; "order" => %id, "sku" => &line.sku);
        let _waiting = self.held.begin(&self.log, id);
        tokio::time::sleep(PATIENCE).await;
        let why = format!("nobody knows when article {} comes", line.sku);
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why))
    }
}

#[tracing::instrument(name = "book goods", skip_all, fields(order = %id, lines = lines.len()))]
fn book(id: &OrderId, lines: &[Line]) -> u64 {
    let pieces = lines.iter().map(|line| u64::from(line.pieces)).sum::<u64>();
    tracing::info!(order = %id, pieces, "goods booked");
    packing::pack(id, pieces);
    pieces
}
