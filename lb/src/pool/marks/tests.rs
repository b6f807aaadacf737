use super::*;
use crate::config::model::{
    Family, ForwardMethod, Protocol, Scheduler, VirtualServer, global::GlobalDefs,
};

/// A virtual server for each of these groups, every one of which has an address, and `c` a mark besides.
fn config(groups: &[(&str, Protocol)]) -> Config {
    let server = |(name, protocol): &(&str, Protocol)| VirtualServer {
        service: VirtualService::Group {
            name: (*name).to_owned(),
            family: Family::V4,
        },
        ..VirtualServer::new(
            [0; 4].into(),
            0,
            *protocol,
            Scheduler::RoundRobin,
            ForwardMethod::Nat,
        )
    };
    let address = GroupMember::Address {
        address: [192, 0, 2, 1].into(),
        port: 80,
    };
    let mark = GroupMember::Fwmark {
        mark: 1001,
        family: None,
    };
    let group = |name: &str| VirtualServerGroup {
        name: name.to_owned(),
        members: if name == "c" {
            vec![address, mark]
        } else {
            vec![address]
        },
    };
    let mut global = GlobalDefs::default();
    global.firewall.nftables_ipvs = Some("table".to_owned());
    Config {
        global,
        virtual_servers: groups.iter().map(server).collect(),
        virtual_server_groups: ["a", "b", "c", "d"].map(group).into(),
        ..Config::default()
    }
}

#[test]
fn groups_of_addresses_have_a_mark_for_each_protocol_and_keep_it() {
    use Protocol::{Tcp, Udp};
    let mut marks = Marks::new();
    for (groups, expected) in [
        (
            &[("a", Tcp), ("a", Udp), ("b", Tcp), ("c", Tcp)][..],
            // 1001 is in the file.
            &[("a tcp V4", 1000), ("a udp V4", 1002), ("b tcp V4", 1003)][..],
        ),
        // What goes frees its mark for the next step only.
        (
            &[("b", Tcp), ("d", Tcp)],
            &[("b tcp V4", 1003), ("d tcp V4", 1004)],
        ),
        (
            &[("a", Tcp), ("d", Tcp)],
            &[("a tcp V4", 1000), ("d tcp V4", 1004)],
        ),
    ] {
        marks = assign(&config(groups), &marks);
        let told: Vec<_> = marks.iter().map(|(key, mark)| (&**key, *mark)).collect();
        assert_eq!(told, expected);
    }
    let mut unwanted = config(&[("a", Tcp)]);
    unwanted.global.firewall.nftables_ipvs = None;
    assert_eq!(assign(&unwanted, &marks), Marks::new());
}

#[test]
fn a_virtual_server_finds_its_mark() {
    let config = config(&[("a", Protocol::Tcp), ("c", Protocol::Tcp)]);
    let marks = assign(&config, &Marks::new());
    let ids = config.virtual_servers.iter().map(VirtualServerId::of);
    let found: Vec<_> = ids.map(|id| mark_of(&marks, &id)).collect();
    let mark = Mark {
        mark: 1000,
        family: Family::V4,
    };
    assert_eq!(found, [Some(mark), None]);
}
