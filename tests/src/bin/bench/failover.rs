//! How long the virtual address is silent, and how long two nodes claim it, when the master goes.
//!
//! `lb` and Debian's keepalived run the same file in the same namespaces, one after the other. The moment of each event
//! is spread evenly over the time between two adverts, so that runs are comparable.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use xtask::lab::{
    Daemon, Lab, Node, Options as LabOptions, Template,
    plan::DR_V4,
    probe::{AdvertWatch, ArpProbe, PingProbe},
};

use crate::{
    duel::{Duel, Metrics, count, milliseconds, start_pair},
    figure::Report,
    selection::Selection,
};

/// Measures everything and prints the figures; progress goes to stderr. `quick` stays within a minute.
///
/// # Errors
/// When the lab cannot be built or a daemon does not settle.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let bench = Bench {
        lab: Lab::start(LabOptions::default())?,
    };
    let adverts = AdvertWatch::start(bench.lab.switch())?;
    let duel = Duel::new("failover")?;
    let selected = |(case, _): &(Case, u32)| selection.has(&case.name());
    for (case, runs) in cases(selection.quick).into_iter().filter(selected) {
        duel.measure(&case.name(), runs, out, |daemon, run| {
            let phase = case.advert_interval * (f64::from(run) + 0.5) / f64::from(runs);
            bench.sample(&case, daemon, &adverts, Duration::from_secs_f64(phase))
        })?;
    }
    Ok(())
}

/// What happens to the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Its processes are killed and its link is cut, together.
    Power,
    /// Its link is cut.
    Link,
    /// It is told to stop.
    Stop,
    /// Its processes are killed; addresses and link stay.
    Kill9,
    /// It keeps its link and reaches nobody; then it comes back (`healing`).
    Isolate,
}

impl Event {
    const ALL: [Self; 5] = [
        Self::Power,
        Self::Link,
        Self::Stop,
        Self::Kill9,
        Self::Isolate,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Link => "link",
            Self::Stop => "stop",
            Self::Kill9 => "kill9",
            Self::Isolate => "isolate",
        }
    }
}

struct Case {
    event: Event,
    version: u8,
    advert_interval: f64,
    /// Each watches the other by BFD, 10 ms × 3.
    bfd: bool,
}

impl Case {
    fn name(&self) -> String {
        let event = self.event.name();
        let bfd = if self.bfd { "/bfd=10x3" } else { "" };
        format!(
            "{event}/v{}/advert={}{bfd}",
            self.version, self.advert_interval
        )
    }

    fn template(&self, director: u8) -> String {
        let text = Template {
            version: self.version,
            advert_interval: self.advert_interval,
            ..Template::director(director)
        }
        .text();
        if self.bfd {
            watched(&text, director)
        } else {
            text
        }
    }

    /// Time in which the backup has taken over for sure, were it four times slower than the RFC allows.
    fn window(&self) -> Duration {
        let extra = if self.event == Event::Kill9 { 2.0 } else { 1.0 };
        Duration::from_secs_f64(self.advert_interval * 4.0 + extra)
    }
}

/// The file with a BFD session between the directors, which their IPv4 instance tracks. keepalived ignores `peer`; with the
/// weight it stays out of FAULT.
fn watched(text: &str, director: u8) -> String {
    let (here, there) = (Node::Director(director), Node::Director(3 - director));
    let tracked = "vrrp_instance front4 {\n    track_bfd {\n        other weight 1 peer\n    }";
    format!(
        "bfd_instance other {{\nneighbor_ip {}\nsource_ip {}\nmin_tx 10\nmin_rx 10\nmultiplier 3\n}}\n{}",
        there.front_v4(),
        here.front_v4(),
        text.replace("vrrp_instance front4 {", tracked)
    )
}

/// Cases with their runs.
fn cases(quick: bool) -> Vec<(Case, u32)> {
    let at = |event, version, advert_interval| Case {
        event,
        version,
        advert_interval,
        bfd: false,
    };
    if quick {
        let runs = |event| if event == Event::Power { 3 } else { 1 };
        let cases = Event::ALL.into_iter();
        return cases
            .map(|event| (at(event, 3, 0.1), runs(event)))
            .collect();
    }
    let mut cases = Vec::new();
    for advert_interval in [0.1, 0.01, 1.0] {
        for event in Event::ALL {
            cases.push((at(event, 3, advert_interval), 20));
        }
    }
    cases.push((at(Event::Power, 2, 1.0), 5));
    for advert_interval in [0.1, 1.0] {
        for event in [Event::Kill9, Event::Link] {
            let plain = at(event, 3, advert_interval);
            cases.push((Case { bfd: true, ..plain }, 20));
        }
    }
    cases
}

/// Fresh pairs that may disagree, one after the other, before something else must be wrong.
const RESTARTS: u32 = 5;

struct Bench {
    lab: Lab,
}

impl Bench {
    /// One failover from a fresh pair: metrics by name, in milliseconds.
    fn sample(
        &self,
        case: &Case,
        daemon: &Daemon,
        adverts: &AdvertWatch,
        phase: Duration,
    ) -> anyhow::Result<Metrics> {
        let master = Node::Director(1).front_v4();
        let unsettled = self.settle(case, daemon, adverts, master)?;
        thread::sleep(Duration::from_millis(300));

        let watch = Watch::start(&self.lab)?;
        let advert = adverts.next_from(master, Duration::from_secs(3))?;
        thread::sleep(phase.saturating_sub(advert.at.elapsed()));
        let at = Instant::now();
        self.happen(case.event)?;
        thread::sleep(case.window());
        let seen = watch.finish(at)?;
        let mut sample = BTreeMap::from([
            ("blackout_ms", milliseconds(seen.blackout)),
            ("lost_pings", count(seen.lost)),
            ("dual_owner_ms", milliseconds(seen.dual_owner)),
            ("unsettled", f64::from(unsettled)),
        ]);
        if let (Event::Power, Some(back)) = (case.event, seen.back) {
            let last = last_advert(adverts, master, advert.at).unwrap_or(advert.at);
            sample.insert("takeover_ms", milliseconds(back.duration_since(last)));
        }
        if case.event == Event::Isolate {
            let watch = Watch::start(&self.lab)?;
            let at = Instant::now();
            self.lab.director(1).port().heal()?;
            thread::sleep(case.window());
            let seen = watch.finish(at)?;
            sample.insert("healing_blackout_ms", milliseconds(seen.blackout));
            sample.insert("healing_dual_owner_ms", milliseconds(seen.dual_owner));
        }
        Ok(sample)
    }

    /// Starts a fresh pair, anew where it does not agree on its master, as keepalived's may not at ten milliseconds; tells how often
    /// that was.
    fn settle(
        &self,
        case: &Case,
        daemon: &Daemon,
        adverts: &AdvertWatch,
        master: Ipv4Addr,
    ) -> anyhow::Result<u32> {
        let mut unsettled = 0;
        loop {
            start_pair(&self.lab, daemon, |number| case.template(number))?;
            match adverts.wait_for_master(master, Duration::from_secs(20)) {
                Ok(()) => return Ok(unsettled),
                Err(error) if unsettled == RESTARTS => {
                    return Err(error).with_context(|| {
                        format!("director 1 says:\n{}", self.lab.director(1).log())
                    });
                }
                Err(_) => unsettled += 1,
            }
        }
    }

    fn happen(&self, event: Event) -> anyhow::Result<()> {
        let master = self.lab.director(1);
        match event {
            Event::Power => master.power_off(),
            Event::Link => master.port().cut(),
            Event::Stop => master.stop(),
            Event::Kill9 => {
                master.kill9_all();
                Ok(())
            }
            Event::Isolate => master.port().isolate(),
        }
    }
}

/// The client's pings and the switch's questions who owns the address.
struct Watch {
    pings: PingProbe,
    owners: ArpProbe,
}

struct Seen {
    blackout: Duration,
    /// Pings that nobody answered, of one in a millisecond.
    lost: usize,
    dual_owner: Duration,
    /// The first answered ping after the silence.
    back: Option<Instant>,
}

impl Watch {
    /// Starts both and lets them run for a moment before anything happens.
    fn start(lab: &Lab) -> anyhow::Result<Self> {
        let watch = Self {
            pings: PingProbe::start(lab.client(), virtual_address())?,
            owners: ArpProbe::start(lab.switch(), virtual_address())?,
        };
        thread::sleep(Duration::from_millis(50));
        Ok(watch)
    }

    fn finish(self, since: Instant) -> anyhow::Result<Seen> {
        let pings = self.pings.finish()?;
        let gap = pings.longest_gap(since).context("no ping was sent")?;
        Ok(Seen {
            blackout: gap.length(),
            lost: pings.lost(&gap),
            dual_owner: self.owners.finish()?.dual_owner(since),
            back: gap.ended.then_some(gap.to),
        })
    }
}

fn virtual_address() -> Ipv4Addr {
    match DR_V4 {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// When the master was heard last: one more advert may have left between `since` and its end.
fn last_advert(adverts: &AdvertWatch, master: Ipv4Addr, since: Instant) -> Option<Instant> {
    let heard = adverts.since(since);
    let last = heard.iter().rev().find(|advert| advert.source == master);
    last.map(|advert| advert.at)
}
