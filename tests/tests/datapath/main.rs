//! Packets through the real programs: packet in, verdict and packet out. Needs root.

mod fence;
mod flows;
mod forward;
mod heartbeat;
mod load;
mod pass;
mod pinned;
mod reply;
mod ring_change;
mod scene;
