//! keepalived's classic traps: what it takes in silence, guesses around or dies of is a sentence here.

use super::{load_bytes, plain};
use crate::config::show;

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

/// What keepalived takes in a form that its manual does not show, and the line that says what it means.
const TAKEN: &[(&str, In, &str, &str)] = &[
    (
        "a protocol in small letters",
        In::Server,
        "protocol tcp\nlb_algo rr\nreal_server 192.0.2.2 80 { }",
        "protocol TCP",
    ),
    (
        "the user of a program that reads a pipe",
        In::Global,
        "vrrp_notify_fifo_script \"/bin/cat /x y\" nobody",
        "vrrp_notify_fifo_script \"/bin/cat /x y\" nobody",
    ),
    (
        "permissions with blanks between them",
        In::Global,
        "umask IRGRP | IWGRP",
        "umask 060",
    ),
    (
        "the number of a sync daemon without a word",
        In::Global,
        "lvs_sync_daemon eth0 VI_1 10",
        "lvs_sync_daemon eth0 VI_1 id 10",
    ),
    (
        "a flag with a value",
        In::Global,
        "vrrp_skip_check_adv_addr no",
        "vrrp_skip_check_adv_addr false",
    ),
    (
        "a number with a sign",
        In::Instance,
        "priority +90",
        "priority 90",
    ),
    (
        "one list of peers for all nodes",
        In::Instance,
        "unicast_src_ip 192.0.2.8\nunicast_peer {\n192.0.2.8\n192.0.2.9\n}",
        "192.0.2.9 min_ttl 0 max_ttl 255",
    ),
    (
        "an interface that may come later",
        In::File,
        "global_defs {\ndynamic_interfaces\n}\nvrrp_instance a {\ninterface eth9\nvirtual_router_id 1\n\
         virtual_ipaddress {\n192.0.2.1\n}\n}",
        "interface eth9",
    ),
    (
        "codes on several lines",
        In::Server,
        "protocol TCP\nlb_algo rr\nreal_server 192.0.2.2 80 {\nHTTP_GET {\nhttp_protocol 1.0c\nurl {\npath /\n\
         status_code 200\nstatus_code 404\n}\n}\n}",
        "status_code 200 404",
    ),
    (
        "no time limit of a program's own",
        In::Server,
        "protocol TCP\nlb_algo rr\ndelay_loop 7\nreal_server 192.0.2.2 80 {\nMISC_CHECK {\nmisc_path /x\n\
         misc_timeout 0\n}\n}",
        "misc_timeout 7",
    ),
];

#[derive(Clone, Copy)]
enum In {
    File,
    Global,
    Instance,
    Server,
}

fn file(place: In, lines: &str) -> String {
    match place {
        In::File => lines.to_owned(),
        In::Global => file(In::Instance, "") + &format!("global_defs {{\n{lines}\n}}\n"),
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
            let protocol = if lines.contains("protocol") {
                ""
            } else {
                "protocol TCP\n"
            };
            format!("virtual_server 192.0.2.1 80 {{\n{protocol}{kind}{lines}\n}}\n")
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
fn what_keepalived_takes_is_taken_with_its_meaning() {
    for (what, place, lines, meaning) in TAKEN {
        let loaded = load_bytes(file(*place, lines).as_bytes());
        assert!(loaded.is_usable(), "{what}: {}", plain(&loaded));
        let shown = show(&loaded.config);
        let found = shown.lines().any(|line| line.trim() == *meaning);
        assert!(found, "{what}: {shown}");
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
