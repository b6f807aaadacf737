use std::net::IpAddr;

use super::{BfdReceiver, BfdSender, Inlet, source_port};
use crate::{bfd::SOURCE_PORTS, config::model::bfd::BfdInstance};

/// A packet of a session with ourselves, as it arrives; it may take some attempts where others use the port.
fn around(neighbor: &str, multihop: bool, ttl: u8) {
    let neighbor: IpAddr = neighbor.parse().unwrap();
    let mut config = BfdInstance::new("x", neighbor);
    (config.multihop, config.ttl, config.source) = (multihop, ttl, Some(neighbor));
    let inlet = Inlet::of(&config);
    let receiver = BfdReceiver::open(inlet).unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut tried = Vec::new();
    let sender = BfdSender::open(&config, || {
        tried.push(source_port(&mut rng));
        tried[tried.len() - 1]
    })
    .unwrap();
    let from = sender.socket.local_addr().unwrap().as_socket().unwrap();
    assert!(SOURCE_PORTS.contains(&from.port()));
    assert_eq!(Some(&from.port()), tried.last());
    for number in 0..40 {
        sender.send(&[number; 24]).unwrap();
    }
    let mut datagrams = Vec::new();
    while receiver.receive(&mut datagrams).is_ok() {}
    assert_eq!(datagrams.len(), 40);
    for (number, datagram) in datagrams.iter().enumerate() {
        assert_eq!(
            (datagram.source, datagram.destination, datagram.ttl),
            (neighbor, neighbor, ttl)
        );
        assert_eq!(datagram.payload[..], [u8::try_from(number).unwrap(); 24]);
    }
}

#[test]
fn packets_arrive_with_their_ends_and_their_ttl() {
    around("127.0.0.1", false, 255);
    around("127.0.0.1", true, 64);
    around("::1", false, 255);
    around("::1", true, 7);
}

#[test]
fn a_port_that_is_taken_is_not_the_last_one_tried() {
    let config = BfdInstance::new("x", "127.0.0.1".parse().unwrap());
    let mut rng = fastrand::Rng::with_seed(9);
    let first = BfdSender::open(&config, || source_port(&mut rng)).unwrap();
    let taken = first
        .socket
        .local_addr()
        .unwrap()
        .as_socket()
        .unwrap()
        .port();
    let mut ports = [taken, taken, taken ^ 1].into_iter();
    BfdSender::open(&config, || ports.next().unwrap()).unwrap();
    assert_eq!(ports.next(), None);
    assert!(BfdSender::open(&config, || taken).is_err());
}
