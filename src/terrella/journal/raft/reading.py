"""ReadIndex: a leader names the index that a linearizable read has to see, once a majority confirmed that it leads.

The confirmation is a round of heartbeats that begins after the read came in. Reads that came in since the last round
share one. No clock is trusted: a leader that was deposed cannot finish a round.
"""

from collections import deque
from dataclasses import dataclass

from terrella.journal.raft.configuration import Configuration


@dataclass(frozen=True, slots=True)
class PendingRead:
    """A read that waits for its round."""

    requester: str
    id: str
    index: int
    round: int


class ReadQueue:
    """The reads of one leadership."""

    def __init__(self) -> None:
        self.round = 0
        self._pending: deque[PendingRead] = deque()
        self._early: list[tuple[str, str]] = []
        self._round_wanted = False

    def add(self, requester: str, id_: str, commit: int, committed_own_term: bool) -> None:
        """Take a read in. Before an entry of its own term is committed, a leader does not know what is committed."""
        if not committed_own_term:
            self._early.append((requester, id_))
            return
        self._pending.append(PendingRead(requester, id_, commit, self.round + 1))
        self._round_wanted = True

    def own_term_committed(self, commit: int) -> None:
        """Those that came too early can be taken in now."""
        early, self._early = self._early, []
        for requester, id_ in early:
            self.add(requester, id_, commit, committed_own_term=True)

    def begin_round(self) -> bool:
        """Whether reads wait for a round that has not begun; it begins now."""
        if not self._round_wanted:
            return False
        self._round_wanted = False
        self.round += 1
        return True

    def confirmed(self, round_: int) -> list[PendingRead]:
        """The reads that are ready now that a majority has answered ``round_``."""
        ready = []
        while self._pending and self._pending[0].round <= round_:
            ready.append(self._pending.popleft())
        return ready


def confirmed_round(configuration: Configuration, rounds: dict[str, int]) -> int:
    """The latest round that a majority has answered."""
    return configuration.agreed(lambda voter: rounds.get(voter, 0))
