//! TLS of `SSL_GET` and `GRPC_CHECK`. Without `ca` nobody is verified, as by keepalived; with it the chain is, and not the name.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::origin;
use crate::{
    checker::ProbeError,
    config::model::{Connection, ssl::Ssl},
    observe::log,
};

/// HTTP/2 as TLS calls it (RFC 9113 §3.2).
const ALPN_HTTP2: &[u8] = b"h2";

/// The client's side for each protocol; or why there is none.
#[derive(Debug)]
pub(super) struct Tls(Result<[Client; 2], String>);

/// What is spoken within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1, without a word about it.
    Http1,
    /// HTTP/2, if the server agrees.
    Http2,
}

/// Without a server name and with one.
#[derive(Debug)]
struct Client {
    anonymous: Arc<ClientConfig>,
    naming: Arc<ClientConfig>,
}

impl Default for Tls {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Tls {
    /// What the block `SSL` says. Files that cannot be used fail every check that needs them.
    pub(super) fn new(ssl: Option<&Ssl>) -> Self {
        let none = Ssl::default();
        let made = client(ssl.unwrap_or(&none));
        if let Err(why) = &made {
            log::tls_unusable(why);
        }
        Self(made.map(|config| {
            let mut http2 = config.clone();
            http2.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
            [config, http2].map(Client::new)
        }))
    }

    /// Connects and shakes hands with a server of this name, or of none.
    pub(super) async fn open(
        &self,
        connection: &Connection,
        name: Option<&str>,
        protocol: Protocol,
    ) -> Result<TlsStream<TcpStream>, ProbeError> {
        let [http1, http2] = self.0.as_ref().map_err(ProbeError::because)?;
        let client = match protocol {
            Protocol::Http1 => http1,
            Protocol::Http2 => http2,
        };
        let name = name.map(without_port);
        let named = name.map(|name| ServerName::try_from(name.to_owned()));
        let (config, name) = match named {
            Some(Ok(name)) => (&client.naming, name),
            Some(Err(_)) => {
                return Err(ProbeError::because(
                    "the server's name cannot be sent with TLS",
                ));
            }
            None => (&client.anonymous, ServerName::from(connection.address)),
        };
        let stream = origin::connect(connection).await?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await.map_err(|error| {
            let why = ProbeError::from(error);
            ProbeError::because(format!("TLS: {why}"))
        })?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if protocol == Protocol::Http2 && agreed != Some(ALPN_HTTP2) {
            return Err(ProbeError::because(
                "TLS: the server does not agree to HTTP/2 (ALPN)",
            ));
        }
        Ok(stream)
    }
}

impl Client {
    fn new(config: ClientConfig) -> Self {
        let mut anonymous = config.clone();
        anonymous.enable_sni = false;
        Self {
            anonymous: Arc::new(anonymous),
            naming: Arc::new(config),
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn client(ssl: &Ssl) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(ssl, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &ssl.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            if ssl.password.is_some() {
                return Err("`password`: keys are read without encryption only (`openssl pkey -in KEY -out PLAIN`)".to_owned());
            }
            let key = ssl.key.as_ref().unwrap_or(certificate);
            let chain = certificates(certificate)?;
            let read = PrivateKeyDer::from_pem_file(key);
            let private = read.map_err(|error| format!("{key}: {error}"))?;
            let made = builder.with_client_auth_cert(chain, private);
            made.map_err(|error| format!("{certificate}: {error}"))?
        }
    };
    // Each check shakes hands as a new client would.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| format!("{path}: {error}"))
}

fn verifier(ssl: &Ssl, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
    let Some(ca) = &ssl.ca else {
        return Ok(Verifier {
            provider: Arc::clone(provider),
            chain: None,
        });
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{ca}: {error}"))?;
    }
    let provider = Arc::clone(provider);
    let builder = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let chain = builder.build().map_err(|error| format!("{ca}: {error}"))?;
    Ok(Verifier {
        provider,
        chain: Some(chain),
    })
}

/// Whom a certificate is taken from. Where that is everybody it may be of any kind, also one that nobody here could verify.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Whoever these authorities know; everybody without them.
    chain: Option<Arc<WebPkiServerVerifier>>,
}

/// How a version of TLS signs a handshake.
type Signed = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

impl Verifier {
    fn verify(
        &self,
        signed: Signed,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.chain.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        signed(message, certificate, signature, algorithms)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(certificate, others, name, ocsp, now) {
            // The chain was looked at before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(verify_tls12_signature, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(verify_tls13_signature, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
