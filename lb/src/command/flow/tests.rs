use super::*;

fn question(protocol: Protocol, opens: bool) -> Question {
    Question {
        protocol,
        source: "198.51.100.7:4000".parse().unwrap(),
        destination: "203.0.113.1:80".parse().unwrap(),
        interface: None,
        opens,
    }
}

#[test]
fn the_packet_is_what_is_asked_about() {
    let flags = [(false, 0x10), (true, 0x02)];
    for (opens, flags) in flags {
        let frame = frame(&question(Protocol::Tcp, opens), [2, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(frame[..6], [2, 0, 0, 0, 0, 1]);
        assert_eq!(frame[26..34], [198, 51, 100, 7, 203, 0, 113, 1]);
        assert_eq!(frame[34..38], [0x0f, 0xa0, 0, 80]);
        assert_eq!(frame[47], flags);
    }
    for (protocol, number, length) in [(Protocol::Udp, 17, 42), (Protocol::Sctp, 132, 50)] {
        let frame = frame(&question(protocol, true), [2, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!((frame[23], frame.len()), (number, length));
    }
}

#[test]
fn two_families_are_refused() {
    let asked = Question {
        destination: "[2001:db8::1]:80".parse().unwrap(),
        ..question(Protocol::Tcp, false)
    };
    assert!(frame(&asked, [0; 6]).is_err());
}
