//! Pools: from configuration and health to what the data plane should hold.
#![deny(clippy::disallowed_methods)]

pub mod snapshot;
