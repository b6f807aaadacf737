//! What a packet of the `dataplane` benchmark carries for the wrapper program around `lb_xdp`.

use bytemuck::{Pod, Zeroable};

use crate::{service::ServiceKey, shape};

/// Length of [`Script::headers`] in words: Ethernet, IPv6 and TCP fit.
pub const WORDS: usize = 10;

/// Lies at [`Script::OFFSET`] of the frame, behind the headers. 96 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Script {
    /// Counts the rounds.
    pub round: u32,
    /// The flow of a round is `round & flow_mask`: up to 31 bits, of which 15 say which source port from [`FIRST_PORT`] on and the
    /// rest are the end of the source address.
    pub flow_mask: u32,
    /// Non-zero for IPv4.
    pub is_v4: u32,
    /// Zero.
    pub pad: u32,
    /// The first bytes of the frame as they are before each round.
    pub headers: [u64; WORDS],
}

impl Script {
    /// Where in the frame the script lies.
    pub const OFFSET: usize = 80;
}

/// The lowest source port: nobody talks from port 0.
pub const FIRST_PORT: u16 = 1 << 15;

/// The key in `services` that the yardstick looks up.
pub const YARDSTICK: ServiceKey = ServiceKey {
    address: [0xff; 16],
    port: [0xff; 2],
    protocol: 0xff,
    pad: 0,
};

shape!(Script = 96);
