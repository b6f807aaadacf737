//! One packet through the program that forwards, without an interface: what it would do.

use std::path::Path;

use aya::programs::{TestRun, TestRunOptions, Xdp};
use aya_obj::programs::XdpAttachType;
use bytemuck::{Pod, Zeroable};
use lb_common::programs;

use super::{Pins, XdpError};

/// Longest packet that comes back: a frame and an outer header.
const ROOM: usize = 2048;

/// `struct xdp_md`, which says where the packet comes from.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Context {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

/// What the program makes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The verdict of XDP.
    pub verdict: u32,
    /// The packet after it.
    pub packet: Vec<u8>,
}

/// The pinned program.
#[derive(Debug)]
pub struct Trial {
    name: &'static str,
    program: Xdp,
}

impl Trial {
    /// Opens the program that an interface would have.
    ///
    /// # Errors
    /// When none is pinned.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        let is_pinned = |name: &&str| Path::exists(&pins.program(name));
        let name = [programs::XDP, programs::XDP_PLAIN]
            .into_iter()
            .find(is_pinned)
            .ok_or(XdpError::NoProgram(programs::XDP))?;
        let program = Xdp::from_pin(pins.program(name), XdpAttachType::Interface);
        Ok(Self {
            name,
            program: program.map_err(XdpError::program(name))?,
        })
    }

    /// Runs the program on `packet` as if it came by the interface `ifindex`. What it writes into maps it writes.
    ///
    /// # Errors
    /// When the interface is not there, or the kernel refuses (before Linux 5.14 it knows no interface).
    pub fn run(&self, packet: &[u8], ifindex: u32) -> Result<Tried, XdpError> {
        let context = Context {
            data_end: u32::try_from(packet.len()).unwrap_or(u32::MAX),
            ingress_ifindex: ifindex,
            ..Context::zeroed()
        };
        let mut out = vec![0; ROOM];
        let result = self.program.test_run(TestRunOptions {
            data_in: Some(packet),
            data_out: Some(&mut out),
            ctx_in: Some(bytemuck::bytes_of(&context)),
            ..TestRunOptions::new()
        });
        let result = result.map_err(XdpError::program(self.name))?;
        out.truncate(result.data_size_out as usize);
        Ok(Tried {
            verdict: result.return_value,
            packet: out,
        })
    }
}
