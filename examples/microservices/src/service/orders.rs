//! Orders: knows customers, prices orders, keeps them in a database.

mod freight;
mod pricing;
mod store;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use prisma_log::Tracer;
use prisma_log::{Logger, info};
use serde_json::{Value, json};

use crate::order::{Order, OrderId};
use crate::service::observed::Observed;
use crate::service::refusal::Refusal;

pub(crate) use store::Store;

struct Orders {
    log: Logger,
    tracer: Tracer,
    store: Store,
}

pub(crate) fn router(observed: &Observed, store: Store) -> Router {
    let log = observed.logger("shop.orders");
    let orders = Orders { log, tracer: observed.tracer(), store };
    Router::new()
        .route("/orders/{order}", put(write))
        .route("/orders/{order}/customer/{customer}", get(customer))
        .with_state(Arc::new(orders))
}

async fn customer(
    State(orders): State<Arc<Orders>>,
    Path((id, customer)): Path<(OrderId, String)>,
) -> Result<Json<Value>, Refusal> {
    info!(orders.log, "customer asked for"; "order" => %id, "customer" => &customer);
    let name = orders.store.customer(&id, &customer).await.map_err(Refusal::internal)?;
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, format!("no customer `{customer}`"));
    Ok(Json(json!({ "name": name.ok_or_else(unknown)? })))
}

async fn write(
    State(orders): State<Arc<Orders>>,
    Path(id): Path<OrderId>,
    Json(order): Json<Order>,
) -> Result<Json<Value>, Refusal> {
    info!(orders.log, "order to be priced"; "order" => %id, "lines" => order.lines.len());
    let order = Arc::new(order);
    let totals = prisma_log::tokio::spawn_blocking({
        let (orders, id, order) = (orders.clone(), id.clone(), order.clone());
        move || pricing::totals(&orders.log, &orders.tracer, &id, &order.lines)
    });
    let totals = totals.await.map_err(Refusal::internal)?;
    orders.store.write(&id, &order, totals.cents).await.map_err(Refusal::internal)?;
    info!(orders.log, "order written"; "order" => %id, "cents" => totals.cents);
    Ok(Json(json!({ "order": id, "cents": totals.cents, "grams": totals.grams })))
}
