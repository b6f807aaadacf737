//! BFD packets: nothing that arrives makes the sessions panic, and what parses is made again byte for byte.
#![no_main]

use std::{net::IpAddr, time::Instant};

use lb::{
    bfd::{
        Bfd, Key,
        output::{Incoming, Output},
        packet::Control,
    },
    config::model::{
        Word as _,
        bfd::{Authentication, AuthenticationKind, BfdInstance},
    },
};
use libfuzzer_sys::fuzz_target;

const NEIGHBOR: [u8; 4] = [192, 0, 2, 2];

fuzz_target!(|input: (u8, Vec<(u8, bool, bool, Vec<u8>)>)| {
    let (kind, packets) = input;
    let mut config = BfdInstance::new("peer", IpAddr::from(NEIGHBOR));
    let kind = AuthenticationKind::VALUES.get(usize::from(kind));
    config.authentication = kind.map(|kind| Authentication {
        kind: *kind,
        key_id: 1,
        file: String::new(),
    });
    let key = kind.and_then(|kind| Key::new(*kind, b"key".to_vec()));
    let (mut bfd, mut rng) = (Bfd::new(), fastrand::Rng::with_seed(1));
    let now = Instant::now();
    bfd.handle_config(&[(config, key)], &[], &mut rng, now);
    let ours = bfd.snapshot(now)[0].discriminator;
    for (ttl, is_multihop, is_ours, mut payload) in packets {
        if let Ok(parsed) = Control::parse(&payload) {
            let mut again = parsed.control.emit();
            again[3] = payload[3];
            again[1] |= payload[1] & 4;
            assert!(payload.starts_with(&again));
        }
        if is_ours && let Some(place) = payload.get_mut(8..12) {
            place.copy_from_slice(&ours.to_be_bytes());
        }
        let incoming = Incoming {
            source: NEIGHBOR.into(),
            destination: [192, 0, 2, 1].into(),
            ttl,
            is_multihop,
            payload: &payload,
        };
        bfd.handle_packet(&incoming, &mut rng, now);
        if let Some((due, _)) = bfd.poll_timeout() {
            bfd.handle_timeout(&mut rng, due);
        }
        while let Some(output) = bfd.poll_output() {
            if let Output::Send { payload, .. } = output {
                assert!(Control::parse(&payload).is_ok());
            }
        }
    }
});
