//! A control group for a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Mutex,
};

use xtask::lab::Namespace;

use super::tcp_keepalive;

/// Ended, detached and removed when dropped.
pub(super) struct Group {
    path: PathBuf,
    started: Mutex<Vec<Child>>,
}

impl Group {
    pub(super) fn new(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let mount = mount.expect("cgroup v2 is mounted").split(' ').nth(4);
        let path = Path::new(mount.unwrap()).join(format!("lb-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self {
            path,
            started: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// A program inside, with its arguments, which exits with what it exits with.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let enter = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", self.path());
        let mut command = Command::new("sh");
        command.args(["-c", &enter, "sh"]).args(words);
        command
    }

    /// Starts one in a namespace; it ends with the group.
    pub(super) fn start(&self, namespace: &Namespace, words: &[&str]) {
        let child = namespace.spawn(&mut self.command(words)).unwrap();
        self.started.lock().unwrap().push(child);
    }

    /// Ends everything in it.
    pub(super) fn kill(&self) {
        fs::write(self.path.join("cgroup.kill"), "1").unwrap();
        let started = std::mem::take(&mut *self.started.lock().unwrap());
        for mut child in started {
            child.wait().unwrap();
        }
    }

    pub(super) fn attach(&self, more: &[&str]) {
        let words = [&["attach", "--cgroup", self.path()], more].concat();
        let said = tcp_keepalive(None, &words);
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    pub(super) fn detach(&self) {
        let said = tcp_keepalive(None, &["detach", "--cgroup", self.path()]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let _detached_already = tcp_keepalive(None, &["detach", "--cgroup", self.path()]);
        fs::remove_dir(&self.path).unwrap();
    }
}
