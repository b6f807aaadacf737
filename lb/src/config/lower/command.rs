//! Command lines of scripts.

use super::words::report_missing;
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
};

pub(in crate::config) fn command(
    into: &mut Option<Vec<String>>,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(words) = command_words(statement, report) {
        *into = Some(words);
    }
}

/// A program and its arguments, as a shell splits them.
pub(in crate::config) fn command_words(
    statement: &Statement,
    report: &mut Report,
) -> Option<Vec<String>> {
    let mut words = statement.quoted_arguments(report);
    warn_of_comment(statement, report);
    // One word is a whole command line, as in keepalived.
    if let [line] = &*words {
        words = line.words_within(report);
    }
    if words.is_empty() {
        report_missing(statement, "a command", report);
        return None;
    }
    let words = words.into_iter().map(|word| word.text.to_string());
    Some(words.collect())
}

/// `#` and `!` end a command, also between single quotes.
pub(super) fn warn_of_comment(statement: &Statement, report: &mut Report) {
    let comment = statement.rest.as_ref().and_then(|rest| rest.comment);
    if let Some(comment) = comment {
        report
            .warning(
                Kind::Syntax,
                comment,
                format!(
                    "the command of {} ends here: what follows is a comment, as in keepalived",
                    quote(&statement.keyword.text)
                ),
            )
            .help("write a backslash before the character, or the command in double quotes");
    }
}

/// A command as [`command_words`] reads it back.
pub(in crate::config) fn show_command(words: Option<&[String]>) -> Vec<String> {
    let line = |words: &[String]| match words {
        [word] => escape(&inner(word)),
        _ => {
            let words: Vec<String> = words.iter().map(|word| escape(word)).collect();
            words.join(" ")
        }
    };
    words.map(line).into_iter().collect()
}

/// A word of a line that is one word itself.
fn inner(word: &str) -> String {
    let plain = |c: char| !c.is_ascii() || is_plain(c);
    word.chars()
        .map(|c| if plain(c) { c.to_string() } else { octal(c) })
        .collect()
}

pub(super) fn escape(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let escaped = |c: char| c.is_ascii_control() || matches!(c, '"' | '\\' | '$');
    let text: String = word
        .chars()
        .map(|c| if escaped(c) { octal(c) } else { c.to_string() })
        .collect();
    format!("\"{text}\"")
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c)
}

fn octal(c: char) -> String {
    format!("\\{:03o}", u32::from(c))
}
