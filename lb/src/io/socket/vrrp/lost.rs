//! Datagrams that a socket had no room for.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Figures of `SO_MEMINFO` (`SK_MEMINFO_VARS` of linux/sock_diag.h).
const FIGURES: usize = 9;
/// Which of them is the number of datagrams dropped (`SK_MEMINFO_DROPS`).
const DROPS: usize = 8;

/// Datagrams lost since the socket was opened; 0 where the kernel does not say (before 4.12). Wraps around.
pub(super) fn lost(socket: BorrowedFd<'_>) -> u32 {
    let mut figures = [0_u32; FIGURES];
    let mut length = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `figures`, which are any integers, and to `length` how many.
    let refused = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    } != 0;
    if refused { 0 } else { figures[DROPS] }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsFd};

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(lost(socket.as_fd()), 0);
        let to = socket.local_addr().unwrap();
        for _ in 0..2000 {
            socket.send_to(&[0; 1000], to).unwrap();
        }
        assert!(lost(socket.as_fd()) > 0);
    }
}
