//! Processes: scheduling, and buffers of their sockets.

use super::{Global, boolean, flag, number};
use crate::config::{
    keyword::takes::{Field, Takes, field},
    lower::words,
    model::{Absorb, GlobalDefs, Word as _},
};

/// The largest that `int` holds: what keepalived stores sizes in.
const INT: i64 = 0x7fff_ffff;

type Read =
    fn(&mut GlobalDefs, &crate::config::ast::Statement, &mut crate::config::diagnostic::Report);

const fn cpus(
    names: &'static [&'static str],
    read: Read,
    show: fn(&GlobalDefs) -> Vec<String>,
) -> Global {
    let takes = Takes::Words {
        usage: "CPU…",
        read,
        show,
    };
    Global::new(names, takes)
        .parsed()
        .default("all")
        .means("the processors it runs on")
}

const fn micros(
    names: &'static [&'static str],
    min: i64,
    field: Field<GlobalDefs, GlobalDefs, i64>,
) -> Global {
    number(names, min, INT, field)
}

/// A duration written as a whole number of microseconds.
macro_rules! micros_field {
    ($($path:ident).+) => {
        Field {
            set: |global, given| {
                let micros = u64::try_from(given.value).unwrap_or_default();
                global.$($path).+ = std::time::Duration::from_micros(micros);
            },
            get: |global| i64::try_from(global.$($path).+.as_micros()).ok(),
        }
    };
}

pub(super) const SCHEDULING: &[Global] = &[
    Global::new(
        &["max_auto_priority"],
        Takes::Words {
            usage: "[-1 to 99]",
            read: words::max_auto_priority,
            show: |global| vec![global.auto_priority.max.to_string()],
        },
    )
    .default("0; 99 for the bare word")
    .means("the real-time priority a late process may rise to"),
    micros(
        &["min_auto_priority_delay"],
        1,
        micros_field!(auto_priority.min_delay),
    )
    .acted()
    .default("1000000")
    .means("microseconds a timer must be late for that"),
    number(
        &["vrrp_priority"],
        -20,
        19,
        field!(number vrrp_process.nice),
    )
    .acted()
    .default("0")
    .means("nice value of the vrrp child"),
    number(
        &["checker_priority"],
        -20,
        19,
        field!(number checker_process.nice),
    )
    .acted()
    .default("0")
    .means("nice value of the checkers child"),
    Global::new(
        &["bfd_xdp"],
        Takes::Choice {
            words: Absorb::WORDS,
            any_case: false,
            field: field!(word bfd_xdp),
        },
    )
    .default("auto")
    .means("whether the kernel absorbs packets of BFD sessions and sees silence (of lb, not of keepalived)"),
    number(&["bfd_priority"], -20, 19, field!(number bfd_process.nice))
        .acted()
        .default("0")
        .means("nice value of the bfd child"),
    flag(&["vrrp_no_swap"], field!(copy vrrp_process.no_swap))
        .acted()
        .means("memory of the vrrp child is locked"),
    flag(&["checker_no_swap"], field!(copy checker_process.no_swap))
        .acted()
        .means("memory of the checkers child is locked"),
    flag(&["bfd_no_swap"], field!(copy bfd_process.no_swap))
        .acted()
        .means("memory of the bfd child is locked"),
    number(
        &["vrrp_rt_priority"],
        1,
        99,
        field!(some number vrrp_process.real_time),
    )
    .acted()
    .means("real-time priority of the vrrp child (SCHED_RR)"),
    number(
        &["checker_rt_priority"],
        1,
        99,
        field!(some number checker_process.real_time),
    )
    .acted()
    .means("real-time priority of the checkers child (SCHED_RR)"),
    number(
        &["bfd_rt_priority"],
        1,
        99,
        field!(some number bfd_process.real_time),
    )
    .acted()
    .means("real-time priority of the bfd child (SCHED_RR)"),
    cpus(
        &["vrrp_cpu_affinity"],
        |global, line, report| words::cpus(&mut global.vrrp_process.cpus, line, report),
        |global| words::show_cpus(&global.vrrp_process.cpus),
    )
    .acted(),
    cpus(
        &["checker_cpu_affinity"],
        |global, line, report| words::cpus(&mut global.checker_process.cpus, line, report),
        |global| words::show_cpus(&global.checker_process.cpus),
    )
    .acted(),
    cpus(
        &["bfd_cpu_affinity"],
        |global, line, report| words::cpus(&mut global.bfd_process.cpus, line, report),
        |global| words::show_cpus(&global.bfd_process.cpus),
    )
    .acted(),
    micros(
        &["vrrp_rlimit_rttime"],
        1,
        micros_field!(vrrp_process.real_time_limit),
    )
    .acted()
    .default("10000")
    .means("microseconds the vrrp child may run in real time without a pause"),
    micros(
        &["vrrp_rlimit_rtime"],
        1,
        micros_field!(vrrp_process.real_time_limit),
    )
    .acted()
    .deprecated("vrrp_rlimit_rttime")
    .means("microseconds the vrrp child may run in real time without a pause"),
    micros(
        &["checker_rlimit_rttime"],
        1,
        micros_field!(checker_process.real_time_limit),
    )
    .acted()
    .default("10000")
    .means("microseconds the checkers child may run in real time without a pause"),
    micros(
        &["checker_rlimit_rtime"],
        1,
        micros_field!(checker_process.real_time_limit),
    )
    .acted()
    .deprecated("checker_rlimit_rttime")
    .means("microseconds the checkers child may run in real time without a pause"),
    micros(
        &["bfd_rlimit_rttime"],
        1,
        micros_field!(bfd_process.real_time_limit),
    )
    .acted()
    .default("10000")
    .means("microseconds the bfd child may run in real time without a pause"),
    micros(
        &["bfd_rlimit_rtime"],
        1,
        micros_field!(bfd_process.real_time_limit),
    )
    .acted()
    .deprecated("bfd_rlimit_rttime")
    .means("microseconds the bfd child may run in real time without a pause"),
];

pub(super) const BUFFERS: &[Global] = &[
    Global::new(
        &["vrrp_rx_bufs_policy"],
        Takes::Words {
            usage: "MTU, ADVERT or a number of bytes",
            read: words::advert_buffer,
            show: |global| words::show_advert_buffer(global.buffers.adverts),
        },
    )
    .default("the kernel's size")
    .means("what the receive buffer of adverts is measured by"),
    Global::new(
        &["vrrp_rx_bufs_multiplier"],
        Takes::Number {
            min: 1,
            max: INT,
            field: field!(some number buffers.advert_multiplier),
        },
    )
    .default("3")
    .means("how many adverts or packets that buffer holds"),
    number(
        &["vrrp_netlink_cmd_rcv_bufs"],
        1,
        INT,
        field!(some number buffers.vrrp_commands.size),
    )
    .means("receive buffer of the vrrp child's netlink commands, in bytes"),
    boolean(
        &["vrrp_netlink_cmd_rcv_bufs_force"],
        field!(copy buffers.vrrp_commands.force),
    )
    .default("false")
    .means("even beyond the system's limit"),
    number(
        &["vrrp_netlink_monitor_rcv_bufs"],
        1,
        INT,
        field!(some number buffers.vrrp_monitor.size),
    )
    .means("receive buffer of the vrrp child's netlink events, in bytes"),
    boolean(
        &["vrrp_netlink_monitor_rcv_bufs_force"],
        field!(copy buffers.vrrp_monitor.force),
    )
    .default("false")
    .means("even beyond the system's limit"),
    number(
        &["lvs_netlink_cmd_rcv_bufs"],
        1,
        INT,
        field!(some number buffers.lvs_commands.size),
    )
    .means("receive buffer of the checkers child's netlink commands, in bytes"),
    boolean(
        &["lvs_netlink_cmd_rcv_bufs_force"],
        field!(copy buffers.lvs_commands.force),
    )
    .default("false")
    .means("even beyond the system's limit"),
    number(
        &["lvs_netlink_monitor_rcv_bufs"],
        1,
        INT,
        field!(some number buffers.lvs_monitor.size),
    )
    .means("receive buffer of the checkers child's netlink events, in bytes"),
    boolean(
        &["lvs_netlink_monitor_rcv_bufs_force"],
        field!(copy buffers.lvs_monitor.force),
    )
    .default("false")
    .means("even beyond the system's limit"),
    Global::new(
        &["process_monitor_rcv_bufs"],
        Takes::Number {
            min: 1,
            max: INT,
            field: field!(some number buffers.process_monitor.size),
        },
    )
    .means("receive buffer of process events, in bytes"),
    Global::new(
        &["process_monitor_rcv_bufs_force"],
        Takes::Bool(field!(copy buffers.process_monitor.force)),
    )
    .default("false")
    .means("even beyond the system's limit"),
];
