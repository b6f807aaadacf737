//! Tokens to statements, one top-level statement at a time, so memory follows the largest block and not the
//! file. Blocks nest by an explicit stack: no input can exhaust the process's own.

use super::{
    ast::{Statement, Word, Words},
    diagnostic::{Kind, Report, quote},
    keyword,
    lexer::{Lexer, Token},
    lines::Lines,
    source::{Sources, Span},
};

/// Deepest nesting; keepalived's language needs five.
const MAX_DEPTH: usize = 32;
/// Most statements within one top-level block.
const MAX_STATEMENTS: usize = 1 << 20;

/// A block being read.
#[derive(Debug)]
struct OpenBlock {
    /// The statement it belongs to; `None` for a stray `{`, whose content is dropped.
    owner: Option<Statement>,
    open: Span,
    statements: Vec<Statement>,
}

impl OpenBlock {
    fn name(&self) -> String {
        self.owner.as_ref().map_or_else(
            || "`{`".to_owned(),
            |owner| {
                let words = std::iter::once(&owner.keyword).chain(&owner.arguments);
                let words: Vec<&str> = words.map(|word| &*word.text).collect();
                quote(&words.join(" "))
            },
        )
    }
}

/// Reads one configuration.
pub(super) struct Parser<'l> {
    lexer: Lexer<'l>,
    /// The words of the statement being read, apart as they go into it.
    keyword: Option<Word>,
    arguments: Words,
    /// Whether `keyword` starts a line of the text.
    starts_line: bool,
    /// Whether nothing was read of the line of the text.
    is_fresh: bool,
    stack: Vec<OpenBlock>,
    /// Top-level statements that no `{` can follow any more, at most two.
    ready: Vec<Statement>,
    /// A statement whose `{` may still come on the next line, at the current depth.
    last: Option<Statement>,
    statements: usize,
    done: bool,
}

impl<'l> Parser<'l> {
    pub(super) fn new(lines: Lines<'l>) -> Self {
        Self {
            lexer: Lexer::new(lines),
            keyword: None,
            arguments: Words::new(),
            starts_line: false,
            is_fresh: true,
            stack: Vec::new(),
            ready: Vec::new(),
            last: None,
            statements: 0,
            done: false,
        }
    }

    pub(super) fn into_sources(self) -> Sources {
        self.lexer.into_lines().into_sources()
    }

    /// The next top-level statement with everything in it.
    pub(super) fn next(&mut self, report: &mut Report) -> Option<Statement> {
        while self.ready.is_empty() && !self.done {
            if report.is_full() {
                return None;
            }
            let token = self.lexer.next(report);
            let is_fresh =
                std::mem::replace(&mut self.is_fresh, matches!(token, Some(Token::LineEnd)));
            match token {
                Some(Token::Word(word)) => {
                    if self.keyword.is_none() {
                        self.starts_line = is_fresh;
                        self.keyword = Some(word);
                    } else {
                        self.arguments.push(word);
                    }
                }
                Some(Token::LineEnd) => self.end_line(report),
                Some(Token::Open(span)) => self.open(span, report),
                Some(Token::Close(span)) => self.close(span, report),
                None => self.end_file(report),
            }
        }
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }

    fn end_line(&mut self, report: &mut Report) {
        let Some(keyword) = self.keyword.take() else {
            return;
        };
        let arguments = std::mem::take(&mut self.arguments);
        if !self.stack.is_empty() && self.starts_line && keyword::root::is_block(&keyword.text) {
            self.close_before(&keyword, report);
        }
        self.settle();
        if &*keyword.text == "include_check" && self.is_in_global_defs() {
            // It counts from here on, so it cannot wait until the block is read.
            self.lexer.lines().set_checks(&arguments, report);
            return;
        }
        self.statements += 1;
        if self.statements > MAX_STATEMENTS {
            report.error(
                Kind::Limit,
                keyword.span,
                format!("more than {MAX_STATEMENTS} lines in one block: the rest is not read"),
            );
            self.stop();
            return;
        }
        self.last = Some(Statement {
            keyword,
            arguments,
            rest: self.lexer.take_rest(),
            block: None,
        });
    }

    fn is_in_global_defs(&self) -> bool {
        let [block] = self.stack.as_slice() else {
            return false;
        };
        let owner = block.owner.as_ref();
        owner.is_some_and(|owner| &*owner.keyword.text == "global_defs")
    }

    fn open(&mut self, open: Span, report: &mut Report) {
        self.end_line(report);
        if self.done {
            return;
        }
        if self.stack.len() >= MAX_DEPTH {
            report.error(
                Kind::Limit,
                open,
                format!(
                    "`{{` opens block {} within block: at most {MAX_DEPTH}; the rest is not read",
                    MAX_DEPTH + 1
                ),
            );
            self.stop();
            return;
        }
        let owner = self.last.take_if(|last| last.block.is_none());
        self.settle();
        // One word about a stray brace; what is within it is dropped anyway.
        let is_in_stray = self.stack.last().is_some_and(|block| block.owner.is_none());
        if owner.is_none() && !is_in_stray {
            report
                .error(
                    Kind::Syntax,
                    open,
                    "`{` has no keyword before it".to_owned(),
                )
                .help("write the block's keyword before the brace, or remove the brace");
        }
        self.stack.push(OpenBlock {
            owner,
            open,
            statements: Vec::new(),
        });
    }

    fn close(&mut self, close: Span, report: &mut Report) {
        self.end_line(report);
        if self.done {
            return;
        }
        if self.stack.is_empty() {
            report
                .error(Kind::Syntax, close, "`}` closes nothing".to_owned())
                .help("remove it, or look for a `}` too many above");
        }
        self.close_block();
    }

    fn close_block(&mut self) {
        self.settle();
        let Some(block) = self.stack.pop() else {
            return;
        };
        self.last = block.owner.map(|owner| Statement {
            block: Some(block.statements),
            ..owner
        });
    }

    /// Moves the last statement into its block: no `{` can follow it any more.
    fn settle(&mut self) {
        let Some(last) = self.last.take() else { return };
        if let Some(block) = self.stack.last_mut() {
            block.statements.push(last);
        } else {
            self.statements = 0;
            self.ready.push(last);
        }
    }

    /// A top-level keyword within a block: its `}` is missing. Closes everything, so that the rest of the
    /// file is still understood.
    fn close_before(&mut self, keyword: &Word, report: &mut Report) {
        let Some(outermost) = self.stack.first() else {
            return;
        };
        report
            .error(
                Kind::Syntax,
                keyword.span,
                format!(
                    "a `}}` is missing before {}: {} is still open",
                    quote(&keyword.text),
                    outermost.name()
                ),
            )
            .related(outermost.open, "opened")
            .help("close the block with `}`");
        while !self.stack.is_empty() {
            self.close_block();
        }
    }

    fn end_file(&mut self, report: &mut Report) {
        self.end_line(report);
        for block in &self.stack {
            report
                .error(
                    Kind::Syntax,
                    block.open,
                    format!("the `{{` of {} is never closed", block.name()),
                )
                .help("add the missing `}`");
        }
        while !self.stack.is_empty() {
            self.close_block();
        }
        self.stop();
    }

    /// Reads no further; what is not complete is dropped.
    fn stop(&mut self) {
        if self.stack.is_empty() {
            self.settle();
        }
        self.last = None;
        self.stack.clear();
        self.keyword = None;
        self.arguments.clear();
        self.done = true;
    }
}
