//! Keepalive with real processes. Needs root: processes run as other users, in control groups of their own.
//!
//! `LB_KEEPALIVE_CHAOS` is how many seconds the chaos lasts (4), `LB_KEEPALIVE_SERVICES` how many services it is among (40).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where what it needs is missing, and prints what it measured"
)]

mod chaos;
mod oddities;
mod surroundings;
mod takeover;
mod tour;
