//! Event loops: one per process.

pub mod channel;
mod links;
pub mod vrrp;
