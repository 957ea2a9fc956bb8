//! One service: a process of its own with its own logging.

pub(crate) mod end;
mod gateway;
mod inventory;
mod observed;
mod orders;
mod peer;
mod refusal;
mod tasks;

use std::io::Write as _;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::Error;
use crate::options::Options;
use crate::service::observed::Observed;
use crate::service::peer::Peer;
use crate::service::tasks::Tasks;

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// What customers see; calls the other two.
    Gateway,
    /// Prices orders and keeps them in a database.
    Orders,
    /// Knows what is there.
    Inventory,
}

impl Role {
    pub(crate) const ALL: [Role; 3] = [Role::Gateway, Role::Orders, Role::Inventory];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Gateway => "gateway",
            Role::Orders => "orders",
            Role::Inventory => "inventory",
        }
    }
}

/// More threads than the machine may have cores: tasks are to move between them.
const THREADS: usize = 4;

/// Serves until the standard input ends or a signal comes, then says what became of the records.
pub(crate) fn run(role: Role, options: &Options) -> Result<(), Error> {
    let observed = Observed::start(role, options)?;
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(serve(role, options, &observed))?;
    // Blocking work that nobody waits for any more logs as well.
    drop(runtime);
    println!("{}", observed.finish()?);
    Ok(())
}

async fn serve(role: Role, options: &Options, observed: &Observed) -> Result<(), Error> {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(|why| {
        format!("cannot listen on 127.0.0.1:{}: {why}; choose another --port", options.port)
    })?;
    let mut detached = None;
    let mut store = None;
    // What is not worth a record, beside the layer.
    let mut beside = Router::new().route("/livez", get(|| async { "ok" }));
    let app = match role {
        Role::Gateway => {
            let peer = |base: &str| Peer::new(base, observed);
            let (tasks, ended) = Tasks::new();
            detached = Some(ended);
            gateway::router(observed, peer(&options.orders)?, peer(&options.inventory)?, tasks)
        }
        Role::Orders => {
            let opened = orders::Store::open(&options.folder.join("orders.sqlite")).await?;
            store = Some(opened.clone());
            orders::router(observed, opened)
        }
        Role::Inventory => {
            let (app, held) = inventory::router(observed);
            beside = beside.merge(held);
            app
        }
    };
    let app = match observed.layer() {
        Some(layer) => app.layer(layer),
        None => app,
    };
    let app = app.merge(beside);
    {
        let mut stdout = std::io::stdout();
        writeln!(stdout, "http://{}", listener.local_addr()?)?;
        stdout.flush()?;
    }
    axum::serve(listener, app).with_graceful_shutdown(end::asked(true)).await?;
    if let Some(ended) = detached {
        ended.all().await;
    }
    if let Some(store) = store {
        store.close().await;
    }
    Ok(())
}
