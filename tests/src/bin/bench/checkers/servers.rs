//! Many real servers at the other end of a link: all addresses of a network, and few threads that accept for all.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use socket2::SockRef;
use xtask::lab::Namespace;

/// Where all but one listen, and that one.
const PORTS: [u16; 2] = [80, 81];
/// Real servers with an address of their own; virtual servers with more share them.
const ADDRESSES: u32 = 60_000;
/// Threads that accept at the first.
const THREADS: usize = 2;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

/// The servers, until it is dropped.
pub(crate) struct Servers<'a> {
    immortal: Option<Port>,
    mortal: Option<Port>,
    end: &'a Namespace,
    manner: Manner,
}

/// What is done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It is closed at once.
    Closes,
    /// It is answered in HTTP.
    Speaks,
    /// It is kept.
    Holds,
}

/// A port that is open until it is dropped.
struct Port(TcpListener);

impl Drop for Port {
    fn drop(&mut self) {
        // Also for the threads that wait in accept; one that is closed already is no loss.
        let _closed = SockRef::from(&self.0).shutdown(Shutdown::Both);
    }
}

impl<'a> Servers<'a> {
    /// Connects both namespaces, and listens in the second.
    pub(crate) fn start(
        [director, end]: [&'a Namespace; 2],
        manner: Manner,
    ) -> anyhow::Result<Self> {
        let peer = end.name();
        director.ip(&format!(
            "link add many type veth peer name many netns {peer}\naddress add 10.7.0.1/24 dev many\nlink set many up\n\
             route add 10.8.0.0/16 via 10.7.0.2\n"
        ))?;
        // One neighbour for all, whose table has room for a thousand.
        end.ip("address add 10.7.0.2/24 dev many\nlink set many up\nroute add local 10.8.0.0/16 dev lo\n")?;
        let mut servers = Self {
            immortal: None,
            mortal: None,
            end,
            manner,
        };
        servers.immortal = Some(servers.listen(PORTS[0], THREADS)?);
        servers.revive()?;
        Ok(servers)
    }

    /// Address of a real server.
    pub(crate) fn address(number: u32) -> Ipv4Addr {
        Ipv4Addr::from(0x0a08_0100 + number)
    }

    /// Port of a real server: the first may die.
    pub(crate) const fn port(number: u32) -> u16 {
        PORTS[(number == 0) as usize]
    }

    /// Blocks of virtual servers with these lines, for `count` real servers, so many in each; `real` gives the lines of a real server by its
    /// number.
    pub(crate) fn blocks(
        count: u32,
        each: u32,
        lines: &str,
        real: impl Fn(u32) -> String,
    ) -> String {
        let mut text = String::new();
        for first in (0..count).step_by(each as usize) {
            let [.., high, low] = (first / each).to_be_bytes();
            let _infallible = writeln!(
                text,
                "virtual_server 10.9.{high}.{low} 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{lines}"
            );
            for number in first..(first + each).min(count) {
                let (address, lines) = (Self::address(number % ADDRESSES), real(number));
                let _infallible = writeln!(text, "real_server {address} 80 {{\n{lines}\n}}");
            }
            text.push_str("}\n");
        }
        text
    }

    /// Ends the first server: its port is closed.
    pub(crate) fn kill(&mut self) {
        self.mortal = None;
    }

    /// Starts it again.
    pub(crate) fn revive(&mut self) -> anyhow::Result<()> {
        self.mortal = Some(self.listen(PORTS[1], 1)?);
        Ok(())
    }

    fn listen(&self, port: u16, threads: usize) -> anyhow::Result<Port> {
        let listener = self.end.run(|| {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
            listener.with_context(|| format!("listen at port {port}"))
        })?;
        for _ in 0..threads {
            let listener = listener.try_clone().context("share a listener")?;
            let manner = self.manner;
            thread::spawn(move || serve(&listener, manner));
        }
        Ok(Port(listener))
    }
}

fn serve(listener: &TcpListener, manner: Manner) {
    let mut held = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        match manner {
            Manner::Closes => {}
            Manner::Speaks => {
                // Who goes away early is no loss.
                let _gone = answer(stream);
            }
            Manner::Holds => held.push(stream),
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = [0; 512];
    let _request = stream.read(&mut request)?;
    stream.write_all(ANSWER)?;
    stream.shutdown(Shutdown::Write)
}
