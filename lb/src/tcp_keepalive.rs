//! TCP keepalive: its values and their bounds, what they come to, which connections get it, and what agrees with it.
//!
//! Nothing here touches a socket. [`crate::io::tcp_keepalive`] reads and writes what this decides about.
#![deny(clippy::disallowed_methods)]

pub mod advise;
pub mod explain;
pub mod rule;
pub mod sysctl;
#[cfg(test)]
mod tests;
pub mod values;
