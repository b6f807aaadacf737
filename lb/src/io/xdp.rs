//! The data plane seen from userspace: loading, attaching, typed maps, timers, events.
//!
//! Everything lives below one pin directory, so it survives the death of every process. [`CheckerMaps`],
//! [`VrrpMaps`], [`Timers`] and [`Events`] belong to the children, [`ReadMaps`] to whoever shows figures.

mod error;
mod events;
mod maps;
mod pins;
mod timers;

pub use self::{
    error::XdpError,
    events::Events,
    maps::{CheckerMaps, FlowCounts, ReadMaps, VrrpMaps},
    pins::Pins,
    timers::Timers,
};
