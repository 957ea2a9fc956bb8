//! When to end.

use std::io::Read as _;

use tokio::sync::oneshot;

/// Returns when a signal asks for the end or, if `stdin` counts, when the standard input ends: the
/// parent process holds its other side, so that a service ends with whoever started it.
pub(crate) async fn asked(stdin: bool) {
    let (send, receive) = oneshot::channel::<()>();
    if stdin {
        // Not tokio's own: its blocking read would keep the runtime from ending after a signal.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            // An error is an end, too.
            let _ = std::io::stdin().read_to_end(&mut rest);
            let _ = send.send(());
        });
        tokio::select! {
            () = signals() => {}
            _ = receive => {}
        }
    } else {
        signals().await;
    }
}

#[cfg(unix)]
async fn signals() {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut term) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signals() {
    let _ = tokio::signal::ctrl_c().await;
}
