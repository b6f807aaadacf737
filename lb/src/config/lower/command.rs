//! Commands of scripts with their users.

use super::value;
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    model::{global::Owner, vrrp::Command},
    quoted::{in_quotes, join, split},
    show::text,
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
    Some(Command {
        words: command.into_iter().map(|word| word.text.into()).collect(),
        owner: owner.first().map(|user| Owner {
            user: user.text.to_string(),
            group: owner.get(1).map(|group| group.text.to_string()),
        }),
    })
}

/// What a name of useradd(8) may look like.
fn may_be_user(word: &Word) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$@\\".contains(&byte);
    !word.text.starts_with('-') && !word.text.is_empty() && word.text.bytes().all(legal)
}

pub(in crate::config) fn show(command: &Command) -> String {
    let mut line = in_quotes(&join(&command.words));
    if let Some(owner) = &command.owner {
        for word in std::iter::once(&owner.user).chain(&owner.group) {
            line.push(' ');
            line.push_str(&text(word));
        }
    }
    line
}
