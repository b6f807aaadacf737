//! Loading: what the verifier makes of the programs.

use tests::verifier;

#[test]
fn the_verifiers_work_stays_within_a_tenth_of_what_is_recorded() {
    let now = verifier::measure().unwrap();
    let complaints = verifier::complaints(&now, &verifier::recorded().unwrap());
    assert!(
        complaints.is_empty(),
        "{complaints:#?}\nif that has to be: cargo xtask verifier --keep\n{now:#?}"
    );
}
