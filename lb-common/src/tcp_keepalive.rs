//! Which TCP connections of a control group have keepalive, and what became of them.

use bytemuck::{Pod, Zeroable};

use crate::{Address, shape};

/// Rules there may be; the first that fits decides.
pub const RULES: u32 = 64;

/// There is a rule here; those behind one without count no more.
pub const RULE_USED: u32 = 1;
/// The program's own choice counts: a socket that has keepalive already is left alone.
pub const RULE_RESPECTS: u32 = 2;
/// Sockets that fit are left alone.
pub const RULE_LEAVES: u32 = 4;

/// A rule. Masks have a bit set where the address counts. 96 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct RuleValue {
    /// The local address.
    pub local: Address,
    /// Which bits of it count.
    pub local_mask: Address,
    /// The peer's address.
    pub remote: Address,
    /// Which bits of it count.
    pub remote_mask: Address,
    /// The local port, a native integer; 0 is any.
    pub local_port: u32,
    /// The peer's port, a native integer; 0 is any.
    pub remote_port: u32,
    /// 4, 6, or 0 for both.
    pub family: u32,
    /// `RULE_*` bits.
    pub flags: u32,
    /// `TCP_KEEPIDLE`, in seconds.
    pub idle: u32,
    /// `TCP_KEEPINTVL`, in seconds.
    pub interval: u32,
    /// `TCP_KEEPCNT`.
    pub probes: u32,
    /// `TCP_USER_TIMEOUT`, in milliseconds; 0 is none.
    pub user_timeout: u32,
}

/// What a rule came to, per CPU. 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct RuleCounters {
    /// Connections that were given keepalive.
    pub applied: u64,
    /// Connections that were left alone: by the rule, or because their program had asked for keepalive itself.
    pub left: u64,
    /// Connections whose options the kernel refused to set.
    pub failed: u64,
    /// Attempts of programs to switch it off or to set it otherwise, which came to nothing.
    pub kept: u64,
}

impl core::ops::AddAssign for RuleCounters {
    fn add_assign(&mut self, more: Self) {
        self.applied += more.applied;
        self.left += more.left;
        self.failed += more.failed;
        self.kept += more.kept;
    }
}

shape!(RuleValue = 96, RuleCounters = 32);
