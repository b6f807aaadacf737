//! The terminal: a block of lines refreshed in place, or one line per change where it is no terminal.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

/// One line of the status block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What the line is about; the same from refresh to refresh.
    pub(super) about: String,
    /// What people must not miss: printed when it changes.
    pub(super) state: String,
    /// Figures that change all the time: shown only in place.
    pub(super) figures: String,
}

pub(super) struct Screen {
    in_place: bool,
    drawn: usize,
    states: BTreeMap<String, String>,
}

impl Screen {
    pub(super) fn new(in_place: bool) -> Self {
        Self {
            in_place,
            drawn: 0,
            states: BTreeMap::new(),
        }
    }

    /// Prints a line that stays.
    pub(super) fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        self.drawn = 0;
        Ok(())
    }

    /// Shows the block.
    pub(super) fn show(&mut self, lines: &[Line]) -> anyhow::Result<()> {
        if self.in_place {
            self.redraw(lines)?;
        } else {
            for change in self.changes(lines) {
                self.say(&change)?;
            }
        }
        Ok(())
    }

    /// Leaves the last block standing and prints what remains to be said.
    pub(super) fn finish(&mut self, summary: &[String]) -> anyhow::Result<()> {
        self.say("")?;
        summary.iter().try_for_each(|line| self.say(line))
    }

    fn redraw(&mut self, lines: &[Line]) -> anyhow::Result<()> {
        // Wrapping is off meanwhile, so that every line stays one.
        let mut text = String::from("\x1b[?7l");
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for line in lines {
            text.push_str(&format!(
                "{:<22}{:<48}  {}\x1b[K\n",
                line.about, line.state, line.figures
            ));
        }
        text.push_str("\x1b[J\x1b[?7h");
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        self.drawn = lines.len();
        Ok(())
    }

    fn changes(&mut self, lines: &[Line]) -> Vec<String> {
        let mut changes = Vec::new();
        for line in lines {
            let before = self.states.insert(line.about.clone(), line.state.clone());
            if before.as_ref() != Some(&line.state) {
                changes.push(format!("{}: {}", line.about, line.state));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests;
