//! What a pair does when its master is stopped in its tracks, when the machine is busy, and when somebody floods the
//! segment, beside Debian's keepalived.

mod flood;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use xtask::lab::{
    Daemon, Lab, Node, Options as LabOptions, Template,
    plan::DR_V4,
    probe::{AdvertWatch, ArpProbe},
    process,
};

use self::flood::{FAMILIES, Flood};
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
        lab: Lab::start(LabOptions { servers: false })?,
        extent: Extent::new(selection.quick),
    };
    let duel = Duel::new("adversity")?;
    let adverts = AdvertWatch::start(bench.lab.switch())?;
    if selection.has("stall") {
        let runs = bench.extent.stalls;
        duel.measure("stall", runs, out, |daemon, _| {
            bench.settle(daemon)?;
            bench.stall(&adverts)
        })?;
    }
    if selection.has("load") {
        duel.measure("load", 1, out, |daemon, _| {
            bench.settle(daemon)?;
            bench.load(&adverts)
        })?;
    }
    for family in FAMILIES {
        let case = format!("flood/{}", family.name());
        if selection.has(&case) {
            duel.measure(&case, 1, out, |daemon, _| {
                bench.settle(daemon)?;
                bench.flood(&adverts, family)
            })?;
        }
    }
    Ok(())
}

/// How much of everything.
struct Extent {
    stalls: u32,
    stall: Duration,
    load: Duration,
    flood: usize,
}

impl Extent {
    const fn new(quick: bool) -> Self {
        if quick {
            Self {
                stalls: 1,
                stall: Duration::from_secs(3),
                load: Duration::from_secs(4),
                flood: 50_000,
            }
        } else {
            Self {
                stalls: 20,
                stall: Duration::from_secs(10),
                load: Duration::from_secs(60),
                flood: 1_000_000,
            }
        }
    }
}

struct Bench {
    lab: Lab,
    extent: Extent,
}

impl Bench {
    /// A fresh pair, director 1 being MASTER.
    fn settle(&self, daemon: &Daemon) -> anyhow::Result<()> {
        let adverts = AdvertWatch::start(self.lab.switch())?;
        start_pair(&self.lab, daemon, |number| {
            Template::director(number).text()
        })?;
        let master = Node::Director(1).front_v4();
        let settled = adverts.wait_for_master(master, Duration::from_secs(20));
        settled.with_context(|| format!("director 1 says:\n{}", self.lab.director(1).log()))?;
        thread::sleep(Duration::from_millis(500));
        Ok(())
    }

    /// The master's children are stopped and go on later, when another node has taken over: how long both answer ARP.
    fn stall(&self, adverts: &AdvertWatch) -> anyhow::Result<Metrics> {
        let IpAddr::V4(address) = DR_V4 else {
            anyhow::bail!("the address is of IPv4");
        };
        let owners = ArpProbe::start(self.lab.switch(), address)?;
        let at = Instant::now();
        let children = self.lab.director(1).children();
        for child in &children {
            kill(*child, Signal::SIGSTOP)?;
        }
        thread::sleep(self.extent.stall);
        for child in &children {
            kill(*child, Signal::SIGCONT)?;
        }
        thread::sleep(Duration::from_secs(2));
        let backup = Node::Director(2).front_v4();
        let took_over = adverts
            .since(at)
            .iter()
            .any(|advert| advert.source == backup);
        anyhow::ensure!(took_over, "nobody took over");
        let dual = owners.finish()?.dual_owner(at);
        Ok(BTreeMap::from([("dual_owner_ms", milliseconds(dual))]))
    }

    /// Eight threads do nothing but work: how often the backup takes over from a master that is there.
    fn load(&self, adverts: &AdvertWatch) -> anyhow::Result<Metrics> {
        let stop = Arc::new(AtomicBool::new(false));
        let spinners: Vec<_> = (0..8)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                })
            })
            .collect();
        let at = Instant::now();
        thread::sleep(self.extent.load);
        stop.store(true, Ordering::Relaxed);
        for spinner in spinners {
            anyhow::ensure!(spinner.join().is_ok(), "a thread died");
        }
        let heard = adverts.since(at);
        let sources = heard.iter().map(|advert| advert.source);
        let backup = Node::Director(2).front_v4();
        let changes = sources
            .clone()
            .zip(sources.skip(1))
            .filter(|(before, now)| *before != backup && *now == backup);
        Ok(BTreeMap::from([("takeovers", count(changes.count()))]))
    }

    /// A million adverts that change nothing, as fast as they leave: who is MASTER, what it costs, and what is logged.
    fn flood(&self, adverts: &AdvertWatch, family: flood::Family) -> anyhow::Result<Metrics> {
        let directors = || [1, 2].map(|number| self.lab.director(number)).into_iter();
        let lines = || directors().map(|d| d.log().lines().count()).sum::<usize>();
        let (spent, logged, at) = (self.cpu_time()?, lines(), Instant::now());
        let flood = Flood::new(self.lab.client(), family)?;
        let time = flood.send(self.extent.flood)?;
        thread::sleep(Duration::from_secs(1));
        let whole = at.elapsed().as_secs_f64();
        let spent = self.cpu_time()?.saturating_sub(spent);
        let backup = Node::Director(2).front_v4();
        let heard = adverts.since(at);
        let from_backup = heard.iter().filter(|advert| advert.source == backup);
        Ok(BTreeMap::from([
            (
                "adverts_per_s",
                (count(self.extent.flood) / time.as_secs_f64()).round(),
            ),
            ("cpu_ms", milliseconds(spent)),
            (
                "log_lines_per_s",
                (count(lines() - logged) / whole * 10.0).round() / 10.0,
            ),
            ("takeovers", count(from_backup.count())),
        ]))
    }

    /// Of both daemons with their children.
    fn cpu_time(&self) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for number in [1, 2] {
            let director = self.lab.director(number);
            let parent = director.pid().context("no daemon runs")?;
            for pid in director.children().into_iter().chain([parent]) {
                sum += process::cpu_time(pid)?;
            }
        }
        Ok(sum)
    }
}
