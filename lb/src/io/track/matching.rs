//! Which processes a `vrrp_track_process` means.

use crate::config::model::track::{ParameterMatch, TrackProcess};

/// Bytes of a process's name that the kernel keeps (`TASK_COMM_LEN` without its NUL).
const NAME: usize = 15;

/// What the kernel says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name, at most 15 bytes.
    pub name: Vec<u8>,
    /// Its command line; none where nobody asked for it, or where a longer one was cut off.
    pub words: Option<Vec<Vec<u8>>>,
}

/// What a process must look like.
#[derive(Clone, Debug)]
pub struct Pattern {
    program: Vec<u8>,
    parameters: Vec<Vec<u8>>,
    parameter_match: ParameterMatch,
    by_command_line: bool,
}

impl Pattern {
    /// What a block means. A path stands for the command line too: no name is one.
    #[must_use]
    pub fn new(block: &TrackProcess) -> Self {
        let by_command_line = block.full_command
            || block.parameter_match != ParameterMatch::Ignored
            || block.process.starts_with('/');
        let mut program = block.process.clone().into_bytes();
        if !by_command_line {
            program.truncate(NAME);
        }
        let parameters = block.parameters.iter();
        Self {
            program,
            parameters: parameters.map(|word| word.clone().into_bytes()).collect(),
            parameter_match: block.parameter_match,
            by_command_line,
        }
    }

    /// Whether names are not enough.
    #[must_use]
    pub const fn needs_command_line(&self) -> bool {
        self.by_command_line
    }

    /// Whether a process is meant.
    #[must_use]
    pub fn matches(&self, seen: &Seen) -> bool {
        if !self.by_command_line {
            return seen.name == self.program;
        }
        let words = seen.words.as_deref().and_then(<[_]>::split_first);
        words.is_some_and(|(program, parameters)| {
            *program == self.program && self.has_parameters(parameters)
        })
    }

    fn has_parameters(&self, given: &[Vec<u8>]) -> bool {
        match self.parameter_match {
            ParameterMatch::Ignored => true,
            ParameterMatch::Exact => given == self.parameters,
            ParameterMatch::Partial => given.starts_with(&self.parameters),
            ParameterMatch::Initial => match (self.parameters.split_last(), given.split_last()) {
                (Some((last, before)), Some((given, given_before))) => {
                    given_before == before && given.starts_with(last)
                }
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            },
        }
    }
}

/// The words of `/proc/PID/cmdline`, each of which ends with a NUL.
#[must_use]
pub fn command_line(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// The name in `/proc/PID/stat`, where the process runs: one that has ended and waits for its parent does not. The name is in
/// parentheses and may have some of its own (proc(5)).
#[must_use]
pub fn name(stat: &[u8]) -> Option<Vec<u8>> {
    let start = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(start..end)?;
    match stat.get(end + 1..)? {
        [b' ', b'Z' | b'X', ..] => None,
        [b' ', _, ..] => Some(name.to_vec()),
        _ => None,
    }
}
