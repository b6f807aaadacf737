//! Unicast: from whom, to whom, how far.

use super::*;

const PEERS: &str =
    "unicast_peer {;192.0.2.3;192.0.2.4 min_ttl 63 max_ttl 64;};virtual_ipaddress {;192.0.2.17;}";

fn open(config: &VrrpInstance, source: &str, destination: &str, ttl: u8) -> &'static str {
    let advert = Advertisement::of(config, 100);
    let payload = advert.emit(ip(source), ip(destination));
    let packet = Incoming {
        ttl,
        ..plain(source, destination, &payload)
    };
    let opened = wire(config).open(config, &packet, at(1, 0));
    opened.map_or_else(|refusal| refusal.name(), |_| "ok")
}

#[test]
fn peers_count_within_their_ttl_and_others_where_nothing_is_checked() {
    let checked = instance(PEERS);
    let open_to_all = instance("unicast_peer {;192.0.2.3;};virtual_ipaddress {;192.0.2.17;}");
    let rows = [
        (&checked, "192.0.2.3", 1, "ok"),
        (&checked, "192.0.2.4", 62, "ip_ttl_err"),
        (&checked, "192.0.2.4", 63, "ok"),
        (&checked, "192.0.2.4", 64, "ok"),
        (&checked, "192.0.2.4", 65, "ip_ttl_err"),
        (&checked, "192.0.2.5", 255, "unicast_src_err"),
        (&open_to_all, "192.0.2.5", 9, "ok"),
    ];
    for (config, source, ttl, wanted) in rows {
        assert_eq!(
            open(config, source, "192.0.2.1", ttl),
            wanted,
            "{source} {ttl}"
        );
        assert_eq!(
            open(config, source, "224.0.0.18", ttl) == "destination_err",
            wanted == "ok",
            "{source} {ttl}"
        );
    }
}

#[test]
fn we_send_to_every_peer_but_ourselves() {
    let config = instance(
        "unicast_ttl 9;unicast_peer {;192.0.2.1;192.0.2.3;192.0.2.4;};virtual_ipaddress {;192.0.2.17;}",
    );
    let advert = Advertisement::of(&config, 100);
    let packets = wire(&config).seal(&config, &advert, ip("192.0.2.1"), at(1, 0));
    let to: Vec<_> = packets
        .iter()
        .map(|packet| (packet.destination, packet.ttl))
        .collect();
    assert_eq!(to, [(ip("192.0.2.3"), 9), (ip("192.0.2.4"), 9)]);
}

#[test]
fn the_old_checksum_is_answered_in_kind_unless_that_is_forbidden() {
    let rows = [
        ("", "ok", true),
        ("old_unicast_checksum;", "ok", true),
        ("old_unicast_checksum never;", "chk_err", false),
    ];
    for (line, wanted, sends_old) in rows {
        let config = instance(&format!(
            "version 3;{line}unicast_peer {{;192.0.2.3;}};virtual_ipaddress {{;192.0.2.19;}}"
        ));
        let old = Advertisement {
            checksum: ChecksumForm::OldUnicast,
            ..Advertisement::of(&config, 100)
        };
        let payload = old.emit(ip("192.0.2.3"), ip("192.0.2.1"));
        let mut wire = wire(&config);
        let opened = wire.open(
            &config,
            &plain("192.0.2.3", "192.0.2.1", &payload),
            at(1, 0),
        );
        assert_eq!(
            opened.map_or_else(|refusal| refusal.name(), |_| "ok"),
            wanted,
            "{line}"
        );
        let sent = wire.seal(
            &config,
            &Advertisement::of(&config, 100),
            ip("192.0.2.1"),
            at(1, 0),
        );
        let again = Advertisement::parse(&sent[0].bytes, ip("192.0.2.1"), ip("192.0.2.3")).unwrap();
        assert_eq!(
            again.checksum == ChecksumForm::OldUnicast,
            sends_old,
            "{line}"
        );
    }
    // Multicast never had it wrong.
    let config = instance("version 3;virtual_ipaddress {;192.0.2.19;}");
    assert_eq!(open(&config, "192.0.2.3", "224.0.0.18", 255), "ok");
}
