//! `HTTP_GET`, `SSL_GET` and their `url`.

use super::{connect, schedule};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::check::{
        ProbeDraft,
        http::{self as lower, HttpDraft, UrlDraft},
    },
    model::{
        Word as _,
        check::{Http, HttpProtocol, Probe, Url},
    },
    quoted::in_quotes,
};

type HttpKeyword = Keyword<ProbeDraft<HttpDraft>, Probe<Http>>;
type UrlKeyword = Keyword<UrlDraft, Url>;

const RETRY: &str = "the real server's, 1";
const DELAY: &str = "the real server's, 3";

pub(in crate::config) static HTTP: Table<ProbeDraft<HttpDraft>, Probe<Http>> = Table {
    block: "HTTP_GET",
    groups: &[
        &connect(),
        &schedule(RETRY, DELAY),
        REQUESTS,
        &[url(lower::read_url, |probe, page| {
            for url in &probe.settings.urls {
                page.block("url", |page| HTTP_URL.show(url, page));
            }
        })],
    ],
};

pub(in crate::config) static SSL: Table<ProbeDraft<HttpDraft>, Probe<Http>> = Table {
    block: "SSL_GET",
    groups: &[
        &connect(),
        &schedule(RETRY, DELAY),
        REQUESTS,
        &[
            HttpKeyword::boolean(
                &["tls_compliant"],
                Field {
                    set: |draft: &mut ProbeDraft<HttpDraft>, given| {
                        draft.settings.tls_compliant = given.value;
                    },
                    // Each url has it applied.
                    get: |_| None,
                },
            )
            .default("false")
            .means("an end without close_notify is a failure"),
            url(lower::read_ssl_url, |probe, page| {
                for url in &probe.settings.urls {
                    page.block("url", |page| SSL_URL.show(url, page));
                }
            }),
        ],
    ],
};

const REQUESTS: &[HttpKeyword] = &[
    HttpKeyword::text(
        &["virtualhost"],
        Field {
            set: |draft: &mut ProbeDraft<HttpDraft>, given| {
                draft.settings.virtualhost = Some(given.value);
            },
            // Each url has it applied.
            get: |_| None,
        },
    )
    .default("the real server's")
    .means("the Host header"),
    HttpKeyword::new(
        &["http_protocol"],
        Takes::Choice {
            words: HttpProtocol::WORDS,
            any_case: true,
            field: field!(word settings.protocol),
        },
    )
    .default("1.0")
    .means("the version of the request; 1.0C is 1.0 with `Connection: close`, 2 is HTTP/2 (of lb, not of keepalived)"),
    HttpKeyword::boolean(&["enable_sni"], field!(copy settings.sni))
        .default("false")
        .means("names the host in the TLS handshake"),
    HttpKeyword::text(&["sni_name"], field!(some clone settings.sni_name))
        .default("the Host header")
        .means("the name in the TLS handshake"),
    HttpKeyword::boolean(&["fast_recovery"], field!(copy settings.fast_recovery))
        .default("false")
        .means("no delay between the urls of a real server that is to come up"),
    HttpKeyword::number(
        &["nb_get_retry"],
        0,
        0xffff_ffff,
        Field {
            set: |draft: &mut ProbeDraft<HttpDraft>, given| {
                draft.connection.schedule.timing.retry = given.value.try_into().ok();
            },
            get: |_| None,
        },
    )
    .deprecated("retry")
    .means("failures after the first before the real server is down"),
];

const fn url(
    read: fn(
        &mut ProbeDraft<HttpDraft>,
        &crate::config::ast::Statement,
        &mut crate::config::diagnostic::Report,
    ),
    show: fn(&Probe<Http>, &mut crate::config::show::Page),
) -> HttpKeyword {
    let takes = Takes::Block {
        usage: "",
        read,
        show,
    };
    HttpKeyword::new(&["url"], takes).means("a page and what it must be; at least one")
}

pub(in crate::config) static HTTP_URL: Table<UrlDraft, Url> = Table {
    block: "url of HTTP_GET",
    groups: &[ANSWER, PATTERN],
};

pub(in crate::config) static SSL_URL: Table<UrlDraft, Url> = Table {
    block: "url of SSL_GET",
    groups: &[
        ANSWER,
        PATTERN,
        &[
            UrlKeyword::boolean(&["tls_compliant"], field!(given copy tls_compliant))
                .default("that of the check")
                .means("an end without close_notify is a failure"),
        ],
    ],
};

const ANSWER: &[UrlKeyword] = &[
    UrlKeyword::text(
        &["path"],
        Field {
            set: |draft, given| draft.path = Some(given),
            get: |model| Some(model.path.clone()),
        },
    )
    .means("what is asked for; required"),
    UrlKeyword::new(
        &["status_code"],
        Takes::Words {
            usage: "codes from 100 to 599 and ranges such as 200-299",
            read: lower::read_status,
            show: |url| {
                let codes: Vec<String> = url.status.iter().map(ToString::to_string).collect();
                vec![codes.join(" ")]
            },
        },
    )
    .adds_up()
    .default("200-299")
    .means("codes that are a success"),
    UrlKeyword::new(
        &["digest"],
        Takes::Words {
            usage: "32 hexadecimal digits",
            read: lower::read_digest,
            show: |url| lower::show_digest(url.digest),
        },
    )
    .means("MD5 of the body"),
    UrlKeyword::text(&["virtualhost"], field!(some clone virtualhost))
        .default("the check's")
        .means("the Host header"),
];

const PATTERN: &[UrlKeyword] = &[
    UrlKeyword::new(
        &["regex"],
        Takes::Words {
            usage: "a regular expression of PCRE2, quoted as in a shell",
            read: lower::read_regex,
            show: |url| {
                let regex = url.regex.iter();
                regex.map(|regex| in_quotes(&regex.pattern)).collect()
            },
        },
    )
    .means("what the answer must hold"),
    UrlKeyword::flag(
        &["regex_no_match"],
        Field {
            set: |draft, given| {
                draft.note_regex("regex_no_match", given.span);
                draft.regex.no_match = true;
            },
            get: |model| Some(model.regex.as_ref()?.no_match),
        },
    )
    .means("what it must not hold"),
    UrlKeyword::new(
        &["regex_options"],
        Takes::Words {
            usage: "names of PCRE2's compile options, in lower case",
            read: lower::read_regex_options,
            show: lower::show_regex_options,
        },
    )
    .means("how it is compiled"),
    offset(
        &["regex_min_offset"],
        Field {
            set: |draft, given| {
                draft.note_regex("regex_min_offset", given.span);
                draft.regex.min_offset = given.value.unsigned_abs();
            },
            get: |model| i64::try_from(model.regex.as_ref()?.min_offset).ok(),
        },
    )
    .default("0")
    .means("the byte of the answer where the search starts"),
    offset(
        &["regex_max_offset"],
        Field {
            set: |draft, given| {
                draft.note_regex("regex_max_offset", given.span);
                draft.regex.max_offset = Some(given.value.unsigned_abs());
            },
            get: |model| i64::try_from(model.regex.as_ref()?.max_offset?).ok(),
        },
    )
    .default("none")
    .means("the last byte of the answer where a match may start"),
    UrlKeyword::new(
        &["regex_stack"],
        Takes::Words {
            usage: "START MAX, in bytes",
            read: lower::read_regex_stack,
            show: |url| {
                let stack = url.regex.iter().filter_map(|regex| regex.stack);
                stack.map(|(start, max)| format!("{start} {max}")).collect()
            },
        },
    )
    .default("PCRE2's")
    .means("first and largest size of the stack"),
];

const fn offset(names: &'static [&'static str], field: Field<UrlDraft, Url, i64>) -> UrlKeyword {
    UrlKeyword::number(names, 0, lower::MAX_OFFSET, field)
}
