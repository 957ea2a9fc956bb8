//! Contexts that follow work to other threads.

use prisma_log_context::{Context, InContext as _};

/// Which request the calling thread works for.
fn request() -> Option<String> {
    let context = Context::current()?;
    context.fields().get("request_id").map(|id| id.to_string())
}

#[cfg(feature = "tokio")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokio_tasks_stay_in_their_request() {
    use prisma_log_context::tokio::{spawn, spawn_blocking};

    let tasks = (0..200).map(|n| {
        let id = n.to_string();
        let work = async move {
            for _ in 0..20 {
                assert_eq!(request().as_deref(), Some(&*id));
                tokio::task::yield_now().await;
                let inner = spawn(async { request() });
                assert_eq!(inner.await.unwrap().as_deref(), Some(&*id));
                let inner = spawn_blocking(request);
                assert_eq!(inner.await.unwrap().as_deref(), Some(&*id));
            }
        };
        tokio::spawn(work.in_context(Context::new().request_id(n.to_string())))
    });
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(spawn(async { request() }).await.unwrap(), None);
}

#[cfg(feature = "rayon")]
#[test]
fn work_for_rayon_stays_in_its_request() {
    use prisma_log_context::rayon;

    fn tree(depth: u32, id: &str) {
        assert_eq!(request().as_deref(), Some(id));
        if depth > 0 {
            rayon::join(|| tree(depth - 1, id), || tree(depth - 1, id));
        }
    }
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                let id = n.to_string();
                Context::new().request_id(&id).run(|| tree(8, &id));
                // Without one, none: though the thread that takes it may be in one.
                rayon::join(|| assert_eq!(request(), None), || assert_eq!(request(), None));
            });
        }
    });
    let (done, seen) = std::sync::mpsc::channel();
    Context::new().request_id("r").run(|| rayon::spawn(move || done.send(request()).unwrap()));
    assert_eq!(seen.recv().unwrap().as_deref(), Some("r"));
}

#[test]
fn a_future_keeps_its_request_between_threads() {
    let mut work = Box::pin(async { request() }.in_context(Context::new().request_id("r")));
    let polled = std::thread::spawn(move || {
        let waker = std::task::Waker::noop();
        work.as_mut().poll(&mut std::task::Context::from_waker(waker))
    });
    assert_eq!(polled.join().unwrap(), std::task::Poll::Ready(Some("r".to_owned())));
}
