use proptest::prelude::*;

use super::{Sum, update, update_udp};

/// RFC 1071 §4.1, word by word in network order.
fn reference(data: &[u8]) -> [u8; 2] {
    let mut sum = 0u32;
    for pair in data.chunks(2) {
        sum += u32::from(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or(0),
        ]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[test]
fn every_carry_of_a_16_bit_change_is_added_back() {
    for old in 0..=u16::MAX {
        for new in [0, 1, 0x00ff, 0x7fff, 0x8000, 0xfffe, 0xffff, !old, old ^ 1] {
            let [a, b] = old.to_be_bytes();
            let [c, d] = new.to_be_bytes();
            let before = reference(&[0x45, 0, a, b]);
            let change = Sum::new().sub16([a, b]).add16([c, d]);
            assert_eq!(
                update(before, change),
                reference(&[0x45, 0, c, d]),
                "{old:#x} → {new:#x}"
            );
        }
    }
}

#[test]
fn a_missing_udp_checksum_stays_missing() {
    let change = Sum::new().sub32([10, 0, 0, 1]).add32([10, 0, 0, 2]);
    assert_eq!(update_udp([0, 0], change), [0, 0]);
}

#[test]
fn a_udp_checksum_never_becomes_zero() {
    let mut seen = 0;
    for new in 0..=u16::MAX {
        let change = Sum::new().sub16([0x12, 0x34]).add16(new.to_be_bytes());
        let before = reference(&[0x12, 0x34, 0x55, 0xaa]);
        let after = update_udp(before, change);
        assert_ne!(after, [0, 0]);
        seen += u32::from(after == [0xff, 0xff]);
    }
    assert!(seen > 0, "the case under test occurs");
}

#[test]
fn intact_data_is_valid_and_one_flipped_bit_is_not() {
    let mut data = [0x31, 51, 100, 1, 0, 1, 0, 0, 192, 0, 2, 1];
    let [a, b] = reference(&data);
    data[6] = a;
    data[7] = b;
    let sum = |data: &[u8; 12]| {
        data.chunks_exact(4)
            .fold(Sum::new(), |sum, w| sum.add32([w[0], w[1], w[2], w[3]]))
    };
    assert!(sum(&data).is_valid());
    for bit in 0..96 {
        let mut data = data;
        data[bit / 8] ^= 1 << (bit % 8);
        assert!(!sum(&data).is_valid(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn an_update_equals_the_checksum_of_the_changed_data(
        mut data in any::<[u8; 40]>(),
        address in any::<[u8; 16]>(),
        port in any::<[u8; 2]>(),
    ) {
        data[0] = 0x60;
        let before = reference(&data);
        let mut old = [0; 16];
        old.copy_from_slice(&data[16..32]);
        let change = Sum::new()
            .sub_address(&old)
            .add_address(&address)
            .sub16([data[32], data[33]])
            .add16(port);
        data[16..32].copy_from_slice(&address);
        data[32..34].copy_from_slice(&port);
        prop_assert_eq!(update(before, change), reference(&data));
    }
}
