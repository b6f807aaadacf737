//! Probes: what checks ask, carried over real sockets, and programs that are run for them.

mod datagram;
mod echo;
mod http2;
mod kept;
mod origin;
mod program;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::errno::Errno;
use tokio::{sync::Semaphore, time::timeout};

use self::{
    kept::Connections,
    tls::{Protocol, Tls},
};
use super::{host_name, scheduling, script::Rights};
use crate::{
    checker::{
        Answer, ConnectionId, Probe, ProbeError, ProbeResult,
        dialogue::{Dialogue, http::Http, pattern::Pattern, smtp::Smtp},
    },
    config::model::{
        Check, Config, Connection, Http as HttpSettings,
        check::{self, HttpProtocol, Regex},
        global::Owner,
    },
};

/// Connections under way at the same time; the rest wait. Half of what the process may open, at most.
const CONNECTIONS: usize = 8192;
/// Programs that run at the same time.
const PROGRAMS: usize = 256;

/// Asks what checks want to know.
#[derive(Debug)]
pub struct Prober {
    connections: Arc<Semaphore>,
    programs: Arc<Semaphore>,
    shared: Arc<Shared>,
    kept: Arc<Connections>,
}

/// What all probes share.
#[derive(Debug, Default)]
struct Shared {
    tls: Tls,
    rights: Rights,
    patterns: Patterns,
    /// What SMTP servers are told where `helo_name` says nothing.
    hello: String,
}

/// Compiled expressions by what they were compiled from.
#[derive(Debug, Default)]
struct Patterns(Mutex<HashMap<String, Arc<Pattern>>>);

impl Patterns {
    fn get(&self, regex: &Regex) -> Result<Arc<Pattern>, ProbeError> {
        let key = format!("{regex:?}");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pattern) = known.get(&key) {
            return Ok(Arc::clone(pattern));
        }
        let pattern =
            Pattern::new(regex).map_err(|why| ProbeError::because(format!("regex: {why}")))?;
        let pattern = Arc::new(pattern);
        known.insert(key, Arc::clone(&pattern));
        Ok(pattern)
    }
}

impl Prober {
    /// One that knows no configuration. Raises the limit of open files to what it may be.
    #[must_use]
    pub fn new() -> Self {
        Self {
            connections: Arc::new(Semaphore::new(most_connections())),
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            shared: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Takes what the configuration says of TLS, programs and the name of this host. Expressions are compiled anew when they are
    /// asked for.
    pub fn configure(&mut self, config: &Config) {
        let hello = config.global.mail.helo_name.clone();
        let mut rights = Rights::new(&config.global.scripts);
        for owner in owners(config) {
            // A name service may take its time: here, once, and not in each check. Who is unknown is told by the check.
            let _known = rights.identity(owner);
        }
        self.shared = Arc::new(Shared {
            tls: Tls::new(config.ssl.as_ref()),
            rights,
            patterns: Patterns::default(),
            hello: hello.unwrap_or_else(host_name),
        });
    }

    /// Closes the connection of a check that is gone.
    pub fn close(&self, id: ConnectionId) {
        self.kept.close(id);
    }

    /// Asks what a probe wants to know. Its time begins when it is its turn.
    pub fn ask(&self, probe: Probe) -> impl Future<Output = ProbeResult> + Send + use<> {
        let slots = match *probe.check {
            Check::Misc(_) => &self.programs,
            _ => &self.connections,
        };
        let (slots, shared) = (Arc::clone(slots), Arc::clone(&self.shared));
        let connections = Arc::clone(&self.kept);
        async move {
            if let (Check::Keepalive(it), Some(kept)) = (&*probe.check, probe.kept) {
                return Box::pin(connections.ask(it, kept, &slots)).await;
            }
            // The semaphore is never closed; without a permit the probe would only be unbounded.
            let _slot = slots.acquire().await.ok();
            match &*probe.check {
                Check::Tcp(connection) => origin::knock(connection).await.map(|()| Answer::Well),
                // What needs more room has it only while it is asked.
                _ => Box::pin(ask_at_length(&probe, &shared)).await,
            }
        }
    }
}

async fn ask_at_length(probe: &Probe, shared: &Shared) -> ProbeResult {
    match &*probe.check {
        Check::Http(it) => ask_http(it, probe.url, None, &shared.patterns).await,
        Check::Ssl(it) => ask_http(it, probe.url, Some(&shared.tls), &shared.patterns).await,
        // Frames need more room again.
        Check::Grpc(it) => Box::pin(http2::ask_grpc(it, &shared.tls)).await,
        Check::Smtp(it) => {
            let stream = origin::connect(&it.connection).await?;
            let name = it.settings.helo_name.as_deref();
            let mut dialogue = Smtp::new(name.unwrap_or(&shared.hello));
            stream::talk(stream, &mut dialogue, it.connection.timeout).await
        }
        Check::Udp(it) => datagram::ask_udp(&it.connection, &it.settings).await,
        Check::Dns(it) => datagram::ask_dns(&it.connection, &it.settings).await,
        Check::Ping(connection) => echo::ask(connection).await,
        Check::Misc(misc) => Box::pin(program::run(misc, &shared.rights)).await,
        // The first two are asked above, the others are told, not asked.
        Check::Tcp(_) | Check::Keepalive(_) | Check::File(_) | Check::Bfd(_) => Ok(Answer::Well),
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

async fn ask_http(
    probe: &check::Probe<HttpSettings>,
    url: usize,
    tls: Option<&Tls>,
    patterns: &Patterns,
) -> ProbeResult {
    let (connection, settings) = (&probe.connection, &probe.settings);
    let Some(url) = settings.urls.get(url) else {
        return Ok(Answer::Well);
    };
    let pattern = url
        .regex
        .as_ref()
        .map(|regex| patterns.get(regex))
        .transpose()?;
    let name = settings.sni_name.as_deref().or(url.virtualhost.as_deref());
    let tls = tls.map(|tls| (tls, name.filter(|_| settings.sni)));
    if settings.protocol == HttpProtocol::V2 {
        return Box::pin(http2::ask_page(connection, url, tls, pattern)).await;
    }
    let mut dialogue = Http::new(url, settings.protocol, connection.target(), pattern);
    talk_to(connection, tls, &mut dialogue).await
}

/// Asks for a page as `HTTP_GET` does, or over TLS, with the server's name or without, as `SSL_GET` does.
///
/// # Errors
/// As a check that fails.
pub async fn ask_page(
    connection: &Connection,
    tls: Option<Option<&str>>,
    dialogue: &mut impl Dialogue,
) -> ProbeResult {
    let settings = tls.map(|_| Tls::new(None));
    let tls = settings.as_ref().zip(tls);
    talk_to(connection, tls, dialogue).await
}

async fn talk_to(
    connection: &Connection,
    tls: Option<(&Tls, Option<&str>)>,
    dialogue: &mut impl Dialogue,
) -> ProbeResult {
    let Some((tls, name)) = tls else {
        let stream = origin::connect(connection).await?;
        return stream::talk(stream, dialogue, connection.timeout).await;
    };
    // TLS needs ten times the room.
    Box::pin(async {
        let stream = tls.open(connection, name, Protocol::Http1);
        let stream = in_time(connection.timeout, stream).await?;
        stream::talk(stream, dialogue, connection.timeout).await
    })
    .await
}

/// Whose programs are run, each once in a row.
fn owners(config: &Config) -> impl Iterator<Item = Option<&Owner>> {
    let reals = config.virtual_servers.iter();
    let reals = reals.flat_map(|server| &server.real_servers);
    let checks = reals.flat_map(|real| &real.checks);
    checks.filter_map(|check| match check {
        Check::Misc(misc) => Some(misc.command.owner.as_ref()),
        _ => None,
    })
}

/// What comes of `work`, if that is soon enough.
async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ProbeError>>,
) -> Result<T, ProbeError> {
    timeout(limit, work)
        .await
        .unwrap_or(Err(ProbeError::Timeout))
}

/// In the words of strerror(3), where they are the kernel's.
impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> Self {
        Self::because(error.raw_os_error().map_or_else(
            || error.to_string(),
            |code| Errno::from_raw(code).desc().to_owned(),
        ))
    }
}

/// Half of what the process may open.
fn most_connections() -> usize {
    let files = scheduling::raise_files().unwrap_or_default();
    let files = usize::try_from(files / 2).unwrap_or(usize::MAX);
    files.clamp(CONNECTIONS / 512, CONNECTIONS)
}

/// Where a connection goes: a link-local address needs its interface.
fn target(connection: &Connection) -> SocketAddr {
    let mut target = connection.target();
    let interface = connection.origin.as_deref();
    let interface = interface.and_then(|origin| origin.interface.as_ref());
    if let (SocketAddr::V6(v6), Some(interface)) = (&mut target, interface)
        && v6.ip().is_unicast_link_local()
    {
        let index = nix::net::if_::if_nametoindex(interface.as_str());
        v6.set_scope_id(index.unwrap_or_default());
    }
    target
}
