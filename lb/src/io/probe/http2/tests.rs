//! HTTP/2 and gRPC with servers that speak them, and with such that do their worst.

use std::time::{Duration, Instant};

use h2::server;
use http::{HeaderMap, HeaderValue, Response};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    checker::Answer,
    config::model::{
        Check,
        check::{self, HttpProtocol, Regex},
    },
    io::probe::tests::{LIMIT, ask, connection, http, repeat, serve},
};

type Payload = Cursor<Vec<u8>>;

/// What a server of these tests answers to a path: content type, body, and trailers.
type Respond = fn(&Request<h2::RecvStream>, &[u8]) -> (Response<()>, Vec<u8>, Option<HeaderMap>);

/// A server of HTTP/2 without TLS.
async fn serve_http2(respond: Respond) -> SocketAddr {
    serve(move |stream| async move {
        let Ok(mut connection) = server::Builder::new().handshake::<_, Payload>(stream).await
        else {
            return;
        };
        while let Some(Ok((mut request, mut answer))) = connection.accept().await {
            tokio::spawn(async move {
                let mut asked = Vec::new();
                while let Some(Ok(bytes)) = request.body_mut().data().await {
                    asked.extend_from_slice(&bytes);
                }
                let (head, body, trailers) = respond(&request, &asked);
                let Ok(mut stream) = answer.send_response(head, false) else {
                    return;
                };
                let _sent = stream.send_data(Cursor::new(body), trailers.is_none());
                if let Some(trailers) = trailers {
                    let _sent = stream.send_trailers(trailers);
                }
            });
        }
    })
    .await
}

/// Takes the first request of a connection and begins to answer it.
async fn begin(
    stream: TcpStream,
) -> (
    server::Connection<TcpStream, Payload>,
    h2::SendStream<Payload>,
) {
    let connection = server::Builder::new().handshake(stream).await;
    let mut connection = connection.unwrap();
    let (_, mut answer) = connection.accept().await.unwrap().unwrap();
    let stream = answer.send_response(Response::new(()), false);
    (connection, stream.unwrap())
}

fn page(target: SocketAddr) -> check::Probe<check::Http> {
    let mut probe = http(target);
    probe.settings.protocol = HttpProtocol::V2;
    probe
}

fn grpc_check(target: SocketAddr, service: &str) -> Check {
    Check::Grpc(Box::new(check::Probe {
        connection: connection(target),
        settings: Grpc {
            service: service.to_owned(),
            virtualhost: Some("grpc.example".to_owned()),
            ..Grpc::default()
        },
    }))
}

fn welcome(
    request: &Request<h2::RecvStream>,
    _: &[u8],
) -> (Response<()>, Vec<u8>, Option<HeaderMap>) {
    let uri = request.uri();
    let agent = request.headers().get("user-agent");
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let body = format!(
        "{} {} {}",
        request.method(),
        uri.authority().map_or("", |it| it.as_str()),
        agent.unwrap_or_default()
    );
    let status = if uri.path() == "/none" { 404 } else { 200 };
    let head = Response::builder().status(status).body(()).unwrap();
    (head, body.into_bytes(), None)
}

#[tokio::test]
async fn a_page_is_asked_for_with_prior_knowledge() {
    let target = serve_http2(welcome).await;
    let mut probe = page(target);
    let url = &mut probe.settings.urls[0];
    url.virtualhost = Some("www.example:8080".to_owned());
    url.regex = Some(Regex {
        pattern: "^GET www.example:8080 KeepAliveClient$".to_owned(),
        ..Regex::default()
    });
    assert_eq!(
        ask(Check::Http(Box::new(probe.clone()))).await,
        Ok(Answer::Well)
    );
    probe.settings.urls[0].virtualhost = None;
    let refused = Err("url(/) does not match the regex".to_owned());
    assert_eq!(ask(Check::Http(Box::new(probe))).await, refused);

    let mut missing = page(target);
    missing.settings.urls[0].path = "/none".to_owned();
    let refused = Err("HTTP status code error: url(/none), status_code [404]".to_owned());
    assert_eq!(ask(Check::Http(Box::new(missing))).await, refused);
}

/// A gRPC server of which one service is well.
fn health(
    request: &Request<h2::RecvStream>,
    asked: &[u8],
) -> (Response<()>, Vec<u8>, Option<HeaderMap>) {
    let is_call = request.method() == Method::POST
        && request.uri().path() == "/grpc.health.v1.Health/Check"
        && request.uri().authority().map(|it| it.as_str()) == Some("grpc.example")
        && request.headers()["te"] == "trailers"
        && request.headers()["content-type"] == "application/grpc";
    let (status, body) = match asked {
        _ if !is_call => ("12", vec![]),
        b"\0\0\0\0\0" | b"\0\0\0\0\x06\x0a\x04well" => ("0", b"\0\0\0\0\x02\x08\x01".to_vec()),
        b"\0\0\0\0\x05\x0a\x03ill" => ("0", b"\0\0\0\0\x02\x08\x02".to_vec()),
        _ => ("5", vec![]),
    };
    let head = Response::builder().header("content-type", "application/grpc");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    (head.body(()).unwrap(), body, Some(trailers))
}

#[tokio::test]
async fn a_service_says_whether_it_is_well() {
    let target = serve_http2(health).await;
    let well = Ok(Answer::Well);
    assert_eq!(ask(grpc_check(target, "")).await, well);
    assert_eq!(ask(grpc_check(target, "well")).await, well);
    let ill = Err("the service is NOT_SERVING".to_owned());
    assert_eq!(ask(grpc_check(target, "ill")).await, ill);
    let unknown = Err("gRPC status 5 (NOT_FOUND: the server knows no such service)".to_owned());
    assert_eq!(ask(grpc_check(target, "other")).await, unknown);

    let web = serve_http2(welcome).await;
    let other = Err("this is no answer of gRPC".to_owned());
    assert_eq!(ask(grpc_check(web, "")).await, other);
}

#[tokio::test]
async fn an_answer_counts_though_the_connection_ends_with_it() {
    let target = serve(|stream| async move {
        let (mut connection, mut stream) = begin(stream).await;
        stream
            .send_data(Cursor::new(vec![b'x'; 1000]), true)
            .unwrap();
        connection.graceful_shutdown();
        while connection.accept().await.is_some() {}
    })
    .await;
    for _ in 0..20 {
        let check = Check::Http(Box::new(page(target)));
        assert_eq!(ask(check).await, Ok(Answer::Well));
    }
}

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags]].concat();
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

const SETTINGS: u8 = 4;
const HEADERS_FRAME: u8 = 1;
const CONTINUATION: u8 = 9;
const PING: u8 = 6;
const DATA: u8 = 0;
/// `:status 200` and `:status 100`, from HPACK's static table and as a literal (RFC 7541).
const OK: &[u8] = &[0x88];
const CONTINUE: &[u8] = &[0x08, 3, b'1', b'0', b'0'];

/// A server that speaks first and then says the same without end.
async fn flood(first: Vec<u8>, again: Vec<u8>) -> SocketAddr {
    serve(move |mut stream: TcpStream| {
        let (first, again) = (first.clone(), again.clone());
        async move {
            let _asked = stream.read(&mut [0; 512]).await;
            let settings = frame(SETTINGS, 0, 0, &[]);
            let (mut from, mut to) = stream.split();
            let listen = async { while matches!(from.read(&mut [0; 4096]).await, Ok(1..)) {} };
            let speak = async {
                let mut sent = to.write_all(&[settings, first].concat()).await;
                while sent.is_ok() {
                    sent = to.write_all(&again).await;
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(listen, speak);
        }
    })
    .await
}

/// What comes of a page and of gRPC, which both take no longer than they may.
async fn verdicts(target: SocketAddr) -> [String; 2] {
    let mut words = Vec::new();
    for check in [Check::Http(Box::new(page(target))), grpc_check(target, "")] {
        let begun = Instant::now();
        words.push(ask(check).await.expect_err("it does its worst"));
        assert!(begun.elapsed() < LIMIT * 3, "{:?}", begun.elapsed());
    }
    words.try_into().unwrap()
}

#[tokio::test]
async fn hostile_servers_fail_in_time() {
    let silent = serve(|stream| async move {
        tokio::time::sleep(LIMIT * 10).await;
        drop(stream);
    })
    .await;
    assert_eq!(verdicts(silent).await, ["timeout"; 2]);

    let web = repeat(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", LIMIT).await;
    let no_frame = "HTTP/2: connection error detected: frame with invalid size";
    assert_eq!(verdicts(web).await, [no_frame; 2]);

    let closes = serve(|mut stream| async move {
        let _asked = stream.read(&mut [0; 512]).await;
    })
    .await;
    for words in verdicts(closes).await {
        assert!(!words.contains("timeout"), "{words}");
    }

    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]);
    let pings = frame(PING, 0, 0, &[0; 8]);
    let interim = frame(HEADERS_FRAME, 4, 1, CONTINUE);
    for again in [settings, pings, interim] {
        let endless = flood(Vec::new(), again.repeat(100)).await;
        for words in verdicts(endless).await {
            assert!(
                words == "timeout" || words.starts_with("HTTP/2: "),
                "{words}"
            );
        }
    }

    // A list of headers that never ends, in frames that go on and on.
    let begins = frame(HEADERS_FRAME, 0, 1, OK);
    let field = [&[0x00, 1, b'a', 100][..], &[b'x'; 100]].concat();
    let goes_on = frame(CONTINUATION, 0, 1, &field.repeat(100));
    for goes_on in [goes_on, frame(CONTINUATION, 0, 1, &[])] {
        let endless = flood(begins.clone(), goes_on).await;
        for words in verdicts(endless).await {
            assert!(words.starts_with("HTTP/2: "), "{words}");
        }
    }

    let body = frame(DATA, 0, 1, &[b'x'; 16384]);
    let endless = flood(frame(HEADERS_FRAME, 4, 1, OK), body).await;
    let [page, grpc] = verdicts(endless).await;
    // Whoever sends more than the window has broken the protocol.
    assert!(page == "timeout" || page.starts_with("HTTP/2: "), "{page}");
    assert_eq!(grpc, "this is no answer of gRPC");
}

#[tokio::test]
async fn a_body_without_end_is_seen_through_a_window() {
    let target = serve(|stream| async move {
        let (mut connection, mut stream) = begin(stream).await;
        let send = async {
            loop {
                stream.reserve_capacity(1 << 20);
                let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
                let Some(Ok(room)) = room else { return };
                let _sent = stream.send_data(Cursor::new(vec![b'x'; room]), false);
            }
        };
        tokio::select! {
            () = send => {}
            _ = async { while connection.accept().await.is_some() {} } => {}
        }
    })
    .await;
    let begun = Instant::now();
    let check = Check::Http(Box::new(page(target)));
    assert_eq!(ask(check).await, Err("timeout".to_owned()));
    assert!(begun.elapsed() < LIMIT + Duration::from_secs(1));
}
