//! Virtual MACs beside Debian's keepalived: the same interfaces, addresses and settings, and nothing left.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Daemon, Options};

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
    let arena = Arena::new(Options { servers: false });
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
    let arena = Arena::new(Options { servers: false });
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
    let arena = Arena::new(Options { servers: false });
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
