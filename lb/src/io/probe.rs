//! Probes: checks carried over real sockets.

pub mod tcp;

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Probes under way at the same time; the rest wait, so that ten thousand real servers do not need as many file
/// descriptors.
const CONCURRENT: usize = 512;

/// The right to run probes, shared by all of them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Semaphore>);

impl Default for Slots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONCURRENT)))
    }
}
