//! The data plane seen from userspace: loading, attaching, typed maps, timers, events.
//!
//! Everything lives below one pin directory, so it survives the death of every process: [`DataPlane`]
//! belongs to the parent, [`CheckerMaps`], [`Sweeper`], [`VrrpMaps`], [`Timers`] and [`Events`] to the children,
//! [`ReadMaps`] to whoever shows figures.

mod attach;
mod error;
mod events;
mod loader;
mod maps;
mod pins;
mod timers;
mod trial;

pub use self::{
    attach::{LOOPBACK, XdpModeInUse},
    error::XdpError,
    events::Events,
    loader::{Capabilities, DataPlane, Options, make_directory, mount_bpffs},
    maps::{CheckerMaps, FlowCounts, ReadMaps, SessionMap, VrrpMaps, gone, sessions},
    pins::Pins,
    timers::{SessionTimers, Sweeper, Swept, Timers},
    trial::{Trial, Tried},
};
