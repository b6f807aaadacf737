use std::path::PathBuf;

use netlink_packet_core::Emitable;
use rtnetlink::packet_route::{
    RouteNetlinkMessage,
    address::AddressAttribute,
    link::{InfoData, InfoIpVlan, InfoMacVlan, LinkAttribute, LinkInfo},
};

use super::*;
use crate::{
    config::model::{Family, vrrp::MacAddress},
    io::{
        names::Names,
        netlink::{Stacked, object::Interfaces},
    },
    vrrp::virtual_interface::{Families, Source},
};

struct Node;

impl Interfaces for Node {
    fn index(&self, name: &InterfaceName) -> Option<u32> {
        (name.as_str() == "eth0").then_some(7)
    }

    fn vrf_table(&self, _: &InterfaceName) -> Option<u32> {
        None
    }
}

fn name(text: &str) -> InterfaceName {
    text.to_owned().try_into().unwrap()
}

fn base() -> Link {
    Link {
        index: 7,
        name: name("eth0"),
        up: true,
        arp: true,
        mac: [2, 0, 0, 0, 0, 1],
        vrf_table: None,
        stacked: None,
        group: 3,
        is_veth: false,
        xdp_program: None,
    }
}

fn mac() -> MacAddress {
    MacAddress::of_router(Family::V6, 51.try_into().unwrap())
}

fn wanted(kind: Kind) -> VirtualInterface {
    VirtualInterface {
        name: name("vrrp.51"),
        base: name("eth0"),
        kind,
        group: None,
        families: Families {
            v4: false,
            v6: true,
        },
        source: Source::LinkLocalOfBase,
        repeats_base: true,
    }
}

fn making(wanted: &VirtualInterface, is_there: bool, link_local: Option<&str>) -> Making {
    let mut names = Names::new(vec![PathBuf::from("/nowhere")]);
    let mut here = Here {
        interfaces: &Node,
        names: &mut names,
    };
    let link_local = link_local.map(|text| text.parse().unwrap());
    Making::new(wanted, &base(), is_there, link_local, &mut here).unwrap()
}

/// What the kernel is asked to make.
fn info(making: &Making) -> Vec<LinkInfo> {
    let attributes = &making.link.as_ref().unwrap().attributes;
    let info = attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(info) => Some(info.clone()),
        _ => None,
    });
    info.unwrap()
}

#[test]
fn a_macvlan_is_private_has_the_mac_and_the_address_of_the_interface_below() {
    let making = making(&wanted(Kind::Macvlan(mac())), false, Some("fe80::5"));
    let link = making.link.clone().unwrap();
    let has = |attribute| {
        assert!(
            link.attributes.contains(&attribute),
            "{attribute:?}: {link:?}"
        );
    };
    has(LinkAttribute::IfName("vrrp.51".to_owned()));
    has(LinkAttribute::Link(7));
    has(LinkAttribute::Address(vec![0, 0, 0x5e, 0, 2, 51]));
    let mode = InfoMacVlan::Mode(MacVlanMode::Private);
    assert!(info(&making).contains(&LinkInfo::Data(InfoData::MacVlan(vec![mode]))));
    let address = making.address.clone().unwrap();
    let source = AddressAttribute::Local("fe80::5".parse().unwrap());
    assert!(address.attributes.contains(&source), "{address:?}");
    assert_eq!(address.header.prefix_len, 64);
    assert_eq!(making.base, Some((7, 3)), "netlink_notify_msg");
    // What it says has the length that it announces.
    let message = RouteNetlinkMessage::NewLink(link);
    message.emit(&mut vec![0; message.buffer_len()]);
}

#[test]
fn an_ipvlan_is_of_layer_2_and_separated_as_asked_for() {
    let rows = [
        (IpvlanMode::Bridge, IpVlanFlags::empty()),
        (IpvlanMode::Private, IpVlanFlags::Private),
        (IpvlanMode::Vepa, IpVlanFlags::Vepa),
    ];
    for (mode, flags) in rows {
        let making = making(&wanted(Kind::Ipvlan(mode)), false, None);
        let infos = vec![InfoIpVlan::Mode(IpVlanMode::L2), InfoIpVlan::Flags(flags)];
        assert!(
            info(&making).contains(&LinkInfo::Data(InfoData::IpVlan(infos))),
            "{mode:?}"
        );
        assert_eq!(making.address, None, "the kernel gives it one");
    }
}

#[test]
fn what_is_there_is_only_finished() {
    let making = making(&wanted(Kind::Macvlan(mac())), true, Some("fe80::5"));
    assert_eq!(making.link, None);
    assert!(making.address.is_some());
}

#[test]
fn settings_follow_the_families_that_have_addresses() {
    let set = |v4, v6, kind| {
        let wanted = VirtualInterface {
            families: Families { v4, v6 },
            ..wanted(kind)
        };
        let settings = settings(&wanted);
        let settings = settings.iter();
        let settings = settings.map(|(setting, value)| {
            let setting = setting.to_string().replace("conf.vrrp/51.", "");
            format!("{setting}={value}")
        });
        settings.collect::<Vec<_>>().join(" ")
    };
    let macvlan = Kind::Macvlan(mac());
    let v4 = "net.ipv4.arp_ignore=1 net.ipv4.accept_local=1 net.ipv4.rp_filter=0 \
              net.ipv4.promote_secondaries=1";
    let own = "net.ipv6.addr_gen_mode=1 net.ipv6.accept_ra=0";
    let none = "net.ipv6.disable_ipv6=1";
    assert_eq!(set(true, false, macvlan), format!("{v4} {own} {none}"));
    assert_eq!(set(false, true, macvlan), own);
    assert_eq!(set(true, true, macvlan), format!("{v4} {own}"));
    assert_eq!(
        set(true, false, Kind::Ipvlan(IpvlanMode::Bridge)),
        format!("{v4} {none}")
    );
}

#[test]
fn a_link_is_it_by_kind_mac_and_the_link_below() {
    let stacked = |lower, kind| Link {
        index: 9,
        name: name("vrrp.51"),
        mac: mac().octets(),
        stacked: Some(Stacked { lower, kind }),
        ..base()
    };
    let macvlan = wanted(Kind::Macvlan(mac()));
    let ipvlan = wanted(Kind::Ipvlan(IpvlanMode::Vepa));
    let private = StackedKind::PrivateMacvlan;
    let vepa = StackedKind::Ipvlan(IpvlanMode::Vepa);
    let bridge = StackedKind::Ipvlan(IpvlanMode::Bridge);
    let other_mac = Link {
        mac: [2; 6],
        ..stacked(7, private)
    };
    let nested = Link {
        stacked: Some(Stacked {
            lower: 5,
            kind: StackedKind::Macvlan,
        }),
        ..base()
    };
    let rows = [
        (&macvlan, stacked(7, private), base(), true),
        (&macvlan, stacked(8, private), base(), false),
        (&macvlan, stacked(7, StackedKind::Macvlan), base(), false),
        (&macvlan, other_mac, base(), false),
        (&macvlan, base(), base(), false),
        (&macvlan, stacked(5, private), nested, true),
        (&ipvlan, stacked(7, vepa), base(), true),
        (&ipvlan, stacked(7, bridge), base(), false),
        (&ipvlan, stacked(7, StackedKind::OtherIpvlan), base(), false),
    ];
    for (wanted, link, base, is) in rows {
        assert_eq!(wanted.is(&link, &base), is, "{link:?}");
    }
}
