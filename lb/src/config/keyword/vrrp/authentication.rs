//! `authentication` and `auth_hmac`.

use std::time::Duration;

use super::Instance;
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Takes, field},
    },
    lower::vrrp::authentication::{self, AuthenticationDraft, HmacDraft},
    model::{
        Word as _,
        vrrp::{AntiReplay, Authentication, AuthenticationType, Hmac, HmacMode},
    },
};

pub(super) const BLOCKS: &[Instance] = &[
    Instance::new(
        &["authentication"],
        Takes::Block {
            usage: "",
            read: authentication::read,
            show: |model, page| {
                if let Some(given) = &model.authentication {
                    page.block("authentication", |page| AUTHENTICATION.show(given, page));
                }
            },
        },
    )
    .means("adverts of version 2 carry a proof (removed by RFC 3768)"),
    Instance::new(
        &["auth_hmac"],
        Takes::Block {
            usage: "",
            read: authentication::read_hmac,
            show: |model, page| {
                if let Some(given) = &model.hmac {
                    page.block("auth_hmac", |page| HMAC.show(given, page));
                }
            },
        },
    )
    .means("adverts end with an HMAC (an extension of keepalived's)"),
];

type OldKeyword = Keyword<AuthenticationDraft, Authentication>;
type HmacKeyword = Keyword<HmacDraft, Hmac>;

pub(in crate::config) static AUTHENTICATION: Table<AuthenticationDraft, Authentication> = Table {
    block: "authentication",
    groups: &[&[
        OldKeyword::new(
            &["auth_type"],
            Takes::Choice {
                words: AuthenticationType::WORDS,
                any_case: false,
                field: field!(spanned word kind => kind),
            },
        )
        .means("PASS is a password in clear text, AH is HMAC-MD5 in an authentication header"),
        OldKeyword::new(
            &["auth_pass"],
            Takes::Words {
                usage: "a password of at most 8 bytes",
                read: authentication::read_password,
                show: authentication::show_password,
            },
        )
        .means("the password, the same on all nodes"),
    ]],
};

pub(in crate::config) static HMAC: Table<HmacDraft, Hmac> = Table {
    block: "auth_hmac",
    groups: &[&[
        HmacKeyword::new(
            &["key"],
            Takes::Words {
                usage: "an id from 1 to 255, and 32 to 64 bytes as text, hex:DIGITS or file:PATH",
                read: authentication::read_key,
                show: authentication::show_keys,
            },
        )
        .adds_up()
        .means("a key that adverts are checked with; several lines add up"),
        HmacKeyword::new(
            &["active_key"],
            Takes::Number {
                min: 1,
                max: 255,
                field: field!(spanned number active => active_key),
            },
        )
        .means("the id of the key that adverts are signed with; required"),
        HmacKeyword::new(
            &["time_window"],
            Takes::Seconds {
                min: Duration::from_secs(1),
                max: Duration::from_secs(300),
                field: field!(spanned copy window => time_window),
            },
        )
        .default("three advert intervals of whole seconds, at least 5")
        .means("how old an advert may be"),
        HmacKeyword::new(
            &["anti_replay"],
            Takes::Choice {
                words: AntiReplay::WORDS,
                any_case: false,
                field: field!(spanned word anti_replay => anti_replay),
            },
        )
        .default("time")
        .means("adverts are put in order by the clock, or by each sender's count"),
        HmacKeyword::new(
            &["mode"],
            Takes::Choice {
                words: HmacMode::WORDS,
                any_case: false,
                field: field!(spanned word mode => mode),
            },
        )
        .default("enforce")
        .means("adverts without an HMAC are dropped, taken, or taken and sent"),
    ]],
};
