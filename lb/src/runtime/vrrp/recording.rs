//! `vrrp_record`: what the router is fed and wants, on its way to a file.

use std::{
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::Vrrp;
use crate::{io::recording::Recording, observe::log, vrrp::record::LIMIT};

/// A recording under way.
pub(super) struct Running {
    path: String,
    file: Recording,
}

impl Vrrp {
    /// Begins or ends a recording as the plan wants it. A router with a past is not recorded: nobody could replay that.
    pub(super) fn adjust_recording(&mut self, now: Instant) {
        let wanted = self.plan.config.global.vrrp.record.clone();
        let running = self.recording.as_ref().map(|running| running.path.as_str());
        if running == wanted.as_deref() {
            return;
        }
        self.finish_recording();
        match wanted {
            Some(path) if self.fresh => self.begin_recording(path, now),
            Some(path) => log::recording_needs_restart(&path),
            None => {}
        }
    }

    fn begin_recording(&mut self, path: String, now: Instant) {
        match Recording::open(Path::new(&path)) {
            Ok((file, length)) => {
                log::recording(&path);
                let time = SystemTime::now().duration_since(UNIX_EPOCH);
                let room = LIMIT.saturating_sub(length);
                self.router.record(time.unwrap_or_default(), room, now);
                self.recording = Some(Running { path, file });
            }
            Err(error) => log::recording_ended(&path, &error),
        }
    }

    /// Hands what was recorded to the file.
    pub(super) fn flush_recording(&mut self) {
        let Some(running) = &mut self.recording else {
            return;
        };
        let written = running.file.write(self.router.take_recorded());
        let ended = self.router.recording_ended();
        let why = match (&written, &ended) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(()), Some(ended)) => Some(ended.to_string()),
            (Ok(()), None) => None,
        };
        if let Some(why) = why {
            log::recording_ended(&running.path, &why);
            self.router.stop_recording();
            self.recording = None;
        }
    }

    /// Ends the recording; all of it is in the file then, unless the disk is slow.
    pub(super) fn finish_recording(&mut self) {
        self.flush_recording();
        self.router.stop_recording();
        if let Some(Running { path, file }) = self.recording.take() {
            match file.finish() {
                Ok(()) => log::recording_finished(&path),
                Err(error) => log::recording_ended(&path, &error),
            }
        }
    }
}
