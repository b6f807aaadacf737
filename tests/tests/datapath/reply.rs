//! Replies of real servers behind NAT.
//!
//! The test interface has no route to the clients, so what is rewritten passes on to the kernel; that replies
//! leave on their own where there is a route is shown on real interfaces in `pinned`.

use lb_common::{
    counter::Counter,
    dest::FORWARD_NAT,
    gate::{GATE_FENCED, GATE_PASS},
};
use tests::{
    packet::{ACK, Packet, SYN},
    prog::{DROP, PASS},
};

use crate::scene::{DESTS, GATE, Scene, all, dest_of};

fn nat() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.method == FORWARD_NAT)
}

#[test]
fn a_reply_gets_its_virtual_source_again() {
    for scene in nat() {
        let mut plane = scene.plane();
        for number in 0..200 {
            let answer = plane.xdp(&scene.packet(number, SYN).bytes());
            let id = dest_of(&answer.packet);
            let reply = scene.reply(number, id, SYN | ACK);
            let answer = plane.xdp(&reply.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?}");
            assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
        }
        assert_eq!(plane.counter(Counter::Replied), 200, "{scene:?}");
    }
}

#[test]
fn without_the_flow_it_is_not_a_reply() {
    for scene in nat() {
        let mut plane = scene.plane();
        let id = dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet);
        let other = DESTS.into_iter().find(|other| *other != id).unwrap();
        let cases = [
            ("another client", scene.reply(2, id, ACK)),
            ("another real server", scene.reply(1, other, ACK)),
            (
                "another port",
                Packet {
                    source_port: 9999,
                    ..scene.reply(1, id, ACK)
                },
            ),
        ];
        for (what, packet) in cases {
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?}: {what}");
            assert_eq!(answer.packet, packet.bytes(), "{scene:?}: {what}");
        }
        assert_eq!(plane.counter(Counter::Replied), 0, "{scene:?}");
    }
}

#[test]
fn the_gate_of_the_front_holds_for_replies() {
    for scene in nat() {
        for (state, verdict) in [(GATE_FENCED, DROP), (GATE_PASS, PASS)] {
            let mut plane = scene.plane();
            let id = dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet);
            plane.set_gate(GATE, state);
            let reply = scene.reply(1, id, ACK).bytes();
            let answer = plane.xdp(&reply);
            assert_eq!(
                (answer.verdict, answer.packet),
                (verdict, reply),
                "{scene:?}"
            );
        }
    }
}
