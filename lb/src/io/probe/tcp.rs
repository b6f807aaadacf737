//! `TCP_CHECK`: a connection that completes in time.

use std::{io, net::SocketAddr, time::Duration};

use nix::errno::Errno;
use tokio::net::TcpStream;

use super::Slots;
use crate::checker::ProbeError;

/// Connects to `target` and closes again. The time limit starts when the connection attempt does, not while
/// it waits for its slot.
///
/// # Errors
/// When the connection does not complete within `timeout`.
pub async fn connect(
    slots: Slots,
    target: SocketAddr,
    timeout: Duration,
) -> Result<(), ProbeError> {
    // The semaphore is never closed; without a permit the probe would only be unbounded.
    let _slot = slots.0.acquire().await.ok();
    match tokio::time::timeout(timeout, TcpStream::connect(target)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(ProbeError::Refused(words(&error))),
        Err(_) => Err(ProbeError::Timeout),
    }
}

fn words(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |code| Errno::from_raw(code).desc().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_listener_is_up_and_a_closed_port_says_why_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(connect(Slots::default(), target, second).await, Ok(()));
        drop(listener);
        let refused = Err(ProbeError::Refused("Connection refused".to_owned()));
        assert_eq!(connect(Slots::default(), target, second).await, refused);
    }
}
