//! What getopt_long(3) reads differently from clap: an optional argument attached to a short option, and operands.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// Commands with options of their own that are read as they are.
const OWN_OPTIONS: [&str; 3] = ["keepalive", "spawndaemon", "genhash"];

/// What an argument is.
enum Kind {
    /// An option, with its value if it needs one here.
    Option,
    /// An option whose value is the next argument.
    AwaitsValue,
    /// `--`.
    End,
    /// Neither an option nor the value of one.
    Operand,
}

/// Rewrites `-tFILE`, alone or at the end of a cluster as in `-nltFILE`, into `--config-test=FILE`; clap would take the
/// letters of FILE for options. Everything else stays as it is.
#[must_use]
pub fn attach_optional(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let command = built();
    let options: Vec<&Arg> = command.get_arguments().collect();
    let mut out = Vec::new();
    let (mut is_over, mut is_value) = (false, true);
    for argument in arguments {
        let kind = if is_value {
            Kind::Option
        } else {
            kind(&argument, &options)
        };
        is_over |= match kind {
            Kind::End => true,
            Kind::Operand => OWN_OPTIONS.iter().any(|name| argument == *name),
            Kind::Option | Kind::AwaitsValue => false,
        };
        let parts = (!is_over && !is_value).then(|| split(&argument, &options));
        is_value = matches!(kind, Kind::AwaitsValue);
        match parts.flatten() {
            Some(parts) => out.extend(parts),
            None => out.push(argument),
        }
    }
    out
}

/// Takes the operands out of the arguments of keepalived, which has no use for any; the name of the program stays.
#[must_use]
pub fn take_operands(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let command = built();
    let options: Vec<&Arg> = command.get_arguments().collect();
    let (mut kept, mut operands) = (Vec::new(), Vec::new());
    let (mut is_over, mut is_value) = (false, true);
    for argument in arguments {
        let kind = match (is_over, is_value) {
            (true, _) => Kind::Operand,
            (false, true) => Kind::Option,
            (false, false) => kind(&argument, &options),
        };
        is_value = matches!(kind, Kind::AwaitsValue);
        match kind {
            Kind::Operand => operands.push(argument),
            Kind::End => is_over = true,
            Kind::Option | Kind::AwaitsValue => kept.push(argument),
        }
    }
    (kept, operands)
}

fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn kind(argument: &OsStr, options: &[&Arg]) -> Kind {
    let bytes = argument.as_bytes();
    if argument == "--" {
        return Kind::End;
    }
    let needs_value = |option: &&Arg| {
        let number = option.get_num_args();
        number.is_some_and(|number| number.min_values() > 0)
    };
    let awaits = if let Some(long) = bytes.strip_prefix(b"--") {
        // An abbreviation counts when it fits one option alone; clap refuses the others.
        let whole = |option: &&&Arg| option.get_long().is_some_and(|of| of.as_bytes() == long);
        let begins = |option: &&&Arg| {
            let name = option.get_long();
            name.is_some_and(|of| of.as_bytes().starts_with(long))
        };
        let exact = options.iter().find(whole);
        let meant = exact.or_else(|| options.iter().find(begins));
        meant.copied().filter(needs_value).is_some()
    } else if let Some(letters) = bytes.strip_prefix(b"-").filter(|it| !it.is_empty()) {
        let of = |letter: u8| {
            let letter = char::from(letter);
            options
                .iter()
                .find(|option| option.get_short() == Some(letter))
                .copied()
        };
        let valued = letters.iter().position(|letter| {
            of(*letter).is_some_and(|option| option.get_action().takes_values())
        });
        let last = letters.len() - 1;
        valued == Some(last) && of(letters[last]).filter(needs_value).is_some()
    } else {
        return Kind::Operand;
    };
    if awaits {
        Kind::AwaitsValue
    } else {
        Kind::Option
    }
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
