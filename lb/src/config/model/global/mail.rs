//! Mail.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Mail about events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mail {
    /// `notification_email`: recipients.
    pub to: Vec<String>,
    /// `notification_email_from`; user and host by default.
    pub from: Option<String>,
    /// `smtp_server`.
    pub server: Option<SmtpServer>,
    /// `smtp_starttls`: mail goes over TLS or not at all, and to a server that these vouch for (extension).
    pub starttls: Option<Authorities>,
    /// `smtp_auth` (extension).
    pub auth: Option<SmtpAuth>,
    /// `smtp_helo_name`; the host name by default.
    pub helo_name: Option<String>,
    /// `smtp_connect_timeout`.
    pub connect_timeout: Duration,
    /// `smtp_alert`: default of all alerts; where it is not given each block has its own.
    pub alert: Option<bool>,
    /// `smtp_alert_vrrp`.
    pub alert_vrrp: Option<bool>,
    /// `smtp_alert_checker`.
    pub alert_checker: Option<bool>,
    /// False with `no_email_faults`.
    pub faults: bool,
    /// `no_checker_emails`: only when a real server changes its state.
    pub no_checker_emails: bool,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            from: None,
            server: None,
            starttls: None,
            auth: None,
            helo_name: None,
            connect_timeout: Duration::from_secs(30),
            alert: None,
            alert_vrrp: None,
            alert_checker: None,
            faults: true,
            no_checker_emails: false,
        }
    }
}

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpServer {
    /// An address or a host name; names are looked up when a mail is sent.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Who vouches for a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorities {
    /// Whom this system trusts.
    System,
    /// Those whose certificates are in a file.
    File(String),
}

/// `smtp_auth USER FILE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpAuth {
    /// Who sends mail, as the server knows it.
    pub user: String,
    /// A file with the password on its first line; nobody but its owner may read it.
    pub password_file: String,
}
