//! Ten real requests a second to each service.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::lab::{
    namespace::Namespace,
    plan::{DR_V4, DR_V6, NAT_V4, NAT_V6},
    traffic::Request,
};

const PERIOD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(3);

/// The services of the quick-start file, with a word about each.
pub(super) const SERVICES: [(IpAddr, &str); 4] = [
    (DR_V4, "mh DR"),
    (NAT_V4, "rr NAT"),
    (DR_V6, "mh DR"),
    (NAT_V6, "rr NAT"),
];

/// How the requests to one service fared.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// Answers by server.
    pub(super) served: BTreeMap<String, usize>,
    /// Requests without an answer.
    pub(super) failed: usize,
    /// Why the last request failed, if it did.
    pub(super) trouble: Option<String>,
    /// Why the last of those without an answer failed.
    pub(super) last_error: Option<String>,
    /// The longest time from one answer to the next.
    pub(super) longest_gap: Duration,
    last_answer: Option<Instant>,
}

impl Count {
    fn add(&mut self, outcome: anyhow::Result<String>) {
        match outcome {
            Ok(server) => {
                let now = Instant::now();
                let gap = self.last_answer.map(|last| now.duration_since(last));
                self.longest_gap = self.longest_gap.max(gap.unwrap_or_default());
                self.last_answer = Some(now);
                *self.served.entry(server).or_default() += 1;
                self.trouble = None;
            }
            Err(error) => {
                self.failed += 1;
                let error = error.root_cause().to_string();
                self.trouble = Some(error.clone());
                self.last_error = Some(error);
            }
        }
    }
}

/// The running requests; they end when dropped.
pub(super) struct Trickle {
    counts: Arc<Mutex<[Count; 4]>>,
    stop: Arc<AtomicBool>,
}

impl Trickle {
    pub(super) fn start(client: &Namespace) -> anyhow::Result<Self> {
        let trickle = Self {
            counts: Arc::default(),
            stop: Arc::default(),
        };
        for (place, (address, _)) in SERVICES.into_iter().enumerate() {
            let (counts, stop) = (Arc::clone(&trickle.counts), Arc::clone(&trickle.stop));
            client.thread("trickle", move || {
                let request = Request {
                    patience: PATIENCE,
                    ..Request::new(SocketAddr::new(address, 80))
                };
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let outcome = request.server_name();
                    counts.lock().unwrap_or_else(PoisonError::into_inner)[place].add(outcome);
                    thread::sleep(PERIOD.saturating_sub(start.elapsed()));
                }
                Ok(())
            })?;
        }
        Ok(trickle)
    }

    /// The figures so far, in the order of [`SERVICES`].
    pub(super) fn counts(&self) -> [Count; 4] {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
