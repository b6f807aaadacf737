//! What observers see of a session: plain data.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::packet::State;

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSnapshot {
    /// Name of the `bfd_instance`.
    pub name: String,
    /// The other end.
    pub neighbor: IpAddr,
    /// This end, where it is configured.
    pub source: Option<IpAddr>,
    /// RFC 5883 instead of RFC 5881.
    pub multihop: bool,
    /// The state.
    pub state: State,
    /// Seconds since it has that state.
    pub since: f64,
    /// False while it is Up only because an earlier child had it so.
    pub confirmed: bool,
    /// Why it left Up last.
    pub diagnostic: String,
    /// The other end's state, as last heard.
    pub remote_state: State,
    /// Its diagnostic.
    pub remote_diagnostic: String,
    /// Our name for the session on the wire.
    pub discriminator: u32,
    /// The other end's; 0 while it is not known.
    pub remote_discriminator: u32,
    /// Milliseconds between two packets to the other end, before jitter.
    pub tx_interval_ms: f64,
    /// The same from the other end.
    pub rx_interval_ms: f64,
    /// Milliseconds of silence that end the session; `None` before anything is heard.
    pub detection_time_ms: Option<f64>,
    /// The kernel takes packets in that say nothing new, and sees silence.
    pub watched: bool,
    /// A poll sequence is under way.
    pub polling: bool,
    /// Packets carry a proof.
    pub authentication: bool,
    /// How often it came Up.
    pub ups: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets that counted.
    pub received: u64,
    /// Packets that did not, by reason.
    pub refused: BTreeMap<String, u64>,
}
