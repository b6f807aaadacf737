//! Files to models, broken files to sentences, and no input that panics.

mod lexical;
mod lvs;
mod machine;
mod network;
mod properties;
mod traps;
mod vrrp;

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    Colour, Interface, Kind, Loaded, Options, Severity,
    keyword::{self, Entry},
    load,
    model::Version,
    pretty, show,
};

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../tests/fixtures/conf/", $name, ".conf")).as_slice(),
        )
    };
}

const GOOD: &[(&str, &[u8])] = &[
    fixture!("good/director"),
    fixture!("good/ipv6"),
    fixture!("good/layout"),
    fixture!("good/adjusted"),
    fixture!("good/global"),
    fixture!("good/vrrp"),
    fixture!("good/lvs"),
    fixture!("good/network"),
];

const BAD: &[(&str, &[u8])] = &[
    fixture!("bad/unknown_keyword"),
    fixture!("bad/missing_brace"),
    fixture!("bad/bad_address"),
    fixture!("bad/vrid_zero"),
    fixture!("bad/priority_256"),
    fixture!("bad/duplicate_vrid"),
    fixture!("bad/port_70000"),
    fixture!("bad/unknown_interface"),
    fixture!("bad/real_server_without_address"),
    fixture!("bad/binary"),
    fixture!("bad/empty"),
    fixture!("bad/not_carried"),
    fixture!("bad/mixed_families"),
    fixture!("bad/twice"),
    fixture!("bad/missing_values"),
];

#[test]
fn good_files_become_models() {
    for (name, bytes) in GOOD {
        let loaded = load_bytes(bytes);
        assert!(loaded.is_usable(), "{name}: {:#?}", loaded.diagnostics);
        let model = serde_json::to_string_pretty(&loaded.config).unwrap();
        insta::assert_snapshot!(snapshot_name(name), model + "\n\n" + &plain(&loaded));
    }
}

#[test]
fn a_model_shown_as_a_file_is_read_to_the_same_model() {
    for (name, bytes) in GOOD {
        let config = load_bytes(bytes).config;
        let shown = show(&config);
        let again = load_bytes(shown.as_bytes());
        assert!(again.is_usable(), "{name}: {}\n{shown}", plain(&again));
        assert_eq!(again.config, config, "{name}:\n{shown}");
    }
}

#[test]
fn deprecated_keywords_say_what_to_write_instead() {
    let loaded = load_bytes(b"global_defs {\nlvs_process_name x\n}\n");
    assert!(
        plain(&loaded).contains(
            "lb.conf:2:1: warning: `lvs_process_name` is deprecated; write `checker_process_name`"
        ),
        "{}",
        plain(&loaded)
    );
    let names = loaded.config.global.names;
    assert_eq!(names.checker.as_deref(), Some("x"));
}

#[test]
fn the_global_version_is_that_of_instances_without_one() {
    for (version, expected) in [("", Version::V2), ("vrrp_version 3", Version::V3)] {
        let text = format!(
            "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n\
             192.0.2.1\n}}\n}}\nglobal_defs {{\n{version}\n}}\n"
        );
        let config = load_bytes(text.as_bytes()).config;
        assert_eq!(config.vrrp_instances[0].version, expected, "{version}");
    }
}

#[test]
fn broken_files_get_sentences_with_file_line_and_word() {
    for (name, bytes) in BAD {
        let loaded = load_bytes(bytes);
        assert!(!loaded.is_usable(), "{name}");
        insta::assert_snapshot!(snapshot_name(name), plain(&loaded));
    }
}

#[test]
fn a_terminal_sees_the_line_with_a_caret() {
    let shown = ["bad/unknown_keyword", "bad/duplicate_vrid", "bad/binary"].map(|name| {
        let (_, bytes) = BAD.iter().find(|(known, _)| *known == name).unwrap();
        let loaded = load_bytes(bytes);
        pretty(&loaded.diagnostics, &loaded.sources, Colour::Off)
    });
    insta::assert_snapshot!("pretty", shown.join("\n"));
}

#[test]
fn a_missing_file_is_a_sentence() {
    let loaded = load(
        &path(),
        &mut BTreeMap::new(),
        &machine(),
        &Options::default(),
    );
    assert_eq!(
        plain(&loaded),
        "lb.conf:1:1: error: the file cannot be read: there is no such file; name the configuration file with -f FILE"
    );
    assert_eq!(loaded.diagnostics[0].kind, Kind::File);
}

#[test]
fn a_line_with_nul_is_refused_and_the_rest_is_read() {
    let loaded = load_bytes(b"global_defs {\n router_id a\0b\n unheard_of\n}\n");
    assert_eq!(
        plain(&loaded),
        "lb.conf:2:13: error: the line holds a NUL byte and cannot be read\n\
         lb.conf:3:2: error: unknown keyword `unheard_of` in global_defs"
    );
}

#[test]
fn megabytes_of_braces_are_refused_at_once() {
    let floods: [&[u8]; 7] = [b"{", b"}", b"{}", b"{\n", b"}\n", b"a{", b"a{}\n"];
    for flood in floods {
        let bytes = flood.repeat((10 << 20) / flood.len());
        let loaded = load_bytes(&bytes);
        let shown = String::from_utf8_lossy(flood);
        assert!(!loaded.is_usable(), "{shown:?}");
        assert!(loaded.diagnostics.len() <= 101, "{shown:?}");
        let text = pretty(&loaded.diagnostics, &loaded.sources, Colour::Off);
        assert!(text.len() < 100_000, "{shown:?}: {} bytes", text.len());
    }
    let braces = load_bytes(&b"{".repeat(10 << 20));
    insta::assert_snapshot!("bad_10_mb_of_braces", plain(&braces));
}

#[test]
fn many_warnings_do_not_hide_an_error() {
    let mut text = "global_defs {\n".to_owned() + &"router_id a b\n".repeat(500);
    text.push_str("priority 5\n}\n");
    let loaded = load_bytes(text.as_bytes());
    assert_eq!(loaded.worst(), Some(Severity::Error));
    assert!(
        plain(&loaded)
            .contains("unknown keyword `priority` in global_defs; it belongs in vrrp_instance")
    );
}

#[test]
fn the_order_of_keywords_within_a_block_does_not_matter() {
    let forward = "delay_loop 7\nweight 9\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                   real_server 192.0.2.2 80 { TCP_CHECK {} }\n";
    let mut lines: Vec<&str> = forward.lines().collect();
    lines.reverse();
    let configs = [forward.to_owned(), lines.join("\n")].map(|body| {
        load_bytes(format!("virtual_server 192.0.2.1 80 {{\n{body}\n}}\n").as_bytes()).config
    });
    assert_eq!(configs[0], configs[1]);
    assert_eq!(configs[0].virtual_servers.len(), 1);
}

#[test]
fn advert_intervals_follow_the_version() {
    let cases = [
        ("2", "1", Some(100)),
        ("2", "0.2", Some(100)),
        ("2", "1.5", Some(200)),
        ("2", "255", Some(25500)),
        ("2", "256", None),
        ("3", "0.01", Some(1)),
        ("3", "0.014", Some(1)),
        ("3", "40.95", Some(4095)),
        ("3", "40.96", None),
        ("3", ".5", Some(50)),
        ("3", "0", None),
        ("3", "-1", None),
        ("3", "1e1", None),
        ("3", ".", None),
        ("3", "99999999999999999999", None),
    ];
    for (version, written, expected) in cases {
        let loaded = load_bytes(
            format!(
                "vrrp_instance a {{\ninterface eth0\nvirtual_router_id 1\nversion {version}\n\
                 advert_int {written}\nvirtual_ipaddress {{\n192.0.2.1\n}}\n}}\n"
            )
            .as_bytes(),
        );
        let interval = loaded.config.vrrp_instances[0].advert_interval;
        let interval = loaded.is_usable().then(|| interval.centiseconds());
        assert_eq!(interval, expected, "version {version} advert_int {written}");
    }
}

/// keepalived.conf(5) has this many keywords per block.
#[test]
fn every_keyword_of_keepalived_is_known() {
    let cases = [
        ("the top level", 25, 0),
        ("global_defs", 140, 16),
        ("vrrp_instance", 70, 0),
        // `notify_deleted` too, which keepalived.conf(5) has and the code does not.
        ("vrrp_sync_group", 15, 1),
        ("authentication", 2, 0),
        ("auth_hmac", 5, 0),
        ("unicast_peer", 2, 0),
        // weight, reverse, and noreverse in both of its spellings
        ("track_interface, track_script", 4, 0),
        ("track_bfd", 4, 1),
        ("track_file, track_process", 4, 0),
        ("virtual_server", 39, 4),
        ("real_server", 26, 7),
        ("TCP_CHECK", 13, 3),
        ("PING_CHECK", 13, 3),
        ("HTTP_GET", 20, 3),
        ("url of HTTP_GET", 10, 0),
        ("SSL_GET", 21, 3),
        ("url of SSL_GET", 11, 0),
        ("UDP_CHECK", 17, 3),
        ("SMTP_CHECK", 15, 3),
        ("host", 13, 3),
        ("DNS_CHECK", 15, 3),
        ("GRPC_CHECK", 0, 19),
        ("KEEPALIVE_CHECK", 0, 20),
        ("MISC_CHECK", 10, 3),
        ("FILE_CHECK", 2, 0),
        ("BFD_CHECK", 2, 0),
        ("static_ipaddress", 14, 0),
        ("virtual_ipaddress", 14, 0),
        // `encap ip` and the like and the words of a next hop have tables of their own: with `ip`, `ip6`, `mpls`,
        // `ila` and `weight` these are the 65 words of keepalived.
        ("static_routes and virtual_routes", 60, 0),
        ("encap", 4, 0),
        ("nexthop", 6, 1),
        ("encap ip", 6, 0),
        ("encap ip6", 6, 0),
        // 33 options and the actions blackhole, prohibit and unreachable.
        ("static_rules and virtual_rules", 36, 0),
        ("track_group", 1, 0),
        ("garp_group", 4, 0),
        ("vrrp_script", 8, 0),
        ("vrrp_track_process", 9, 0),
        ("track_file", 3, 0),
        ("bfd_instance", 15, 1),
        ("SSL", 4, 0),
    ];
    let entries: Vec<Entry> = keyword::reference().collect();
    for (block, keepalived, own) in cases {
        let names: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.block == block)
            .flat_map(|entry| entry.names.iter().copied())
            .collect();
        let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(
            unique.len(),
            names.len(),
            "a keyword of {block} is there twice"
        );
        assert_eq!(names.len(), keepalived + own, "{block}");
    }
}

pub(super) fn load_bytes(bytes: &[u8]) -> Loaded {
    let mut files = BTreeMap::from([(path(), bytes.to_vec())]);
    load(&path(), &mut files, &machine(), &Options::default())
}

fn machine() -> BTreeMap<String, Interface> {
    let interface = |name: &str, is_loopback| {
        let mtu = Some(1500);
        (
            name.to_owned(),
            Interface {
                is_loopback,
                is_vrf: None,
                mtu,
            },
        )
    };
    BTreeMap::from([
        interface("lo", true),
        interface("eth0", false),
        interface("eth1", false),
    ])
}

fn path() -> PathBuf {
    PathBuf::from("lb.conf")
}

fn plain(loaded: &Loaded) -> String {
    let lines: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(super::Diagnostic::plain)
        .collect();
    lines.join("\n")
}

fn snapshot_name(name: &str) -> String {
    name.replace('/', "_")
}
