//! Commands of scripts, quoted as in a shell, with their users.

use super::{value, words};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::Seen,
    model::{Command, global::Owner},
    need::{Need, Program, Runner},
    quoted::{in_quotes, join, split},
    source::Spanned,
};

/// `COMMAND [USER [GROUP]]`. The command is one word; what blanks part in it are its arguments, joined once more
/// as a shell does it.
pub(in crate::config) fn with_owner(statement: &Statement, report: &mut Report) -> Option<Command> {
    let name = &*statement.keyword.text;
    let words = statement.quoted_arguments(report);
    let Some((line, owner)) = words.split_first() else {
        report
            .error(
                Kind::Missing,
                statement.span(),
                format!("{} needs a command", quote(name)),
            )
            .expected("COMMAND [USER [GROUP]], a command with arguments in double quotes");
        return None;
    };
    let command = split(&line.text, |_, _| line.span, report);
    if command.is_empty() {
        value::report_illegal(line, name, report).expected("the path of a program");
        return None;
    }
    // What keepalived looks up as a user was often meant as an argument.
    let stray = owner
        .get(2)
        .or_else(|| owner.iter().find(|word| !may_be_user(word)));
    if let Some(stray) = stray {
        report
            .error(
                Kind::Value,
                stray.span,
                format!(
                    "{} is taken for a user or group by {}",
                    quote(&stray.text),
                    quote(name)
                ),
            )
            .expected("COMMAND [USER [GROUP]]")
            .help("write the command with its arguments in double quotes");
        return None;
    }
    let owner_at = owner.first().map(|word| word.span);
    let owner = words::owner(owner);
    let program = Program {
        keyword: statement.keyword.text.clone(),
        path: command[0].text.to_string(),
        owner: owner_at.and_then(|at| Some(Spanned::new(owner.clone()?, at))),
        runner: Runner::Notify,
    };
    report.needs(Need::Program(Box::new(program)), line.span);
    Some(Command {
        words: command.into_iter().map(|word| word.text.into()).collect(),
        owner,
    })
}

/// What a name of useradd(8) may look like.
fn may_be_user(word: &Word) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$@\\".contains(&byte);
    !word.text.starts_with('-') && !word.text.is_empty() && word.text.bytes().all(legal)
}

/// The same, kept apart from a model that is small without it.
pub(in crate::config) fn notify(
    into: &mut Option<Box<Command>>,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(command) = with_owner(statement, report) {
        *into = Some(Box::new(command));
    }
}

/// A program and its arguments, all in one word; keepalived ignores what follows in silence.
pub(in crate::config) fn script(statement: &Statement, report: &mut Report) -> Option<Vec<String>> {
    let words = statement.quoted_arguments(report);
    if let Some(extra) = words.get(1) {
        report
            .warning(
                Kind::Syntax,
                extra.span,
                format!(
                    "{} is not part of the command and is ignored, as in keepalived",
                    quote(&extra.text)
                ),
            )
            .help("put the command and its arguments in double quotes");
    }
    let line = words.first();
    let words = line.map_or_else(Vec::new, |line| split(&line.text, |_, _| line.span, report));
    if words.is_empty() {
        report
            .error(
                Kind::Missing,
                statement.span(),
                format!("{} needs a command", quote(&statement.keyword.text)),
            )
            .expected("the path of a program, with its arguments in double quotes");
        return None;
    }
    Some(words.into_iter().map(|word| word.text.into()).collect())
}

/// Notes the program of a block that has its command and its user in lines of their own.
pub(in crate::config) fn note_program(
    [command, user]: [&'static str; 2],
    words: &[String],
    owner: Option<&Owner>,
    runner: Runner,
    seen: &Seen,
    report: &mut Report,
) {
    if let (Some(path), Some(at)) = (words.first(), seen.place(command)) {
        let owner = owner.cloned().zip(seen.place(user));
        let program = Program {
            keyword: command.into(),
            path: path.clone(),
            owner: owner.map(|(owner, at)| Spanned::new(owner, at)),
            runner,
        };
        report.needs(Need::Program(Box::new(program)), at);
    }
}

/// `USER [GROUP]`.
pub(in crate::config) fn owner(statement: &Statement, report: &mut Report) -> Option<Owner> {
    value::warn_of_rest(statement, 2, report);
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
pub(in crate::config) fn show_script(words: &[String]) -> String {
    show_word(&join(words))
}

/// A word that stays one word.
pub(in crate::config) fn show_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        in_quotes(word)
    }
}

pub(in crate::config) fn show(command: &Command) -> String {
    let mut line = show_script(&command.words);
    for owner in words::show_owner(command.owner.as_ref()) {
        line.push(' ');
        line.push_str(&owner);
    }
    line
}
