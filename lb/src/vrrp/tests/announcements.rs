//! Gratuitous ARP and neighbour advertisements: how many, when, and how fast.

use std::{collections::BTreeSet, time::Duration};

use super::bench::{Bench, backup, eth0, line, link, ms, owner, priority};
use crate::{
    config::model::{
        Config, InterfaceName, VirtualAddress, VrrpInstance,
        address::{AddressLine, AddressOptions},
        global::ExtraAnnounce,
        network::GarpGroup,
        vrrp::{Announcements, Destination, Device, MacAddress, Peer, Unicast, Vmac},
    },
    vrrp::{LinkState, output::Standing},
};

const WORSE: &str = "10.0.0.2";

fn announcing(announce: Announcements) -> VrrpInstance {
    VrrpInstance {
        announce,
        ..owner()
    }
}

/// When how many were sent since `begin`: milliseconds and number.
fn sent(bench: &mut Bench, time: Duration) -> Vec<(u128, usize)> {
    let begin = bench.elapsed();
    let mut sent: Vec<(u128, usize)> = Vec::new();
    let end = begin + time;
    loop {
        let count = |line: &String| match line.strip_prefix("announce ")?.split_once(" ×") {
            Some((_, count)) => count.parse().ok(),
            None => Some(1),
        };
        let number: usize = bench.lines().iter().filter_map(count).sum();
        if number > 0 {
            sent.push(((bench.elapsed() - begin).as_millis(), number));
        }
        let Some((wait, _)) = bench
            .next()
            .filter(|(wait, _)| bench.elapsed() + *wait <= end)
        else {
            break;
        };
        bench.pass(wait);
        bench.router.handle_timeout(bench.now);
    }
    bench.pass(end - bench.elapsed());
    sent
}

#[test]
fn sets_second_sets_and_refreshes_come_as_configured() {
    let default = Announcements::default;
    let cases = [
        (default(), vec![(0, 5), (5000, 5)]),
        (
            Announcements {
                delay: Duration::ZERO,
                ..default()
            },
            vec![(0, 5)],
        ),
        (
            Announcements {
                delay: ms(2000),
                repeat: 2,
                ..default()
            },
            vec![(0, 2), (2000, 2)],
        ),
        (
            Announcements {
                delay: Duration::ZERO,
                repeat: 1,
                refresh: ms(4000),
                refresh_repeat: 3,
                ..default()
            },
            vec![(0, 1), (4000, 3), (8000, 3), (12_000, 3)],
        ),
        (
            Announcements {
                delay: Duration::ZERO,
                repeat: u32::MAX,
                ..default()
            },
            vec![(0, 1000)],
        ),
    ];
    for (announce, expected) in cases {
        let mut bench = Bench::fresh();
        bench.config(&[announcing(announce.clone())]);
        bench.up();
        assert_eq!(sent(&mut bench, ms(13_000)), expected, "{announce:?}");
    }
}

#[test]
fn a_lower_advert_has_a_set_of_its_own() {
    let lower = |delay, repeat| Announcements {
        lower_prio_delay: ms(delay),
        lower_prio_repeat: repeat,
        ..Announcements::default()
    };
    let cases = [
        (lower(2000, 3), vec![(0, 3), (2000, 3)]),
        (lower(0, 4), vec![(0, 4)]),
        (lower(2000, 0), vec![]),
    ];
    for (announce, expected) in cases {
        let mut bench = Bench::started(&[priority(announcing(announce), 254)]);
        bench.run(ms(10_000));
        bench.hear(WORSE, &backup());
        assert_eq!(sent(&mut bench, ms(8000)), expected);
    }
}

#[test]
fn several_addresses_are_announced_in_rounds() {
    let mut bench = Bench::started(&[VrrpInstance {
        addresses: vec![line("10.0.0.1/24"), line("10.0.0.2/24")],
        announce: Announcements {
            delay: Duration::ZERO,
            lower_prio_delay: Duration::ZERO,
            lower_prio_repeat: 2,
            ..Announcements::default()
        },
        ..priority(owner(), 254)
    }]);
    bench.run(ms(2000));
    bench.hear("10.0.0.3", &backup());
    assert_eq!(
        bench.lines()[1..],
        [
            "announce 10.0.0.1",
            "announce 10.0.0.2",
            "announce 10.0.0.1",
            "announce 10.0.0.2",
        ]
    );
}

#[test]
fn where_nobody_asks_for_addresses_nothing_is_announced() {
    let mut bench = Bench::fresh();
    bench.config(&[owner()]);
    bench.link(Some(LinkState {
        arp: false,
        ..link(Some("10.0.0.5"))
    }));
    assert_eq!(sent(&mut bench, ms(10_000)), []);
}

fn eth1() -> InterfaceName {
    "eth1".to_owned().try_into().unwrap()
}

fn paced(groups: Vec<GarpGroup>) -> Config {
    let mut config = Config {
        garp_groups: groups,
        ..Config::default()
    };
    config.global.vrrp.announce.garp_interval = ms(100);
    config
}

/// A master of two addresses, one on each interface, that announces each twice.
fn on_two_interfaces(config: &Config) -> Bench {
    let second = VirtualAddress {
        interface: eth1(),
        ..line("10.0.0.2/24")
    };
    let mut bench = Bench::fresh();
    bench.router.handle_settings(config, bench.now);
    bench.config(&[VrrpInstance {
        addresses: vec![line("10.0.0.1/24"), second],
        ..announcing(Announcements {
            repeat: 2,
            delay: Duration::ZERO,
            ..Announcements::default()
        })
    }]);
    bench.up();
    bench
}

#[test]
fn announcements_on_one_interface_keep_their_distance() {
    let mut bench = on_two_interfaces(&paced(vec![]));
    assert_eq!(sent(&mut bench, ms(1000)), [(0, 2), (100, 2)]);
}

#[test]
fn interfaces_of_one_garp_group_share_the_distance_of_the_group() {
    let group = GarpGroup {
        garp_interval: ms(200),
        gna_interval: Duration::ZERO,
        interfaces: vec![eth0(), eth1()],
    };
    let mut bench = on_two_interfaces(&paced(vec![group]));
    assert_eq!(
        sent(&mut bench, ms(900)),
        [(0, 1), (200, 1), (400, 1), (600, 1)]
    );
}

#[test]
fn what_waits_is_not_announced_once_we_are_master_no_more() {
    let mut bench = on_two_interfaces(&paced(vec![]));
    bench.lines();
    let faults: BTreeSet<String> = ["script".to_owned()].into();
    let standing = Standing {
        adjustment: 0,
        faults,
    };
    bench.router.handle_standing("VI_1", &standing, bench.now);
    assert_eq!(sent(&mut bench, ms(1000)), []);
    assert_eq!(bench.next(), None);
}

#[test]
fn new_distances_count_for_what_waits() {
    let mut bench = on_two_interfaces(&paced(vec![]));
    bench.lines();
    bench.router.handle_settings(&Config::default(), bench.now);
    assert_eq!(sent(&mut bench, ms(1000)), [(0, 2)]);
}

#[test]
fn unicast_peers_are_told_of_the_own_address_after_a_fault() {
    let unicast = VrrpInstance {
        adverts: crate::config::model::vrrp::Adverts {
            destination: Destination::Unicast(Unicast {
                peers: vec![Peer::new("10.0.0.9".parse().unwrap())],
                ..Unicast::default()
            }),
            ..backup().adverts
        },
        ..backup()
    };
    let mut bench = Bench::started(&[unicast]);
    bench.link(None);
    bench.lines();
    bench.up();
    assert_eq!(
        bench.lines(),
        ["Fault → Backup: interface usable", "announce 10.0.0.5"]
    );
}

#[test]
fn interfaces_that_no_advert_leaves_by_are_announced_on_again_and_again() {
    let name = |text: &str| InterfaceName::try_from(text.to_owned()).unwrap();
    let on = |address: &str, interface: &str| VirtualAddress {
        interface: name(interface),
        ..line(address)
    };
    let config = |all: bool, transmit_on_base: bool| {
        let mut config = announcing(Announcements {
            delay: Duration::ZERO,
            extra: Some(ExtraAnnounce {
                all,
                interval: ms(2000),
            }),
            ..Announcements::default()
        });
        config.addresses = vec![
            on("10.0.0.1/24", "vrrp.1"),
            on("10.0.0.2/24", "vrrp.1"),
            on("10.0.1.1/24", "vrrp1.1"),
            on("10.0.2.1/24", "eth2"),
        ];
        let options = |use_vmac| AddressOptions {
            use_vmac,
            ..AddressLine::new(line("10.0.0.1/24")).options
        };
        config.address_options = [false, false, true, false].map(options).to_vec();
        config.link.transmit_on_base = transmit_on_base;
        config.link.device = Device::Vmac(Vmac {
            name: Some(name("vrrp.1")),
            mac: MacAddress::of_router(config.family, config.vrid),
            netlink_notify: false,
            group: None,
        });
        config
    };
    let rows = [
        ((false, false), vec!["10.0.1.1"]),
        ((true, false), vec!["10.0.1.1", "10.0.2.1"]),
        ((false, true), vec!["10.0.0.1", "10.0.1.1"]),
        ((true, true), vec!["10.0.0.1", "10.0.1.1", "10.0.2.1"]),
    ];
    for ((all, base), wanted) in rows {
        let mut bench = Bench::started(&[config(all, base)]);
        bench.lines();
        let lines = bench.run(ms(4500));
        let announced: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("announce "))
            .collect();
        assert_eq!(
            announced,
            [&wanted[..], &wanted[..]].concat(),
            "{all} {base}"
        );
    }
}
