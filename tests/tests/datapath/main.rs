//! Packets through the real programs: packet in, verdict and packet out. Needs root.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    unreachable_pub,
    reason = "`pub` says what a module offers; nothing leaves a test"
)]

mod accept;
mod bfd;
mod clients;
mod connections;
mod every;
mod fence;
mod floods;
mod flows;
mod forward;
mod full_nat;
mod guards;
mod headers;
mod heartbeat;
mod icmp;
mod judge;
mod leaving;
mod load;
mod local;
mod matrix;
mod pass;
mod persistence;
mod pinned;
mod quic;
mod random;
mod reply;
mod ring_change;
mod scene;
mod schedulers;
mod syn_flood;
mod tunnel;
mod unicast;
mod virtual_mac;
mod wildcard;
