//! The packet on the wire.

use std::{num::NonZeroU32, time::Duration};

use proptest::prelude::{any, prop, proptest};

use crate::bfd::packet::{Control, Diagnostic, State};

#[test]
fn a_packet_has_the_bytes_of_the_rfc() {
    let control = Control {
        diagnostic: Diagnostic::NEIGHBOR_DOWN,
        state: State::Up,
        poll: true,
        is_final: false,
        is_independent: false,
        demand: true,
        detect_mult: 5,
        my_discriminator: NonZeroU32::new(0x0102_0304).unwrap(),
        your_discriminator: NonZeroU32::new(0x0506_0708),
        desired_min_tx: Duration::from_micros(3312),
        required_min_rx: Duration::from_millis(10),
        required_min_echo_rx: Duration::ZERO,
    };
    let bytes = [
        0x23, 0xe2, 5, 24, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x0c, 0xf0, 0, 0, 0x27, 0x10, 0, 0, 0, 0,
    ];
    assert_eq!(control.emit(), bytes);
    assert_eq!(Control::parse(&bytes).unwrap().control, control);
}

proptest! {
    #[test]
    fn what_parses_is_made_again_byte_for_byte(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(parsed) = Control::parse(&bytes) {
            let mut again = parsed.control.emit();
            again[3] = bytes[3];
            again[1] |= bytes[1] & 4;
            assert!(bytes.starts_with(&again));
            assert!(parsed.bytes.len() <= bytes.len());
        }
    }
}
