//! `lb -t` and Debian's `keepalived -t` on the same files: the same exit code, or a difference with its reason.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use xtask::lab::{Daemon, Namespace, Options};

use crate::arena::{Arena, lb};

/// What surrounds the lines of a case, so that they alone are what there is to say something about.
#[derive(Clone, Copy, Debug)]
enum In {
    /// Nothing: the lines are the file.
    Top,
    /// A `global_defs`, before a good `vrrp_instance`.
    Global,
    /// A good `vrrp_instance`.
    Instance,
    /// A `vrrp_instance` without anything.
    EmptyInstance,
    /// The `virtual_ipaddress` of a good `vrrp_instance`.
    Addresses,
    /// A good `virtual_server`.
    Server,
    /// A `virtual_server` with one real server and nothing else.
    EmptyServer,
    /// Its `real_server`.
    RealServer,
    /// Its `TCP_CHECK`.
    Check,
}

impl In {
    fn file(self, lines: &str) -> String {
        let instance = |body: &str| format!("vrrp_instance a {{\n{body}\n}}\n");
        let good = "interface eth0\nvirtual_router_id 51\n";
        let address = "virtual_ipaddress {\n192.0.2.10/24\n}\n";
        let server = |body: &str| format!("virtual_server 192.0.2.10 80 {{\n{body}\n}}\n");
        let how = "lb_algo rr\nlb_kind NAT\nprotocol TCP\n";
        let real = |body: &str| format!("real_server 192.0.2.21 80 {{\n{body}\n}}\n");
        let check = |body: &str| format!("TCP_CHECK {{\n{body}\n}}\n");
        match self {
            Self::Top => format!("{lines}\n"),
            Self::Global => format!(
                "global_defs {{\n{lines}\n}}\n{}",
                instance(&format!("{good}{address}"))
            ),
            Self::Instance => instance(&format!("{good}{address}{lines}")),
            Self::EmptyInstance => instance(lines),
            Self::Addresses => instance(&format!("{good}virtual_ipaddress {{\n{lines}\n}}\n")),
            Self::Server => server(&format!("{how}{}{lines}", real(&check("")))),
            Self::EmptyServer => server(&format!("{lines}\n{}", real(&check("")))),
            Self::RealServer => server(&format!("{how}{}", real(lines))),
            Self::Check => server(&format!("{how}{}", real(&check(lines)))),
        }
    }
}

/// The codes of both.
#[derive(Clone, Copy, Debug)]
enum Codes {
    /// The same.
    Same(u8),
    /// keepalived complains, leaves the thing out or takes a default, and runs. `lb` refuses to guess, and its code says
    /// that it would not start.
    Guessed,
    /// keepalived's process ends within its parser, so that nothing after it is checked. For `lb` it is a finding.
    ParserEnds,
    /// keepalived ignores the rest of a line or a repetition without a word. `lb` warns, and does the same.
    Unsaid,
    /// keepalived takes without a word what cannot work. `lb` refuses it.
    Unseen,
    /// keepalived does not know a keyword of `lb`'s own.
    Ours,
    /// keepalived drops a flag that stands before its scheduler. For `lb` the order of keywords never matters.
    Reordered,
}

impl Codes {
    /// keepalived's and ours.
    const fn both(self) -> [u8; 2] {
        match self {
            Self::Same(code) => [code, code],
            Self::Guessed => [5, 4],
            Self::ParserEnds => [2, 4],
            Self::Unsaid => [0, 5],
            Self::Unseen => [0, 4],
            Self::Ours | Self::Reordered => [5, 0],
        }
    }
}

use Codes::{Guessed, Ours, ParserEnds, Reordered, Same, Unsaid, Unseen};

/// Lines, what they stand in, and what both say about the file.
const CASES: &[(In, &str, Codes)] = &[
    // Fine.
    (In::Instance, "", Same(0)),
    (
        In::Instance,
        "state MASTER\npriority 150\nadvert_int 1\nversion 2",
        Same(0),
    ),
    (In::Instance, "version 3\nadvert_int 0.1", Same(0)),
    (
        In::Instance,
        "state BACKUP\nnopreempt\npriority 150",
        Same(0),
    ),
    (In::Instance, "preempt", Same(0)),
    (In::Instance, "priority \"150\"", Same(0)),
    (In::Instance, "virtual_ipaddress {\n192.0.2.11\n}", Same(0)),
    (In::Instance, "# a comment\n! another", Same(0)),
    (In::Addresses, "2001:db8::1/64", Same(0)),
    (In::Addresses, "192.0.2.10\n192.0.2.11 dev eth0", Same(0)),
    (In::Global, "router_id a", Same(0)),
    (In::Global, "router_id \"a b\"", Same(0)),
    (In::Server, "", Same(0)),
    (In::Server, "delay_loop 6", Same(0)),
    (
        In::EmptyServer,
        "lb_algo mh\nlb_kind DR\nprotocol TCP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lvs_sched rr\nlvs_method NAT\nprotocol UDP",
        Same(0),
    ),
    (In::RealServer, "weight 3", Same(0)),
    (
        In::Check,
        "connect_timeout 3\nretry 2\ndelay_before_retry 1",
        Same(0),
    ),
    (In::Check, "warmup 0", Same(0)),
    (
        In::Check,
        "connect_ip 192.0.2.22\nconnect_port 8080",
        Same(0),
    ),
    (
        In::Top,
        "vrrp_instance a\r\n{\r\ninterface eth0\r\nvirtual_router_id 51\r\nvirtual_ipaddress { 192.0.2.10 }\r\n}\r",
        Same(0),
    ),
    // Understood, but not as written.
    (In::Instance, "state MASTER\nnopreempt", Same(5)),
    (In::Instance, "advert_int 1.5", Same(5)),
    (In::EmptyServer, "lb_algo rr\nlb_kind NAT", Same(5)),
    (
        In::EmptyServer,
        "lb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.22 8080 {\n}",
        Same(5),
    ),
    (
        In::Top,
        "virtual_server 192.0.2.10 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n}",
        Same(5),
    ),
    (In::Server, "delay_loop 6 7", Unsaid),
    (In::Server, "lvs_sched rr", Unsaid),
    (In::RealServer, "weight 3 4", Unsaid),
    (In::Instance, "priority 100 101", Unsaid),
    (In::Instance, "interface eth0", Unsaid),
    (In::Global, "router_id a b", Unsaid),
    (In::Top, "global_defs {\nrouter_id a\n}", Unsaid),
    // Words nobody knows.
    (In::Top, "nonsense 1", Guessed),
    (In::Global, "nonsense 1", Guessed),
    (In::Instance, "nonsense 1", Guessed),
    (In::Addresses, "192.0.2.10 nonsense", Guessed),
    (In::Server, "nonsense 1", Guessed),
    (In::RealServer, "nonsense", Guessed),
    (In::Check, "nonsense 1", Guessed),
    (
        In::Global,
        "data_plane xdp\ndata_plane_interfaces eth0\ndata_plane_local_clients",
        Ours,
    ),
    (
        In::Global,
        "tcp_keepalive_time 300\ntcp_keepalive_intvl 30\ntcp_keepalive_probes 5",
        Ours,
    ),
    // Values.
    (In::Instance, "priority 256", Guessed),
    (In::Instance, "priority 0", Guessed),
    (In::Instance, "priority abc", Guessed),
    (In::Instance, "priority 100x", Guessed),
    (In::Instance, "state WRONG", Guessed),
    (In::Instance, "version 4", Guessed),
    (In::Instance, "advert_int 0", Guessed),
    (In::Instance, "advert_int 300", Guessed),
    (In::Instance, "version 3\nadvert_int 41", Guessed),
    (In::Addresses, "192.0.2.300", Guessed),
    (In::Addresses, "192.0.2.10/33", Guessed),
    (In::Addresses, "192.0.2.10\n2001:db8::1", Guessed),
    (In::Addresses, "192.0.2.10 dev eth7", Guessed),
    (In::Addresses, "192.0.2.10 dev", Guessed),
    (In::Server, "delay_loop 0", Guessed),
    (
        In::EmptyServer,
        "lb_algo foo\nlb_kind NAT\nprotocol TCP",
        Guessed,
    ),
    (
        In::EmptyServer,
        "lb_algo rr\nlb_kind FOO\nprotocol TCP",
        Guessed,
    ),
    (
        In::EmptyServer,
        "lb_algo rr\nlb_kind NAT\nprotocol FOO",
        Guessed,
    ),
    (In::RealServer, "weight -1", Guessed),
    (In::Check, "connect_port 70000", Guessed),
    (In::Check, "connect_ip 192.0.2.400", Guessed),
    (In::Check, "connect_timeout 0", Guessed),
    (In::Top, "virtual_server 192.0.2.300 80 {\n}", Guessed),
    (In::Top, "virtual_server 192.0.2.10 70000 {\n}", Guessed),
    // What the machine does not have.
    (
        In::EmptyInstance,
        "interface eth7\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.10\n}",
        Guessed,
    ),
    (
        In::EmptyInstance,
        "interface lo\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.10\n}",
        Guessed,
    ),
    // What must be there.
    (
        In::EmptyInstance,
        "virtual_router_id 51\nvirtual_ipaddress {\n192.0.2.10\n}",
        Guessed,
    ),
    (
        In::EmptyInstance,
        "interface eth0\nvirtual_ipaddress {\n192.0.2.10\n}",
        Guessed,
    ),
    (
        In::EmptyInstance,
        "interface eth0\nvirtual_router_id 51",
        Guessed,
    ),
    (In::EmptyServer, "lb_kind NAT\nprotocol TCP", Same(5)),
    (In::EmptyServer, "lb_algo rr\nprotocol TCP", Same(5)),
    (In::Global, "router_id", Guessed),
    (In::Instance, "priority", ParserEnds),
    (In::Server, "delay_loop", ParserEnds),
    (In::Server, "real_server {\n}", ParserEnds),
    (In::RealServer, "weight", ParserEnds),
    (In::Check, "connect_timeout", ParserEnds),
    (In::Top, "virtual_server {\n}", ParserEnds),
    // The same thing twice.
    (In::Addresses, "192.0.2.10\n192.0.2.10", Unseen),
    (In::Server, "real_server 192.0.2.21 80 {\n}", Guessed),
    (In::Server, "real_server 2001:db8::21 80 {\n}", Guessed),
    (
        In::Instance,
        "}\nvrrp_instance a {\ninterface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\n192.0.2.11\n}",
        Guessed,
    ),
    (
        In::Instance,
        "}\nvrrp_instance b {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.11\n}",
        Guessed,
    ),
    // Virtual servers.
    (
        In::EmptyServer,
        "lb_algo mh\nmh-port\nlb_kind NAT\nprotocol TCP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "mh-port\nlb_algo mh\nlb_kind NAT\nprotocol TCP",
        Reordered,
    ),
    (In::Server, "quorum 1\nhysteresis 0", Same(0)),
    (
        In::Server,
        "smtp_alert\nvirtualhost a\nsnmp_name b\nomega",
        Same(0),
    ),
    (In::Server, "ip_family inet", Same(0)),
    (In::RealServer, "lvs_method DR", Same(0)),
    (In::RealServer, "alpha no\ninhibit_on_failure no", Same(0)),
    (In::RealServer, "uthreshold 0", Same(0)),
    (In::Check, "alpha off\nlog_all_failures", Same(0)),
    (In::Check, "fwmark 0", Same(0)),
    (In::Server, "mh-port", Same(5)),
    (In::Server, "ops", Same(5)),
    (In::Server, "quorum 9", Same(5)),
    (In::Server, "hysteresis 1", Same(5)),
    (In::Server, "ip_family inet6", Same(5)),
    (In::Server, "sorry_server_inhibit", Same(5)),
    (In::Check, "bindto 2001:db8::1", Same(5)),
    (
        In::EmptyServer,
        "lb_algo twos\nlb_kind NAT\nprotocol TCP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lb_algo wlc\nlb_kind NAT\nprotocol TCP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lb_algo wrr\nlb_kind NAT\nprotocol TCP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lb_algo sh\nsh-port\nsh-fallback\nlb_kind DR\nprotocol SCTP",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN\nprotocol TCP",
        Same(0),
    ),
    (In::Server, "persistence_timeout", Same(0)),
    (In::Server, "sorry_server 192.0.2.99 80", Same(0)),
    (In::RealServer, "uthreshold 5", Same(0)),
    (In::RealServer, "PING_CHECK {\n}", Same(0)),
    (
        In::Top,
        "bfd_instance n {\nneighbor_ip 192.0.2.77\n}\nvirtual_server 192.0.2.99 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.21 80 {\nBFD_CHECK {\nname n\n}\n}\n}",
        Same(0),
    ),
    (
        In::Top,
        "bfd_instance n {\nneighbor_ip 192.0.2.77\nmin_rx 5000\nidle_tx 90000\nweight 3 reverse\n}",
        Same(0),
    ),
    (
        In::Top,
        "bfd_instance n {\nneighbor_ip 192.0.2.77\nttl 5\nmax_hops 9\n}",
        Same(5),
    ),
    (
        In::Top,
        "bfd_instance n {\nneighbor_ip 192.0.2.77\nmin_rx 0.5\n}",
        Guessed,
    ),
    (In::Top, "bfd_instance n {\n}", Guessed),
    (
        In::Top,
        "bfd_instance n {\nneighbor_ip 192.0.2.77\nsource_ip 2001:db8::1\n}",
        Guessed,
    ),
    (In::Instance, "track_bfd {\nnobody\n}", Guessed),
    (In::RealServer, "HTTP_GET {\nurl {\npath /\n}\n}", Same(0)),
    (
        In::Top,
        "virtual_server fwmark 1 {\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.21 {\n}\n}",
        Same(0),
    ),
    (
        In::EmptyServer,
        "lb_algo rr\nlb_kind TUN type gue\nprotocol TCP",
        Guessed,
    ),
    (In::Server, "quorum 0", Guessed),
    (In::Server, "persistence_timeout 0", Guessed),
    (In::Server, "sorry_server 2001:db8::1 80", Guessed),
    (In::RealServer, "UDP_CHECK {\npayload zz\n}", Guessed),
    (In::RealServer, "DNS_CHECK {\ntype FOO\n}", Guessed),
    (In::RealServer, "MISC_CHECK {\n}", Guessed),
    (In::RealServer, "FILE_CHECK {\n}", Guessed),
    (In::RealServer, "BFD_CHECK {\n}", Guessed),
    (
        In::Top,
        "virtual_server group h {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.21 80 {\n}\n}",
        Unseen,
    ),
    (In::Top, "virtual_server_group {\n}", ParserEnds),
    // What the machine does not have, or does not keep safe.
    (In::Global, "script_user nouser", Same(5)),
    (In::Global, "script_user root nogroupx", Same(5)),
    (In::Global, "script_user 0", Same(5)),
    (In::Global, "vrrp_notify_fifo /run/lb-fifo nouser", Same(0)),
    (In::Instance, "notify /bin/true", Same(6)),
    (In::Instance, "notify true", Same(6)),
    (In::Instance, "notify /bin/true root", Same(6)),
    (In::Instance, "notify /bin/true nouser", Same(0)),
    (In::Instance, "notify /nonexistent/program", Same(0)),
    (In::Instance, "notify no-such-program", Same(0)),
    (In::Global, "startup_script /bin/true", Same(6)),
    (In::Global, "startup_script /nonexistent/program", Same(0)),
    (In::Global, "}\nvrrp_script s {\nscript /bin/true", Same(6)),
    (
        In::Global,
        "enable_script_security\n}\nvrrp_script s {\nscript /bin/true",
        Same(5),
    ),
    (
        In::Global,
        "enable_script_security\nscript_user root\n}\nvrrp_script s {\nscript /bin/true",
        Same(0),
    ),
    (
        In::Global,
        "}\nvrrp_script s {\nscript /nonexistent/program",
        Same(5),
    ),
    (
        In::Global,
        "}\nvrrp_script s {\nscript /bin/true\nuser nouser",
        Same(5),
    ),
    (In::RealServer, "notify_up /bin/true", Same(6)),
    (In::RealServer, "notify_up /nonexistent/program", Same(0)),
    (
        In::RealServer,
        "MISC_CHECK {\nmisc_path /bin/true\n}",
        Same(6),
    ),
    (
        In::RealServer,
        "MISC_CHECK {\nmisc_path /nonexistent/program\n}",
        Same(0),
    ),
    (
        In::RealServer,
        "MISC_CHECK {\nmisc_path /bin/true\nuser nouser\n}",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_routes {\n10.0.0.0/8 dev eth0 table small",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_routes {\n10.0.0.0/8 dev eth0 scope chaos",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_routes {\n10.0.0.0/8 dev eth0 realms chaos",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_routes {\n10.0.0.0/8 dev eth0 vrf eth0",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_rules {\nfrom 10.0.0.0/8 table small preference 1",
        Same(5),
    ),
    (
        In::Global,
        "}\nstatic_ipaddress {\n192.0.2.7 dev eth0 scope chaos",
        Same(5),
    ),
    // Braces and quotes.
    (In::Instance, "}", Guessed),
    (In::Instance, "{", Guessed),
    (In::Top, "{\n}", Guessed),
    (In::Global, "router_id \"a", Guessed),
    // Nothing at all.
    (In::Top, "", Unseen),
    (In::Top, "# only a comment", Unseen),
];

/// Starts `command` inside and tells its exit code.
fn test(namespace: &Namespace, mut command: Command, file: &Path) -> i32 {
    command
        .args(["-t", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = namespace.spawn(&mut command).unwrap();
    child.wait().unwrap().code().unwrap_or(-1)
}

fn both() -> [Command; 2] {
    let mut keepalived = Command::new("keepalived");
    keepalived.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let Daemon::Lb { binary } = lb() else {
        panic!("lb is not lb");
    };
    [keepalived, Command::new(binary)]
}

#[test]
fn a_config_test_ends_as_keepalived_s_or_differs_for_a_reason() {
    let arena = Arena::beside_others(Options { servers: false });
    let file = arena.work().join("return-code.conf");
    let mut wrong = Vec::new();
    for (within, lines, expected) in CASES {
        fs::write(&file, within.file(lines)).unwrap();
        let codes = both().map(|command| test(arena.client(), command, &file));
        if codes != expected.both().map(i32::from) {
            wrong.push(format!("{within:?} {lines:?}: {codes:?}, not {expected:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "[keepalived, lb] of {} files:\n{}",
        CASES.len(),
        wrong.join("\n")
    );
}

/// keepalived drops it, and says so only of scripts that are tracked.
#[test]
fn what_others_may_change_is_not_run_as_root_and_a_test_says_so() {
    let arena = Arena::beside_others(Options { servers: false });
    let file = arena.work().join("not-safe.conf");
    let script = arena.work().join("not-safe");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o757)).unwrap();
    let script = script.display();
    let safe = "enable_script_security\nscript_user root";
    let cases = [
        (String::new(), format!("notify {script}"), [6, 6]),
        (safe.to_owned(), format!("notify {script}"), [0, 6]),
        (
            format!("{safe}\n}}\nvrrp_script s {{\nscript {script}"),
            String::new(),
            [5, 6],
        ),
    ];
    for (global, instance, expected) in cases {
        let text = format!("global_defs {{\n{global}\n}}\n") + &In::Instance.file(&instance);
        fs::write(&file, &text).unwrap();
        let codes = both().map(|command| test(arena.client(), command, &file));
        assert_eq!(codes, expected, "{text}");
    }
}

/// Whoever tests a file that is not there has made a mistake; keepalived finds nothing wrong.
#[test]
fn a_missing_file_is_not_fine() {
    let arena = Arena::beside_others(Options { servers: false });
    let file = arena.work().join("missing.conf");
    let codes = both().map(|command| test(arena.client(), command, &file));
    assert_eq!(codes, [0, 4]);
}
