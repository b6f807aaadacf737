//! Blocks whose lines have no keyword.

use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::refuse_directive,
    lower::value,
    source::Spanned,
};

/// The lines of a block that may be read; `what` is what each of them is.
pub(in crate::config) fn lines<'s>(
    statement: &'s Statement,
    what: &str,
    report: &mut Report,
) -> Vec<&'s Statement> {
    value::warn_of_rest(statement, 0, report);
    let lines = statement.statements().iter();
    lines
        .filter(|line| !report.is_full() && may_be_read(line, what, report))
        .collect()
}

/// Reads the lines of a block that may be read, and says whether all of them may.
pub(in crate::config) fn read_each<'s>(
    statement: &'s Statement,
    report: &mut Report,
    mut read: impl FnMut(&'s Statement, &mut Report),
) -> bool {
    value::warn_of_rest(statement, 0, report);
    let mut all = true;
    for line in statement.statements() {
        if report.is_full() {
            break;
        }
        if refuse_directive(line, report) || value::refuse_block(line, report) {
            all = false;
        } else {
            read(line, report);
        }
    }
    all
}

fn may_be_read(line: &Statement, what: &str, report: &mut Report) -> bool {
    if line.block.is_some() {
        report.error(
            Kind::Syntax,
            line.keyword.span,
            format!("the {what} {} takes no block", quote(&line.keyword.text)),
        );
        return false;
    }
    !refuse_directive(line, report)
}

/// The words of a line.
pub(in crate::config) fn words(line: &Statement) -> Vec<Word> {
    let keyword = std::iter::once(&line.keyword);
    keyword.chain(&line.arguments).cloned().collect()
}

/// The name of a block, which must be there.
pub(in crate::config) fn name(
    statement: &Statement,
    report: &mut Report,
) -> Option<Spanned<String>> {
    value::warn_of_rest(statement, 1, report);
    let keyword = &statement.keyword;
    let Some(word) = statement.arguments.first() else {
        report
            .error(
                Kind::Missing,
                keyword.span,
                format!("{} needs a name", quote(&keyword.text)),
            )
            .expected(format_args!("`{} NAME {{`", keyword.text));
        return None;
    };
    Some(Spanned::new(word.text.to_string(), word.span))
}

/// Reports a block without something it needs.
pub(in crate::config) fn report_without(
    statement: &Statement,
    name: &Spanned<String>,
    missing: &str,
    report: &mut Report,
) {
    report
        .error(
            Kind::Missing,
            name.span,
            format!(
                "{} {} has no {}",
                statement.keyword.text,
                quote(&name.value),
                quote(missing)
            ),
        )
        .help(format!("write `{missing} …` in its block"));
}
