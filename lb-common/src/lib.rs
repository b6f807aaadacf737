//! Shapes shared by the eBPF programs (`lb-ebpf`) and the daemon (`lb`).
//!
//! Byte order: addresses, ports and MAC addresses are byte arrays exactly as on the wire, so they go
//! from packet to key without a swap. Everything the two sides only count or index with is a native
//! integer. Addresses are always 16 bytes; IPv4 is IPv4-mapped (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2).
//! No `bool`, `enum` or `Option` crosses the border: every bit pattern of every shape is a legal value.
#![cfg_attr(not(feature = "user"), no_std)]

pub mod bench;
pub mod bfd;
pub mod checksum;
pub mod connection;
pub mod counter;
pub mod crc32c;
pub mod dest;
pub mod event;
pub mod flow;
pub mod fragment;
pub mod gate;
pub mod hash;
pub mod hint;
pub mod local_port;
pub mod maps;
pub mod programs;
pub mod pulse;
pub mod quic;
pub mod ring;
pub mod router;
pub mod service;
pub mod tcp_keepalive;
pub mod virtual_mac;

/// An IPv6 address, or an IPv4 address in its IPv4-mapped form, in network byte order.
pub type Address = [u8; 16];

/// Ethernet address.
pub type Mac = [u8; 6];

/// Returns the IPv4-mapped form of `v4`.
#[inline(always)]
#[must_use]
pub const fn mapped(v4: [u8; 4]) -> Address {
    let mut address = [0; 16];
    address[10] = 0xff;
    address[11] = 0xff;
    address[12] = v4[0];
    address[13] = v4[1];
    address[14] = v4[2];
    address[15] = v4[3];
    address
}

/// Marks shapes as plain old data for aya's typed maps and fixes their sizes at compile time.
macro_rules! shape {
    ($($name:ty = $size:literal),+ $(,)?) => {
        $(
            const _: () = assert!(core::mem::size_of::<$name>() == $size);
            // SAFETY: the type derives `bytemuck::Pod` and is `'static`.
            #[cfg(feature = "user")]
            unsafe impl aya::Pod for $name {}
        )+
    };
}
pub(crate) use shape;
