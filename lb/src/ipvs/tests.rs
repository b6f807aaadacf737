mod recorded;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    message::{Command, change, read_dest, read_service, read_sync_daemon, sync_change},
    sync::{SyncChange, SyncDaemon, SyncState},
    table::difference,
    *,
};

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test has to begin somewhere")]
    Instant::now()
}

fn front(n: u8) -> ServiceKey {
    ServiceKey::Address {
        protocol: 6,
        address: [10, 0, 0, n].into(),
        port: 80,
    }
}

fn real(n: u8) -> DestKey {
    DestKey {
        address: [192, 168, 1, n].into(),
        port: 8080,
    }
}

fn service(scheduler: &str) -> Service {
    Service {
        scheduler: scheduler.to_owned(),
        flags: 0,
        timeout: 0,
        granularity: 32,
        engine: None,
    }
}

fn dest(weight: u32) -> Dest {
    Dest {
        method: Method::Nat,
        weight,
        upper: 0,
        lower: 0,
    }
}

fn entry(scheduler: &str, dests: &[(u8, u32)]) -> Entry {
    Entry {
        service: service(scheduler),
        dests: dests
            .iter()
            .map(|(n, weight)| (real(*n), dest(*weight)))
            .collect(),
    }
}

fn table_of(entries: &[(u8, Entry)]) -> Table {
    Table {
        services: entries
            .iter()
            .map(|(n, entry)| (front(*n), entry.clone()))
            .collect(),
    }
}

/// Attributes as the kernel reads them on a little-endian host.
#[test]
#[cfg(target_endian = "little")]
fn a_service_has_these_bytes() {
    let persistent = Service {
        flags: FLAG_PERSISTENT | FLAG_SCHEDULER[1],
        timeout: 360,
        granularity: 24,
        engine: Some("sip".to_owned()),
        ..service("mh")
    };
    let message = change(&Operation::AddService(front(100), persistent));
    assert_eq!(message.command, Command::NewService);
    let expected: &[&[u8]] = &[
        &[0x5c, 0, 1, 0x80],
        &[6, 0, 1, 0, 2, 0, 0, 0],
        &[6, 0, 2, 0, 6, 0, 0, 0],
        &[
            20, 0, 3, 0, 10, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[6, 0, 4, 0, 0, 80, 0, 0],
        &[7, 0, 6, 0, b'm', b'h', 0, 0],
        &[12, 0, 7, 0, 0x11, 0, 0, 0, 0x3d, 0, 0, 0],
        &[8, 0, 8, 0, 0x68, 1, 0, 0],
        &[8, 0, 9, 0, 255, 255, 255, 0],
        &[8, 0, 11, 0, b's', b'i', b'p', 0],
    ];
    assert_eq!(message.attributes, expected.concat());
}

/// The port is in the host's order, and so is the length; a group is in the network's.
#[test]
#[cfg(target_endian = "little")]
fn a_thread_of_the_sync_daemon_has_these_bytes() {
    let daemon = SyncDaemon {
        state: SyncState::Backup,
        interface: "eth0".to_owned(),
        index: 3,
        id: 51,
        maxlen: Some(1400),
        group: [224, 0, 0, 81].into(),
        port: 8848,
        ttl: 1,
    };
    let expected: &[&[u8]] = &[
        &[0x40, 0, 3, 0x80],
        &[8, 0, 1, 0, 2, 0, 0, 0],
        &[9, 0, 2, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0],
        &[8, 0, 3, 0, 51, 0, 0, 0],
        &[6, 0, 7, 0, 0x90, 0x22, 0, 0],
        &[5, 0, 8, 0, 1, 0, 0, 0],
        &[6, 0, 4, 0, 0x78, 5, 0, 0],
        &[8, 0, 5, 0, 224, 0, 0, 81],
    ];
    let message = sync_change(&SyncChange::Start(daemon));
    assert_eq!(message.command, Command::NewDaemon);
    assert_eq!(message.attributes, expected.concat());
    assert_eq!(
        read_sync_daemon(&message.attributes),
        Some(SyncState::Backup)
    );
    let message = sync_change(&SyncChange::Stop(SyncState::Master));
    assert_eq!(message.command, Command::DelDaemon);
    let expected = [12, 0, 3, 0x80, 8, 0, 1, 0, 1, 0, 0, 0];
    assert_eq!(message.attributes, expected);
}

#[test]
#[cfg(target_endian = "little")]
fn a_dest_behind_a_tunnel_has_these_bytes() {
    let key = ServiceKey::Mark {
        mark: 7,
        is_v6: true,
    };
    let tunnelled = Dest {
        method: Method::Tunnel {
            kind: 1,
            port: 6080,
            flags: 1,
        },
        upper: 9,
        lower: 3,
        ..dest(5)
    };
    let message = change(&Operation::EditDest(key, real(1), tunnelled));
    assert_eq!(message.command, Command::SetDest);
    let expected: &[&[u8]] = &[
        &[
            20, 0, 1, 0x80, 6, 0, 1, 0, 10, 0, 0, 0, 8, 0, 5, 0, 7, 0, 0, 0,
        ],
        &[0x60, 0, 2, 0x80],
        &[6, 0, 11, 0, 2, 0, 0, 0],
        &[
            20, 0, 1, 0, 192, 168, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[6, 0, 2, 0, 0x1f, 0x90, 0, 0],
        &[8, 0, 3, 0, 2, 0, 0, 0],
        &[8, 0, 4, 0, 5, 0, 0, 0],
        &[8, 0, 5, 0, 9, 0, 0, 0],
        &[8, 0, 6, 0, 3, 0, 0, 0],
        &[5, 0, 13, 0, 1, 0, 0, 0],
        &[6, 0, 14, 0, 0x17, 0xc0, 0, 0],
        &[6, 0, 15, 0, 1, 0, 0, 0],
    ];
    assert_eq!(message.attributes, expected.concat());
}

fn any_service() -> impl Strategy<Value = Service> {
    let scheduler = prop::sample::select(vec!["rr", "wlc", "mh"]);
    (
        scheduler,
        0_u32..0x40,
        0_u32..1000,
        0_u8..=32,
        any::<bool>(),
    )
        .prop_map(
            |(scheduler, flags, timeout, granularity, has_engine)| Service {
                flags: flags & 0x3d,
                timeout,
                granularity,
                engine: has_engine.then(|| "sip".to_owned()),
                ..service(scheduler)
            },
        )
}

fn any_dest() -> impl Strategy<Value = Dest> {
    let tunnel = (0_u8..3, any::<u16>(), 0_u16..3);
    let method = prop_oneof![
        Just(Method::Nat),
        Just(Method::DirectRoute),
        tunnel.prop_map(|(kind, port, flags)| Method::Tunnel { kind, port, flags }),
    ];
    (method, 0_u32..4, 0_u32..3, 0_u32..3).prop_map(|(method, weight, upper, lower)| Dest {
        method,
        weight,
        upper,
        lower,
    })
}

fn any_table() -> impl Strategy<Value = Table> {
    let dests = prop::collection::btree_map((1_u8..5).prop_map(real), any_dest(), 0..4);
    let entry = (any_service(), dests).prop_map(|(service, dests)| Entry { service, dests });
    let services = prop::collection::btree_map((1_u8..5).prop_map(front), entry, 0..4);
    services.prop_map(|services| Table { services })
}

/// Whether new connections of a service go somewhere.
fn serves(table: &Table, key: &ServiceKey) -> bool {
    let entry = table.services.get(key);
    entry.is_some_and(|entry| entry.dests.values().any(|dest| dest.weight > 0))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        service in any_service(),
        dest in any_dest(),
        address in any::<std::net::IpAddr>(),
        port in any::<u16>(),
    ) {
        let granularity = if address.is_ipv6() { 128 } else { service.granularity };
        let service = Service { granularity, ..service };
        let key = ServiceKey::Address { protocol: 17, address, port };
        let message = change(&Operation::AddService(key, service.clone()));
        prop_assert_eq!(read_service(&message.attributes), Some((key, service)));
        let real = DestKey { address, port };
        let message = change(&Operation::AddDest(key, real, dest));
        prop_assert_eq!(read_dest(&message.attributes), Some((real, dest)));
    }

    #[test]
    fn no_bytes_of_the_kernel_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _service = read_service(&bytes);
        let _dest = read_dest(&bytes);
    }

    #[test]
    fn any_table_becomes_any_other_and_no_service_is_without_dests_meanwhile(
        before in any_table(),
        after in any_table(),
    ) {
        let mut now = before.clone();
        for operation in difference(&before, &after) {
            now.apply(&operation);
            for key in before.services.keys() {
                if serves(&before, key) && serves(&after, key) {
                    prop_assert!(serves(&now, key), "{key} after {operation}");
                }
            }
        }
        prop_assert_eq!(&now, &after);
        prop_assert!(difference(&now, &after).is_empty());
    }
}

/// A kernel that does as it is told.
fn drain(ipvs: &mut Ipvs, kernel: &mut Table, now: Instant) -> Vec<String> {
    let mut done = Vec::new();
    while let Some(output) = ipvs.poll_output() {
        match output {
            Output::Change(operation) => {
                kernel.apply(&operation);
                done.push(operation.to_string());
                ipvs.handle_done::<()>(&operation, &Ok(()), now);
            }
            Output::Observe => ipvs.handle_observed(kernel.clone(), now),
            Output::Count => panic!("nothing leaves"),
        }
    }
    done
}

#[test]
fn services_of_others_are_left_alone_and_ours_are_put_back() {
    let now = start();
    let foreign = entry("lblc", &[(9, 1)]);
    let mut kernel = table_of(&[(9, foreign.clone())]);
    let mut ipvs = Ipvs::new();
    ipvs.handle_desired(table_of(&[(1, entry("rr", &[(1, 1), (2, 1)]))]), now);
    let done = drain(&mut ipvs, &mut kernel, now);
    let expected = [
        "add 10.0.0.1:80 (tcp)",
        "add 192.168.1.1:8080 to 10.0.0.1:80 (tcp)",
        "add 192.168.1.2:8080 to 10.0.0.1:80 (tcp)",
    ];
    assert_eq!(done, expected);
    kernel
        .services
        .get_mut(&front(1))
        .unwrap()
        .dests
        .remove(&real(2));
    ipvs.handle_timeout(now + AUDIT);
    assert_eq!(drain(&mut ipvs, &mut kernel, now), expected[2..]);
    kernel.services.remove(&front(1));
    ipvs.handle_timeout(now + AUDIT);
    assert_eq!(drain(&mut ipvs, &mut kernel, now), expected);
    ipvs.handle_desired(Table::default(), now);
    assert_eq!(
        drain(&mut ipvs, &mut kernel, now),
        ["remove 10.0.0.1:80 (tcp)"]
    );
    assert_eq!(kernel, table_of(&[(9, foreign)]));
}

#[test]
fn a_flush_takes_what_others_made_too_and_a_flush_that_fails_what_was_made_here() {
    let now = start();
    let both = table_of(&[(1, entry("rr", &[(1, 1)])), (9, entry("lblc", &[(9, 1)]))]);
    for fails in [false, true] {
        let mut kernel = table_of(&[(9, entry("lblc", &[(9, 1)]))]);
        let mut ipvs = Ipvs::new();
        ipvs.handle_desired(table_of(&[(1, entry("rr", &[(1, 1)]))]), now);
        drain(&mut ipvs, &mut kernel, now);
        assert_eq!(kernel, both);
        ipvs.handle_flush();
        if fails {
            assert_eq!(ipvs.poll_output(), Some(Output::Change(Operation::Flush)));
            ipvs.handle_done(&Operation::Flush, &Err("no"), now);
            ipvs.handle_timeout(now + AUDIT);
            assert_eq!(
                drain(&mut ipvs, &mut kernel, now),
                ["remove 10.0.0.1:80 (tcp)"]
            );
        } else {
            assert_eq!(drain(&mut ipvs, &mut kernel, now), ["empty the table"]);
            assert_eq!(kernel, Table::default());
        }
        assert_eq!(ipvs.installed(), &Table::default());
    }
}

#[test]
fn what_others_made_goes_once_it_is_taken_over() {
    let now = start();
    let mut kernel = table_of(&[(9, entry("lblc", &[(9, 1)]))]);
    let mut ipvs = Ipvs::new();
    ipvs.handle_adopted(kernel.services.clone().into_keys());
    ipvs.handle_desired(table_of(&[(1, entry("rr", &[(1, 1)]))]), now);
    drain(&mut ipvs, &mut kernel, now);
    assert_eq!(kernel, table_of(&[(1, entry("rr", &[(1, 1)]))]));
}

#[test]
#[cfg(target_endian = "little")]
fn the_kernel_s_figures_are_those_of_64_bits() {
    let counters = [
        [12, 0, 1, 0],
        [7, 0, 0, 0],
        [0; 4],
        [12, 0, 2, 0],
        [9, 0, 0, 0],
        [0; 4],
    ]
    .concat();
    let counters = [&counters[..], &[12, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0]].concat();
    let mut dest = [8, 0, 7, 0, 3, 0, 0, 0, 8, 0, 8, 0, 4, 0, 0, 0, 40, 0, 12, 0].to_vec();
    dest.extend(counters);
    let mut bytes = [60, 0, 2, 0].to_vec();
    bytes.extend(dest);
    let expected = Figures {
        connections: 7,
        packets: 9,
        bytes: 1 << 32,
        active: 3,
        inactive: 4,
    };
    assert_eq!(message::read_figures(&bytes), expected);
    assert_eq!(message::read_figures(&bytes[..20]), Figures::default());
}

#[test]
fn a_restarted_child_takes_up_what_is_there() {
    let now = start();
    let wanted = table_of(&[(1, entry("rr", &[(1, 1), (2, 3)]))]);
    let mut kernel = table_of(&[(1, entry("rr", &[(1, 1), (2, 1), (3, 1)]))]);
    let mut ipvs = Ipvs::new();
    ipvs.handle_desired(wanted.clone(), now);
    let expected = [
        "edit 192.168.1.2:8080 of 10.0.0.1:80 (tcp)",
        "remove 192.168.1.3:8080 from 10.0.0.1:80 (tcp)",
    ];
    assert_eq!(drain(&mut ipvs, &mut kernel, now), expected);
    assert_eq!(kernel, wanted);
}

/// Figures of services whose first dest has so many connections.
fn figures(connections: &[(u8, u32, u32)]) -> AllFigures {
    let of = |&(n, active, inactive): &(u8, u32, u32)| {
        let dest = Figures {
            active,
            inactive,
            ..Figures::default()
        };
        let dests = BTreeMap::from([(real(1), dest), (real(2), Figures::default())]);
        (front(n), (Figures::default(), dests))
    };
    connections.iter().map(of).collect()
}

/// Lets the time come to look at what leaves; the kernel has these figures.
fn look(
    ipvs: &mut Ipvs,
    kernel: &mut Table,
    now: &mut Instant,
    counted: Option<&AllFigures>,
) -> Vec<String> {
    *now += LOOK_AGAIN;
    ipvs.handle_timeout(*now);
    assert_eq!(ipvs.poll_output(), Some(Output::Count));
    ipvs.handle_figures(counted, *now);
    drain(ipvs, kernel, *now)
}

#[test]
fn what_leaves_takes_nothing_more_and_goes_with_its_last_connection() {
    let mut now = start();
    let both = |weights: [u32; 2]| entry("rr", &[(1, weights[0]), (2, weights[1])]);
    let wanted = table_of(&[(1, both([1, 3])), (2, both([1, 1]))]);
    let mut kernel = Table::default();
    let mut ipvs = Ipvs::new();
    ipvs.handle_desired(wanted.clone(), now);
    drain(&mut ipvs, &mut kernel, now);
    ipvs.set_leaving(true);
    // One more is not begun here any more.
    let with_third = table_of(&[(1, both([1, 3])), (2, both([1, 1])), (3, both([1, 1]))]);
    ipvs.handle_desired(with_third.clone(), now);
    drain(&mut ipvs, &mut kernel, now);
    let quiet = [(1, both([0, 0])), (2, both([0, 0]))];
    assert_eq!(kernel, table_of(&quiet));
    assert!(!ipvs.has_left());
    let counted = figures(&[(1, 1, 0), (2, 0, 1)]);
    assert_eq!(
        look(&mut ipvs, &mut kernel, &mut now, Some(&counted)),
        [""; 0]
    );
    assert_eq!(look(&mut ipvs, &mut kernel, &mut now, None), [""; 0]);
    let counted = figures(&[(1, 0, 0), (2, 0, 1)]);
    let gone = ["remove 10.0.0.1:80 (tcp)"];
    assert_eq!(look(&mut ipvs, &mut kernel, &mut now, Some(&counted)), gone);
    // What went stays away while health changes.
    ipvs.handle_desired(with_third, now);
    drain(&mut ipvs, &mut kernel, now);
    assert_eq!(kernel, table_of(&quiet[1..]));
    look(&mut ipvs, &mut kernel, &mut now, Some(&figures(&[])));
    assert_eq!(kernel, Table::default());
    assert!(ipvs.has_left());
    ipvs.set_leaving(false);
    ipvs.handle_desired(wanted.clone(), now);
    drain(&mut ipvs, &mut kernel, now);
    assert_eq!(kernel, wanted);
    assert!(!ipvs.has_left());
}

#[test]
fn a_restarted_child_lets_what_is_there_leave() {
    let now = start();
    let foreign = (9, entry("lblc", &[(9, 1)]));
    let mut kernel = table_of(&[(1, entry("rr", &[(1, 0), (3, 0)])), foreign.clone()]);
    let mut ipvs = Ipvs::new();
    ipvs.set_leaving(true);
    let wanted = [(1, entry("rr", &[(1, 5)])), (2, entry("rr", &[(1, 5)]))];
    ipvs.handle_desired(table_of(&wanted), now);
    assert!(!ipvs.has_left(), "nobody knows yet");
    drain(&mut ipvs, &mut kernel, now);
    let expected = [(1, entry("rr", &[(1, 0)])), foreign];
    assert_eq!(kernel, table_of(&expected));
    ipvs.handle_desired(Table::default(), now);
    drain(&mut ipvs, &mut kernel, now);
    assert_eq!(kernel, table_of(&expected[1..]));
}

#[test]
fn after_a_failure_the_table_is_read_and_the_rest_is_done() {
    let now = start();
    let wanted = table_of(&[(1, entry("rr", &[(1, 1)]))]);
    let mut kernel = Table::default();
    let mut ipvs = Ipvs::new();
    ipvs.handle_desired(wanted.clone(), now);
    assert_eq!(ipvs.poll_output(), Some(Output::Observe));
    ipvs.handle_observed(kernel.clone(), now);
    let mut operations = Vec::new();
    while let Some(Output::Change(operation)) = ipvs.poll_output() {
        operations.push(operation);
    }
    for operation in &operations {
        ipvs.handle_done(operation, &Err("no"), now);
    }
    assert_eq!(ipvs.installed(), &Table::default());
    // Doubled by the first look at the table.
    let due = now + 2 * RETRY;
    assert_eq!(ipvs.poll_timeout().map(|(due, _)| due), Some(due));
    ipvs.handle_timeout(due);
    drain(&mut ipvs, &mut kernel, now);
    assert_eq!(kernel, wanted);
    let expected = BTreeMap::from([(front(1), entry("rr", &[(1, 1)]))]);
    assert_eq!(ipvs.installed().services, expected);
}
