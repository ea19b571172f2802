"""How bytes cross a link: pure bookkeeping of what is under way, with no socket and no clock.

::

    send(now, data)   bytes or a sign enter; their draws of jitter and loss are made here, once
    due_at()          when the next of them arrive; None while nothing can
    receive(now)      what has arrived by now, in the order in which it was sent
    changed(now)      the link is another one: everything under way is planned anew

A stream is a TCP connection: nothing is dropped and nothing overtakes. A lost segment costs its retransmission, a cut
holds everything until the link heals, and then it takes one delay more, as a retransmission would.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from terrella.wire.links.link import Link

SEGMENT_BYTES = 1448
CHUNK_BYTES = 64 * 1024
_CHUNK_S = 0.05
_FAST_RETRANSMIT_SEGMENTS = 4  # a loss followed by three segments more is noticed by duplicate acknowledgements
_RETRANSMISSION_TIMEOUT_MS = 200.0  # the least that Linux waits, besides the round trip
_RETRANSMISSIONS_MAX = 10


class Sign(Enum):
    """What crosses a link besides bytes, in its place among them and without size."""

    HANDSHAKE = "handshake"
    END = "end"


Payload = bytes | Sign


class Path:
    """One direction between two regions, shared by all streams that one region has opened over it.

    It owns the link's present state and the queue for its bandwidth.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._free_at_s = 0.0

    @property
    def blocked(self) -> bool:
        """Nothing arrives: cut, or every segment is lost."""
        return self.link.cut or self.link.loss >= 1.0

    @property
    def chunk_bytes(self) -> int:
        """How many bytes arrive together: on a slow link, a few segments, so that they trickle as they really would."""
        if self.link.bandwidth_bytes_per_s is None:
            return CHUNK_BYTES
        return min(CHUNK_BYTES, max(SEGMENT_BYTES, int(self.link.bandwidth_bytes_per_s * _CHUNK_S)))

    def refund(self, now_s: float, size: int) -> None:
        """Bytes that were waiting for the bandwidth will never be sent: those behind them need not wait for them."""
        if self.link.bandwidth_bytes_per_s is not None:
            self._free_at_s = max(now_s, self._free_at_s - size / self.link.bandwidth_bytes_per_s)

    def change(self, now_s: float, link: Link) -> None:
        """Become another link; each stream is to be told by ``Stream.changed`` afterwards."""
        self.link = link
        self._free_at_s = now_s

    def serialise(self, now_s: float, size: int) -> float:
        """When the last of ``size`` bytes that are sent now has left, behind all that was sent before."""
        if self.link.bandwidth_bytes_per_s is None:
            return now_s
        self._free_at_s = max(now_s, self._free_at_s) + size / self.link.bandwidth_bytes_per_s
        return self._free_at_s


@dataclass(slots=True)
class _Chunk:
    payload: Payload
    size: int
    left_at_s: float
    jitter: float  # -1 to 1, in units of the link's jitter
    retransmissions: int
    fast: bool
    arrives_at_s: float = 0.0


class Stream:
    """One direction of one connection. ``fraction`` draws from 0 up to 1 (``Ids.fraction``)."""

    def __init__(self, path: Path, fraction: Callable[[], float]) -> None:
        self._path = path
        self._fraction = fraction
        self._under_way: deque[_Chunk] = deque()
        self._last_arrival_s = -math.inf
        self.bytes_under_way = 0

    def send(self, now_s: float, payload: Payload) -> None:
        """Bytes, or a sign, enter the link."""
        if isinstance(payload, Sign):
            self._enter(now_s, payload, 0)
            return
        size = self._path.chunk_bytes
        for start in range(0, len(payload), size):
            chunk = payload[start : start + size]
            self._enter(now_s, chunk, len(chunk))

    def due_at(self) -> float | None:
        """When the next bytes arrive; None if none are under way or nothing gets through."""
        if not self._under_way or self._path.blocked:
            return None
        return self._under_way[0].arrives_at_s

    def receive(self, now_s: float) -> list[Payload]:
        """Take what has arrived, oldest first."""
        arrived: list[Payload] = []
        if self._path.blocked:
            return arrived
        while self._under_way and self._under_way[0].arrives_at_s <= now_s:
            chunk = self._under_way.popleft()
            self.bytes_under_way -= chunk.size
            self._last_arrival_s = chunk.arrives_at_s
            arrived.append(chunk.payload)
        return arrived

    def lose_unsent(self, now_s: float) -> None:
        """The sender has died: what had not left it will never come. Signs stay."""
        kept = deque(
            chunk
            for chunk in self._under_way
            if isinstance(chunk.payload, Sign) or not (self._path.blocked or chunk.left_at_s > now_s)
        )
        before = self.bytes_under_way
        self._under_way = kept
        self.bytes_under_way = sum(chunk.size for chunk in kept)
        self._path.refund(now_s, before - self.bytes_under_way)

    def changed(self, now_s: float, *, healed: bool = False) -> None:
        """Plan everything under way by the path's new link; after a cut it is all sent again."""
        previous_s = self._last_arrival_s
        for chunk in self._under_way:
            if healed or chunk.left_at_s > now_s:
                chunk.left_at_s = self._path.serialise(now_s, chunk.size)
            previous_s = self._plan(chunk, previous_s)

    def _enter(self, now_s: float, payload: Payload, size: int) -> None:
        link = self._path.link
        chunk = _Chunk(
            payload=payload,
            size=size,
            left_at_s=self._path.serialise(now_s, size),
            jitter=2 * self._fraction() - 1 if link.jitter_ms else 0.0,
            retransmissions=self._losses(size) if 0 < link.loss < 1 else 0,
            fast=size > _FAST_RETRANSMIT_SEGMENTS * SEGMENT_BYTES,
        )
        self._plan(chunk, self._under_way[-1].arrives_at_s if self._under_way else self._last_arrival_s)
        self._under_way.append(chunk)
        self.bytes_under_way += size

    def _plan(self, chunk: _Chunk, not_before_s: float) -> float:
        link = self._path.link
        travel_ms = max(0.0, link.delay_ms + chunk.jitter * link.jitter_ms)
        if chunk.retransmissions:
            first_ms = 2 * link.delay_ms + (0.0 if chunk.fast else _RETRANSMISSION_TIMEOUT_MS)
            travel_ms += first_ms * (2**chunk.retransmissions - 1)  # each wait is twice the one before
        chunk.arrives_at_s = max(not_before_s, chunk.left_at_s + travel_ms / 1000)
        return chunk.arrives_at_s

    def _losses(self, size: int) -> int:
        """How many times in a row a segment of these bytes is lost."""
        loss = self._path.link.loss
        segments = max(1, math.ceil(size / SEGMENT_BYTES))
        if self._fraction() >= 1 - (1 - loss) ** segments:
            return 0
        losses = 1
        while losses < _RETRANSMISSIONS_MAX and self._fraction() < loss:
            losses += 1
        return losses
