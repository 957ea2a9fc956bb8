//! A real server and real connections.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get as on_get;
use prisma_log_tower::ServerStats;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Seen, line};

async fn serve(seen: &Seen) -> (SocketAddr, ServerStats) {
    let layer = seen
        .layer()
        .peer(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0));
    let stats = layer.stats();
    let app = Router::new()
        .route("/orders/{id}", on_get(async || "hello"))
        .route("/hang", on_get(std::future::pending::<()>))
        .route(
            "/panic",
            on_get(async || {
                if true {
                    panic!("as asked")
                }
            }),
        )
        .layer(layer)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, stats)
}

async fn send(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it never came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_s_request_panic_and_disconnect() {
    let seen = Seen::new();
    let (address, stats) = serve(&seen).await;
    let keys = ["url.path", "server.address", "client.address", "error.type"];

    let mut answer = String::new();
    send(address, "/orders/7").await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    let expected = "GET /orders/{id} | INFO | unset | /orders/7 | shop | 127.0.0.1 | -";
    assert_eq!(line(&seen.only(), &keys), expected);

    let mut answer = Vec::new();
    // The connection ends without an answer.
    let _ = send(address, "/panic").await.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    until(|| seen.records.len() == 1).await;
    let expected = "GET /panic | ERROR | error panicked | /panic | shop | 127.0.0.1 | panic";
    assert_eq!(line(&seen.only(), &keys), expected);

    let stream = send(address, "/hang").await;
    until(|| stats.in_flight() == 1).await;
    assert!(seen.records.is_empty());
    drop(stream);
    until(|| seen.records.len() == 1).await;
    let expected = "GET /hang | WARNING | error cancelled | /hang | shop | 127.0.0.1 | cancelled";
    assert_eq!(line(&seen.only(), &keys), expected);

    let counts = (stats.responses(2), stats.panics(), stats.cancelled(), stats.in_flight());
    assert_eq!(counts, (1, 1, 1, 0));
}
