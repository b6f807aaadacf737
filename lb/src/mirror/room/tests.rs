use super::*;
use crate::config::model::{ForwardMethod, Protocol, RealServer};

fn config(servers: u32, scheduler: Scheduler) -> Config {
    let server = |n: u32| VirtualServer {
        real_servers: vec![RealServer::new([10, 0, 0, 1].into(), 80)],
        ..VirtualServer::new(
            n.to_be_bytes().into(),
            80,
            Protocol::Tcp,
            scheduler,
            ForwardMethod::DirectRoute,
        )
    };
    Config {
        virtual_servers: (1..=servers).map(server).collect(),
        ..Config::default()
    }
}

#[test]
fn what_is_small_has_the_default() {
    assert_eq!(
        Room::made(&config(0, Scheduler::RoundRobin)),
        Room::default()
    );
    let expected = Room {
        chunks: Room::default().chunks + 3,
        ..Room::default()
    };
    assert_eq!(Room::made(&config(1, Scheduler::RoundRobin)), expected);
}

#[test]
fn virtual_servers_and_their_rings_have_room() {
    let room = Room::made(&config(5000, Scheduler::MaglevHash));
    assert_eq!(room.services, 8192);
    assert_eq!(room.slots(), 32768);
    assert_eq!(room.chunks, Room::default().chunks + 5000 * 16 * 3);
}

#[test]
fn weights_that_grow_have_room_for_the_rings_on_the_way() {
    let mut config = config(1, Scheduler::MaglevHash);
    let chunks = |config: &Config| Room::needed(config).chunks;
    let mut other = RealServer::new([10, 0, 0, 2].into(), 80);
    other.weight = Weight::try_from(100).unwrap();
    config.virtual_servers[0].real_servers = vec![other.clone(), other];
    assert_eq!(chunks(&config), 16);
    config.virtual_servers[0].real_servers[1].slow_start = Micros::MAX;
    assert_eq!(chunks(&config), 256);
}

#[test]
fn what_is_asked_for_is_rounded_up() {
    let mut config = config(10, Scheduler::RoundRobin);
    assert_eq!(flows(&config), 1 << 20);
    config.global.data_plane_room.services = Some(10_000);
    config.global.data_plane_room.flows = Some(3_000_000);
    assert_eq!(Room::made(&config).services, 16384);
    assert_eq!(flows(&config), 1 << 22);
}

#[test]
fn what_is_needed_has_no_slack() {
    let needed = Room::needed(&config(70_000, Scheduler::RoundRobin));
    assert_eq!(needed.services, MOST_SERVICES);
    assert_eq!(needed.chunks, 70_000);
    assert_eq!(
        Room::made(&config(40_000, Scheduler::RoundRobin)).services,
        1 << 16
    );
}

#[test]
fn ports_of_full_nat_take_room_where_there_is_full_nat() {
    let mut config = config(1, Scheduler::RoundRobin);
    assert!(!Room::made(&config).has_local_ports());
    config.virtual_servers[0].real_servers[0].method = ForwardMethod::FullNat;
    assert!(Room::needed(&config).has_local_ports());
    assert_eq!(Room::made(&config).local_ports, 1 << 17);
}
