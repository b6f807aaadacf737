//! Processes that stay up: what `keepalive` does about the processes registered with it.
//!
//! [`Monitor`] is a state machine without input or output of its own: it takes [requests](request), facts about processes
//! and virtual routers, and the time; it gives [effects](output) and [records](record). A daemon that starts is a takeover
//! of what the [`table`] has, even if that is nothing.
#![deny(clippy::disallowed_methods)]

pub mod backoff;
pub mod input;
mod moment;
mod monitor;
pub mod notice;
pub mod output;
mod placement;
pub mod record;
pub mod registration;
pub mod request;
pub mod table;
#[cfg(test)]
mod tests;

pub use self::{moment::Moment, monitor::Monitor};
