//! What is said to a real server and what its answers mean: bytes in, bytes out, a verdict at the end. Time, sockets and TLS are the
//! caller's.

pub mod dns;
pub mod echo;
pub mod grpc;
pub mod http;
pub mod pattern;
pub mod smtp;
pub mod udp;

#[cfg(test)]
mod tests;

use ::http::HeaderMap;

use super::{ProbeError, ProbeResult};

/// How far a dialogue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It wants more bytes.
    Wait,
    /// It wants these sent, and more bytes.
    Send(Vec<u8>),
    /// It is over.
    Done(ProbeResult),
}

/// A dialogue over a stream.
pub trait Dialogue {
    /// What is said first, if we are to speak first.
    fn start(&mut self) -> Vec<u8>;

    /// Takes bytes in; a peer that sends without end is told no more than what fits in bounded memory.
    fn handle_bytes(&mut self, bytes: &[u8]) -> Progress;

    /// The peer has closed: the verdict. `is_clean` is false where TLS ended without close_notify.
    fn handle_end(&mut self, is_clean: bool) -> ProbeResult;
}

/// A request and its answer over HTTP/2, whose frames a library takes apart.
pub trait Exchange {
    /// Takes the head of the answer in.
    ///
    /// # Errors
    /// When that is verdict enough.
    fn handle_head(&mut self, status: u16, headers: &HeaderMap) -> Result<(), ProbeError>;

    /// Takes bytes of its body in; nothing, or what is bounded, is kept of them.
    ///
    /// # Errors
    /// When that is verdict enough.
    fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), ProbeError>;

    /// The answer is over, with headers behind its body or without: the verdict.
    fn handle_end(&mut self, trailers: Option<&HeaderMap>) -> ProbeResult;
}
