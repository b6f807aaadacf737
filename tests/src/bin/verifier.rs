//! What the verifier makes of the programs: `cargo xtask verifier`.

use std::process::ExitCode;

use clap::Parser;
use tests::verifier;

#[derive(Parser)]
#[command(
    name = "verifier",
    about = "Instructions and stack of each program, beside what bench/verifier.json records"
)]
struct Arguments {
    /// Records what is measured.
    #[arg(long)]
    keep: bool,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is its output"
)]
fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let now = verifier::measure()?;
    let chains = verifier::deepest()?;
    let recorded = verifier::recorded().unwrap_or_default();
    println!("program            instructions   recorded      stack   recorded");
    for (name, load) in &now {
        let of = |field: fn(&verifier::Load) -> u32| {
            let before = recorded.get(name).map(field);
            before.map_or_else(|| "-".to_owned(), |value| value.to_string())
        };
        println!(
            "{name:<16}{:>15}{:>11}{:>11}{:>11}",
            load.instructions,
            of(|load| load.instructions),
            load.stack,
            of(|load| load.stack),
        );
        if let Some(chain) = chains.get(name) {
            println!("    {}", chain.calls.join(" > "));
        }
    }
    if arguments.keep {
        verifier::record(&now)?;
        return Ok(ExitCode::SUCCESS);
    }
    let complaints = verifier::complaints(&now, &recorded);
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(if complaints.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
