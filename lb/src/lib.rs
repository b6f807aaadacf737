//! The library behind the `lb` binary.
//!
//! One direction: text → [`config`] → model → core ([`vrrp`], [`bfd`], [`track`], [`checker`], [`pool`], [`mirror`], [`tcp_keepalive`]) → outputs →
//! [`runtime`] → [`io`]. Core has no clock, file descriptor, task or environment; [`observe`] reads its
//! snapshots. ARCHITECTURE.md has the map.

pub mod bfd;
pub mod checker;
pub mod cli;
pub mod command;
pub mod config;
pub mod io;
pub mod ipvs;
pub mod keepalive;
pub mod mirror;
pub mod notify;
pub mod observe;
mod outputs;
pub mod pool;
pub mod runtime;
pub mod supervisor;
pub mod tcp_keepalive;
pub mod track;
pub mod vrrp;
