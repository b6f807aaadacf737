//! Benchmarks: `cargo xtask bench <name>`.

mod dataplane;
mod failover;
mod figure;

use clap::{Parser, Subcommand};

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
    /// Finishes within a minute, with fewer runs.
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand)]
enum Name {
    /// Nanoseconds per packet of the XDP program.
    Dataplane,
    /// How long the virtual address is silent when the master goes, beside Debian's keepalived.
    Failover,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.name {
        Name::Dataplane => dataplane::run(arguments.json, arguments.quick),
        Name::Failover => failover::run(arguments.json, arguments.quick),
    }
}
