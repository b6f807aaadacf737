use std::{collections::BTreeMap, path::PathBuf};

use netlink_packet_core::{Emitable, Parseable};
use rtnetlink::packet_route::{
    address::{AddressAttribute, AddressFlags},
    route::{RouteAttribute, RouteMetric, RoutePreference},
    rule::RuleAttribute,
};

use super::*;
use crate::config::{Interface, Options, load};

struct Node;

impl Interfaces for Node {
    fn index(&self, name: &InterfaceName) -> Option<u32> {
        match name.as_str() {
            "eth0" => Some(2),
            "eth1" => Some(3),
            _ => None,
        }
    }

    fn vrf_table(&self, name: &InterfaceName) -> Option<u32> {
        (name.as_str() == "eth1").then_some(1000)
    }
}

/// The message of one line of a static block.
fn encoded(block: &str, line: &str) -> Result<ObjectMessage, ObjectError> {
    let text = format!("{block} {{\n{line}\n}}\n");
    let mut files = BTreeMap::from([(PathBuf::from("lb.conf"), text.into_bytes())]);
    let interface = |name: &str| {
        let (is_loopback, mtu) = (false, Some(1500));
        (
            name.to_owned(),
            Interface {
                is_loopback,
                mtu,
                is_vrf: None,
            },
        )
    };
    let machine = BTreeMap::from(["eth0", "eth1", "eth7"].map(interface));
    let loaded = load(
        &PathBuf::from("lb.conf"),
        &mut files,
        &machine,
        &Options::default(),
    );
    let object = Object::of_node(&loaded.config).next();
    let object = object.unwrap_or_else(|| panic!("{line}: {:?}", loaded.diagnostics));
    let mut names = Names::new(vec![]);
    let mut here = Here {
        interfaces: &Node,
        names: &mut names,
    };
    here.encode(&object)
}

fn route(line: &str) -> RouteMessage {
    match encoded("static_routes", line).unwrap() {
        ObjectMessage::Route(route, _) => route,
        other => panic!("{other:?}"),
    }
}

fn rule(line: &str) -> RuleMessage {
    match encoded("static_rules", line).unwrap() {
        ObjectMessage::Rule(rule) => rule,
        other => panic!("{other:?}"),
    }
}

fn address(line: &str) -> AddressMessage {
    match encoded("static_ipaddress", line).unwrap() {
        ObjectMessage::Address(address) => address,
        other => panic!("{other:?}"),
    }
}

/// A route as the kernel tells of it: the table said twice, its own choices added.
fn told(line: &str) -> RouteMessage {
    let mut message = route(line);
    let table = message.header.table.into();
    let attributes = &mut message.attributes;
    if !attributes
        .iter()
        .any(|a| matches!(a, RouteAttribute::Table(_)))
    {
        attributes.insert(0, RouteAttribute::Table(table));
    }
    let is_v6 = message.header.address_family == AddressFamily::Inet6;
    if is_v6
        && !attributes
            .iter()
            .any(|a| matches!(a, RouteAttribute::Priority(_)))
    {
        attributes.push(RouteAttribute::Priority(1024));
        attributes.push(RouteAttribute::Preference(RoutePreference::Medium));
    }
    message
}

#[test]
fn what_the_kernel_tells_of_a_route_is_known_again() {
    let lines = [
        "10.1.0.0/16 via 192.0.2.9 dev eth0",
        "default via 192.0.2.9 dev eth0 metric 7 table 1234",
        "2001:db8:1::/48 via 2001:db8::1 dev eth0",
        "10.1.0.0/16 via inet6 fe80::1 dev eth0 tos 0x10",
        "10.1.0.0/16 nexthop via 192.0.2.9 dev eth0 nexthop via 192.0.2.10 dev eth1 weight 3",
        "unreachable 2001:db8:1::/48 dev eth0",
    ];
    for line in lines {
        for other in lines {
            let same = same_route(&route(line), &told(other));
            assert_eq!(same, line == other, "{line} and {other}");
        }
    }
}

#[test]
fn an_interface_the_kernel_chose_is_no_difference() {
    let put = route("10.1.0.0/16 via 192.0.2.9 no_track");
    let told = told("10.1.0.0/16 via 192.0.2.9 dev eth1");
    assert!(same_route(&put, &told));
    assert!(!same_route(&told, &put));
}

#[test]
fn a_route_that_lost_its_source_is_not_the_same() {
    let whole = "2001:db8:1::/48 dev eth0 src 2001:db8::5";
    assert!(same_route(&route(whole), &told(whole)));
    assert!(!same_route(
        &route(whole),
        &told("2001:db8:1::/48 dev eth0")
    ));
}

#[test]
fn a_route_of_somebody_else_is_not_ours() {
    let put = route("10.1.0.0/16 via 192.0.2.9 dev eth0");
    let theirs = told("10.1.0.0/16 via 192.0.2.9 dev eth0 protocol static no_track");
    assert!(!same_route(&put, &theirs));
    assert!(!same::is_keepalived(&Entry::Route(theirs)));
    assert!(same::is_keepalived(&Entry::Route(put)));
}

#[test]
fn what_the_kernel_tells_of_a_rule_is_known_again() {
    let lines = [
        "from 10.1.0.0/16 table 100 priority 5",
        "from 10.1.0.0/16 table 1000 priority 5",
        "to 10.1.0.0/16 table 100 priority 5",
        "not from 10.1.0.0/16 table 100 priority 5",
        "fwmark 5 table 100 priority 5",
        "fwmark 5/0xff table 100 priority 5",
        "fwmark 0 dport 80-80 table 100 priority 5",
        "from 10.1.0.0/16 blackhole priority 5",
        "iif eth0 table 100 priority 5 suppress_prefixlength 0",
        "from 2001:db8::/64 table 100 priority 5",
    ];
    for line in lines {
        for other in lines {
            let mut told = rule(other);
            let says = |told: &RuleMessage, what: fn(&RuleAttribute) -> bool| {
                told.attributes.iter().any(what)
            };
            if !says(&told, |a| matches!(a, RuleAttribute::SuppressPrefixLen(_))) {
                told.attributes
                    .push(RuleAttribute::SuppressPrefixLen(u32::MAX));
            }
            if says(&told, |a| matches!(a, RuleAttribute::FwMark(_)))
                && !says(&told, |a| {
                    matches!(a, RuleAttribute::FwMask(_) | RuleAttribute::FwMark(0))
                })
            {
                told.attributes.push(RuleAttribute::FwMask(u32::MAX));
            }
            // No mark at all is nothing to tell.
            told.attributes
                .retain(|a| !matches!(a, RuleAttribute::FwMark(0)));
            told.attributes.reverse();
            let same = same_rule(&rule(line), &told);
            assert_eq!(same, line == other, "{line} and {other}");
        }
    }
}

#[test]
fn messages_survive_their_bytes() {
    for line in [
        "10.9.0.0/16 dev eth0 tos 4 mtu lock 1400 advmss 1360 rtt 500ms features ecn congctl lock cubic",
        "10.14.0.0/16 nexthop via 192.0.2.20 dev eth0 weight 10 onlink realms 3 nexthop via 192.0.2.21 dev eth1",
        "10.15.0.0/16 via 192.0.2.20 dev eth0 encap mpls 100/200",
        "10.16.0.0/16 vrf eth1 dev eth0 encap ip id 12 dst 198.51.100.9 ttl 63",
    ] {
        let message = route(line);
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        assert_eq!(RouteMessage::parse(&bytes[..]).unwrap(), message, "{line}");
    }
}

#[test]
fn round_trip_times_have_the_kernel_s_units_and_keepalived_s_least() {
    let metrics = |line: &str| {
        let attributes = route(line).attributes;
        let metrics = attributes.into_iter().find_map(|a| match a {
            RouteAttribute::Metrics(metrics) => Some(metrics),
            _ => None,
        });
        metrics.unwrap()
    };
    let line = "10.1.0.0/16 dev eth0 rtt 0.5s rttvar 700ms rto_min lock 1s";
    let expected = [
        RouteMetric::Rtt(4000),
        RouteMetric::RttVar(2800),
        RouteMetric::RtoMin(1000),
        RouteMetric::Lock(1 << 13),
    ];
    assert_eq!(metrics(line), expected);
    let line = "10.1.0.0/16 dev eth0 rtt 500 rttvar 50ms rto_min 50";
    let expected = [
        RouteMetric::Rtt(1600),
        RouteMetric::RttVar(800),
        RouteMetric::RtoMin(200),
    ];
    assert_eq!(metrics(line), expected);
}

#[test]
fn addresses_have_the_flags_of_their_family() {
    let flags = |line: &str| {
        let attributes = address(line).attributes;
        attributes.into_iter().find_map(|a| match a {
            AddressAttribute::Flags(flags) => Some(flags),
            _ => None,
        })
    };
    let v6 = AddressFlags::Nodad;
    assert_eq!(flags("2001:db8::1/64 dev eth0"), Some(v6));
    assert_eq!(flags("2001:db8::1/64 dev eth0 -nodad"), None);
    let all = "home mngtmpaddr noprefixroute autojoin";
    assert_eq!(
        flags(&format!("192.0.2.1/24 dev eth0 {all}")),
        Some(AddressFlags::Noprefixroute | AddressFlags::Mcautojoin)
    );
    assert_eq!(
        flags(&format!("2001:db8::1/64 dev eth0 {all}")),
        Some(
            v6 | AddressFlags::Homeaddress
                | AddressFlags::Managetempaddr
                | AddressFlags::Noprefixroute
                | AddressFlags::Mcautojoin
        )
    );
}

#[test]
fn broadcast_addresses_are_made_of_the_host_bits() {
    for (word, expected) in [
        ("brd +", Some("10.1.2.255")),
        ("brd -", Some("10.1.2.0")),
        ("brd 10.1.2.9", Some("10.1.2.9")),
        ("", None),
    ] {
        let attributes = address(&format!("10.1.2.3/24 dev eth0 {word}")).attributes;
        let broadcast = attributes.into_iter().find_map(|a| match a {
            AddressAttribute::Broadcast(address) => Some(address.to_string()),
            _ => None,
        });
        assert_eq!(broadcast.as_deref(), expected, "{word}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let refused = |block, line| encoded(block, line).unwrap_err().to_string();
    assert_eq!(
        refused("static_ipaddress", "10.1.2.3/24 dev eth7"),
        "no interface eth7"
    );
    assert_eq!(
        refused("static_routes", "10.1.0.0/16 dev eth0 vrf eth0"),
        "eth0 is no VRF"
    );
    assert_eq!(
        refused("static_routes", "10.1.0.0/16 dev eth0 table far"),
        "no routing table is named far: add it to /etc/iproute2/rt_tables"
    );
}
