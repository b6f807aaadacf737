//! Bytes as a kernel took them and gave them: the tier `vm` sends the requests of `recorded.txt` and compares the answers.

use super::{
    super::{
        message::{
            Message, ask_info, ask_timeouts, dests, read_figures, read_info, read_timeouts,
            services, sync_daemons, timeouts,
        },
        sync::{SyncChange, SyncDaemon, SyncState},
    },
    *,
};

const RECORDED: &str = include_str!("recorded.txt");

fn front(protocol: u16, address: &str, port: u16) -> ServiceKey {
    let address = address.parse().unwrap();
    ServiceKey::Address {
        protocol,
        address,
        port,
    }
}

fn web() -> ServiceKey {
    front(6, "192.0.2.100", 80)
}

fn web6() -> ServiceKey {
    front(6, "2001:db8::100", 443)
}

/// The table that the requests make.
fn table() -> Vec<(ServiceKey, Service)> {
    let persistent = Service {
        flags: FLAG_PERSISTENT | FLAG_SCHEDULER[1],
        timeout: 360,
        granularity: 24,
        ..service("mh")
    };
    let v6 = Service {
        granularity: 128,
        ..service("wlc")
    };
    let mark = ServiceKey::Mark {
        mark: 7,
        is_v6: true,
    };
    let engine = Service {
        flags: FLAG_PERSISTENT | FLAG_ONE_PACKET,
        timeout: 60,
        engine: Some("sip".to_owned()),
        ..service("rr")
    };
    vec![
        (web(), persistent),
        (web6(), v6.clone()),
        (mark, v6),
        (front(17, "192.0.2.100", 5060), engine),
    ]
}

fn real(address: &str, port: u16) -> DestKey {
    let address = address.parse().unwrap();
    DestKey { address, port }
}

/// The dests of two services.
fn reals() -> Vec<(ServiceKey, DestKey, Dest)> {
    let limited = Dest {
        upper: 100,
        lower: 50,
        ..dest(3)
    };
    let tunnel = Dest {
        method: Method::Tunnel {
            kind: 1,
            port: 6080,
            flags: 1,
        },
        ..dest(1)
    };
    let direct = Dest {
        method: Method::DirectRoute,
        ..dest(0)
    };
    vec![
        (web(), real("192.0.2.21", 8080), limited),
        (web(), real("192.0.2.22", 80), tunnel),
        (web6(), real("2001:db8::21", 443), direct),
    ]
}

fn thread() -> SyncDaemon {
    SyncDaemon {
        state: SyncState::Backup,
        interface: "eth0".to_owned(),
        index: 0,
        id: 51,
        maxlen: Some(1400),
        group: [224, 0, 0, 81].into(),
        port: 8848,
        ttl: 1,
    }
}

/// Every request there is, in an order that a kernel takes.
fn requests() -> Vec<(&'static str, Message)> {
    let mut requests = vec![
        ("info", ask_info()),
        ("set the timeouts", timeouts([901, 121, 301])),
        ("the timeouts", ask_timeouts()),
    ];
    let added = table().into_iter();
    requests.extend(added.map(|(key, service)| {
        (
            "add a service",
            change(&Operation::AddService(key, service)),
        )
    }));
    let added = reals().into_iter();
    requests.extend(
        added.map(|(key, real, dest)| ("add a dest", change(&Operation::AddDest(key, real, dest)))),
    );
    let (_, first, _) = reals()[0];
    let weighted = Operation::EditDest(web(), first, dest(9));
    let scheduled = Operation::EditService(web(), service("wrr"));
    requests.extend([
        ("the services", services()),
        ("the dests", dests(&web())),
        ("the dests of IPv6", dests(&web6())),
        ("edit a service", change(&scheduled)),
        ("edit a dest", change(&weighted)),
        (
            "remove a dest",
            change(&Operation::RemoveDest(web(), first)),
        ),
        ("the dests that are left", dests(&web())),
        (
            "remove a service",
            change(&Operation::RemoveService(web6())),
        ),
        ("start a thread", sync_change(&SyncChange::Start(thread()))),
        ("the threads", sync_daemons()),
        (
            "stop a thread",
            sync_change(&SyncChange::Stop(SyncState::Backup)),
        ),
        ("empty the table", change(&Operation::Flush)),
        ("the services that are left", services()),
    ]);
    requests
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The attributes of the answers to the requests of this name.
fn answers(name: &str) -> Vec<Vec<u8>> {
    let lines = RECORDED.lines().skip_while(|line| *line != name).skip(2);
    let answers = lines.take_while(|line| line.starts_with('<'));
    answers
        .map(|line| bytes(line.rsplit(' ').next().unwrap()))
        .collect()
}

#[test]
#[cfg(target_endian = "little")]
fn requests_are_those_that_the_kernel_took() {
    let is_said = |line: &&str| !line.starts_with(['<', '#']);
    let recorded: Vec<&str> = RECORDED.lines().filter(is_said).collect();
    let made = requests();
    let made = made.iter().flat_map(|(name, message)| {
        let [command, _] = message.head();
        let said = format!("> {command:02x} {}", hex(&message.attributes));
        [(*name).to_owned(), said.trim_end().to_owned()]
    });
    let made: Vec<String> = made.collect();
    assert_eq!(made, recorded, "\n{}", made.join("\n"));
    let taken = RECORDED.lines().filter(|line| *line == "< ack").count();
    assert_eq!(taken, 1 + 4 + 3 + 2 + 2 + 2 + 1);
}

#[test]
#[cfg(target_endian = "little")]
fn answers_say_what_was_asked_for() {
    let mut about = About::default();
    read_info(&answers("info")[0], &mut about);
    read_timeouts(&answers("the timeouts")[0], &mut about);
    let expected = About {
        version: [1, 2, 1],
        buckets: 4096,
        timeouts: [901, 121, 301],
    };
    assert_eq!(about, expected);

    let read = |name| {
        let answers = answers(name);
        let read = answers.iter().filter_map(|answer| read_service(answer));
        read.collect::<BTreeMap<ServiceKey, Service>>()
    };
    assert_eq!(read("the services"), BTreeMap::from_iter(table()));
    assert_eq!(read("the services that are left"), BTreeMap::new());

    let read = |name, of| {
        let answers = answers(name);
        let read: Vec<_> = answers.iter().filter_map(|it| read_dest(it)).collect();
        let expected = reals().into_iter().filter(|(key, ..)| *key == of);
        let expected: BTreeMap<_, _> = expected.map(|(_, real, dest)| (real, dest)).collect();
        assert_eq!(read.len(), answers.len(), "{name}");
        (BTreeMap::from_iter(read), expected)
    };
    let (found, expected) = read("the dests", web());
    assert_eq!(found, expected);
    let (found, expected) = read("the dests of IPv6", web6());
    assert_eq!(found, expected);
    let (found, mut expected) = read("the dests that are left", web());
    expected.remove(&reals()[0].1);
    assert_eq!(found, expected);

    let threads = answers("the threads");
    let threads: Vec<_> = threads.iter().map(|it| read_sync_daemon(it)).collect();
    assert_eq!(threads, [Some(SyncState::Backup)]);
    for answer in [answers("the services"), answers("the dests")].concat() {
        assert_eq!(read_figures(&answer), Figures::default());
    }
}
