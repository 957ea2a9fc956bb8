//! What each kind of request must leave behind.

use crate::order::Goods;
use crate::service::Role::{self, Gateway, Inventory, Orders};
use crate::traffic::Request;

/// How many records of which kind, by service; a span is one of them.
pub(super) fn records(request: &Request) -> Vec<(Role, &'static str, u32)> {
    let lines = request.order.lines.len() as u32;
    let mut due = vec![
        (Gateway, "span PUT /orders/{order}", 1),
        (Gateway, "order received", 1),
        (Gateway, "span check order", 1),
        (Gateway, "order checked", 1),
        (Gateway, "span GET /orders/{order}/customer/{customer}", 1),
        (Gateway, "customer known", 1),
        (Gateway, "span POST /reservations/{order}", 1),
        (Orders, "span GET /orders/{order}/customer/{customer}", 1),
        (Orders, "customer asked for", 1),
        (Orders, "span find customer", 1),
        (Inventory, "span POST /reservations/{order}", 1),
        (Inventory, "goods asked for", 1),
        (Inventory, "span look at shelves", 1),
        (Inventory, "shelf looked at", lines),
    ];
    match request.goods {
        Goods::Stocked => {}
        Goods::Imported => {
            due.extend([(Inventory, "span ask supplier", 1), (Inventory, "supplier has it", 1)]);
        }
        Goods::SoldOut => due.push((Inventory, "sold out", 1)),
        Goods::Unpriced => due.push((Inventory, "panic", 1)),
        Goods::Awaited => {
            due.extend([(Inventory, "waiting for goods", 1), (Inventory, "waits no longer", 1)]);
        }
    }
    match request.goods {
        Goods::Stocked | Goods::Imported => due.extend([
            (Gateway, "goods reserved", 1),
            // The call, beside the request of the same name.
            (Gateway, "span PUT /orders/{order}", 1),
            (Gateway, "order placed", 1),
            (Inventory, "span book goods", 1),
            (Inventory, "goods booked", 1),
            (Inventory, "ID packed", 1),
            (Orders, "span PUT /orders/{order}", 1),
            (Orders, "order to be priced", 1),
            (Orders, "span price lines", 1),
            (Orders, "line priced", lines),
            (Orders, "span weigh lines", 1),
            (Orders, "ID weighed", 1),
            (Orders, "span write order", 1),
            (Orders, "order stored", 1),
            (Orders, "order written", 1),
            // The customer, the order, its lines.
            (Orders, "sqlx", 3),
        ]),
        Goods::SoldOut | Goods::Unpriced => {
            due.extend([(Gateway, "goods not reserved", 1), (Orders, "sqlx", 1)]);
        }
        Goods::Awaited => due.push((Orders, "sqlx", 1)),
    }
    due
}
