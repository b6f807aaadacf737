use super::*;
use crate::config::model::{
    Family, InterfaceName, PrefixLength, Protocol, RealServer, VirtualAddress, Vrid, VrrpInstance,
    Weight,
};

const VIP: [u8; 4] = [192, 0, 2, 1];

fn server(hosts: &[u8]) -> VirtualServer {
    let real = |host: &u8| RealServer {
        weight: Weight::try_from(i64::from(*host)).unwrap(),
        method: ForwardMethod::DirectRoute,
        ..RealServer::new([10, 0, 0, *host].into(), 80)
    };
    VirtualServer {
        real_servers: hosts.iter().map(real).collect(),
        ..VirtualServer::new(
            VIP.into(),
            80,
            Protocol::Tcp,
            Scheduler::MaglevHash,
            ForwardMethod::DirectRoute,
        )
    }
}

fn instance(address: [u8; 4]) -> VrrpInstance {
    let interface = InterfaceName::try_from("eth0".to_owned()).unwrap();
    let line = VirtualAddress {
        address: address.into(),
        prefix: PrefixLength::try_from(32).unwrap(),
        interface: interface.clone(),
    };
    VrrpInstance {
        addresses: vec![line],
        ..VrrpInstance::new("VI_1", interface, Vrid::try_from(1).unwrap(), Family::V4)
    }
}

fn config(servers: Vec<VirtualServer>) -> Config {
    Config {
        virtual_servers: servers,
        ..Config::default()
    }
}

fn desire(config: &Config, down: &BTreeSet<RealServerId>) -> Vec<Service> {
    desired(
        config,
        down,
        &Drains::default(),
        &[("VI_1".to_owned(), 3)].into(),
        &NextHops::new(),
    )
}

#[test]
fn the_gate_is_that_of_the_instance_which_owns_the_address() {
    for (address, gate) in [(VIP, 3), ([192, 0, 2, 9], ALWAYS_OPEN)] {
        let mut config = config(vec![server(&[1])]);
        config.vrrp_instances = vec![instance(address)];
        assert_eq!(desire(&config, &BTreeSet::new())[0].gate, gate);
    }
}

#[test]
fn failed_is_not_usable_and_weight_zero_takes_no_new_flows() {
    let config = config(vec![server(&[0, 1, 2])]);
    let front = Front::of(&config.virtual_servers[0]).unwrap();
    let failed = RealServerId::of(front, &config.virtual_servers[0].real_servers[1]);
    let services = desire(&config, &[failed].into());
    let seen: Vec<_> = services[0]
        .dests
        .iter()
        .map(|dest| (dest.usable, dest.takes_new_flows()))
        .collect();
    assert_eq!(seen, [(true, false), (false, false), (true, true)]);
}

#[test]
fn the_second_of_two_equals_is_ignored() {
    let services = desire(
        &config(vec![server(&[1, 1, 2]), server(&[3])]),
        &BTreeSet::new(),
    );
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].dests.len(), 2);
}

#[test]
fn an_unknown_next_hop_keeps_its_place() {
    let found = NextHop::Link(crate::pool::Hop {
        interface: "eth0".to_owned(),
        ifindex: 2,
        next_hop: [2; 6],
        source: [4; 6],
        local: None,
        mtu: 1500,
    });
    let next_hops = NextHops::from([
        ([10, 0, 0, 1].into(), Ok(found.clone())),
        ([10, 0, 0, 2].into(), Err(Unreachable::NoRoute)),
    ]);
    let config = config(vec![server(&[1, 2, 3])]);
    let services = desired(
        &config,
        &BTreeSet::new(),
        &Drains::default(),
        &BTreeMap::new(),
        &next_hops,
    );
    let seen: Vec<_> = services[0]
        .dests
        .iter()
        .map(|dest| dest.next_hop.clone())
        .collect();
    assert_eq!(seen, [Some(found), None, None]);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn a_drained_real_server_keeps_its_weight_and_takes_nothing() {
    let config = config(vec![server(&[1, 2])]);
    let front = Front::of(&config.virtual_servers[0]).unwrap();
    let id = RealServerId::of(front, &config.virtual_servers[0].real_servers[0]);
    let target = crate::pool::drain::Target {
        address: id.address,
        port: None,
    };
    let now = std::time::Instant::now();
    let mut drains = Drains::default();
    drains.handle_drain(target, Some(std::time::Duration::ZERO), now);
    for (ended, usable) in [(false, true), (true, false)] {
        if ended {
            drains.handle_timeout(now);
        }
        let none = BTreeSet::new();
        let services = desired(&config, &none, &drains, &BTreeMap::new(), &NextHops::new());
        let dests = &services[0].dests;
        let (drained, other) = (&dests[0], &dests[1]);
        assert_eq!((drained.weight, drained.share()), (1, 0));
        assert_eq!(drained.usable, usable);
        assert!(!drained.takes_new_flows());
        assert!(other.takes_new_flows());
    }
}
