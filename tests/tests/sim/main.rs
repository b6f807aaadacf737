//! Simulation: whole LANs of routers on a virtual clock.

mod population;
mod seeds;
mod stories;
