//! Every program: its name, and the answers of those run for their answer. The only place a program's
//! name is spelled.

/// XDP, on ingress of every interface.
pub const XDP: &str = "lb_xdp";
/// tc, on egress of every interface.
pub const TC: &str = "lb_tc";
/// [`XDP`] for kernels without BPF timers.
pub const XDP_PLAIN: &str = "lb_xdp_plain";
/// [`TC`] for kernels without BPF timers.
pub const TC_PLAIN: &str = "lb_tc_plain";
/// tc, on egress of `lo`: sends what clients on this host send to services.
pub const LOCAL: &str = "lb_local";
/// tc, never attached: takes a [`TimerRequest`](crate::router::TimerRequest) as its packet; answers with 0 or an `errno`.
pub const TIMER: &str = "lb_timer";
/// tc, never attached: takes a [`SessionTimerRequest`](crate::bfd::SessionTimerRequest) as its packet; answers likewise.
pub const BFD_TIMER: &str = "lb_bfd_timer";
/// tc, never attached: answers with the low 32 bits of jiffies.
pub const CLOCK: &str = "lb_clock";
/// tc, never attached: takes a [`SweepRequest`](crate::connection::SweepRequest) as its packet; answers with the numbers of flow
/// entries that it freed and left.
pub const SWEEP: &str = "lb_sweep";

/// sock_ops, of control groups: gives connections keepalive when they are established.
pub const SOCK_OPS: &str = "lb_sock_ops";
/// cgroup/setsockopt: keeps programs from switching that off.
pub const SET_SOCK_OPT: &str = "lb_setsockopt";

/// XDP, never attached: [`XDP`] made to see another flow each round, see [`crate::bench`].
pub const BENCH: &str = "lb_bench";
/// What [`BENCH`] costs without [`XDP`].
pub const BENCH_NOTHING: &str = "lb_bench_nothing";
/// [`BENCH`] with one look-up in a hash map in place of [`XDP`].
pub const BENCH_LOOKUP: &str = "lb_bench_lookup";

/// [`BENCH`] with the parsing of all headers and an exchange of the Ethernet addresses in place of [`XDP`].
pub const BENCH_SWAP: &str = "lb_bench_swap";
/// [`BENCH`] with one look-up of the flow in an LRU hash map in place of [`XDP`]; `senders` is that map.
pub const BENCH_LRU: &str = "lb_bench_lru";

/// The timer was started or cancelled. Any other answer is an `errno`.
pub const TIMER_DONE: u32 = 0;
/// There is no such entry: `ENOENT`.
pub const TIMER_UNKNOWN: u32 = 2;
/// The packet is not a request: `EINVAL`.
pub const TIMER_INVALID: u32 = 22;

/// Load-time constant: ticks per second.
pub const GLOBAL_JIFFIES_PER_SECOND: &str = "JIFFIES_PER_SECOND";
/// Load-time constant: buckets of `flows4` minus one.
pub const GLOBAL_FLOWS4_MASK: &str = "FLOWS4_MASK";
/// Load-time constant: buckets of `flows6` minus one.
pub const GLOBAL_FLOWS6_MASK: &str = "FLOWS6_MASK";
/// Load-time constant: buckets of `local_ports` minus one.
pub const GLOBAL_LOCAL_PORTS_MASK: &str = "LOCAL_PORTS_MASK";
