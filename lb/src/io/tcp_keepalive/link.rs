//! Links of `cgroup/setsockopt` programs, which the crate aya makes but cannot pin.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use bytemuck::{Pod, Zeroable};
use nix::errno::Errno;

/// `BPF_OBJ_PIN`.
const PIN: u32 = 6;
/// `BPF_LINK_CREATE`.
const LINK_CREATE: u32 = 28;
/// `BPF_CGROUP_SETSOCKOPT`.
const SETSOCKOPT: u32 = 22;

/// `union bpf_attr` as far as `BPF_LINK_CREATE` needs it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Create {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// `union bpf_attr` as far as `BPF_OBJ_PIN` needs it.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Pin {
    path: u64,
    object: u32,
    flags: u32,
}

/// Attaches a program to a group and pins that.
///
/// # Errors
/// What the kernel says.
pub(super) fn attach_and_pin(
    program: BorrowedFd<'_>,
    group: BorrowedFd<'_>,
    pin: &Path,
) -> io::Result<()> {
    let create = Create {
        program: program.as_raw_fd().cast_unsigned(),
        target: group.as_raw_fd().cast_unsigned(),
        attach_type: SETSOCKOPT,
        flags: 0,
    };
    let link = call(LINK_CREATE, &create)?;
    // SAFETY: the kernel has just opened it for us.
    let link = unsafe { OwnedFd::from_raw_fd(link) };
    let path = CString::new(pin.as_os_str().as_bytes())?;
    let pin = Pin {
        path: path.as_ptr().addr() as u64,
        object: link.as_raw_fd().cast_unsigned(),
        flags: 0,
    };
    call(PIN, &pin).map(drop)
}

fn call(command: u32, attributes: &impl Pod) -> io::Result<i32> {
    let bytes = bytemuck::bytes_of(attributes);
    // SAFETY: the attributes are an initialised prefix of `union bpf_attr` for the command, of the size given; the path they
    // point to outlives the call.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, bytes.as_ptr(), bytes.len()) };
    let answer = Errno::result(answer)?;
    i32::try_from(answer).map_err(io::Error::other)
}
