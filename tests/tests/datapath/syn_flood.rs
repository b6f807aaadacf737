//! Connections that nobody completes, beside some that live.

use lb_common::{
    counter::Counter,
    flow::{FLOWS_PER_BUCKET4, FLOWS_PER_BUCKET6},
};
use tests::{
    packet::{ACK, SYN},
    prog::{Plane, TX},
};

use crate::scene::{Scene, all, dest_of};

/// Flows of the flood, from which each is a client of its own; `LB_FLOOD` for more, in tables of the daemon's size.
const FLOOD: u32 = 30_000;
/// Live connections beside it.
const LIVE: u16 = 60;
/// With `LB_FLOOD`.
const MANY_LIVE: u16 = 1000;
/// Flows the daemon has room for by default.
const ROOM: u32 = 1 << 20;

fn tcp() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.protocol == 6)
}

fn asked() -> Option<u32> {
    let text = std::env::var("LB_FLOOD").ok()?;
    Some(text.parse().expect("LB_FLOOD"))
}

/// The SYN of one of the flood.
fn syn(frame: &mut [u8], number: u32) {
    let [a, b, c, d] = number.to_be_bytes();
    let (address, port) = if frame[12] == 8 { (28, 34) } else { (36, 54) };
    frame[address..address + 2].copy_from_slice(&[a | 0x40, b]);
    frame[port..port + 2].copy_from_slice(&[c, d]);
}

#[test]
fn connections_outlive_a_flood_of_others_that_nobody_completes() {
    for scene in tcp() {
        let (mut plane, flood, live) = match asked() {
            Some(flood) => (scene.on(Plane::with_flows(ROOM)), flood, MANY_LIVE),
            None => (scene.plane(), FLOOD, LIVE),
        };
        let mut homes = Vec::new();
        for number in 0..live {
            let opened = plane.xdp(&scene.packet(number, SYN).bytes());
            let _ = plane.xdp(&scene.packet(number, ACK).bytes());
            homes.push(dest_of(&opened.packet));
        }
        let mut frame = scene.packet(0, SYN).bytes();
        for number in 0..flood {
            syn(&mut frame, number);
            assert_eq!(plane.xdp(&frame).verdict, TX, "{scene:?} {number}");
        }
        for (number, home) in (0..live).zip(homes) {
            let answer = plane.xdp(&scene.packet(number, ACK).bytes());
            assert_eq!(answer.verdict, TX, "{scene:?}: {number} is lost");
            assert_eq!(dest_of(&answer.packet), home, "{scene:?}: {number} moved");
        }
        let created = plane.counter(Counter::FlowCreated);
        let room = match (asked(), scene.family) {
            (Some(_), _) => u64::from(ROOM),
            (None, 4) => u64::from(FLOWS_PER_BUCKET4) << 10,
            (None, _) => u64::from(FLOWS_PER_BUCKET6) << 10,
        };
        let is_full = plane.counter(Counter::FlowEvicted) > created.saturating_sub(2 * room);
        assert!(
            created == 0 || is_full,
            "{scene:?}: the flood fills the table"
        );
    }
}
