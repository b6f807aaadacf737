//! The protocol on a virtual clock: tables of states and refusals, and two ends of a lossy wire.

mod config;
mod kernel;
mod loss;
mod proofs;
mod refusals;
mod scene;
mod transitions;
mod watch;
mod wire;
