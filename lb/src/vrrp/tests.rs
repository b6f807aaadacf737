//! The VRRP machine, sentence by sentence.

mod addresses;
mod announcements;
pub(super) mod bench;
mod elections;
mod farewells;
mod groups;
mod guards;
mod objects;
mod operations;
mod options;
mod reloads;
mod replays;
mod sources;
mod standing;
