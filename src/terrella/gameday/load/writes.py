"""What clients have written, as far as they know: what must be found in every region in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Known = Literal["written", "recent", "own", "any"]
KNOWN: tuple[Known, ...] = ("written", "recent", "own", "any")
RECENT = 50


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How a write is read back. ``shows`` is text that the answer must hold.

    ``counts`` names the list in a JSON answer (dotted; "" is the answer itself) whose length is how often it is there.
    """

    method: str
    path: str
    shows: str | None = None
    counts: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One thing that was written. ``values`` are what the placeholders stood for when it was."""

    token: str
    kind: str
    client: str
    values: Mapping[str, str | int]
    read_back: ReadBack | None = None
    shows: str | None = None
    region: str = ""
    ended_s: float = 0.0


@dataclass(slots=True)
class Writes:
    """Every write: ``acknowledged`` by token, and those that ``may`` have happened, for nobody answered."""

    acknowledged: dict[str, Write] = field(default_factory=dict)
    may: dict[str, Write] = field(default_factory=dict)
    _order: list[Write] = field(default_factory=list)
    _own: dict[str, list[Write]] = field(default_factory=dict)

    def acknowledge(self, write: Write) -> None:
        """A region has said that it has it."""
        self.may.pop(write.token, None)
        if write.token not in self.acknowledged:
            self._order.append(write)
            self._own.setdefault(write.client, []).append(write)
        self.acknowledged[write.token] = write

    def doubt(self, write: Write) -> None:
        """It was sent, and nobody said what became of it."""
        if write.token not in self.acknowledged:
            self.may[write.token] = write

    def draw(self, known: Known, client: str, fraction: float) -> Write | None:
        """One that is known in the wanted way; ``fraction`` (0 to 1) picks it. None if there is none."""
        candidates = self._order
        if known == "own":
            candidates = self._own.get(client, [])
        elif known == "recent":
            candidates = self._order[-RECENT:]
        elif known == "any":
            candidates = [*self._order[-RECENT:], *self.may.values()]
        return candidates[int(fraction * len(candidates))] if candidates else None
