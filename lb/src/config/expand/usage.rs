//! `$NAME` and `${NAME ARGUMENTS}` in a text.

/// One use of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use<'t> {
    pub(super) name: &'t str,
    /// What follows the name in braces.
    pub(super) arguments: &'t str,
    /// The byte after the last.
    pub(super) end: usize,
    /// Whether it may be replaced: in braces, or before a blank, `,`, `)`, a brace or the end.
    pub(super) is_complete: bool,
}

impl<'t> Use<'t> {
    /// The use that starts with the `$` at byte `dollar`; `None` where that is a mere character.
    pub(super) fn read(text: &'t str, dollar: usize) -> Option<Self> {
        let after = &text[dollar + 1..];
        if let Some(inner) = after.strip_prefix('{') {
            let inner = &inner[..inner.find('}')?];
            let name = leading_name(inner)?;
            let arguments = &inner[name.len()..];
            if !arguments.is_empty() && !arguments.starts_with([' ', '\t']) {
                return None;
            }
            return Some(Self {
                name,
                arguments: arguments.trim(),
                end: dollar + 2 + inner.len() + 1,
                is_complete: true,
            });
        }
        let name = leading_name(after)?;
        let next = after[name.len()..].chars().next();
        let ends = |c| matches!(c, ' ' | '\t' | '\r' | ',' | ')' | '{' | '}');
        Some(Self {
            name,
            arguments: "",
            end: dollar + 1 + name.len(),
            is_complete: next.is_none_or(ends),
        })
    }
}

/// The name that a text starts with: letters, digits and `_`, no digit first.
pub(super) fn leading_name(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = &text[..text.find(|c| !is_part(c)).unwrap_or(text.len())];
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}
