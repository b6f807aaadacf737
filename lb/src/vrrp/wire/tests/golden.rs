//! Packets that Debian's keepalived 2.2.7 sends, captured on a veth pair, each with the lines of the configuration that
//! made it. tshark finds all of them well-formed, the checksum of `old_unicast_checksum` apart.

use super::*;

struct Golden {
    what: &'static str,
    /// Lines of the instance beside `interface` and `priority 100`.
    config: &'static str,
    /// Source, destination, TTL or hop limit.
    route: (&'static str, &'static str, u8),
    /// The payload of IP.
    payload: &'static str,
}

const GOLDEN: &[Golden] = &[
    Golden {
        what: "version 2 with two addresses",
        config: "virtual_router_id 51;virtual_ipaddress {;192.0.2.10/24;192.0.2.11/24;}",
        route: ("192.0.2.1", "224.0.0.18", 255),
        payload: "213364020001f6b2 c000020a c000020b 0000000000000000",
    },
    Golden {
        what: "version 2 with a password",
        config: "virtual_router_id 52;authentication {;auth_type PASS;auth_pass s3cret;};virtual_ipaddress {;192.0.2.12/24;}",
        route: ("192.0.2.1", "224.0.0.18", 255),
        payload: "2134640101017ba2 c000020c 7333637265740000",
    },
    Golden {
        what: "version 3 over IPv4",
        config: "virtual_router_id 54;version 3;virtual_ipaddress {;192.0.2.14/24;}",
        route: ("192.0.2.1", "224.0.0.18", 255),
        payload: "31366401006405c5 c000020e",
    },
    Golden {
        what: "version 3 over IPv6",
        config: "virtual_router_id 56;version 3;virtual_ipaddress {;fe80::56;2001:db8::56/64;}",
        route: ("fe80::1", "ff02::12", 255),
        payload: "3138640200643f4c fe800000000000000000000000000056 20010db8000000000000000000000056",
    },
    Golden {
        what: "unicast in version 2 with a TTL",
        config: "virtual_router_id 57;unicast_src_ip 192.0.2.1;unicast_ttl 7;unicast_peer {;192.0.2.3;192.0.2.4;};virtual_ipaddress {;192.0.2.17/24;}",
        route: ("192.0.2.1", "192.0.2.3", 7),
        payload: "213964010001b8b2 c0000211 0000000000000000",
    },
    Golden {
        what: "unicast in version 3, to the first peer",
        config: "virtual_router_id 58;version 3;unicast_peer {;192.0.2.3;192.0.2.4;};virtual_ipaddress {;192.0.2.18/24;}",
        route: ("192.0.2.1", "192.0.2.3", 255),
        payload: "313a6401006423cc c0000212",
    },
    Golden {
        what: "unicast in version 3, to the second peer",
        config: "virtual_router_id 58;version 3;unicast_peer {;192.0.2.3;192.0.2.4;};virtual_ipaddress {;192.0.2.18/24;}",
        route: ("192.0.2.1", "192.0.2.4", 255),
        payload: "313a6401006423cb c0000212",
    },
    Golden {
        what: "unicast in version 3 with old_unicast_checksum",
        config: "virtual_router_id 59;version 3;old_unicast_checksum;unicast_peer {;192.0.2.3;};virtual_ipaddress {;192.0.2.19/24;}",
        route: ("192.0.2.1", "192.0.2.3", 255),
        payload: "313b6401006405bb c0000213",
    },
    Golden {
        what: "another multicast group",
        config: "virtual_router_id 60;version 3;mcast_dst_ip 224.0.0.99;virtual_ipaddress {;192.0.2.20/24;}",
        route: ("192.0.2.1", "224.0.0.99", 255),
        payload: "313c640100640568 c0000214",
    },
    Golden {
        what: "unicast over IPv6, to a link-local peer",
        config: "virtual_router_id 62;version 3;unicast_src_ip fe80::1;unicast_peer {;fe80::3;2001:db8::3;};virtual_ipaddress {;fe80::62;}",
        route: ("fe80::1", "fe80::3", 255),
        payload: "313e640100646deb fe800000000000000000000000000062",
    },
    Golden {
        what: "unicast over IPv6, to a global peer",
        config: "virtual_router_id 62;version 3;unicast_src_ip fe80::1;unicast_peer {;fe80::3;2001:db8::3;};virtual_ipaddress {;fe80::62;}",
        route: ("fe80::1", "2001:db8::3", 255),
        payload: "313e640100643eb3 fe800000000000000000000000000062",
    },
    Golden {
        what: "v3_checksum_as_v2: as FRR sends it, the sum by hand",
        config: "virtual_router_id 55;version 3;v3_checksum_as_v2;virtual_ipaddress {;192.0.2.15/24;}",
        route: ("192.0.2.1", "224.0.0.18", 255),
        payload: "313764010064a853 c000020f",
    },
];

/// The instance of a row; the router at the other end has it too, with our address among its peers.
fn config(lines: &str) -> VrrpInstance {
    let text = format!("interface eth0;priority 100;{lines}").replace(';', "\n");
    let text = format!("vrrp_instance a {{\n{text}\n}}\n");
    let mut files = BTreeMap::from([(PathBuf::from("f"), text.into_bytes())]);
    let machine = BTreeMap::from([("eth0".to_owned(), Interface::default())]);
    let loaded = load(Path::new("f"), &mut files, &machine, &Options::default());
    assert!(loaded.is_usable(), "{lines}: {:#?}", loaded.diagnostics);
    loaded.config.vrrp_instances[0].clone()
}

#[test]
fn we_send_what_keepalived_sends() {
    for golden in GOLDEN {
        let config = config(golden.config);
        let (source, destination, ttl) = golden.route;
        let advert = Advertisement::of(&config, 100);
        let packets = wire(&config).seal(&config, &advert, ip(source), at(1, 0));
        let wanted = Packet {
            destination: ip(destination),
            ttl,
            bytes: bytes(golden.payload),
        };
        assert!(
            packets.contains(&wanted),
            "{}: {packets:02x?} without {wanted:02x?}",
            golden.what
        );
    }
}

#[test]
fn we_take_what_keepalived_sends() {
    for golden in GOLDEN {
        let config = config(golden.config);
        let (source, destination, ttl) = golden.route;
        let payload = bytes(golden.payload);
        let packet = Incoming {
            ttl,
            ..plain(source, destination, &payload)
        };
        let opened = wire(&config).open(&config, &packet, at(1, 0));
        assert_eq!(
            opened.map(|opened| opened.advert),
            Ok(Advertisement::of(&config, 100)),
            "{}",
            golden.what
        );
    }
}

#[test]
fn a_packet_that_is_not_quite_it_is_refused_by_name() {
    let v2 = "virtual_ipaddress {;192.0.2.10/24;192.0.2.11/24;}";
    let v3 = "version 3;virtual_ipaddress {;192.0.2.10/24;}";
    let pass =
        "authentication {;auth_type PASS;auth_pass s3cret;};virtual_ipaddress {;192.0.2.12/24;}";
    let ours = ("192.0.2.9", "224.0.0.18", 255);
    let two = "213364020001f6b2 c000020a c000020b 0000000000000000";
    let secret = "2133640101017ba3 c000020c 7333637265740000";
    type Row = (
        &'static str,
        (&'static str, &'static str, u8),
        &'static str,
        &'static str,
    );
    let rows: &[Row] = &[
        (v2, ours, two, "ok"),
        (v2, ("192.0.2.9", "224.0.0.18", 254), two, "ip_ttl_err"),
        (v2, ("192.0.2.9", "192.0.2.1", 255), two, "destination_err"),
        (v2, ("192.0.2.9", "224.0.0.99", 255), two, "destination_err"),
        (
            v2,
            ours,
            "213364020001f6b3 c000020a c000020b 0000000000000000",
            "chk_err",
        ),
        (
            v2,
            ours,
            "213364020001f6b2 c000020a c000020b",
            "packet_len_err",
        ),
        (
            v2,
            ours,
            "213364020001f6b2 c000020a c000020b 0000000000000000 00",
            "packet_len_err",
        ),
        (v2, ours, "2133640200", "packet_len_err"),
        (v2, ours, "", "packet_len_err"),
        (
            v2,
            ours,
            "213364020002f6b1 c000020a c000020b 0000000000000000",
            "advert_interval_err",
        ),
        (
            v2,
            ours,
            "223364020001f5b2 c000020a c000020b 0000000000000000",
            "invalid_type_rcvd",
        ),
        (
            v2,
            ours,
            "213364020301f3b2 c000020a c000020b 0000000000000000",
            "invalid_authtype",
        ),
        (v2, ours, secret, "authtype_mismatch"),
        (v3, ours, two, "vers_err"),
        (pass, ours, secret, "ok"),
        (
            pass,
            ours,
            "2133640101017aa3 c000020c 7433637265740000",
            "auth_failure",
        ),
        (
            pass,
            ours,
            "213364010001b8bd c000020c 0000000000000000",
            "authtype_mismatch",
        ),
    ];
    for (lines, (source, destination, ttl), payload, wanted) in rows {
        let (config, payload) = (instance(lines), bytes(payload));
        let packet = Incoming {
            ttl: *ttl,
            ..plain(source, destination, &payload)
        };
        let opened = wire(&config).open(&config, &packet, at(1, 0));
        let name = opened
            .as_ref()
            .map_or_else(|refusal| refusal.name(), |_| "ok");
        assert_eq!(name, *wanted, "{lines}: {payload:02x?}: {opened:?}");
    }
}

#[test]
fn either_reading_of_the_checksum_is_taken_and_the_configured_one_is_sent() {
    for (line, sent) in [
        ("", ChecksumForm::PseudoHeader),
        ("v3_checksum_as_v2;", ChecksumForm::MessageOnly),
    ] {
        let config = instance(&format!(
            "version 3;{line}virtual_ipaddress {{;192.0.2.14/24;}}"
        ));
        for form in [ChecksumForm::PseudoHeader, ChecksumForm::MessageOnly] {
            let advert = Advertisement {
                checksum: form,
                ..Advertisement::of(&config, 7)
            };
            let payload = advert.emit(ip("192.0.2.9"), ip("224.0.0.18"));
            let packet = plain("192.0.2.9", "224.0.0.18", &payload);
            let opened = wire(&config).open(&config, &packet, at(1, 0)).unwrap();
            assert_eq!(opened.advert, advert);
        }
        assert_eq!(Advertisement::of(&config, 7).checksum, sent);
    }
}
