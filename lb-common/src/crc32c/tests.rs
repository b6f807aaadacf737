use proptest::prelude::*;

use super::*;

/// RFC 9260 appendix A, bit by bit.
fn whole(data: &[u8]) -> u32 {
    let crc = data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| double(crc))
    });
    !crc
}

#[test]
fn the_checksum_of_a_well_known_text_is_known() {
    assert_eq!(whole(b"123456789"), 0xe306_9283);
}

proptest! {
    #[test]
    fn a_change_of_two_bytes_mends_the_checksum(
        mut data in prop::collection::vec(any::<u8>(), 2..2000),
        at in any::<prop::sample::Index>(),
        after in any::<[u8; 2]>(),
    ) {
        let at = at.index(data.len() - 1);
        let before = [data[at], data[at + 1]];
        let sum = whole(&data);
        data[at..at + 2].copy_from_slice(&after);
        let following = (data.len() - at - 2) as u32;
        prop_assert_eq!(sum ^ change(before, after, following), whole(&data));
    }
}

#[test]
fn the_longest_packet_is_mended() {
    let mut data = [7; 65_535];
    let sum = whole(&data);
    data[0] = 9;
    assert_eq!(sum ^ change([7, 7], [9, 7], 65_533), whole(&data));
}
