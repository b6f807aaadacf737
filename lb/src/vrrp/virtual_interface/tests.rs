use std::{collections::BTreeSet, path::PathBuf};

use super::*;
use crate::config::{Interface, Options, load};

/// The configuration of a text, on a machine with eth0 and eth1.
fn config(text: &str) -> Config {
    let path = PathBuf::from("lb.conf");
    let mut files = BTreeMap::from([(path.clone(), text.as_bytes().to_vec())]);
    let interface = |name: &str| {
        let interface = Interface {
            is_loopback: false,
            mtu: Some(1500),
            is_vrf: None,
        };
        (name.to_owned(), interface)
    };
    let machine = BTreeMap::from(["eth0", "eth1"].map(interface));
    load(&path, &mut files, &machine, &Options::default()).config
}

/// What is made of instances, as lines: virtual interfaces first, then where adverts leave and addresses are.
fn placed(global: &str, instances: &[&str], taken: &[&str]) -> Vec<String> {
    let mut text = format!("global_defs {{\n{global}\n}}\n");
    for (number, body) in instances.iter().enumerate() {
        text += &format!(
            "vrrp_instance {number} {{\nvirtual_router_id 5{number}\nversion 3\n{body}\n}}\n"
        );
    }
    let mut config = config(&text);
    let taken: BTreeSet<&str> = taken.iter().copied().collect();
    let made = place(&mut config, |wanted| !taken.contains(wanted.name.as_str()));
    let mut lines: Vec<String> = made.values().map(spell).collect();
    for instance in &config.vrrp_instances {
        let addresses = instance.all_addresses();
        let addresses = addresses.map(|line| format!("{}@{}", line.address, line.interface));
        let addresses: Vec<String> = addresses.collect();
        let (out, of) = (instance.transmits_on(), &instance.interface);
        lines.push(format!(
            "{} by {out} of {of}: {}",
            instance.name,
            addresses.join(" ")
        ));
    }
    lines
}

fn spell(made: &VirtualInterface) -> String {
    let kind = match made.kind {
        Kind::Macvlan(mac) => format!("macvlan {mac}"),
        Kind::Ipvlan(mode) => format!("ipvlan {mode:?}"),
    };
    let families = match made.families {
        Families {
            v4: true,
            v6: false,
        } => "4",
        Families {
            v4: false,
            v6: true,
        } => "6",
        Families { v4: true, v6: true } => "4+6",
        Families {
            v4: false,
            v6: false,
        } => "none",
    };
    let source = match made.source {
        Source::None => String::new(),
        Source::LinkLocalOfBase => " link-local".to_owned(),
        Source::Given(address, prefix) => format!(" {address}/{prefix}"),
    };
    format!("{} on {}: {kind}, {families}{source}", made.name, made.base)
}

const V4: &str = "interface eth0\nvirtual_ipaddress {\n10.0.0.1/24\n10.0.1.1/24 dev eth1\n}\n";
const V6: &str = "interface eth0\nvirtual_ipaddress {\nfe80::1\nfd00::1/64\n}\n";

#[test]
fn addresses_of_an_instance_move_to_its_virtual_interface_and_adverts_leave_by_it() {
    let v4 = |words: &str| format!("{V4}{words}");
    let v6 = |words: &str| format!("{V6}{words}");
    let rows: Vec<(String, &[&str])> = vec![
        (v4(""), &["0 by eth0 of eth0: 10.0.0.1@eth0 10.0.1.1@eth1"]),
        (
            v4("use_vmac"),
            &[
                "vrrp.50 on eth0: macvlan 00:00:5e:00:01:32, 4",
                "0 by vrrp.50 of eth0: 10.0.0.1@vrrp.50 10.0.1.1@eth1",
            ],
        ),
        (
            v4("use_vmac\nvmac_xmit_base"),
            &[
                "vrrp.50 on eth0: macvlan 00:00:5e:00:01:32, 4",
                "0 by eth0 of eth0: 10.0.0.1@vrrp.50 10.0.1.1@eth1",
            ],
        ),
        (
            v4("use_vmac front 02:00:00:00:07\nuse_vmac_addr"),
            &[
                "front on eth0: macvlan 02:00:00:00:07:32, 4",
                "vrrp.50 on eth1: macvlan 02:00:00:00:07:32, 4",
                "0 by front of eth0: 10.0.0.1@front 10.0.1.1@vrrp.50",
            ],
        ),
        (
            "interface eth0\nvirtual_ipaddress {\n10.0.0.1/24\n10.0.1.1/24 dev eth1 use_vmac\n}\n"
                .to_owned(),
            &[
                "vrrp.50 on eth1: macvlan 00:00:5e:00:01:32, 4",
                "0 by eth0 of eth0: 10.0.0.1@eth0 10.0.1.1@vrrp.50",
            ],
        ),
        (
            v6("use_vmac"),
            &[
                "vrrp.50 on eth0: macvlan 00:00:5e:00:02:32, 6 link-local",
                "0 by vrrp.50 of eth0: fe80::1@vrrp.50 fd00::1@vrrp.50",
            ],
        ),
        (
            v6("use_vmac\nmcast_src_ip fe80::77"),
            &[
                "vrrp.50 on eth0: macvlan 00:00:5e:00:02:32, 6 fe80::77/64",
                "0 by vrrp.50 of eth0: fe80::1@vrrp.50 fd00::1@vrrp.50",
            ],
        ),
        (
            v4("use_vmac\nvirtual_ipaddress_excluded {\nfd00::2/64\n}"),
            &[
                "vrrp.50 on eth0: macvlan 00:00:5e:00:01:32, 4",
                "0 by vrrp.50 of eth0: 10.0.0.1@vrrp.50 10.0.1.1@eth1 fd00::2@eth0",
            ],
        ),
        (
            v4("use_ipvlan 10.0.0.8/24 private"),
            &[
                "vrrp.50 on eth0: ipvlan Private, 4 10.0.0.8/24",
                "0 by vrrp.50 of vrrp.50: 10.0.0.1@vrrp.50 10.0.1.1@eth1",
            ],
        ),
        (
            v6("use_ipvlan own"),
            &[
                "own on eth0: ipvlan Bridge, 6",
                "0 by own of own: fe80::1@own fd00::1@own",
            ],
        ),
    ];
    for (body, wanted) in rows {
        assert_eq!(placed("", &[&body], &[]), wanted, "{body}");
    }
}

#[test]
fn in_the_mode_without_macvlans_addresses_and_adverts_stay() {
    let body = format!("{V4}use_vmac\nuse_vmac_addr");
    let lines = placed("vrrp_vmac_mode bpf", &[&body], &[]);
    assert_eq!(lines, ["0 by eth0 of eth0: 10.0.0.1@eth0 10.0.1.1@eth1"]);
}

#[test]
fn a_name_that_is_taken_is_tried_with_a_number() {
    let body = format!("{V4}use_vmac");
    let lines = placed("vmac_prefix vip", &[&body], &["vip.50", "vip1.50"]);
    assert_eq!(lines[0], "vip2.50 on eth0: macvlan 00:00:5e:00:01:32, 4");
    // One that is given is nobody else's to take.
    let named = format!("{V4}use_vmac vrrp.50");
    let lines = placed("", &[&body, &named], &[]);
    assert_eq!(
        lines[..2],
        [
            "vrrp.50 on eth0: macvlan 00:00:5e:00:01:33, 4",
            "vrrp1.50 on eth0: macvlan 00:00:5e:00:01:32, 4",
        ]
    );
}

#[test]
fn the_address_of_the_interface_below_is_known_only_when_it_has_one() {
    let link_local: Ipv6Addr = "fe80::5".parse().unwrap();
    let of_base = Source::LinkLocalOfBase;
    assert_eq!(of_base.address(None), None);
    let (address, prefix) = of_base.address(Some(link_local)).unwrap();
    assert_eq!((address, prefix.get()), (link_local.into(), 64));
}
