//! Loading and the verifier.

use tests::{
    packet::{Packet, Transport},
    prog::{PASS, Plane},
};

#[test]
fn an_empty_data_plane_passes_everything() {
    let mut plane = Plane::new();
    let packet = Packet::new(Transport::Tcp(2), "10.0.0.1:1000", "10.0.0.2:80").bytes();
    let answer = plane.xdp(&packet);
    assert_eq!(answer.verdict, PASS);
    assert_eq!(answer.packet, packet);
    println!("{:?}", plane.data_plane.verified_instructions());
}
