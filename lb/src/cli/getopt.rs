//! What getopt_long(3) reads differently from clap: an optional argument attached to a short option.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

use clap::{Arg, CommandFactory as _};

use super::Cli;

/// Rewrites `-tFILE`, alone or at the end of a cluster as in `-nltFILE`, into `--config-test=FILE`; clap would take the
/// letters of FILE for options. Everything else stays as it is.
#[must_use]
pub fn attach_optional(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut command = Cli::command();
    command.build();
    let options: Vec<&Arg> = command.get_arguments().collect();
    let mut out = Vec::new();
    let mut is_over = false;
    for argument in arguments {
        // keepalive and spawndaemon have options of their own, of which none is read so.
        let begins_another = ["keepalive", "spawndaemon"]
            .iter()
            .any(|name| argument == *name);
        is_over |= argument == "--" || (begins_another && !awaits_value(out.last(), &options));
        match (!is_over).then(|| split(&argument, &options)).flatten() {
            Some(parts) => out.extend(parts),
            None => out.push(argument),
        }
    }
    out
}

/// Whether what follows this argument is its value.
fn awaits_value(argument: Option<&OsString>, options: &[&Arg]) -> bool {
    let letters = argument.and_then(|argument| argument.as_bytes().strip_prefix(b"-"));
    let last = letters.and_then(<[u8]>::last).copied().map(char::from);
    options.iter().any(|option| {
        let needs_value = option
            .get_num_args()
            .is_some_and(|number| number.min_values() > 0);
        last.is_some() && option.get_short() == last && needs_value
    })
}

/// The flags before the first option that has an attached optional argument, if any, and that option in long form.
fn split(argument: &OsStr, options: &[&Arg]) -> Option<Vec<OsString>> {
    let cluster = argument.as_bytes().strip_prefix(b"-")?;
    if cluster.starts_with(b"-") {
        return None;
    }
    for (at, letter) in cluster.iter().enumerate() {
        let letter = char::from(*letter);
        let option = options
            .iter()
            .find(|option| option.get_short() == Some(letter))?;
        if !option.get_action().takes_values() {
            continue;
        }
        let is_optional = option
            .get_num_args()
            .is_some_and(|number| number.min_values() == 0);
        let value = &cluster[at + 1..];
        if !is_optional || value.is_empty() {
            return None;
        }
        let mut long = OsString::from(format!("--{}=", option.get_long()?));
        long.push(OsStr::from_bytes(value));
        let flags = (at > 0).then(|| OsStr::from_bytes(&argument.as_bytes()[..=at]).to_owned());
        return Some(flags.into_iter().chain([long]).collect());
    }
    None
}
