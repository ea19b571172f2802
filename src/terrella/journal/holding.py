"""Holding back what a region has written: on AWS, the other replicas have a global table's write only after a while."""

from collections import deque


class HeldBack:
    """How much of a region's own streams one peer may be sent by now: what was committed ``hold_s`` ago.

    What others wrote is passed on at once: it has waited where it was written. Times are the clock's that is handed in.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._waiting: dict[str, deque[tuple[float, int]]] = {}
        self._released: dict[str, int] = {}

    def released(self, data_set_id: str, head: int, now: float) -> int:
        """The last sequence that may be sent, given the last one that is committed."""
        if not self._hold_s:
            return head
        waiting = self._waiting.setdefault(data_set_id, deque())
        if head > (waiting[-1][1] if waiting else self._released.get(data_set_id, 0)):
            waiting.append((now + self._hold_s, head))
        while waiting and waiting[0][0] <= now:
            self._released[data_set_id] = waiting.popleft()[1]
        return self._released.get(data_set_id, 0)

    def forget(self, data_set_id: str) -> None:
        """The peer wants no more of it; if it asks again, all waits again."""
        self._waiting.pop(data_set_id, None)
        self._released.pop(data_set_id, None)

    @property
    def due_at(self) -> float:
        """When there is more to send."""
        return min((waiting[0][0] for waiting in self._waiting.values() if waiting), default=float("inf"))
