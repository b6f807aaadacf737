//! VRRP: instances, elections, and what must be true of the kernel because of them.
#![deny(clippy::disallowed_methods)]

pub mod advert;
pub mod output;
pub mod snapshot;
/// Placeholder until the machine lands.
#[derive(Debug)]
pub struct Router;
