//! Checksum arithmetic (RFC 1071, RFC 1624).
//!
//! Sums are taken over 16-bit words in memory order, whatever the host's byte order: the one's
//! complement sum does not depend on it (RFC 1071 §2). Wider words are sums of their halves, folded once
//! at the end.

use crate::Address;

/// A one's complement sum that is not folded yet. Holds at least 2³² words before it could overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds one 16-bit word.
    #[inline(always)]
    #[must_use]
    pub const fn add16(self, word: [u8; 2]) -> Self {
        Self(self.0 + u16::from_ne_bytes(word) as u64)
    }

    /// Adds two 16-bit words.
    #[inline(always)]
    #[must_use]
    pub const fn add32(self, words: [u8; 4]) -> Self {
        Self(self.0 + u32::from_ne_bytes(words) as u64)
    }

    /// Adds four 16-bit words.
    #[inline(always)]
    #[must_use]
    pub const fn add64(self, [a, b, c, d, e, f, g, h]: [u8; 8]) -> Self {
        self.add32([a, b, c, d]).add32([e, f, g, h])
    }

    /// Adds eight 16-bit words.
    #[inline(always)]
    #[must_use]
    pub const fn add_address(self, a: &Address) -> Self {
        self.add32([a[0], a[1], a[2], a[3]])
            .add32([a[4], a[5], a[6], a[7]])
            .add32([a[8], a[9], a[10], a[11]])
            .add32([a[12], a[13], a[14], a[15]])
    }

    /// Takes away one 16-bit word by adding its complement (RFC 1624 §3, equation 3).
    #[inline(always)]
    #[must_use]
    pub const fn sub16(self, word: [u8; 2]) -> Self {
        Self(self.0 + !u16::from_ne_bytes(word) as u64)
    }

    /// Takes away two 16-bit words.
    #[inline(always)]
    #[must_use]
    pub const fn sub32(self, words: [u8; 4]) -> Self {
        Self(self.0 + !u32::from_ne_bytes(words) as u64)
    }

    /// Takes away eight 16-bit words.
    #[inline(always)]
    #[must_use]
    pub const fn sub_address(self, a: &Address) -> Self {
        self.sub32([a[0], a[1], a[2], a[3]])
            .sub32([a[4], a[5], a[6], a[7]])
            .sub32([a[8], a[9], a[10], a[11]])
            .sub32([a[12], a[13], a[14], a[15]])
    }

    /// Adds another sum.
    #[inline(always)]
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The sum in 16 bits, carries added back.
    #[inline(always)]
    #[must_use]
    pub const fn fold(self) -> u16 {
        // Each step halves the carry: 64 → 33 → 17 + 1 → 16 bits.
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        sum as u16
    }

    /// The checksum field for data with this sum.
    #[inline(always)]
    #[must_use]
    pub const fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }

    /// True when the data summed, its checksum field included, is intact.
    #[inline(always)]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }
}

/// Returns `checksum` after the data under it changed by `change`: what was there taken away, what is there
/// now added.
#[inline(always)]
#[must_use]
pub const fn update(checksum: [u8; 2], change: Sum) -> [u8; 2] {
    change.sub16(checksum).checksum()
}

/// [`update`] for UDP: 0 means "no checksum" and stays; a result of 0 is sent as `0xffff` (RFC 768).
#[inline(always)]
#[must_use]
pub const fn update_udp(checksum: [u8; 2], change: Sum) -> [u8; 2] {
    if u16::from_ne_bytes(checksum) == 0 {
        return checksum;
    }
    match u16::from_ne_bytes(update(checksum, change)) {
        0 => [0xff, 0xff],
        updated => updated.to_ne_bytes(),
    }
}

#[cfg(test)]
mod tests;
