//! The database. Its functions are instrumented with `tracing`, as many services' are.

use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Row as _, raw_sql};

use crate::order::{CUSTOMERS, Order, OrderId};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL)
  STRICT;
CREATE TABLE IF NOT EXISTS lines (order_id TEXT NOT NULL, sku TEXT NOT NULL, pieces INTEGER NOT NULL,
  PRIMARY KEY (order_id, sku)) STRICT;
";

/// The database of customers and orders.
#[derive(Clone)]
pub(crate) struct Store(SqlitePool);

impl Store {
    pub(crate) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        // One connection: sqlite has one writer at a time, and waiting for it here is cheaper.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        raw_sql(SCHEMA).execute(&pool).await?;
        for number in 0..CUSTOMERS {
            let row = sqlx::query("INSERT OR REPLACE INTO customers VALUES (?, ?)");
            let row = row.bind(format!("c{number}")).bind(format!("Customer {number}"));
            row.execute(&pool).await?;
        }
        Ok(Store(pool))
    }

    /// Waits for what is under way.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    #[tracing::instrument(name = "find customer", skip_all, fields(order = %id, customer = customer), err)]
    pub(crate) async fn customer(
        &self,
        id: &OrderId,
        customer: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        let sql = for_order("SELECT name FROM customers WHERE id = ?", id);
        let row = sqlx::query(sql).persistent(false).bind(customer).fetch_optional(&self.0).await?;
        row.map(|row| row.try_get(0)).transpose()
    }

    #[tracing::instrument(
        name = "write order",
        skip_all,
        fields(order = %id, lines = order.lines.len(), cents = cents),
        err
    )]
    pub(crate) async fn write(
        &self,
        id: &OrderId,
        order: &Order,
        cents: u64,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        let sql = for_order("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", id);
        let row = sqlx::query(sql).persistent(false).bind(id.as_str()).bind(&order.customer);
        row.bind(cents as i64).execute(&mut *transaction).await?;
        let marks = vec!["(?, ?, ?)"; order.lines.len()].join(", ");
        let sql = for_order(&format!("INSERT OR REPLACE INTO lines VALUES {marks}"), id);
        let mut rows = sqlx::query(sql).persistent(false);
        for line in &order.lines {
            rows = rows.bind(id.as_str()).bind(&line.sku).bind(line.pieces);
        }
        let written = rows.execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        tracing::info!(order = %id, rows = written + 1, "order stored");
        Ok(())
    }
}

/// The statement with a comment that says, in the database's own records as well, for whom it is. An
/// id is a word and digits, so that nothing can be smuggled in by it.
fn for_order(sql: &str, id: &OrderId) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{sql} /* {id} */"))
}
