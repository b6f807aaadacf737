//! Simulation: whole LANs of routers on a virtual clock.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod groups;
mod population;
mod seeds;
mod stories;
