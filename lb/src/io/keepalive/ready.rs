//! Asking processes whether they are ready.

use std::{convert::Infallible, time::Duration};

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::launch::owner;
use crate::{
    io::script::{self, Identity, Script},
    keepalive::registration::{Readiness, Registration},
};

/// Time between two questions, and the longest for an answer of a port.
const INTERVAL: Duration = Duration::from_millis(500);

/// Returns when the process is ready; never for one that says so itself.
pub async fn wait(registration: &Registration) {
    match &registration.readiness {
        Readiness::None => {}
        Readiness::Notify => match std::future::pending::<Infallible>().await {},
        Readiness::Tcp(address) => {
            while !matches!(
                timeout(INTERVAL, TcpStream::connect(address)).await,
                Ok(Ok(_))
            ) {
                sleep(INTERVAL).await;
            }
        }
        Readiness::Command(words) => {
            let identity = owner(registration).and_then(|owner| Identity::of(&owner).ok());
            let command = Script {
                words: words.clone(),
                identity,
                environment: Vec::new(),
                timeout: registration.ready_timeout,
            };
            while !script::run(&command).await.is_success() {
                sleep(INTERVAL).await;
            }
        }
    }
}
