//! What the text says, before it means anything.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::source::Span;

/// The words of a line; nearly every line has one or none after its keyword.
pub(super) type Words = SmallVec<[Word; 1]>;

/// A word without its quotes and escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: SmolStr,
    /// With quotes and escapes.
    pub(super) span: Span,
}

/// What follows a keyword on its line, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RestOfLine {
    pub(super) text: Box<str>,
    /// Byte for byte, unless it is expanded text.
    pub(super) span: Span,
    /// Whether a comment follows without a blank: it may be part of a word that was not meant to end.
    pub(super) is_cut: bool,
    /// Whether a quote in it is not closed, which is told.
    pub(super) is_open: bool,
}

/// A keyword, its arguments and its block. `keyword` and `arguments` are apart so that a statement without a
/// word cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) keyword: Word,
    pub(super) arguments: Words,
    /// Only where it holds quotes or backslashes, or is cut: otherwise the arguments tell as much.
    pub(super) rest: Option<Box<RestOfLine>>,
    pub(super) block: Option<Vec<Self>>,
}

impl Statement {
    /// From keyword to last argument, without the block.
    pub(super) fn span(&self) -> Span {
        match self.arguments.last() {
            Some(last) => self.keyword.span.to(last.span),
            None => self.keyword.span,
        }
    }

    /// The statements of the block; none without a block.
    pub(super) fn statements(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}
