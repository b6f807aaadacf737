//! Virtual MACs beside Debian's keepalived: the same interfaces, addresses and settings, and nothing left.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Daemon, Options, probe::Capture};

use crate::arena::{Arena, PATIENCE, lb};

/// One instance of each kind that this kernel has: a macvlan, one for IPv6, one whose adverts leave below it, and addresses
/// elsewhere.
const KINDS: &str = "
global_defs {
    vrrp_version 3
    vrrp_garp_master_delay 0
}
vrrp_instance plain {
    interface eth0
    virtual_router_id 51
    advert_int 0.2
    use_vmac
    virtual_ipaddress {
        192.0.2.100
        192.0.2.101/24
        192.0.2.102/24 dev eth0
        10.8.0.5/24 dev other
        10.8.0.6/24 use_vmac dev other
    }
    virtual_ipaddress_excluded {
        2001:db8::107/64
    }
    virtual_routes {
        10.56.0.0/24 dev eth0
    }
}
vrrp_instance six {
    interface eth0
    virtual_router_id 52
    advert_int 0.2
    use_vmac front
    virtual_ipaddress {
        fe80::5e:100
        2001:db8::100/64
    }
}
vrrp_instance below {
    interface eth0
    virtual_router_id 53
    advert_int 0.2
    use_vmac back 02:00:00:11:22
    vmac_xmit_base
    virtual_ipaddress {
        192.0.2.110/24
    }
}
";

/// How many addresses of it there are when all are MASTER.
const ADDRESSES: usize = 9;

/// Settings of interfaces that matter to them; what `lb` sets otherwise is not here.
const SETTINGS: [&str; 8] = [
    "ipv4/conf/IF/arp_ignore",
    "ipv4/conf/IF/arp_filter",
    "ipv4/conf/IF/accept_local",
    "ipv4/conf/IF/rp_filter",
    "ipv4/conf/IF/promote_secondaries",
    "ipv4/conf/all/rp_filter",
    "ipv4/conf/default/rp_filter",
    "ipv6/conf/IF/addr_gen_mode",
];

fn ip(arena: &Arena, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let namespace = arena.director(1).namespace();
    namespace.command("ip", &words).unwrap()
}

fn setting(arena: &Arena, path: &str) -> String {
    let namespace = arena.director(1).namespace();
    let path = format!("/proc/sys/net/{path}");
    // Empty where the interface has gone meanwhile.
    let value = namespace.command("cat", &[&path]).unwrap_or_default();
    value.trim().to_owned()
}

/// Another interface for addresses.
fn add_other(arena: &Arena) {
    ip(arena, "link add other type veth peer name far");
    ip(arena, "address add 10.8.0.1/24 dev other");
    ip(arena, "link set other up");
    ip(arena, "link set far up");
    wait_for(arena, "the link-local addresses", || {
        !ip(arena, "address show").contains("tentative")
    });
}

/// Each interface: what it is, its addresses and its settings.
type Shown = BTreeMap<String, Vec<String>>;

fn shown(arena: &Arena) -> Shown {
    let links = ip(arena, "-json -d address show");
    let links: Vec<Value> = serde_json::from_str(&links).unwrap();
    let named = links.iter().map(|link| {
        let name = link["ifname"].as_str().unwrap().to_owned();
        let mut lines = vec![format!(
            "{} {} {} {}",
            link["link"],
            link["address"],
            link["linkinfo"]["info_kind"],
            link["linkinfo"]["info_data"]["mode"]
        )];
        let addresses = link["addr_info"].as_array().unwrap().iter();
        lines.extend(addresses.map(|address| {
            let words = [
                "local",
                "prefixlen",
                "scope",
                "secondary",
                "nodad",
                "deprecated",
            ];
            let words = words.map(|word| address[word].to_string());
            words.join(" ")
        }));
        lines.extend(SETTINGS.map(|path| {
            let path = path.replace("IF", &name);
            format!("{path}={}", setting(arena, &path))
        }));
        (name, lines)
    });
    named.collect()
}

/// How many addresses of [`KINDS`] there are.
fn count(arena: &Arena) -> usize {
    let mut addresses = arena.director(1).addresses().unwrap();
    let words = || KINDS.split_whitespace();
    let words = || words().map(|word| word.split('/').next().unwrap_or(word));
    addresses.retain(|address| words().any(|word| word == address));
    addresses.len()
}

fn wait_for(arena: &Arena, what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}\n{:#?}\n{}",
            shown(arena),
            arena.logs()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn interfaces_addresses_and_settings_are_those_of_keepalived_and_all_is_put_back() {
    let arena = Arena::beside_others(Options { servers: false });
    add_other(&arena);
    let director = arena.director(1);
    // Sources are checked strictly: adverts would not be heard on a macvlan.
    for path in ["all", "eth0", "other", "far"] {
        let path = format!("net.ipv4.conf.{path}.rp_filter=1");
        let namespace = director.namespace();
        namespace.command("sysctl", &["-qw", &path]).unwrap();
    }
    let before = shown(&arena);
    // keepalived 2.2.7 leaves settings of interfaces behind; so it comes last.
    let [ours, theirs] = [lb(), Daemon::Keepalived].map(|daemon| {
        director.start(&daemon, KINDS).unwrap();
        wait_for(&arena, "every address", || count(&arena) == ADDRESSES);
        let lines = shown(&arena);
        director.stop().unwrap();
        if daemon != Daemon::Keepalived {
            assert_eq!(before, shown(&arena), "{}", arena.logs());
        }
        lines
    });
    let names = |shown: &Shown| shown.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for (name, lines) in &ours {
        assert_eq!(lines, &theirs[name], "{name}");
    }
}

/// Somebody removes it or takes it down, the child is killed, the interface below goes: it is all there again.
#[test]
fn a_virtual_interface_that_goes_comes_again() {
    let arena = Arena::beside_others(Options { servers: false });
    add_other(&arena);
    let director = arena.director(1);
    let before = shown(&arena);
    director.start(&lb(), KINDS).unwrap();
    let is_whole = || count(&arena) == ADDRESSES;
    wait_for(&arena, "every address", is_whole);
    let all = shown(&arena);
    let masters = || {
        let status = director.status().unwrap();
        let instances = status["instances"].as_array().unwrap().iter();
        let counts = instances.map(|instance| instance["became_master"].as_u64().unwrap());
        counts.collect::<Vec<_>>()
    };
    assert_eq!(masters(), [1, 1, 1]);
    for name in ["vrrp.51", "front", "back", "vrrp1.51"] {
        ip(&arena, &format!("link delete {name}"));
        wait_for(&arena, name, || shown(&arena) == all);
    }
    assert_eq!(
        masters(),
        [1, 1, 1],
        "nobody else needs to take over\n{}",
        arena.logs()
    );

    ip(&arena, "link set vrrp.51 down");
    arena.wait_for_status(1, "it is in FAULT", |status| {
        status["instances"][0]["state"] == "FAULT"
    });
    ip(&arena, "link set vrrp.51 up");
    wait_for(&arena, "all after it was down", || shown(&arena) == all);

    assert_eq!(director.kill9_children().unwrap().len(), 1);
    arena.wait_for_status(1, "a new child is MASTER", |status| {
        let instances = status["instances"].as_array().into_iter().flatten();
        instances
            .filter(|instance| instance["state"] == "MASTER")
            .count()
            == 3
    });
    wait_for(&arena, "all after a crash", || shown(&arena) == all);

    ip(&arena, "link delete other");
    wait_for(&arena, "its macvlan went", || {
        !shown(&arena).contains_key("vrrp1.51")
    });
    add_other(&arena);
    wait_for(&arena, "all after the interface was made anew", || {
        let shown = shown(&arena);
        shown.contains_key("vrrp1.51") && is_whole()
    });

    let without = KINDS
        .replace("    use_vmac\n", "")
        .replace("use_vmac dev", "dev");
    director.reload(without.as_str()).unwrap();
    wait_for(&arena, "the macvlans that are not wanted are gone", || {
        let shown = shown(&arena);
        !shown.contains_key("vrrp.51") && shown.contains_key("front") && is_whole()
    });
    director.stop().unwrap();
    let (mut after, mut expected) = (shown(&arena), before);
    for made_anew in ["other", "far"] {
        after.remove(made_anew);
        expected.remove(made_anew);
    }
    assert_eq!(expected, after, "{}", arena.logs());
}

/// An instance whose interface is not there waits for it.
#[test]
fn an_interface_may_come_later() {
    let arena = Arena::beside_others(Options { servers: false });
    let director = arena.director(1);
    let config = "
global_defs {
    dynamic_interfaces
}
vrrp_instance later {
    interface other
    virtual_router_id 5
    version 3
    advert_int 0.1
    use_vmac
    virtual_ipaddress {
        10.8.0.100/24
    }
}
";
    director.start(&lb(), config).unwrap();
    arena.wait_for_status(1, "it waits", |status| {
        status["instances"][0]["state"] == "FAULT"
    });
    for _ in 0..2 {
        add_other(&arena);
        wait_for(&arena, "its address", || {
            let addresses = director.addresses().unwrap();
            addresses.iter().any(|address| address == "10.8.0.100")
        });
        ip(&arena, "link delete other");
        arena.wait_for_status(1, "it waits again", |status| {
            status["instances"][0]["state"] == "FAULT"
        });
    }
    director.stop().unwrap();
}

/// One virtual router per family, on director 1 or 2.
fn pair(mode: &str, director: u8) -> String {
    let priority = if director == 1 { 150 } else { 100 };
    let instance = |vrid: u8, addresses: &str| {
        format!(
            "vrrp_instance r{vrid} {{\ninterface eth0\nvirtual_router_id {vrid}\npriority {priority}\nadvert_int 0.1\n\
             use_vmac\nvirtual_ipaddress {{\n{addresses}\n}}\n}}\n"
        )
    };
    let (v4, v6) = (
        instance(51, "192.0.2.100"),
        instance(52, "fe80::5e:100\n2001:db8::100"),
    );
    format!("global_defs {{\nvrrp_version 3\nvrrp_vmac_mode {mode}\n}}\n{v4}{v6}")
}

const MAC_V4: &str = "00:00:5e:00:01:33";
const MAC_V6: &str = "00:00:5e:00:02:34";

/// The client reaches both addresses, and knows them by the virtual MACs.
fn reach(arena: &Arena) {
    for (address, mac) in [("192.0.2.100", MAC_V4), ("2001:db8::100", MAC_V6)] {
        let client = arena.client();
        let start = Instant::now();
        while let Err(error) = client.command("ping", &["-c1", "-W1", address]) {
            assert!(start.elapsed() < PATIENCE, "{error:#}\n{}", arena.logs());
        }
        let neighbour = client.command("ip", &["neigh", "show", address]).unwrap();
        assert!(neighbour.contains(mac), "{neighbour}{}", arena.logs());
    }
}

/// Who is MASTER has the virtual MACs, with a macvlan or without; what says who listens has that of the interface.
#[test]
fn the_segment_knows_the_addresses_by_the_virtual_macs_whoever_is_master() {
    for mode in ["macvlan", "bpf"] {
        let arena = Arena::beside_others(Options { servers: false });
        let filters = |director: usize| {
            let namespace = arena.director(director).namespace();
            namespace
                .command("bridge", &["fdb", "show", "dev", "eth0"])
                .unwrap()
        };
        let before = filters(1);
        let relevant = "vrrp or arp or igmp or icmp6";
        let capture = Capture::start(&arena, relevant).unwrap();
        for number in [1, 2] {
            let text = pair(mode, number);
            arena.director(number.into()).start(&lb(), text).unwrap();
        }
        reach(&arena);
        let links = arena
            .director(1)
            .namespace()
            .command("ip", &["link"])
            .unwrap();
        assert_eq!(links.contains("vrrp.51"), mode == "macvlan", "{links}");
        arena.director(1).stop().unwrap();
        reach(&arena);
        assert_eq!(filters(1), before, "{mode}");
        arena.director(1).start(&lb(), pair(mode, 1)).unwrap();
        thread::sleep(Duration::from_secs(1));
        reach(&arena);
        let fields = capture.tell(&[
            ("vrrp", &["eth.src"]),
            (
                "arp.src.proto_ipv4 == 192.0.2.100",
                &["eth.src", "arp.src.hw_mac"],
            ),
            (
                "icmpv6.nd.na.target_address == 2001:db8::100",
                &["eth.src", "icmpv6.opt.linkaddr"],
            ),
            ("igmp || icmpv6.type == 143", &["eth.src"]),
        ]);
        let [adverts, claims, answers, reports] = fields.unwrap().try_into().unwrap();
        let is = |lines: &[String], macs: &[&str]| {
            let mut words = lines.iter().flat_map(|line| line.split(' '));
            !lines.is_empty() && words.all(|word| macs.contains(&word))
        };
        assert!(is(&adverts, &[MAC_V4, MAC_V6]), "{mode}: {adverts:?}");
        assert!(is(&claims, &[MAC_V4]), "{mode}: {claims:?}");
        assert!(is(&answers, &[MAC_V6]), "{mode}: {answers:?}");
        let unlike = |line: &&String| [MAC_V4, MAC_V6].contains(&line.as_str());
        assert!(
            !reports.is_empty() && !reports.iter().any(|line| unlike(&line)),
            "{mode}: {reports:?}"
        );
    }
}
