//! Scenarios on a virtual clock.

mod chaos;
mod groups;
mod lives;
mod nodes;
mod scene;
mod takeover;
