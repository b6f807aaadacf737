//! Regular expressions of PCRE2, searched for in an answer as it comes.

mod budget;
#[cfg(test)]
mod tests;

use std::{ptr, sync::Arc};

use pcre2_sys::{
    PCRE2_ALLOW_EMPTY_CLASS, PCRE2_ALT_BSUX, PCRE2_ALT_CIRCUMFLEX, PCRE2_ALT_VERBNAMES,
    PCRE2_AUTO_CALLOUT, PCRE2_CASELESS, PCRE2_DOLLAR_ENDONLY, PCRE2_DOTALL, PCRE2_DUPNAMES,
    PCRE2_ERROR_CALLOUT, PCRE2_ERROR_DEPTHLIMIT, PCRE2_ERROR_HEAPLIMIT, PCRE2_ERROR_MATCHLIMIT,
    PCRE2_ERROR_NOMATCH, PCRE2_ERROR_PARTIAL, PCRE2_EXTENDED, PCRE2_FIRSTLINE,
    PCRE2_INFO_ALLOPTIONS, PCRE2_INFO_BACKREFMAX, PCRE2_INFO_MAXLOOKBEHIND, PCRE2_JIT_COMPLETE,
    PCRE2_JIT_PARTIAL_HARD, PCRE2_MATCH_INVALID_UTF, PCRE2_MATCH_UNSET_BACKREF, PCRE2_MULTILINE,
    PCRE2_NEVER_BACKSLASH_C, PCRE2_NEVER_UCP, PCRE2_NEVER_UTF, PCRE2_NO_AUTO_CAPTURE,
    PCRE2_NO_AUTO_POSSESS, PCRE2_NO_DOTSTAR_ANCHOR, PCRE2_NO_START_OPTIMIZE, PCRE2_PARTIAL_HARD,
    PCRE2_UCP, PCRE2_UNGREEDY, PCRE2_USE_OFFSET_LIMIT, PCRE2_UTF, pcre2_code_8, pcre2_code_free_8,
    pcre2_compile_8, pcre2_get_error_message_8, pcre2_get_ovector_pointer_8, pcre2_jit_compile_8,
    pcre2_jit_stack_8, pcre2_jit_stack_assign_8, pcre2_jit_stack_create_8, pcre2_jit_stack_free_8,
    pcre2_match_8, pcre2_match_context_8, pcre2_match_context_create_8, pcre2_match_context_free_8,
    pcre2_match_data_8, pcre2_match_data_create_from_pattern_8, pcre2_match_data_free_8,
    pcre2_pattern_info_8, pcre2_set_depth_limit_8, pcre2_set_match_limit_8,
};

use self::budget::Budget;
use crate::config::model::check::{Regex, RegexOption};

/// Bytes that are kept of an answer for one search.
const WINDOW: usize = 256 << 10;
/// What is said of a search that is given up.
const TOO_COSTLY: &str = "the regex takes more steps than an answer is worth";

/// A compiled expression.
#[derive(Debug)]
pub struct Pattern {
    code: *mut pcre2_code_8,
    /// Bytes before a match that it may look at.
    behind: usize,
    /// An answer cannot be cut anywhere, only between characters: it is kept whole.
    is_whole: bool,
    /// A match begins before the end of the first line.
    is_first_line: bool,
    has_back_references: bool,
    /// `regex_min_offset` and `regex_max_offset`.
    offsets: (u64, u64),
    /// `regex_stack`.
    stack: Option<(usize, usize)>,
}

// SAFETY: PCRE2 never changes compiled code after compilation (pcre2api(3), "Multithreading").
unsafe impl Send for Pattern {}
// SAFETY: as above.
unsafe impl Sync for Pattern {}

impl Drop for Pattern {
    fn drop(&mut self) {
        // SAFETY: it was made by pcre2_compile and is freed once.
        unsafe { pcre2_code_free_8(self.code) };
    }
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Where it is none, in PCRE2's words.
    pub fn new(regex: &Regex) -> Result<Self, String> {
        let mut bits = 0;
        for option in &regex.options {
            bits |= bit(*option);
        }
        if bits & PCRE2_UTF != 0 {
            bits |= PCRE2_MATCH_INVALID_UTF;
        }
        let code = compile(&regex.pattern, bits)?;
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(Self {
            behind: look_behind(code) + 1,
            code,
            is_whole: all_options(code) & PCRE2_UTF != 0,
            is_first_line: all_options(code) & PCRE2_FIRSTLINE != 0,
            has_back_references: told(code, PCRE2_INFO_BACKREFMAX) > 0,
            offsets: (regex.min_offset, regex.max_offset.unwrap_or(u64::MAX)),
            stack: regex.stack.map(|(first, most)| (size(first), size(most))),
        })
    }
}

/// What one attempt found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A match begins here.
    Match(usize),
    /// What may become a match begins here.
    Start(usize),
}

/// A search in bytes that come one after the other.
#[derive(Debug)]
pub struct Search {
    pattern: Arc<Pattern>,
    window: Vec<u8>,
    /// Bytes before the window.
    gone: u64,
    /// Where in the window the next attempt starts.
    from: usize,
    is_found: bool,
    /// Where the first line ends, once that is known.
    first_line: Option<u64>,
    budget: Budget,
}

impl Search {
    /// A search that has seen nothing.
    #[must_use]
    pub const fn new(pattern: Arc<Pattern>) -> Self {
        Self {
            pattern,
            window: Vec::new(),
            gone: 0,
            from: 0,
            is_found: false,
            first_line: None,
            budget: Budget::new(),
        }
    }

    /// Takes bytes in; whether there is a match so far.
    ///
    /// # Errors
    /// When the search costs too much.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<bool, String> {
        if self.is_found {
            return Ok(true);
        }
        if self.pattern.is_first_line && self.first_line.is_none() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let before = self.gone + self.window.len() as u64;
            self.first_line = end.map(|end| before + end as u64);
        }
        self.window.extend_from_slice(bytes);
        self.budget.handle_bytes(bytes.len());
        if !self.pattern.is_whole {
            self.attempt(PCRE2_PARTIAL_HARD)?;
        }
        if self.window.len() > WINDOW {
            return Err(format!(
                "regex: more than {WINDOW} bytes may belong to a match"
            ));
        }
        Ok(self.is_found)
    }

    /// Whether there is a match in all there was.
    ///
    /// # Errors
    /// When the search costs too much.
    pub fn handle_end(&mut self) -> Result<bool, String> {
        if !self.is_found {
            self.attempt(0)?;
        }
        Ok(self.is_found)
    }

    fn attempt(&mut self, options: u32) -> Result<(), String> {
        let (first, last) = self.pattern.offsets;
        let place = |offset: u64| usize::try_from(offset.saturating_sub(self.gone)).ok();
        let first = place(first).unwrap_or(usize::MAX).max(self.from);
        let last = self.first_line.map_or(last, |end| end.min(last));
        let last = place(last).unwrap_or(usize::MAX);
        let keep = if first > self.window.len() || last < self.from {
            self.window.len()
        } else {
            match find(
                &self.pattern,
                &self.window,
                (first, options),
                &mut self.budget,
            )? {
                // The first match there is begins too late.
                Found::Match(at) | Found::Start(at) if at > last => self.window.len(),
                Found::Match(_) => {
                    self.is_found = true;
                    self.window = Vec::new();
                    return Ok(());
                }
                Found::Start(at) => at,
                Found::Nothing => self.window.len(),
            }
        };
        let cut = keep.saturating_sub(self.pattern.behind);
        self.window.drain(..cut);
        self.gone += cut as u64;
        self.from = keep - cut;
        Ok(())
    }
}

const fn bit(option: RegexOption) -> u32 {
    match option {
        RegexOption::AllowEmptyClass => PCRE2_ALLOW_EMPTY_CLASS,
        RegexOption::AltBsux => PCRE2_ALT_BSUX,
        RegexOption::AutoCallout => PCRE2_AUTO_CALLOUT,
        RegexOption::Caseless => PCRE2_CASELESS,
        RegexOption::DollarEndonly => PCRE2_DOLLAR_ENDONLY,
        RegexOption::Dotall => PCRE2_DOTALL,
        RegexOption::Dupnames => PCRE2_DUPNAMES,
        RegexOption::Extended => PCRE2_EXTENDED,
        RegexOption::Firstline => PCRE2_FIRSTLINE,
        RegexOption::MatchUnsetBackref => PCRE2_MATCH_UNSET_BACKREF,
        RegexOption::Multiline => PCRE2_MULTILINE,
        RegexOption::NeverUcp => PCRE2_NEVER_UCP,
        RegexOption::NeverUtf => PCRE2_NEVER_UTF,
        RegexOption::NoAutoCapture => PCRE2_NO_AUTO_CAPTURE,
        RegexOption::NoAutoPossess => PCRE2_NO_AUTO_POSSESS,
        RegexOption::NoDotstarAnchor => PCRE2_NO_DOTSTAR_ANCHOR,
        RegexOption::NoStartOptimize => PCRE2_NO_START_OPTIMIZE,
        RegexOption::Ucp => PCRE2_UCP,
        RegexOption::Ungreedy => PCRE2_UNGREEDY,
        RegexOption::Utf => PCRE2_UTF,
        RegexOption::NeverBackslashC => PCRE2_NEVER_BACKSLASH_C,
        RegexOption::AltCircumflex => PCRE2_ALT_CIRCUMFLEX,
        RegexOption::AltVerbnames => PCRE2_ALT_VERBNAMES,
        RegexOption::UseOffsetLimit => PCRE2_USE_OFFSET_LIMIT,
    }
}

fn compile(pattern: &str, options: u32) -> Result<*mut pcre2_code_8, String> {
    let (mut error, mut place) = (0, 0);
    // SAFETY: the pattern is as long as said, the two places to write to are ours, and no context is used. The code that comes back
    // is not shared yet when it is compiled on; where the machine has no JIT the code stays as it is. What `Budget` counts are callouts.
    let code = unsafe {
        let code = pcre2_compile_8(
            pattern.as_ptr(),
            pattern.len(),
            options | PCRE2_AUTO_CALLOUT,
            &raw mut error,
            &raw mut place,
            ptr::null_mut(),
        );
        if !code.is_null() {
            pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
        }
        code
    };
    if code.is_null() {
        return Err(format!("{} at byte {place}", message(error)));
    }
    Ok(code)
}

fn message(error: i32) -> String {
    let mut text = [0; 256];
    // SAFETY: at most as many bytes are written as the buffer has, a zero at their end included.
    let length = unsafe { pcre2_get_error_message_8(error, text.as_mut_ptr(), text.len()) };
    let length = usize::try_from(length).unwrap_or_default().min(text.len());
    String::from_utf8_lossy(&text[..length]).into_owned()
}

fn look_behind(code: *const pcre2_code_8) -> usize {
    told(code, PCRE2_INFO_MAXLOOKBEHIND) as usize
}

/// The options that it was compiled with, those in the expression included.
fn all_options(code: *const pcre2_code_8) -> u32 {
    told(code, PCRE2_INFO_ALLOPTIONS)
}

/// What PCRE2 says about compiled code; `what` is a question that has a u32 for an answer.
fn told(code: *const pcre2_code_8, what: u32) -> u32 {
    let mut answer = 0u32;
    // SAFETY: the code is whole, and both questions that are asked are answered with a u32.
    unsafe { pcre2_pattern_info_8(code, what, (&raw mut answer).cast()) };
    answer
}

/// What an attempt needs beside the code, freed with it.
struct Scratch {
    data: *mut pcre2_match_data_8,
    context: *mut pcre2_match_context_8,
    stack: *mut pcre2_jit_stack_8,
}

impl Scratch {
    fn new(pattern: &Pattern) -> Self {
        // SAFETY: the code is whole; what cannot be made is null, which the functions that take it back do nothing with, and which
        // `find` looks at. The limits are numbers.
        unsafe {
            let data = pcre2_match_data_create_from_pattern_8(pattern.code, ptr::null_mut());
            let context = pcre2_match_context_create_8(ptr::null_mut());
            let mut stack = ptr::null_mut();
            if !context.is_null() {
                pcre2_set_match_limit_8(context, budget::MOST);
                pcre2_set_depth_limit_8(context, budget::MOST);
                if let Some((first, most)) = pattern.stack {
                    stack = pcre2_jit_stack_create_8(first, most, ptr::null_mut());
                    pcre2_jit_stack_assign_8(context, None, stack.cast());
                }
            }
            Self {
                data,
                context,
                stack,
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: each was made by its function above, is freed once, and null is nothing to them.
        unsafe {
            pcre2_match_data_free_8(self.data);
            pcre2_match_context_free_8(self.context);
            pcre2_jit_stack_free_8(self.stack);
        }
    }
}

/// Looks for the first match that starts at `first` or later.
fn find(
    pattern: &Pattern,
    subject: &[u8],
    (first, options): (usize, u32),
    budget: &mut Budget,
) -> Result<Found, String> {
    let scratch = Scratch::new(pattern);
    if scratch.data.is_null() || scratch.context.is_null() {
        return Err("regex: no memory".to_owned());
    }
    budget.begin(scratch.context, first, pattern.has_back_references);
    // SAFETY: the subject is as long as said and `first` is within it; code, data and context are whole and made for each other, and
    // the budget that the context points to is not looked at otherwise meanwhile.
    let (result, start) = unsafe {
        let result = pcre2_match_8(
            pattern.code,
            subject.as_ptr(),
            subject.len(),
            first,
            options,
            scratch.data,
            scratch.context,
        );
        // The first pair is there whatever was found.
        (result, *pcre2_get_ovector_pointer_8(scratch.data))
    };
    match result {
        0.. => Ok(Found::Match(start)),
        PCRE2_ERROR_NOMATCH => Ok(Found::Nothing),
        PCRE2_ERROR_PARTIAL => Ok(Found::Start(start.min(subject.len()))),
        PCRE2_ERROR_CALLOUT
        | PCRE2_ERROR_MATCHLIMIT
        | PCRE2_ERROR_DEPTHLIMIT
        | PCRE2_ERROR_HEAPLIMIT => Err(TOO_COSTLY.to_owned()),
        error => Err(format!("regex: {}", message(error))),
    }
}
