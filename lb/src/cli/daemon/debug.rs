//! `--debug=SPEC`: keepalived's letters.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::cli::Role;

/// Letters of keepalived that have lines of their own in lb, with the target that these lines have.
const SUBJECTS: [(char, &str); 6] = [
    ('A', "lb::processes"),
    ('M', "lb::mail"),
    ('N', "lb::netlink"),
    ('O', "lb::processes"),
    ('U', "lb::packets"),
    ('Z', "lb::scripts"),
];
/// Every letter of keepalived.
const LETTERS: &str = "DEFNPXMTSRBUOACHZGJVK";
/// Processes by their letters; `None` is the parent.
const PROCESSES: [(char, Option<Role>); 4] = [
    ('p', None),
    ('b', Some(Role::Bfd)),
    ('c', Some(Role::Checkers)),
    ('v', Some(Role::Vrrp)),
];

/// What to log for programmers: subjects, and the processes of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugLines(BTreeMap<char, Vec<Option<Role>>>);

/// What is wrong with a specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDebug {
    /// Not one of keepalived's letters.
    #[error("`{0}` is no letter of --debug: subjects are {LETTERS}, processes p, b, c and v")]
    Letter(char),
    /// A process before any subject.
    #[error("`{0}` is a process without a subject before it")]
    NoSubject(char),
    /// Nothing.
    #[error("it is empty")]
    Empty,
}

impl DebugLines {
    /// Every subject of every process.
    #[must_use]
    pub fn everything() -> Self {
        Self(BTreeMap::from([('D', all())]))
    }

    /// Targets whose lines a process logs, the parent without a role.
    #[must_use]
    pub fn targets(&self, role: Option<Role>) -> Vec<&'static str> {
        let subjects = self.0.iter();
        let mine = subjects.filter(|(_, processes)| processes.contains(&role));
        let target = |letter: char| {
            let subject = SUBJECTS.iter().find(|(of, _)| *of == letter);
            subject.map_or("lb", |(_, target)| target)
        };
        mine.map(|(letter, _)| target(*letter)).collect()
    }

    /// Letters of keepalived without a subject in lb.
    pub(super) fn without_subject(&self) -> String {
        let known = |letter: &char| SUBJECTS.iter().any(|(of, _)| of == letter) || *letter == 'D';
        self.0.keys().filter(|letter| !known(letter)).collect()
    }
}

/// As it is written.
impl fmt::Display for DebugLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subject, processes) in &self.0 {
            write!(f, "{subject}")?;
            for (letter, process) in PROCESSES {
                if processes.contains(&process) {
                    write!(f, "{letter}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for DebugLines {
    type Err = NoDebug;

    fn from_str(text: &str) -> Result<Self, NoDebug> {
        let mut subjects: BTreeMap<char, Vec<Option<Role>>> = BTreeMap::new();
        let mut latest = None;
        for letter in text.chars() {
            if LETTERS.contains(letter) {
                subjects.entry(letter).or_default();
                latest = Some(letter);
                continue;
            }
            let process = PROCESSES.iter().find(|(of, _)| *of == letter);
            let (_, process) = process.ok_or(NoDebug::Letter(letter))?;
            let subject = latest.ok_or(NoDebug::NoSubject(letter))?;
            subjects.entry(subject).or_default().push(*process);
        }
        if subjects.is_empty() {
            return Err(NoDebug::Empty);
        }
        for processes in subjects.values_mut().filter(|of| of.is_empty()) {
            *processes = all();
        }
        Ok(Self(subjects))
    }
}

fn all() -> Vec<Option<Role>> {
    PROCESSES.map(|(_, process)| process).to_vec()
}
