//! keepalived's classic traps: what it takes in silence, guesses around or dies of is a sentence here.

use super::{load_bytes, plain};

/// What goes wrong, in which block, and what is said.
const TRAPS: &[(&str, In, &str, &str)] = &[
    (
        "a missing parameter, of which keepalived dies even at a reload",
        In::Instance,
        "priority",
        "error: `priority` needs a value; expected a whole number from 1 to 255",
    ),
    (
        "a flag of another scheduler, which keepalived drops in silence",
        In::Server,
        "mh-port\nlb_algo rr\nreal_server 192.0.2.2 80 { }",
        "warning: `mh-port` is ignored: it is of another scheduler",
    ),
    (
        "a misspelt block, of which keepalived reads the inside as keywords of the top level",
        In::File,
        "vrrp_instnace a {\ninterface eth0\n}",
        "error: unknown keyword `vrrp_instnace` in the top level; did you mean `vrrp_instance`?",
    ),
    (
        "a comment sign in a script",
        In::Instance,
        "notify_master /etc/notify#1.sh",
        "warning: `#` or `!` starts a comment behind these words, as in keepalived",
    ),
    (
        "a virtual address on an interface that is not there",
        In::Instance,
        "virtual_ipaddress {\n192.0.2.9 dev eht1\n}",
        "error: there is no interface `eht1` on this machine; did you mean `eth1`?",
    ),
    (
        "a quorum that can never be met",
        In::Server,
        "lb_algo rr\nquorum 9\nreal_server 192.0.2.2 80 {\nweight 2\n}",
        "warning: quorum 9 is lowered to 2, as in keepalived",
    ),
    (
        "a real server given twice, of which keepalived drops one",
        In::Server,
        "lb_algo rr\nreal_server 192.0.2.2 80 { }\nreal_server 192.0.2.2 80 { }",
        "error: real_server `192.0.2.2 80` is given twice",
    ),
    (
        "a port that direct routing cannot change",
        In::Server,
        "lb_algo rr\nlb_kind DR\nreal_server 192.0.2.2 8080 { }",
        "warning: port 8080 is replaced by 80",
    ),
];

#[derive(Clone, Copy)]
enum In {
    File,
    Instance,
    Server,
}

fn file(place: In, lines: &str) -> String {
    match place {
        In::File => lines.to_owned(),
        In::Instance => {
            let addresses = if lines.contains("virtual_ipaddress") {
                ""
            } else {
                "virtual_ipaddress {\n192.0.2.1\n}\n"
            };
            format!(
                "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 1\n{addresses}{lines}\n}}\n"
            )
        }
        In::Server => {
            let kind = if lines.contains("lb_kind") {
                ""
            } else {
                "lb_kind NAT\n"
            };
            format!("virtual_server 192.0.2.1 80 {{\nprotocol TCP\n{kind}{lines}\n}}\n")
        }
    }
}

#[test]
fn no_trap_of_keepalived_is_silent() {
    for (trap, place, lines, sentence) in TRAPS {
        let said = plain(&load_bytes(file(*place, lines).as_bytes()));
        let of_weight = said.lines().filter(|line| !line.contains(": note: "));
        let found = of_weight.filter(|line| line.contains(sentence)).count();
        assert!(found > 0, "{trap}: {said}");
    }
}

#[test]
fn the_scheduler_may_come_after_its_flags() {
    let lines = ["mh-port", "lb_algo mh", "real_server 192.0.2.2 80 { }"];
    let models = [lines.to_vec(), lines.into_iter().rev().collect()].map(|lines| {
        let loaded = load_bytes(file(In::Server, &lines.join("\n")).as_bytes());
        assert!(loaded.is_usable(), "{}", plain(&loaded));
        loaded.config
    });
    assert_eq!(models[0], models[1]);
}
