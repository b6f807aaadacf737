//! `SSL`: the client's side of `SSL_GET`.

use serde::{Deserialize, Serialize};

/// `SSL`. Without `ca` the certificate of a real server is not verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ssl {
    /// `password` of the key.
    pub password: Option<String>,
    /// `ca`: file of the certification authorities.
    pub ca: Option<String>,
    /// `certificate`: file of this node's certificate.
    pub certificate: Option<String>,
    /// `key`: file of its key.
    pub key: Option<String>,
}
