//! The pin directory: where programs, maps and links outlive the daemon.

use std::path::{Path, PathBuf};

use lb_common::maps::MapSpec;

/// The pin directory, `/sys/fs/bpf/lb` or one below it for a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins(PathBuf);

impl Pins {
    /// Where the BPF file system is mounted.
    pub(super) const BPFFS: &str = "/sys/fs/bpf";

    /// The pins in `directory`, which must be on a BPF file system.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// The pins of one daemon among several, in a network namespace or an instance: `/sys/fs/bpf/lb/<name>`.
    #[must_use]
    pub fn of_daemon(name: &str) -> Self {
        Self(Self::default().0.join(name))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Where `map` is pinned.
    #[must_use]
    pub fn map(&self, map: &MapSpec) -> PathBuf {
        self.0.join(map.name)
    }

    /// Where the program `name` is pinned.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// Where the link of `hook` on `interface` is pinned.
    #[must_use]
    pub fn link(&self, interface: &str, hook: &str) -> PathBuf {
        // The BPF file system takes no dots, interfaces take no colons.
        let interface = interface.replace('.', ":");
        self.links().join(format!("{interface}-{hook}"))
    }

    pub(super) fn programs(&self) -> PathBuf {
        self.0.join("programs")
    }

    pub(super) fn links(&self) -> PathBuf {
        self.0.join("links")
    }
}

impl Default for Pins {
    fn default() -> Self {
        Self(Path::new(Self::BPFFS).join("lb"))
    }
}
