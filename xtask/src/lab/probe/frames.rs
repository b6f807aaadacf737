//! Sends whole frames into the segment, well-formed or not.

use std::io;

use socket2::Socket;

use super::packet;
use crate::lab::namespace::Namespace;

/// No EtherType: such a socket only sends.
const NONE: u16 = 0;

/// A way out of one interface.
#[derive(Debug)]
pub struct Frames(Socket);

impl Frames {
    /// Opens the way out of `interface`.
    ///
    /// # Errors
    /// When the socket cannot be had.
    pub fn open(namespace: &Namespace, interface: &str) -> anyhow::Result<Self> {
        namespace.run(|| packet::open(interface, NONE)).map(Self)
    }

    /// Sends one frame, Ethernet header first.
    ///
    /// # Errors
    /// When the link is down, or the queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(drop)
    }
}
