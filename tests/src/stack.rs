//! How much stack the programs take: the frames by their instructions, added up along calls as the kernel's verifier does
//! (`check_max_stack_depth`).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SymbolKind};

/// The kernel rounds the frame of each function up to this; with JIT from Linux 6.8 on to half of it.
const FRAME: u32 = 32;

/// Bytes of an instruction.
const INSTRUCTION: usize = 8;
/// `BPF_ALU64 | BPF_MOV | BPF_X`.
const MOVE: u8 = 0xbf;
/// `BPF_ALU64 | BPF_ADD | BPF_K`.
const ADD: u8 = 0x07;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// Bits of the class of an instruction.
const CLASS: u8 = 7;
/// `BPF_LD`.
const LOAD_IMMEDIATE: u8 = 0;
/// `BPF_LDX`.
const LOAD: u8 = 1;
/// `BPF_ST`.
const STORE: u8 = 2;
/// `BPF_STX`.
const STORE_REGISTER: u8 = 3;
/// `BPF_ALU`.
const ALU: u8 = 4;
/// `BPF_ALU64`.
const ALU64: u8 = 7;
/// In place of a source register: the call is of a function of the object.
const PSEUDO_CALL: u8 = 1;
/// The frame pointer.
const R10: u8 = 10;

struct Function {
    name: String,
    frame: u32,
    calls: Vec<Place>,
}

/// A section and an offset in it.
type Place = (usize, u64);

/// A chain of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Bytes of stack.
    pub depth: u32,
    /// The functions, each with the bytes of its frame.
    pub calls: Vec<String>,
}

/// The chain of calls from each function of the BPF object `file` that takes the most stack.
///
/// # Errors
/// When `file` is no ELF object, or calls what it does not have.
pub fn deepest(file: &[u8]) -> Result<BTreeMap<String, Chain>> {
    let file = object::File::parse(file)?;
    let mut functions = BTreeMap::new();
    let mut names = BTreeMap::new();
    for symbol in file.symbols().filter(|s| s.kind() == SymbolKind::Text) {
        let index = symbol.section_index().context("a function's section")?;
        let section = file.section_by_index(index)?;
        let range = symbol.address() as usize..(symbol.address() + symbol.size()) as usize;
        let code = section.data()?.get(range).context("a function's code")?;
        let place = (index.0, symbol.address());
        let targets = relocations(&file, &section, symbol.address())?;
        let name = symbol.name()?;
        functions.insert(place, read(name, code, place, &targets));
        names.insert(name.to_owned(), place);
    }
    names
        .into_iter()
        .map(|(name, place)| Ok((name, deepest_from(&functions, place)?)))
        .collect()
}

/// What instructions of a section refer to elsewhere, by their offsets from `start`.
fn relocations(
    file: &object::File<'_>,
    section: &object::Section<'_, '_>,
    start: u64,
) -> Result<BTreeMap<u64, Place>> {
    let mut targets = BTreeMap::new();
    for (at, relocation) in section.relocations() {
        let RelocationTarget::Symbol(index) = relocation.target() else {
            continue;
        };
        let symbol = file.symbol_by_index(index)?;
        if let (Some(section), Some(at)) = (symbol.section_index(), at.checked_sub(start)) {
            targets.insert(at, (section.0, symbol.address()));
        }
    }
    Ok(targets)
}

fn read(
    name: &str,
    code: &[u8],
    (section, start): Place,
    targets: &BTreeMap<u64, Place>,
) -> Function {
    let mut lowest = 0;
    let mut calls = Vec::new();
    // Which registers hold an address in the frame, and where it lies.
    let mut pointers = [None; 16];
    pointers[usize::from(R10)] = Some(0);
    for (number, instruction) in code.chunks_exact(INSTRUCTION).enumerate() {
        let &[code, registers, low, high, a, b, c, d] = instruction else {
            continue;
        };
        let (to, from) = (registers & 15, registers >> 4);
        let offset = i32::from(i16::from_le_bytes([low, high]));
        let value = i32::from_le_bytes([a, b, c, d]);
        let base = |register: u8| pointers[usize::from(register)].map(|at: i32| at + offset);
        match code & CLASS {
            LOAD => lowest = lowest.min(base(from).unwrap_or(0)),
            STORE | STORE_REGISTER => lowest = lowest.min(base(to).unwrap_or(0)),
            _ => {}
        }
        match code {
            MOVE => pointers[usize::from(to)] = pointers[usize::from(from)],
            ADD => {
                let pointer = &mut pointers[usize::from(to)];
                *pointer = pointer.map(|at| at + value);
                lowest = lowest.min(pointer.unwrap_or_default());
            }
            CALL => pointers[..6].fill(None),
            _ if matches!(code & CLASS, LOAD | LOAD_IMMEDIATE | ALU | ALU64) => {
                pointers[usize::from(to)] = None;
            }
            _ => {}
        }
        if code == CALL && from == PSEUDO_CALL {
            let at = (number * INSTRUCTION) as u64;
            // The linker leaves the distance in instructions from the next one, or from the target's start.
            let next = |base: u64| base.wrapping_add_signed((i64::from(value) + 1) * 8);
            calls.push(match targets.get(&at) {
                Some((section, base)) => (*section, next(*base)),
                None => (section, next(start + at)),
            });
        }
    }
    Function {
        name: name.to_owned(),
        frame: lowest.unsigned_abs(),
        calls,
    }
}

fn deepest_from(functions: &BTreeMap<Place, Function>, place: Place) -> Result<Chain> {
    let function = functions.get(&place).context("the function called")?;
    let mut deepest = Chain::default();
    for call in &function.calls {
        let chain = deepest_from(functions, *call)?;
        if chain.depth > deepest.depth {
            deepest = chain;
        }
    }
    deepest.depth += function.frame.max(1).next_multiple_of(FRAME);
    let call = format!("{} {}", function.name, function.frame);
    deepest.calls.insert(0, call);
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(code: &[[u8; 8]]) -> u32 {
        read("f", &code.concat(), (1, 0), &BTreeMap::new()).frame
    }

    const fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> [u8; 8] {
        let [low, high] = offset.to_le_bytes();
        let [a, b, c, d] = value.to_le_bytes();
        [code, from << 4 | to, low, high, a, b, c, d]
    }

    #[test]
    fn the_frame_is_as_deep_as_anything_reaches() {
        let store = instruction(0x7b, R10, 1, -16, 0);
        let pointer = [
            instruction(MOVE, 1, R10, 0, 0),
            instruction(ADD, 1, 0, 0, -24),
        ];
        let copied = [pointer[0], pointer[1], instruction(MOVE, 7, 1, 0, 0)];
        let below = instruction(0x7b, 7, 2, -8, 0);
        let loaded = instruction(0x79, 1, 6, 0, 0);
        let scalar = [pointer[0], loaded, instruction(ADD, 1, 0, 0, -64)];
        let called = [
            pointer[0],
            instruction(CALL, 0, 0, 0, 1),
            instruction(ADD, 1, 0, 0, -64),
        ];
        for (code, expected) in [
            (vec![], 0),
            (vec![store], 16),
            (pointer.to_vec(), 24),
            ([&copied[..], &[below]].concat(), 32),
            (scalar.to_vec(), 0),
            (called.to_vec(), 0),
        ] {
            assert_eq!(frame(&code), expected, "{code:?}");
        }
    }
}
