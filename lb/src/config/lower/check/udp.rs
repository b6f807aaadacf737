//! `UDP_CHECK`: bytes in hexadecimal, in words of any length; the last digit of an odd word is a byte of its own.

use super::{CheckDraft, ProbeDraft, RealServerDraft, read_probe};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::check::network,
    lower::value,
    model::check::{MaskedByte, Reply, Udp},
    source::Span,
};

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    read_probe(&network::UDP, CheckDraft::Udp, draft, statement, report);
}

pub(in crate::config) fn read_payload(
    draft: &mut ProbeDraft<Udp>,
    statement: &Statement,
    report: &mut Report,
) {
    if statement.arguments.is_empty() {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                format!("{} needs a value", quote("payload")),
            )
            .expected("bytes in hexadecimal");
        return;
    }
    if let Some(bytes) = bytes(statement, false, report) {
        draft.settings.payload = Some(bytes.iter().map(|byte| byte.value).collect());
    }
}

pub(in crate::config) fn read_reply(
    draft: &mut ProbeDraft<Udp>,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(bytes) = bytes(statement, true, report) {
        draft.settings.reply = if bytes.is_empty() {
            Reply::Any
        } else {
            Reply::Matching(bytes)
        };
    }
}

fn bytes(statement: &Statement, may_mask: bool, report: &mut Report) -> Option<Vec<MaskedByte>> {
    let mut bytes = Vec::new();
    for word in &statement.arguments {
        for text in word.text.split_ascii_whitespace() {
            let digits = text.chars().map(|c| nibble(c, may_mask));
            let Some(digits) = digits.collect::<Option<Vec<MaskedByte>>>() else {
                let expected = if may_mask {
                    "hexadecimal digits, and x for one that may be any"
                } else {
                    "hexadecimal digits"
                };
                value::report_illegal(word, &statement.keyword.text, report).expected(expected);
                return None;
            };
            bytes.extend(digits.chunks(2).map(|pair| match pair {
                [high, low] => MaskedByte {
                    value: high.value << 4 | low.value,
                    mask: high.mask << 4 | low.mask,
                },
                _ => MaskedByte {
                    value: pair[0].value,
                    mask: 0xf0 | pair[0].mask,
                },
            }));
        }
    }
    Some(bytes)
}

/// A digit as the low half of a byte.
fn nibble(c: char, may_mask: bool) -> Option<MaskedByte> {
    if may_mask && c.eq_ignore_ascii_case(&'x') {
        return Some(MaskedByte { value: 0, mask: 0 });
    }
    let value = u8::try_from(c.to_digit(16)?).ok()?;
    Some(MaskedByte { value, mask: 0x0f })
}

pub(super) fn warn_of_lengths(udp: &Udp, at: Span, report: &mut Report) {
    if udp.min_reply > udp.max_reply {
        report
            .warning(
                Kind::Conflict,
                at,
                format!(
                    "min_reply_length {} is above max_reply_length {}: no answer will do",
                    udp.min_reply, udp.max_reply
                ),
            )
            .help("write a larger max_reply_length");
    }
}

pub(in crate::config) fn show_payload(udp: &Udp) -> Vec<String> {
    let bytes = udp.payload.iter();
    let text = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.map(text).collect()
}

pub(in crate::config) fn show_reply(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::NotRequired => Vec::new(),
        Reply::Any => vec![String::new()],
        Reply::Matching(bytes) => {
            let byte = |byte: &MaskedByte| {
                let half = |shift: u8| match byte.mask >> shift & 0x0f {
                    0 => "x".to_owned(),
                    _ => format!("{:x}", byte.value >> shift & 0x0f),
                };
                half(4) + &half(0)
            };
            vec![bytes.iter().map(byte).collect()]
        }
    }
}
