use super::*;

fn awaited(loading: &Loading) -> Vec<Role> {
    loading.awaited().collect()
}

#[test]
fn the_successor_of_a_child_that_dies_of_it_is_waited_for() {
    let mut loading = Loading::default();
    for role in [Role::Vrrp, Role::Bfd] {
        loading.ordered(role);
    }
    loading.configured(Role::Bfd);
    // Two orders were on their way; the next one gets one.
    loading.ordered(Role::Vrrp);
    loading.died(Role::Vrrp);
    assert_eq!(awaited(&loading), [Role::Vrrp]);
    loading.ordered(Role::Vrrp);
    loading.configured(Role::Vrrp);
    assert_eq!(awaited(&loading), []);
    // Who has taken it in dies of something else.
    loading.died(Role::Vrrp);
    assert_eq!(awaited(&loading), []);
}

#[test]
fn nobody_waits_for_one_that_dies_of_it_again_and_again() {
    let mut loading = Loading::default();
    for death in 1..=MOST_DEATHS {
        loading.ordered(Role::Checkers);
        assert_eq!(awaited(&loading), [Role::Checkers], "{death}");
        loading.died(Role::Checkers);
    }
    assert_eq!(awaited(&loading), []);
}

#[test]
fn nobody_waits_for_one_that_is_not_started_again() {
    let mut loading = Loading::default();
    loading.ordered(Role::Vrrp);
    loading.died(Role::Vrrp);
    loading.absent(Role::Vrrp);
    assert_eq!(awaited(&loading), []);
}
