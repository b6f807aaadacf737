//! Event loops: one per process.

pub mod channel;
pub mod checker;
mod failure;
mod links;
mod parent;
pub mod vrrp;
