use std::time::Instant;

use super::*;
use crate::{
    config::model::{
        InterfaceName,
        vrrp::{Hmac, HmacKey, HmacMode, Ipvlan, KeySource, MacAddress, Peer, Vmac},
    },
    io::netlink::{Link, LinkAddress, Stacked, StackedKind},
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn eth0() -> InterfaceName {
    "eth0".to_owned().try_into().unwrap()
}

/// On eth0 with VRID 51; without peers multicast.
fn instance(name: &str, peers: &[&str]) -> VrrpInstance {
    let mut config = VrrpInstance::new(name, eth0(), 51.try_into().unwrap(), Family::V4);
    if !peers.is_empty() {
        config.adverts.destination = Destination::Unicast(Unicast {
            peers: peers.iter().map(|peer| Peer::new(ip(peer))).collect(),
            ..Unicast::default()
        });
    }
    config
}

fn links(addresses: &[&str]) -> Links {
    let link = Link {
        index: 7,
        name: eth0(),
        up: true,
        mac: [2, 0, 0, 0, 0, 1],
        arp: true,
        vrf_table: None,
        stacked: None,
        group: 0,
        is_veth: false,
        xdp_program: None,
    };
    let addresses = addresses.iter().map(|address| LinkAddress {
        index: 7,
        address: ip(address),
        prefix: 24,
        usable: true,
    });
    Links::new(vec![link], addresses.collect())
}

fn members(configs: Vec<VrrpInstance>) -> Members {
    let gates = configs.iter().map(|c| (c.name.clone(), 1)).collect();
    let mut plan = Plan {
        gates,
        ..Plan::default()
    };
    plan.config.vrrp_instances = configs;
    let mut router = Router::new();
    router.handle_config(&plan.config.vrrp_instances, &[], Instant::now());
    let mut members = Members::default();
    members.configure(&plan, &router, &links(&[]));
    members
}

/// Whom a packet with VRID 51 is meant for.
fn meant<'m>(
    members: &'m Members,
    place: &Place,
    source: &str,
    destination: &str,
) -> Option<&'m str> {
    let packet = Incoming {
        source: ip(source),
        destination: ip(destination),
        ttl: 255,
        carrier: Carrier::Plain,
        header: &[],
        payload: &[0x31, 51, 100, 0],
    };
    members.meant(place, &packet).map(|id| members.name(id))
}

#[test]
fn of_several_with_one_vrid_the_one_that_names_the_sender_or_group_is_meant() {
    let mut six = instance("six", &[]);
    six.family = Family::V6;
    let mut routed = instance("routed", &["10.0.0.8"]);
    routed.link.routed = true;
    routed.adverts.source = Some(ip("10.0.0.1"));
    let first = instance("first", &["10.0.0.2", "10.0.0.3"]);
    let second = instance("second", &["10.0.0.4"]);
    let members = members(vec![instance("group", &[]), first, second, six, routed]);
    let here = Place::Interface(eth0());
    let rows = [
        ("10.0.0.9", "224.0.0.18", Some("group")),
        ("10.0.0.3", "10.0.0.1", Some("first")),
        ("10.0.0.4", "10.0.0.1", Some("second")),
        // Nobody's peer: the last one decides what it makes of it.
        ("10.0.0.9", "10.0.0.1", Some("second")),
        ("fe80::9", "ff02::12", Some("six")),
    ];
    for (source, destination, wanted) in rows {
        assert_eq!(
            meant(&members, &here, source, destination),
            wanted,
            "{source}"
        );
    }
    let routed = Place::Address {
        address: ip("10.0.0.1"),
        vrf: None,
    };
    assert_eq!(
        meant(&members, &routed, "10.0.0.8", "10.0.0.1"),
        Some("routed")
    );
    assert_eq!(meant(&members, &routed, "fe80::9", "ff02::12"), None);
    assert!(members.know(51, Family::V6) && !members.know(52, Family::V4));
}

#[test]
fn the_kernel_carries_what_it_can_tell_apart_and_read() {
    let mut header = instance("ah", &[]);
    header.vrid = 52.try_into().unwrap();
    header.authentication = Some(crate::config::model::vrrp::Authentication {
        kind: crate::config::model::vrrp::AuthenticationType::Header,
        password: "secret".to_owned().into(),
    });
    let mut plain = instance("plain", &[]);
    plain.vrid = 53.try_into().unwrap();
    let mut twin = instance("twin", &[]);
    twin.adverts.destination = Destination::Multicast(ip("224.0.0.99"));
    let mut members = members(vec![instance("group", &[]), twin, header, plain]);
    let parted: Vec<InstanceId> = members.part().into_iter().map(|(id, _)| id).collect();
    let parted: Vec<&str> = parted.iter().map(|id| members.name(*id)).collect();
    assert_eq!(parted, ["group", "twin"]);
    let carried: Vec<&str> = members.subjects().map(|(id, _)| members.name(id)).collect();
    assert_eq!(carried, ["ah", "plain"]);
}

#[test]
fn whoever_leaves_takes_no_entry_from_its_successor() {
    let mut members = members(vec![instance("old", &[])]);
    let mut plan = Plan::default();
    let mut router = Router::new();
    let now = Instant::now();
    router.handle_config(&[instance("old", &[])], &[], now);
    plan.config.vrrp_instances = vec![instance("new", &[])];
    router.handle_config(&plan.config.vrrp_instances, &[], now);
    plan.gates = [("new".to_owned(), 2)].into();
    members.configure(&plan, &router, &links(&[]));
    assert_eq!(members.all().count(), 2);
    assert_eq!(members.part(), []);
}

#[test]
fn a_source_that_is_gone_a_key_that_is_missing_and_a_closed_socket_are_faults() {
    let mut tracked = instance("tracked", &[]);
    tracked.adverts.source = Some(ip("10.0.0.77"));
    tracked.adverts.track_source = true;
    let mut untracked = tracked.clone();
    untracked.name = "untracked".to_owned();
    untracked.adverts.track_source = false;
    let mut signed = instance("signed", &[]);
    signed.hmac = Some(Hmac {
        keys: vec![HmacKey {
            id: 1,
            source: KeySource::File("/nowhere/key".to_owned()),
        }],
        active_key: 1,
        time_window: std::time::Duration::from_secs(5),
        anti_replay: Default::default(),
        mode: HmacMode::Enforce,
    });
    let mut routed = instance("routed", &["10.0.0.8"]);
    routed.link.routed = true;
    routed.adverts.source = Some(ip("10.0.0.1"));
    let (none, deaf) = (VirtualInterfaces::new(), BTreeSet::from([place(&routed)]));
    let members = members(vec![tracked, untracked, signed, routed]);
    let names = |faults: BTreeMap<String, BTreeSet<String>>| faults.into_keys().collect::<Vec<_>>();
    let faults = members.faults(&links(&[]), &none, &deaf);
    assert_eq!(
        faults["tracked"],
        BTreeSet::from(["source address 10.0.0.77 is gone".to_owned()])
    );
    assert_eq!(names(faults), ["routed", "signed", "tracked"]);
    let better = members.faults(&links(&["10.0.0.77"]), &none, &BTreeSet::new());
    assert_eq!(names(better), ["signed"]);
}

/// eth0, and under `index` a link on the link `lower`.
fn stack(name: &str, index: u32, lower: u32, kind: StackedKind, up: bool) -> Links {
    let mut links = links(&[]);
    let base = links.get(&eth0()).cloned().unwrap();
    let stacked = Some(Stacked { lower, kind });
    links.handle(&crate::io::netlink::Change::Link(Link {
        index,
        name: name.to_owned().try_into().unwrap(),
        up,
        stacked,
        ..base
    }));
    links
}

fn on_vmac(name: &str) -> VrrpInstance {
    let mut config = instance("vmac", &[]);
    config.link.device = Device::Vmac(Vmac {
        name: Some(name.to_owned().try_into().unwrap()),
        mac: MacAddress::of_router(Family::V4, config.vrid),
        netlink_notify: false,
        group: None,
    });
    config
}

#[test]
fn an_instance_on_a_virtual_interface_hears_there_and_is_carried_below() {
    let private = StackedKind::PrivateMacvlan;
    let there = stack("vrrp.51", 9, 7, private, true);
    let config = on_vmac("vrrp.51");
    let vmac: InterfaceName = "vrrp.51".to_owned().try_into().unwrap();
    assert_eq!(place(&config), Place::Interface(vmac.clone()));
    assert_eq!(guarded(&config, &there), Some(7));
    let mut below = config.clone();
    below.link.transmit_on_base = true;
    assert_eq!(place(&below), Place::Interface(eth0()));
    assert_eq!(guarded(&below, &there), Some(7));
    // What is on a macvlan is beside it, out of sight of its programs.
    let nested = stack("eth0", 7, 5, StackedKind::Macvlan, true);
    assert_eq!(guarded(&config, &nested), None);
    assert_eq!(guarded(&below, &nested), Some(7));
    let mut ipvlan = instance("ipvlan", &[]);
    ipvlan.interface = vmac.clone();
    ipvlan.link.device = Device::Ipvlan(Ipvlan {
        name: Some(vmac),
        address: None,
        mode: crate::config::model::vrrp::IpvlanMode::Bridge,
        group: None,
    });
    let there = stack(
        "vrrp.51",
        9,
        7,
        StackedKind::Ipvlan(Default::default()),
        true,
    );
    assert_eq!(guarded(&ipvlan, &there), Some(7));
}

#[test]
fn a_virtual_interface_that_is_missing_refused_or_down_is_a_fault() {
    let private = StackedKind::PrivateMacvlan;
    let up = stack("vrrp.51", 9, 7, private, true);
    let down = stack("vrrp.51", 9, 7, private, false);
    let config = on_vmac("vrrp.51");
    let mut untracked = config.clone();
    untracked.link.track_primary = false;
    let deaf = BTreeSet::from([place(&config)]);
    let none = BTreeSet::new();
    let rows = [
        (
            &config,
            links(&[]),
            &none,
            Some("no virtual interface vrrp.51"),
        ),
        (&config, up.clone(), &none, None),
        (&config, up, &deaf, Some("no socket for VRRP")),
        (
            &config,
            down.clone(),
            &none,
            Some("virtual interface vrrp.51 down"),
        ),
        (&untracked, down, &none, None),
    ];
    for (config, links, deaf, wanted) in rows {
        let members = members(vec![config.clone()]);
        let faults = members.faults(&links, &VirtualInterfaces::new(), deaf);
        let faults = faults.into_values().flatten().collect::<Vec<_>>();
        assert_eq!(faults, wanted.into_iter().collect::<Vec<_>>(), "{links:?}");
    }
}
