//! What a program must not have of this process, and whose it becomes: the last steps between fork and exec.

use std::io;

use nix::{
    errno::Errno,
    libc,
    sys::{
        resource::{RLIM_INFINITY, Resource, setrlimit},
        signal::SigSet,
    },
    unistd::{Gid, Uid, getegid, geteuid, setgid, setgroups, setuid},
};

use crate::io::{scheduling, script::Identity};

/// Gives back what this process has and a script must not have: real-time scheduling, its processors and its limit,
/// nice value, signal mask and dispositions, descriptors. What cannot be given back is kept: a script that runs is
/// worth more than one that does not.
pub(in crate::io) fn settle() -> io::Result<()> {
    scheduling::give_back();
    let _kept = setrlimit(Resource::RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY);
    default_signals();
    close_on_exec();
    SigSet::empty().thread_set_mask()?;
    Ok(())
}

fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL is a valid disposition; numbers that have none are refused by the kernel.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Kernels before 5.11 refuse; there every descriptor that we open is close-on-exec all the same.
fn close_on_exec() {
    let (first, last, flags) = (3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: takes three numbers; marking descriptors frees nothing.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
}

pub(in crate::io) fn become_user(identity: Identity, groups: &[Gid]) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    if !geteuid().is_root() {
        // Nothing to give up; another user is out of reach.
        let ours = (geteuid(), getegid()) == (uid, gid);
        return if ours {
            Ok(())
        } else {
            Err(Errno::EPERM.into())
        };
    }
    setgroups(groups)?;
    setgid(gid)?;
    setuid(uid)?;
    Ok(())
}
