"""The judge of histories is judged: by histories known to be good or bad, and by trying every order of small ones."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrella.testing.linearizability import Operation, is_linearizable, register


def read(value: str, called: float, returned: float | None) -> Operation:
    return Operation(("read",), called, returned, value)


def write(value: str, called: float, returned: float | None) -> Operation:
    return Operation(("write", value), called, returned)


def swap(expected: str, value: str, called: float, returned: float | None, result: bool = True) -> Operation:
    return Operation(("swap", expected, value), called, returned, result)


GOOD = {
    "one after the other": [write("a", 0, 1), read("a", 2, 3), write("b", 4, 5), read("b", 6, 7)],
    "a read beside a write may see either": [write("a", 0, 1), write("b", 2, 5), read("a", 3, 4), read("b", 3, 4)],
    "an unknown write took effect": [write("a", 0, 1), write("b", 2, None), read("b", 3, 4)],
    "an unknown write took effect late": [write("a", 0, 1), write("b", 2, None), read("a", 3, 4), read("b", 9, 10)],
    "an unknown write never did": [write("a", 0, 1), write("b", 2, None), read("a", 9, 10)],
    "one of two swaps": [swap("", "a", 0, 3), swap("", "b", 0, 3, False), read("a", 4, 5)],
}
BAD = {
    "a stale read": [write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)],
    "a read from nowhere": [write("a", 0, 1), read("c", 2, 3)],
    "back and forth": [write("a", 0, 1), write("b", 2, 9), read("b", 3, 4), read("a", 5, 6)],
    "a lost write": [write("a", 0, 1), read("", 2, 3)],
    "twice": [write("a", 0, 1), write("b", 2, 3), read("b", 4, 5), read("a", 6, 7)],
    "an unknown write twice": [
        write("a", 0, None),
        read("a", 1, 2),
        write("b", 3, 4),
        read("b", 5, 6),
        read("a", 7, 8),
    ],
    "both swaps": [swap("", "a", 0, 3), swap("", "b", 0, 3), read("a", 4, 5)],
}


@pytest.mark.parametrize("name", GOOD)
def test_good_histories(name: str) -> None:
    assert is_linearizable(GOOD[name], "", register)


@pytest.mark.parametrize("name", BAD)
def test_bad_histories(name: str) -> None:
    assert not is_linearizable(BAD[name], "", register)


def by_trying(history: list[Operation]) -> bool:
    """Every choice of unknown operations that happened, in every order."""
    unknown = [operation for operation in history if operation.returned is None]
    known = [operation for operation in history if operation.returned is not None]
    for chosen in range(1 << len(unknown)):
        happened = known + [operation for number, operation in enumerate(unknown) if chosen >> number & 1]
        if any(_fits(order) for order in permutations(happened)):
            return True
    return False


def _fits(order: tuple[Operation, ...]) -> bool:
    state: Any = ""
    for position, operation in enumerate(order):
        if any(later.returned is not None and later.returned < operation.called for later in order[position + 1 :]):
            return False
        state, result = register(state, operation.action)
        if operation.returned is not None and result != operation.result:
            return False
    return True


values = st.sampled_from(["", "a", "b"])
times = st.tuples(st.integers(0, 8), st.one_of(st.none(), st.integers(0, 4)))


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    called, length = draw(times)
    returned = None if length is None else called + length + 0.5
    kind = draw(st.sampled_from(["read", "write", "swap"]))
    if kind == "read":
        return read(draw(values), called, returned)
    if kind == "write":
        return write(draw(values), called, returned)
    return swap(draw(values), draw(values), called, returned, draw(st.booleans()))


@given(st.lists(operations(), max_size=5))
@settings(max_examples=400, deadline=None)
def test_it_agrees_with_trying_everything(history: list[Operation]) -> None:
    assert is_linearizable(history, "", register) == by_trying(history)
