"""The batch lane's clockwork: when a data set is fetched, and when what was to be fetched is here.

At each multiple of the interval (of the time of day, so that all members do it at once) a window opens: everything that
the connected members hold at that moment is fetched, and the window closes. What is interrupted goes on when it can.
Members that are not connected when a window opens have to wait for the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from terrella.journal.model import DataSet, Origin, Vector


@dataclass(slots=True)
class _Window:
    slot: int
    wanted: dict[Origin, int] | None = field(default=None)


class Batches:
    """The windows of all data sets in the batch lane.

    A process that starts opens one with the first member that it hears: it may have been interrupted.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def is_open(self, definition: DataSet, own: Vector, heads: Sequence[Vector], now_ms: int) -> bool:
        """Whether the data set is to be fetched now, from members that say to hold ``heads``."""
        slot = now_ms // slot_ms(definition)
        window = self._windows.setdefault(definition.id, _Window(-1))
        if window.wanted is None and slot > window.slot and heads:
            # A clock that was set back opens no window before it is where it was.
            window.slot = slot
            window.wanted = {}
            for vector in heads:
                for origin, sequence in vector.items():
                    window.wanted[origin] = max(sequence, window.wanted.get(origin, 0))
        if window.wanted is not None and all(own.get(origin, 0) >= held for origin, held in window.wanted.items()):
            window.wanted = None
        return window.wanted is not None

    def forget(self, data_set_id: str) -> None:
        """The data set is gone, or has another lane."""
        self._windows.pop(data_set_id, None)


def slot_ms(definition: DataSet) -> int:
    """The interval, in milliseconds."""
    return max(1, round(definition.every_s * 1000))


def next_window_in_ms(definition: DataSet, now_ms: int) -> int:
    """How long until the next window opens."""
    return slot_ms(definition) - now_ms % slot_ms(definition)
