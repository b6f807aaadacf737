//! `global_defs`: settings of this node and defaults of its blocks.
//!
//! An `Option` is something that may be left out for good; everything with a default has it.

mod mail;

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::mail::{Authorities, Mail, SmtpAuth, SmtpServer};
use super::{Command, DataPlane, Family, InterfaceName, Version, vrrp::Adverts};
use crate::tcp_keepalive::values::{Idle, Interval, Probes};

/// `global_defs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GlobalDefs {
    /// `router_id`: name of this node; empty stands for the host name.
    pub router_id: String,
    /// `data_plane`.
    pub data_plane: DataPlane,
    /// Room in the data plane's maps.
    pub data_plane_room: DataPlaneRoom,
    /// Where the data plane is, beside the interfaces that the rest of the configuration tells.
    pub data_plane_reach: DataPlaneReach,
    /// Names of the processes.
    pub names: ProcessNames,
    /// Mail about events.
    pub mail: Mail,
    /// How scripts run.
    pub scripts: Scripts,
    /// Reloading, and files the daemon writes.
    pub files: Files,
    /// Interfaces and generated names.
    pub network: Network,
    /// IPVS and checkers.
    pub lvs: Lvs,
    /// Defaults of virtual routers.
    pub vrrp: Vrrp,
    /// Firewall rules.
    pub firewall: Firewall,
    /// Where events are told.
    pub notify: Notify,
    /// Automatic real-time priority of all processes.
    pub auto_priority: AutoPriority,
    /// The scheduling of the vrrp child.
    pub vrrp_process: Scheduling,
    /// The scheduling of the checkers child.
    pub checker_process: Scheduling,
    /// The scheduling of the bfd child.
    pub bfd_process: Scheduling,
    /// `bfd_xdp`.
    pub bfd_xdp: Absorb,
    /// Sizes of socket buffers.
    pub buffers: Buffers,
    /// SNMP.
    pub snmp: Snmp,
    /// D-Bus.
    pub dbus: Dbus,
}

/// Room to make in the data plane's maps; where nothing is said, the default or what the file needs (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataPlaneRoom {
    /// `data_plane_services`: virtual servers, those that reloads will add too.
    pub services: Option<u32>,
    /// `data_plane_flows`: flows of each family.
    pub flows: Option<u32>,
}

/// Whose packets the data plane sees beside those that come by interfaces of virtual addresses and real servers (extension).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataPlaneReach {
    /// `data_plane_interfaces`: clients also come by these.
    pub interfaces: Vec<InterfaceName>,
    /// `data_plane_local_clients`: this host has clients, too.
    pub local_clients: bool,
}

/// Names of the processes, at most 15 bytes each (`TASK_COMM_LEN`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessNames {
    /// `process_names`: every child has a name of its own.
    pub distinct: bool,
    /// `process_name`, of the parent.
    pub parent: Option<String>,
    /// `vrrp_process_name`.
    pub vrrp: Option<String>,
    /// `checker_process_name`.
    pub checker: Option<String>,
    /// `bfd_process_name`.
    pub bfd: Option<String>,
}

/// Whose a script or a FIFO is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Name of a user.
    pub user: String,
    /// Name of a group; the user's by default.
    pub group: Option<String>,
}

/// How scripts run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scripts {
    /// `script_user`; `keepalived_script` where there is such a user, else root.
    pub user: Option<Owner>,
    /// `enable_script_security`: no script runs as root that others can write.
    pub security: bool,
    /// `set_supplementary_groups`.
    pub supplementary_groups: bool,
    /// `use_symlink_paths`.
    pub keep_symlinks: bool,
    /// `startup_script`.
    pub startup: Option<Command>,
    /// `startup_script_timeout`.
    pub startup_timeout: Duration,
    /// `shutdown_script`.
    pub shutdown: Option<Command>,
    /// `shutdown_script_timeout`.
    pub shutdown_timeout: Duration,
    /// `umask`, of the files the daemon writes.
    pub umask: Option<u16>,
    /// `rs_init_notifies`: `notify_up` runs for real servers that are up from the start.
    pub initial_notify: bool,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            user: None,
            security: false,
            supplementary_groups: false,
            keep_symlinks: false,
            startup: None,
            startup_timeout: Duration::from_secs(10),
            shutdown: None,
            shutdown_timeout: Duration::from_secs(10),
            umask: None,
            initial_notify: false,
        }
    }
}

/// Reloading, and files the daemon writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Files {
    /// `reload_time_file`: holds the time of the next reload.
    pub reload_time: Option<String>,
    /// `reload_repeat`: daily.
    pub repeats_daily: bool,
    /// `reload_file`: there while a reload runs or is due; empty stands for its usual place.
    pub reload_marker: Option<String>,
    /// `config_save_dir`: a copy of each configuration taken.
    pub save: Option<String>,
    /// `tmp_config_directory`.
    pub temporary: Option<String>,
    /// `data_use_instance`: dump files carry the instance's name.
    pub instance_in_names: bool,
    /// `json_version`.
    pub json: JsonVersion,
    /// `state_dump_file`.
    pub state_dump: Option<String>,
    /// `stats_dump_file`.
    pub stats_dump: Option<String>,
    /// `json_dump_file`.
    pub json_dump: Option<String>,
    /// `iproute_usr_dir`: tables' names as the distribution ships them.
    pub iproute_usr: Option<String>,
    /// `iproute_etc_dir`: tables' names of this machine.
    pub iproute_etc: Option<String>,
    /// `random_seed`, for tests that are to be repeated.
    pub random_seed: Option<u32>,
}

/// `json_version`: the form of the JSON dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum JsonVersion {
    /// An array of instances.
    #[default]
    V1,
    /// An object with instances and tracked objects.
    V2,
}

/// Interfaces and generated names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// `dynamic_interfaces`.
    pub dynamic: DynamicInterfaces,
    /// `default_interface`: of static addresses without `dev`.
    pub default_interface: Option<InterfaceName>,
    /// `disable_local_igmp`.
    pub disable_local_igmp: bool,
    /// Keepalive of TCP connections that end in this network namespace (extension).
    pub tcp_keepalive: TcpKeepalive,
    /// `vmac_prefix`: start of the names of macvlan interfaces.
    pub vmac_prefix: String,
    /// `vmac_addr_prefix`: the same for `use_vmac_addr`.
    pub vmac_addr_prefix: String,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            dynamic: DynamicInterfaces::Refused,
            default_interface: None,
            disable_local_igmp: false,
            tcp_keepalive: TcpKeepalive::default(),
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: "vrrp".to_owned(),
        }
    }
}

/// The kernel's settings of TCP keepalive; as they are where nothing is said (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpKeepalive {
    /// `tcp_keepalive_time`.
    pub time: Option<Idle>,
    /// `tcp_keepalive_intvl`.
    pub interval: Option<Interval>,
    /// `tcp_keepalive_probes`.
    pub probes: Option<Probes>,
}

impl Network {
    /// Whether an interface that is named need not be there yet.
    #[must_use]
    pub fn interfaces_may_come_later(&self) -> bool {
        self.dynamic != DynamicInterfaces::Refused
    }
}

/// `dynamic_interfaces [allow_if_changes]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DynamicInterfaces {
    /// Every interface must be there from the start.
    #[default]
    Refused,
    /// Interfaces may come and go.
    Allowed,
    /// And come back as another type.
    Changing,
}

/// IPVS and checkers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lvs {
    /// `lvs_timeouts`.
    pub timeouts: Timeouts,
    /// `lvs_flush`: the table is emptied at the start.
    pub flush: bool,
    /// `lvs_flush_on_stop`.
    pub flush_on_stop: FlushOnStop,
    /// `lvs_sync_daemon`.
    pub sync_daemon: Option<SyncDaemon>,
    /// `checker_log_all_failures`.
    pub log_all_failures: bool,
}

/// `lvs_timeouts`, in seconds; the kernel's where not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// `tcp`: established connections.
    pub tcp: Option<u32>,
    /// `tcpfin`: after a FIN.
    pub tcpfin: Option<u32>,
    /// `udp`.
    pub udp: Option<u32>,
}

/// `lvs_flush_on_stop [VS]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlushOnStop {
    /// What was added is removed, one by one.
    #[default]
    No,
    /// The whole table.
    All,
    /// The virtual servers of this daemon, without their real servers first.
    VirtualServers,
}

/// `lvs_sync_daemon`: connection states go to the other director (ip_vs_sync).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDaemon {
    /// Where messages leave and arrive.
    pub interface: InterfaceName,
    /// The instance that decides who sends; all of them when none is named.
    pub instance: Option<String>,
    /// `id`: tells groups of directors apart.
    pub id: Option<u8>,
    /// `maxlen`, of a message in bytes.
    pub maxlen: Option<u16>,
    /// `port`.
    pub port: Option<u16>,
    /// `ttl`.
    pub ttl: Option<u8>,
    /// `group`: multicast destination.
    pub group: Option<IpAddr>,
}

/// `vrrp_xdp auto|off`, `bfd_xdp auto|off`: whether the kernel absorbs adverts, and judges them, or packets of BFD (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Absorb {
    /// Where it can.
    #[default]
    Auto,
    /// Every one is the daemon's.
    Off,
}

/// `vrrp_vmac_mode macvlan|bpf`: who has the MAC of `use_vmac` (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VmacMode {
    /// A macvlan, as in keepalived.
    #[default]
    Macvlan,
    /// The programs in the kernel, on the interface itself.
    Bpf,
}

/// Defaults of virtual routers, and what the kernel does for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vrrp {
    /// `vrrp_version`.
    pub version: Version,
    /// `vrrp_strict`.
    pub strict: bool,
    /// `v3_checksum_as_v2`: IPv4 adverts of version 3 are summed without the pseudo header.
    pub v3_checksum_as_v2: bool,
    /// `vrrp_mcast_group4`.
    pub group4: IpAddr,
    /// `vrrp_mcast_group6`.
    pub group6: IpAddr,
    /// `vrrp_check_unicast_src`.
    pub check_unicast_source: bool,
    /// `vrrp_skip_check_adv_addr`.
    pub skip_check_addresses: bool,
    /// Gratuitous ARP and unsolicited NA.
    pub announce: Announce,
    /// `vrrp_down_timer_adverts`: adverts missed before a take-over.
    pub down_timer_adverts: u8,
    /// `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `vrrp_higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `vrrp_owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `vrrp_startup_delay`.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`.
    pub delay_after_boot: Duration,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `vrrp_xdp`.
    pub xdp: Absorb,
    /// `vrrp_fence`: addresses are fenced when no advert leaves in time, where the kernel can (extension).
    pub fence: bool,
    /// `vrrp_vmac_mode`.
    pub vmac_mode: VmacMode,
    /// `vrrp_record`: a file that everything the elections hear and decide is recorded in (extension).
    pub record: Option<String>,
}

impl Default for Vrrp {
    fn default() -> Self {
        Self {
            version: Version::V2,
            strict: false,
            v3_checksum_as_v2: false,
            group4: Adverts::group(Family::V4),
            group6: Adverts::group(Family::V6),
            check_unicast_source: false,
            skip_check_addresses: false,
            announce: Announce::default(),
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            log_unknown_vrids: false,
            xdp: Absorb::Auto,
            fence: true,
            vmac_mode: VmacMode::Macvlan,
            record: None,
        }
    }
}

/// Gratuitous ARP and unsolicited neighbour advertisements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Announce {
    /// `vrrp_garp_master_delay`: until the second set; zero is no second set.
    pub delay: Duration,
    /// `vrrp_garp_master_repeat`: messages of a set.
    pub repeat: u32,
    /// `vrrp_garp_master_refresh`: time between sets while MASTER; zero is never.
    pub refresh: Duration,
    /// `vrrp_garp_master_refresh_repeat`.
    pub refresh_repeat: u32,
    /// `vrrp_garp_lower_prio_delay`; as `delay` by default.
    pub lower_prio_delay: Option<Duration>,
    /// `vrrp_garp_lower_prio_repeat`; as `repeat` by default.
    pub lower_prio_repeat: Option<u32>,
    /// `vrrp_garp_interval`: pause between two ARP messages on an interface.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: the same for neighbour advertisements.
    pub gna_interval: Duration,
    /// `vrrp_min_garp`: one message, no second set, no refresh, where not said otherwise.
    pub minimal: bool,
    /// `vrrp_garp_extra_if`.
    pub extra: Option<ExtraAnnounce>,
}

impl Default for Announce {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: None,
            lower_prio_repeat: None,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            minimal: false,
            extra: None,
        }
    }
}

/// `vrrp_garp_extra_if [all] SECONDS`: announcements on the interface below a virtual MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraAnnounce {
    /// On every interface, not only those of virtual addresses.
    pub all: bool,
    /// Time between them.
    pub interval: Duration,
}

/// Firewall rules for virtual addresses and virtual MACs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firewall {
    /// `vrrp_iptables [IN [OUT]]`: the chains.
    pub iptables: Option<Vec<String>>,
    /// `vrrp_ipsets`: names of the sets; none with the bare word.
    pub ipsets: Vec<String>,
    /// `nftables [TABLE]`.
    pub nftables: Option<String>,
    /// `nftables_priority`.
    pub nftables_priority: i32,
    /// `nftables_ifindex`: rules match interfaces by number.
    pub nftables_ifindex: bool,
    /// `nftables_counters`.
    pub nftables_counters: bool,
    /// `nftables_ipvs [TABLE]`.
    pub nftables_ipvs: Option<String>,
    /// `nftables_ipvs_priority`.
    pub nftables_ipvs_priority: i32,
    /// `nftables_ipvs_start_fwmark`.
    pub nftables_ipvs_start_fwmark: u32,
}

impl Default for Firewall {
    fn default() -> Self {
        Self {
            iptables: None,
            ipsets: Vec::new(),
            nftables: None,
            nftables_priority: -1,
            nftables_ifindex: false,
            nftables_counters: false,
            nftables_ipvs: None,
            nftables_ipvs_priority: -1,
            nftables_ipvs_start_fwmark: 1000,
        }
    }
}

/// Where events are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notify {
    /// `notify_fifo`, `notify_fifo_script`: all events.
    pub all: Fifo,
    /// `vrrp_notify_fifo`, `vrrp_notify_fifo_script`.
    pub vrrp: Fifo,
    /// `lvs_notify_fifo`, `lvs_notify_fifo_script`.
    pub lvs: Fifo,
    /// `lvs_notify_fifo_nul`: a NUL follows each line about servers, as keepalived has it (extension).
    pub ends_in_nul: bool,
    /// `vrrp_notify_priority_changes`.
    pub priority_changes: bool,
    /// `fifo_write_vrrp_states_on_reload`.
    pub repeats_states: bool,
}

/// A pipe that events are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fifo {
    /// Its path.
    pub path: Option<String>,
    /// Whose it is.
    pub owner: Option<Owner>,
    /// The program started to read it.
    pub script: Option<Command>,
}

/// Automatic real-time priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoPriority {
    /// `max_auto_priority`: the highest SCHED_RR priority taken; -1 and 0 are none.
    pub max: i8,
    /// `min_auto_priority_delay`: how late a timer must be.
    pub min_delay: Duration,
}

impl Default for AutoPriority {
    fn default() -> Self {
        Self {
            max: 0,
            min_delay: Duration::from_secs(1),
        }
    }
}

/// How the kernel schedules a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduling {
    /// `*_priority`: nice value.
    pub nice: i8,
    /// `*_no_swap`: memory is locked.
    pub no_swap: bool,
    /// `*_rt_priority`: SCHED_RR priority.
    pub real_time: Option<u8>,
    /// `*_rlimit_rttime`: longest time without a blocking call.
    pub real_time_limit: Duration,
    /// `*_cpu_affinity`; all of them when empty.
    pub cpus: Vec<u16>,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            nice: 0,
            no_swap: false,
            real_time: None,
            real_time_limit: Duration::from_millis(10),
            cpus: Vec::new(),
        }
    }
}

/// Sizes of socket buffers in bytes; the kernel's where not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Buffers {
    /// `vrrp_rx_bufs_policy`.
    pub adverts: AdvertBuffer,
    /// `vrrp_rx_bufs_multiplier`; 3 by default.
    pub advert_multiplier: Option<u32>,
    /// `vrrp_netlink_cmd_rcv_bufs`.
    pub vrrp_commands: Buffer,
    /// `vrrp_netlink_monitor_rcv_bufs`.
    pub vrrp_monitor: Buffer,
    /// `lvs_netlink_cmd_rcv_bufs`.
    pub lvs_commands: Buffer,
    /// `lvs_netlink_monitor_rcv_bufs`.
    pub lvs_monitor: Buffer,
    /// `process_monitor_rcv_bufs`.
    pub process_monitor: Buffer,
}

/// `vrrp_rx_bufs_policy`: what the receive buffer of adverts is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdvertBuffer {
    /// The kernel's default.
    #[default]
    System,
    /// The interface's MTU, times the multiplier.
    Mtu,
    /// The largest advert, times the multiplier.
    Advert,
    /// So many bytes.
    Bytes(u32),
}

/// A receive buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Buffer {
    /// Its size.
    pub size: Option<u32>,
    /// Beyond `net.core.rmem_max` too.
    pub force: bool,
}

/// SNMP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snmp {
    /// `snmp_socket`: the AgentX master.
    pub socket: Option<String>,
    /// `enable_traps`.
    pub traps: bool,
    /// `enable_snmp_vrrp`.
    pub vrrp: bool,
    /// `enable_snmp_checker`.
    pub checker: bool,
    /// `enable_snmp_rfcv2`: RFC 2787.
    pub rfc2787: bool,
    /// `enable_snmp_rfcv3`: RFC 6527.
    pub rfc6527: bool,
    /// `snmp_vs_stats_update_interval`.
    pub virtual_server_stats: Duration,
    /// `snmp_rs_stats_update_interval`; the virtual servers' by default.
    pub real_server_stats: Option<Duration>,
}

impl Default for Snmp {
    fn default() -> Self {
        Self {
            socket: None,
            traps: false,
            vrrp: false,
            checker: false,
            rfc2787: false,
            rfc6527: false,
            virtual_server_stats: Duration::from_secs(5),
            real_server_stats: None,
        }
    }
}

/// D-Bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dbus {
    /// `enable_dbus`.
    pub enabled: bool,
    /// `dbus_service_name`.
    pub service: String,
    /// `dbus_no_interface_name`: path element where there is no interface.
    pub no_interface: String,
}

impl Default for Dbus {
    fn default() -> Self {
        Self {
            enabled: false,
            service: "org.keepalived.Vrrp1".to_owned(),
            no_interface: "none".to_owned(),
        }
    }
}
