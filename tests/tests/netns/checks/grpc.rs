//! A server of gRPC whose health service knows one service that is well and one that is not, and servers that speak HTTP/2 at its worst.

use std::{
    io::{Cursor, Read as _, Write as _},
    net::TcpStream,
    thread,
};

use h2::server::{self, SendResponse};
use http::{HeaderMap, HeaderValue, Response};
use tokio::{net::TcpListener, runtime::Builder};

use super::services::serve;

/// Listens until the process ends.
pub(super) fn listen() {
    let listener = std::net::TcpListener::bind("0.0.0.0:1009").unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(|| {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream));
            }
        });
    });
    // `:status 200` (RFC 7541), and then headers without end.
    flood(1010, frame(1, 0, 1, &[0x88]), frame(9, 0, 1, &[0; 16384]));
    flood(
        1011,
        Vec::new(),
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]).repeat(1000),
    );
}

async fn converse(stream: tokio::net::TcpStream) -> Result<(), h2::Error> {
    let mut connection = server::Builder::new().handshake(stream).await?;
    while let Some((mut request, answer)) = connection.accept().await.transpose()? {
        let mut asked = Vec::new();
        let listen = async {
            while let Some(bytes) = request.body_mut().data().await.transpose()? {
                asked.extend_from_slice(&bytes);
            }
            Ok::<_, h2::Error>(())
        };
        // Bytes come only while the connection is looked at.
        tokio::select! {
            heard = listen => heard?,
            _ = std::future::poll_fn(|context| connection.poll_closed(context)) => return Ok(()),
        }
        respond(answer, &asked)?;
    }
    Ok(())
}

fn respond(mut answer: SendResponse<Cursor<Vec<u8>>>, asked: &[u8]) -> Result<(), h2::Error> {
    let (status, body): (_, &[u8]) = match asked {
        b"\0\0\0\0\x06\x0a\x04well" => ("0", b"\0\0\0\0\x02\x08\x01"),
        b"\0\0\0\0\x05\x0a\x03ill" => ("0", b"\0\0\0\0\x02\x08\x02"),
        _ => ("5", b""),
    };
    let head = Response::builder().header("content-type", "application/grpc");
    let mut stream = answer.send_response(head.body(()).unwrap(), false)?;
    stream.send_data(Cursor::new(body.to_vec()), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    stream.send_trailers(trailers)
}

/// A frame of this kind (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// Says one thing, and another without end; hears nothing.
fn flood(port: u16, first: Vec<u8>, again: Vec<u8>) {
    serve(port, move |mut stream: TcpStream| {
        let _asked = stream.read(&mut [0; 512]);
        let mut sent = stream.write_all(&[frame(4, 0, 0, &[]), first.clone()].concat());
        while sent.is_ok() {
            sent = stream.write_all(&again);
        }
    });
}
