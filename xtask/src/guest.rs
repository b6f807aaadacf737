//! A virtual machine with the kernel of Debian's stable release: real IPVS, and the verifier, the JIT compiler and the tc that people have.
//!
//! Nothing is installed in it: it sees this host's files, and what it writes is gone when it ends. QEMU translates its code, so it
//! needs no help of this host's processor, and is some ten times slower.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{packages, step, workspace};

/// Downloads the kernel into the current directory and makes what it starts from.
const PREPARE: &str = include_str!("guest/prepare.sh");
/// The first process, until it sees the host's files.
const INIT: &str = include_str!("guest/init.sh");
/// The first process from then on, with its words filled in by [`Guest::script`].
const START: &str = include_str!("guest/start.sh");
/// What the guest says before and after the program.
const BEGIN: &str = "lb-guest: begin";
const END: &str = "lb-guest: end ";
/// Where Debian's releases keep it.
const VIRTIOFSD: [&str; 2] = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"];
const LIMIT: Duration = Duration::from_secs(300);

/// A program to run, and how.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path on this host.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Its environment, beside `PATH` and `HOME`.
    pub environment: Vec<(String, String)>,
}

/// The prepared machine.
#[derive(Debug)]
pub struct Guest {
    folder: PathBuf,
    virtiofsd: &'static Path,
}

impl Guest {
    /// Installs and downloads what is missing.
    ///
    /// # Errors
    /// When that cannot be had, or this is another architecture.
    pub fn prepare() -> Result<Self> {
        ensure!(
            cfg!(target_arch = "x86_64"),
            "the virtual machine is made for x86-64 only"
        );
        packages::prepare(packages::GUEST)?;
        let find = || {
            VIRTIOFSD
                .map(Path::new)
                .into_iter()
                .find(|path| path.exists())
        };
        if find().is_none() {
            packages::prepare(&[("/usr/libexec/virtiofsd", "virtiofsd")])?;
        }
        let folder = workspace::prepared().join("guest");
        let made_by = format!("{PREPARE}{INIT}");
        let ready = folder.join("ready");
        if !fs::read_to_string(&ready).is_ok_and(|text| text == made_by) {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("init"), INIT)?;
            let mut command = Command::new("sh");
            command.args(["-c", PREPARE]).current_dir(&folder);
            step::run(
                "guest",
                "the kernel of Debian's stable release",
                &mut command,
                LIMIT,
            )?;
            fs::write(&ready, made_by)?;
        }
        Ok(Self {
            folder,
            virtiofsd: find().context("there is no virtiofsd")?,
        })
    }

    /// Runs the program and hands each line of its output to `see`; says whether it ended with 0. Machines that run at the same time have
    /// different numbers.
    ///
    /// # Errors
    /// When the machine does not start, or takes longer than `limit`.
    pub fn run(
        &self,
        program: &Program,
        number: usize,
        limit: Duration,
        mut see: impl FnMut(&str),
    ) -> Result<bool> {
        let name = format!("guest-{}-{number}", std::process::id());
        let script = self.folder.join(format!("{name}.sh"));
        let socket = std::env::temp_dir().join(format!("lb-{name}.sock"));
        fs::write(&script, self.script(program))?;
        let files = Ended(self.share(&socket, number)?);
        let mut machine = Ended(self.boot(&script, &socket, number)?);
        let output = machine
            .0
            .stdout
            .take()
            .context("QEMU's output is not ours")?;
        let pid = Pid::from_raw(i32::try_from(machine.0.id())?);
        let (done, is_done) = mpsc::channel::<()>();
        let watched = thread::scope(|scope| {
            let watch = scope.spawn(move || {
                let is_late = is_done.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
                if is_late {
                    kill(pid, Signal::SIGKILL).ok();
                }
                is_late
            });
            let result = read(output, &mut see);
            drop(done);
            let is_late = watch.join().is_ok_and(|is_late| is_late);
            ensure!(
                !is_late,
                "the virtual machine took longer than {} s",
                limit.as_secs()
            );
            result
        });
        drop((machine, files));
        fs::remove_file(&script).ok();
        fs::remove_file(&socket).ok();
        watched
    }

    /// The host's files, for the machine to read.
    fn share(&self, socket: &Path, number: usize) -> Result<Child> {
        let log = self.folder.join(format!("virtiofsd-{number}.log"));
        let child = Command::new(self.virtiofsd)
            .arg(format!("--socket-path={}", socket.display()))
            .args([
                "-o",
                "source=/",
                "-o",
                "cache=always",
                "-o",
                "sandbox=chroot",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(log)?)
            .spawn()
            .context("start virtiofsd")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while !socket.exists() {
            ensure!(Instant::now() < deadline, "virtiofsd does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(child)
    }

    fn boot(&self, script: &Path, socket: &Path, number: usize) -> Result<Child> {
        const MEMORY: &str = "memory-backend-memfd,id=memory,size=2048M,share=on";
        let log = self.folder.join(format!("qemu-{number}.log"));
        let kernel = format!(
            "console=ttyS0 quiet panic=-1 edd=off mitigations=off lb.script={}",
            script.display()
        );
        Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048"])
            .args(["-nographic", "-no-reboot", "-net", "none"])
            .arg("-kernel")
            .arg(self.folder.join("kernel"))
            .arg("-initrd")
            .arg(self.folder.join("initramfs"))
            .args(["-append", &kernel])
            .args(["-object", MEMORY, "-numa", "node,memdev=memory"])
            .arg("-chardev")
            .arg(format!("socket,id=files,path={}", socket.display()))
            .args(["-device", "vhost-user-fs-pci,chardev=files,tag=host"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(log)?)
            .spawn()
            .context("start QEMU")
    }

    fn script(&self, program: &Program) -> String {
        let environment = program.environment.iter();
        let environment: Vec<String> = environment
            .map(|(name, value)| quoted(&format!("{name}={value}")))
            .collect();
        let words = program.arguments.iter().map(|argument| quoted(argument));
        let words: Vec<String> = words.collect();
        START
            .replace(
                "@MODULES@",
                &quoted(&self.folder.join("lib/modules").display().to_string()),
            )
            .replace(
                "@DIRECTORY@",
                &quoted(&program.directory.display().to_string()),
            )
            .replace("@ENVIRONMENT@", &environment.join(" "))
            .replace("@PROGRAM@", &quoted(&program.path.display().to_string()))
            .replace("@ARGUMENTS@", &words.join(" "))
    }
}

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Reads what the guest says; between its two marks that is the program's.
fn read(output: impl std::io::Read, see: &mut impl FnMut(&str)) -> Result<bool> {
    let (mut begun, mut before) = (false, Vec::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("read what the virtual machine says")?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        if let Some(code) = line.strip_prefix(END) {
            return Ok(code.trim() == "0");
        }
        if begun {
            see(line);
        } else if line.contains(BEGIN) {
            begun = true;
        } else {
            before.push(line.to_owned());
        }
    }
    let last = before.len().saturating_sub(10);
    bail!(
        "the virtual machine ended early:\n{}",
        before[last..].join("\n")
    )
}

/// A word of the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_the_program_s() {
        let said = "boot\r\n[0m.lb-guest: begin\r\none\r\ntwo\r\nlb-guest: end 0\r\nafter\n";
        let mut lines = Vec::new();
        let ended = read(said.as_bytes(), &mut |line| lines.push(line.to_owned()));
        assert!(ended.unwrap());
        assert_eq!(lines, ["one", "two"]);
        let failed = read(
            "lb-guest: begin\nlb-guest: end 101\n".as_bytes(),
            &mut |_| {},
        );
        assert!(!failed.unwrap());
        let cut = read("panic\n".as_bytes(), &mut |_| {}).unwrap_err();
        assert!(cut.to_string().contains("panic"), "{cut}");
    }

    #[test]
    fn the_shell_takes_any_word_as_it_is() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
