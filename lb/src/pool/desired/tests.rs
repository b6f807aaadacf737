use super::*;
use crate::{
    config::model::{
        Family, InterfaceName, Micros, PrefixLength, Protocol, RealServer, VirtualAddress,
        VirtualServerGroup, VirtualService, Vrid, VrrpInstance, Weight, lvs::GroupMember,
    },
    pool::Health,
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

/// What there should be while these hosts' real servers are down.
fn desire(config: &Config, down: &[u8]) -> Vec<Service> {
    desire_with(config, down, &Drains::default(), &NextHops::new()).services
}

fn desire_with(config: &Config, down: &[u8], drains: &Drains, next_hops: &NextHops) -> Desired {
    let mut pool = Pool::default();
    pool.handle_config(config, |id| {
        let server = config.virtual_servers.iter();
        let mut reals = server.flat_map(|server| &server.real_servers);
        let real = reals.find(|real| real.address == id.address).unwrap();
        let is_down = down
            .iter()
            .any(|host| id.address == IpAddr::from([10, 0, 0, *host]));
        Health {
            is_up: !is_down,
            base: real.weight.get(),
            ..Health::default()
        }
    });
    desired(
        config,
        &Standings {
            pool: &pool,
            drains,
            gates: &[("VI_1".to_owned(), 3)].into(),
            next_hops,
            marks: &Marks::new(),
        },
    )
}

/// Last byte of the address, share and usability of each dest.
fn dests_of(service: &Service) -> Vec<(u8, u32, bool)> {
    let host = |address| match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(_) => 0,
    };
    let dests = service.dests.iter();
    dests
        .map(|dest| (host(dest.id.address), dest.share(), dest.usable))
        .collect()
}

#[test]
fn the_gate_is_that_of_the_instance_which_owns_the_address() {
    for (address, gate) in [(VIP, 3), ([192, 0, 2, 9], ALWAYS_OPEN)] {
        let mut config = config(vec![server(&[1])]);
        config.vrrp_instances = vec![instance(address)];
        assert_eq!(desire(&config, &[])[0].gate, gate);
    }
}

#[test]
fn failed_is_not_usable_and_weight_zero_takes_no_new_flows() {
    let config = config(vec![server(&[0, 1, 2])]);
    let services = desire(&config, &[1]);
    let seen: Vec<_> = services[0]
        .dests
        .iter()
        .map(|dest| (dest.usable, dest.takes_new_flows()))
        .collect();
    assert_eq!(seen, [(true, false), (false, false), (true, true)]);
}

#[test]
fn the_second_of_two_equals_is_ignored() {
    let services = desire(&config(vec![server(&[1, 1, 2]), server(&[3])]), &[]);
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
    let services = desire_with(&config, &[], &Drains::default(), &next_hops).services;
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
    let target = crate::pool::drain::Target {
        address: [10, 0, 0, 1].into(),
        port: None,
    };
    let now = std::time::Instant::now();
    let mut drains = Drains::default();
    drains.handle_drain(target, Some(std::time::Duration::ZERO), now);
    for (ended, usable) in [(false, true), (true, false)] {
        if ended {
            drains.handle_timeout(now);
        }
        let services = desire_with(&config, &[], &drains, &NextHops::new()).services;
        let dests = &services[0].dests;
        let (drained, other) = (&dests[0], &dests[1]);
        assert_eq!((drained.weight, drained.share()), (1, 0));
        assert_eq!(drained.usable, usable);
        assert!(!drained.takes_new_flows());
        assert!(other.takes_new_flows());
    }
}

fn sorry(inhibit: bool) -> Option<Box<SorryServer>> {
    Some(Box::new(SorryServer {
        address: [10, 0, 0, 99].into(),
        port: 80,
        method: ForwardMethod::DirectRoute,
        inhibit,
    }))
}

#[test]
fn without_a_quorum_the_sorry_server_serves_in_place_of_all_others() {
    let mut with_sorry = server(&[1, 2]);
    with_sorry.quorum.weight = 3;
    with_sorry.sorry_server = sorry(false);
    let config = config(vec![with_sorry]);
    let up = [(1, 1, true), (2, 2, true), (99, 0, false)];
    assert_eq!(dests_of(&desire(&config, &[])[0]), up);
    let down = [(1, 1, false), (2, 2, false), (99, 1, true)];
    assert_eq!(dests_of(&desire(&config, &[1])[0]), down);
}

#[test]
fn without_a_sorry_server_a_lost_quorum_changes_nothing() {
    let mut alone = server(&[1, 2]);
    alone.quorum.weight = 3;
    let config = config(vec![alone]);
    let down = [(1, 1, false), (2, 2, true)];
    assert_eq!(dests_of(&desire(&config, &[1])[0]), down);
}

#[test]
fn who_inhibits_keeps_its_place_with_weight_0() {
    let mut with_sorry = server(&[1, 2]);
    with_sorry.real_servers[0].inhibit_on_failure = true;
    with_sorry.real_servers[1].inhibit_on_failure = true;
    with_sorry.quorum.weight = 3;
    with_sorry.sorry_server = sorry(true);
    let config = config(vec![with_sorry]);
    let up = [(1, 1, true), (2, 2, true), (99, 0, true)];
    assert_eq!(dests_of(&desire(&config, &[])[0]), up);
    let down = [(1, 0, true), (2, 0, true), (99, 1, true)];
    assert_eq!(dests_of(&desire(&config, &[1])[0]), down);
}

#[test]
fn a_real_server_may_be_the_sorry_server_too() {
    let mut both = server(&[1, 2]);
    both.quorum.weight = 3;
    both.sorry_server = sorry(false);
    both.real_servers[1].address = [10, 0, 0, 99].into();
    let config = config(vec![both]);
    assert_eq!(
        dests_of(&desire(&config, &[])[0]),
        [(1, 1, true), (99, 2, true)]
    );
    assert_eq!(
        dests_of(&desire(&config, &[1])[0]),
        [(1, 1, false), (99, 1, true)]
    );
}

#[test]
fn a_group_is_all_its_members_and_packets_that_are_not_translated_keep_their_port() {
    let mut grouped = server(&[1]);
    grouped.service = VirtualService::Group {
        name: "g".to_owned(),
        family: Family::V4,
    };
    grouped
        .real_servers
        .push(RealServer::new([10, 0, 0, 2].into(), 8080));
    let mut config = config(vec![grouped]);
    let prefix = GroupMember::Prefix {
        address: [192, 0, 2, 8].into(),
        length: PrefixLength::try_from(31).unwrap(),
        port: 443,
    };
    let range = GroupMember::Range {
        first: [192, 0, 2, 1].into(),
        last: [192, 0, 2, 2].into(),
        port: 81,
    };
    let mark = GroupMember::Fwmark {
        mark: 7,
        family: None,
    };
    config.virtual_server_groups = vec![VirtualServerGroup {
        name: "g".to_owned(),
        members: vec![range, prefix, mark],
    }];
    let desired = desire_with(&config, &[], &Drains::default(), &NextHops::new());
    let seen: Vec<_> = desired
        .services
        .iter()
        .map(|service| {
            let ports: Vec<_> = service.dests.iter().map(|dest| dest.id.port).collect();
            (service.front.address.to_string(), service.front.port, ports)
        })
        .collect();
    let expected = [
        ("192.0.2.1".to_owned(), 81, vec![81, 8080]),
        ("192.0.2.2".to_owned(), 81, vec![81, 8080]),
        ("192.0.2.8".to_owned(), 443, vec![443, 8080]),
        ("192.0.2.9".to_owned(), 443, vec![443, 8080]),
    ];
    assert_eq!(seen, expected);
    let marks: Vec<_> = desired
        .marked
        .iter()
        .map(|service| service.front.mark)
        .collect();
    assert_eq!(marks, [7]);
}

#[test]
fn a_successor_remembers_who_carried_nothing() {
    let config = config(vec![server(&[1, 2])]);
    let traced = |trace| {
        move |_, address, _| {
            Some(if address == IpAddr::from([10, 0, 0, 2]) {
                trace
            } else {
                Trace::Serving
            })
        }
    };
    let failed = remembered(&config, &Marks::new(), traced(Trace::Gone));
    let failed: Vec<_> = failed.iter().map(|id| id.address).collect();
    assert_eq!(failed, [IpAddr::from([10, 0, 0, 2])]);
    assert!(remembered(&config, &Marks::new(), traced(Trace::Quiescent)).is_empty());
    let mut inhibits = config.clone();
    inhibits.virtual_servers[0].real_servers[1].inhibit_on_failure = true;
    assert_eq!(
        remembered(&inhibits, &Marks::new(), traced(Trace::Quiescent)).len(),
        1
    );
    assert!(remembered(&config, &Marks::new(), |_, _, _| None).is_empty());
}

#[test]
fn in_its_slow_start_a_real_server_has_less_than_its_weight() {
    let mut server = server(&[5, 6]);
    server.real_servers[0].slow_start = Micros::MAX;
    let config = config(vec![server]);
    let mut pool = Pool::default();
    let whole = |id: &RealServerId| Health {
        base: match id.address {
            IpAddr::V4(v4) => v4.octets()[3].into(),
            IpAddr::V6(_) => 0,
        },
        ..Health::default()
    };
    pool.handle_config(&config, whole);
    let server = &config.virtual_servers[0];
    let id = RealServerId::of(VirtualServerId::of(server), &server.real_servers[0]);
    for is_up in [false, true] {
        let health = Health {
            is_up,
            has_failed: !is_up,
            ..whole(&id)
        };
        pool.handle_health(&id, health, start());
    }
    let standings = Standings {
        pool: &pool,
        drains: &Drains::default(),
        gates: &BTreeMap::new(),
        next_hops: &NextHops::new(),
        marks: &Marks::new(),
    };
    let service = &desired(&config, &standings).services[0];
    assert_eq!(dests_of(service), [(5, 1, true), (6, 6, true)]);
    assert_eq!(service.dests[0].configured_weight, 5);
}

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> std::time::Instant {
    std::time::Instant::now()
}
