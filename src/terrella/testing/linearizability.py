"""Whether a history of operations on one object could have happened one after the other.

After Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with the memory of Lowe, "Testing for
linearizability" (2017). An operation of unknown outcome may have taken effect at any time after its call, or never.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. ``returned`` is None, and ``result`` means nothing, if the caller never learnt what became of it."""

    action: Hashable
    called: float
    returned: float | None = None
    result: Any = None


# What an action does to a state: the state after it, and its result.
Model = Callable[[Any, Any], tuple[Any, Any]]


def is_linearizable(history: Sequence[Operation], initial: Hashable, model: Model) -> bool:
    """Whether there is an order in which each operation acts at one moment between its call and its return."""
    operations = sorted(history, key=lambda operation: operation.called)
    returns = [FOREVER if operation.returned is None else operation.returned for operation in operations]
    must_happen = sum(1 << number for number, returned in enumerate(returns) if returned != FOREVER)
    seen: set[tuple[int, Hashable]] = set()
    paths: list[tuple[int, Hashable]] = [(0, initial)]
    while paths:
        done, state = paths.pop()
        if done & must_happen == must_happen:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        for number in _may_be_next(operations, returns, done):
            operation = operations[number]
            after, result = model(state, operation.action)
            if operation.returned is None or result == operation.result:
                paths.append((done | 1 << number, after))
    return False


def _may_be_next(operations: Sequence[Operation], returns: Sequence[float], done: int) -> list[int]:
    """Those that were called before any other that is still to happen had returned."""
    candidates: list[int] = []
    first_return = FOREVER
    for number, operation in enumerate(operations):
        if operation.called > first_return:
            break
        if not done >> number & 1:
            candidates.append(number)
            first_return = min(first_return, returns[number])
    return [number for number in candidates if operations[number].called <= first_return]


def register(state: Any, action: Any) -> tuple[Any, Any]:
    """A register: ``("read",)``, ``("write", value)``, ``("swap", expected, value)`` (its result: whether it did)."""
    if action[0] == "read":
        return state, state
    if action[0] == "write":
        return action[1], None
    _, expected, value = action
    return (value, True) if state == expected else (state, False)
