//! Real daemons, real kernel, real traffic: the lab of `cargo xtask run` driven by tests. Needs root.
//!
//! Tests that measure time run alone, the others a few at a time. A missing tool or right is a failure, never a skip.
//! `LB_BINARY` names the binary under test; without it, it is looked for beside the test's own. `LB_NETNS_REPEAT` is how
//! often the failovers happen (1), `LB_NETNS_REQUESTS` how many requests are spread (10000), `LB_NETNS_EDITS` how many edits are reloaded (8), by the
//! course of things that `LB_NETNS_SEED` names.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where what it needs is missing, and prints what it measured"
)]

mod arena;
mod bfd;
mod changes;
mod checks;
mod command_line;
mod config;
mod control;
mod crash;
mod drop_in;
mod dumps;
mod failover;
mod flows;
mod full_nat;
mod handover;
mod host;
mod interop;
mod keepalive;
mod lab;
mod lasting;
mod local;
mod objects;
mod quic;
mod reach;
mod reload;
mod requests;
mod return_codes;
mod service;
mod tcp_keepalive;
mod traffic;
mod virtual_macs;
mod wire;
