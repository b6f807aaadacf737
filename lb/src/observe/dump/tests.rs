use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::Value;

use super::{
    Civil, DumpFile,
    data::{self, Source},
    json, stats,
    waits::{self, Process, Thread},
};
use crate::{
    config::model::{
        Config, Family, InterfaceName, JsonVersion, VirtualAddress, VrrpInstance,
        track::TrackProcess,
        vrrp::{Authentication, AuthenticationType, Track},
    },
    observe::status::{LinkSnapshot, Status, Wait},
    track::snapshot::TrackedSnapshot,
    vrrp::{
        Router,
        output::State,
        snapshot::{Counts, InstanceSnapshot},
    },
};

fn interface() -> InterfaceName {
    InterfaceName::try_from("v0".to_owned()).unwrap()
}

fn config() -> Config {
    let mut instance = VrrpInstance::new("VI_1", interface(), 51.try_into().unwrap(), Family::V4);
    for (address, prefix) in [([10, 9, 0, 100], 24), ([10, 9, 0, 101], 32)] {
        instance.addresses.push(VirtualAddress {
            address: address.into(),
            prefix: prefix.try_into().unwrap(),
            interface: interface(),
        });
    }
    instance.authentication = Some(Authentication {
        kind: AuthenticationType::Password,
        password: "1234".to_owned().into(),
    });
    instance.tracks.processes.push(Track {
        name: "pp".to_owned(),
        weight: Some(3),
        reverse: None,
        peer: false,
    });
    let mut config = Config {
        vrrp_instances: vec![instance],
        ..Config::default()
    };
    config
        .track_processes
        .push(TrackProcess::new("pp", "sleep"));
    config
}

/// The instance as a MASTER, with counts of every kind that differ from each other.
fn snapshots(config: &Config) -> Vec<InstanceSnapshot> {
    let mut router = Router::new();
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    let now = std::time::Instant::now();
    router.handle_config(&config.vrrp_instances, &[], now);
    let mut snapshots = router.snapshot(now);
    let names = [
        "packet_len_err",
        "ip_ttl_err",
        "invalid_type_rcvd",
        "advert_interval_err",
        "addr_list_err",
        "invalid_authtype",
        "authtype_mismatch",
        "auth_failure",
        "auth_ext_missing",
        "auth_ext_malformed",
        "auth_ext_unknown_key",
        "auth_ext_invalid_hmac",
        "auth_ext_stale",
        "auth_ext_replay",
    ];
    let refused = names.into_iter().zip(11..);
    for snapshot in &mut snapshots {
        snapshot.state = State::Master;
        snapshot.since = 1.5;
        snapshot.installed = vec!["10.9.0.100/24".to_owned()];
        snapshot.counts = Counts {
            adverts_received: 1,
            adverts_absorbed: 40,
            adverts_sent: 2,
            zero_received: 3,
            zero_sent: 4,
            became_master: 5,
            released_master: 6,
            fenced: 7,
            refused: refused
                .clone()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
        };
    }
    snapshots
}

#[test]
fn the_counters_have_keepaliveds_layout() {
    let config = config();
    let text = stats::render(&config, &snapshots(&config));
    // As keepalived 2.2.7 writes it, with the lines of 2.4 about signed adverts.
    let expected = "VRRP Instance: VI_1
  Advertisements:
    Received: 41
    Sent: 2
  Became master: 5
  Released master: 6
  Packet Errors:
    Length: 11
    TTL: 12
    Invalid Type: 13
    Advertisement Interval: 14
    Address List: 15
  Authentication Errors:
    Invalid Type: 16
    Type Mismatch: 17
    Failure: 18
  Authentication Extension Errors:
    Missing: 19
    Malformed: 20
    Unknown Key: 21
    Invalid HMAC: 22
    Stale: 23
    Replay: 24
  Priority Zero:
    Received: 3
    Sent: 4
";
    assert_eq!(text, expected);
}

fn parsed(config: &Config) -> Value {
    let tracked = [TrackedSnapshot {
        kind: "vrrp_track_process".to_owned(),
        name: "pp".to_owned(),
        up: Some(true),
        last: "2 running".to_owned(),
        count: Some(2),
        running: false,
        delayed: Some("fork_delay".to_owned()),
        since: 1.0,
        instances: vec!["VI_1".to_owned()],
    }];
    let time = Duration::new(1_795_436_534, 41_582_000);
    let text = json::render(config, &snapshots(config), &tracked, time).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn both_versions_of_the_json_have_the_same_instances() {
    let mut config = config();
    let first = parsed(&config);
    config.global.files.json = JsonVersion::V2;
    let second = parsed(&config);
    assert_eq!(second["vrrp"], first);
    let process = &second["track_process"][0];
    let pairs = [
        ("process", Value::from("sleep")),
        ("param_match", "none".into()),
        ("min_processes", 1.into()),
        ("current_processes", 2.into()),
        ("have_quorum", true.into()),
        ("weight", 0.into()),
        ("terminate_delay", 0.into()),
        ("fork_delay_timer_running", true.into()),
        ("terminate_delay_timer_running", false.into()),
        ("full_command", false.into()),
    ];
    for (field, value) in pairs {
        assert_eq!(process[field], value, "{field}");
    }
    assert!(process.get("max_processes").is_none());
    config.track_processes.clear();
    assert!(parsed(&config).get("track_process").is_none());
}

#[test]
fn the_json_has_whole_numbers_where_programs_read_whole_numbers_and_no_password() {
    let config = config();
    let all = parsed(&config);
    let (data, stats) = (&all[0]["data"], &all[0]["stats"]);
    let pairs = [
        ("garp_delay", Value::from(5)),
        ("adver_int", 1.into()),
        ("master_adver_int", 1.into()),
        ("state", 2.into()),
        ("wantstate", 2.into()),
        ("accept", 1.into()),
        ("vipset", true.into()),
        ("nopreempt", false.into()),
        ("auth_type", 1.into()),
        ("auth_data", "********".into()),
        ("last_transition", 1_795_436_532.541_582_f64.into()),
    ];
    for (field, value) in pairs {
        assert_eq!(data[field], value, "{field}");
    }
    let vips = [
        "10.9.0.100/24 dev v0 scope global set",
        "10.9.0.101 dev v0 scope global",
    ];
    assert_eq!(data["vips"], Value::from(vips.to_vec()));
    assert!(data.get("evips").is_none(), "what is empty is left out");
    let numbers = stats.as_object().unwrap();
    assert!(numbers.values().all(Value::is_u64), "{stats}");
    let pairs = [
        ("advert_rcvd", 41),
        ("release_master", 6),
        ("auth_ext_replay", 24),
        ("pri_zero_sent", 4),
    ];
    for (field, value) in pairs {
        assert_eq!(stats[field], value, "{field}");
    }
}

fn noon(_: i64) -> Civil {
    Civil {
        year: 2026,
        month: 11,
        day: 3,
        weekday: 1,
        hour: 12,
        minute: 22,
        second: 12,
    }
}

#[test]
fn the_state_has_the_lines_that_exporters_read() {
    let config = config();
    let status = Status {
        router_id: "edge1".to_owned(),
        instances: Some(snapshots(&config)),
        time: Duration::new(1_795_436_534, 41_582_000),
        ..Status::default()
    };
    let links = [LinkSnapshot {
        name: "v0".to_owned(),
        index: 3,
        up: true,
        mac: Some("02:00:00:00:00:01".to_owned()),
        addresses: vec![[10, 9, 0, 1].into()],
    }];
    let source = Source {
        config: &config,
        namespace: None,
        status: &status,
        links: &links,
        zone: noon,
    };
    let text = data::vrrp(&source);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "------< Global definitions >------",
            " Network namespace = (default)",
            " Router ID = edge1"
        ]
    );
    for line in [
        "------< VRRP Topology >------",
        " VRRP Instance = VI_1",
        "   State = MASTER",
        "   Wantstate = MASTER",
        "   Last transition = 1795436532.541582 (Mon Nov  3 12:22:12.541582 2026)",
        "   Interface = v0",
        "   Gratuitous ARP delay = 5",
        "   Virtual Router ID = 51",
        "   Advert interval = 1 sec",
        "   Password = ********",
        "   Virtual IP (2):",
        "     10.9.0.100/24 dev v0 scope global set",
        "     10.9.0.101 dev v0 scope global",
        "   Tracked processes :",
        "     pp, weight 3",
        "------< VRRP Track processes >------",
        " VRRP Track process = pp",
        "------< Interfaces >------",
        " Name = v0",
        "   IPv4 address = 10.9.0.1",
        "   IPv6 address = (none)",
        "   MAC = 02:00:00:00:00:01",
        "     VI_1, weight 0",
    ] {
        assert!(lines.contains(&line), "{line}\n{text}");
    }
    assert!(!text.contains("1234"), "{text}");
}

#[test]
fn files_are_where_the_configuration_says() {
    let folder = Path::new("/tmp");
    let mut config = config();
    let all = [
        (
            DumpFile::Parent,
            "/tmp/keepalived_parent.data",
            "/tmp/keepalived_parent.ns_foo.data",
        ),
        (
            DumpFile::Vrrp,
            "/tmp/keepalived.data",
            "/tmp/keepalived.ns_foo.data",
        ),
        (
            DumpFile::Checkers,
            "/tmp/keepalived_check.data",
            "/tmp/keepalived_check.ns_foo.data",
        ),
        (
            DumpFile::Bfd,
            "/tmp/keepalived_bfd.data",
            "/tmp/keepalived_bfd.ns_foo.data",
        ),
        (
            DumpFile::Stats,
            "/tmp/keepalived.stats",
            "/tmp/keepalived.stats",
        ),
        (
            DumpFile::Json,
            "/tmp/keepalived.json",
            "/tmp/keepalived.json",
        ),
    ];
    config.process.instance = Some("foo".to_owned());
    for (file, plain, _) in all {
        assert_eq!(file.path(&config, Some("ns"), folder), Path::new(plain));
    }
    config.global.files.instance_in_names = true;
    for (file, _, named) in all {
        assert_eq!(file.path(&config, Some("ns"), folder), Path::new(named));
    }
    let alone = DumpFile::Vrrp.path(&config, None, folder);
    assert_eq!(alone, Path::new("/tmp/keepalived.foo.data"));
    config.process.instance = None;
    let neither = DumpFile::Vrrp.path(&config, None, folder);
    assert_eq!(neither, Path::new("/tmp/keepalived.data"));
    config.global.files.state_dump = Some("/var/lib/state".to_owned());
    config.global.files.stats_dump = Some("/var/lib/stats".to_owned());
    config.global.files.json_dump = Some("other.json".to_owned());
    let paths = [
        (DumpFile::Vrrp, "/var/lib/state"),
        (DumpFile::Stats, "/var/lib/stats"),
        (DumpFile::Json, "/tmp/other.json"),
    ];
    for (file, path) in paths {
        assert_eq!(file.path(&config, Some("ns"), folder), Path::new(path));
    }
}

#[test]
fn what_is_late_stands_before_what_is_due_and_who_is_silent_is_told_of() {
    let wait = |what: &str, due_in| Wait {
        what: what.to_owned(),
        due_in,
    };
    let thread = Thread {
        id: 8,
        name: "lb-vrrp".to_owned(),
        state: 'D',
        sleeps_in: "nfs_wait".to_owned(),
        cpu: Duration::from_millis(1500),
        switches: (2, 1),
    };
    let process = |role: &str, waits| Process {
        role: role.to_owned(),
        pid: 8,
        waits,
        longest_delay: Some(Duration::from_millis(2)),
        threads: vec![thread.clone()],
    };
    let waits = vec![
        wait("VI_1: advert", Some(0.25)),
        wait("VI_2: advert", Some(-1.5)),
        wait("adverts at v0", None),
    ];
    let text = waits::render(&[process("vrrp", Some(waits)), process("bfd", None)]);
    let expected = "------< vrrp (pid 8) >------
 Longest delay of a timer = 0.002000 s
 Waits for 3 things, 1 of them late
   event          adverts at v0
   LATE 1.500 s   VI_2: advert
   in 0.250 s     VI_1: advert
 Threads = 1
   8 lb-vrrp: waits for a device (cannot be killed) in nfs_wait, 1.500 s on a processor, 2 waits, 1 times put aside
------< bfd (pid 8) >------
 Longest delay of a timer = 0.002000 s
 Does not answer: its loop is busy or stuck; its threads say in what
 Threads = 1
   8 lb-vrrp: waits for a device (cannot be killed) in nfs_wait, 1.500 s on a processor, 2 waits, 1 times put aside
";
    assert_eq!(text, expected);
}

#[test]
fn counts_begin_anew_where_they_were_looked_at() {
    let before = Counts {
        adverts_sent: 3,
        refused: BTreeMap::from([("ip_ttl_err".to_owned(), 2)]),
        ..Counts::default()
    };
    let mut now = before.clone();
    now.adverts_sent += 1;
    let since = now.since(&before);
    assert_eq!((since.adverts_sent, since.refused.len()), (1, 0));
}
