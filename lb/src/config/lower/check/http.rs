//! `HTTP_GET`, `SSL_GET` and their `url`.

use ::http::uri::PathAndQuery;

use super::{
    Above, CheckDraft, HTTP as HTTP_DEFAULTS, Named, ProbeDraft, RealServerDraft, check_authority,
};
use crate::{
    checker::dialogue::pattern::Pattern,
    config::{
        ast::Statement,
        diagnostic::{Kind, Report, quote},
        keyword::{
            Table,
            check::http::{HTTP, HTTP_URL, SSL, SSL_URL},
        },
        lower::value,
        model::{
            Word as _,
            check::{Http, HttpProtocol, Probe, Regex, RegexOption, StatusCodes, Url},
        },
        source::{Span, Spanned},
        suggest::nearest,
    },
};

/// The largest offset, of `size_t` where that has 32 bits.
pub(in crate::config) const MAX_OFFSET: i64 = 0xffff_ffff;

/// A `HTTP_GET` or `SSL_GET` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct HttpDraft {
    pub(in crate::config) virtualhost: Option<String>,
    pub(in crate::config) protocol: HttpProtocol,
    pub(in crate::config) sni: bool,
    pub(in crate::config) sni_name: Option<String>,
    pub(in crate::config) fast_recovery: bool,
    pub(in crate::config) tls_compliant: bool,
    pub(super) urls: Vec<UrlDraft>,
    /// Whether a `url` was refused: then "no url" would be no news.
    has_refused_url: bool,
}

/// A `url` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct UrlDraft {
    pub(in crate::config) path: Option<Spanned<String>>,
    status: Vec<StatusCodes>,
    digest: Option<[u8; 16]>,
    pub(in crate::config) virtualhost: Option<String>,
    has_regex: bool,
    /// Where the expression is.
    regex_at: Option<Span>,
    pub(in crate::config) regex: Regex,
    /// A keyword that needs `regex`.
    needs_regex: Option<(&'static str, Span)>,
    pub(in crate::config) tls_compliant: Option<bool>,
}

impl UrlDraft {
    /// Remembers a keyword that has no effect without `regex`.
    pub(in crate::config) fn note_regex(&mut self, keyword: &'static str, span: Span) {
        self.needs_regex.get_or_insert((keyword, span));
    }
}

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::<ProbeDraft<HttpDraft>>::default();
    HTTP.read(statement.statements(), &mut *check, report);
    if !(check.settings.urls.is_empty() && check.settings.has_refused_url) {
        let check = CheckDraft::Http(statement.keyword.span, check);
        draft.checks.push(check);
    }
}

pub(in crate::config) fn read_ssl(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::<ProbeDraft<HttpDraft>>::default();
    SSL.read(statement.statements(), &mut *check, report);
    if !(check.settings.urls.is_empty() && check.settings.has_refused_url) {
        let check = CheckDraft::Ssl(statement.keyword.span, check);
        draft.checks.push(check);
    }
}

/// A check without a page passes whatever happens; keepalived drops it with a message.
pub(super) fn report_no_url(at: Span, report: &mut Report) {
    report
        .error(
            Kind::Missing,
            at,
            "the check has no `url`: nothing would be checked".to_owned(),
        )
        .help("write `url { path / }` in its block");
}

pub(super) fn finish(
    draft: ProbeDraft<HttpDraft>,
    at: Span,
    above: &Above<'_>,
    names: &mut Vec<Named>,
    report: &mut Report,
) -> Box<Probe<Http>> {
    if draft.settings.protocol == HttpProtocol::V2 {
        draft.settings.check_http2(at, report);
    }
    let settings = draft.settings.finish(above.virtualhost);
    if settings.protocol == HttpProtocol::V2 {
        for url in &settings.urls {
            check_authority(url.virtualhost.as_deref(), at, report);
        }
    }
    Box::new(Probe {
        connection: draft
            .connection
            .finish(at, HTTP_DEFAULTS, above, names, report),
        settings,
    })
}

pub(in crate::config) fn read_url(
    draft: &mut ProbeDraft<HttpDraft>,
    statement: &Statement,
    report: &mut Report,
) {
    read_url_by(&HTTP_URL, draft, statement, report);
}

pub(in crate::config) fn read_ssl_url(
    draft: &mut ProbeDraft<HttpDraft>,
    statement: &Statement,
    report: &mut Report,
) {
    read_url_by(&SSL_URL, draft, statement, report);
}

fn read_url_by(
    table: &Table<UrlDraft, Url>,
    draft: &mut ProbeDraft<HttpDraft>,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut url = UrlDraft::default();
    table.read(statement.statements(), &mut url, report);
    url.check(report);
    if url.path.is_some() {
        draft.settings.urls.push(url);
        return;
    }
    draft.settings.has_refused_url = true;
    report
        .error(
            Kind::Missing,
            statement.keyword.span,
            "the `url` has no `path`".to_owned(),
        )
        .help("write `path /` in its block");
}

/// Codes and ranges of codes.
pub(in crate::config) fn read_status(
    draft: &mut UrlDraft,
    statement: &Statement,
    report: &mut Report,
) {
    const EXPECTED: &str = "a code from 100 to 599, or a range such as 200-299";
    if statement.arguments.is_empty() {
        value::report_missing(statement, EXPECTED, report);
    }
    for word in &statement.arguments {
        let (first, last) = word
            .text
            .split_once('-')
            .unwrap_or((&word.text, &word.text));
        let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code));
        match (code(first), code(last)) {
            (Some(first), Some(last)) if first <= last => {
                draft.status.push(StatusCodes { first, last });
            }
            _ => {
                value::report_illegal(word, "status_code", report).expected(EXPECTED);
            }
        }
    }
}

pub(in crate::config) fn read_digest(
    draft: &mut UrlDraft,
    statement: &Statement,
    report: &mut Report,
) {
    const EXPECTED: &str = "32 hexadecimal digits, as genhash prints them";
    value::warn_of_rest(statement, 1, report);
    let Some(word) = value::required(statement, EXPECTED, report) else {
        return;
    };
    let is_digest = word.text.len() == 32 && word.text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = u128::from_str_radix(&word.text, 16).ok();
    draft.digest = digest.filter(|_| is_digest).map(u128::to_be_bytes);
    if draft.digest.is_none() {
        value::report_illegal(word, "digest", report).expected(EXPECTED);
    }
}

pub(in crate::config) fn show_digest(digest: Option<[u8; 16]>) -> Vec<String> {
    let text = |digest| format!("{:032x}", u128::from_be_bytes(digest));
    digest.map(text).into_iter().collect()
}

pub(in crate::config) fn read_regex(
    draft: &mut UrlDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let words = statement.quoted_arguments(report);
    draft.has_regex = true;
    let Some(pattern) = words.first() else {
        if statement.arguments.is_empty() {
            value::report_missing(statement, "a regular expression", report);
        }
        return;
    };
    if let Some(extra) = words.get(1) {
        report
            .warning(
                Kind::Syntax,
                extra.span,
                format!(
                    "{} is more than `regex` takes and is ignored, as in keepalived",
                    quote(&extra.text)
                ),
            )
            .help("put the whole expression in double quotes");
    }
    draft.regex.pattern = pattern.text.to_string();
    draft.regex_at = Some(pattern.span);
}

pub(in crate::config) fn read_regex_options(
    draft: &mut UrlDraft,
    statement: &Statement,
    report: &mut Report,
) {
    draft.note_regex("regex_options", statement.keyword.span);
    if statement.arguments.is_empty() {
        value::report_missing(statement, "names of PCRE2's options", report);
    }
    for word in &statement.arguments {
        let mut words = RegexOption::WORDS.iter();
        let place = words.position(|known| *known == &*word.text);
        let Some(option) = place.and_then(RegexOption::at) else {
            let finding = value::report_illegal(word, "regex_options", report);
            match nearest(&word.text, RegexOption::WORDS.iter().copied()) {
                Some(meant) => finding.help(format!("did you mean {}?", quote(meant))),
                None => finding.expected(format_args!("some of {}", RegexOption::WORDS.join(" "))),
            };
            continue;
        };
        if !draft.regex.options.contains(&option) {
            draft.regex.options.push(option);
        }
    }
}

pub(in crate::config) fn show_regex_options(url: &Url) -> Vec<String> {
    let options = url.regex.iter().flat_map(|regex| &regex.options);
    let words = options.filter_map(|option| RegexOption::WORDS.get(option.place()?).copied());
    let words: Vec<&str> = words.collect();
    (!words.is_empty())
        .then(|| words.join(" "))
        .into_iter()
        .collect()
}

pub(in crate::config) fn read_regex_stack(
    draft: &mut UrlDraft,
    statement: &Statement,
    report: &mut Report,
) {
    draft.note_regex("regex_stack", statement.keyword.span);
    value::warn_of_rest(statement, 2, report);
    let [start, max, ..] = &statement.arguments[..] else {
        value::report_missing(statement, "START MAX, in bytes", report);
        return;
    };
    let mut size = |word| value::number(word, "regex_stack", 1..=MAX_OFFSET, report);
    let (Some(first), Some(last)) = (size(start), size(max)) else {
        return;
    };
    if first.value > last.value {
        value::report_illegal(max, "regex_stack", report)
            .expected("the largest size not to be below the first");
        return;
    }
    draft.regex.stack = Some((first.value.unsigned_abs(), last.value.unsigned_abs()));
}

impl UrlDraft {
    /// What fits together only once the block is read.
    fn check(&self, report: &mut Report) {
        if let (Some(at), Err(why)) = (self.regex_at, Pattern::new(&self.regex)) {
            report
                .error(
                    Kind::Value,
                    at,
                    format!("this is no regular expression: {why}"),
                )
                .help("pcre2pattern(3) says what one is");
        }
        if let (Some((keyword, span)), false) = (self.needs_regex, self.has_regex) {
            report
                .warning(
                    Kind::Conflict,
                    span,
                    format!("{} has no effect without `regex`", quote(keyword)),
                )
                .help("write `regex`, or remove it");
        }
        let max = self.regex.max_offset.unwrap_or(u64::MAX);
        if let (true, Some((_, span))) = (self.regex.min_offset > max, self.needs_regex) {
            report.warning(
                Kind::Conflict,
                span,
                format!(
                    "regex_min_offset {} is above regex_max_offset {max}: nothing will match",
                    self.regex.min_offset
                ),
            );
        }
        let path = self.path.as_ref();
        let is_odd = |path: &&Spanned<String>| {
            !path.value.starts_with('/') && !path.value.contains("://") && path.value != "*"
        };
        if let Some(path) = path.filter(is_odd) {
            report
                .warning(
                    Kind::Value,
                    path.span,
                    format!("path {} does not start with `/`", quote(&path.value)),
                )
                .help("most servers refuse such a request");
        }
    }

    fn finish(self, check: &HttpDraft, virtualhost: Option<&str>) -> Option<Url> {
        let own = self.virtualhost.or_else(|| check.virtualhost.clone());
        Some(Url {
            path: self.path?.value,
            status: if self.status.is_empty() {
                vec![StatusCodes::SUCCESS]
            } else {
                self.status
            },
            digest: self.digest,
            virtualhost: own.or_else(|| virtualhost.map(str::to_owned)),
            regex: self.has_regex.then_some(self.regex),
            tls_compliant: self.tls_compliant.unwrap_or(check.tls_compliant),
        })
    }
}

impl HttpDraft {
    /// What HTTP/2 cannot carry, and what means nothing there.
    fn check_http2(&self, at: Span, report: &mut Report) {
        for path in self.urls.iter().filter_map(|url| url.path.as_ref()) {
            let parsed = path.value.parse::<PathAndQuery>();
            if parsed.is_ok() && path.value.starts_with('/') {
                continue;
            }
            report
                .error(
                    Kind::Value,
                    path.span,
                    format!("HTTP/2 cannot ask for the path {}", quote(&path.value)),
                )
                .help("begin it with `/`, and write what is no letter of a URL as `%` and two hexadecimal digits");
        }
        let mut urls = self.urls.iter();
        if self.tls_compliant || urls.any(|url| url.tls_compliant == Some(true)) {
            report.warning(
                Kind::Conflict,
                at,
                "`tls_compliant` has no effect with `http_protocol 2`: an answer ends before TLS does"
                    .to_owned(),
            );
        }
    }

    fn finish(mut self, virtualhost: Option<&str>) -> Http {
        let drafts = std::mem::take(&mut self.urls).into_iter();
        let mut urls: Vec<_> = drafts
            .filter_map(|url| url.finish(&self, virtualhost))
            .collect();
        // The drafts were larger, and the list may lie where they did.
        urls.shrink_to_fit();
        Http {
            urls,
            protocol: self.protocol,
            sni: self.sni,
            sni_name: self.sni_name,
            fast_recovery: self.fast_recovery,
        }
    }
}
