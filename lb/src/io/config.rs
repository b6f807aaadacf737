//! Configuration files: where they are read from and kept.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;

use super::{machine::Machine, namespace};
use crate::{
    cli::Cli,
    config::{
        self, DaemonName, LoadError, Loaded, Loader, Options, WILDCARDS, load,
        model::Config,
        show,
        source::{MAX_FILE_SIZE, Place},
    },
    observe::log,
};

/// Execute permission for anybody.
const EXECUTE: u32 = 0o111;
/// Read and write permission for the owner.
const PRIVATE: u32 = 0o600;

/// Reads configuration files from the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskLoader;

impl Loader for DiskLoader {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        // Opening a pipe would wait for its writer, so the question comes before the opening.
        let metadata = fs::metadata(path).map_err(|error| refusal(&error))?;
        if !metadata.is_file() {
            return Err(LoadError::NotAFile);
        }
        if metadata.permissions().mode() & EXECUTE != 0 {
            return Err(LoadError::Executable);
        }
        let file = File::open(path).map_err(|error| refusal(&error))?;
        let size = usize::try_from(metadata.len()).unwrap_or(MAX_FILE_SIZE);
        let mut bytes = Vec::with_capacity(size.min(MAX_FILE_SIZE) + 1);
        file.take(MAX_FILE_SIZE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| refusal(&error))?;
        if bytes.len() > MAX_FILE_SIZE {
            return Err(LoadError::TooLarge);
        }
        Ok(bytes)
    }

    fn glob(&mut self, pattern: &Path) -> Result<Vec<PathBuf>, LoadError> {
        let unreadable = |error: &dyn std::fmt::Display| LoadError::Unreadable(error.to_string());
        let paths = glob::glob_with(&pattern.to_string_lossy(), WILDCARDS)
            .map_err(|error| unreadable(&error))?;
        paths
            .map(|path| path.map_err(|error| unreadable(&error)))
            .collect()
    }
}

pub(super) fn refusal(error: &io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound => LoadError::NotFound,
        _ => LoadError::Unreadable(error.to_string()),
    }
}

/// What a configuration gets from outside: `-i` or the host's name up to the first dot as its id, `-e`, and this process's
/// environment and directory.
#[must_use]
pub fn options(cli: &Cli) -> Options {
    let id = cli.config_id.clone();
    let host = nix::unistd::gethostname().unwrap_or_default();
    let host = host.to_string_lossy();
    let text = |value: OsString| value.to_string_lossy().into_owned();
    Options {
        config_id: id.unwrap_or_else(|| host.split('.').next().unwrap_or_default().to_owned()),
        check_all_includes: cli.all_config,
        environment: env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        seed: fastrand::u64(..),
        working_directory: env::current_dir().unwrap_or_default(),
    }
}

/// Reads the configuration at `path` against this machine.
///
/// # Errors
/// When the kernel does not list its interfaces; everything wrong with the file is a diagnostic.
pub fn read(path: &Path, options: &Options) -> io::Result<Loaded> {
    Ok(load(path, &mut DiskLoader, &Machine::look()?, options))
}

/// The daemon of the configuration at `path`; that without names where there is none.
#[must_use]
pub fn daemon_name(path: &Path, options: &Options) -> DaemonName {
    if !path.is_file() {
        return DaemonName::default();
    }
    config::daemon_name(path, &mut DiskLoader, options)
}

/// Where the configuration at `path` has a keyword of the top level.
#[must_use]
pub fn place_of(keyword: &str, path: &Path, options: &Options) -> Option<Place> {
    let origins = config::origins(path, &mut DiskLoader, options);
    origins.of_keyword(keyword).cloned()
}

/// The configuration at `path` in the network namespace that the configuration asks for, which this process enters, unless it was started in
/// one that was `given`. Only before any thread is started.
///
/// # Errors
/// When there is no such namespace, or the kernel does not list its interfaces.
pub fn read_and_enter(
    path: &Path,
    options: &Options,
    given: Option<&str>,
) -> anyhow::Result<Loaded> {
    let read = || read(path, options).context("cannot list the interfaces");
    let loaded = read()?;
    match (&loaded.config.process.net_namespace, given) {
        (Some(name), None) => {
            namespace::enter(name)?;
            read()
        }
        _ => Ok(loaded),
    }
}

/// Keeps a configuration that comes into force where people look for it: in the log with `-d`, and as a file in
/// `config_save_dir`. A file that cannot be written is logged.
pub fn keep(config: &Config, in_log: bool) {
    let directory = config.global.files.save.as_ref();
    if !in_log && directory.is_none() {
        return;
    }
    let shown = show(config);
    if in_log {
        log::configuration(&shown);
    }
    if let Some(directory) = directory
        && let Err(error) = save(Path::new(directory), &shown, SystemTime::now())
    {
        log::configuration_not_saved(directory, &error);
    }
}

/// Writes `keepalived.conf.SECONDS` (since 1970), readable by its owner alone because it holds passwords. The directory is
/// made where only it is missing.
fn save(directory: &Path, shown: &str, now: SystemTime) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .custom_flags(libc::O_NOFOLLOW)
        .open(directory.join(format!("keepalived.conf.{seconds}")))?;
    file.write_all(shown.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::folder::Folder;

    #[test]
    fn a_directory_is_not_a_file() {
        assert_eq!(DiskLoader.load(Path::new("/")), Err(LoadError::NotAFile));
    }

    #[test]
    fn a_device_is_not_a_file() {
        assert_eq!(
            DiskLoader.load(Path::new("/dev/zero")),
            Err(LoadError::NotAFile)
        );
    }

    #[test]
    fn a_program_is_no_configuration() {
        assert_eq!(
            DiskLoader.load(Path::new("/bin/sh")),
            Err(LoadError::Executable)
        );
    }

    #[test]
    fn wildcards_match_files_and_not_their_directories() {
        let found = DiskLoader.glob(Path::new("/proc/self/stat*")).unwrap();
        assert!(
            found.contains(&PathBuf::from("/proc/self/status")),
            "{found:?}"
        );
        assert_eq!(DiskLoader.glob(Path::new("/nonexistent/*")), Ok(Vec::new()));
    }

    #[test]
    fn a_configuration_is_saved_for_its_owner_alone() {
        let folder = Folder::new();
        let directory = folder.join("saved");
        let now = UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        for shown in ["global_defs {\n}\n", "later\n"] {
            save(&directory, shown, now).unwrap();
            let file = directory.join("keepalived.conf.1700000000");
            assert_eq!(fs::read_to_string(&file).unwrap(), shown);
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, PRIVATE);
        }
    }

    #[test]
    fn a_missing_file_is_not_found() {
        assert_eq!(
            DiskLoader.load(Path::new("/nonexistent/lb.conf")),
            Err(LoadError::NotFound)
        );
    }
}
