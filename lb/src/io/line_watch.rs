//! A small file that is looked at every second, by a thread of its own: a file system that hangs must not delay anything.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::mpsc;

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(1);
/// Most bytes that are read.
const MOST: u64 = 256;
/// Memory of the thread's stack.
const STACK: usize = 128 << 10;

/// The watch; it ends when this is dropped.
#[derive(Debug)]
pub struct LineWatch {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
}

impl LineWatch {
    /// Tells what the file says, at once and after every change; nothing where it is not there. No thread, no watch.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start<E: Send + 'static>(
        path: &Path,
        event: fn(Option<String>) -> E,
        events: mpsc::Sender<E>,
    ) -> std::io::Result<Self> {
        let watch = Self {
            path: path.to_owned(),
            is_over: Arc::default(),
        };
        let (path, is_over) = (watch.path.clone(), Arc::clone(&watch.is_over));
        let look = move || {
            let mut last = None;
            while !is_over.load(Ordering::Relaxed) {
                let says = read(&path);
                if last.as_ref() != Some(&says) {
                    if events.blocking_send(event(says.clone())).is_err() {
                        return;
                    }
                    last = Some(says);
                }
                thread::sleep(PERIOD);
            }
        };
        let thread = thread::Builder::new().name("lb-reload-time".to_owned());
        thread.stack_size(STACK).spawn(look)?;
        Ok(watch)
    }

    /// What is watched.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LineWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path)
        .ok()?
        .take(MOST)
        .read_to_end(&mut text)
        .ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
