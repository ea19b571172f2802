"""The simulated group's state machine: registers that are written and compared, and the memory of proposals."""

from dataclasses import dataclass, field
from typing import Any

REMEMBERED_ENTRIES = 200


@dataclass(slots=True)
class Registers:
    """What a disk holds besides the log. ``values``: key to value; ``answered``: proposal to (index, outcome)."""

    applied: int = 0
    values: dict[str, str] = field(default_factory=dict)
    answered: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def copy(self) -> "Registers":
        """As a snapshot has it."""
        return Registers(self.applied, dict(self.values), dict(self.answered))

    def apply(self, index: int, id_: str, action: tuple[str, ...] | None) -> Any:
        """Apply the next entry; answers the proposal's outcome."""
        assert index == self.applied + 1, (index, self.applied)
        self.applied = index
        if action is None:
            return None
        if self.remembers(id_):
            return self.answered[id_][1]
        key, verb, *rest = action
        outcome: Any = None
        if verb == "write":
            self.values[key] = rest[0]
        else:
            expected, value = rest
            outcome = self.values.get(key, "") == expected
            if outcome:
                self.values[key] = value
        self.answered[id_] = (index, outcome)
        if len(self.answered) > 2 * REMEMBERED_ENTRIES:
            oldest = index - REMEMBERED_ENTRIES
            self.answered = {known: value for known, value in self.answered.items() if value[0] > oldest}
        return outcome

    def remembers(self, id_: str) -> bool:
        """Whether the proposal has been applied before."""
        return id_ in self.answered
