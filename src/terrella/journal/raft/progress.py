"""What a leader knows of each other member: how far its log agrees, and what is on its way there."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

IN_FLIGHT_MAX = 64
LONG_AGO = float("-inf")


class Pace(StrEnum):
    """How a member is sent the log."""

    PROBING = "probing"  # one message at a time, until it is known where the logs agree
    STREAMING = "streaming"  # as fast as they come, without waiting for answers
    SNAPSHOT = "snapshot"  # nothing, until a snapshot has arrived there


@dataclass(slots=True)
class Progress:
    """One member. ``match``: its log is known to agree so far; ``next``: what it is sent next."""

    next: int
    match: int = 0
    pace: Pace = Pace.PROBING
    probe_sent: bool = False
    nudge: bool = False
    commit_sent: int = -1
    in_flight: deque[int] = field(default_factory=deque)
    round: int = 0
    last_heard: float = LONG_AGO
    snapshot_moved_at: float = LONG_AGO

    @property
    def may_send(self) -> bool:
        """Whether another message may go out now."""
        if self.pace is Pace.PROBING:
            return not self.probe_sent
        return self.pace is Pace.STREAMING and len(self.in_flight) < IN_FLIGHT_MAX

    def sent(self, last: int, any_entries: bool, commit: int) -> None:
        """A message has gone out that ends at ``last``."""
        self.nudge = False
        self.commit_sent = commit
        if self.pace is Pace.PROBING:
            self.probe_sent = True
        elif any_entries:
            self.next = last + 1
            self.in_flight.append(last)

    def agreed(self, index: int, log_starts_after: int) -> bool:
        """Its log agrees up to ``index``; False if that was known."""
        news = index > self.match
        self.match = max(self.match, index)
        self.next = max(self.next, index + 1)
        while self.in_flight and self.in_flight[0] <= index:
            self.in_flight.popleft()
        if self.pace is Pace.PROBING or (self.pace is Pace.SNAPSHOT and self.match >= log_starts_after):
            self.pace = Pace.STREAMING
            self.in_flight.clear()
            self.next = self.match + 1
        return news

    def disagreed(self, index: int, retry: int) -> bool:
        """Its log does not agree at ``index``; try at ``retry``. False for an answer that is out of date."""
        if self.pace is Pace.STREAMING:
            if index <= self.match:
                return False
            self.next = self.match + 1
        elif self.pace is Pace.SNAPSHOT or self.next - 1 != index:
            return False
        else:
            self.next = max(self.match + 1, min(index, retry))
        self.probe()
        return True

    def probe(self) -> None:
        """Find out anew where the logs agree."""
        self.pace = Pace.PROBING
        self.probe_sent = False
        self.in_flight.clear()

    def answered(self, behind: bool) -> None:
        """It was heard from; if it is behind, what was sent to it may have been lost."""
        self.probe_sent = False
        if behind and self.pace is not Pace.SNAPSHOT:
            self.nudge = True
            if len(self.in_flight) >= IN_FLIGHT_MAX:
                self.in_flight.popleft()
