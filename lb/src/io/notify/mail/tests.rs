//! Mail over TLS, and only with the right password to the right server.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{config::model::global::SmtpServer, io::folder::Folder};

/// Vouches for a server that is called localhost.
const AUTHORITY: &[u8] = include_bytes!("tests/authority.pem");
/// Vouches for nobody.
const STRANGER: &[u8] = include_bytes!("tests/stranger.pem");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tests/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/server.key"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers lines until there are none, or until TLS is to begin; what was said.
async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    extension: &str,
    said: &mut Vec<String>,
) -> bool {
    let mut stream = BufReader::new(stream);
    let mut is_text = false;
    let mut line = String::new();
    while let Ok(1..) = stream.read_line(&mut line).await {
        let words = std::mem::take(&mut line).trim_end().to_owned();
        let greeting = format!("250-here\r\n250 {extension}\r\n");
        let answer = match (is_text, words.split(' ').next().unwrap_or_default()) {
            (true, ".") => "250 taken\r\n",
            (true, _) => "",
            (false, "EHLO") => &greeting,
            (false, "AUTH") => "235 welcome\r\n",
            (false, "DATA") => "354 go on\r\n",
            (false, "STARTTLS") => "220 begin\r\n",
            (false, _) => "250 fine\r\n",
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            break;
        }
        is_text = (is_text || words == "DATA") && words != ".";
        let begins = words == "STARTTLS";
        said.push(words);
        if begins {
            return true;
        }
    }
    false
}

/// Takes one mail; what was said in clear text, and what within TLS.
async fn take(listener: &TcpListener, extension: &str) -> [Vec<String>; 2] {
    let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
    let mut said = [Vec::new(), Vec::new()];
    stream.write_all(b"220 here\r\n").await.unwrap();
    if answer(&mut stream, extension, &mut said[0]).await
        && let Ok(mut stream) = acceptor().accept(stream).await
    {
        answer(&mut stream, "AUTH PLAIN LOGIN", &mut said[1]).await;
    }
    said
}

/// A folder with authorities and passwords, and a server.
struct Bench {
    folder: Folder,
    listener: TcpListener,
    mail: Mail,
}

impl Bench {
    async fn new() -> Self {
        let folder = Folder::new();
        for (name, bytes, mode) in [
            ("authority", AUTHORITY, 0o644),
            ("stranger", STRANGER, 0o644),
            ("password", b"s3cret word\nnotes\n", 0o600),
            ("seen", b"s3cret word\n", 0o640),
            ("empty", b"\n", 0o600),
        ] {
            let path = folder.join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mail = Mail {
            to: vec!["ops@example.com".to_owned()],
            server: Some(SmtpServer {
                host: "localhost".to_owned(),
                port: listener.local_addr().unwrap().port(),
            }),
            connect_timeout: Duration::from_secs(5),
            ..Mail::default()
        };
        Self {
            folder,
            listener,
            mail,
        }
    }

    fn with(mut self, authority: Option<&str>, password: Option<&str>) -> Self {
        self.mail.starttls = authority.map(|name| Authorities::File(self.folder.path(name)));
        self.mail.auth = password.map(|name| SmtpAuth {
            user: "lb".to_owned(),
            password_file: self.folder.path(name),
        });
        self
    }

    /// What comes of a mail, and what the server heard without TLS and within.
    async fn send(&self, extension: &str) -> (Result<(), String>, [Vec<String>; 2]) {
        let letter = Letter {
            subject: "news".to_owned(),
            body: "all is well".to_owned(),
        };
        let office = Office::new(&self.mail, "node").unwrap();
        let sending = async {
            office
                .send(&letter)
                .await
                .map_err(|error| error.to_string())
        };
        tokio::select! {
            (sent, heard) = async { tokio::join!(sending, take(&self.listener, extension)) } => (sent, heard),
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("no end"),
        }
    }

    /// Why no mail leaves this host.
    async fn refusal(&self) -> String {
        let letter = Letter {
            subject: String::new(),
            body: String::new(),
        };
        let office = Office::new(&self.mail, "node").unwrap();
        office.send(&letter).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn password_and_mail_go_within_tls() {
    let bench = Bench::new().await.with(Some("authority"), Some("password"));
    let (sent, [clear, within]) = bench.send("STARTTLS").await;
    assert_eq!(sent, Ok(()));
    assert_eq!(clear, ["EHLO node", "STARTTLS"]);
    // `\0lb\0s3cret word`, as RFC 4616 has it.
    let begin = ["EHLO node", "AUTH PLAIN AGxiAHMzY3JldCB3b3Jk"];
    assert_eq!(within[..2], begin, "{within:#?}");
    assert!(within.contains(&"RCPT TO:<ops@example.com>".to_owned()));
    assert!(within.contains(&"all is well".to_owned()));
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_password_nor_mail() {
    let bench = Bench::new().await.with(Some("authority"), Some("password"));
    let (sent, [clear, within]) = bench.send("AUTH PLAIN").await;
    let why = sent.unwrap_err();
    assert!(why.contains("STARTTLS"), "{why}");
    let harmless = |line: &String| ["EHLO node", "QUIT"].contains(&line.as_str());
    assert!(clear.iter().all(harmless), "{clear:?}");
    assert!(within.is_empty());
}

#[tokio::test]
async fn nobody_else_is_taken_for_the_server() {
    let by_stranger = Bench::new().await.with(Some("stranger"), Some("password"));
    let mut by_name = Bench::new().await.with(Some("authority"), Some("password"));
    if let Some(server) = &mut by_name.mail.server {
        server.host = "127.0.0.1".to_owned();
    }
    for (bench, words) in [(by_stranger, "UnknownIssuer"), (by_name, "127.0.0.1")] {
        let (sent, [_, within]) = bench.send("STARTTLS").await;
        let why = sent.unwrap_err();
        assert!(why.contains(words), "{why}");
        assert_eq!(within, Vec::<String>::new());
    }
}

#[tokio::test]
async fn without_starttls_the_password_is_sent_as_it_is() {
    let bench = Bench::new().await.with(None, Some("password"));
    let (sent, [clear, _]) = bench.send("AUTH PLAIN").await;
    assert_eq!(sent, Ok(()));
    assert_eq!(clear[1], "AUTH PLAIN AGxiAHMzY3JldCB3b3Jk");
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_mail_before_it_leaves() {
    let cases = [
        (Some("nowhere"), None, "No such file"),
        (Some("password"), None, "has no certificate"),
        (None, Some("seen"), "chmod 600"),
        (None, Some("nowhere"), "No such file"),
        (None, Some("empty"), "begins with no password"),
    ];
    for (authority, password, words) in cases {
        let bench = Bench::new().await.with(authority, password);
        let why = bench.refusal().await;
        assert!(why.contains(words), "{why}");
        assert!(!why.contains("s3cret"), "{why}");
    }
}
