//! genhash(1): the digest of a page, from the same dialogue that checks it, so that it is what a check will find.

use std::{fmt::Write as _, io::Write as _, time::Duration};

use anyhow::{Context as _, anyhow};

use crate::{
    checker::{
        ProbeResult,
        dialogue::{
            Dialogue, Progress,
            http::{Http, hex},
        },
    },
    cli::genhash::{Genhash, Protocol},
    config::model::{
        Connection, Micros,
        check::{HttpProtocol, Origin, Schedule, StatusCodes, Url},
    },
    io::probe::ask_page,
};

/// A page is hashed whatever its status.
const ANY: StatusCodes = StatusCodes {
    first: 100,
    last: 599,
};

/// A schedule for what is asked once.
const ONCE: Schedule = Schedule {
    retry: 0,
    delay_before_retry: Duration::ZERO,
    rise: 1,
    fall: 1,
    delay_loop: Duration::ZERO,
    jitter: Micros::ZERO,
    warmup: Duration::ZERO,
    alpha: false,
    log_all_failures: false,
};

/// A dialogue, and what is to be shown of it.
struct Shown<'a> {
    http: Http<'a>,
    /// What was said and answered, to the end of the head.
    text: Vec<u8>,
    head_is_over: bool,
    bytes: usize,
}

impl Dialogue for Shown<'_> {
    fn start(&mut self) -> Vec<u8> {
        let request = self.http.start();
        self.text.extend_from_slice(&request);
        request
    }

    fn handle_bytes(&mut self, bytes: &[u8]) -> Progress {
        self.bytes += bytes.len();
        if !self.head_is_over {
            let from = self.text.len().saturating_sub(3);
            self.text.extend_from_slice(bytes);
            let end = self.text[from..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                self.text.truncate(from + end + 4);
                self.head_is_over = true;
            }
        }
        self.http.handle_bytes(bytes)
    }

    fn handle_end(&mut self, is_clean: bool) -> ProbeResult {
        self.http.handle_end(is_clean)
    }
}

/// Prints the MD5 digest of the page; with `-v` the request, the head of the answer and its length before it.
///
/// # Errors
/// When there is no whole answer.
pub async fn run(asked: &Genhash) -> anyhow::Result<()> {
    let connection = Connection {
        address: asked.server,
        port: asked.port,
        timeout: Duration::from_secs(asked.timeout.into()),
        schedule: ONCE,
        origin: asked.fwmark.map(|fwmark| {
            Box::new(Origin {
                fwmark,
                ..Origin::default()
            })
        }),
    };
    let url = Url {
        status: vec![ANY],
        // Any: what counts is the one that is found.
        digest: Some([0; 16]),
        virtualhost: asked.use_virtualhost.clone(),
        ..Url::new(&asked.url)
    };
    let protocol = match asked.protocol {
        Protocol::V10 => HttpProtocol::V10,
        Protocol::V10Close => HttpProtocol::V10Close,
        Protocol::V11 => HttpProtocol::V11,
    };
    let host = asked.use_virtualhost.as_deref();
    let name = asked.use_sni.as_ref().map(|name| name.as_deref().or(host));
    let tls = asked.use_ssl.then(|| name.flatten());
    let mut shown = Shown {
        http: Http::new(&url, protocol, connection.target(), None),
        text: Vec::new(),
        head_is_over: false,
        bytes: 0,
    };
    let told = ask_page(&connection, tls, &mut shown).await;
    let Some(digest) = shown.http.digest() else {
        let why = told
            .err()
            .map_or("no answer".to_owned(), |error| error.to_string());
        return Err(anyhow!("genhash: {}: {why}", connection.target()));
    };
    let mut text = String::new();
    if asked.verbose {
        let said = String::from_utf8_lossy(&shown.text);
        let (rule, bytes) = ("-".repeat(23), shown.bytes);
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{rule}[ HTTP Header Ascii Buffer ]{rule}\n{said}{bytes} bytes in all\n{rule}[ HTML hash final resulting ]{rule}"
        );
    }
    text += &hex(digest);
    writeln!(std::io::stdout(), "{text}").context("stdout")
}
