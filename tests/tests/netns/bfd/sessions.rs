//! Sessions with each of the other ends, through all that may happen to one.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Options, probe::Capture};

use super::{
    RELEVANT,
    peers::{Kind, Peer, Rate, ours},
    wait_for, wait_for_state,
};
use crate::arena::{Arena, lb, patience};

/// Long enough for ends without real-time priority on a busy machine.
const FIRST: Rate = Rate {
    tx: 100,
    rx: 90,
    multiplier: 5,
};
/// What our end changes to, and then the other one.
const CHANGED: [Rate; 2] = [
    Rate {
        tx: 200,
        rx: 120,
        multiplier: 6,
    },
    Rate {
        tx: 150,
        rx: 110,
        multiplier: 7,
    },
];

/// Waits until the other end waits for us for as long as it should: its own interval or ours, times our multiplier.
fn wait_for_peer(arena: &Arena, peer: Peer, here: Rate, there: Rate) {
    let millis = here.tx.max(there.rx) * here.multiplier;
    let start = Instant::now();
    while !peer.waits_for(arena.director(2), millis) {
        assert!(
            start.elapsed() < patience(),
            "{peer:?} does not wait {millis} ms for us: {}\n{}",
            peer.said(arena.director(2)),
            arena.logs()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until our end goes by what both want, and has come Up so often.
fn wait_for_rates(arena: &Arena, here: Rate, there: Rate, ups: u64) {
    let tx = here.tx.max(there.rx);
    let detection = here.rx.max(there.tx) * there.multiplier;
    let what = format!("{tx} ms, {detection} ms, {ups} times up");
    let is = |value: &serde_json::Value, millis: u64| value == &serde_json::json!(millis as f64);
    wait_for(arena, &what, |session| {
        session["state"] == "Up"
            && session["polling"] == false
            && session["confirmed"] == true
            && is(&session["tx_interval_ms"], tx)
            && is(&session["detection_time_ms"], detection)
            && session["ups"] == ups
    });
}

/// Waits until the kernel takes the other end's packets in, which a meticulous proof keeps from it, and counts them for the session.
fn wait_for_kernel(arena: &Arena, is_repeated: bool) {
    let what = format!("watched by the kernel: {is_repeated}");
    let seen = wait_for(arena, &what, |session| session["watched"] == is_repeated);
    let absorbed = || {
        let status = arena.director(1).status().unwrap();
        let counter = &status["data_plane"]["counters"]["bfd_absorbed"];
        counter.as_u64().unwrap()
    };
    let (before, received) = (absorbed(), seen["received"].as_u64().unwrap());
    wait_for(arena, "ten packets more", |session| {
        session["received"].as_u64().unwrap() >= received + 10
    });
    let more = absorbed() - before;
    assert_eq!(more >= 8, is_repeated, "{more} absorbed");
}

/// All that may happen to a session.
fn live(peer: Peer, kind: Kind) {
    println!("{peer:?} {kind:?}");
    let arena = Arena::beside_others(Options { servers: false });
    let capture = Capture::start(&arena, RELEVANT).unwrap();
    let [one, two] = [1, 2].map(|number| arena.director(number));
    one.start(&lb(), ours(&arena, 1, kind, FIRST)).unwrap();
    two.start(&peer.daemon(), peer.config(&arena, kind, FIRST))
        .unwrap();
    wait_for_rates(&arena, FIRST, FIRST, 1);
    wait_for_peer(&arena, peer, FIRST, FIRST);
    let meticulous = kind
        .authentication
        .is_some_and(|(name, _)| name.starts_with("meticulous"));
    wait_for_kernel(&arena, !meticulous);

    // Either end changes what it wants, and the session stays.
    let [here, there] = CHANGED;
    one.reload(ours(&arena, 1, kind, here)).unwrap();
    wait_for_rates(&arena, here, FIRST, 1);
    wait_for_peer(&arena, peer, here, FIRST);
    peer.reconfigure(&arena, kind, there);
    wait_for_rates(&arena, here, there, 1);
    wait_for_peer(&arena, peer, here, there);

    // The child dies, and its successor goes on before the other end misses it: it never was Down, so it never came Up. But one that
    // may not say a number twice begins anew.
    one.kill9_children().unwrap();
    let ups = u64::from(meticulous);
    wait_for_rates(&arena, here, there, ups);
    wait_for_peer(&arena, peer, here, there);
    wait_for_kernel(&arena, !meticulous);

    // The other end dies, and comes back.
    two.reset().unwrap();
    wait_for_state(&arena, "Down");
    two.start(&peer.daemon(), peer.config(&arena, kind, there))
        .unwrap();
    wait_for_rates(&arena, here, there, ups + 1);

    // The wire is cut, and mended.
    two.port().cut().unwrap();
    let seen = wait_for_state(&arena, "Down");
    assert_eq!(seen["diagnostic"], "Control Detection Time Expired");
    two.port().restore().unwrap();
    wait_for_rates(&arena, here, there, ups + 2);
    wait_for_peer(&arena, peer, here, there);

    // An end that is meant is told as such, and is no surprise.
    two.stop().unwrap();
    wait_for_state(&arena, "Down");
    one.stop().unwrap();
    let report = capture.finish().unwrap();
    assert!(report.packets > 20, "{} packets", report.packets);
    assert_eq!(report.bad, Vec::<String>::new(), "{}", arena.logs());
}

#[test]
fn a_reload_takes_a_session_from_the_kernel_and_gives_it_back() {
    let arena = Arena::beside_others(Options { servers: false });
    let config = |number| ours(&arena, number, Kind::V4, FIRST);
    for number in [1, 2] {
        let director = arena.director(usize::from(number));
        director.start(&lb(), config(number)).unwrap();
    }
    wait_for_rates(&arena, FIRST, FIRST, 1);
    wait_for_kernel(&arena, true);
    let one = arena.director(1);
    let off = "global_defs {\nbfd_xdp off\n}\n".to_owned() + &config(1);
    one.reload(off).unwrap();
    wait_for_kernel(&arena, false);
    wait_for_rates(&arena, FIRST, FIRST, 1);
    one.reload(config(1)).unwrap();
    wait_for_kernel(&arena, true);
    wait_for_rates(&arena, FIRST, FIRST, 1);
    arena.director(2).port().cut().unwrap();
    let seen = wait_for_state(&arena, "Down");
    assert_eq!(seen["diagnostic"], "Control Detection Time Expired");
}

#[test]
fn sessions_with_another_lb_live() {
    live(Peer::Lb, Kind::V4.signed("meticulous_sha1"));
    live(Peer::Lb, Kind::V6.multihop());
}

#[test]
fn sessions_with_keepalived_live() {
    live(Peer::Keepalived, Kind::V4);
    live(Peer::Keepalived, Kind::V6);
}

#[test]
fn sessions_with_frr_live() {
    live(Peer::Frr, Kind::V4);
    live(Peer::Frr, Kind::V6);
}

#[test]
fn sessions_with_frr_over_several_hops_live() {
    live(Peer::Frr, Kind::V4.multihop());
    live(Peer::Frr, Kind::V6.multihop());
}

#[test]
fn sessions_with_bird_live() {
    live(Peer::Bird, Kind::V4);
    live(Peer::Bird, Kind::V6);
}

#[test]
fn sessions_with_bird_over_several_hops_live() {
    live(Peer::Bird, Kind::V4.multihop().any_hops());
    live(Peer::Bird, Kind::V6.multihop().any_hops());
}

#[test]
fn sessions_with_bird_that_are_authenticated_live() {
    for kind in ["simple", "md5", "meticulous_md5", "sha1", "meticulous_sha1"] {
        live(Peer::Bird, Kind::V4.signed(kind));
    }
}

#[test]
fn an_end_with_another_key_stays_down() {
    let arena = Arena::beside_others(Options { servers: false });
    let [one, two] = [1, 2].map(|number| arena.director(number));
    one.start(&lb(), ours(&arena, 1, Kind::V4.signed("sha1"), FIRST))
        .unwrap();
    two.start(
        &Peer::Bird.daemon(),
        Peer::Bird.config(&arena, Kind::V4.signed("md5"), FIRST),
    )
    .unwrap();
    let seen = wait_for(&arena, "its packets are refused", |session| {
        session["refused"]["authentication_type"].as_u64() > Some(2)
    });
    assert_eq!((&seen["state"], &seen["ups"]), (&"Down".into(), &0.into()));
}

#[test]
fn without_bfd_nothing_is_said() {
    let arena = Arena::beside_others(Options { servers: false });
    arena
        .director(1)
        .start_with(&lb(), ours(&arena, 1, Kind::V4, FIRST), &["-B"])
        .unwrap();
    arena.wait_for_status(1, "it runs", |status| status["pid"].is_u64());
    assert_eq!(arena.director(1).children(), []);
}
