"""Connections of a simulated world: ordered, delayed, held while their link is cut, gone when either end crashes."""

from collections import deque
from collections.abc import Callable

from terrella.journal import FrameReader, Message, Puller, PullServer, frame
from terrella.testing.simulation.schedule import Schedule

_RETRY_CUT_S = 0.2


class SimulatedConnection:
    """One pulling connection, with the cores at both of its ends."""

    def __init__(self, schedule: Schedule, client: str, server: str, is_cut: Callable[[], bool]) -> None:
        self.client = client
        self.server = server
        self.alive = True
        self.puller: Puller
        self.pull_server: PullServer
        self._schedule = schedule
        self._is_cut = is_cut
        self._delay_s = 0.005 + 0.08 * schedule.random.random()
        self._ways = {True: _Way(), False: _Way()}

    def send(self, from_client: bool, message: Message, deliver: Callable[[Message], None]) -> None:
        """Put a message on its way; it crosses as bytes, in pieces of any size."""
        way = self._ways[from_client]
        way.messages.append(frame(message))
        delay_s = self._delay_s * (1 + self._schedule.random.random())
        way.last_arrival = max(way.last_arrival, self._schedule.now + delay_s)
        self._schedule.at(way.last_arrival, lambda: self._arrive(way, deliver))

    def _arrive(self, way: "_Way", deliver: Callable[[Message], None]) -> None:
        if not self.alive:
            return
        if self._is_cut():
            self._schedule.after(_RETRY_CUT_S, lambda: self._arrive(way, deliver))
            return
        data = way.messages.popleft()
        middle = self._schedule.random.randrange(len(data))
        for piece in (data[:middle], data[middle:]):
            for message in way.frames.feed(piece):
                if self.alive:
                    deliver(message)


class _Way:
    """One direction."""

    def __init__(self) -> None:
        self.messages: deque[bytes] = deque()
        self.frames = FrameReader()
        self.last_arrival = 0.0
