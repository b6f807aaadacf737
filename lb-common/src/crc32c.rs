//! The checksum of SCTP (RFC 9260 §6.8, appendix A), mended where two bytes change.
//!
//! A CRC is linear: the difference of two checksums is that of the difference of the packets, which is zero but for two bytes. What
//! zeros after them do to it is linear too, and looked up, four bits of it at a time, for each power of two of their number.

/// The polynomial, the highest power in the lowest bit.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What 2ⁿ zero bytes make of a value of four bits, by n and the place of the four bits. 8 KiB.
static ZEROS: [[[u32; 16]; 8]; 16] = {
    let mut zeros = [[[0; 16]; 8]; 16];
    // x to the power of eight times 2ⁿ.
    let mut power = 1 << 23;
    let mut n = 0;
    while n < 16 {
        let mut place = 0;
        while place < 8 {
            let mut value = 0;
            while value < 16 {
                zeros[n][place][value] = multiply((value as u32) << (place * 4), power);
                value += 1;
            }
            place += 1;
        }
        power = multiply(power, power);
        n += 1;
    }
    zeros
};

/// The product of two polynomials modulo the third.
const fn multiply(a: u32, b: u32) -> u32 {
    let (mut a, mut b, mut product) = (a, b, 0);
    let mut n = 0;
    while n < 32 {
        if a >> 31 == 1 {
            product ^= b;
        }
        a <<= 1;
        b = double(b);
        n += 1;
    }
    product
}

/// The polynomial times x.
const fn double(polynomial: u32) -> u32 {
    let carry = if polynomial & 1 == 1 { POLYNOMIAL } else { 0 };
    polynomial >> 1 ^ carry
}

/// What a checksum, least significant byte first, changes by when `before` becomes `after` and `following` bytes come behind, at most
/// 65,533.
#[inline(always)]
#[must_use]
pub fn change(before: [u8; 2], after: [u8; 2], following: u32) -> u32 {
    let mut change = u32::from(u16::from_le_bytes(before) ^ u16::from_le_bytes(after));
    // The two bytes make of themselves what two zeros make of what is there already.
    let zeros = following + 2;
    for (n, table) in ZEROS.iter().enumerate() {
        if zeros >> n & 1 == 0 {
            continue;
        }
        let mut next = 0;
        for (place, values) in table.iter().enumerate() {
            next ^= values[(change >> (place * 4)) as usize & 0xf];
        }
        change = next;
    }
    change
}

#[cfg(test)]
mod tests;
