//! Where adverts leave from, and why they cannot.

use super::bench::{backup, ip};
use crate::{
    config::model::{
        Family, VrrpInstance,
        vrrp::{Destination, Peer, Unicast},
    },
    vrrp::{LinkState, source::choose},
};

fn unicast(peers: &[&str]) -> Destination {
    Destination::Unicast(Unicast {
        peers: peers.iter().map(|peer| Peer::new(ip(peer))).collect(),
        ..Unicast::default()
    })
}

#[test]
fn the_configured_source_counts_then_that_of_the_interface() {
    let up = LinkState {
        up: true,
        v4: Some([10, 0, 0, 5].into()),
        v6: None,
        arp: true,
    };
    let down = LinkState { up: false, ..up };
    let bare = LinkState { v4: None, ..up };
    let plain = backup();
    let mut own = backup();
    own.adverts.source = Some(ip("10.0.0.77"));
    let mut routed = own.clone();
    routed.link.routed = true;
    routed.adverts.destination = unicast(&["10.0.0.9"]);
    let mut alone = own.clone();
    alone.adverts.destination = unicast(&[]);
    let mut untracked = backup();
    untracked.link.track_primary = false;
    let six = VrrpInstance {
        family: Family::V6,
        ..backup()
    };
    let rows = [
        (&plain, Some(up), Ok("10.0.0.5")),
        (&plain, Some(down), Err("interface down")),
        (&plain, Some(bare), Err("no source address")),
        (&plain, None, Err("no such interface")),
        (&six, Some(up), Err("no source address")),
        (&own, Some(up), Ok("10.0.0.77")),
        (&own, Some(bare), Ok("10.0.0.77")),
        (&own, Some(down), Err("interface down")),
        (&routed, None, Ok("10.0.0.77")),
        (&routed, Some(down), Ok("10.0.0.77")),
        (&untracked, Some(down), Ok("10.0.0.5")),
        (&untracked, None, Err("no such interface")),
        (&alone, Some(up), Err("no unicast peers")),
    ];
    for (config, link, wanted) in rows {
        assert_eq!(choose(config, link), wanted.map(ip), "{config:?} {link:?}");
    }
}
