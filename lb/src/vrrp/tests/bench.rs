//! A bench for one router: a clock that is turned by hand, and effects as lines of text.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    config::model::{Family, InitialState, InterfaceName, Version, VirtualAddress, VrrpInstance},
    vrrp::{
        LinkState, Recorded, RxMeta,
        advert::Advertisement,
        object::{Object, Operation},
        output::{Gate, Guard, InstanceId, Notice, Output, State},
        record,
        replay::{Event, Replay},
        snapshot::InstanceSnapshot,
    },
};

pub(super) const OURS: &str = "10.0.0.5";

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Where virtual clocks begin.
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
pub(in crate::vrrp) fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn eth0() -> InterfaceName {
    "eth0".to_owned().try_into().unwrap()
}

/// `ADDRESS/PREFIX` on eth0.
pub(super) fn line(text: &str) -> VirtualAddress {
    let (address, prefix) = text.split_once('/').unwrap();
    VirtualAddress {
        address: ip(address),
        prefix: prefix.parse::<i64>().unwrap().try_into().unwrap(),
        interface: eth0(),
    }
}

/// VRRPv3, VRID 51, priority 100, one second, one address.
pub(super) fn backup() -> VrrpInstance {
    VrrpInstance {
        version: Version::V3,
        addresses: vec![line("10.0.0.1/24")],
        ..VrrpInstance::new("VI_1", eth0(), 51.try_into().unwrap(), Family::V4)
    }
}

/// The same as the owner.
pub(super) fn owner() -> VrrpInstance {
    VrrpInstance {
        state: InitialState::Master,
        priority: 255.try_into().unwrap(),
        ..backup()
    }
}

pub(super) fn priority(config: VrrpInstance, priority: i64) -> VrrpInstance {
    VrrpInstance {
        priority: priority.try_into().unwrap(),
        ..config
    }
}

pub(super) fn link(v4: Option<&str>) -> LinkState {
    LinkState {
        up: true,
        v4: v4.map(|text| text.parse().unwrap()),
        v6: None,
        arp: true,
    }
}

/// One router and its clock. What the kernel is to do it does at once, unless told otherwise.
pub(super) struct Bench {
    pub(super) router: Recorded,
    pub(super) now: Instant,
    /// Answers to `SetGuard`; `None` gives none.
    pub(super) guards: Option<bool>,
    /// Answers to operations on objects; `None` gives none.
    pub(super) addresses: Option<Result<(), String>>,
    /// Whether adverts leave.
    pub(super) adverts_leave: bool,
    pub(super) epoch: u32,
    /// What people and programs were told since the last call of `told`.
    pub(super) notices: Vec<String>,
    begun: Instant,
}

impl Bench {
    /// A router that has these instances and a usable link; its first effects are dropped.
    pub(super) fn started(configs: &[VrrpInstance]) -> Self {
        let mut bench = Self::fresh();
        bench.config(configs);
        bench.up();
        bench.lines();
        bench
    }

    pub(super) fn fresh() -> Self {
        let now = epoch();
        let mut router = Recorded::new();
        router.record(Duration::ZERO, record::LIMIT, now);
        Self {
            router,
            now,
            guards: Some(true),
            addresses: Some(Ok(())),
            adverts_leave: true,
            epoch: 0,
            notices: Vec::new(),
            begun: now,
        }
    }

    pub(super) fn config(&mut self, configs: &[VrrpInstance]) {
        self.router.handle_config(configs, &[], self.now);
    }

    pub(super) fn up(&mut self) {
        self.link(Some(link(Some(OURS))));
    }

    pub(super) fn link(&mut self, state: Option<LinkState>) {
        self.router.handle_link(&eth0(), state, self.now);
    }

    pub(super) fn id(&self) -> InstanceId {
        self.router.instance_id("VI_1").unwrap()
    }

    pub(super) fn state(&self) -> State {
        self.router.instance(self.id()).unwrap().state()
    }

    pub(super) fn snapshot(&self) -> InstanceSnapshot {
        self.router.snapshot(self.now).remove(0)
    }

    /// Count of a refusal.
    pub(super) fn refused(&self, name: &str) -> u64 {
        self.snapshot()
            .counts
            .refused
            .get(name)
            .copied()
            .unwrap_or(0)
    }

    /// An advert such as `config` would send, from another node.
    pub(super) fn hear(&mut self, source: &str, config: &VrrpInstance) {
        self.hear_wire(source, &Advertisement::of(config, config.priority.get()));
    }

    /// Priority 0 from another node.
    pub(super) fn hear_resignation(&mut self, source: &str) {
        self.hear_wire(source, &Advertisement::of(&backup(), 0));
    }

    pub(super) fn hear_wire(&mut self, source: &str, advert: &Advertisement) {
        let rx = RxMeta {
            interface: eth0(),
            source: ip(source),
            ttl: 255,
        };
        self.router.handle_advert(&rx, advert, self.now);
    }

    /// Turns the clock without waking the router.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Turns the clock, waking the router whenever it asks.
    pub(super) fn run(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut lines = self.lines();
        while let Some((when, _)) = self.router.poll_timeout().filter(|(when, _)| *when <= end) {
            self.now = when;
            self.router.handle_timeout(when);
            lines.extend(self.lines());
        }
        self.now = end;
        lines
    }

    /// Time from now to the next timeout, and why.
    pub(super) fn next(&self) -> Option<(Duration, &'static str)> {
        let (when, why) = self.router.poll_timeout()?;
        Some((when - self.now, why))
    }

    /// Time since the bench was built.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.begun
    }

    /// The effects since the last call, one line each, repetitions counted.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let mut lines: Vec<(String, usize)> = Vec::new();
        while let Some(output) = self.router.poll_output() {
            if let Output::Notice(notice) = &output {
                self.notices.push(show_notice(notice));
                continue;
            }
            if let Output::Yielding { yielding, .. } = &output {
                self.notices.push(format!("yielding {yielding:?}"));
                continue;
            }
            let line = self.carry_out(output);
            match lines.last_mut() {
                Some((last, count)) if *last == line => *count += 1,
                _ => lines.push((line, 1)),
            }
        }
        let count = |(line, count)| match count {
            1 => line,
            _ => format!("{line} ×{count}"),
        };
        lines.into_iter().map(count).collect()
    }

    fn carry_out(&mut self, output: Output) -> String {
        match output {
            Output::SendAdvert { instance, advert } => {
                self.router
                    .handle_advert_sent(instance, self.adverts_leave, self.now);
                format!("advert {}", advert.priority)
            }
            Output::SetGuard {
                instance,
                epoch,
                guard,
            } => {
                self.epoch = epoch;
                if let Some(taken) = self.guards {
                    self.router.handle_guard(instance, epoch, taken, self.now);
                }
                show_guard(&guard)
            }
            Output::SetGate { gate, .. } => match gate {
                Gate::Pass => "gate pass".to_owned(),
                Gate::Open => "gate open".to_owned(),
                Gate::Fenced => "gate fenced".to_owned(),
            },
            Output::Install {
                instance,
                object,
                replace,
            } => {
                self.acknowledge(instance, &object, Operation::Install);
                format!("{} {object}", if replace { "replace" } else { "add" })
            }
            Output::Remove { instance, object } => {
                self.acknowledge(instance, &object, Operation::Remove);
                format!("remove {object}")
            }
            Output::Announce { address, .. } => format!("announce {}", address.address),
            Output::Transition { from, to, why, .. } => format!("{from:?} → {to:?}: {why}"),
            Output::Removed { .. } => "removed".to_owned(),
            Output::Yielding { yielding, .. } => format!("yielding {yielding:?}"),
            Output::Notice(notice) => show_notice(&notice),
        }
    }

    /// What people and programs were told since the last call.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.lines();
        std::mem::take(&mut self.notices)
    }

    fn acknowledge(&mut self, instance: InstanceId, object: &Object, operation: Operation) {
        if let Some(result) = self.addresses.clone() {
            self.router
                .handle_applied(instance, object, operation, result, self.now);
        }
    }

    /// The kernel's answer to the addition or removal of a plain address.
    pub(super) fn applied(&mut self, id: InstanceId, address: &str, operation: Operation) {
        let object = Object::from(line(address));
        self.router
            .handle_applied(id, &object, operation, Ok(()), self.now);
    }
}

/// Every scenario, played again from what was recorded of it, ends in the same effects.
impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let recorded = self.router.take_recorded();
        let (events, differences) = replay(&recorded, epoch());
        let told: Vec<String> = events.iter().map(Event::to_string).collect();
        assert_eq!(differences, 0, "{}", told.join("\n"));
    }
}

/// Replays a recording that has no damage; returns what there is to tell of it, and how many outputs differ.
pub(super) fn replay(recorded: &[u8], origin: Instant) -> (Vec<Event>, usize) {
    let mut replay = Replay::new(origin);
    let lines = recorded.split_inclusive(|byte| *byte == b'\n');
    let mut events: Vec<Event> = lines.flat_map(|line| replay.take(line).unwrap()).collect();
    events.extend(replay.finish());
    (events, replay.differences())
}

/// As keepalived's FIFO has it.
fn show_notice(notice: &Notice) -> String {
    let name = &notice.name;
    let word = |value: String| value.replace('"', "");
    let party = word(serde_json::to_string(&notice.party).unwrap());
    let happening = word(serde_json::to_string(&notice.happening).unwrap());
    format!("{party} {name} {happening} {}", notice.priority)
}

fn show_guard(guard: &Guard) -> String {
    match guard {
        Guard::Off => "guard off".to_owned(),
        Guard::Watch {
            advert,
            source,
            down_after,
            remaining,
        } => format!(
            "watch {source} prio {} down {down_after:?} in {remaining:?}",
            advert.priority
        ),
        Guard::Lease {
            priority,
            source,
            lease,
            yields,
        } => {
            let yields = if *yields { ", yields" } else { "" };
            format!("lease {source} prio {priority} {lease:?}{yields}")
        }
    }
}
