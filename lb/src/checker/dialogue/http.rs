//! `HTTP_GET` and `SSL_GET`: one request, and an answer with the right status, digest and text (RFC 9110, RFC 9112).
//!
//! An answer is over at its `Content-Length`, with its last chunk, or when the connection ends. keepalived waits for the end of the
//! connection in any case.

mod body;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use ::http::HeaderMap;

use self::body::{Body, Framing};
use super::{Dialogue, Exchange, Progress, pattern::Pattern};
use crate::{
    checker::{Answer, ProbeError, ProbeResult},
    config::model::check::{HttpProtocol, StatusCodes, Url},
};

/// Bytes of the longest head of an answer.
const LONGEST_HEAD: usize = 64 << 10;
/// Lines of one.
const LINES: usize = 128;
/// As keepalived calls itself.
pub const USER_AGENT: &str = "KeepAliveClient";

/// A dialogue under way.
#[derive(Debug)]
pub struct Http<'a> {
    url: &'a Url,
    protocol: HttpProtocol,
    target: SocketAddr,
    pattern: Option<Arc<Pattern>>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The head, as far as it is there.
    Head(Vec<u8>),
    Body(Box<Body>),
}

impl<'a> Http<'a> {
    /// Asks the server at `target` for `url`; `pattern` is its regular expression.
    #[must_use]
    pub const fn new(
        url: &'a Url,
        protocol: HttpProtocol,
        target: SocketAddr,
        pattern: Option<Arc<Pattern>>,
    ) -> Self {
        Self {
            url,
            protocol,
            target,
            pattern,
            state: State::Head(Vec::new()),
        }
    }

    /// The digest of the body, once that is over and where the page is to have one.
    #[must_use]
    pub const fn digest(&self) -> Option<[u8; 16]> {
        match &self.state {
            State::Head(_) => None,
            State::Body(body) => body.found(),
        }
    }

    /// The body once the head is there, and the bytes of it that came along.
    fn head(&mut self) -> Result<Option<(Body, Vec<u8>)>, ProbeError> {
        let State::Head(head) = &mut self.state else {
            return Ok(None);
        };
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut answer = httparse::Response::new(&mut lines);
        let parsed = answer
            .parse(head)
            .map_err(|error| ProbeError::because(format!("this is no answer of HTTP: {error}")))?;
        let httparse::Status::Complete(length) = parsed else {
            if head.len() > LONGEST_HEAD {
                return Err(ProbeError::because("the head of the answer has no end"));
            }
            return Ok(None);
        };
        let code = answer.code.unwrap_or_default();
        if (100..200).contains(&code) && code != 101 {
            // The answer follows.
            head.drain(..length);
            return self.head();
        }
        judge_status(self.url, code)?;
        let framing = framing(code, answer.headers)?;
        let rest = head.split_off(length);
        let body = Body::new(framing, self.url, self.pattern.take());
        Ok(Some((body, rest)))
    }

    fn handle_body(&mut self, bytes: &[u8]) -> Progress {
        let State::Body(body) = &mut self.state else {
            return Progress::Wait;
        };
        match body.handle_bytes(self.url, bytes) {
            Ok(false) => Progress::Wait,
            Ok(true) => Progress::Done(body.verdict(self.url).map(|()| Answer::Well)),
            Err(error) => Progress::Done(Err(error)),
        }
    }
}

impl Dialogue for Http<'_> {
    fn start(&mut self) -> Vec<u8> {
        let (version, connection) = match self.protocol {
            HttpProtocol::V10 => ("1.0", ""),
            HttpProtocol::V10Close => ("1.0", "Connection: close\r\n"),
            // HTTP/2 is not said this way: see `Page`.
            HttpProtocol::V11 | HttpProtocol::V2 => ("1.1", "Connection: close\r\n"),
        };
        let host = match &self.url.virtualhost {
            Some(host) => host.clone(),
            None => self.target.to_string(),
        };
        let path = &self.url.path;
        format!(
            "GET {path} HTTP/{version}\r\nUser-Agent: {USER_AGENT}\r\n{connection}Host: {host}\r\n\r\n"
        )
        .into_bytes()
    }

    fn handle_bytes(&mut self, bytes: &[u8]) -> Progress {
        let State::Head(head) = &mut self.state else {
            return self.handle_body(bytes);
        };
        head.extend_from_slice(bytes);
        match self.head() {
            Ok(None) => Progress::Wait,
            Ok(Some((body, rest))) => {
                self.state = State::Body(Box::new(body));
                self.handle_body(&rest)
            }
            Err(error) => Progress::Done(Err(error)),
        }
    }

    fn handle_end(&mut self, is_clean: bool) -> ProbeResult {
        if !is_clean && self.url.tls_compliant {
            return Err(ProbeError::because("TLS ended without close_notify"));
        }
        match &mut self.state {
            State::Head(head) if head.is_empty() => Err(ProbeError::because("no answer")),
            State::Head(_) => Err(ProbeError::because("the answer ends within its head")),
            State::Body(body) => {
                body.handle_end()?;
                body.verdict(self.url).map(|()| Answer::Well)
            }
        }
    }
}

/// The same page over HTTP/2.
#[derive(Debug)]
pub struct Page<'a> {
    url: &'a Url,
    body: Body,
}

impl<'a> Page<'a> {
    /// What `url` must be; `pattern` is its regular expression.
    #[must_use]
    pub fn new(url: &'a Url, pattern: Option<Arc<Pattern>>) -> Self {
        Self {
            url,
            body: Body::new(Framing::Connection, url, pattern),
        }
    }
}

impl Exchange for Page<'_> {
    fn handle_head(&mut self, status: u16, _: &HeaderMap) -> Result<(), ProbeError> {
        judge_status(self.url, status)
    }

    fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        self.body.handle_bytes(self.url, bytes).map(|_| ())
    }

    fn handle_end(&mut self, _: Option<&HeaderMap>) -> ProbeResult {
        self.body.verdict(self.url).map(|()| Answer::Well)
    }
}

/// A digest as it is written.
#[must_use]
pub fn hex(digest: [u8; 16]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn judge_status(url: &Url, code: u16) -> Result<(), ProbeError> {
    let is_wanted = |codes: &StatusCodes| (codes.first..=codes.last).contains(&code);
    if url.status.iter().any(is_wanted) {
        return Ok(());
    }
    Err(ProbeError::because(format!(
        "HTTP status code error: url({}), status_code [{code}]",
        url.path
    )))
}

/// Where the body ends (RFC 9112 §6.3).
fn framing(code: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, ProbeError> {
    if [101, 204, 304].contains(&code) {
        return Ok(Framing::Length(0));
    }
    let values = |name: &'static str| {
        let named = move |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        headers.iter().filter(named).map(|header| header.value)
    };
    if let Some(coding) = values("transfer-encoding").next_back() {
        let last = coding.rsplit(|byte| *byte == b',').next();
        let last = last.unwrap_or_default().trim_ascii();
        return Ok(if last.eq_ignore_ascii_case(b"chunked") {
            Framing::chunked()
        } else {
            Framing::Connection
        });
    }
    let mut lengths = values("content-length");
    let Some(length) = lengths.next() else {
        return Ok(Framing::Connection);
    };
    let number = std::str::from_utf8(length).ok();
    let number = number.and_then(|text| text.trim().parse().ok());
    match number {
        Some(number) if lengths.all(|other| other == length) => Ok(Framing::Length(number)),
        _ => Err(ProbeError::because("this is no Content-Length")),
    }
}
