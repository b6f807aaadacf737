//! Virtual MACs (RFC 9568 §7.3): the Ethernet addresses that virtual routers have in common.

use bytemuck::{Pod, Zeroable};

use crate::{Mac, shape};

/// Key of the `virtual_macs` map: a virtual MAC on an interface. 12 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct VirtualMacKey {
    /// The interface the programs are attached to.
    pub ifindex: u32,
    /// The virtual MAC.
    pub mac: Mac,
    /// Zero.
    pub pad: [u8; 2],
}

/// Value of the `virtual_macs` map. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct VirtualMacValue {
    /// Index into `gates`.
    pub gate: u32,
    /// `VIRTUAL_MAC_FLAG_*` bits.
    pub flags: u32,
    /// The interface's own MAC.
    pub mac: Mac,
    /// Zero.
    pub pad: [u8; 2],
}

/// A link (macvlan) on the interface has the MAC: the kernel itself sends with it and takes what comes to it.
pub const VIRTUAL_MAC_FLAG_LINK: u32 = 1;

/// Value of the `router_macs` map: what the adverts of a virtual router leave with, where no link has its MAC. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct RouterMacValue {
    /// The virtual MAC.
    pub mac: Mac,
    /// Zero.
    pub pad: [u8; 2],
}

shape!(VirtualMacKey = 12, VirtualMacValue = 16, RouterMacValue = 8);
