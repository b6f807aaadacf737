//! The sum over many bytes of a packet, for the checksums that no smaller change tells.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::checksum::Sum;

use crate::frame::Frame;

/// Bytes summed in one round.
const BLOCK: usize = 32;
/// The longest run: XDP has a packet in one page.
const LONGEST: usize = 4096;
/// The answer for what the packet does not hold, which no sum in 16 bits is.
const NOTHING: u32 = u32::MAX;

/// The sum over `len` bytes from `from` on; `None` when the packet does not hold them or they are too many.
#[inline(always)]
pub fn sum(context: *mut xdp_md, from: usize, len: usize) -> Option<Sum> {
    match sum_bytes(context, from as u32, len as u32) {
        NOTHING => None,
        sum => Some(Sum::new().add16((sum as u16).to_ne_bytes())),
    }
}

/// [`sum`] in 16 bits. Loops, which the verifier is to walk once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn sum_bytes(context: *mut xdp_md, from: u32, len: u32) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    let (from, len) = (from as usize & 0xff, len as usize);
    if len > LONGEST {
        return NOTHING;
    }
    walk(&frame, from, len).map_or(NOTHING, |sum| u32::from(sum.fold()))
}

#[inline(always)]
fn walk(frame: &Frame, from: usize, len: usize) -> Option<Sum> {
    let mut sum = Sum::new();
    let mut at = from;
    let end = from + len;
    for _ in 0..LONGEST / BLOCK {
        if at + BLOCK > end {
            break;
        }
        let [a, b, c, d] = *frame.get::<[[u8; 8]; BLOCK / 8]>(at)?;
        sum = sum.add64(a).add64(b).add64(c).add64(d);
        at += BLOCK;
    }
    for _ in 0..BLOCK / 2 {
        if at + 2 > end {
            break;
        }
        sum = sum.add16(*frame.get::<[u8; 2]>(at)?);
        at += 2;
    }
    if at < end {
        let [last] = *frame.get::<[u8; 1]>(at)?;
        sum = sum.add16([last, 0]);
    }
    Some(sum)
}
