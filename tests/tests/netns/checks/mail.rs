//! Mail to Debian's aiosmtpd, which wants TLS and a password.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::Options;

use super::{SERVER, services::Services};
use crate::arena::{Arena, lb, patience};

/// Writes each mail down that comes over TLS from who knows the password.
const SERVE: &str = r#"
import ssl, sys, threading
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

class Handler:
    async def handle_DATA(self, server, session, envelope):
        with open(sys.argv[1] + "/mail", "ab") as mail:
            mail.write(session.ssl["cipher"][0].encode() + b"\n" + envelope.content)
        return "250 taken"

def knows(server, session, envelope, mechanism, data):
    return AuthResult(success=data == LoginPassword(b"lb", b"s3cret"), handled=False)

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1] + "/good.pem", sys.argv[1] + "/good.key")
Controller(Handler(), hostname="0.0.0.0", port=587, tls_context=context, require_starttls=True,
           auth_required=True, authenticator=knows).start()
threading.Event().wait()
"#;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, or now.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn a_mail_server_gets_mail_within_tls_from_who_knows_the_password() {
    let arena = Arena::beside_others(Options::default());
    let directory = std::env::temp_dir().join(format!("lb-mail-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let services = Services::start(arena.server(1).namespace(), &directory);
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", SERVE])
        .arg(&directory)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let namespace = arena.server(1).namespace();
    let server = Server(namespace.spawn(&mut command).unwrap());
    let password = directory.join("password");
    let secret = |text: &str| {
        fs::write(&password, text).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    };
    secret("wrong\n");
    let flag = directory.join("well");
    let text = format!(
        "global_defs {{\nrouter_id mail\nscript_user root\nnotification_email {{\nops@example.net\n}}\n\
         smtp_server {SERVER} 587\nsmtp_starttls {}\nsmtp_auth lb {}\n}}\n\
         virtual_server 10.99.0.1 80 {{\ndelay_loop 0.2\nsmtp_alert\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server {SERVER} 80 {{\nMISC_CHECK {{\nmisc_path \"/usr/bin/test -e {}\"\n}}\n}}\n}}\n",
        services.ca().display(),
        password.display(),
        flag.display()
    );
    let director = arena.director(1);
    director.start(&lb(), &text).unwrap();
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < patience(), "{what}\n{}", director.log());
            thread::sleep(Duration::from_millis(50));
        }
    };
    until("the wrong password is refused", &|| {
        let log = director.log();
        let refused = log.lines().filter(|line| line.contains("error (535)"));
        // That it begins with a quorum, that it lost it, and that the real server is down.
        log.contains("Lost quorum") && refused.count() == 3
    });
    let mail = directory.join("mail");
    assert!(!mail.exists());
    secret("s3cret\n");
    fs::write(&flag, "").unwrap();
    until("mail arrives", &|| {
        fs::read_to_string(&mail).is_ok_and(|mail| mail.contains("Gained quorum"))
    });
    let mail = fs::read_to_string(&mail).unwrap();
    println!("{}", mail.lines().next().unwrap_or_default());
    drop(server);
    drop(services);
    fs::remove_dir_all(&directory).unwrap();
    assert!(mail.starts_with("TLS"), "{mail}");
    assert!(!director.log().contains("s3cret"));
}
