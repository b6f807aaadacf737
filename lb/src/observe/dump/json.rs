//! `keepalived.json`: names and types of fields are keepalived's, in both versions of `json_version`.

use std::time::Duration;

use serde::Serialize;
use serde_json::Number;

use super::{
    HIDDEN, addresses, instances, last_transition, objects, quoted, quoted_words, stats::received,
};
use crate::{
    config::model::{
        Config, InitialState, JsonVersion, VrrpInstance,
        track::{ParameterMatch, TrackProcess},
        vrrp::{Device, OnDelete},
    },
    track::snapshot::TrackedSnapshot,
    vrrp::{output::State, snapshot::InstanceSnapshot},
};

/// What the file says, as one line; `time` is the time of day of the figures.
///
/// # Errors
/// When serde refuses, which it does not for these shapes.
pub fn render(
    config: &Config,
    snapshots: &[InstanceSnapshot],
    tracked: &[TrackedSnapshot],
    time: Duration,
) -> serde_json::Result<String> {
    let vrrp = instances(config, snapshots);
    let vrrp: Vec<_> = vrrp
        .map(|(instance, snapshot)| Instance {
            data: Data::new(config, instance, snapshot, time),
            stats: Stats::new(snapshot),
        })
        .collect();
    let text = match config.global.files.json {
        JsonVersion::V1 => serde_json::to_string(&vrrp),
        JsonVersion::V2 => {
            let processes = config.track_processes.iter();
            serde_json::to_string(&All {
                vrrp,
                track_process: processes.map(|it| Process::new(it, tracked)).collect(),
            })
        }
    };
    text.map(|text| text + "\n")
}

/// `json_version 2`.
#[derive(Serialize)]
struct All<'a> {
    vrrp: Vec<Instance<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<Process<'a>>,
}

#[derive(Serialize)]
struct Instance<'a> {
    data: Data<'a>,
    stats: Stats,
}

/// Flags are 0 or 1, apart from those that keepalived has as true or false.
#[derive(Serialize)]
struct Data<'a> {
    iname: &'a str,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'a str,
    ifp_ifname: &'a str,
    master_priority: u8,
    last_transition: f64,
    garp_delay: Number,
    garp_refresh: u64,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: u64,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Number,
    master_adver_int: Number,
    accept: u8,
    nopreempt: bool,
    preempt_delay: u64,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(flatten)]
    scripts: Scripts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vrules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<&'a str>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

/// Only those that are configured.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Scripts {
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master_rx_lower_pri: Option<String>,
}

#[derive(Serialize)]
struct Stats {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    auth_ext_missing: u64,
    auth_ext_malformed: u64,
    auth_ext_unknown_key: u64,
    auth_ext_invalid_hmac: u64,
    auth_ext_stale: u64,
    auth_ext_replay: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

#[derive(Serialize)]
struct Process<'a> {
    process: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<String>,
    param_match: &'static str,
    min_processes: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_processes: Option<u16>,
    current_processes: i64,
    have_quorum: bool,
    weight: i16,
    terminate_delay: Number,
    fork_delay: Number,
    fork_delay_timer_running: bool,
    terminate_delay_timer_running: bool,
    full_command: bool,
}

/// A number without a fraction where it has none: some programs read whole numbers only.
fn number(seconds: f64) -> Number {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let is_whole = whole.subsec_nanos() == 0;
    let fraction = Number::from_f64(seconds).filter(|_| !is_whole);
    fraction.unwrap_or_else(|| Number::from(whole.as_secs()))
}

/// keepalived's number for a state.
pub(super) const fn state(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}

/// The state that it would have if nothing kept it from that.
pub(super) fn wanted(config: &VrrpInstance, current: State) -> State {
    match (current, config.state) {
        (State::Init, InitialState::Master) => State::Master,
        (State::Init, InitialState::Backup) => State::Backup,
        (state, _) => state,
    }
}

impl<'a> Data<'a> {
    fn new(
        all: &'a Config,
        config: &'a VrrpInstance,
        snapshot: &InstanceSnapshot,
        time: Duration,
    ) -> Self {
        let (election, announce, tracks) = (&config.election, &config.announce, &config.tracks);
        let vmac = match &config.link.device {
            Device::Vmac(vmac) => vmac.name.as_ref(),
            Device::Interface | Device::Ipvlan(_) => None,
        };
        let scripts = all.scripts.iter();
        let is_tracked = |name: &str| tracks.scripts.iter().any(|track| track.name == name);
        let authentication = config.authentication.as_ref();
        Self {
            iname: &config.name,
            dont_track_primary: u8::from(!config.link.track_primary),
            skip_check_adv_addr: u8::from(election.skip_check_addresses),
            strict_mode: u8::from(election.strict),
            vmac_ifname: vmac.map_or("", |name| name.as_str()),
            ifp_ifname: config.interface.as_str(),
            master_priority: match snapshot.state {
                State::Master => 0,
                State::Init | State::Backup | State::Fault => snapshot.master_priority,
            },
            last_transition: last_transition(time, snapshot).as_secs_f64(),
            garp_delay: number(announce.delay.as_secs_f64()),
            garp_refresh: announce.refresh.as_secs(),
            garp_rep: announce.repeat,
            garp_refresh_rep: announce.refresh_repeat,
            garp_lower_prio_delay: announce.lower_prio_delay.as_secs(),
            garp_lower_prio_rep: announce.lower_prio_repeat,
            lower_prio_no_advert: u8::from(election.lower_prio_no_advert),
            higher_prio_send_advert: u8::from(election.higher_prio_send_advert),
            vrid: config.vrid.get(),
            base_priority: config.priority.get(),
            effective_priority: snapshot.priority,
            vipset: !snapshot.installed.is_empty(),
            promote_secondaries: config.link.promote_secondaries,
            adver_int: number(config.advert_interval.get().as_secs_f64()),
            master_adver_int: number(snapshot.advert_interval),
            accept: u8::from(election.accept),
            nopreempt: !config.preempt,
            preempt_delay: election.preempt_delay.as_secs(),
            state: state(snapshot.state),
            wantstate: state(wanted(config, snapshot.state)),
            version: config.version.number(),
            smtp_alert: config.notify.mail,
            notify_deleted: config.notify.deleted != OnDelete::Fault,
            scripts: Scripts::new(config),
            vips: addresses(config.lines(), snapshot),
            evips: addresses(config.excluded.iter().cloned(), snapshot),
            vroutes: objects(snapshot, "route "),
            vrules: objects(snapshot, "rule "),
            track_ifp: tracks
                .interfaces
                .iter()
                .map(|it| it.interface.as_str())
                .collect(),
            track_script: scripts
                .filter(|script| is_tracked(&script.name))
                .map(|script| quoted_words(&script.command))
                .collect(),
            track_process: tracks.processes.iter().map(|it| &*it.name).collect(),
            auth_type: authentication.map_or(0, |it| it.kind.number()),
            auth_data: authentication.map(|_| HIDDEN),
        }
    }
}

impl Scripts {
    fn new(config: &VrrpInstance) -> Self {
        let notify = &config.notify;
        let deleted = match &notify.deleted {
            OnDelete::Run(command) => Some(command),
            OnDelete::Fault | OnDelete::Deleted => None,
        };
        Self {
            script_backup: notify.backup.as_ref().map(quoted),
            script_master: notify.master.as_ref().map(quoted),
            script_fault: notify.fault.as_ref().map(quoted),
            script_stop: notify.stop.as_ref().map(quoted),
            script_deleted: deleted.map(quoted),
            script: notify.any.as_ref().map(quoted),
            script_master_rx_lower_pri: notify.lower_priority.as_ref().map(quoted),
        }
    }
}

impl Stats {
    fn new(snapshot: &InstanceSnapshot) -> Self {
        let counts = &snapshot.counts;
        Self {
            advert_rcvd: received(snapshot),
            advert_sent: counts.adverts_sent,
            become_master: counts.became_master,
            release_master: counts.released_master,
            packet_len_err: counts.refused("packet_len_err"),
            advert_interval_err: counts.refused("advert_interval_err"),
            ip_ttl_err: counts.refused("ip_ttl_err"),
            invalid_type_rcvd: counts.refused("invalid_type_rcvd"),
            addr_list_err: counts.refused("addr_list_err"),
            invalid_authtype: counts.refused("invalid_authtype"),
            authtype_mismatch: counts.refused("authtype_mismatch"),
            auth_failure: counts.refused("auth_failure"),
            auth_ext_missing: counts.refused("auth_ext_missing"),
            auth_ext_malformed: counts.refused("auth_ext_malformed"),
            auth_ext_unknown_key: counts.refused("auth_ext_unknown_key"),
            auth_ext_invalid_hmac: counts.refused("auth_ext_invalid_hmac"),
            auth_ext_stale: counts.refused("auth_ext_stale"),
            auth_ext_replay: counts.refused("auth_ext_replay"),
            pri_zero_rcvd: counts.zero_received,
            pri_zero_sent: counts.zero_sent,
        }
    }
}

impl<'a> Process<'a> {
    fn new(config: &'a TrackProcess, tracked: &[TrackedSnapshot]) -> Self {
        let mut all = tracked.iter();
        let snapshot = all.find(|it| it.kind == "vrrp_track_process" && it.name == config.name);
        let delayed = snapshot.and_then(|it| it.delayed.as_deref());
        let weight = config.weight.value;
        Self {
            process: &config.process,
            parameters: (!config.parameters.is_empty()).then(|| config.parameters.join(" ")),
            param_match: parameter_match(config.parameter_match),
            min_processes: config.quorum,
            max_processes: (config.quorum_max < u16::MAX).then_some(config.quorum_max),
            current_processes: snapshot.and_then(|it| it.count).unwrap_or(0),
            have_quorum: snapshot.and_then(|it| it.up).unwrap_or(false),
            weight: if config.weight.is_reversed {
                -weight
            } else {
                weight
            },
            terminate_delay: number(config.terminate_delay.as_secs_f64()),
            fork_delay: number(config.fork_delay.as_secs_f64()),
            fork_delay_timer_running: delayed == Some("fork_delay"),
            terminate_delay_timer_running: delayed == Some("terminate_delay"),
            full_command: config.full_command,
        }
    }
}

const fn parameter_match(matches: ParameterMatch) -> &'static str {
    match matches {
        ParameterMatch::Ignored => "none",
        ParameterMatch::Exact => "exact",
        ParameterMatch::Partial => "partial",
        ParameterMatch::Initial => "initial",
    }
}
