use super::*;

fn assign(gates: &mut Gates, names: &[&str]) -> Vec<(String, u32)> {
    gates.assign(names.iter().copied());
    gates.by_name().clone().into_iter().collect()
}

fn pairs(pairs: &[(&str, u32)]) -> Vec<(String, u32)> {
    pairs
        .iter()
        .map(|(name, gate)| ((*name).to_owned(), *gate))
        .collect()
}

#[test]
fn a_name_keeps_its_gate_and_a_freed_gate_is_taken_last() {
    let mut gates = Gates::default();
    assert_eq!(
        assign(&mut gates, &["b", "a"]),
        pairs(&[("a", 1), ("b", 2)])
    );
    assert_eq!(
        assign(&mut gates, &["b", "c"]),
        pairs(&[("b", 2), ("c", 3)])
    );
    assert_eq!(
        assign(&mut gates, &["a", "b", "c"]),
        pairs(&[("a", 4), ("b", 2), ("c", 3)])
    );
    assert_eq!(assign(&mut gates, &[]), []);
}

#[test]
fn every_gate_can_be_used_and_gate_zero_never_is() {
    let names: Vec<String> = (0..GATES + 5).map(|n| format!("{n:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut gates = Gates::default();
    let given = assign(&mut gates, &names);
    let distinct: BTreeSet<u32> = given.iter().map(|(_, gate)| *gate).collect();
    assert_eq!(given.len(), GATES as usize - 1);
    assert_eq!(distinct.len(), given.len());
    assert!(!distinct.contains(&ALWAYS_OPEN));
}
