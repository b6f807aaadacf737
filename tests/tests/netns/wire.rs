//! Every form of adverts on the wire, both ways: with Debian's keepalived, and between two `lb` where that knows none.

use std::{
    fmt::Write as _,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Daemon, Node, Options, probe::Capture};

use crate::arena::{Arena, PATIENCE, lb};

/// Lines of an instance beside its place and priority, VRID by VRID; `PEER` is the other director.
const WITH_KEEPALIVED: &[&str] = &[
    "",
    "authentication {\nauth_type PASS\nauth_pass s3cret\n}",
    "authentication {\nauth_type AH\nauth_pass s3cret\n}",
    "version 3",
    "mcast_dst_ip 224.0.0.99",
    "unicast_ttl 7\ncheck_unicast_src\nunicast_peer {\nPEER\n}",
    "version 3\nunicast_peer {\nPEER\n}",
    "authentication {\nauth_type AH\nauth_pass s3cret\n}\nunicast_peer {\nPEER\n192.0.2.77\n}",
];

const KEY: &str = "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n";

/// What Debian's keepalived does not know.
fn newer() -> Vec<String> {
    vec![
        format!("{KEY}}}"),
        format!("version 3\n{KEY}}}"),
        format!(
            "version 3\n{KEY}anti_replay monotonic\nmode permissive\n}}\nunicast_peer {{\nPEER\n}}"
        ),
        "version 3\nv3_checksum_as_v2".to_owned(),
    ]
}

/// One instance for each form, for one of the directors.
fn config(forms: &[String], director: u8, priority: u8) -> String {
    let peer = Node::Director(3 - director).front_v4().to_string();
    let mut text = String::new();
    for (at, form) in forms.iter().enumerate() {
        let form = form.replace("PEER", &peer);
        write!(
            text,
            "vrrp_instance i{at} {{\ninterface eth0\nvirtual_router_id {}\npriority {priority}\nadvert_int 1\n{form}\n\
             virtual_ipaddress {{\n{}\n}}\n}}\n",
            at + 51,
            address(at)
        )
        .unwrap();
    }
    text
}

fn address(at: usize) -> String {
    format!("192.0.2.{}", 120 + at)
}

/// Waits until one director has the addresses of all forms and the other none.
fn wait_for_owner(arena: &Arena, forms: &[String], owner: usize) {
    let start = Instant::now();
    loop {
        let held = |director: usize| -> Vec<usize> {
            let addresses = arena.director(director).addresses().unwrap();
            let is_there =
                |at: &usize| addresses.iter().any(|held| held.starts_with(&address(*at)));
            (0..forms.len()).filter(is_there).collect()
        };
        let (here, there) = (held(owner), held(3 - owner));
        if here.len() == forms.len() && there.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "director {owner} has {here:?}, the other one {there:?} of {forms:#?}\n{}",
            arena.logs()
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// The first director is master, leaves, and comes back as backup.
fn take_over(arena: &Arena, forms: &[String], first: &Daemon, second: &Daemon) {
    arena
        .director(2)
        .start(second, config(forms, 2, 100))
        .unwrap();
    arena
        .director(1)
        .start(first, config(forms, 1, 200))
        .unwrap();
    wait_for_owner(arena, forms, 1);
    // It stays so: each believes the other.
    thread::sleep(Duration::from_secs(4));
    wait_for_owner(arena, forms, 1);
    arena.director(1).stop().unwrap();
    wait_for_owner(arena, forms, 2);
    arena
        .director(1)
        .start(first, config(forms, 1, 50))
        .unwrap();
    thread::sleep(Duration::from_secs(6));
    wait_for_owner(arena, forms, 2);
}

#[test]
fn lb_and_keepalived_believe_each_other_whatever_carries_their_adverts() {
    let forms: Vec<String> = WITH_KEEPALIVED.iter().map(ToString::to_string).collect();
    let arena = Arena::beside_others(Options { servers: false });
    // Other groups and TTLs, and trailers, are all wrong to tshark.
    let filter = "ip dst 224.0.0.18 and (ip proto 112 or ip proto 51)";
    let capture = Capture::start(&arena, filter).unwrap();
    take_over(&arena, &forms, &lb(), &Daemon::Keepalived);
    let report = capture.finish().unwrap();
    assert!(report.packets > 20, "{} packets", report.packets);
    assert_eq!(report.bad, Vec::<String>::new(), "{}", arena.logs());
}

#[test]
fn two_lb_believe_each_other_whatever_carries_their_adverts() {
    let mut forms: Vec<String> = WITH_KEEPALIVED.iter().map(ToString::to_string).collect();
    forms.extend(newer());
    let arena = Arena::beside_others(Options { servers: false });
    take_over(&arena, &forms, &lb(), &lb());
}
