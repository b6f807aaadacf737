//! How long a daemon with many virtual servers takes to start, to reload one changed weight and to stop; and one with a virtual
//! router alone until it is master.
//!
//! Seen from outside, for `lb` and for Debian's keepalived alike: what was asked is done when the processes use the processor no more.
//! Real servers are not checked, else they never would. The priority is 255, with which the address is taken at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use xtask::lab::{Daemon, Director, Lab, Node, Options, probe::AdvertWatch, process};

use crate::{
    checkers::servers::{Manner, Servers},
    duel::{Duel, Metrics, milliseconds},
    figure::Report,
    selection::Selection,
    usage::processes,
};

/// Real servers of one virtual server.
const REAL_SERVERS: u32 = 10;
/// Time between two looks at what the processes use.
const SLICE: Duration = Duration::from_millis(20);
/// A daemon that uses less of a processor than one part in so many rests.
const REST: u32 = 5;
/// How long it must rest.
const QUIET: Duration = Duration::from_millis(1500);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a daemon cannot be started or does not come to rest.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let (runs, sizes) = if selection.quick {
        (3, vec![100])
    } else {
        (9, vec![100, 1_000, 10_000])
    };
    if selection.has("master") {
        Duel::new("start")?.measure("master", runs, out, |daemon, _| master(daemon))?;
    }
    let duel = Duel::against("start", Daemon::KeepalivedCheckers)?;
    let name = |servers: u32| format!("vs={servers}");
    duel.measure_selected(sizes, name, selection, out, |servers, daemon| {
        services(daemon, servers)
    })
}

/// From the start of a daemon to its first advert, and from SIGTERM to its end.
fn master(daemon: &Daemon) -> anyhow::Result<Metrics> {
    let lab = Lab::start(Options { servers: false })?;
    let adverts = AdvertWatch::start(lab.switch())?;
    let director = lab.director(1);
    let began = Instant::now();
    director.start(daemon, configuration(0, 1))?;
    let advert = adverts.next_from(Node::Director(1).front_v4(), Duration::from_secs(20))?;
    let mut metrics = Metrics::new();
    metrics.insert("master_ms", milliseconds(advert.at - began));
    // What else it has to do at its start is done by then.
    at_rest(director, began)?;
    metrics.insert("stop_ms", milliseconds(stop(director)?));
    Ok(metrics)
}

/// One daemon with so many virtual servers, from its start to its end.
fn services(daemon: &Daemon, servers: u32) -> anyhow::Result<Metrics> {
    let lab = Lab::start(Options { servers: false })?;
    let ends = [1, 2].map(|number| lab.director(number).namespace());
    let _servers = Servers::start(ends, Manner::Closes)?;
    let director = lab.director(1);
    let mut metrics = Metrics::new();
    let began = Instant::now();
    director.start(daemon, configuration(servers, 1))?;
    let Some(start) = at_rest(director, began)? else {
        ensure!(!matches!(daemon, Daemon::Lb { .. }), "it does not rest");
        // Nothing to compare with.
        return Ok(metrics);
    };
    metrics.insert("start_ms", milliseconds(start.took));
    metrics.insert("start_cpu_ms", milliseconds(start.cpu));
    metrics.insert("rss_mb", resident(director)?);
    let began = Instant::now();
    director.reload(configuration(servers, 2))?;
    if let Some(reload) = at_rest(director, began)? {
        metrics.insert("reload_ms", milliseconds(reload.took));
        metrics.insert("reload_cpu_ms", milliseconds(reload.cpu));
        metrics.insert("reloaded_rss_mb", resident(director)?);
    }
    if matches!(daemon, Daemon::Lb { .. }) {
        let status = director.status()?;
        for (metric, child) in [("checkers_pause_ms", "checkers"), ("vrrp_pause_ms", "vrrp")] {
            let longest = status["loops"][child]["longest_delay"].as_f64();
            metrics.insert(metric, longest.context("no loop delay")? * 1e3);
        }
    }
    metrics.insert("stop_ms", milliseconds(stop(director)?));
    Ok(metrics)
}

/// What a daemon took to do what it was asked.
struct Work {
    took: Duration,
    cpu: Duration,
}

/// Waits until the daemon rests; `None` where it goes on working.
fn at_rest(director: &Director, began: Instant) -> anyhow::Result<Option<Work>> {
    let first = used(director)?;
    let (mut before, mut looked, mut busy) = (first, Instant::now(), Instant::now());
    let mut cpu = first;
    while began.elapsed() < PATIENCE {
        thread::sleep(SLICE);
        let now = used(director)?;
        if now.saturating_sub(before) > looked.elapsed() / REST {
            (busy, cpu) = (Instant::now(), now);
        }
        (before, looked) = (now, Instant::now());
        if busy.elapsed() > QUIET {
            return Ok(Some(Work {
                took: busy - began,
                cpu: cpu.saturating_sub(first),
            }));
        }
    }
    Ok(None)
}

/// Time on the processor of all its processes.
fn used(director: &Director) -> anyhow::Result<Duration> {
    let parent = director.pid().context("no daemon runs")?;
    ensure!(director.is_running(), "it ended:\n{}", director.log());
    // A child may have ended in between.
    let times = processes(parent).into_iter().map(process::cpu_time);
    Ok(times.filter_map(Result::ok).sum())
}

/// Megabytes of all its processes.
fn resident(director: &Director) -> anyhow::Result<f64> {
    let parent = director.pid().context("no daemon runs")?;
    let bytes = processes(parent).into_iter().map(process::resident);
    Ok(bytes.sum::<anyhow::Result<u64>>()? as f64 / 1e6)
}

/// Ends the daemon, and tells how long it took.
fn stop(director: &Director) -> anyhow::Result<Duration> {
    let began = Instant::now();
    process::signal(director.pid().context("no daemon runs")?, Signal::SIGTERM);
    while director.is_running() {
        ensure!(began.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed();
    director.stop()?;
    Ok(took)
}

/// A virtual router, and virtual servers; the first real server of the last has this weight.
fn configuration(servers: u32, weight: u32) -> String {
    let text = String::from(
        "global_defs {\nrouter_id bench\n}\n\
         vrrp_instance front {\nstate MASTER\ninterface eth0\nvirtual_router_id 51\npriority 255\nversion 3\n\
         advert_int 1\nvirtual_ipaddress {\n192.0.2.100\n}\n}\n",
    );
    let count = servers * REAL_SERVERS;
    text + &Servers::blocks(count, REAL_SERVERS, "", |number| {
        let changes = number + REAL_SERVERS == count;
        format!("weight {}", if changes { weight } else { 1 })
    })
}
