//! Fetches one Debian package of another release without touching the system's apt.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{step, workspace};

/// Suites that carry recent Rust, the smaller list first.
const SUITES: [&str; 2] = ["trixie-backports", "sid"];

/// Signs all of Debian's suites.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const LIMIT: Duration = Duration::from_secs(300);

/// Downloads the package `name` whose upstream version is `version`; returns the file's path.
///
/// Lists and cache are below `target/`, the mirror is the one the machine uses itself.
pub(super) fn fetch(name: &str, version: &str) -> Result<PathBuf> {
    if workspace::which("apt-get").is_none() {
        bail!("this machine has no apt-get");
    }
    let mirrors = mirrors(
        &read_sources(),
        codename(&read("/etc/os-release")).as_deref(),
    );
    if mirrors.is_empty() {
        bail!("apt's sources name no mirror of Debian's main archive");
    }
    let folder = workspace::prepared().join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(part))?;
    }
    for suite in SUITES {
        fs::write(folder.join("sources.list"), source_lines(&mirrors, suite))?;
        let title = format!("{name} {version}: looking in Debian's {suite}");
        step::run(
            "apt-get-update",
            &title,
            private("apt-get", &folder).arg("update"),
            LIMIT,
        )?;
        let output = private("apt-cache", &folder)
            .args(["madison", name])
            .output()?;
        if let Some(full) = pick(&String::from_utf8_lossy(&output.stdout), version) {
            let package = format!("{name}={full}");
            let title = format!("{name} {full}: downloading");
            let mut command = private("apt-get", &folder);
            command.args(["download", &package]).current_dir(&folder);
            step::run("apt-get-download", &title, &mut command, LIMIT)?;
            return downloaded(&folder, name);
        }
    }
    bail!(
        "neither {} nor {} has version {version}",
        SUITES[0],
        SUITES[1]
    )
}

/// Returns `program` of apt with its own sources, lists and cache in `folder`.
fn private(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (key, value) in [
        ("Dir::Etc::SourceList", folder.join("sources.list")),
        ("Dir::Etc::SourceParts", "/dev/null".into()),
        ("Dir::State::Lists", folder.join("lists")),
        ("Dir::Cache", folder.join("cache")),
        // The sandbox user cannot write to our folder.
        ("APT::Sandbox::User", "".into()),
    ] {
        command.arg("-o").arg(format!("{key}={}", value.display()));
    }
    command
}

fn source_lines(mirrors: &[String], suite: &str) -> String {
    let options = if Path::new(KEYRING).exists() {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    mirrors
        .iter()
        .map(|mirror| format!("deb {options}{mirror} {suite} main\n"))
        .collect()
}

fn downloaded(folder: &Path, name: &str) -> Result<PathBuf> {
    let prefix = format!("{name}_");
    fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            path.file_name()
                .is_some_and(|file| file.to_string_lossy().starts_with(&prefix))
                && path.extension().is_some_and(|extension| extension == "deb")
        })
        .context("apt-get downloaded nothing")
}

/// Returns the newest package version of upstream version `version` in `apt-cache madison`'s table.
pub(super) fn pick(madison: &str, version: &str) -> Option<String> {
    madison.lines().find_map(|line| {
        let full = line.split('|').nth(1)?.trim();
        let rest = full.strip_prefix(version)?;
        rest.starts_with(['+', '-', '~']).then(|| full.to_owned())
    })
}

/// Returns the release's name in an os-release file.
pub(super) fn codename(os_release: &str) -> Option<String> {
    let value = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"').to_owned())
}

/// Returns the mirrors of Debian's main archive in apt's `sources`, of either format.
///
/// The archive is what serves component `main` of a suite with the running release's very name;
/// other publishers' suites and the security archive have longer ones.
pub(super) fn mirrors(sources: &str, codename: Option<&str>) -> Vec<String> {
    let is_archive = |suites: &[&str], components: &[&str]| {
        components.contains(&"main")
            && suites
                .iter()
                .any(|suite| Some(*suite) == codename || *suite == "stable")
    };
    let mut found = Vec::new();
    for stanza in sources.split("\n\n") {
        let field = |name: &str| -> Vec<&str> {
            let line = stanza
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().split_whitespace().collect()
        };
        if field("Types").contains(&"deb") && is_archive(&field("Suites"), &field("Components")) {
            found.extend(field("URIs").into_iter().map(str::to_owned));
        }
        for line in stanza.lines() {
            let without_options = match (line.find('['), line.find(']')) {
                (Some(open), Some(close)) if open < close => {
                    format!("{}{}", &line[..open], &line[close + 1..])
                }
                _ => line.to_owned(),
            };
            let words: Vec<&str> = without_options.split_whitespace().collect();
            if let ["deb", mirror, suite, components @ ..] = words.as_slice()
                && is_archive(&[suite], components)
            {
                found.push((*mirror).to_owned());
            }
        }
    }
    found.dedup();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns all of apt's source files, one after the other.
fn read_sources() -> String {
    let mut paths: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths.insert(0, "/etc/apt/sources.list".into());
    let texts = paths.iter().map(|path| read(&path.to_string_lossy()));
    texts.collect::<Vec<_>>().join("\n\n")
}
