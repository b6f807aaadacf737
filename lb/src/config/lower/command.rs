//! Commands: `COMMAND [USER [GROUP]]`, quoted as in a shell.

use super::words;
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    model::{Command, global::Owner},
    quoted::{quoted, words_of},
};

/// `COMMAND [USER [GROUP]]`.
pub(in crate::config) fn notify(
    into: &mut Option<Box<Command>>,
    statement: &Statement,
    report: &mut Report,
) {
    let words = statement.quoted_arguments(report);
    if let Some(command) = read(statement, &words, 3, report) {
        let owner = words::owner(&words[1..]);
        *into = Some(Box::new(Command {
            words: command,
            owner,
        }));
    }
}

/// The words of a command; `takes` words may follow its keyword.
pub(in crate::config) fn script(
    statement: &Statement,
    takes: usize,
    report: &mut Report,
) -> Option<Vec<String>> {
    let words = statement.quoted_arguments(report);
    read(statement, &words, takes, report)
}

fn read(
    statement: &Statement,
    words: &[Word],
    takes: usize,
    report: &mut Report,
) -> Option<Vec<String>> {
    let name = &*statement.keyword.text;
    let Some((command, _)) = words.split_first() else {
        if statement.arguments.is_empty() {
            report
                .error(
                    Kind::Missing,
                    statement.keyword.span,
                    format!("{} needs a command", quote(name)),
                )
                .help("write the path of a program; with arguments in double quotes");
        }
        return None;
    };
    if let Some(extra) = words.get(takes) {
        report
            .warning(
                Kind::Syntax,
                extra.span,
                format!(
                    "{} is more than {} takes and is ignored, as in keepalived",
                    quote(&extra.text),
                    quote(name)
                ),
            )
            .help("put the command and its arguments in double quotes");
    }
    if let Some(last) = words.last() {
        report.may_end_at_comment(last.span);
    }
    let split = words_of(&command.text);
    if split.as_ref().is_none_or(Vec::is_empty) {
        report
            .error(
                Kind::Value,
                command.span,
                format!("{} is no command", quote(&command.text)),
            )
            .expected("a program and its arguments, with every quote closed");
    }
    split.filter(|words| !words.is_empty())
}

/// `USER [GROUP]`.
pub(in crate::config) fn owner(statement: &Statement, report: &mut Report) -> Option<Owner> {
    super::value::warn_of_rest(statement, 2, report);
    let owner = words::owner(&statement.arguments);
    if owner.is_none() {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                format!("{} needs a user", quote(&statement.keyword.text)),
            )
            .expected("USER [GROUP]");
    }
    owner
}

/// The words as one that is split to them again.
pub(in crate::config) fn command_line(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"'\\{}#!$~@".contains(&byte))
    };
    let word = |word: &String| {
        if is_plain(word) {
            word.clone()
        } else {
            quoted(word)
        }
    };
    let line: Vec<String> = words.iter().map(word).collect();
    let line = line.join(" ");
    if is_plain(&line) { line } else { quoted(&line) }
}

pub(in crate::config) fn show_notify(command: Option<&Command>) -> Vec<String> {
    let line = |command: &Command| {
        let owner = words::show_owner(command.owner.as_ref());
        let words = std::iter::once(command_line(&command.words)).chain(owner);
        words.collect::<Vec<_>>().join(" ")
    };
    command.map(line).into_iter().collect()
}
