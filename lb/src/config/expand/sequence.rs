//! `~SEQ(…)`, `~SEQx(…)` and `~LST(…)`: lines that are read once for each of some values.

/// Which form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Decimal,
    Hexadecimal,
    List,
}

/// The start of a repeated line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Clause {
    form: Form,
    /// Its first byte.
    pub(in crate::config) start: usize,
    /// Its arguments, in bytes of the line.
    pub(in crate::config) arguments: (usize, usize),
}

impl Clause {
    /// The clause that a line starts with; `Some(None)` where its `)` is missing.
    pub(in crate::config) fn read(line: &str) -> Option<Option<Self>> {
        let text = line.trim_start_matches([' ', '\t']);
        let start = line.len() - text.len();
        let (form, inner) = [
            ("~SEQ(", Form::Decimal),
            ("~SEQx(", Form::Hexadecimal),
            ("~LST(", Form::List),
        ]
        .into_iter()
        .find_map(|(word, form)| Some((form, text.strip_prefix(word)?)))?;
        let from = line.len() - inner.len();
        Some(inner.find(')').map(|length| Self {
            form,
            start,
            arguments: (from, from + length),
        }))
    }

    /// Where the repeated text starts.
    pub(in crate::config) fn rest(&self) -> usize {
        self.arguments.1 + 1
    }
}

/// The variables of a repeated line and their values still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Sequence {
    pub(in crate::config) names: Vec<String>,
    values: Values,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Numbers {
        next: Option<i64>,
        step: i64,
        end: i64,
        is_hexadecimal: bool,
    },
    /// In reverse.
    List(Vec<Vec<String>>),
}

impl Sequence {
    /// From the arguments, with their definitions replaced.
    ///
    /// # Errors
    /// With what would be right.
    pub(in crate::config) fn read(clause: &Clause, arguments: &str) -> Result<Self, &'static str> {
        let parts = split(arguments);
        match clause.form {
            Form::Decimal => numbers(&parts, false),
            Form::Hexadecimal => numbers(&parts, true),
            Form::List => list(&parts),
        }
    }
}

impl Iterator for Sequence {
    type Item = Vec<String>;

    /// The next value of each variable.
    fn next(&mut self) -> Option<Vec<String>> {
        match &mut self.values {
            Values::List(values) => values.pop(),
            Values::Numbers {
                next,
                step,
                end,
                is_hexadecimal,
            } => {
                let number = (*next)?;
                let is_past = if *step > 0 {
                    number > *end
                } else {
                    number < *end
                };
                if is_past {
                    return None;
                }
                *next = number.checked_add(*step);
                let sign = if number < 0 { "-" } else { "" };
                Some(vec![if *is_hexadecimal {
                    format!("{sign}{:x}", number.unsigned_abs())
                } else {
                    number.to_string()
                }])
            }
        }
    }
}

fn numbers(parts: &[&str], is_hexadecimal: bool) -> Result<Sequence, &'static str> {
    const USAGE: &str = "`~SEQ(NAME, [START, [STEP,]] END)` with whole numbers, STEP not 0";
    let (name, bounds) = parts.split_first().ok_or(USAGE)?;
    let bounds: Option<Vec<i64>> = bounds.iter().map(|part| number(part)).collect();
    let (start, step, end) = match *bounds.ok_or(USAGE)?.as_slice() {
        [end] => (end.signum(), None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Err(USAGE),
    };
    let step = step.unwrap_or(if end < start { -1 } else { 1 });
    if step == 0 || !is_name(name) {
        return Err(USAGE);
    }
    Ok(Sequence {
        names: vec![(*name).to_owned()],
        values: Values::Numbers {
            next: Some(start),
            step,
            end,
            is_hexadecimal,
        },
    })
}

fn list(parts: &[&str]) -> Result<Sequence, &'static str> {
    const USAGE: &str =
        "`~LST(NAME, VALUE, …)` or `~LST({NAME, …}, {VALUE, …}, …)` with a value for each name";
    let mut rows = parts.iter().map(|part| row(part));
    let names = rows.next().ok_or(USAGE)?;
    let mut values: Vec<Vec<String>> = rows.collect();
    let fits = |row: &Vec<String>| row.len() == names.len();
    if values.is_empty() || !values.iter().all(fits) || !names.iter().all(|name| is_name(name)) {
        return Err(USAGE);
    }
    values.reverse();
    Ok(Sequence {
        names,
        values: Values::List(values),
    })
}

/// `{a, b}` as its parts; anything else as one.
fn row(part: &str) -> Vec<String> {
    let inner = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'));
    match inner {
        Some(inner) => inner
            .split(',')
            .map(|part| part.trim().to_owned())
            .collect(),
        None => vec![part.to_owned()],
    }
}

/// At the commas outside braces, without outer blanks.
fn split(arguments: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in arguments.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[start..].trim());
    parts
}

fn number(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let number = match hexadecimal {
        Some(digits) => i64::from(u32::from_str_radix(digits, 16).ok()?),
        None => i64::from(digits.parse::<u32>().ok()?),
    };
    Some(if is_negative { -number } else { number })
}

fn is_name(text: &str) -> bool {
    super::usage::leading_name(text) == Some(text)
}
