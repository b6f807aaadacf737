//! `authentication` and `auth_hmac`. No sentence here tells a password or a key.

use std::time::Duration;

use super::{InstanceDraft, election::Facts};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Finding, Kind, Report, quote},
    keyword::{
        Seen,
        vrrp::authentication::{AUTHENTICATION, HMAC},
    },
    lower::value,
    model::{
        AdvertInterval, Family, InitialState, Version, Word as _,
        vrrp::{
            AntiReplay, Authentication, AuthenticationType, Hmac, HmacKey, HmacMode, KeySource,
            Secret,
        },
    },
    need::{Need, SecretKind},
    show,
    source::{Span, Spanned},
};

/// What of a password keepalived takes.
const PASSWORD: usize = 8;
/// Legal lengths of a key, in bytes.
pub(in crate::config) const KEY: std::ops::RangeInclusive<usize> = 32..=64;
/// The shortest and the longest `time_window`, in seconds.
const SHORTEST_WINDOW: u64 = 5;
const LONGEST_WINDOW: u64 = 300;
const EXPECTED_KEY: &str =
    "ID VALUE: an id from 1 to 255, and 32 to 64 bytes as text, hex:DIGITS or file:PATH";

/// `authentication` as written.
#[derive(Debug)]
pub(in crate::config) struct AuthenticationDraft {
    at: Span,
    pub(in crate::config) kind: Option<Spanned<AuthenticationType>>,
    password: Option<Secret>,
    seen: Seen,
}

/// `auth_hmac` as written.
#[derive(Debug)]
pub(in crate::config) struct HmacDraft {
    at: Span,
    keys: Vec<Spanned<HmacKey>>,
    has_refused_key: bool,
    pub(in crate::config) active: Option<Spanned<u8>>,
    pub(in crate::config) window: Option<Spanned<Duration>>,
    pub(in crate::config) anti_replay: Option<Spanned<AntiReplay>>,
    pub(in crate::config) mode: Option<Spanned<HmacMode>>,
}

pub(in crate::config) fn read(
    draft: &mut InstanceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    hide_arguments(statement, &["auth_type"], report);
    value::warn_of_rest(statement, 0, report);
    let mut read = AuthenticationDraft {
        at: statement.keyword.span,
        kind: None,
        password: None,
        seen: Seen::default(),
    };
    read.seen = AUTHENTICATION.read(statement.statements(), &mut read, report);
    draft.authentication = Some(read);
}

pub(in crate::config) fn read_hmac(
    draft: &mut InstanceDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let open = ["active_key", "time_window", "anti_replay", "mode"];
    hide_arguments(statement, &open, report);
    value::warn_of_rest(statement, 0, report);
    let mut read = HmacDraft {
        at: statement.keyword.span,
        keys: Vec::new(),
        has_refused_key: false,
        active: None,
        window: None,
        anti_replay: None,
        mode: None,
    };
    HMAC.read(statement.statements(), &mut read, report);
    draft.hmac = Some(read);
}

/// A misspelt keyword is followed by a secret too.
fn hide_arguments(block: &Statement, open: &[&str], report: &mut Report) {
    let lines = block.statements().iter();
    let secret = lines.filter(|line| !open.contains(&&*line.keyword.text));
    for word in secret.flat_map(|line| &line.arguments) {
        report.hide(word.span);
    }
}

pub(in crate::config) fn read_password(
    draft: &mut AuthenticationDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let at = statement.keyword.span;
    let [word, rest @ ..] = &*statement.arguments else {
        value::report_missing(statement, "a password of at most 8 bytes", report);
        return;
    };
    if !rest.is_empty() {
        report
            .warning(
                Kind::Syntax,
                at,
                "`auth_pass` takes one word; what follows it is ignored, as in keepalived"
                    .to_owned(),
            )
            .help("write a password with blanks in double quotes");
    }
    let mut password = &*word.text;
    if password.len() > PASSWORD {
        let end = (0..=PASSWORD)
            .rev()
            .find(|end| password.is_char_boundary(*end));
        password = password.get(..end.unwrap_or(0)).unwrap_or_default();
        report.warning(
            Kind::Value,
            at,
            "only the first 8 bytes of `auth_pass` count, as in keepalived".to_owned(),
        );
    }
    draft.password = Some(password.to_owned().into());
}

pub(in crate::config) fn show_password(authentication: &Authentication) -> Vec<String> {
    vec![show::text(authentication.password.expose())]
}

/// `key ID VALUE`.
pub(in crate::config) fn read_key(
    draft: &mut HmacDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let at = statement.keyword.span;
    let words: [&Word; 2] = match &*statement.arguments {
        [id, value] => [id, value],
        _ => {
            draft.has_refused_key = true;
            refuse_key("`key` takes two words", at, report);
            return;
        }
    };
    let id: Option<u8> = words[0].text.parse().ok().filter(|id| *id > 0);
    let source = key_source(&words[1].text);
    let (Some(id), Some(source)) = (id, source) else {
        draft.has_refused_key = true;
        let what = if id.is_none() {
            "the id of a `key` is not legal"
        } else {
            "the value of a `key` is not legal"
        };
        refuse_key(what, at, report);
        return;
    };
    if let Some(first) = draft.keys.iter().find(|key| key.value.id == id) {
        report
            .error(Kind::Duplicate, at, format!("key {id} is given twice"))
            .related(first.span, "first given")
            .help("give each key an id of its own");
        return;
    }
    if let KeySource::File(path) = &source {
        let path = path.clone();
        let secret = SecretKind::Key(id);
        report.needs(Need::SecretFile { secret, path }, at);
    }
    draft.keys.push(Spanned::new(HmacKey { id, source }, at));
}

fn refuse_key<'r>(what: &str, at: Span, report: &'r mut Report) -> &'r mut Finding {
    let finding = report.error(Kind::Value, at, what.to_owned());
    finding.expected(EXPECTED_KEY)
}

fn key_source(text: &str) -> Option<KeySource> {
    if let Some(path) = text.strip_prefix("file:") {
        return (!path.is_empty()).then(|| KeySource::File(path.to_owned()));
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        let legal = digits.len() % 2 == 0
            && KEY.contains(&(digits.len() / 2))
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        return legal.then(|| KeySource::Hex(digits.to_owned().into()));
    }
    KEY.contains(&text.len())
        .then(|| KeySource::Text(text.to_owned().into()))
}

pub(in crate::config) fn show_keys(hmac: &Hmac) -> Vec<String> {
    let line = |key: &HmacKey| {
        let source = match &key.source {
            KeySource::Text(text) => text.expose().to_owned(),
            KeySource::Hex(digits) => format!("hex:{}", digits.expose()),
            KeySource::File(path) => format!("file:{path}"),
        };
        format!("{} {}", key.id, show::text(&source))
    };
    hmac.keys.iter().map(line).collect()
}

/// keepalived clears what does not go together, with a message.
pub(super) fn finish(
    draft: &InstanceDraft,
    facts: Facts,
    family: Family,
    report: &mut Report,
) -> Option<Authentication> {
    let given = draft.authentication.as_ref()?;
    let is_header = |kind: &Spanned<AuthenticationType>| kind.value == AuthenticationType::Header;
    let is_header = given.kind.as_ref().is_some_and(is_header);
    let is_master = facts.state == InitialState::Master;
    let why = if facts.version == Version::V3 {
        "VRRP version 3 has none"
    } else if facts.strict {
        "`strict_mode` allows none"
    } else if is_header && family == Family::V6 {
        "AH is for IPv4"
    } else if is_header && is_master {
        "AH does not go with `state MASTER`"
    } else {
        match (&given.kind, &given.password) {
            (Some(kind), Some(password)) => {
                return Some(Authentication {
                    kind: kind.value,
                    password: password.clone(),
                });
            }
            (None, _) if !given.seen.has("auth_type") => "it has no `auth_type`",
            (_, None) if !given.seen.has("auth_pass") => "it has no `auth_pass`",
            // Told already.
            _ => return None,
        }
    };
    report
        .warning(
            Kind::Conflict,
            given.at,
            format!("`authentication` is ignored: {why}, as in keepalived"),
        )
        .help("write it alike on every node");
    None
}

pub(super) fn finish_hmac(
    draft: &InstanceDraft,
    interval: AdvertInterval,
    strict: bool,
    report: &mut Report,
) -> Option<Hmac> {
    let given = draft.hmac.as_ref()?;
    if let Some(other) = &draft.authentication {
        report
            .error(
                Kind::Conflict,
                given.at,
                "`auth_hmac` and `authentication` do not go together".to_owned(),
            )
            .related(other.at, "authentication")
            .help("keep `auth_hmac`, on every node");
    }
    let active_key = finish_active(given, report)?;
    let window = (3 * interval.get().as_secs()).clamp(SHORTEST_WINDOW, LONGEST_WINDOW);
    let window = Duration::from_secs(window);
    Some(Hmac {
        keys: given.keys.iter().map(|key| key.value.clone()).collect(),
        active_key,
        time_window: given.window.map_or(window, |window| window.value),
        anti_replay: given
            .anti_replay
            .map(|given| given.value)
            .unwrap_or_default(),
        mode: finish_mode(given, strict, report),
    })
}

/// keepalived runs on without any proof, with a message; here that is an error.
fn finish_active(given: &HmacDraft, report: &mut Report) -> Option<u8> {
    let Some(active) = given.active else {
        report
            .error(
                Kind::Missing,
                given.at,
                "`auth_hmac` has no `active_key`".to_owned(),
            )
            .help("write the id of the key to sign with");
        return None;
    };
    let known = given.keys.iter().any(|key| key.value.id == active.value);
    if !known && !given.has_refused_key {
        report
            .error(
                Kind::Missing,
                active.span,
                format!("there is no key {}", active.value),
            )
            .help(format!("write `key {} …` in the block", active.value));
    }
    known.then_some(active.value)
}

fn finish_mode(given: &HmacDraft, strict: bool, report: &mut Report) -> HmacMode {
    match given.mode {
        Some(mode) if strict && mode.value != HmacMode::Enforce => {
            let word = mode.value.place().and_then(|at| HmacMode::WORDS.get(at));
            let word = quote(&format!("mode {}", word.unwrap_or(&"")));
            report.warning(
                Kind::Conflict,
                mode.span,
                format!("{word} does not go with `strict_mode`: enforce is used, as in keepalived"),
            );
            HmacMode::Enforce
        }
        mode => mode.map(|mode| mode.value).unwrap_or_default(),
    }
}
