//! `vrrp_script`, `vrrp_track_process`, `track_file` and `track_group`.

use super::{
    Draft, Placed, command,
    iproute::Uses,
    line::{self, report_without},
    value::{self, report_illegal},
    words,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::{Seen, track},
    model::track::{
        InitialContent, ParameterMatch, TrackFile, TrackGroup, TrackProcess, TrackWeight,
        VrrpScript,
    },
    need::Runner,
    source::Spanned,
};

/// The largest number, either way, that changes a priority.
const SENSIBLE: u32 = 254;

/// A `track_group` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct GroupDraft {
    instances: Vec<String>,
    uses: Uses,
}

pub(in crate::config) fn read_group(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut group = GroupDraft::default();
    track::GROUP.read(statement.statements(), &mut group, report);
    if group.instances.is_empty() {
        report_without(statement, &name, "group", report);
    }
    draft.node.uses.append(group.uses);
    draft.node.track_groups.push(Placed {
        at: name.span,
        value: TrackGroup {
            name: name.value,
            instances: group.instances,
        },
    });
}

/// Names, one or more a line.
pub(in crate::config) fn members(
    group: &mut GroupDraft,
    statement: &Statement,
    report: &mut Report,
) {
    for line in line::lines(statement, "name", report) {
        for word in line::words(line) {
            let name = word.text.to_string();
            group
                .uses
                .instances
                .push(Spanned::new(name.clone(), word.span));
            group.instances.push(name);
        }
    }
}

/// `weight NUMBER [reverse]`.
pub(in crate::config) fn weight(
    statement: &Statement,
    limit: i64,
    report: &mut Report,
) -> Option<TrackWeight> {
    value::warn_of_rest(statement, 2, report);
    let expected = format!("a whole number from -{limit} to {limit}");
    let word = value::required(statement, expected, report)?;
    let value = value::number(word, "weight", -limit..=limit, report);
    let is_reversed = match statement.arguments.get(1) {
        None => false,
        Some(word) if &*word.text == "reverse" => true,
        Some(word) => {
            report_illegal(word, "weight", report).expected("`reverse` or nothing");
            return None;
        }
    };
    Some(TrackWeight {
        value: value?.value.try_into().ok()?,
        is_reversed,
    })
}

pub(in crate::config) fn read_script(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut script = VrrpScript::new(&name.value, Vec::new());
    let seen = track::SCRIPT.read(statement.statements(), &mut script, report);
    if !seen.has("script") {
        report_without(statement, &name, "script", report);
    }
    let owner = script.user.as_ref();
    let words = &script.command;
    command::note_program(
        ["script", "user"],
        words,
        owner,
        Runner::TrackScript,
        &seen,
        report,
    );
    if !seen.has("timeout") {
        script.timeout = script.interval;
    }
    draft.node.scripts.push(Placed {
        value: script,
        at: name.span,
    });
}

pub(in crate::config) fn script(
    script: &mut VrrpScript,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(words) = command::script(statement, report) {
        script.command = words;
    }
}

pub(in crate::config) fn user(script: &mut VrrpScript, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 2, report);
    script.user = words::owner(&statement.arguments);
    if script.user.is_none() {
        value::report_missing(statement, "USER [GROUP]", report);
    }
}

pub(in crate::config) fn read_process(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut process = TrackProcess::new(&name.value, "");
    let seen = track::PROCESS.read(statement.statements(), &mut process, report);
    if !seen.has("process") {
        report_without(statement, &name, "process", report);
    }
    finish_quorum(&mut process, &name, &seen, report);
    let has_parameters = !process.parameters.is_empty();
    if has_parameters && process.parameter_match == ParameterMatch::Ignored {
        process.parameter_match = ParameterMatch::Exact;
    }
    // Only the command line has parameters.
    process.full_command |= process.parameter_match != ParameterMatch::Ignored;
    draft.node.track_processes.push(Placed {
        value: process,
        at: name.span,
    });
}

/// With `quorum_max 0` the process must not run, so that none is enough.
fn finish_quorum(
    process: &mut TrackProcess,
    name: &Spanned<String>,
    seen: &Seen,
    report: &mut Report,
) {
    if process.quorum_max == 0 && !seen.has("quorum") {
        process.quorum = 0;
    }
    if process.quorum > process.quorum_max {
        report
            .error(
                Kind::Conflict,
                name.span,
                format!(
                    "vrrp_track_process {} can never be up: `quorum` {} is above `quorum_max` {}",
                    quote(&name.value),
                    process.quorum,
                    process.quorum_max
                ),
            )
            .help("keepalived ignores the later one of them");
    }
}

/// A quoted word is one word, blanks or not.
pub(in crate::config) fn process(
    process: &mut TrackProcess,
    statement: &Statement,
    report: &mut Report,
) {
    let mut words = statement
        .quoted_arguments(report)
        .into_iter()
        .map(|word| word.text.to_string());
    match words.next() {
        Some(path) => {
            process.process = path;
            process.parameters = words.collect();
        }
        None => value::report_missing(statement, "NAME or PATH [PARAMETER…]", report),
    }
}

pub(in crate::config) fn show_process(process: &TrackProcess) -> Vec<String> {
    let words = std::iter::once(&process.process).chain(&process.parameters);
    let words: Vec<String> = words.map(|word| command::show_word(word)).collect();
    vec![words.join(" ")]
}

pub(in crate::config) fn parameter_match(
    process: &mut TrackProcess,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    process.parameter_match = match statement.arguments.first() {
        None => ParameterMatch::Exact,
        Some(word) => match &*word.text {
            "initial" => ParameterMatch::Initial,
            "partial" => ParameterMatch::Partial,
            _ => {
                report_illegal(word, "param_match", report).expected("initial, partial or nothing");
                return;
            }
        },
    };
}

pub(in crate::config) fn show_parameter_match(process: &TrackProcess) -> Vec<String> {
    match process.parameter_match {
        ParameterMatch::Ignored => Vec::new(),
        ParameterMatch::Exact => vec![String::new()],
        ParameterMatch::Initial => vec!["initial".to_owned()],
        ParameterMatch::Partial => vec!["partial".to_owned()],
    }
}

pub(in crate::config) fn read_file(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut file = TrackFile::new(&name.value, "");
    let seen = track::FILE.read(statement.statements(), &mut file, report);
    if !seen.has("file") {
        report_without(statement, &name, "file", report);
    }
    draft.node.track_files.push(Placed {
        value: file,
        at: name.span,
    });
}

/// `[NUMBER] [overwrite]`, in any order as in keepalived.
pub(in crate::config) fn init_file(
    file: &mut TrackFile,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    let mut content = InitialContent::default();
    for word in statement.arguments.iter().take(2) {
        if &*word.text == "overwrite" {
            content.overwrite = true;
            continue;
        }
        let legal = i64::from(i32::MIN)..=i64::from(i32::MAX);
        let number = value::number(word, "init_file", legal, report);
        if let Some(number) = number.and_then(Spanned::convert::<i32>) {
            if number.value.unsigned_abs() > SENSIBLE {
                report.warning(
                    Kind::Value,
                    number.span,
                    format!(
                        "{} is more than any priority can take: from -{SENSIBLE} to {SENSIBLE}",
                        number.value
                    ),
                );
            }
            content.value = number.value;
        }
    }
    file.init = Some(content);
}

pub(in crate::config) fn show_init_file(file: &TrackFile) -> Vec<String> {
    let line = |content: InitialContent| {
        let overwrite = if content.overwrite { " overwrite" } else { "" };
        format!("{}{overwrite}", content.value)
    };
    file.init.map(line).into_iter().collect()
}
