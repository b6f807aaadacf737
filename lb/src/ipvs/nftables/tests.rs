use super::*;
use crate::{
    config::model::{Family, Scheduler, lvs::SchedulerFlags},
    pool::{Mark, desired::Service},
};

fn front(address: &str, port: u16, protocol: Protocol) -> Front {
    Front {
        address: address.parse().expect("an address"),
        port,
        protocol,
    }
}

/// Services with these fronts and marks; 0 is none.
fn desired(fronts: &[(Front, u32)]) -> Desired {
    let service = |front| Service {
        front,
        gate: 0,
        scheduler: Scheduler::RoundRobin,
        flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        dests: Vec::new(),
    };
    let marked = fronts.iter().filter(|(_, mark)| *mark != 0);
    let family = |front: &Front| {
        if front.address.is_ipv6() {
            Family::V6
        } else {
            Family::V4
        }
    };
    let mark = |(front, mark): &(Front, u32)| {
        let family = family(front);
        (
            *front,
            Mark {
                mark: *mark,
                family,
            },
        )
    };
    Desired {
        services: fronts.iter().map(|(front, _)| service(*front)).collect(),
        by_mark: marked.map(mark).collect(),
        ..Desired::default()
    }
}

fn firewall(counts: bool) -> Firewall {
    Firewall {
        nftables_ipvs: Some("lvs".to_owned()),
        nftables_counters: counts,
        ..Firewall::default()
    }
}

#[test]
fn rules_are_keepalived_s_for_addresses_ranges_and_families() {
    use Protocol::{Tcp, Udp};
    let mut fronts = vec![(front("192.0.2.10", 80, Tcp), 1000)];
    for host in 20..26 {
        fronts.push((front(&format!("192.0.2.{host}"), 80, Tcp), 1000));
        fronts.push((front(&format!("192.0.2.{host}"), 80, Udp), 1001));
    }
    fronts.push((front("192.0.2.26", 80, Tcp), 0));
    fronts.push((front("2001:db8::1", 443, Tcp), 1002));
    let expected = "\
add table ip lvs
delete table ip lvs
add table ip6 lvs
delete table ip6 lvs
table ip lvs {
	map tcp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { 192.0.2.10 . 80 : 0x3e8,
			192.0.2.20-192.0.2.25 . 80 : 0x3e8 }
	}
	map udp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { 192.0.2.20-192.0.2.25 . 80 : 0x3e9 }
	}
	chain in {
		type filter hook input priority -1; policy accept;
		meta mark set ip daddr . tcp dport map @tcp_map return
		meta mark set ip daddr . udp dport map @udp_map return
	}
}
table ip6 lvs {
	map tcp_map {
		type ipv6_addr . inet_service : mark
		flags interval
		elements = { 2001:db8::1 . 443 : 0x3ea }
	}
	chain in {
		type filter hook input priority -1; policy accept;
		meta mark set ip6 daddr . tcp dport map @tcp_map return
	}
}
";
    assert_eq!(rules(&firewall(false), &desired(&fronts)), expected);
    let counting = rules(&firewall(true), &desired(&fronts));
    assert_eq!(counting.matches("counter").count(), 6);
}

#[test]
fn port_zero_is_every_port_that_no_other_service_of_the_address_has() {
    let own = front("192.0.2.1", 0, Protocol::Tcp);
    for (others, expected) in [
        (&[][..], &[(0, 65535)][..]),
        (&[80], &[(0, 79), (81, 65535)]),
        (&[443, 80, 81], &[(0, 79), (82, 442), (444, 65535)]),
        (&[1, 65535], &[(0, 0), (2, 65534)]),
    ] {
        let tcp = others
            .iter()
            .map(|port| front("192.0.2.1", *port, Protocol::Tcp));
        let foreign = [
            front("192.0.2.1", 7, Protocol::Udp),
            front("192.0.2.2", 7, Protocol::Tcp),
        ];
        let served = tcp.chain(foreign).chain([own]).collect();
        let found: Vec<_> = ports(own, &served)
            .into_iter()
            .map(std::ops::RangeInclusive::into_inner)
            .collect();
        assert_eq!(found, expected, "{others:?}");
    }
}
