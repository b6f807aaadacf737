//! A real server: nginx in a namespace of its own.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use super::{namespace::Namespace, plan::Node, process};
use crate::workspace;

/// Size of the file at `/big`: 200 MiB.
pub const BIG_BYTES: u64 = 200 << 20;

/// Serves its own name at `/` on ports 80 and 8080, and the big file at `/big`.
#[derive(Debug)]
pub struct Server {
    node: Node,
    namespace: Namespace,
    directory: PathBuf,
    nginx: Mutex<Option<Child>>,
}

impl Server {
    pub(super) fn new(node: Node, namespace: Namespace, work: &Path) -> Self {
        Self {
            node,
            namespace,
            directory: work.join(node.to_string()),
            nginx: Mutex::new(None),
        }
    }

    /// What it answers at `/`, and the last part of its namespace's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.node.to_string()
    }

    /// Where it runs.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Process id of nginx, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// Whether nginx runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock().as_mut().is_some_and(lives)
    }

    /// Starts nginx and waits until it accepts connections; does nothing while it does.
    ///
    /// # Errors
    /// When nginx does not start; its error log is in the error.
    pub fn start(&self) -> anyhow::Result<()> {
        let mut nginx = self.lock();
        if nginx.as_mut().is_some_and(lives) {
            return Ok(());
        }
        fs::create_dir_all(&self.directory)?;
        let config = self.directory.join("nginx.conf");
        fs::write(&config, self.config(&big_file()?))?;
        let log = fs::File::create(self.directory.join("nginx.log"))?;
        let mut command = process::tool("nginx");
        command
            .arg("-p")
            .arg(&self.directory)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = nginx.insert(self.namespace.spawn(&mut command)?);
        self.wait_until_it_accepts(child)
    }

    /// Ends nginx at once: connections break and new ones are refused.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> anyhow::Result<()> {
        match self.lock().take() {
            Some(mut nginx) => process::end(&mut nginx, Duration::from_secs(2)),
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.nginx
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wait_until_it_accepts(&self, nginx: &mut Child) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        loop {
            let accepted = self
                .namespace
                .run(|| Ok(TcpStream::connect(address).is_ok()))?;
            if accepted {
                return Ok(());
            }
            if nginx.try_wait()?.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.join("nginx.log")).unwrap_or_default();
                bail!("nginx of {} did not start: {}", self.node, log.trim_end());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn config(&self, big: &Path) -> String {
        format!(
            "daemon off;
master_process off;
user root;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 80 backlog=4096;
        listen [::]:80 backlog=4096;
        listen 8080 backlog=4096;
        listen [::]:8080 backlog=4096;
        location = / {{ return 200 \"{}\\n\"; }}
        location = /big {{ alias {}; limit_rate 40m; }}
    }}
}}
",
            self.node,
            big.display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut nginx) = self.lock().take() {
            process::signal(process::pid(&nginx), Signal::SIGKILL);
            // Killed: it ends as soon as the kernel gets to it.
            let _late = process::wait(&mut nginx, Duration::from_secs(2));
        }
    }
}

fn lives(nginx: &mut Child) -> bool {
    matches!(nginx.try_wait(), Ok(None))
}

/// The text of the big file as 64-bit words: each tells its own place.
fn big_words() -> impl Iterator<Item = u64> {
    (0..BIG_BYTES / 8).map(|place: u64| place.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}

/// The big file, made once per target directory.
pub(super) fn big_file() -> anyhow::Result<PathBuf> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MAKING.lock();
    let directory = workspace::target().join("lab");
    let path = directory.join("big");
    if !fs::metadata(&path).is_ok_and(|file| file.len() == BIG_BYTES) {
        let unfinished = directory.join(format!("big.{}", std::process::id()));
        let mut file = std::io::BufWriter::with_capacity(1 << 20, fs::File::create(&unfinished)?);
        for word in big_words() {
            file.write_all(&word.to_be_bytes())?;
        }
        file.flush().context("write the big file")?;
        fs::rename(unfinished, &path)?;
    }
    path.canonicalize().context("find the big file")
}
