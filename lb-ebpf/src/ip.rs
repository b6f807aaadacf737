//! Addresses in registers.

use bytemuck::Zeroable;
use lb_common::{Address, checksum::Sum};

/// An [`Address`] as two words in memory order: a byte array that may come from either of two headers would be
/// sixteen values to the compiler, and the stack has room for 64.
#[derive(Clone, Copy, Zeroable)]
pub struct Ip([u64; 2]);

/// Word by word: arrays are compared by a function.
impl PartialEq for Ip {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0[0] == other.0[0] && self.0[1] == other.0[1]
    }
}

impl Ip {
    /// The IPv4-mapped form of `v4`.
    #[inline(always)]
    pub const fn mapped(v4: [u8; 4]) -> Self {
        // Not byte by byte: those would be four loads, and four registers.
        let v4 = u32::from_ne_bytes(v4) as u64;
        let prefix = u32::from_ne_bytes([0, 0, 0xff, 0xff]) as u64;
        let low = if cfg!(target_endian = "little") {
            v4 << 32 | prefix
        } else {
            prefix << 32 | v4
        };
        Self([0, low])
    }

    /// From its two words.
    #[inline(always)]
    pub const fn of_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// From 16 bytes.
    #[inline(always)]
    pub fn new(address: &Address) -> Self {
        let [high, low]: [[u8; 8]; 2] = bytemuck::cast(*address);
        Self([u64::from_ne_bytes(high), u64::from_ne_bytes(low)])
    }

    /// The first `bits` of an address of `family`, the others zero.
    #[inline(always)]
    pub fn masked(self, family: u8, bits: u8) -> Self {
        let bits = u32::from(bits) + if family == 4 { 96 } else { 0 };
        let [high, low] = [mask(bits), mask(bits.saturating_sub(64))];
        Self([self.0[0] & high, self.0[1] & low])
    }

    /// True for an IPv4-mapped address.
    #[inline(always)]
    pub fn is_mapped(self) -> bool {
        let prefix = Self::mapped([0; 4]);
        let mask = Self::mapped([0xff; 4]).0[1] ^ prefix.0[1];
        self.0[0] == prefix.0[0] && self.0[1] & !mask == prefix.0[1]
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

    /// In four words, in memory order.
    #[inline(always)]
    pub fn quarters(self) -> [u32; 4] {
        bytemuck::cast(self.0)
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

    /// What a checksum changes by when `to` takes the place of this address of `family`.
    #[inline(always)]
    pub const fn change(self, to: Self, family: u8) -> Sum {
        if family == 4 {
            Sum::new().sub32(self.v4()).add32(to.v4())
        } else {
            to.sum().sub_address(&self.address())
        }
    }

    /// The checksum's sum over the 16 bytes. An IPv4-mapped prefix adds a constant that takes itself away
    /// again in every difference.
    #[inline(always)]
    pub const fn sum(self) -> Sum {
        Sum::new().add_address(&self.address())
    }
}

/// A word in memory order whose first `bits`, 64 at most, are set.
#[inline(always)]
const fn mask(bits: u32) -> u64 {
    if bits >= 64 {
        u64::MAX
    } else {
        (!(u64::MAX >> bits)).to_be()
    }
}
