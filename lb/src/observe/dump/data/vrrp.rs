//! The sections of instances and of their groups.

use super::{Source, Text, enabled, moment, yes_no};
use crate::{
    config::model::{
        Command, Family, Version, VrrpInstance,
        vrrp::{
            AuthenticationType, Destination, OldChecksum, OnDelete, StateNotify, Track, Unicast,
        },
    },
    observe::dump::{HIDDEN, addresses, instances, json::wanted, last_transition, objects, quoted},
    vrrp::{
        output::State,
        snapshot::{GroupSnapshot, InstanceSnapshot},
    },
};

pub(super) fn render(source: &Source<'_>, text: &mut Text) {
    let snapshots = source.status.instances.as_deref().unwrap_or_default();
    text.section("VRRP Topology");
    for (config, snapshot) in instances(source.config, snapshots) {
        Instance {
            source,
            config,
            snapshot,
        }
        .render(text);
    }
    if !source.status.groups.is_empty() {
        text.section("VRRP Sync groups");
        for group in &source.status.groups {
            render_group(source, group, text);
        }
    }
}

struct Instance<'a> {
    source: &'a Source<'a>,
    config: &'a VrrpInstance,
    snapshot: &'a InstanceSnapshot,
}

/// keepalived's word for a state.
fn name(state: State) -> String {
    format!("{state:?}").to_uppercase()
}

impl Instance<'_> {
    fn render(&self, text: &mut Text) {
        self.state(text);
        self.interface(text);
        self.announcements(text);
        self.election(text);
        self.authentication(text);
        self.objects(text);
        self.tracks(text);
        notifications(&self.config.notify, text);
        text.item(3, "Why", &self.snapshot.why);
        text.item(
            3,
            "Kernel heartbeat",
            yes_no(self.snapshot.kernel_heartbeat),
        );
        text.item(
            3,
            "Gate",
            format!("{:?}", self.snapshot.gate).to_lowercase(),
        );
    }

    fn state(&self, text: &mut Text) {
        let (config, snapshot) = (self.config, self.snapshot);
        text.item(1, "VRRP Instance", &config.name);
        text.item(3, "VRRP Version", config.version.number());
        if let Some(group) = &snapshot.group {
            text.item(3, "Sync group", group);
        }
        if config.family == Family::V6 {
            text.line(3, "Using Native IPv6");
        }
        text.item(3, "State", name(snapshot.state));
        if let (State::Backup, Some(master)) = (snapshot.state, snapshot.master) {
            text.item(3, "Master router", master);
            text.item(3, "Master priority", snapshot.master_priority);
            if config.version == Version::V3 {
                let interval = snapshot.advert_interval * 1000.0;
                text.item(
                    3,
                    "Master advert interval",
                    format_args!("{interval} milli-sec"),
                );
            }
        }
        let flags = self.flags();
        if flags.is_empty() {
            text.line(3, "Flags: none");
        } else {
            text.list("Flags:", &flags);
        }
        text.item(3, "Wantstate", name(wanted(config, snapshot.state)));
        text.item(
            3,
            "Number of interface and track script faults",
            snapshot.faults.len(),
        );
        for fault in &snapshot.faults {
            text.item(3, "Fault", fault);
        }
        let at = last_transition(self.source.status.time, snapshot);
        text.item(3, "Last transition", moment(at, self.source.zone));
    }

    fn flags(&self) -> Vec<String> {
        let (config, mut flags) = (self.config, Vec::new());
        if config.adverts.destination.unicast().is_some() {
            flags.push("Using unicast".to_owned());
        }
        if self.snapshot.yielding {
            flags.push("Yielding by request".to_owned());
        }
        flags
    }

    fn interface(&self, text: &mut Text) {
        let config = self.config;
        text.item(3, "Interface", &config.interface);
        if let Some(device) = config.link.device.name() {
            text.item(3, "Using VMAC", format_args!("{device}"));
        }
        if !config.link.track_primary {
            text.line(3, "VRRP interface tracking disabled");
        }
        if config.election.skip_check_addresses {
            text.line(3, "Skip checking advert IP addresses");
        }
        if config.election.strict {
            text.line(3, "Enforcing strict VRRP compliance");
        }
        match (self.snapshot.source, config.adverts.source) {
            (_, Some(given)) => {
                text.item(
                    3,
                    "Using src_ip",
                    format_args!("{given} (from configuration)"),
                );
            }
            (Some(source), None) => text.item(3, "Using src_ip", source),
            (None, None) => {}
        }
        if let Destination::Multicast(group) = &config.adverts.destination {
            text.line(3, format_args!("Multicast address {group}"));
        }
    }

    fn announcements(&self, text: &mut Text) {
        let announce = &self.config.announce;
        text.item(3, "Gratuitous ARP delay", announce.delay.as_secs());
        text.item(3, "Gratuitous ARP repeat", announce.repeat);
        text.item(3, "Gratuitous ARP refresh", announce.refresh.as_secs());
        text.item(3, "Gratuitous ARP refresh repeat", announce.refresh_repeat);
        let delay = announce.lower_prio_delay.as_secs();
        text.item(3, "Gratuitous ARP lower priority delay", delay);
        text.item(
            3,
            "Gratuitous ARP lower priority repeat",
            announce.lower_prio_repeat,
        );
    }

    fn election(&self, text: &mut Text) {
        let (config, election) = (self.config, &self.config.election);
        text.item(3, "Down timer adverts", election.down_timer_adverts);
        let answers = !election.lower_prio_no_advert;
        text.item(
            3,
            "Send advert after receive lower priority advert",
            answers,
        );
        let answers = election.higher_prio_send_advert;
        text.item(
            3,
            "Send advert after receive higher priority advert",
            answers,
        );
        text.item(3, "Virtual Router ID", config.vrid.get());
        text.item(3, "Priority", config.priority.get());
        text.item(3, "Effective priority", self.snapshot.priority);
        text.item(3, "Total priority", self.snapshot.priority);
        let interval = config.advert_interval.get();
        let interval = match config.version {
            Version::V2 => format!("{} sec", interval.as_secs()),
            Version::V3 => format!("{} milli-sec", interval.as_millis()),
        };
        text.item(3, "Advert interval", interval);
        text.item(3, "Accept", enabled(election.accept));
        text.item(3, "Preempt", enabled(config.preempt));
        if !election.preempt_delay.is_zero() {
            let delay = election.preempt_delay.as_secs_f64();
            text.item(3, "Preempt delay", format_args!("{delay} secs"));
        }
        let promotes = enabled(config.link.promote_secondaries);
        text.item(3, "Promote_secondaries", promotes);
    }

    fn authentication(&self, text: &mut Text) {
        if let Some(authentication) = &self.config.authentication {
            let kind = match authentication.kind {
                AuthenticationType::Password => "SIMPLE_PASSWORD",
                AuthenticationType::Header => "IPSEC_AH",
            };
            text.item(3, "Authentication type", kind);
            if authentication.kind == AuthenticationType::Password {
                text.item(3, "Password", HIDDEN);
            }
        }
        if self.config.hmac.is_some() {
            text.item(3, "Authentication type", "HMAC");
        }
    }

    fn objects(&self, text: &mut Text) {
        let (config, snapshot) = (self.config, self.snapshot);
        let vips = addresses(config.lines(), snapshot);
        text.list(&format!("Virtual IP ({}):", vips.len()), &vips);
        let excluded = addresses(config.excluded.iter().cloned(), snapshot);
        text.list("Virtual IP Excluded :", &excluded);
        if let Some(unicast) = config.adverts.destination.unicast() {
            peers(unicast, text);
        }
        text.list("Virtual Routes :", &objects(snapshot, "route "));
        text.list("Virtual Rules :", &objects(snapshot, "rule "));
        for object in &snapshot.objects {
            if let Some(refusal) = &object.refused {
                text.item(3, "Refused", format_args!("{}: {refusal}", object.line));
            }
        }
    }

    fn tracks(&self, text: &mut Text) {
        let tracks = &self.config.tracks;
        let interfaces = tracks.interfaces.iter().map(|track| {
            let reverse = if track.reverse { " reverse" } else { "" };
            format!("{}, weight {}{reverse}", track.interface, track.weight)
        });
        text.list("Tracked interfaces :", &interfaces.collect::<Vec<_>>());
        let config = self.source.config;
        let of_script = |name: &str| {
            let script = config.scripts.iter().find(|it| it.name == name);
            script.map_or(0, |script| script.weight.value)
        };
        text.list("Tracked scripts :", &lines(&tracks.scripts, of_script));
        let of_file = |name: &str| {
            let file = config.track_files.iter().find(|it| it.name == name);
            file.map_or(0, |file| file.weight.value)
        };
        text.list("Tracked files :", &lines(&tracks.files, of_file));
        let of_process = |name: &str| {
            let process = config.track_processes.iter().find(|it| it.name == name);
            process.map_or(0, |process| process.weight.value)
        };
        text.list("Tracked processes :", &lines(&tracks.processes, of_process));
        let of_session = |name: &str| {
            let session = config.bfd_instances.iter().find(|it| it.name == name);
            session.map_or(0, |session| session.weight.value)
        };
        text.list("Tracked BFDs :", &lines(&tracks.bfds, of_session));
    }
}

fn lines(tracks: &[Track], default: impl Fn(&str) -> i16) -> Vec<String> {
    let lines = tracks.iter().map(|track| {
        let weight = track.weight.unwrap_or_else(|| default(&track.name));
        let reverse = if track.reverse == Some(true) {
            " reverse"
        } else {
            ""
        };
        format!("{}, weight {weight}{reverse}", track.name)
    });
    lines.collect()
}

fn peers(unicast: &Unicast, text: &mut Text) {
    text.item(3, "Unicast TTL", unicast.ttl);
    text.line(
        3,
        format_args!("Check unicast src : {}", yes_no(unicast.check_source)),
    );
    let peers = unicast.peers.iter().map(|peer| {
        format!(
            "{} min_ttl {} max_ttl {}",
            peer.address, peer.min_ttl, peer.max_ttl
        )
    });
    text.list("Unicast Peer :", &peers.collect::<Vec<_>>());
    let old = match unicast.old_checksum {
        OldChecksum::Detect => "no",
        OldChecksum::Always => "yes",
        OldChecksum::Never => "never",
    };
    text.item(3, "Unicast checksum compatibility", old);
}

fn notifications(notify: &StateNotify, text: &mut Text) {
    text.item(3, "Using smtp notification", yes_no(notify.mail));
    let deleted = match &notify.deleted {
        OnDelete::Fault => "Fault",
        OnDelete::Deleted | OnDelete::Run(_) => "Deleted",
    };
    text.item(3, "Notify deleted", deleted);
    let scripts = [
        ("Backup state transition", &notify.backup),
        ("Master state transition", &notify.master),
        ("Fault state transition", &notify.fault),
        ("Stop state transition", &notify.stop),
        ("Master rx lower priority", &notify.lower_priority),
        ("Generic state transition", &notify.any),
    ];
    for (what, script) in scripts {
        if let Some(script) = script {
            text.item(3, &format!("{what} script"), owned(script));
        }
    }
    if let OnDelete::Run(script) = &notify.deleted {
        text.item(3, "Deleted script", owned(script));
    }
    text.item(3, "Notify priority changes", notify.priority_changes);
}

fn owned(script: &Command) -> String {
    let owner = script.owner.as_ref().map(|owner| {
        let group = owner.group.as_deref().unwrap_or(&owner.user);
        format!(", user:group {}:{group}", owner.user)
    });
    quoted(script) + &owner.unwrap_or_default()
}

fn render_group(source: &Source<'_>, group: &GroupSnapshot, text: &mut Text) {
    let state = name(group.state);
    text.item(
        1,
        "VRRP Sync Group",
        format_args!("{}, {state}", group.name),
    );
    let snapshots = source.status.instances.as_deref().unwrap_or_default();
    let members = || {
        snapshots
            .iter()
            .filter(|it| group.members.contains(&it.name))
    };
    let faults = members().filter(|it| it.state == State::Fault).count();
    let begins = members().filter(|it| it.state == State::Init).count();
    text.line(
        3,
        format_args!("Num member fault {faults}, num member init {begins}"),
    );
    text.list("VRRP member instances :", &group.members);
    let config = source
        .config
        .sync_groups
        .iter()
        .find(|it| it.name == group.name);
    if let Some(config) = config {
        text.item(3, "Using smtp notification", yes_no(config.notify.mail));
    }
}
