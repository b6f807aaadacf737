//! Addresses, routes and rules beside Debian's keepalived: `ip` shows the same, and nothing is left.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Daemon, Options};

use crate::arena::{Arena, PATIENCE, lb};

/// Every word that both daemons and the kernel take.
const SHARED: &str = include_str!("../../fixtures/objects/shared.conf");

/// What is installed last.
const LAST: &str = "119:\tfrom all to 2001:db8:1001::/48 lookup 77 proto keepalived";

/// What this kernel takes from `lb` alone: keepalived 2.2.7 says the wrong scope, or refuses the gateway.
const OURS: &str = "
vrrp_instance objects {
    state MASTER
    interface eth0
    virtual_router_id 5
    priority 254
    version 3
    advert_int 0.2
    virtual_ipaddress {
        10.0.0.1/24
    }
    virtual_routes {
        local 10.36.0.0/16 dev eth0 table 77
        broadcast 10.50.0.255/32 dev eth0 table 77
        10.40.0.0/16 via inet6 fe80::1 dev eth0
    }
}
";

/// What `ip` shows of addresses, routes and rules, without what changes by itself.
fn shown(arena: &Arena) -> Vec<String> {
    let commands: [&[&str]; 5] = [
        &["-d", "address", "show", "dev", "eth0"],
        &["-d", "-4", "route", "show", "table", "all"],
        &["-d", "-6", "route", "show", "table", "all"],
        &["-d", "-4", "rule"],
        &["-d", "-6", "rule"],
    ];
    let texts = commands.map(|words| {
        let namespace = arena.director(1).namespace();
        namespace.command("ip", words).unwrap()
    });
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .filter(|line| !line.contains("xdp") && !line.contains(" mtu 1500 "))
        .map(without_times)
        .collect()
}

/// Seconds that are counted down are no difference.
fn without_times(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let seconds = word.strip_suffix("sec");
        match seconds {
            Some(digits) if digits.len() > 1 => "TIME",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn set(lines: &[String]) -> BTreeSet<&String> {
    lines.iter().collect()
}

/// Waits until what `ip` shows is as it should be.
fn wait_until(arena: &Arena, what: &str, holds: impl Fn(&[String]) -> bool) -> Vec<String> {
    let start = Instant::now();
    loop {
        let lines = shown(arena);
        if holds(&lines) {
            return lines;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}\n{}\n{}",
            lines.join("\n"),
            arena.logs()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

fn ip(arena: &Arena, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let namespace = arena.director(1).namespace();
    namespace.command("ip", &words).unwrap();
}

#[test]
fn ip_shows_the_same_as_with_keepalived_and_nothing_afterwards() {
    let arena = Arena::beside_others(Options { servers: false });
    let before = shown(&arena);
    let [theirs, ours] = [Daemon::Keepalived, lb()].map(|daemon| {
        arena.director(1).start(&daemon, SHARED).unwrap();
        let is_last = |lines: &[String]| lines.iter().any(|line| line.trim_end() == LAST);
        wait_until(&arena, "the last rule is there", is_last);
        // Addresses that are looked for twice are tentative for a second.
        let lines = wait_until(&arena, "nothing is tentative", |lines| {
            !lines.iter().any(|line| line.contains("tentative"))
        });
        arena.director(1).stop().unwrap();
        if daemon == Daemon::Keepalived {
            // keepalived 2.2.7 asks for the removal of an address with a peer in words that the kernel does not know.
            let left = "10.0.0.3 peer 10.0.0.4";
            ip(&arena, &format!("address del {left} dev eth0"));
            let namespace = arena.director(1).namespace();
            let left = "2001:db8:f::10/128";
            // Absent unless it stays as well.
            let _absent = namespace.command("ip", &["address", "del", left, "dev", "eth0"]);
        }
        assert_eq!(before, shown(&arena), "{}", arena.logs());
        lines
    });
    let (missing, more): (Vec<_>, Vec<_>) = (
        set(&theirs).difference(&set(&ours)).copied().collect(),
        set(&ours).difference(&set(&theirs)).copied().collect(),
    );
    assert_eq!((missing, more), (vec![], vec![]), "{}", arena.logs());
    assert_eq!(theirs, ours, "the order is another");
}

#[test]
fn what_keepalived_says_wrong_is_said_right() {
    let arena = Arena::beside_others(Options { servers: false });
    arena.director(1).start(&lb(), OURS).unwrap();
    wait_until(&arena, "routes of every scope", |lines| {
        [
            "local 10.36.0.0/16 dev eth0 table 77 proto keepalived scope host",
            "broadcast 10.50.0.255 dev eth0 table 77 proto keepalived scope link",
            "unicast 10.40.0.0/16 via inet6 fe80::1 dev eth0 table main proto keepalived scope global",
        ]
        .iter()
        .all(|expected| lines.iter().any(|line| line.trim_end() == *expected))
    });
}

#[test]
fn static_objects_need_no_virtual_router() {
    let arena = Arena::beside_others(Options { servers: false });
    let before = shown(&arena);
    let config = |last: u8| {
        format!(
            "static_ipaddress {{\n10.9.1.{last}/24 dev eth0\n}}\nstatic_routes {{\n10.20.0.0/16 via 10.9.1.254 dev eth0 src 10.9.1.{last}\n}}\n"
        )
    };
    let route = |last: u8| {
        format!(
            "unicast 10.20.0.0/16 via 10.9.1.254 dev eth0 table main proto keepalived scope global src 10.9.1.{last}"
        )
    };
    let has = |lines: &[String], route: &str| lines.iter().any(|line| line.trim_end() == route);
    let director = arena.director(1);
    director.start(&lb(), config(1)).unwrap();
    wait_until(&arena, "the first route", |lines| has(lines, &route(1)));
    director.reload(config(2)).unwrap();
    wait_until(&arena, "the second route alone", |lines| {
        has(lines, &route(2)) && !lines.iter().any(|line| line.contains("10.9.1.1 "))
    });
    director.stop().unwrap();
    assert_eq!(before, shown(&arena), "{}", arena.logs());
}

/// Somebody removes things, the link goes down and comes again, the child is killed: it is all there again, and the
/// instance stays MASTER.
#[test]
fn what_goes_comes_again() {
    let arena = Arena::beside_others(Options { servers: false });
    let director = arena.director(1);
    let before = shown(&arena);
    director.start(&lb(), SHARED).unwrap();
    let is_last = |lines: &[String]| lines.iter().any(|line| line.trim_end() == LAST);
    wait_until(&arena, "the last rule is there", is_last);
    let all = wait_until(&arena, "nothing is tentative", |lines| {
        !lines.iter().any(|line| line.contains("tentative"))
    });
    let is_whole = |lines: &[String]| set(lines) == set(&all);

    for line in [
        "address del 10.9.1.1/24 dev eth0",
        "address del 10.0.0.6/24 dev eth0",
        "address del 2001:db8:f::5/64 dev eth0",
        "route del 10.30.0.0/16",
        "-6 route del 2001:db8:1001::/48",
        "rule del priority 100",
        "-6 rule del priority 119",
    ] {
        ip(&arena, line);
        wait_until(&arena, line, is_whole);
    }
    assert_eq!(
        director.status().unwrap()["instances"][0]["became_master"],
        1
    );

    // Tracked or not: a new child takes over what is there, and puts up what is not.
    assert_eq!(director.kill9_children().unwrap().len(), 1);
    ip(&arena, "route del 10.42.0.0/16");
    arena.wait_for_status(1, "a new child is MASTER", |status| {
        status["instances"][0]["state"] == "MASTER"
    });
    wait_until(&arena, "all of it after a crash", is_whole);

    director.stop().unwrap();
    assert_eq!(before, shown(&arena), "{}", arena.logs());
}
