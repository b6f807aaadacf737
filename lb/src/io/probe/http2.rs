//! Checks over HTTP/2 (RFC 9113): pages with `http_protocol 2`, and `GRPC_CHECK`. Without TLS the server is known to speak it (prior
//! knowledge), with TLS it has to agree (ALPN).

#[cfg(test)]
mod tests;

use std::{io::Cursor, net::SocketAddr, pin::pin, sync::Arc};

use futures_util::future::{Either, select};
use h2::client;
use http::{Method, Request, Uri, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    in_time, origin,
    tls::{Protocol, Tls},
};
use crate::{
    checker::{
        ProbeError, ProbeResult,
        dialogue::{
            Exchange, grpc,
            http::{Page, USER_AGENT},
            pattern::Pattern,
        },
    },
    config::model::{
        Connection,
        check::{Grpc, Probe, Url},
    },
};

/// Bytes a server may send before we have looked at them.
const WINDOW: u32 = 64 << 10;
/// Bytes of the longest list of headers, names and values.
const HEADERS: u32 = 64 << 10;

/// Asks for a page. With TLS the name is that of the server.
pub(super) async fn ask_page(
    connection: &Connection,
    url: &Url,
    tls: Option<(&Tls, Option<&str>)>,
    pattern: Option<Arc<Pattern>>,
) -> ProbeResult {
    let host = url.virtualhost.as_deref();
    let request = request(
        Method::GET,
        host,
        connection.target(),
        &url.path,
        tls.is_some(),
    )?;
    let page = Page::new(url, pattern);
    ask(connection, tls, (request, Vec::new()), page).await
}

/// Asks whether a service of gRPC is well.
pub(super) async fn ask_grpc(probe: &Probe<Grpc>, tls: &Tls) -> ProbeResult {
    let (connection, settings) = (&probe.connection, &probe.settings);
    let host = settings.virtualhost.as_deref();
    let target = connection.target();
    let mut request = request(Method::POST, host, target, grpc::PATH, settings.tls)?;
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(grpc::CONTENT_TYPE),
    );
    headers.insert(header::TE, header::HeaderValue::from_static("trailers"));
    let question = grpc::question(&settings.service);
    let tls = settings.tls.then_some((tls, host));
    ask(connection, tls, (request, question), grpc::Health::new()).await
}

fn request(
    method: Method,
    host: Option<&str>,
    target: SocketAddr,
    path: &str,
    is_tls: bool,
) -> Result<Request<()>, ProbeError> {
    let scheme = if is_tls { "https" } else { "http" };
    let authority = host.map_or_else(|| target.to_string(), ToOwned::to_owned);
    let uri = Uri::builder().scheme(scheme).authority(authority);
    let made = uri.path_and_query(path).build().and_then(|uri| {
        let request = Request::builder().method(method).uri(uri);
        request.header(header::USER_AGENT, USER_AGENT).body(())
    });
    made.map_err(|error| ProbeError::because(format!("HTTP/2 cannot ask for this: {error}")))
}

/// Connects, with or without TLS, and carries an exchange to its end; each may take `connect_timeout`.
async fn ask(
    connection: &Connection,
    tls: Option<(&Tls, Option<&str>)>,
    asked: (Request<()>, Vec<u8>),
    exchange: impl Exchange,
) -> ProbeResult {
    let limit = connection.timeout;
    let Some((tls, name)) = tls else {
        let stream = origin::connect(connection).await?;
        return in_time(limit, carry(stream, asked, exchange)).await;
    };
    let stream = tls.open(connection, name, Protocol::Http2);
    let stream = in_time(limit, stream).await?;
    in_time(limit, carry(stream, asked, exchange)).await
}

/// Sends a request and hands what comes back to the exchange. The server is told how much it may send: what the exchange has not seen
/// yet is bounded, and so are heads.
async fn carry(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    (request, body): (Request<()>, Vec<u8>),
    mut exchange: impl Exchange,
) -> ProbeResult {
    let (sender, connection) = client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEADERS)
        .enable_push(false)
        .handshake::<_, Cursor<Vec<u8>>>(stream)
        .await?;
    let talk = async {
        let mut sender = sender.ready().await?;
        let (answer, mut question) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            question.send_data(Cursor::new(body), true)?;
        }
        let (head, mut answer) = answer.await?.into_parts();
        exchange.handle_head(head.status.as_u16(), &head.headers)?;
        while let Some(bytes) = answer.data().await.transpose()? {
            exchange.handle_bytes(&bytes)?;
            answer.flow_control().release_capacity(bytes.len())?;
        }
        let trailers = answer.trailers().await?;
        exchange.handle_end(trailers.as_ref())
    };
    match select(pin!(talk), pin!(connection)).await {
        Either::Left((result, _)) => result,
        // What came before the end is there still.
        Either::Right((_, talk)) => talk.await,
    }
}

/// The kernel's words where it is the connection, else what is wrong with the frames.
impl From<h2::Error> for ProbeError {
    fn from(error: h2::Error) -> Self {
        if error.is_io() {
            return error.into_io().map_or(Self::because("HTTP/2"), Self::from);
        }
        Self::because(format!("HTTP/2: {error}"))
    }
}
