//! The wrapper benchmarks run the programs in. Not loaded by the daemon.
//!
//! A test run that repeats neither restores the packet nor varies it. So the packet brings a copy of its own
//! headers and a counter, behind what the programs look at; after every round the headers are put back and
//! the source made that of the next flow.

use aya_ebpf::{helpers::bpf_xdp_adjust_head, programs::XdpContext};
use bytemuck::Zeroable;
use lb_common::{
    bench::{FIRST_PORT, Script, WORDS},
    router::{SenderKey, SenderValue},
};

use crate::{
    frame::{Frame, opaque},
    ip::Ip,
    maps,
    packet::{ETHER_IPV4, Ethernet, Ipv4, PortsHeader},
    parse::{self, Link},
    transport,
};

/// Looks at Ethernet, IPv4 and TCP or UDP headers and sends the frame back.
#[inline(always)]
pub fn parse_and_swap(frame: &mut Frame) -> Option<()> {
    if frame.get::<Ethernet>(0)?.kind != ETHER_IPV4 {
        return None;
    }
    let packet = parse::ipv4(frame, &Link::PLAIN)?;
    parse::ports(frame, &packet)?;
    transport::check(frame, &packet)?;
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    let (destination, source) = (ethernet.source, ethernet.destination);
    ethernet.readdress(&destination, &source);
    Some(())
}

/// Looks the client of an IPv4 packet up in `senders`.
#[inline(always)]
pub fn look_up(frame: &Frame) -> Option<()> {
    const NETWORK: usize = size_of::<Ethernet>();
    let [a, b, c, d] = frame.get::<Ipv4>(NETWORK)?.source;
    let [e, f] = frame
        .get::<PortsHeader>(NETWORK + size_of::<Ipv4>())?
        .source;
    let key = SenderKey {
        source: Ip::new(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f]).address(),
        ..SenderKey::zeroed()
    };
    if maps::sender(&key).is_none() {
        maps::remember_sender(&key, &SenderValue::zeroed());
    }
    Some(())
}

/// Bytes of the frame.
#[inline(always)]
pub fn length(context: &XdpContext) -> usize {
    opaque(context.data_end() - context.data())
}

/// Takes an outer header off again, which makes a frame longer than `length`; false where that cannot be done.
#[inline(always)]
pub fn cut(context: &XdpContext, length: usize) -> bool {
    let grown = self::length(context).wrapping_sub(length) as i32;
    // SAFETY: the program's own context; nobody has a pointer into the frame.
    grown == 0 || unsafe { bpf_xdp_adjust_head(context.ctx, grown) } == 0
}

/// Prepares the packet for the next round.
#[inline(always)]
pub fn next_round(frame: &mut Frame) -> Option<()> {
    let script = frame.get_mut::<[u8; size_of::<Script>()]>(Script::OFFSET)?;
    // SAFETY: the test run puts the frame at a multiple of 8 bytes, and the offset is one too; any bytes are
    // a script.
    let script = unsafe { &mut *script.as_mut_ptr().cast::<Script>() };
    let flow = script.round & script.flow_mask;
    script.round = script.round.wrapping_add(1);
    let headers = &raw const script.headers;
    let host = ((flow >> 15) as u16).to_be_bytes();
    let client_port = (flow as u16 | FIRST_PORT).to_be_bytes();
    let is_v4 = script.is_v4 != 0;
    let target = frame.get_mut::<[[u8; 8]; WORDS]>(0)?;
    let target = target.as_mut_ptr().cast::<u64>();
    for word in 0..WORDS {
        // SAFETY: as above; both have that many words. Volatile, or it would become a call that copies bytes.
        unsafe {
            let value = headers.cast::<u64>().add(word).read_volatile();
            target.add(word).write_volatile(value);
        }
    }
    let (address, port) = if is_v4 { (28, 34) } else { (36, 54) };
    *frame.get_mut::<[u8; 2]>(address)? = host;
    *frame.get_mut::<[u8; 2]>(port)? = client_port;
    Some(())
}
