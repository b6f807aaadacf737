use super::*;
use crate::config::model::{Family, PrefixLength};

fn eth(number: u8) -> InterfaceName {
    InterfaceName::try_from(format!("eth{number}")).unwrap()
}

fn address(text: &str) -> LinkAddress {
    LinkAddress {
        index: 1,
        address: text.parse().unwrap(),
        prefix: 24,
        usable: true,
    }
}

fn named() -> Named {
    let mut instance = VrrpInstance::new("VI_1", eth(0), 51.try_into().unwrap(), Family::V4);
    instance.addresses.push(VirtualAddress {
        address: "192.0.2.80".parse().unwrap(),
        prefix: PrefixLength::try_from(24).unwrap(),
        interface: eth(1),
    });
    instance.adverts.source = Some("192.0.2.7".parse().unwrap());
    let config = Config {
        vrrp_instances: vec![instance],
        ..Config::default()
    };
    Named::of(&config, [eth(2)].iter())
}

#[test]
fn interfaces_are_those_of_instances_of_their_addresses_and_those_tracked() {
    assert_eq!(named().interfaces, BTreeSet::from([eth(0), eth(1), eth(2)]));
}

#[test]
fn only_what_can_matter_is_looked_at_again() {
    // The change, whether it is about a virtual address, whether it may be about a source.
    let cases = [
        (Change::Address(address("192.0.2.80")), true, false),
        (Change::AddressGone(address("192.0.2.80")), true, false),
        (Change::Address(address("192.0.2.7")), false, true),
        (Change::AddressGone(address("192.0.2.7")), false, true),
        (Change::Address(address("192.0.2.9")), false, false),
        (Change::LinkGone(1), false, true),
    ];
    let named = named();
    for (change, is_virtual, moves_source) in cases {
        assert_eq!(
            (named.is_virtual(&change), named.moves_source(&change)),
            (is_virtual, moves_source),
            "{change:?}"
        );
    }
}
