//! Settings of the kernel that the configuration asks for: set while they are wanted, and put back as they were.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::{
    io::sysctl::{self, Setting},
    observe::log,
};

/// Settings that were changed here, with the values they had.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    before: BTreeMap<Setting, String>,
    /// Where those values are kept for the next process, should this one end in disorder.
    file: Option<PathBuf>,
}

impl Settings {
    /// Takes over what an earlier process changed and did not put back.
    pub(crate) fn take_over(&mut self, file: Option<&Path>) {
        let Some(file) = file.filter(|_| self.file.is_none()) else {
            return;
        };
        match sysctl::kept(file) {
            Ok(before) => self.before = before,
            Err(error) => log::settings_lost(file, &error),
        }
        self.file = Some(file.to_owned());
    }

    /// Makes these the settings; those not wanted any more become as they were.
    pub(crate) fn adjust(&mut self, wanted: &BTreeMap<Setting, Cow<'static, str>>) {
        let over = |set: &Setting, _: &mut String| !wanted.contains_key(set);
        let over: Vec<_> = self.before.extract_if(.., over).collect();
        for (setting, before) in &over {
            report(setting, setting.write(before));
        }
        let mut other = Vec::new();
        for (setting, value) in wanted {
            if let Ok(before) = setting.read()
                && before != **value
            {
                self.before.entry(setting.clone()).or_insert(before);
                other.push((setting, value));
            }
        }
        // First of all what was, should this process end between two changes.
        if !(over.is_empty() && other.is_empty()) {
            self.keep();
        }
        for (setting, value) in other {
            report(setting, setting.write(value));
        }
    }

    /// The interface is gone, and its settings with it.
    pub(crate) fn forget(&mut self, interface: &str) {
        let known = self.before.len();
        self.before
            .retain(|setting, _| setting.interface() != Some(interface));
        if self.before.len() != known {
            self.keep();
        }
    }

    fn keep(&self) {
        if let Some(file) = &self.file
            && let Err(error) = sysctl::keep(file, &self.before)
        {
            log::settings_lost(file, &error);
        }
    }

    /// The value a setting has without us.
    pub(crate) fn original(&self, setting: &Setting) -> Option<String> {
        let before = self.before.get(setting).cloned();
        before.or_else(|| setting.read().ok())
    }
}

fn report(setting: &Setting, set: io::Result<()>) {
    match set {
        // It went with its interface.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => log::setting_failed(setting, &error),
        Ok(()) => {}
    }
}
