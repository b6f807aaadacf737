use super::*;

fn name(text: &str) -> InterfaceName {
    InterfaceName::try_from(text.to_owned()).unwrap()
}

fn link(index: u32, text: &str) -> Link {
    Link {
        index,
        name: name(text),
        up: true,
        arp: true,
        mac: [2, 0, 0, 0, 0, 1],
        vrf_table: None,
        stacked: None,
        group: 0,
        is_veth: false,
        xdp_program: None,
    }
}

fn address(index: u32, text: &str, usable: bool) -> LinkAddress {
    LinkAddress {
        index,
        address: text.parse().unwrap(),
        prefix: 24,
        usable,
    }
}

#[test]
fn virtual_tentative_and_global_v6_addresses_are_no_sources() {
    let addresses = vec![
        address(1, "192.0.2.80", true),
        address(1, "192.0.2.1", true),
        address(1, "fe80::1", false),
        address(1, "fe80::2", true),
        address(1, "2001:db8::1", true),
        address(2, "198.51.100.1", true),
    ];
    let links = Links::new(vec![link(1, "eth0"), link(2, "eth1")], addresses);
    let virtuals = BTreeSet::from(["192.0.2.80".parse().unwrap()]);
    let state = links.state(&name("eth0"), &virtuals).unwrap();
    assert_eq!(state.v4, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(state.v6, Some("fe80::2".parse().unwrap()));
    assert_eq!(links.state(&name("eth9"), &virtuals), None);
}

#[test]
fn an_address_that_becomes_usable_is_not_there_twice() {
    let mut links = Links::new(vec![link(1, "eth0")], vec![address(1, "fe80::1", false)]);
    links.handle(&Change::Address(address(1, "fe80::1", true)));
    assert_eq!(links.addresses(&name("eth0")).count(), 1);
    links.handle(&Change::AddressGone(address(1, "fe80::1", false)));
    assert_eq!(links.addresses(&name("eth0")).count(), 0);
}

#[test]
fn a_rename_is_about_both_names_and_a_removal_takes_the_addresses_along() {
    let mut links = Links::new(vec![link(1, "eth0")], vec![address(1, "192.0.2.1", true)]);
    let renamed = links.handle(&Change::Link(link(1, "wan")));
    assert_eq!(renamed, BTreeSet::from([name("eth0"), name("wan")]));
    assert_eq!(
        links.handle(&Change::LinkGone(1)),
        BTreeSet::from([name("wan")])
    );
    assert_eq!(links.addresses(&name("wan")).count(), 0);
}

#[test]
fn a_name_goes_with_the_link_that_has_it_last() {
    let mut links = Links::new(vec![link(2, "eth0")], vec![address(2, "192.0.2.1", true)]);
    links.handle(&Change::Link(link(7, "eth0")));
    assert_eq!(links.get(&name("eth0")).unwrap().index, 7);
    links.handle(&Change::LinkGone(2));
    assert_eq!(links.get(&name("eth0")).unwrap().index, 7);
    assert!(!links.has("192.0.2.1".parse().unwrap()));
    links.handle(&Change::Link(link(7, "eth1")));
    assert_eq!(links.get(&name("eth0")), None);
    assert_eq!(links.get(&name("eth1")).unwrap().index, 7);
}

#[test]
fn addresses_keep_the_order_of_the_kernel() {
    let told = ["192.0.2.9", "192.0.2.1", "192.0.2.5"].map(|text| address(1, text, true));
    let mut links = Links::new(vec![link(1, "eth0")], told.to_vec());
    let order = |links: &Links| -> Vec<String> {
        let eth0 = name("eth0");
        let addresses = links.addresses(&eth0);
        addresses.map(|a| a.address.to_string()).collect()
    };
    links.handle(&Change::Address(told[0]));
    assert_eq!(order(&links), ["192.0.2.9", "192.0.2.1", "192.0.2.5"]);
    links.handle(&Change::AddressGone(told[0]));
    links.handle(&Change::Address(told[0]));
    assert_eq!(order(&links), ["192.0.2.1", "192.0.2.5", "192.0.2.9"]);
    // One address with two prefix lengths is two; one of them is enough.
    let mut wider = told[1];
    wider.prefix = 16;
    links.handle(&Change::Address(wider));
    links.handle(&Change::AddressGone(told[1]));
    assert!(links.has(told[1].address));
    links.handle(&Change::AddressGone(wider));
    assert!(!links.has(told[1].address));
}
