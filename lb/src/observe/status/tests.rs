use super::*;
use crate::{
    bfd,
    pool::snapshot::RealServerSnapshot,
    track::snapshot::TrackedSnapshot,
    vrrp::output::{Gate, State},
};

fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        router_id: "edge1".into(),
        time: Duration::ZERO,
        pid: 7,
        data_plane: DataPlaneStatus {
            loaded: true,
            kernel_heartbeat: true,
            pins: "/sys/fs/bpf/lb".into(),
            lacks: vec!["eth1: generic XDP, the driver has no native mode".into()],
            interfaces: [
                ("eth0".into(), "native".into()),
                ("eth1".into(), "generic".into()),
            ]
            .into(),
            counters: [("forwarded".into(), 12), ("malformed".into(), 0)].into(),
        },
        instances: Some(vec![InstanceSnapshot {
            id: InstanceId(1),
            source: None,
            name: "VI_1".into(),
            interface: "eth0".into(),
            vrid: 51,
            version: 3,
            family: 4,
            state: State::Master,
            why: "no advert for the master-down interval".into(),
            priority: 150,
            base_priority: 150,
            faults: Vec::new(),
            group: Some("G1".into()),
            yielding: true,
            yields_for: Some(250.0),
            master: Some([192, 0, 2, 1].into()),
            master_priority: 150,
            advert_interval: 0.1,
            since: 3725.0,
            gate: Gate::Open,
            kernel_heartbeat: true,
            addresses: vec!["192.0.2.80/24".into(), "192.0.2.81/24".into()],
            installed: vec!["192.0.2.80/24".into()],
            objects: vec![],
            counts: Counts {
                adverts_received: 1,
                adverts_sent: 2,
                became_master: 1,
                ..Counts::default()
            },
        }]),
        groups: vec![GroupSnapshot {
            name: "G1".into(),
            state: State::Master,
            members: vec!["VI_1".into(), "VI_2".into()],
        }],
        statics: vec![
            ObjectSnapshot {
                line: "192.0.2.9/24 dev eth0".into(),
                installed: true,
                refused: None,
            },
            ObjectSnapshot {
                line: "198.51.100.0/24 via 192.0.2.254".into(),
                installed: false,
                refused: Some("No route to host".into()),
            },
        ],
        tracked: vec![
            TrackedSnapshot {
                kind: "vrrp_script".into(),
                name: "chk_http".into(),
                up: Some(false),
                last: "exited with status 1".into(),
                count: None,
                running: false,
                delayed: None,
                since: 12.5,
                instances: vec!["VI_1".into(), "VI_2".into()],
            },
            TrackedSnapshot {
                kind: "track_file".into(),
                name: "offset".into(),
                up: None,
                last: "-20".into(),
                count: None,
                running: false,
                delayed: None,
                since: 90_000.0,
                instances: vec!["VI_1".into()],
            },
        ],
        services: Some(vec![ServiceSnapshot {
            service: "192.0.2.80:80".into(),
            protocol: "TCP".into(),
            scheduler: "mh".into(),
            planes: vec!["XDP".into(), "IPVS".into()],
            leaving: Some("XDP".into()),
            id: 1,
            instance: Some("VI_1".into()),
            has_quorum: true,
            flows: 3,
            connections: 9,
            packets: 100,
            bytes: 6400,
            real_servers: vec![RealServerSnapshot {
                real_server: "198.51.100.1:80".into(),
                method: "DR".into(),
                weight: 1,
                grows_to: None,
                draining: false,
                up: false,
                why: "connect: connection refused".into(),
                next_hop: "eth0 02:00:00:00:00:01".into(),
                flows: 3,
                active: 2,
                inactive: 1,
                overloaded: true,
                connections: 9,
                packets: 100,
                bytes: 6400,
            }],
        }]),
        ipvs: Some(IpvsStatus::from(About {
            version: [1, 2, 1],
            buckets: 4096,
            timeouts: [900, 120, 300],
        })),
        sessions: Some(SessionsStatus {
            sessions: vec![SessionSnapshot {
                name: "spine".into(),
                neighbor: [198, 51, 100, 1].into(),
                source: None,
                multihop: true,
                state: bfd::packet::State::Down,
                since: 3.25,
                confirmed: true,
                diagnostic: "Control Detection Time Expired".into(),
                remote_state: bfd::packet::State::Down,
                remote_diagnostic: "No Diagnostic".into(),
                discriminator: 7,
                remote_discriminator: 0,
                tx_interval_ms: 1000.0,
                rx_interval_ms: 3.312,
                detection_time_ms: None,
                watched: false,
                polling: false,
                authentication: true,
                ups: 1,
                sent: 20,
                received: 10,
                refused: [("authentication_failed".into(), 4)].into(),
            }],
            refused: [("no_session".into(), 2)].into(),
        }),
        loops: [(
            "vrrp".into(),
            LoopStatus {
                longest_delay: 0.0012,
                ..LoopStatus::default()
            },
        )]
        .into(),
        processes: None,
    }
}

#[test]
fn the_table_is_aligned_and_says_what_is_wrong() {
    insta::assert_snapshot!(status().table());
}

#[test]
fn a_weight_that_grows_is_shown_with_what_it_grows_to() {
    let mut status = status();
    for service in status.services.iter_mut().flatten() {
        for server in &mut service.real_servers {
            (server.up, server.overloaded) = (true, false);
            (server.weight, server.grows_to) = (3, Some(10));
        }
    }
    let table = status.table();
    let line = table.lines().find(|line| line.contains("-> 198.51.100.1"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[2..7], ["DR", "3", "of", "10", "starting"]);
    let json = serde_json::to_string(&status).unwrap();
    assert!(json.contains(r#""weight":3,"grows_to":10"#), "{json}");
}

#[test]
fn a_child_that_does_not_answer_is_named() {
    let silent = Status {
        instances: None,
        groups: Vec::new(),
        statics: Vec::new(),
        tracked: Vec::new(),
        services: None,
        ipvs: None,
        sessions: None,
        ..status()
    };
    insta::assert_snapshot!(silent.table());
}

#[test]
fn the_json_reads_back_as_it_was() {
    let json = serde_json::to_string(&status()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status());
}
