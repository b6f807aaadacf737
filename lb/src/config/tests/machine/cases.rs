//! The machine, and lines that name something on it.

use crate::config::NameList;

pub(super) const USERS: &[(&str, u32)] = &[("root", 0), ("daemon", 1), ("keepalived_script", 2)];

pub(super) const NAMES: &[(NameList, &str)] = &[
    (NameList::Tables, "small"),
    (NameList::Protocols, "ntk"),
    (NameList::Realms, "cosmos"),
    (NameList::DsField, "AF11"),
];

/// A path, what it is or what it links to, its permissions, UID and GID, and how long it is.
type File = (&'static str, &'static str, u32, [u32; 2], u64);

pub(super) const FILES: &[File] = &[
    ("/", "directory", 0o755, [0, 0], 0),
    ("/bin", "usr/bin", 0o777, [0, 0], 0),
    ("/usr", "directory", 0o755, [0, 0], 0),
    ("/usr/bin", "directory", 0o755, [0, 0], 0),
    ("/usr/bin/true", "file", 0o755, [0, 0], 9),
    ("/srv", "directory", 0o755, [0, 0], 0),
    ("/srv/ok", "file", 0o755, [0, 0], 9),
    ("/srv/group", "file", 0o775, [0, 0], 9),
    ("/srv/plain", "file", 0o644, [0, 0], 9),
    ("/srv/loose", "file", 0o757, [0, 0], 9),
    ("/srv/theirs", "file", 0o555, [1, 0], 9),
    ("/srv/shared", "file", 0o775, [0, 1], 9),
    ("/srv/open", "directory", 0o777, [0, 0], 0),
    ("/srv/open/x", "file", 0o755, [0, 0], 9),
    ("/srv/open/link", "/srv/ok", 0o777, [1, 0], 0),
    ("/srv/tmp", "directory", 0o1777, [0, 0], 0),
    ("/srv/tmp/x", "file", 0o755, [0, 0], 9),
    ("/srv/link", "open/../open/x", 0o777, [0, 0], 0),
    ("/srv/loop", "loop", 0o777, [0, 0], 0),
    ("/srv/fifo", "pipe", 0o644, [0, 0], 0),
    ("/srv/key", "file", 0o600, [0, 0], 33),
    ("/srv/long", "file", 0o600, [0, 0], 66),
    ("/srv/seen", "file", 0o640, [0, 0], 33),
];

/// What surrounds the lines of a case.
#[derive(Clone, Copy, Debug)]
pub(super) enum In {
    /// A `vrrp_instance`, after these lines in `global_defs`.
    Global(&'static str),
    /// A `real_server`, after these lines in `global_defs`.
    RealServer(&'static str),
    /// A `vrrp_script`, after these lines in `global_defs`.
    Script(&'static str),
    /// The top level, before a `vrrp_instance`.
    Top,
}

impl In {
    pub(super) fn file(self, lines: &str) -> String {
        let global = |global: &str| format!("global_defs {{\n{global}\n}}\n");
        let instance = |lines: &str| {
            format!(
                "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n192.0.2.1/24\n}}\n\
                 {lines}\n}}\n"
            )
        };
        match self {
            Self::Global(above) => global(above) + &instance(lines),
            Self::RealServer(above) => format!(
                "{}virtual_server 192.0.2.10 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                 real_server 192.0.2.2 80 {{\n{lines}\n}}\n}}\n",
                global(above)
            ),
            Self::Script(above) => format!(
                "{}vrrp_script s {{\n{lines}\n}}\n{}",
                global(above),
                instance("")
            ),
            Self::Top => format!("{lines}\n{}", instance("")),
        }
    }
}

const SAFE: &str = "enable_script_security\nscript_user root";
const DAEMON: &str = "script_user daemon daemon";

pub(super) type Case = (&'static str, In, &'static str);

pub(super) const CASES: &[Case] = &[
    // Users.
    (
        "a user for all scripts",
        In::Global(DAEMON),
        "notify /srv/ok",
    ),
    (
        "a user for all scripts that is not there",
        In::Global("script_user deamon"),
        "notify /srv/ok",
    ),
    (
        "a group for all scripts that is not there",
        In::Global("script_user root demon"),
        "",
    ),
    ("numbers are no names", In::Global("script_user 0 0"), ""),
    (
        "a user of a notification that is not there",
        In::Global(""),
        "notify /srv/ok nouser",
    ),
    (
        "a user of a script that is not there",
        In::Script(""),
        "script /srv/ok\nuser nouser",
    ),
    (
        "a user of a check that is not there",
        In::RealServer(""),
        "MISC_CHECK {\nmisc_path /srv/ok\nuser root nogroup\n}",
    ),
    (
        "an owner of a pipe that is not there",
        In::Global("vrrp_notify_fifo /run/fifo nouser"),
        "",
    ),
    (
        "nobody to run scripts as",
        In::Global("enable_script_security"),
        "notify /srv/ok\nnotify_master /srv/ok\nnotify_backup /srv/ok root",
    ),
    // Programs.
    (
        "programs that are there",
        In::Global(DAEMON),
        "notify true\nnotify_master \"srv/ok argument\"\nnotify_backup /srv/open/x\nnotify_fault /bin/true",
    ),
    (
        "a notification that is not there",
        In::Global(DAEMON),
        "notify /srv/missing\nnotify_master missing\nnotify_backup /srv/loop",
    ),
    (
        "a script that is not there",
        In::Script(DAEMON),
        "script /srv/missing",
    ),
    (
        "a check that is not there",
        In::RealServer(DAEMON),
        "MISC_CHECK {\nmisc_path \"/srv/missing 1 2\"\n}\nnotify_up /srv/missing",
    ),
    (
        "what is no program",
        In::Global(DAEMON),
        "notify /srv/plain\nnotify_master /srv\nnotify_backup /srv/fifo",
    ),
    (
        "a script that is no program",
        In::Script(DAEMON),
        "script /srv",
    ),
    (
        "programs of global_defs",
        In::Global(
            "script_user daemon\nstartup_script /srv/missing\nnotify_fifo /run/fifo\nnotify_fifo_script /srv/plain",
        ),
        "",
    ),
    // Security.
    (
        "root runs what nobody looked at: told once",
        In::Global(""),
        "notify /srv/ok\nnotify_master /srv/ok",
    ),
    (
        "root runs what others may change",
        In::Global("script_user root"),
        "notify /srv/loose\nnotify_master /srv/missing\nnotify_backup /srv/loose daemon",
    ),
    (
        "what is safe for root",
        In::Global(SAFE),
        "notify /srv/ok\nnotify_master /srv/group\nnotify_backup /srv/tmp/x\nnotify_fault true\nnotify_stop /srv/open/link",
    ),
    (
        "what is not safe for root",
        In::Global(SAFE),
        "notify /srv/loose\nnotify_master /srv/theirs\nnotify_backup /srv/shared\nnotify_fault /srv/open/x\nnotify_stop /srv/link",
    ),
    (
        "links that are followed each time",
        In::Global("enable_script_security\nscript_user root\nuse_symlink_paths"),
        "notify /srv/open/link\nnotify_master true",
    ),
    (
        "a script that is not safe for root",
        In::Script(SAFE),
        "script /srv/loose",
    ),
    (
        "a check that is not safe for root",
        In::RealServer(DAEMON),
        "MISC_CHECK {\nmisc_path /srv/theirs\nuser root\n}",
    ),
    // Names of iproute2.
    (
        "names of iproute2",
        In::Top,
        "static_routes {\n10.0.0.0/8 dev eth0 table small protocol ntk realms cosmos/cosmos tos AF11\n}",
    ),
    (
        "names that iproute2 does not know",
        In::Top,
        "static_routes {\n10.0.0.0/8 dev eth0 table smal protocol nkt scope here realms cosmos/chaos tos AF99\n}\n\
         static_rules {\nfrom 10.0.0.0/8 table large suppress_ifgroup tiny\n}\n\
         static_ipaddress {\n192.0.2.7 dev eth0 scope there\n}",
    ),
    // VRFs.
    (
        "a VRF",
        In::Top,
        "static_routes {\n10.0.0.0/8 dev eth0 vrf eth1\n}",
    ),
    (
        "interfaces that are no VRF",
        In::Top,
        "static_routes {\n10.0.0.0/8 dev eth0 vrf eth0\n}\n\
         vrrp_instance b {\nvrf eth0\nunicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.8\n}\nvirtual_router_id 2\nvirtual_ipaddress {\n192.0.2.2 dev eth0\n}\n}",
    ),
    // Keys.
    (
        "a key in a file",
        In::Global(""),
        "auth_hmac {\nkey 1 file:/srv/key\nactive_key 1\n}",
    ),
    (
        "keys in files that are not right",
        In::Global(""),
        "auth_hmac {\nkey 1 file:/srv/none\nkey 2 file:/srv/seen\nkey 3 file:/srv/long\nkey 4 file:/srv\n\
         key 5 file:/srv/plain\nactive_key 1\n}",
    ),
    (
        "a password in a file",
        In::Global("smtp_server mail.example.net\nsmtp_starttls\nsmtp_auth lb /srv/key"),
        "",
    ),
    (
        "passwords in files that are not right",
        In::Global("smtp_auth lb /srv/none\nsmtp_auth lb /srv/seen\nsmtp_auth lb"),
        "",
    ),
    (
        "a password in clear text",
        In::Global("smtp_server mail.example.net\nsmtp_auth lb /srv/key"),
        "",
    ),
    (
        "a password that does not leave this host",
        In::Global("smtp_server 127.0.0.1\nsmtp_auth lb /srv/key"),
        "",
    ),
    // Quotes.
    (
        "a quote that is not closed is told once",
        In::Global(DAEMON),
        "notify \"/srv/ok a",
    ),
];
