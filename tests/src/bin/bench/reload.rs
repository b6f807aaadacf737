//! What a reload disturbs: many virtual servers, one weight of which changes, while real servers are checked and adverts sent.
//!
//! The figures are seen from outside, for `lb` and for Debian's keepalived alike: the longest time without an advert, and without a
//! connection begun by a check, within the seconds after the signal. `lb` tells besides how late its timers ran and
//! how many operations it took. keepalived needs two runs, because only without its checkers it needs no IPVS.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use xtask::lab::{Daemon, Director, Lab, Node, Options, probe::AdvertWatch, process};

use crate::{
    checkers::servers::{Manner, Servers},
    duel::{Duel, Metrics, milliseconds},
    figure::Report,
    selection::Selection,
    usage::Usage,
};

/// Real servers of one virtual server.
const REAL_SERVERS: u32 = 15;
/// Seconds between two checks of a real server.
const DELAY_LOOP: u32 = 10;
/// How long after the signal is looked.
const WINDOW: Duration = Duration::from_secs(5);
/// How long a daemon may take until it checks at its pace.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures every case and prints the figures; progress goes to stderr.
///
/// # Errors
/// When a daemon cannot be started or does not check.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let sizes = if selection.quick {
        vec![200]
    } else {
        vec![200, 2000]
    };
    for (part, keepalived) in [
        (Part::Checks, Daemon::KeepalivedCheckers),
        (Part::Adverts, Daemon::Keepalived),
    ] {
        let duel = Duel::against("reload", keepalived)?;
        let name = |servers: u32| format!("{}/vs={servers}", part.name());
        let sizes = sizes.clone();
        duel.measure_selected(sizes, name, selection, out, |servers, daemon| {
            part.measure(daemon, servers)
        })?;
    }
    Ok(())
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Checks,
    Adverts,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Adverts => "adverts",
        }
    }

    /// One daemon from its start to its end.
    fn measure(self, daemon: &Daemon, servers: u32) -> anyhow::Result<Metrics> {
        let lab = Lab::start(Options { servers: false })?;
        let ends = [1, 2].map(|number| lab.director(number).namespace());
        let _servers = Servers::start(ends, Manner::Closes)?;
        let adverts = AdvertWatch::start(lab.switch())?;
        let director = lab.director(1);
        director.start(daemon, configuration(servers, 1))?;
        if self == Self::Adverts {
            adverts.wait_for_master(Node::Director(1).front_v4(), PATIENCE)?;
        }
        let rests = *daemon == Daemon::Keepalived;
        let pid = director.pid().context("no daemon runs")?;
        let begun = move || {
            if rests {
                Ok(0)
            } else {
                process::connections_begun(pid)
            }
        };
        if !rests && !checks(&begun, servers)? {
            ensure!(!matches!(daemon, Daemon::Lb { .. }), "no checks");
            // keepalived 2.2.7 takes longer than that to begin with thousands of virtual servers: nothing to compare with.
            return Ok(Metrics::new());
        }
        let (_, idle) = watch(director, &begun)?;
        let signalled = Instant::now();
        director.reload(configuration(servers, 2))?;
        let (silence, busy) = watch(director, &begun)?;
        let mut metrics = Metrics::new();
        metrics.insert("cpu_ms", (busy - idle) * WINDOW.as_secs_f64() * 10.0);
        match self {
            Self::Checks => metrics.insert("longest_without_check_ms", milliseconds(silence)),
            Self::Adverts => {
                let longest = adverts.longest_gap(signalled);
                let longest = longest.context("no adverts were heard")?;
                metrics.insert("longest_without_advert_ms", milliseconds(longest))
            }
        };
        if matches!(daemon, Daemon::Lb { .. }) {
            metrics.extend(own(director)?);
        }
        Ok(metrics)
    }
}

/// What `lb` says of the reload itself.
fn own(director: &Director) -> anyhow::Result<Metrics> {
    let status = director.status()?;
    let of = |child: &str, figure: &str| status["loops"][child][figure].as_f64();
    let mut metrics = BTreeMap::new();
    for (metric, child, figure, unit) in [
        ("checkers_delay_ms", "checkers", "longest_delay", 1e3),
        ("vrrp_delay_ms", "vrrp", "longest_delay", 1e3),
        ("map_operations", "checkers", "map_operations", 1.0),
        ("ipvs_operations", "checkers", "ipvs_operations", 1.0),
    ] {
        let value = of(child, figure).with_context(|| format!("no {figure} of {child}"))?;
        metrics.insert(metric, value * unit);
    }
    Ok(metrics)
}

/// Waits until as many checks begin in a second as should; tells whether they do.
fn checks(begun: &impl Fn() -> anyhow::Result<u64>, servers: u32) -> anyhow::Result<bool> {
    let start = Instant::now();
    let expected = u64::from(servers * REAL_SERVERS / DELAY_LOOP);
    while start.elapsed() < PATIENCE {
        let before = begun()?;
        // They may come in bursts.
        thread::sleep(Duration::from_secs(DELAY_LOOP.into()));
        let per_second = (begun()? - before) / u64::from(DELAY_LOOP);
        if per_second * 10 >= expected * 9 && start.elapsed() > Duration::from_secs(20) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The longest time without a connection begun, and the share of a processor that the daemon uses meanwhile, in percent.
fn watch(
    director: &Director,
    begun: &impl Fn() -> anyhow::Result<u64>,
) -> anyhow::Result<(Duration, f64)> {
    let before = Usage::of(director)?;
    let start = Instant::now();
    let (mut last, mut since, mut longest) = (begun()?, start, Duration::ZERO);
    while start.elapsed() < WINDOW {
        thread::sleep(Duration::from_millis(1));
        let now = begun()?;
        if now != last {
            longest = longest.max(since.elapsed());
            (last, since) = (now, Instant::now());
        }
    }
    longest = longest.max(since.elapsed());
    let used = Usage::of(director)?.since(&before, WINDOW);
    let percent = used.get("cpu_percent").copied().unwrap_or_default();
    Ok((longest, percent))
}

/// A virtual router and `servers` virtual servers; the first real server of the last has this weight.
fn configuration(servers: u32, weight: u32) -> String {
    let text = String::from(
        "global_defs {\nrouter_id bench\n}\n\
         vrrp_instance front {\nstate MASTER\ninterface eth0\nvirtual_router_id 51\npriority 150\nversion 3\n\
         advert_int 0.01\nvirtual_ipaddress {\n192.0.2.100\n}\n}\n",
    );
    let (count, lines) = (servers * REAL_SERVERS, format!("delay_loop {DELAY_LOOP}"));
    text + &Servers::blocks(count, REAL_SERVERS, &lines, |number| {
        let changes = number + REAL_SERVERS == count;
        let (weight, port) = (if changes { weight } else { 1 }, Servers::port(number));
        format!("weight {weight}\nTCP_CHECK {{\nconnect_port {port}\nconnect_timeout 2\n}}")
    })
}
