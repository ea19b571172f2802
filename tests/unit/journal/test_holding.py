"""What waits before it is sent, as on AWS."""

from terrella.journal.holding import HeldBack


def test_what_was_committed_is_released_after_the_hold_and_not_before() -> None:
    held = HeldBack(1.0)
    assert held.released("items", 3, 10.0) == 0
    assert held.released("items", 5, 10.5) == 0
    assert held.due_at == 11.0
    assert held.released("items", 5, 11.0) == 3
    assert held.due_at == 11.5
    assert held.released("items", 9, 11.6) == 5
    assert held.released("items", 9, 20.0) == 9
    assert held.due_at == float("inf")


def test_data_sets_wait_each_for_itself() -> None:
    held = HeldBack(1.0)
    held.released("items", 3, 10.0)
    held.released("orders", 7, 10.4)
    assert (held.released("items", 3, 11.1), held.released("orders", 7, 11.1)) == (3, 0)
    assert held.due_at == 11.4


def test_what_is_wanted_no_more_is_not_waited_for() -> None:
    held = HeldBack(1.0)
    held.released("items", 3, 10.0)
    held.forget("items")
    assert held.due_at == float("inf")
    assert held.released("items", 3, 11.5) == 0


def test_without_a_hold_all_is_sent_at_once() -> None:
    held = HeldBack(0.0)
    assert held.released("items", 3, 10.0) == 3
    assert held.due_at == float("inf")
