//! `advise`: keepalive beside what forgets connections.

use std::{fmt::Write as _, path::Path, time::Duration};

use lb_common::counter::Counter;
use serde::Serialize;

use super::{FINE, print, print_json};
use crate::{
    cli::Cli,
    command::config::complain_of,
    io::{
        config::{options, read_and_enter},
        sysctl::Setting,
        tcp_keepalive::Kernel,
        xdp::ReadMaps,
    },
    supervisor::RunDir,
    tcp_keepalive::{
        advise::{Advice, Memory, Table, advise as judge, flows, forwards_tcp},
        values::{Idle, Interval},
    },
};

/// Something forgets connections too soon, or the configuration cannot be used.
const TOO_SOON: u8 = 1;

/// What is shown.
#[derive(Debug, Serialize)]
struct Answer {
    advice: Vec<Advice>,
    /// TCP segments without SYN that found no flow; none where no data plane runs.
    flow_missed: Option<u64>,
}

pub(super) fn advise(
    file: &Path,
    cli: &Cli,
    (idle, interval): (Option<Idle>, Option<Interval>),
    run_dir: &RunDir,
    json: bool,
) -> anyhow::Result<u8> {
    let loaded = read_and_enter(file, &options(cli), cli.namespace.as_deref())?;
    if !loaded.is_usable() {
        complain_of(&loaded);
        return Ok(TOO_SOON);
    }
    let config = &loaded.config;
    let keywords = config.global.network.tcp_keepalive;
    let kernel = Kernel::read()?;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let idle = idle.or(keywords.time).map(Idle::time);
    let idle = idle.unwrap_or(seconds(kernel.tcp_keepalive_time));
    let interval = interval.or(keywords.interval).map(Interval::time);
    let interval = interval.unwrap_or(seconds(kernel.tcp_keepalive_intvl));
    let flows = forwards_tcp(config).then(|| flows(config.global.lvs.timeouts));
    let memories = flows.into_iter().chain(conntrack());
    let advice: Vec<Advice> = memories
        .map(|memory| judge(memory, idle, interval))
        .collect();
    let maps = ReadMaps::open(run_dir.pins()).ok();
    let answer = Answer {
        flow_missed: maps.and_then(|maps| maps.counter(Counter::FlowMissed).ok()),
        advice,
    };
    let is_fine = answer.advice.iter().all(|advice| advice.is_in_time);
    if json {
        print_json(&answer)?;
    } else {
        print(&words(&answer))?;
    }
    Ok(if is_fine { FINE } else { TOO_SOON })
}

/// Connection tracking of this network namespace, where there is some.
fn conntrack() -> Option<Memory> {
    let setting = Setting::of_net("netfilter/nf_conntrack_tcp_timeout_established");
    let seconds = setting.read().ok()?.parse().ok()?;
    Some(Memory {
        table: Table::Conntrack,
        timeout: Duration::from_secs(seconds),
        is_configured: false,
    })
}

fn words(answer: &Answer) -> String {
    let mut text = String::new();
    for advice in &answer.advice {
        writeln!(text, "{}", advice.sentence).ok();
    }
    if answer.advice.is_empty() {
        writeln!(
            text,
            "nothing here forgets TCP connections: no virtual server, no connection tracking"
        )
        .ok();
    }
    if let Some(missed) = answer.flow_missed {
        writeln!(
            text,
            "{missed} TCP segments found no flow since the data plane was loaded (flow_missed): connections that were forgotten \
             are among them"
        )
        .ok();
    }
    text
}
