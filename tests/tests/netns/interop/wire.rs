//! What `lb` puts on the wire is what keepalived puts there.

use std::{thread, time::Duration};

use xtask::lab::{Daemon, Options, probe::Capture};

use crate::arena::{Arena, lb};

/// A virtual router of each family with two addresses each.
const FILE: &str = "\
global_defs {
    router_id wire
}
vrrp_instance four {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    version 3
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.100
        192.0.2.101
    }
}
vrrp_instance six {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    version 3
    advert_int 0.1
    virtual_ipaddress {
        fe80::5e:100
        2001:db8::100
    }
}
";

/// Both sets of announcements, five seconds apart.
const BOTH_SETS: Duration = Duration::from_millis(7500);

/// Fields of the packets that match, in order, from a daemon alone on director 1.
fn recorded(daemon: &Daemon, filter: &str, fields: &[&str]) -> Vec<String> {
    let arena = Arena::beside_others(Options { servers: false });
    let capture = Capture::start(&arena, "ether src 02:00:00:00:00:11").unwrap();
    arena.director(1).start(daemon, FILE).unwrap();
    arena.wait_for_master(1);
    thread::sleep(BOTH_SETS);
    arena.director(1).stop().unwrap();
    // dumpcap hands on what it has a little later.
    thread::sleep(Duration::from_millis(500));
    capture.fields(filter, fields).unwrap()
}

fn alike(filter: &str, fields: &[&str]) {
    let theirs = recorded(&Daemon::Keepalived, filter, fields);
    let ours = recorded(&lb(), filter, fields);
    assert!(!theirs.is_empty(), "keepalived sends what {filter} matches");
    assert_eq!(ours, theirs, "{filter}: ours, then keepalived's");
}

#[test]
fn gratuitous_arp_has_the_form_order_and_number_of_keepalived() {
    alike(
        "arp.isgratuitous",
        &[
            "eth.dst",
            "eth.src",
            "arp.opcode",
            "arp.src.hw_mac",
            "arp.src.proto_ipv4",
            "arp.dst.hw_mac",
            "arp.dst.proto_ipv4",
            "frame.len",
        ],
    );
}

#[test]
fn neighbour_advertisements_have_the_form_order_and_number_of_keepalived() {
    alike(
        "icmpv6.type == 136",
        &[
            "eth.dst",
            "eth.src",
            "ipv6.dst",
            "ipv6.hlim",
            "icmpv6.nd.na.target_address",
            "icmpv6.nd.na.flag",
            "icmpv6.opt.linkaddr",
        ],
    );
}

/// The first advert and the last, which resigns.
fn first_and_last(lines: Vec<String>) -> Vec<String> {
    let last = lines.last().cloned();
    lines.into_iter().take(1).chain(last).collect()
}

#[test]
fn adverts_are_those_of_keepalived_to_the_bit() {
    for family in ["ip", "ipv6"] {
        let fields = [
            "eth.dst",
            "eth.src",
            "ip.dsfield",
            "ipv6.tclass",
            "ip.ttl",
            "ipv6.hlim",
            "ip.len",
            "ipv6.plen",
            "vrrp.version",
            "vrrp.virt_rtr_id",
            "vrrp.prio",
            "vrrp.addr_count",
            "vrrp.short_adver_int",
            "vrrp.checksum",
            "vrrp.ip_addr",
            "vrrp.ipv6_addr",
        ];
        let filter = format!("vrrp && {family}");
        let theirs = first_and_last(recorded(&Daemon::Keepalived, &filter, &fields));
        let ours = first_and_last(recorded(&lb(), &filter, &fields));
        assert_eq!(theirs.len(), 2, "keepalived sends adverts over {family}");
        assert_eq!(ours, theirs, "{family}: ours, then keepalived's");
    }
}
