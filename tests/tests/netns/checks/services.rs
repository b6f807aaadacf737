//! What the checks ask: nginx with TLS, dnsmasq, a mail server, an echo, and servers that do their worst.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use socket2::SockRef;
use xtask::lab::Namespace;

use super::grpc;

/// Two authorities, of which only one is trusted, and a certificate of each.
const CERTIFICATES: &str = r#"
set -eu
for who in good bad; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$who authority" \
        -addext basicConstraints=critical,CA:TRUE -keyout $who-ca.key -out $who-ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=checks.example \
        -keyout $who.key -out $who.csr
    printf 'subjectAltName=DNS:checks.example,IP:192.0.2.21\nbasicConstraints=CA:FALSE\n' > $who.ext
    openssl x509 -req -in $who.csr -CA $who-ca.pem -CAkey $who-ca.key -CAcreateserial -days 30 \
        -extfile $who.ext -out $who.pem
done
"#;

/// Ends connections of TLS without close_notify.
const RUDE: &str = r#"
import socket, ssl, sys, threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/good.pem", sys.argv[1] + "/good.key")

def serve(connection):
    with context.wrap_socket(connection, server_side=True) as stream:
        stream.recv(4096)
        stream.send(b"HTTP/1.0 200 OK\r\n\r\nhello")

listener = socket.create_server(("0.0.0.0", 447))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

/// They run until it is dropped.
pub(super) struct Services {
    processes: Vec<Child>,
    directory: PathBuf,
}

impl Drop for Services {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Ended already, or now.
            let _ended = process.kill();
            let _status = process.wait();
        }
    }
}

impl Services {
    /// Starts all in a namespace, with files in a directory.
    pub(super) fn start(namespace: &Namespace, directory: &Path) -> Self {
        // Else an ICMP error comes once a second, for all that ask.
        namespace.sysctl(&[("ipv4/icmp_ratelimit", "0")]).unwrap();
        let made = Command::new("sh")
            .args(["-c", CERTIFICATES])
            .current_dir(directory)
            .output();
        let made = made.unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut services = Self {
            processes: Vec::new(),
            directory: directory.to_owned(),
        };
        let nginx = directory.join("nginx.conf");
        fs::write(&nginx, nginx_config(directory)).unwrap();
        services.spawn(namespace, "nginx", &["-c", &nginx.to_string_lossy()]);
        let dnsmasq = [
            "--no-daemon",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--port=53",
            "--pid-file=",
            "--address=/known.example/192.0.2.1",
            "--mx-host=known.example,mx.known.example,10",
            "--user=root",
        ];
        services.spawn(namespace, "dnsmasq", &dnsmasq);
        services.spawn(namespace, "aiosmtpd", &["-n", "-l", "0.0.0.0:25"]);
        let rude = ["-c", RUDE, &directory.to_string_lossy()];
        services.spawn(namespace, "/usr/bin/python3", &rude);
        namespace
            .run(|| {
                listen();
                grpc::listen();
                Ok(())
            })
            .unwrap();
        services
    }

    /// The certificate of the authority that is trusted.
    pub(super) fn ca(&self) -> PathBuf {
        self.directory.join("good-ca.pem")
    }

    fn spawn(&mut self, namespace: &Namespace, program: &str, arguments: &[&str]) {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.processes.push(namespace.spawn(&mut command).unwrap());
    }
}

fn nginx_config(directory: &Path) -> String {
    let directory = directory.display();
    let server = |port: u16, who: &str| {
        format!(
            "server {{ listen {port} ssl; ssl_certificate {directory}/{who}.pem; ssl_certificate_key {directory}/{who}.key; \
             location / {{ return 200 \"tls\\n\"; }} }}\n"
        )
    };
    // Over HTTP/2, with prior knowledge and by ALPN: pages, and gRPC of another server.
    let http2 = format!(
        "server {{ listen 82 http2; location / {{ return 200 \"$server_protocol\"; }} }}\n\
         server {{ listen 445 ssl http2; ssl_certificate {directory}/good.pem; ssl_certificate_key {directory}/good.key; \
         location / {{ return 200 \"$server_protocol $ssl_server_name\"; }} \
         location /grpc. {{ grpc_pass grpc://127.0.0.1:1009; }} }}\n"
    );
    // Pages that say whose they are: by the name in the request, and by the one in the handshake.
    let named = format!(
        "server {{ listen 83 default_server; location / {{ return 200 \"page of nobody\\n\"; }} }}\n\
         server {{ listen 83; server_name one.example; location / {{ return 200 \"page of one\\n\"; }} }}\n\
         server {{ listen 446 ssl; ssl_certificate {directory}/good.pem; ssl_certificate_key {directory}/good.key; \
         location / {{ return 200 \"<$ssl_server_name>\\n\"; }} }}\n"
    );
    format!(
        "daemon off; master_process off; user root; pid {directory}/nginx.pid; error_log {directory}/nginx.log;\n\
         events {{ }}\nhttp {{ access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;\n\
         fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;\n{}{}{http2}{named}}}\n",
        server(443, "good"),
        server(444, "bad")
    )
}

/// Everything that is written here, each at its port until the process ends.
fn listen() {
    let head = b"HTTP/1.1 200 OK\r\n";
    repeat(1001, head, b"A", Duration::from_millis(100));
    repeat(
        1002,
        b"HTTP/1.0 200 OK\r\n\r\n",
        &[b'x'; 65536],
        Duration::ZERO,
    );
    repeat(
        1003,
        b"HTTP/1.1 200 OK\r\nA: ",
        &[b'x'; 65536],
        Duration::ZERO,
    );
    serve(1004, |stream| {
        thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    serve(1005, |mut stream| {
        let _request = stream.read(&mut [0; 1]);
        let _reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    });
    repeat(
        1006,
        b"\x15\x99noise",
        b"\r\nmore noise\r\n",
        Duration::from_millis(100),
    );
    serve(1007, |stream| {
        say(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    });
    serve(1008, |mut stream| {
        let replies: [&[u8]; 3] = [b"220-mx\r\n220 go on\r\n", b"250 hello\r\n", b"221 bye\r\n"];
        let mut line = [0; 128];
        for reply in replies {
            let _sent = stream.write_all(reply);
            let _asked = stream.read(&mut line);
        }
    });
    serve(1012, |mut stream| {
        let _request = stream.read(&mut [0; 512]);
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        thread::sleep(Duration::from_secs(30));
    });
    let echo = UdpSocket::bind("0.0.0.0:7").unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 1500];
        while let Ok((length, from)) = echo.recv_from(&mut bytes) {
            let _sent = echo.send_to(&bytes[..length], from);
        }
    });
    let mute = UdpSocket::bind("0.0.0.0:9").unwrap();
    thread::spawn(move || while mute.recv(&mut [0; 1500]).is_ok() {});
}

/// Answers a request with this, and says no more.
fn say(mut stream: TcpStream, answer: &[u8]) {
    let _request = stream.read(&mut [0; 512]);
    let _sent = stream.write_all(answer);
    let _ended = stream.shutdown(Shutdown::Write);
}

fn repeat(port: u16, first: &'static [u8], more: &'static [u8], pause: Duration) {
    serve(port, move |mut stream| {
        let mut sent = stream.write_all(first);
        while sent.is_ok() {
            thread::sleep(pause);
            sent = stream.write_all(more);
        }
    });
}

pub(super) fn serve(port: u16, act: impl Fn(TcpStream) + Clone + Send + 'static) {
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = act.clone();
            thread::spawn(move || act(stream));
        }
    });
}
