//! The gateway: takes orders in, has goods reserved and the order written.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::put;
use axum::{Json, Router};
use prisma_log::Tracer;
use prisma_log::{Logger, info, warn};
use serde_json::Value;

use crate::order::{Goods, Order, OrderId};
use crate::service::observed::Observed;
use crate::service::peer::Peer;
use crate::service::refusal::Refusal;
use crate::service::tasks::Tasks;

/// Most lines of an order.
const MAX_LINES: usize = 100;

struct Gateway {
    log: Logger,
    tracer: Tracer,
    orders: Peer,
    inventory: Peer,
    tasks: Tasks,
}

pub(crate) fn router(observed: &Observed, orders: Peer, inventory: Peer, tasks: Tasks) -> Router {
    let log = observed.logger("shop.gateway");
    let gateway = Gateway { log, tracer: observed.tracer(), orders, inventory, tasks };
    Router::new().route("/orders/{order}", put(place)).with_state(Arc::new(gateway))
}

async fn place(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<OrderId>,
    Json(order): Json<Order>,
) -> Result<Json<Value>, Refusal> {
    info!(gateway.log, "order received"; "order" => %id, "customer" => &order.customer,
        "lines" => order.lines.len());
    let order = Arc::new(order);

    // On a thread for work that blocks, in the request's context.
    let checked = prisma_log::tokio::spawn_blocking({
        let (gateway, id, order) = (gateway.clone(), id.clone(), order.clone());
        move || gateway.check(&id, &order)
    });
    checked.await.map_err(Refusal::internal)??;

    // A task of its own, on whichever thread, in the request's context; it goes on when the caller
    // goes away. The reservation does not: it ends with this handler.
    let customer = gateway.tasks.spawn({
        let (gateway, id, customer) = (gateway.clone(), id.clone(), order.customer.clone());
        async move { gateway.customer(&id, &customer).await }
    });
    let reserved = gateway.reserve(&id, &order).await;
    customer.await.map_err(Refusal::internal)??;
    reserved?;

    let receipt: Value = gateway
        .orders
        .call(Method::PUT, "/orders/{order}", &format!("/orders/{id}"), Some(&*order))
        .await?;
    info!(gateway.log, "order placed"; "order" => %id, "cents" => receipt["cents"].as_u64());
    Ok(Json(receipt))
}

impl Gateway {
    fn check(&self, id: &OrderId, order: &Order) -> Result<(), Refusal> {
        let span = self.tracer.span("check order").attribute("order", id.as_str()).start();
        let _scope = span.enter();
        let unknown = order.lines.iter().find(|line| Goods::of_sku(&line.sku).is_none());
        let wrong = match unknown {
            Some(line) => Some(format!("there is no article `{}`", line.sku)),
            None if order.lines.is_empty() => Some("an order has lines".to_owned()),
            None if order.lines.len() > MAX_LINES => {
                Some(format!("an order has at most {MAX_LINES} lines"))
            }
            None => None,
        };
        if let Some(wrong) = wrong {
            span.fail(&*wrong);
            warn!(self.log, "order refused"; "order" => %id, "why" => &wrong);
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, wrong));
        }
        info!(self.log, "order checked"; "order" => %id);
        Ok(())
    }

    async fn customer(&self, id: &OrderId, customer: &str) -> Result<(), Refusal> {
        let path = format!("/orders/{id}/customer/{customer}");
        let route = "/orders/{order}/customer/{customer}";
        let known: Value = self.orders.call(Method::GET, route, &path, None::<&()>).await?;
        info!(self.log, "customer known"; "order" => %id, "name" => known["name"].as_str());
        Ok(())
    }

    async fn reserve(&self, id: &OrderId, order: &Order) -> Result<(), Refusal> {
        let path = format!("/reservations/{id}");
        let route = "/reservations/{order}";
        let reserved: Result<Value, _> =
            self.inventory.call(Method::POST, route, &path, Some(&order.lines)).await;
        match &reserved {
            Ok(_) => info!(self.log, "goods reserved"; "order" => %id),
            Err(refusal) => warn!(self.log, "goods not reserved"; "order" => %id,
                "status" => refusal.status.as_u16(), "why" => %refusal),
        }
        reserved.map(drop)
    }
}
