use super::*;

const MAC: Mac = [2, 0, 0, 0, 0, 7];

#[test]
fn a_gratuitous_arp_names_the_address_as_sender_and_target() {
    let frame = gratuitous_arp(MAC, Ipv4Addr::new(192, 0, 2, 80));
    let wanted = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4, 0, 1, // request
        2, 0, 0, 0, 0, 7, 192, 0, 2, 80, // sender
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 80, // target
    ];
    assert_eq!(frame, wanted);
}

#[test]
fn an_unsolicited_advertisement_overrides_and_carries_the_link_layer_address() {
    let message = unsolicited_advertisement(MAC, "2001:db8::80".parse().unwrap());
    assert_eq!(message[..8], [136, 0, 0, 0, 0xa0, 0, 0, 0]);
    assert_eq!(
        message[8..24],
        "2001:db8::80".parse::<Ipv6Addr>().unwrap().octets()
    );
    assert_eq!(message[24..], [2, 1, 2, 0, 0, 0, 0, 7]);
}
