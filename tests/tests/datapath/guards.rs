//! What the VRRP child writes of virtual MACs.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use lb::io::{
    guard::{Bearer, Guards, Owned, VirtualMac},
    xdp::{DataPlane, Options, Pins, VrrpMaps},
};
use lb_common::{
    Mac,
    gate::OwnedKey,
    hint::{HINT_RESTRICTED, HINT_VIRTUAL_MAC},
    mapped, maps,
    router::RouterKey,
    virtual_mac::VIRTUAL_MAC_FLAG_LINK,
};
use tests::packet::DIRECTOR_MAC;

const INTERFACE: u32 = 2;
const BOTH: u32 = HINT_VIRTUAL_MAC | HINT_RESTRICTED;

/// A data plane that stays pinned as long as this lives, as it does for the daemon.
struct Pinned(Pins);

impl Pinned {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dp-guards{}-{number}", std::process::id());
        let pinned = Self(Pins::of_daemon(&name));
        let options = Options {
            max_entries: vec![(maps::FLOWS4, 64), (maps::FLOWS6, 64)],
            plain: true,
            ..Options::default()
        };
        DataPlane::load(&pinned.0, &options).expect("load the data plane");
        pinned
    }

    fn guards(&self) -> Guards {
        Guards::open(&self.0).unwrap()
    }

    fn maps(&self) -> VrrpMaps {
        VrrpMaps::open(&self.0).unwrap()
    }

    fn look(&self) -> Contents {
        let maps = self.maps();
        let macs = maps.virtual_macs.iter().map(|entry| {
            let (key, value) = entry.unwrap();
            assert_eq!((key.ifindex, value.mac), (INTERFACE, DIRECTOR_MAC));
            let has_link = value.flags == VIRTUAL_MAC_FLAG_LINK;
            (key.mac[5], value.gate, has_link)
        });
        let routers = maps.router_macs.iter().map(|entry| {
            let (key, value) = entry.unwrap();
            (key.vrid, value.mac[5])
        });
        Contents {
            macs: macs.collect(),
            routers: routers.collect(),
            hints: maps.hints.get(&0, 0).unwrap(),
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let removed = DataPlane::remove(&self.0);
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

/// What is in the maps, or wanted there.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    /// Last byte, gate, whether a link has it.
    macs: BTreeSet<(u8, u32, bool)>,
    /// VRID, last byte.
    routers: BTreeSet<(u8, u8)>,
    hints: u32,
}

impl Contents {
    fn new(macs: &[(u8, u32, bool)], routers: &[(u8, u8)], hints: u32) -> Self {
        Self {
            macs: macs.iter().copied().collect(),
            routers: routers.iter().copied().collect(),
            hints,
        }
    }

    fn set(&self, guards: &mut Guards) {
        let macs = self.macs.iter().map(|&(number, gate, has_link)| {
            let key = VirtualMac {
                ifindex: INTERFACE,
                mac: mac(number),
            };
            let own = DIRECTOR_MAC;
            (
                key,
                Bearer {
                    gate,
                    own,
                    has_link,
                },
            )
        });
        let routers = self.routers.iter().map(|&(vrid, number)| {
            let key = RouterKey {
                ifindex: INTERFACE,
                vlan: 0,
                vrid,
                family: 4,
            };
            (key, mac(number))
        });
        guards
            .set_virtual_macs(&macs.collect(), &routers.collect())
            .unwrap();
    }
}

const fn mac(number: u8) -> Mac {
    [0, 0, 0x5e, 0, 1, number]
}

#[test]
fn the_virtual_macs_are_exactly_what_is_wanted() {
    let pinned = Pinned::new();
    let mut guards = pinned.guards();
    // Whether another daemon takes over before, and what is there after.
    let steps = [
        (false, Contents::new(&[(1, 5, true)], &[], 0)),
        (
            false,
            Contents::new(&[(1, 5, true), (2, 6, false)], &[(2, 2)], BOTH),
        ),
        (
            false,
            Contents::new(&[(1, 7, true), (2, 6, false)], &[(2, 3)], BOTH),
        ),
        (true, Contents::new(&[(3, 8, false)], &[(9, 3)], BOTH)),
        (true, Contents::new(&[(3, 8, true)], &[], HINT_RESTRICTED)),
        (false, Contents::new(&[(4, 8, false)], &[(4, 4)], BOTH)),
        (true, Contents::new(&[], &[], HINT_RESTRICTED)),
    ];
    for (another, wanted) in steps {
        if another {
            guards = pinned.guards();
            guards.take_over(&BTreeSet::new()).unwrap();
        }
        // Twice is as well.
        for _ in 0..2 {
            wanted.set(&mut guards);
            assert_eq!(pinned.look(), wanted);
        }
    }
}

#[test]
fn a_review_of_the_hints_leaves_that_of_virtual_macs() {
    let pinned = Pinned::new();
    let mut guards = pinned.guards();
    Contents::new(&[(1, 5, false)], &[], BOTH).set(&mut guards);
    for (accept, hints) in [(true, HINT_VIRTUAL_MAC), (false, BOTH)] {
        let owned = Owned {
            gate: 5,
            accept,
            mac: None,
        };
        let address = IpAddr::from([10, 0, 0, 100]);
        guards.own(&BTreeMap::from([(address, owned)])).unwrap();
        guards.review_hint().unwrap();
        assert_eq!(pinned.look().hints, hints);
    }
}

#[test]
fn an_address_answers_with_the_mac_it_was_last_given() {
    let pinned = Pinned::new();
    let key = OwnedKey {
        address: mapped([10, 0, 0, 100]),
    };
    let mut guards = pinned.guards();
    for (another, given) in [
        (false, None),
        (false, Some(mac(1))),
        (true, Some(mac(2))),
        (true, None),
    ] {
        if another {
            guards = pinned.guards();
        }
        let owned = Owned {
            gate: 5,
            accept: true,
            mac: given,
        };
        let address = IpAddr::from([10, 0, 0, 100]);
        guards.own(&BTreeMap::from([(address, owned)])).unwrap();
        let written = pinned.maps().owned.get(&key, 0).unwrap().mac;
        assert_eq!(written, given.unwrap_or([0; 6]));
    }
}
