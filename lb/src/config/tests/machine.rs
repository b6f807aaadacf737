//! What a configuration names on the machine, case by case: lines to sentences and to the exit code of a test.

mod cases;

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use cases::{CASES, FILES, In, NAMES, USERS};

use super::{machine, path, plain};
use crate::config::{
    Entry, EntryKind, Files, Interface, LoadError, Loaded, Local, NameList, Options, System,
    exit_code, load, model::InterfaceName, summary,
};

/// A machine whose interfaces are those of the other tests, with one VRF.
struct Fake {
    interfaces: BTreeMap<String, Interface>,
    has_default_user: bool,
}

impl System for Fake {
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

impl Files for Fake {
    fn entry(&self, path: &Path) -> Result<Entry, LoadError> {
        let path = path.to_string_lossy();
        let mut files = FILES.iter();
        let (_, kind, mode, [uid, gid], size) = files
            .find(|(known, ..)| *known == path)
            .ok_or(LoadError::NotFound)?;
        Ok(Entry {
            kind: match *kind {
                "file" => EntryKind::File,
                "directory" => EntryKind::Directory,
                "pipe" => EntryKind::Other,
                target => EntryKind::Link(target.into()),
            },
            mode: *mode,
            uid: *uid,
            gid: *gid,
            size: *size,
        })
    }

    fn working_directory(&self) -> PathBuf {
        "/".into()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        vec!["/nothing".into(), "/bin".into()]
    }
}

impl Local for Fake {
    fn user(&self, name: &str) -> Option<u32> {
        let mut users = USERS.iter();
        let is_there = name != "keepalived_script" || self.has_default_user;
        let (_, uid) = users.find(|(known, _)| *known == name && is_there)?;
        Some(*uid)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "daemon").then_some(1)
    }

    fn names(&self, list: NameList) -> Vec<String> {
        let names = NAMES.iter().filter(|(known, _)| *known == list);
        names.map(|(_, name)| (*name).to_owned()).collect()
    }
}

fn check(text: &str, has_default_user: bool) -> Loaded {
    let mut interfaces = machine();
    for (name, interface) in &mut interfaces {
        interface.is_vrf = Some(name == "eth1");
    }
    let fake = Fake {
        interfaces,
        has_default_user,
    };
    let mut files = BTreeMap::from([(path(), text.as_bytes().to_vec())]);
    load(&path(), &mut files, &fake, &Options::default())
}

#[test]
fn what_the_machine_lacks_is_told() {
    let mut out = String::new();
    for (name, within, lines) in CASES {
        let loaded = check(&within.file(lines), false);
        writeln!(out, "## {name}: {}", exit_code(&loaded.diagnostics)).unwrap();
        // Of the keywords alone.
        let own = |line: &&str| !line.contains("lb understands, but does not act on yet");
        for line in plain(&loaded).lines().filter(own) {
            writeln!(out, "{line}").unwrap();
        }
        out.push('\n');
    }
    insta::assert_snapshot!("machine", out);
}

#[test]
fn a_user_for_scripts_of_the_usual_name_needs_no_word() {
    for lines in ["", "enable_script_security"] {
        let text = In::Global(lines).file("notify /srv/open/x");
        assert_eq!(exit_code(&check(&text, true).diagnostics), 0, "{lines}");
        assert_ne!(exit_code(&check(&text, false).diagnostics), 0, "{lines}");
    }
}

#[test]
fn nothing_is_said_of_a_machine_that_nobody_knows() {
    for (name, within, lines) in CASES {
        let text = within.file(lines);
        let told = plain(&super::load_bytes(text.as_bytes()));
        let said = plain(&check(&text, false));
        assert!(told.len() <= said.len(), "{name}: {told}");
        assert!(!told.contains("on this machine"), "{name}: {told}");
    }
}

#[test]
fn what_is_not_safe_is_no_reason_not_to_run() {
    let loaded = check(&In::Global("").file("notify /srv/ok"), false);
    assert!(loaded.is_usable());
    assert_eq!(exit_code(&loaded.diagnostics), 6);
    let summary = summary(&loaded.diagnostics, "lb.conf");
    assert!(summary.ends_with(": lb runs with it"), "{summary}");
}
