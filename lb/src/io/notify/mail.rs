//! Mail, one after the other, beside the loop.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, fmt::Display, future::Future, pin::Pin, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use thiserror::Error;
use tokio::time::timeout;

use crate::{
    config::model::global::{Authorities, Mail, SmtpAuth},
    io::secret,
    notify::Letter,
    observe::log,
};

/// Mails that wait for the server.
const WAITING: usize = 64;
/// A whole delivery may take so many times the time of a connection.
const DELIVERY: u32 = 2;

/// A mail was not sent.
#[derive(Debug, Error)]
pub(super) enum MailError {
    /// An address is none.
    #[error("{0} is no mail address")]
    Address(String),
    /// The text does not fit into a mail.
    #[error(transparent)]
    Message(#[from] lettre::error::Error),
    /// The server did not take it.
    #[error("{server}: {error}{}", because(.error))]
    Server {
        /// Host and port.
        server: String,
        /// What it said.
        error: lettre::transport::smtp::Error,
    },
    /// What TLS needs is not there.
    #[error("smtp_starttls: {0}")]
    Tls(String),
    /// The password cannot be had.
    #[error("smtp_auth: {0}")]
    Password(#[from] secret::Error),
    /// What is there is none.
    #[error("smtp_auth: {0} begins with no password of 1 to 255 bytes of UTF-8")]
    NoPassword(String),
    /// The server took too long.
    #[error("{0} takes too long")]
    Slow(String),
}

fn because(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or(String::new(), |why| format!(" ({why})"))
}

type Sending = Pin<Box<dyn Future<Output = (Letter, Result<(), MailError>)>>>;

/// Where mail goes, and what waits to go there.
#[derive(Default)]
pub(super) struct Post {
    office: Option<Office>,
    waiting: VecDeque<Letter>,
    sending: Option<Sending>,
    /// Mails left out since the last one that was sent.
    dropped: u64,
}

/// A mail server with sender and recipients.
#[derive(Clone)]
struct Office {
    host: String,
    port: u16,
    hello: String,
    from: String,
    to: Vec<String>,
    connect: Duration,
    /// With `smtp_starttls`, or why it cannot be used.
    tls: Option<Result<TlsParameters, String>>,
    auth: Option<SmtpAuth>,
}

impl Post {
    /// Takes what the configuration says. Without recipients or a server nothing is sent, as with keepalived.
    pub(super) fn configure(&mut self, mail: &Mail, host: &str) {
        self.office = Office::new(mail, host);
    }

    /// Puts a letter into the queue.
    pub(super) fn send(&mut self, letter: Letter) {
        if self.office.is_none() {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
            if self.dropped == 0 {
                log::mail_dropped(WAITING);
            }
            self.dropped += 1;
        }
        self.waiting.push_back(letter);
    }

    /// Waits for the next letter to be sent. Safe to cancel; waits for ever where there is none.
    pub(super) async fn progress(&mut self) {
        if self.sending.is_none()
            && let (Some(office), Some(letter)) = (&self.office, self.waiting.pop_front())
        {
            let office = office.clone();
            self.sending = Some(Box::pin(async move {
                let sent = office.send(&letter).await;
                (letter, sent)
            }));
        }
        let Some(sending) = &mut self.sending else {
            return std::future::pending().await;
        };
        let (letter, sent) = sending.await;
        self.sending = None;
        log::mail_sent(&letter.subject, &sent, self.dropped);
        self.dropped = 0;
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.sending.is_none() && (self.waiting.is_empty() || self.office.is_none())
    }

    /// Letters not sent yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.sending.is_some())
    }
}

impl Office {
    fn new(mail: &Mail, host: &str) -> Option<Self> {
        let server = mail.server.as_ref().filter(|_| !mail.to.is_empty())?;
        let complete = |address: &String| complete(address, host);
        let tls = mail.starttls.as_ref().map(|authorities| {
            let made = tls(authorities, &server.host);
            if let Err(why) = &made {
                log::mail_tls_unusable(why);
            }
            made
        });
        Some(Self {
            host: server.host.clone(),
            port: server.port,
            hello: mail.helo_name.clone().unwrap_or_else(|| host.to_owned()),
            from: complete(mail.from.as_ref().unwrap_or(&"root".to_owned())),
            to: mail.to.iter().map(complete).collect(),
            connect: mail.connect_timeout,
            tls,
            auth: mail.auth.clone(),
        })
    }

    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = self.message(letter)?;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .hello_name(ClientId::Domain(self.hello.clone()))
            .timeout(Some(self.connect));
        if let Some(tls) = self.tls.clone() {
            transport = transport.tls(Tls::Required(tls.map_err(MailError::Tls)?));
        }
        if let Some(auth) = &self.auth {
            transport = transport.credentials(credentials(auth)?);
        }
        let transport = transport.build();
        let server = || format!("{}:{}", self.host, self.port);
        let limit = self.connect.saturating_mul(DELIVERY);
        match timeout(limit, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(MailError::Server {
                server: server(),
                error,
            }),
            Err(_) => Err(MailError::Slow(server())),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailError> {
        let mut message = Message::builder()
            .from(mailbox(&self.from)?)
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN);
        for address in &self.to {
            message = message.to(mailbox(address)?);
        }
        Ok(message.body(format!("{}\r\n", letter.body))?)
    }
}

/// `USER` is a user of this host.
fn complete(address: &String, host: &str) -> String {
    if address.contains('@') {
        address.clone()
    } else {
        format!("{address}@{host}")
    }
}

fn mailbox(address: &str) -> Result<Mailbox, MailError> {
    address
        .parse()
        .map_err(|_| MailError::Address(address.to_owned()))
}

/// The side of a client that takes a server of this name from nobody but these.
fn tls(authorities: &Authorities, host: &str) -> Result<TlsParameters, String> {
    let tls = TlsParameters::builder(host.to_owned());
    let tls = match authorities {
        Authorities::System => tls,
        Authorities::File(file) => {
            let unusable = |error: &dyn Display| format!("{file}: {error}");
            let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
            let read: Vec<_> = read.map_err(|error| unusable(&error))?;
            if read.is_empty() {
                return Err(format!("{file} has no certificate"));
            }
            let mut tls = tls.certificate_store(CertificateStore::None);
            for certificate in read {
                let certificate = Certificate::from_der(certificate.to_vec());
                let certificate = certificate.map_err(|error| unusable(&error))?;
                tls = tls.add_root_certificate(certificate);
            }
            tls
        }
    };
    tls.build_rustls()
        .map_err(|error| format!("{error}{}", because(&error)))
}

/// Read for each mail, so that a new password needs no reload.
fn credentials(auth: &SmtpAuth) -> Result<Credentials, MailError> {
    let SmtpAuth {
        user,
        password_file,
    } = auth;
    let line = secret::first_line(password_file)?;
    let text = String::from_utf8(line).ok();
    let password = text.filter(|text| (1..=255).contains(&text.len()));
    let password = password.ok_or_else(|| MailError::NoPassword(password_file.clone()))?;
    Ok(Credentials::new(user.clone(), password))
}
