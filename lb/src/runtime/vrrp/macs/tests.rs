use super::*;
use crate::config::model::{InterfaceName, VirtualAddress, vrrp::Vmac};

fn name(text: &str) -> InterfaceName {
    text.to_owned().try_into().unwrap()
}

fn line(address: &str, interface: &str, use_vmac: bool) -> AddressLine {
    let address: std::net::IpAddr = address.parse().unwrap();
    let prefix = if address.is_ipv4() { 24 } else { 64 };
    let mut line = AddressLine::new(VirtualAddress {
        address,
        prefix: i64::from(prefix).try_into().unwrap(),
        interface: name(interface),
    });
    line.options.use_vmac = use_vmac;
    line
}

fn instance(mac: Option<[u8; 6]>) -> VrrpInstance {
    let mut config = VrrpInstance::new("a", name("eth0"), 51.try_into().unwrap(), Family::V4);
    if let Some(mac) = mac {
        config.link.device = Device::Vmac(Vmac {
            name: None,
            mac: mac.into(),
            netlink_notify: false,
            group: None,
        });
    }
    config
}

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 9];
const OF_ROUTER: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

#[test]
fn addresses_wear_the_mac_that_a_macvlan_would_have_there() {
    let mut everywhere = instance(Some(OWN));
    everywhere.link.vmac_for_addresses = true;
    let (plain, vmac) = (instance(None), instance(Some(OWN)));
    let rows = [
        (&plain, line("10.0.0.1", "eth0", false), None),
        (&plain, line("10.0.0.1", "eth0", true), Some(OF_ROUTER)),
        (&plain, line("10.0.0.1", "eth1", true), Some(OF_ROUTER)),
        (&vmac, line("10.0.0.1", "eth0", false), Some(OWN)),
        (&vmac, line("10.0.0.1", "eth1", false), None),
        (&vmac, line("10.0.0.1", "eth1", true), Some(OWN)),
        (&vmac, line("fd00::1", "eth0", false), None),
        (&everywhere, line("10.0.0.1", "eth1", false), Some(OWN)),
    ];
    for (config, line, wanted) in rows {
        let worn = worn(config, &line).map(MacAddress::octets);
        assert_eq!(worn, wanted, "{line:?}");
    }
}

#[test]
fn adverts_wear_it_unless_they_leave_below() {
    let vmac = instance(Some(OWN));
    let mut below = vmac.clone();
    below.link.transmit_on_base = true;
    let worn = |config| worn_by_adverts(config).map(MacAddress::octets);
    assert_eq!(worn(&vmac), Some(OWN));
    assert_eq!(worn(&below), None);
    assert_eq!(worn(&instance(None)), None);
}
