//! The machine as a configuration sees it: interfaces, users, files, names of iproute2.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    env, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::{
    ifaddrs::getifaddrs,
    net::if_::InterfaceFlags,
    unistd::{Group, User},
};

use super::{config::refusal, names::Names};
use crate::config::{
    Entry, EntryKind, Files, Interface, LoadError, Local, NameList, System, model::InterfaceName,
};

/// The permission bits of a mode, with the sticky bit.
const PERMISSIONS: u32 = 0o1777;
/// Where programs without a path are looked for when the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// This machine. Each question goes to the system once.
#[derive(Debug)]
pub struct Machine {
    interfaces: BTreeMap<String, Interface>,
    users: Answers<String, Option<u32>>,
    groups: Answers<String, Option<u32>>,
    entries: Answers<PathBuf, Result<Entry, LoadError>>,
}

impl Machine {
    /// Looks at the interfaces of the current network namespace; all else when it is asked for.
    ///
    /// # Errors
    /// When the kernel does not list them.
    pub fn look() -> io::Result<Self> {
        Ok(Self {
            interfaces: interfaces()?,
            users: Answers::default(),
            groups: Answers::default(),
            entries: Answers::default(),
        })
    }
}

impl System for Machine {
    fn interface(&self, name: &InterfaceName) -> Option<Interface> {
        self.interfaces.interface(name)
    }

    fn interface_names(&self) -> Vec<&str> {
        self.interfaces.interface_names()
    }

    fn local(&self) -> Option<&dyn Local> {
        Some(self)
    }
}

impl Files for Machine {
    fn entry(&self, path: &Path) -> Result<Entry, LoadError> {
        self.entries
            .get(path.to_owned(), |path| FilesNow.entry(path))
    }

    fn working_directory(&self) -> PathBuf {
        FilesNow.working_directory()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        FilesNow.search_path()
    }
}

/// The files of this machine at the moment of each question.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilesNow;

impl Files for FilesNow {
    fn entry(&self, path: &Path) -> Result<Entry, LoadError> {
        look(path).map_err(|error| refusal(&error))
    }

    fn working_directory(&self) -> PathBuf {
        env::current_dir().unwrap_or_default()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_else(|| PATH.into());
        env::split_paths(&path).collect()
    }
}

impl Local for Machine {
    fn user(&self, name: &str) -> Option<u32> {
        let uid = |name: &String| Some(User::from_name(name).ok()??.uid.as_raw());
        self.users.get(name.to_owned(), uid)
    }

    fn group(&self, name: &str) -> Option<u32> {
        let gid = |name: &String| Some(Group::from_name(name).ok()??.gid.as_raw());
        self.groups.get(name.to_owned(), gid)
    }

    fn names(&self, list: NameList) -> Vec<String> {
        Names::default().of(list).keys().cloned().collect()
    }
}

fn interfaces() -> io::Result<BTreeMap<String, Interface>> {
    // The kernel gives a VRF these two, and no other device.
    let of_vrf = InterfaceFlags::IFF_MASTER | InterfaceFlags::IFF_NOARP;
    let links = getifaddrs()?.map(|link| {
        let interface = Interface {
            is_loopback: link.flags.contains(InterfaceFlags::IFF_LOOPBACK),
            is_vrf: Some(link.flags.contains(of_vrf)),
            mtu: mtu(&link.interface_name),
        };
        (link.interface_name, interface)
    });
    Ok(links.collect())
}

/// The largest packet an interface takes, in bytes; `None` where there is no such interface.
#[must_use]
pub fn mtu(interface: &str) -> Option<u32> {
    let path = Path::new("/sys/class/net").join(interface).join("mtu");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn look(path: &Path) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(path)?;
    let kind = metadata.file_type();
    Ok(Entry {
        kind: if kind.is_file() {
            EntryKind::File
        } else if kind.is_dir() {
            EntryKind::Directory
        } else if kind.is_symlink() {
            EntryKind::Link(fs::read_link(path)?)
        } else {
            EntryKind::Other
        },
        mode: metadata.mode() & PERMISSIONS,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.size(),
    })
}

/// Answers that were given already: a configuration may name one program 100,000 times.
#[derive(Debug)]
struct Answers<Q, A>(RefCell<BTreeMap<Q, A>>);

impl<Q, A> Default for Answers<Q, A> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<Q: Ord, A: Clone> Answers<Q, A> {
    fn get(&self, question: Q, ask: impl FnOnce(&Q) -> A) -> A {
        if let Some(known) = self.0.borrow().get(&question) {
            return known.clone();
        }
        let answer = ask(&question);
        self.0.borrow_mut().insert(question, answer.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_known_as_such() {
        let interfaces = interfaces().expect("the kernel lists interfaces");
        assert_eq!(interfaces.get("lo").map(|lo| lo.is_loopback), Some(true));
        assert_eq!(interfaces.get("lo").map(|lo| lo.is_vrf), Some(Some(false)));
    }

    #[test]
    fn root_is_a_user_and_owns_its_directory() {
        let machine = Machine::look().expect("the kernel lists interfaces");
        assert_eq!(machine.user("root"), Some(0));
        assert_eq!(machine.user("no such user"), None);
        assert_eq!(machine.group("no such group"), None);
        for _ in 0..2 {
            let root = machine.entry(Path::new("/")).expect("it can be seen");
            assert_eq!(root.kind, EntryKind::Directory);
            let nothing = machine.entry(Path::new("/nonexistent/lb"));
            assert_eq!(nothing, Err(LoadError::NotFound));
        }
    }
}
