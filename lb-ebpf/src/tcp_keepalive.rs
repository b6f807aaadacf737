//! Programs of control groups that give TCP connections keepalive. An object of its own: the data plane loads without it, and
//! it without the data plane.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![expect(
    unreachable_pub,
    reason = "the attributes of the entry points want them so"
)]
#![expect(
    missing_docs,
    reason = "the entry points are documented, but their attributes drop it"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the attributes of the entry points call them so"
)]

#[cfg(target_arch = "bpf")]
mod object;

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{bpf_sock, bpf_sock_ops, bpf_sockopt},
    btf_maps::{Array, PerCpuArray},
    helpers::{bpf_getsockopt, bpf_setsockopt},
    macros::{btf_map, cgroup_sockopt, sock_ops},
    programs::{SockOpsContext, SockoptContext},
};
use lb_common::{
    maps,
    tcp_keepalive::{RULE_LEAVES, RULE_RESPECTS, RULE_USED, RULES, RuleCounters, RuleValue},
};

#[btf_map]
#[expect(
    non_upper_case_globals,
    reason = "the name of the static is the name of the map"
)]
static keepalive_rules: Array<RuleValue, { maps::KEEPALIVE_RULES.max_entries as usize }> =
    Array::new();
#[btf_map]
#[expect(
    non_upper_case_globals,
    reason = "the name of the static is the name of the map"
)]
static rule_counters: PerCpuArray<RuleCounters, { maps::KEEPALIVE_COUNTERS.max_entries as usize }> =
    PerCpuArray::new();

/// `BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB`.
const ACTIVE_ESTABLISHED: u32 = 4;
/// `BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB`.
const PASSIVE_ESTABLISHED: u32 = 5;

const AF_INET: u32 = 2;
const SOL_SOCKET: i32 = 1;
const SO_KEEPALIVE: i32 = 9;
const IPPROTO_TCP: i32 = 6;
const TCP_KEEPIDLE: i32 = 4;
const TCP_KEEPINTVL: i32 = 5;
const TCP_KEEPCNT: i32 = 6;
const TCP_USER_TIMEOUT: i32 = 18;

/// `BPF_TCP_ESTABLISHED`.
const ESTABLISHED: u32 = 1;
/// `BPF_TCP_CLOSE_WAIT`.
const CLOSE_WAIT: u32 = 8;

/// The word of an IPv4-mapped address before the address.
const MAPPED: u32 = 0xffff_u32.to_be();
/// What the kernel hands to a program of a longer option, at most.
const PAGE: i32 = 4096;

/// The two ends of a connection. Words of addresses are in network byte order, ports are not.
struct Ends {
    local: [u32; 4],
    remote: [u32; 4],
    local_port: u32,
    remote_port: u32,
}

/// Gives a connection keepalive once it is established, on either side.
#[sock_ops]
pub fn lb_sock_ops(context: SockOpsContext) -> u32 {
    if matches!(context.op(), ACTIVE_ESTABLISHED | PASSIVE_ESTABLISHED) {
        let ends = ends_of_ops(context.ops);
        if let Some((place, rule)) = search(&ends) {
            give(context.ops, place, rule);
        }
    }
    1
}

/// Keeps a program from switching keepalive off where a rule forces it.
#[cgroup_sockopt(setsockopt)]
pub fn lb_setsockopt(context: SockoptContext) -> i32 {
    let option = context.sockopt;
    // SAFETY: the kernel's context of this run.
    let (level, name, length) = unsafe { ((*option).level, (*option).optname, (*option).optlen) };
    if let Some(place) = keeper(option, level, name) {
        count(place, |counters| counters.kept += 1);
        // The kernel does nothing, and the program hears that all is well.
        // SAFETY: as above.
        unsafe { (*option).optlen = -1 };
    } else if length > PAGE {
        // What does not fit is not ours to change: the kernel takes what the program gave it.
        // SAFETY: as above.
        unsafe { (*option).optlen = 0 };
    }
    1
}

/// The place of the rule that keeps a connection's option from being set.
#[inline(always)]
fn keeper(option: *mut bpf_sockopt, level: i32, name: i32) -> Option<u32> {
    let is_ours = match level {
        SOL_SOCKET => name == SO_KEEPALIVE && switches_off(option),
        IPPROTO_TCP => matches!(
            name,
            TCP_KEEPIDLE | TCP_KEEPINTVL | TCP_KEEPCNT | TCP_USER_TIMEOUT
        ),
        _ => false,
    };
    if !is_ours {
        return None;
    }
    // SAFETY: the kernel's context of this run, which has a socket.
    let socket = unsafe { (*option).__bindgen_anon_1.sk };
    let (place, rule) = search(&ends_of_socket(socket)?)?;
    (rule.flags & (RULE_LEAVES | RULE_RESPECTS) == 0).then_some(place)
}

/// Whether the value is 0.
#[inline(always)]
fn switches_off(option: *mut bpf_sockopt) -> bool {
    // SAFETY: the kernel's context of this run; the value is read where it ends behind it.
    unsafe {
        let value = (*option).__bindgen_anon_2.optval.cast::<u32>();
        let end = (*option).__bindgen_anon_3.optval_end.cast::<u32>();
        value.wrapping_add(1) <= end && value.read_unaligned() == 0
    }
}

/// The first rule that fits.
#[inline(always)]
fn search(ends: &Ends) -> Option<(u32, &'static RuleValue)> {
    for place in 0..RULES {
        let rule = keepalive_rules.get(place)?;
        if rule.flags & RULE_USED == 0 {
            return None;
        }
        if fits(rule, ends) {
            return Some((place, rule));
        }
    }
    None
}

#[inline(always)]
fn fits(rule: &RuleValue, ends: &Ends) -> bool {
    let is_v4 = ends.remote[0] == 0 && ends.remote[1] == 0 && ends.remote[2] == MAPPED;
    let family = if is_v4 { 4 } else { 6 };
    (rule.family == 0 || rule.family == family)
        && (rule.local_port == 0 || rule.local_port == ends.local_port)
        && (rule.remote_port == 0 || rule.remote_port == ends.remote_port)
        && is_within(&ends.local, &rule.local, &rule.local_mask)
        && is_within(&ends.remote, &rule.remote, &rule.remote_mask)
}

#[inline(always)]
fn is_within(address: &[u32; 4], prefix: &[u8; 16], mask: &[u8; 16]) -> bool {
    let mut other = 0;
    for (index, word) in address.iter().enumerate() {
        other |= (word ^ word_of(prefix, index)) & word_of(mask, index);
    }
    other == 0
}

#[inline(always)]
const fn word_of(bytes: &[u8; 16], index: usize) -> u32 {
    let at = index * 4;
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline(always)]
fn give(ops: *mut bpf_sock_ops, place: u32, rule: &RuleValue) {
    let is_left = rule.flags & RULE_LEAVES != 0;
    if is_left || (rule.flags & RULE_RESPECTS != 0 && has_keepalive(ops)) {
        count(place, |counters| counters.left += 1);
        return;
    }
    // Last the switch, which starts the timer.
    let done = set(ops, IPPROTO_TCP, TCP_KEEPIDLE, rule.idle)
        && set(ops, IPPROTO_TCP, TCP_KEEPINTVL, rule.interval)
        && set(ops, IPPROTO_TCP, TCP_KEEPCNT, rule.probes)
        && (rule.user_timeout == 0 || set(ops, IPPROTO_TCP, TCP_USER_TIMEOUT, rule.user_timeout))
        && set(ops, SOL_SOCKET, SO_KEEPALIVE, 1);
    count(place, |counters| {
        if done {
            counters.applied += 1;
        } else {
            counters.failed += 1;
        }
    });
}

#[inline(always)]
fn set(ops: *mut bpf_sock_ops, level: i32, name: i32, value: u32) -> bool {
    let mut value = value;
    // SAFETY: the kernel's context of this run, and a value of the length given.
    let refused = unsafe {
        bpf_setsockopt(
            ops.cast::<c_void>(),
            level,
            name,
            (&raw mut value).cast::<c_void>(),
            4,
        )
    };
    refused == 0
}

#[inline(always)]
fn has_keepalive(ops: *mut bpf_sock_ops) -> bool {
    let mut value = 0_u32;
    // SAFETY: the kernel's context of this run, and room of the length given.
    let refused = unsafe {
        bpf_getsockopt(
            ops.cast::<c_void>(),
            SOL_SOCKET,
            SO_KEEPALIVE,
            (&raw mut value).cast::<c_void>(),
            4,
        )
    };
    refused == 0 && value != 0
}

#[inline(always)]
fn count(place: u32, change: impl FnOnce(&mut RuleCounters)) {
    if let Some(counters) = rule_counters.get_ptr_mut(place) {
        // SAFETY: the kernel gave us this processor's value, which nobody else writes while we run.
        change(unsafe { &mut *counters });
    }
}

/// Words are read one by one: the kernel translates accesses of this width alone.
#[inline(always)]
fn words(from: *const [u32; 4]) -> [u32; 4] {
    let first = from.cast::<u32>();
    // SAFETY: an array of the kernel's context of this run.
    core::array::from_fn(|index| unsafe { first.add(index).read_volatile() })
}

/// The address of a socket of this family. Both are read before one is chosen: the compiler would choose the place to read
/// from, which the verifier refuses.
#[inline(always)]
const fn either(family: u32, v4: u32, v6: [u32; 4]) -> [u32; 4] {
    if family == AF_INET {
        [0, 0, MAPPED, v4]
    } else {
        v6
    }
}

#[inline(always)]
fn ends_of_ops(ops: *mut bpf_sock_ops) -> Ends {
    // SAFETY: the kernel's context of this run.
    unsafe {
        let local_port = (&raw const (*ops).local_port).read_volatile();
        let remote_port = u32::from_be((&raw const (*ops).remote_port).read_volatile());
        let family = (&raw const (*ops).family).read_volatile();
        let local4 = (&raw const (*ops).local_ip4).read_volatile();
        let remote4 = (&raw const (*ops).remote_ip4).read_volatile();
        let local6 = words(&raw const (*ops).local_ip6);
        let remote6 = words(&raw const (*ops).remote_ip6);
        Ends {
            local: either(family, local4, local6),
            remote: either(family, remote4, remote6),
            local_port,
            remote_port,
        }
    }
}

/// The ends of a TCP connection that is established.
#[inline(always)]
fn ends_of_socket(socket: *mut bpf_sock) -> Option<Ends> {
    // SAFETY: the socket of the kernel's context of this run.
    unsafe {
        let protocol = (&raw const (*socket).protocol).read_volatile();
        let state = (&raw const (*socket).state).read_volatile();
        if protocol != IPPROTO_TCP as u32 || !matches!(state, ESTABLISHED | CLOSE_WAIT) {
            return None;
        }
        let local_port = (&raw const (*socket).src_port).read_volatile();
        let remote_port = u16::from_be((&raw const (*socket).dst_port).read_volatile());
        let family = (&raw const (*socket).family).read_volatile();
        let local4 = (&raw const (*socket).src_ip4).read_volatile();
        let remote4 = (&raw const (*socket).dst_ip4).read_volatile();
        let local6 = words(&raw const (*socket).src_ip6);
        let remote6 = words(&raw const (*socket).dst_ip6);
        Some(Ends {
            local: either(family, local4, local6),
            remote: either(family, remote4, remote6),
            local_port,
            remote_port: remote_port.into(),
        })
    }
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
