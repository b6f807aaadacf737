//! Probes against servers that do what they should, and against such that do their worst.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::*;
use crate::config::model::{
    Command, Micros, Schedule,
    check::{Dns, HttpProtocol, Misc, Reply, Smtp as SmtpSettings, Udp, Url},
};
use crate::{checker::Kept, tcp_keepalive::values::Guarded};

pub(super) const LIMIT: Duration = Duration::from_millis(300);

pub(super) fn connection(target: SocketAddr) -> Connection {
    Connection {
        address: target.ip(),
        port: target.port(),
        timeout: LIMIT,
        schedule: Schedule {
            retry: 0,
            delay_before_retry: LIMIT,
            jitter: Micros::ZERO,
            rise: 1,
            fall: 1,
            delay_loop: LIMIT,
            warmup: LIMIT,
            alpha: false,
            log_all_failures: false,
        },
        origin: None,
    }
}

pub(super) fn http(target: SocketAddr) -> check::Probe<HttpSettings> {
    check::Probe {
        connection: connection(target),
        settings: HttpSettings {
            protocol: HttpProtocol::V10,
            sni: false,
            sni_name: None,
            fast_recovery: false,
            urls: vec![Url::new("/")],
        },
    }
}

fn smtp(target: SocketAddr) -> Check {
    Check::Smtp(Box::new(check::Probe {
        connection: connection(target),
        settings: SmtpSettings::default(),
    }))
}

pub(super) async fn ask(check: Check) -> Result<Answer, String> {
    let probe = Probe {
        check: Arc::new(check),
        url: 0,
        kept: None,
    };
    Prober::new()
        .ask(probe)
        .await
        .map_err(|error| error.to_string())
}

/// A server that does this with each connection.
pub(super) async fn serve<F: Future<Output = ()> + Send + 'static>(
    act: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    address
}

/// A server that sends these bytes again and again.
pub(super) async fn repeat(
    first: &'static [u8],
    bytes: &'static [u8],
    pause: Duration,
) -> SocketAddr {
    serve(move |mut stream| async move {
        let mut sent = stream.write_all(first).await;
        while sent.is_ok() {
            tokio::time::sleep(pause).await;
            sent = stream.write_all(bytes).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_listener_is_up_and_a_closed_port_says_why_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    assert_eq!(ask(Check::Tcp(connection(target))).await, Ok(Answer::Well));
    drop(listener);
    let refused = Err("Connection refused".to_owned());
    assert_eq!(ask(Check::Tcp(connection(target))).await, refused);
}

#[tokio::test]
async fn connections_come_from_where_they_should() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut from = http(listener.local_addr().unwrap());
    from.connection.origin = Some(Box::new(check::Origin {
        address: Some([127, 0, 0, 9].into()),
        ..check::Origin::default()
    }));
    let check = Check::Http(Box::new(from));
    let (accepted, _timeout) = tokio::join!(listener.accept(), ask(check));
    let (_, peer) = accepted.unwrap();
    assert_eq!(peer.ip(), std::net::IpAddr::from([127, 0, 0, 9]));
}

#[tokio::test]
async fn nobody_has_to_accept_what_only_sees_whether_he_would() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    for _ in 0..20 {
        assert_eq!(ask(Check::Tcp(connection(target))).await, Ok(Answer::Well));
    }
    let accepted = tokio::time::timeout(LIMIT, listener.accept()).await;
    assert!(accepted.is_err(), "{accepted:?}");
}

#[tokio::test]
async fn servers_that_speak_are_understood() {
    let web = serve(|mut stream| async move {
        let mut request = [0; 512];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").await;
    })
    .await;
    assert_eq!(
        ask(Check::Http(Box::new(http(web)))).await,
        Ok(Answer::Well)
    );
    let mail = serve(|mut stream| async move {
        let mut line = [0; 512];
        for reply in ["220 mx\r\n", "250 hello\r\n", "221 bye\r\n"] {
            let _ = stream.write_all(reply.as_bytes()).await;
            let _ = stream.read(&mut line).await;
        }
    })
    .await;
    assert_eq!(ask(smtp(mail)).await, Ok(Answer::Well));
}

/// What comes of HTTP, TLS and SMTP with a server, and that none of it takes longer than it may.
async fn verdicts(target: SocketAddr) -> [String; 3] {
    let checks = [
        Check::Http(Box::new(http(target))),
        Check::Ssl(Box::new(http(target))),
        smtp(target),
    ];
    let mut words = Vec::new();
    for check in checks {
        let begun = Instant::now();
        words.push(ask(check).await.expect_err("it does its worst"));
        let took = begun.elapsed();
        assert!(took < LIMIT * 3, "{took:?}: {words:?}");
    }
    words.try_into().unwrap()
}

#[tokio::test]
async fn hostile_servers_fail_in_time() {
    let no_tls = "TLS: received corrupt message of type InvalidContentType";
    let silent = serve(|stream| async move {
        tokio::time::sleep(LIMIT * 10).await;
        drop(stream);
    })
    .await;
    assert_eq!(verdicts(silent).await, ["timeout"; 3]);

    let drips = repeat(b"", b"x", LIMIT / 20).await;
    let [web, tls, mail] = verdicts(drips).await;
    assert_eq!(web, "this is no answer of HTTP: invalid HTTP version");
    assert_eq!([tls.as_str(), &mail], [no_tls, "timeout"]);

    let slow_head = repeat(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", LIMIT / 20).await;
    assert_eq!(verdicts(slow_head).await[0], "timeout");

    let endless_body = repeat(b"HTTP/1.0 200 OK\r\n\r\n", &[b'x'; 65536], Duration::ZERO).await;
    assert_eq!(verdicts(endless_body).await[0], "timeout");

    let endless_head = repeat(b"HTTP/1.1 200 OK\r\nA: ", &[b'x'; 65536], Duration::ZERO).await;
    assert_eq!(
        verdicts(endless_head).await[0],
        "the head of the answer has no end"
    );

    let resets = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1]).await;
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    })
    .await;
    let [web, tls, mail] = verdicts(resets).await;
    assert_eq!(web, "Connection reset by peer");
    assert_eq!(
        [tls.as_str(), &mail],
        ["TLS: Connection reset by peer", "timeout"]
    );

    let ssh = repeat(b"SSH-2.0-OpenSSH_9.2p1\r\n", b"", LIMIT).await;
    let expected = [
        "this is no answer of HTTP: invalid HTTP version",
        no_tls,
        "this is no reply of SMTP",
    ];
    assert_eq!(verdicts(ssh).await, expected);

    let mail_without_end = repeat(b"220-", b"220-more\r\n", Duration::ZERO).await;
    assert_eq!(verdicts(mail_without_end).await[2], "timeout");
}

/// What a server for datagrams answers.
type Responder = fn(&[u8]) -> Vec<u8>;

/// A server for datagrams that answers each with these bytes, or not at all.
async fn answer(reply: Option<Responder>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            if let Some(reply) = reply {
                let _ = socket.send_to(&reply(&bytes[..length]), from).await;
            }
        }
    });
    address
}

fn udp(target: SocketAddr, reply: Reply) -> Check {
    Check::Udp(Box::new(check::Probe {
        connection: connection(target),
        settings: Udp {
            reply,
            ..Udp::default()
        },
    }))
}

#[tokio::test]
async fn datagrams_are_answered_or_not() {
    let echo = answer(Some(<[u8]>::to_vec)).await;
    let mute = answer(None).await;
    let closed = {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.local_addr().unwrap()
    };
    let timeout = Err("timeout".to_owned());
    let refused = Err("Connection refused".to_owned());
    assert_eq!(ask(udp(echo, Reply::Any)).await, Ok(Answer::Well));
    assert_eq!(ask(udp(mute, Reply::Any)).await, timeout);
    assert_eq!(ask(udp(mute, Reply::NotRequired)).await, Ok(Answer::Well));
    assert_eq!(ask(udp(closed, Reply::NotRequired)).await, refused);

    let dns = |target| {
        Check::Dns(Box::new(check::Probe {
            connection: connection(target),
            settings: Dns::default(),
        }))
    };
    let answers = answer(Some(|question| {
        let mut reply = question.to_vec();
        reply[2] |= 0x80;
        reply
    }))
    .await;
    assert_eq!(ask(dns(answers)).await, Ok(Answer::Well));
    assert_eq!(ask(dns(echo)).await, timeout, "a question is no answer");
    assert_eq!(ask(dns(closed)).await, refused);
}

#[tokio::test]
async fn programs_succeed_fail_and_give_weights() {
    let misc = |words: &[&str], dynamic| {
        Check::Misc(Box::new(Misc {
            command: Command {
                words: words.iter().map(ToString::to_string).collect(),
                owner: None,
            },
            timeout: LIMIT,
            dynamic,
            schedule: connection(([127, 0, 0, 1], 1).into()).schedule,
        }))
    };
    let exit = |status: &'static str| ["/bin/sh", "-c", status];
    assert_eq!(ask(misc(&["/bin/true"], false)).await, Ok(Answer::Well));
    assert_eq!(
        ask(misc(&exit("exit 9"), true)).await,
        Ok(Answer::Weight(7))
    );
    let failed = Err("the program exited with status 9".to_owned());
    assert_eq!(ask(misc(&exit("exit 9"), false)).await, failed);
    let said = Err("the program exited with status 1 (it said: no)".to_owned());
    assert_eq!(ask(misc(&exit("echo no >&2; exit 1"), true)).await, said);
    let timeout = Err("timeout".to_owned());
    assert_eq!(ask(misc(&["/bin/sleep", "9"], false)).await, timeout);
    let missing = ask(misc(&["/nonexistent"], false)).await.unwrap_err();
    assert!(missing.contains("/nonexistent"), "{missing}");
}

#[tokio::test]
async fn a_connection_that_is_kept_is_waited_for_and_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = connection(listener.local_addr().unwrap());
    settings.schedule.delay_loop = Duration::ZERO;
    let check = Arc::new(Check::Keepalive(Box::new(check::Probe {
        connection: settings,
        settings: Guarded::default(),
    })));
    let prober = Prober::new();
    let id = ConnectionId::default();
    let ask = |awaits_end| {
        prober.ask(Probe {
            check: Arc::clone(&check),
            url: 0,
            kept: Some(Kept { id, awaits_end }),
        })
    };
    assert_eq!(ask(false).await, Ok(Answer::Well));
    let (first, _) = listener.accept().await.unwrap();
    let waiting = tokio::spawn(ask(true));
    // It waits as long as the server keeps the connection; its end leads to another one.
    drop(first);
    let (second, _) = listener.accept().await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(Answer::Well));
    let waiting = tokio::spawn(ask(true));
    drop(listener);
    drop(second);
    let refused = waiting.await.unwrap().unwrap_err().to_string();
    assert_eq!(refused, "Connection refused");
}

#[tokio::test]
async fn a_connection_that_is_kept_ends_with_its_check() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let check = Arc::new(Check::Keepalive(Box::new(check::Probe {
        connection: connection(listener.local_addr().unwrap()),
        settings: Guarded::default(),
    })));
    let prober = Prober::new();
    let id = ConnectionId::default();
    for awaits_end in [false, true] {
        let asked = prober.ask(Probe {
            check: Arc::clone(&check),
            url: 0,
            kept: Some(Kept { id, awaits_end }),
        });
        if !awaits_end {
            assert_eq!(asked.await, Ok(Answer::Well));
            continue;
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        let waiting = tokio::spawn(asked);
        tokio::task::yield_now().await;
        prober.close(id);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(Answer::Well));
    }
}
