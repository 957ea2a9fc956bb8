//! A receiver that fails three times in ten gets every message all the same.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_monitor::Notifier as _;
use prisma_log_notify::{HttpOptions, WebhookNotifier};

use crate::receiver::{Receiver, Then};
use crate::support::{LONG, message};

const MESSAGES: u64 = 1_000;

/// A number that looks random and is the same in every run.
fn mix(mut seed: u64) -> u64 {
    seed = (seed ^ (seed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    seed = (seed ^ (seed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    seed ^ (seed >> 33)
}

#[test]
fn each_of_a_thousand_messages_comes_at_least_once() {
    let taken: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
    let faults: Arc<[AtomicU64; 6]> = Arc::default();
    let number = AtomicU64::new(0);
    let (by_key, by_fault) = (Arc::clone(&taken), Arc::clone(&faults));
    let receiver = Receiver::new(move |request, stream| {
        let dice = mix(number.fetch_add(1, Ordering::Relaxed) + 1) % 1_000;
        let fault = match dice {
            0..80 => 1,
            80..160 => 2,
            160..220 => 3,
            220..280 => 4,
            280..300 => 5,
            _ => 0,
        };
        by_fault[fault].fetch_add(1, Ordering::Relaxed);
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
        let answer = match fault {
            1 => "HTTP/1.1 500 Broken\r\ncontent-length: 3\r\n\r\noh!",
            2 => busy,
            // Reset in the middle of the answer: of unread data the kernel makes a reset.
            3 => "HTTP/1.1 20",
            4 => return Then::Close,
            5 => {
                // Hangs for longer than the notifier waits.
                thread::sleep(Duration::from_millis(1_500));
                return Then::Close;
            }
            _ => {
                let key = request.headers["idempotency-key"].clone();
                assert!(
                    request.body.contains(&format!("\"id\":{},", key.split('-').next().unwrap()))
                );
                *by_key.lock().unwrap().entry(key).or_default() += 1;
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            }
        };
        let _ = stream.write_all(answer.as_bytes());
        if fault == 3 { Then::Close } else { Then::Keep }
    });
    let options = HttpOptions::new().timeout(Duration::from_millis(1_000)).proxy_from_env(false);
    let mut notifier = WebhookNotifier::builder(&*receiver.url).http(options).build().unwrap();
    let end = Instant::now() + 4 * LONG;
    let mut tries = 0_u64;
    for id in 0..MESSAGES {
        let message = message(id);
        loop {
            tries += 1;
            let Err(error) = notifier.notify(&message) else { break };
            assert!(error.is_temporary, "{error}");
            assert!(Instant::now() < end, "too slow: {error}");
            thread::sleep(error.retry_after.unwrap_or(Duration::from_millis(1)));
        }
    }
    let taken = taken.lock().unwrap();
    assert_eq!(taken.len() as u64, MESSAGES, "messages are lost");
    let counts: Vec<u64> = faults.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    let failed: u64 = counts.iter().skip(1).sum();
    println!("{MESSAGES} messages, {tries} tries, answers by kind {counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(failed * 10 > tries * 2, "the receiver did not fail often enough: {counts:?}");
}
