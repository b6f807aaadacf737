//! `@ID` and `@^ID` before a line.

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Condition<'t> {
    is_negated: bool,
    id: &'t str,
    /// Where the line goes on, in bytes of it.
    pub(in crate::config) rest: usize,
}

impl<'t> Condition<'t> {
    /// The condition that a line starts with.
    pub(in crate::config) fn read(line: &'t str) -> Option<Self> {
        let start = line.len() - line.trim_start_matches([' ', '\t']).len();
        let after = line[start..].strip_prefix('@')?;
        let (is_negated, after) = match after.strip_prefix('^') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let id = &after[..after.find([' ', '\t', '\r']).unwrap_or(after.len())];
        Some(Self {
            is_negated,
            id,
            rest: line.len() - after.len() + id.len(),
        })
    }

    /// Whether the line counts on the node with this id.
    pub(in crate::config) fn holds(&self, config_id: &str) -> bool {
        (self.id == config_id) != self.is_negated
    }
}
