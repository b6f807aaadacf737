//! `lb completions` and `lb man`: what shells and man(1) know of the command line, from the command line itself.

use std::{fs, path::Path};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;

/// The section of daemons and of what only root runs.
const SECTION: &str = "8";

/// Completions for `shell`.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lb", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes `lb.8`, `lb-status.8` and so on to `directory`, which is made.
///
/// # Errors
/// When it cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for (name, page) in pages()? {
        let path = directory.join(name);
        fs::write(&path, page).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Every page with the name of its file.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let man = Man::new(command.clone()).section(SECTION);
    let mut page = Vec::new();
    man.render(&mut page).context("manual page")?;
    pages.push((man.get_filename(), page));
    for command in shown(command) {
        collect(command, pages)?;
    }
    Ok(())
}

/// The commands below one that are not for lb alone.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let commands = command.get_subcommands();
    commands.filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

#[cfg(test)]
mod tests;
