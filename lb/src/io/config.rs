//! What the configuration needs of the machine: files and interfaces.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};

use crate::config::{Interface, LoadError, Loaded, Loader, load, source::MAX_FILE_SIZE};

/// Reads configuration files from the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskLoader;

impl Loader for DiskLoader {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        // Opening a pipe would wait for its writer, so the question comes before the opening.
        if !fs::metadata(path)
            .map_err(|error| refusal(&error))?
            .is_file()
        {
            return Err(LoadError::NotAFile);
        }
        let file = File::open(path).map_err(|error| refusal(&error))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_SIZE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| refusal(&error))?;
        if bytes.len() > MAX_FILE_SIZE {
            return Err(LoadError::TooLarge);
        }
        Ok(bytes)
    }
}

fn refusal(error: &io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound => LoadError::NotFound,
        _ => LoadError::Unreadable(error.to_string()),
    }
}

/// The interfaces of the current network namespace, as of now: a [`System`](crate::config::System).
///
/// # Errors
/// When the kernel does not list them.
pub fn interfaces() -> io::Result<BTreeMap<String, Interface>> {
    let links = getifaddrs()?.map(|link| {
        let is_loopback = link.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        (link.interface_name, Interface { is_loopback })
    });
    Ok(links.collect())
}

/// Reads the configuration at `path` against this machine.
///
/// # Errors
/// When the kernel does not list its interfaces; everything wrong with the file is a diagnostic.
pub fn read(path: &Path) -> io::Result<Loaded> {
    Ok(load(path, &mut DiskLoader, &interfaces()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_missing_file_is_not_found() {
        assert_eq!(
            DiskLoader.load(Path::new("/nonexistent/lb.conf")),
            Err(LoadError::NotFound)
        );
    }

    #[test]
    fn the_loopback_interface_is_known_as_such() {
        let interfaces = interfaces().expect("the kernel lists interfaces");
        assert_eq!(interfaces.get("lo"), Some(&Interface { is_loopback: true }));
    }
}
