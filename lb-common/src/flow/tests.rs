use super::*;

#[test]
fn an_entry_seen_a_tick_after_now_was_read_is_young() {
    let table = [
        (100, 100, 0),
        (100, 101, 0),
        (100, 99, 1),
        (3, u32::MAX, 4),
        (u32::MAX, 2, 0),
        (0, 1 << 31, 1 << 31),
    ];
    for (now, seen, wanted) in table {
        assert_eq!(age(now, seen), wanted, "{now} {seen}");
    }
}
