//! Records the segment, and has tshark judge it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;

use crate::lab::{Lab, namespace, process, topology::BRIDGE};

/// A running recording; dropping it ends it.
#[derive(Debug)]
pub struct Capture {
    dumpcap: Child,
    file: PathBuf,
}

/// What tshark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureReport {
    /// Packets recorded.
    pub packets: usize,
    /// One line for each that is malformed or has a wrong checksum.
    pub bad: Vec<String>,
}

impl Capture {
    /// Starts to record what passes the switch and matches `filter` (as for tcpdump).
    ///
    /// # Errors
    /// When dumpcap does not start.
    pub fn start(lab: &Lab, filter: &str) -> anyhow::Result<Self> {
        let file = lab.work().join("capture.pcap");
        let log = lab.work().join("dumpcap.log");
        let mut command = process::tool("dumpcap");
        command
            .args(["-q", "-i", BRIDGE, "-f", filter, "-w"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let dumpcap = lab.switch().spawn(&mut command)?;
        let capture = Self { dumpcap, file };
        wait_until_it_listens(&log)?;
        Ok(capture)
    }

    /// Ends the recording and judges it.
    ///
    /// # Errors
    /// When dumpcap does not end or tshark fails.
    pub fn finish(mut self) -> anyhow::Result<CaptureReport> {
        self.end()?;
        let all = self.tshark("frame", &[])?;
        let bad = self.tshark(
            "_ws.malformed || _ws.unreassembled || bfd && _ws.expert.severity >= 0x00400000 || ip.checksum.status == 0 || vrrp.checksum.status == 0 \
             || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 \
             || icmpv6.checksum.status == 0 || vrrp && _ws.expert.severity >= 0x00400000",
            &[],
        )?;
        Ok(CaptureReport {
            packets: all.len(),
            bad,
        })
    }

    /// Ends the recording and tells some fields of the packets that match a display filter, blanks between them.
    ///
    /// # Errors
    /// When dumpcap does not end or tshark fails.
    pub fn fields(self, filter: &str, fields: &[&str]) -> anyhow::Result<Vec<String>> {
        let told = self.tell(&[(filter, fields)])?;
        Ok(told.into_iter().flatten().collect())
    }

    /// The same for several filters, each with fields of its own.
    ///
    /// # Errors
    /// As [`Self::fields`].
    pub fn tell(mut self, wanted: &[(&str, &[&str])]) -> anyhow::Result<Vec<Vec<String>>> {
        self.end()?;
        let told = wanted
            .iter()
            .map(|(filter, fields)| self.ask(filter, fields));
        told.collect()
    }

    fn ask(&self, filter: &str, fields: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut options = vec!["-T", "fields", "-E", "separator=/s"];
        options.extend(fields.iter().flat_map(|field| ["-e", *field]));
        self.tshark(filter, &options)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        process::signal(process::pid(&self.dumpcap), Signal::SIGINT);
        process::wait(&mut self.dumpcap, Duration::from_secs(5))
    }

    fn tshark(&self, filter: &str, options: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut command = process::tool("tshark");
        command.arg("-r").arg(&self.file);
        for protocol in ["ip", "tcp", "udp"] {
            command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
        }
        let text = namespace::run(command.args(["-Y", filter]).args(options))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        process::signal(process::pid(&self.dumpcap), Signal::SIGKILL);
        let _ended = self.dumpcap.wait();
    }
}

fn wait_until_it_listens(log: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let text = fs::read_to_string(log).context("read dumpcap's log")?;
        if text.contains("File: ") {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("dumpcap does not start: {text}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}
