//! Benchmarks: `cargo xtask bench <name>`.

mod adversity;
mod baseline;
mod bfd;
mod checkers;
mod config;
mod dataplane;
mod duel;
mod failover;
mod figure;
mod keepalive;
mod peer;
mod reload;
mod selection;
mod start;
mod tcp_keepalive;
mod usage;
mod vrrp;

use clap::{Parser, Subcommand};

use crate::{
    figure::{Form, Report},
    selection::Selection,
};

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Measures lb; figures go to stdout, one a line"
)]
struct Arguments {
    #[command(subcommand)]
    name: Name,
    /// Prints each figure as one line of JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Prints each figure as a row of a table in Markdown, for the docs.
    #[arg(long, global = true, conflicts_with = "json")]
    markdown: bool,
    #[command(flatten)]
    selection: Selection,
    /// Makes the figures the new `bench/baseline.json`.
    #[arg(long, global = true)]
    keep: bool,
}

#[derive(Subcommand)]
enum Name {
    /// Nanoseconds per packet of the XDP program.
    Dataplane,
    /// How long a check of a large configuration takes and how much memory, beside Debian's keepalived.
    Config,
    /// How long the virtual address is silent when the master goes, beside Debian's keepalived.
    Failover,
    /// What a stalled, busy or flooded pair does, beside Debian's keepalived.
    Adversity,
    /// How soon BFD sees a cut and what sessions cost, beside Debian's keepalived and FRR.
    Bfd,
    /// What health checks cost and how soon a death is seen, beside Debian's keepalived.
    Checkers,
    /// What a reload of many virtual servers disturbs, beside Debian's keepalived.
    Reload,
    /// How long start, reload and stop of many virtual servers take, beside Debian's keepalived.
    Start,
    /// How soon a dead process is back and what living ones cost, beside Debian's monit and runit.
    Keepalive,
    /// What keepalive costs connections that did not ask for it, beside Debian's libkeepalive, and a check that keeps its connection.
    TcpKeepalive,
    /// Connects to itself; microseconds per connection. `tcp-keepalive` starts it.
    #[command(hide = true)]
    Connect {
        /// Of this family: 4 or 6.
        family: u8,
        /// So often.
        count: u32,
    },
    /// What many virtual routers cost at rest, beside Debian's keepalived.
    Vrrp,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let form = match (arguments.json, arguments.markdown) {
        (true, _) => Form::Json,
        (_, true) => Form::Markdown,
        _ => Form::Text,
    };
    let mut report = Report::new(form, arguments.keep)?;
    match arguments.name {
        Name::Dataplane => dataplane::run(&mut report, &arguments.selection)?,
        Name::Config => config::run(&mut report, &arguments.selection)?,
        Name::Failover => failover::run(&mut report, &arguments.selection)?,
        Name::Adversity => adversity::run(&mut report, &arguments.selection)?,
        Name::Bfd => bfd::run(&mut report, &arguments.selection)?,
        Name::Checkers => checkers::run(&mut report, &arguments.selection)?,
        Name::Reload => reload::run(&mut report, &arguments.selection)?,
        Name::Start => start::run(&mut report, &arguments.selection)?,
        Name::Keepalive => keepalive::run(&mut report, &arguments.selection)?,
        Name::TcpKeepalive => tcp_keepalive::run(&mut report, &arguments.selection)?,
        Name::Connect { family, count } => tcp_keepalive::connect(family, count)?,
        Name::Vrrp => vrrp::run(&mut report, &arguments.selection)?,
    }
    report.finish()
}
