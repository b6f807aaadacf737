//! The VRRP machine, sentence by sentence.

mod addresses;
mod bench;
mod elections;
mod guards;
mod objects;
mod operations;
mod reloads;
mod sources;
