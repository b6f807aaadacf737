//! A server that returns every byte.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv6Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;

use crate::lab::namespace::Namespace;

/// Listens until dropped, on all addresses of its namespace.
#[derive(Debug)]
pub struct EchoServer {
    stop: Arc<AtomicBool>,
    clients: Arc<AtomicUsize>,
}

impl EchoServer {
    /// Starts it.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(namespace: &Namespace, port: u16) -> anyhow::Result<Self> {
        let listener = namespace.run(|| {
            TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
                .with_context(|| format!("listen on port {port}"))
        })?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let clients = Arc::default();
        let (ends, count) = (Arc::clone(&stop), Arc::clone(&clients));
        thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || accept(&listener, &ends, &count))?;
        Ok(Self { stop, clients })
    }

    /// Connections that have said something and go on.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, stop: &Arc<AtomicBool>, clients: &Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(2));
            continue;
        };
        let (ends, count) = (Arc::clone(stop), Arc::clone(clients));
        thread::spawn(move || {
            let mut has_spoken = false;
            echo(stream, &ends, || {
                if !std::mem::replace(&mut has_spoken, true) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            if has_spoken {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
}

/// Serves one connection to its end; whatever goes wrong, the other side sees it.
fn echo(mut stream: TcpStream, stop: &AtomicBool, mut spoken: impl FnMut()) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .ok()?;
    let mut bytes = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut bytes) {
            Ok(0) => return None,
            Ok(length) => {
                spoken();
                stream.write_all(&bytes[..length]).ok()?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}
