"""Snapshots: what a data set's items and conflicts are, copied in key order from one member to another.

The source reads a chunk at a time, each in a short read of its own, while writes go on; so a snapshot is *fuzzy*: the
state of no moment. It becomes one when the log is pulled from the vector of its start on, because merging what a chunk
holds already changes nothing.

``SnapshotSource`` is a part of a ``PullServer``, ``SnapshotTaker`` one of a ``Puller``. The source keeps a key and a
credit for each data set, and sends no more chunks than it has credit for: a slow taker costs it nothing.
"""

import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from terrella.journal.errors import ProtocolError
from terrella.journal.model import NO_CONTEXT, Dot, Origin, Vector, Version
from terrella.journal.protocol import (
    FRAME_BYTES_MAX,
    Message,
    SnapshotChunk,
    SnapshotCredit,
    SnapshotEnd,
    SnapshotRequest,
    SnapshotStart,
    flatten,
)
from terrella.journal.pulling import Effect, Perform, Puller, Send, Work
from terrella.journal.standing import Join, Phase, Stage

CHUNK_ROWS_MAX = 128
CHUNK_BYTES_MAX = 128 * 1024
WINDOW_CHUNKS = 8
_COMPRESSION_LEVEL = 1
_WORTH_COMPRESSING = 0.8  # of the bytes, at most, have to be left
_COMPRESSION_PAUSE_CHUNKS = 16

# In a chunk: key, value, origin (its place in the chunk's list), sequence, hlc, context (origin, sequence, ...), and
# the version that an expiry ends (origin, sequence).
ItemRow = tuple[bytes, bytes | None, int, int, int, Sequence[int], tuple[int, int] | None]


class ItemsBody(msgspec.Struct, array_like=True, frozen=True):
    """Items, tombstones included."""

    origins: list[Origin]
    rows: list[ItemRow]


def version_in(body: ItemsBody, row: ItemRow) -> Version:
    """The version that a row of a chunk is; raises ``ProtocolError`` if it names an origin that is not listed."""
    _, value, origin, sequence, hlc, context, ended = row
    try:
        dot = Dot(*body.origins[origin], sequence)
        seen = {body.origins[context[place]]: context[place + 1] for place in range(0, len(context), 2)}
        expires = None if ended is None else Dot(*body.origins[ended[0]], ended[1])
    except IndexError:
        raise ProtocolError("a chunk names an origin that it does not list") from None
    return Version(value, dot, hlc, seen or NO_CONTEXT, expires)


class ConflictsBody(msgspec.Struct, array_like=True, frozen=True):
    """Conflict entries, verbatim."""

    records: list[bytes]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was read: up to ``through`` of the stage."""

    through: bytes
    body: ItemsBody | ConflictsBody


class SnapshotState(Protocol):
    """The committed state that is copied."""

    def refusal(self, peer: str, data_set_id: str) -> str | None:
        """Why the peer may not have a snapshot from here; None if it may."""
        ...

    def vector(self, data_set_id: str) -> Vector:
        """What is applied and committed."""
        ...

    def start(self, data_set_id: str) -> SnapshotStart:
        """What a snapshot that begins now starts with."""
        ...

    def chunk(self, data_set_id: str, stage: Stage, after: bytes | None) -> Chunk | None:
        """A chunk's worth of what is stored behind ``after``; None if there is nothing."""
        ...


_encode = msgspec.msgpack.Encoder().encode
_DECODERS: dict[int, msgspec.msgpack.Decoder[ItemsBody] | msgspec.msgpack.Decoder[ConflictsBody]] = {
    Stage.ITEMS: msgspec.msgpack.Decoder(ItemsBody),
    Stage.CONFLICTS: msgspec.msgpack.Decoder(ConflictsBody),
}


class _Copy:
    """One data set on its way to one peer."""

    __slots__ = ("after", "chunks", "credit", "stage", "started")

    def __init__(self, request: SnapshotRequest) -> None:
        self.stage = Stage(request.stage)
        self.after = request.after
        self.credit = request.window
        self.chunks = 0
        self.started = False


class SnapshotSource:
    """Serves snapshots over one connection."""

    def __init__(self, state: SnapshotState) -> None:
        self._state = state
        self._copies: dict[str, _Copy] = {}
        self._answers: deque[Message] = deque()
        self._compression_pause = 0

    def receive(self, peer: str, message: Message, now: float) -> bool:
        """The peer asks, or has taken in what it was sent."""
        del now
        if isinstance(message, SnapshotRequest):
            if message.stage not in _DECODERS:
                raise ProtocolError(f"a snapshot from stage {message.stage} on")
            self._copies.pop(message.data_set_id, None)
            reason = self._state.refusal(peer, message.data_set_id)
            if reason is None:
                self._copies[message.data_set_id] = _Copy(message)
            else:
                self._answers.append(SnapshotEnd(message.data_set_id, [], reason))
        elif isinstance(message, SnapshotCredit):
            copy = self._copies.get(message.data_set_id)
            if copy is not None:
                copy.credit += message.chunks
        else:
            return False
        return True

    def next(self, peer: str, now: float) -> Message | None:
        """The next words of whichever snapshot has waited longest; at most one short read."""
        del now
        if self._answers:
            return self._answers.popleft()
        for data_set_id, copy in self._copies.items():
            if copy.started and copy.credit <= 0:
                continue
            self._copies[data_set_id] = self._copies.pop(data_set_id)
            reason = self._state.refusal(peer, data_set_id)
            if reason is not None:
                del self._copies[data_set_id]
                return SnapshotEnd(data_set_id, [], reason)
            if not copy.started:
                copy.started = True
                return self._state.start(data_set_id)
            return self._chunk(data_set_id, copy)
        return None

    def _chunk(self, data_set_id: str, copy: _Copy) -> SnapshotChunk | SnapshotEnd:
        while (chunk := self._state.chunk(data_set_id, copy.stage, copy.after)) is None:
            if copy.stage is Stage.CONFLICTS:
                del self._copies[data_set_id]
                vector = self._state.vector(data_set_id)
                return SnapshotEnd(data_set_id, flatten(vector), None, copy.chunks)
            copy.stage, copy.after = Stage.CONFLICTS, None
        body = _encode(chunk.body)
        compressed = self._compressed(body)
        copy.chunks += 1
        message = SnapshotChunk(
            data_set_id, copy.stage, copy.after, chunk.through, compressed is not None, compressed or body, copy.chunks
        )
        copy.after = chunk.through
        copy.credit -= 1
        return message

    def _compressed(self, body: bytes) -> bytes | None:
        """The body compressed, if that pays; where it did not, it is tried again only some chunks later."""
        if self._compression_pause:
            self._compression_pause -= 1
            return None
        compressed = zlib.compress(body, _COMPRESSION_LEVEL)
        if len(compressed) <= _WORTH_COMPRESSING * len(body):
            return compressed
        self._compression_pause = _COMPRESSION_PAUSE_CHUNKS
        return None


def next_chunk(chunk: SnapshotChunk, chunks: int) -> int:
    """The number of a chunk that comes after so many; raises ``ProtocolError`` if it is not the next."""
    if chunk.number != chunks + 1:
        raise ProtocolError(f"chunk {chunk.number} of a snapshot came where {chunks + 1} was next")
    return chunk.number


def chunk_body(chunk: SnapshotChunk) -> ItemsBody | ConflictsBody:
    """What a chunk holds; raises ``ProtocolError`` if it is none."""
    try:
        body = chunk.body
        if chunk.compressed:
            inflating = zlib.decompressobj()
            body = inflating.decompress(body, FRAME_BYTES_MAX)
            if inflating.unconsumed_tail or not inflating.eof:
                raise ProtocolError(f"a chunk that is more than {FRAME_BYTES_MAX} bytes, or not whole")
        content: ItemsBody | ConflictsBody = _DECODERS[chunk.stage].decode(body)
    except (KeyError, ValueError, zlib.error, msgspec.DecodeError) as error:
        raise ProtocolError(f"{len(chunk.body)} bytes that are no chunk of a snapshot: {error}") from error
    return content


Started = TypeVar("Started", bound=Work)


class SnapshotTarget(Protocol[Started]):
    """The store into which snapshots are taken."""

    def copying(self) -> Mapping[str, Join]:
        """The data sets that wait for a snapshot, or are in the middle of one."""
        ...

    def is_source(self, data_set_id: str, peer: str) -> bool:
        """Whether the peer is a member of the data set."""
        ...

    def starting(self, start: SnapshotStart, source: Origin) -> Started:
        """Work that notes where a snapshot starts."""
        ...

    def applying(self, start: Started, chunk: SnapshotChunk, body: ItemsBody | ConflictsBody) -> Work:
        """Work that takes in a chunk of what has started so."""
        ...

    def ending(self, start: Started, end: SnapshotEnd) -> Work:
        """Work that makes the vector of the start the cursors."""
        ...


class SnapshotTaker(Generic[Started]):
    """Takes the snapshots that are to be had over one connection. ``claims`` is shared by a region's takers.

    It holds, for each data set, the taker that copies it: the first whose peer can serve it.
    """

    def __init__(self, target: SnapshotTarget[Started], claims: "dict[str, SnapshotTaker[Started]]") -> None:
        self._target = target
        self._claims = claims
        self._source: Origin = ("", "")
        self._started: dict[str, Started] = {}
        self._chunks: dict[str, int] = {}
        self._refused: dict[str, float] = {}
        self.refusals: dict[str, str] = {}

    def step(self, puller: Puller, now: float) -> Sequence[Effect]:
        """Ask for what waits for a snapshot and may be had from here."""
        effects: list[Effect] = []
        for data_set_id, join in self._target.copying().items():
            if data_set_id not in self._claims and self._may_ask(puller, data_set_id, join, now):
                self._claims[data_set_id] = self
                effects.append(Send(self._request(puller, data_set_id, join)))
        return effects

    def receive(self, message: Message, now: float) -> Sequence[Effect] | None:
        """The source answers."""
        if not isinstance(message, SnapshotStart | SnapshotChunk | SnapshotEnd):
            return None
        data_set_id = message.data_set_id
        if self._claims.get(data_set_id) is not self:
            return []
        if isinstance(message, SnapshotStart):
            started = self._started[data_set_id] = self._target.starting(message, self._source)
            self._chunks[data_set_id] = 0
            return [Perform(started, _nothing)]
        if isinstance(message, SnapshotChunk):
            started = self._start_of(data_set_id)
            self._chunks[data_set_id] = next_chunk(message, self._chunks[data_set_id])
            work = self._target.applying(started, message, chunk_body(message))
            return [Perform(work, self._credit(data_set_id))]
        if message.refusal is not None:
            del self._claims[data_set_id]
            self.refusals[data_set_id] = message.refusal
            self._refused[data_set_id] = now
            return []
        started = self._start_of(data_set_id)
        if message.chunks != self._chunks[data_set_id]:
            raise ProtocolError(f"a snapshot of {message.chunks} chunks, of which {self._chunks[data_set_id]} came")
        return [Perform(self._target.ending(started, message), self._ended(data_set_id))]

    def closed(self) -> None:
        """Leave what is not finished to another taker; what is durable need not be copied again."""
        for data_set_id in [id_ for id_, taker in self._claims.items() if taker is self]:
            del self._claims[data_set_id]

    def _start_of(self, data_set_id: str) -> Started:
        if data_set_id not in self._started:
            raise ProtocolError("a snapshot goes on that has not started")
        return self._started[data_set_id]

    def _may_ask(self, puller: Puller, data_set_id: str, join: Join, now: float) -> bool:
        if join.phase is not Phase.COPYING or not self._target.is_source(data_set_id, puller.peer):
            return False
        if join.wanted_source not in (None, puller.peer):
            return False
        if now - self._refused.get(data_set_id, now - _ASK_AGAIN_S) < _ASK_AGAIN_S:
            return False
        assert puller.offer is not None
        heads = puller.offer.heads.get(data_set_id, {})
        return all(heads.get((region, life), 0) >= sequence for region, life, sequence in join.required)

    def _request(self, puller: Puller, data_set_id: str, join: Join) -> SnapshotRequest:
        assert puller.peer_incarnation is not None
        self._source = (puller.peer, puller.peer_incarnation)
        # Conflicts are in an order of the source's own file: with another source they are copied from the first on.
        same = join.source == self._source or join.stage is Stage.ITEMS
        return SnapshotRequest(data_set_id, join.stage, join.after if same else None, WINDOW_CHUNKS)

    def _credit(self, data_set_id: str) -> Callable[[object, float], Sequence[Effect]]:
        return lambda _outcome, _now: [Send(SnapshotCredit(data_set_id, 1))]

    def _ended(self, data_set_id: str) -> Callable[[object, float], Sequence[Effect]]:
        def done(_outcome: object, _now: float) -> Sequence[Effect]:
            self._claims.pop(data_set_id, None)
            self._started.pop(data_set_id, None)
            self.refusals.pop(data_set_id, None)
            return []

        return done


_ASK_AGAIN_S = 1.0


def _nothing(_outcome: object, _now: float) -> Sequence[Effect]:
    return []
