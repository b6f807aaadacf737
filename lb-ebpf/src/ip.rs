//! Addresses in registers.

use lb_common::{Address, checksum::Sum};

/// An [`Address`] as two words in memory order: a byte array that may come from either of two headers would be
/// sixteen values to the compiler, and the stack has room for 64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ip([u64; 2]);

impl Ip {
    /// The IPv4-mapped form of `v4`.
    #[inline(always)]
    pub const fn mapped(v4: [u8; 4]) -> Self {
        let low = u64::from_ne_bytes([0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]]);
        Self([0, low])
    }

    /// From 16 bytes.
    #[inline(always)]
    pub fn new(address: &Address) -> Self {
        let [high, low]: [[u8; 8]; 2] = bytemuck::cast(*address);
        Self([u64::from_ne_bytes(high), u64::from_ne_bytes(low)])
    }

    /// True when `address` is the same one.
    #[inline(always)]
    pub fn is(self, address: &Address) -> bool {
        self == Self::new(address)
    }

    /// As 16 bytes.
    #[inline(always)]
    pub const fn address(self) -> Address {
        let [a, b, c, d, e, f, g, h] = self.0[0].to_ne_bytes();
        let [i, j, k, l, m, n, o, p] = self.0[1].to_ne_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// The last four bytes: an IPv4-mapped address' IPv4 address.
    #[inline(always)]
    pub const fn v4(self) -> [u8; 4] {
        let [.., a, b, c, d] = self.0[1].to_ne_bytes();
        [a, b, c, d]
    }

    /// The two words.
    #[inline(always)]
    pub const fn words(self) -> [u64; 2] {
        self.0
    }

    /// True for a multicast group of `family`.
    #[inline(always)]
    pub const fn is_multicast(self, family: u8) -> bool {
        if family == 4 {
            self.v4()[0] & 0xf0 == 0xe0
        } else {
            self.0[0].to_ne_bytes()[0] == 0xff
        }
    }

    /// Compares as numbers.
    #[inline(always)]
    pub const fn is_higher_than(self, other: Self) -> bool {
        let [a, b] = [u64::from_be(self.0[0]), u64::from_be(self.0[1])];
        let [c, d] = [u64::from_be(other.0[0]), u64::from_be(other.0[1])];
        a > c || a == c && b > d
    }

    /// The checksum's sum over the 16 bytes. An IPv4-mapped prefix adds a constant that takes itself away
    /// again in every difference.
    #[inline(always)]
    pub const fn sum(self) -> Sum {
        Sum::new().add_address(&self.address())
    }
}
