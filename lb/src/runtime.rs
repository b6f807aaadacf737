//! Event loops: one per process.

pub mod channel;
pub mod checker;
mod links;
mod parent;
pub mod vrrp;
