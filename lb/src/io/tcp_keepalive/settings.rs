//! The kernel's settings in the network namespace of this process, and the file that sets them at each boot.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::KeepaliveError;
use crate::{
    io::{file::replace, sysctl::Setting},
    tcp_keepalive::sysctl::{INTERVAL, NAMES, PROBES, RETRIES, TIME, Wanted, file, is_ours},
};

/// What the kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `tcp_keepalive_time`, in seconds.
    pub tcp_keepalive_time: u32,
    /// `tcp_keepalive_intvl`, in seconds.
    pub tcp_keepalive_intvl: u32,
    /// `tcp_keepalive_probes`.
    pub tcp_keepalive_probes: u32,
    /// `tcp_retries2`.
    pub tcp_retries2: u32,
}

impl Kernel {
    /// Reads it.
    ///
    /// # Errors
    /// When `/proc/sys` is not there.
    pub fn read() -> Result<Self, KeepaliveError> {
        Ok(Self {
            tcp_keepalive_time: number(TIME)?,
            tcp_keepalive_intvl: number(INTERVAL)?,
            tcp_keepalive_probes: number(PROBES)?,
            tcp_retries2: number(RETRIES)?,
        })
    }

    /// Names and values.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let values = [
            self.tcp_keepalive_time,
            self.tcp_keepalive_intvl,
            self.tcp_keepalive_probes,
            self.tcp_retries2,
        ];
        NAMES.into_iter().zip(values)
    }

    /// Sets what is wanted, and reads it again. Where one is refused, those before it become what they were.
    ///
    /// # Errors
    /// With the first that is refused.
    pub fn set(wanted: &Wanted) -> Result<Self, KeepaliveError> {
        let before = Self::read()?;
        let mut changed = Vec::new();
        for (name, value) in wanted.settings() {
            changed.push(name);
            if let Err(failure) = set(name, value) {
                return Err(before.put_back(&changed, failure));
            }
        }
        Self::read()
    }

    fn put_back(&self, changed: &[&'static str], failure: KeepaliveError) -> KeepaliveError {
        let before = self.settings().filter(|(name, _)| changed.contains(name));
        for (name, value) in before {
            let setting = Setting::of_node_v4(name);
            // What never changed needs no write, which may not be allowed.
            if number(name).is_ok_and(|now| now == value) {
                continue;
            }
            if let Err(why) = setting.write(&value.to_string()) {
                return KeepaliveError::Stuck {
                    failure: Box::new(failure),
                    setting,
                    value,
                    why,
                };
            }
        }
        failure
    }
}

fn number(name: &str) -> Result<u32, KeepaliveError> {
    let setting = Setting::of_node_v4(name);
    let read = setting
        .read()
        .and_then(|text| text.parse().map_err(io::Error::other));
    read.map_err(|why| KeepaliveError::Unreadable { setting, why })
}

fn set(name: &str, value: u32) -> Result<(), KeepaliveError> {
    let setting = Setting::of_node_v4(name);
    if let Err(why) = setting.write(&value.to_string()) {
        return Err(KeepaliveError::Refused {
            setting,
            value,
            why,
        });
    }
    match number(name)? {
        read if read == value => Ok(()),
        read => Err(KeepaliveError::Different {
            setting,
            value,
            read,
        }),
    }
}

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persisted {
    /// It was written.
    Written,
    /// It said the same before.
    Unchanged,
    /// It is gone.
    Removed,
    /// There was none.
    Absent,
}

/// The file below `sysctl.d` that sets them at each boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile(PathBuf);

impl SettingsFile {
    /// Its name: later ones win, and administrators' are often 99.
    const NAME: &str = "60-lb-tcp-keepalive.conf";

    /// That of a network namespace, which `ip netns exec` shows as `/etc/sysctl.d`; that of this machine without one.
    #[must_use]
    pub fn of(namespace: Option<&str>) -> Self {
        let folder = namespace.map_or_else(
            || PathBuf::from("/etc/sysctl.d"),
            |name| Path::new("/etc/netns").join(name).join("sysctl.d"),
        );
        Self(folder.join(Self::NAME))
    }

    /// This one.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes it, whole or not at all, in place of one that we wrote before.
    ///
    /// # Errors
    /// When another's file is there, or it cannot be written.
    pub fn write(
        &self,
        settings: impl IntoIterator<Item = (&'static str, u32)>,
    ) -> Result<Persisted, KeepaliveError> {
        let text = file(settings);
        if self.read()?.is_some_and(|before| before == text) {
            return Ok(Persisted::Unchanged);
        }
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder).map_err(KeepaliveError::file(folder))?;
        }
        replace(&self.0, text).map_err(KeepaliveError::file(&self.0))?;
        Ok(Persisted::Written)
    }

    /// Removes it, if we wrote it.
    ///
    /// # Errors
    /// When another's file is there, or it cannot be removed.
    pub fn remove(&self) -> Result<Persisted, KeepaliveError> {
        if self.read()?.is_none() {
            return Ok(Persisted::Absent);
        }
        fs::remove_file(&self.0).map_err(KeepaliveError::file(&self.0))?;
        Ok(Persisted::Removed)
    }

    fn read(&self) -> Result<Option<String>, KeepaliveError> {
        match fs::read_to_string(&self.0) {
            Ok(text) if is_ours(&text) => Ok(Some(text)),
            Ok(_) => Err(KeepaliveError::Foreign(self.0.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(KeepaliveError::file(&self.0)(error)),
        }
    }
}
