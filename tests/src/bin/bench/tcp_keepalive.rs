//! What keepalive costs each connection that did not ask for it, and a check that keeps its connection beside one that connects each
//! time.
//!
//! A process connects to itself over the loopback interface, accepts and closes both ends, as often as it can: without anything, in a
//! control group with our program, and with Debian's libkeepalive preloaded, in turns. A packet costs the same with and without.
//!
//! Both checks are `lb`'s, of real servers behind a link, with settings that notice a server that vanished within 8 s. CPU time is
//! that of parent and children, packets are those of the link in both directions.

mod connect;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
pub(crate) use connect::connect;
use xtask::lab::{Daemon, Director, Lab, Options};

use crate::{
    checkers::servers::{Manner, Servers},
    duel::{Metrics, milliseconds},
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
    usage::Usage,
};

const BENCH: &str = "tcp-keepalive";
/// Real servers.
const COUNT: u32 = 1000;
/// Real servers of one virtual server.
const PER_VIRTUAL_SERVER: u32 = 10;
/// How long the first round and the detection may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures every case and prints the figures.
///
/// # Errors
/// When something cannot be started, or does not check.
pub(crate) fn run(out: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    connect::run(out, selection)?;
    let case = format!("check/rs={COUNT}");
    if !selection.has(&case) {
        return Ok(());
    }
    let window = Duration::from_secs(if selection.quick { 8 } else { 30 });
    let theirs = measure(Check::Tcp, window)?;
    let ours = measure(Check::Keepalive, window)?;
    for (metric, value) in &ours {
        let their_value = theirs.get(metric).map(|value| ("TCP_CHECK", *value));
        out.add(&Figure {
            bench: BENCH,
            case: case.clone(),
            metric,
            values: Values::new(&[*value]),
            against: their_value,
        })?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Check {
    Keepalive,
    Tcp,
}

impl Check {
    const fn block(self) -> &'static str {
        match self {
            Self::Keepalive => "KEEPALIVE_CHECK {\nidle 5\ninterval 1\nprobes 3\n",
            Self::Tcp => "TCP_CHECK {\nretry 0\nconnect_timeout 3\n",
        }
    }

    /// What is said when the first check of a real server has passed.
    const fn success(self) -> &'static str {
        match self {
            Self::Keepalive => "KEEPALIVE_CHECK on service ",
            Self::Tcp => "TCP connection to ",
        }
    }

    /// The first real server may vanish.
    fn configuration(self) -> String {
        let check = |number| {
            let (block, port) = (self.block(), Servers::port(number));
            format!("{block}connect_port {port}\n}}")
        };
        let blocks = Servers::blocks(COUNT, PER_VIRTUAL_SERVER, "delay_loop 5", check);
        format!("global_defs {{\nrouter_id bench\n}}\n{blocks}")
    }
}

fn measure(check: Check, window: Duration) -> anyhow::Result<Metrics> {
    let lab = Lab::start(Options { servers: false })?;
    let ends = [1, 2].map(|number| lab.director(number).namespace());
    let _servers = Servers::start(ends, Manner::Holds)?;
    let director = lab.director(1);
    let binary = peer::lb_binary()?;
    let began = Instant::now();
    director.start(&Daemon::Lb { binary }, check.configuration())?;
    let passed = || director.log().matches(check.success()).count();
    while passed() < COUNT as usize {
        ensure!(began.elapsed() < PATIENCE, "{} were checked", passed());
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(2));
    let (before, packets_before) = (Usage::of(director)?, packets(director)?);
    thread::sleep(window);
    let (after, packets_after) = (Usage::of(director)?, packets(director)?);
    let used = after.since(&before, window);
    let mut metrics = Metrics::new();
    for metric in ["cpu_percent", "rss_mb"] {
        metrics.extend(used.get_key_value(metric));
    }
    let exchanged = (packets_after - packets_before) as f64;
    metrics.insert("packets_per_s", exchanged / window.as_secs_f64());
    let vanishing = Servers::address(0);
    ends[1].ip(&format!("route add blackhole {vanishing}/32 table local\n"))?;
    let vanished = Instant::now();
    while !director.log().contains("Removing service") {
        ensure!(
            vanished.elapsed() < PATIENCE,
            "nobody sees that it vanished"
        );
        thread::sleep(Duration::from_millis(5));
    }
    metrics.insert("detect_ms", milliseconds(vanished.elapsed()));
    Ok(metrics)
}

/// Packets of the link to the real servers.
fn packets(director: &Director) -> anyhow::Result<u64> {
    director.namespace().run(|| {
        let text = fs::read_to_string("/proc/thread-self/net/dev").context("interfaces")?;
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("many:"));
        let numbers: Vec<u64> = line
            .context("no link to the real servers")?
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        // Bytes and packets received, six more, bytes and packets sent.
        Ok(numbers.get(1).context("received")? + numbers.get(9).context("sent")?)
    })
}
