"""The serving side of one pulling connection, without its socket.

The runner (or the simulator) hands in what the peer says (``receive``) and takes out, as fast as the peer's
connection allows, what is to be sent next (``next``): first answers, then a heartbeat that is due, then records.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from terrella.journal.errors import ProtocolError
from terrella.journal.model import Origin, Vector
from terrella.journal.protocol import (
    HEARTBEAT_S,
    PROTOCOL,
    SLICE_BYTES_MAX,
    SLICE_RECORDS_MAX,
    Acknowledgement,
    Heads,
    Hello,
    Message,
    Pull,
    Records,
    Refusal,
    SnapshotRequired,
    Stop,
    Welcome,
    flatten,
    unflatten,
)


class Source(Protocol):
    """The committed state that is served."""

    region: str

    @property
    def incarnation(self) -> str:
        """This opening's."""
        ...

    def clock_ms(self) -> int:
        """Wall clock, milliseconds since 1970."""
        ...

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        """What is held of each data set of which the peer is a member too."""
        ...

    def floor(self, data_set_id: str, origin: Origin) -> int:
        """The oldest sequence of the origin that is still in the log."""
        ...

    def records(self, data_set_id: str, origin: Origin, after: int, records_max: int, bytes_max: int) -> list[bytes]:
        """Committed records after a sequence, verbatim; at least one if there is one."""
        ...

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        """The peer has applied this much."""
        ...


class ServerPart(Protocol):
    """Something else that goes on over the same connection, at the side that was connected to."""

    def receive(self, peer: str, message: Message, now: float) -> bool:
        """The peer says something that is not for the puller's server; False if it is not for this part either."""
        ...

    def next(self, peer: str, now: float) -> Message | None:
        """What to send next, if anything."""
        ...


@dataclass(slots=True)
class _Subscription:
    regions: frozenset[str]
    sent: dict[Origin, int]
    below_floor: set[Origin] = field(default_factory=set)


class PullServer:
    """Serves one peer over one connection. ``peer`` is None until it has said who it is."""

    def __init__(self, source: Source, world: str, peers: frozenset[str], parts: Sequence[ServerPart] = ()) -> None:
        self._source = source
        self._parts = parts
        self._parts_turn = False
        self._world = world
        self._peers = peers
        self.peer: str | None = None
        self.last_heard = 0.0
        self._answers: deque[Message] = deque()
        self._subscriptions: dict[str, _Subscription] = {}
        self._said: dict[str, Vector] = {}
        self._next_heads = 0.0

    def receive(self, message: Message, now: float) -> None:
        """Take in what the peer says; raises ``ProtocolError`` with the reason if the connection has to end."""
        self.last_heard = now
        if self.peer is None:
            if not isinstance(message, Hello):
                raise ProtocolError(f"{type(message).__name__} before Hello")
            self._greet(message, now)
        elif isinstance(message, Pull):
            self._subscriptions[message.data_set_id] = _Subscription(
                frozenset(message.regions), unflatten(message.cursors)
            )
        elif isinstance(message, Stop):
            self._subscriptions.pop(message.data_set_id, None)
        elif isinstance(message, Acknowledgement):
            for data_set_id, vector in message.vectors:
                self._source.acknowledge(self.peer, data_set_id, unflatten(vector))
        elif isinstance(message, Refusal):
            raise ProtocolError(f"{self.peer} ended the connection: {message.reason}")
        elif not any(part.receive(self.peer, message, now) for part in self._parts):
            raise ProtocolError(f"{type(message).__name__} is not for a server")

    def next(self, now: float) -> Message | None:
        """What to send next; None if there is nothing to say before ``wake_at``, a commit, or the peer's next words."""
        if self._answers:
            return self._answers.popleft()
        if self.peer is None:
            return None
        vectors = self._source.vectors(self.peer)
        if now >= self._next_heads or vectors.keys() - self._said.keys():
            return self._heads(vectors, now)
        # Records and the parts take turns, so that neither a backlog nor a snapshot holds up the other.
        self._parts_turn = not self._parts_turn
        if self._parts_turn:
            return self._part(now) or self._slice(vectors)
        return self._slice(vectors) or self._part(now)

    @property
    def wake_at(self) -> float:
        """When the next heartbeat is due."""
        return self._next_heads

    def _greet(self, hello: Hello, now: float) -> None:
        source = self._source
        if hello.protocol != PROTOCOL:
            raise ProtocolError(f"{hello.from_region} speaks protocol {hello.protocol}, {source.region} {PROTOCOL}")
        if hello.world != self._world:
            raise ProtocolError(f"{hello.from_region} is of world {hello.world!r}, {source.region} of {self._world!r}")
        if hello.to_region != source.region:
            raise ProtocolError(f"{hello.from_region} looks for {hello.to_region}, but this is {source.region}")
        if hello.from_region not in self._peers:
            raise ProtocolError(f"{hello.from_region!r} is no peer of {source.region}")
        self.peer = hello.from_region
        self._answers.append(Welcome(PROTOCOL, source.region, source.incarnation))
        self._next_heads = now

    def _heads(self, vectors: Mapping[str, Vector], now: float) -> Heads:
        changed = [
            (data_set_id, flatten(vector))
            for data_set_id, vector in vectors.items()
            if self._said.get(data_set_id) != vector
        ]
        self._said = dict(vectors)
        self._next_heads = now + HEARTBEAT_S
        return Heads(self._source.clock_ms(), changed)

    def _part(self, now: float) -> Message | None:
        assert self.peer is not None
        for part in self._parts:
            message = part.next(self.peer, now)
            if message is not None:
                return message
        return None

    def _slice(self, vectors: Mapping[str, Vector]) -> Records | SnapshotRequired | None:
        for data_set_id, subscription in self._subscriptions.items():
            for origin, held in vectors.get(data_set_id, {}).items():
                sent = subscription.sent.get(origin, 0)
                if sent >= held or origin[0] not in subscription.regions or origin in subscription.below_floor:
                    continue
                # Whoever is served goes to the end of the line, so that one long backlog does not hold up the others.
                self._subscriptions[data_set_id] = self._subscriptions.pop(data_set_id)
                floor = self._source.floor(data_set_id, origin)
                if sent + 1 < floor:
                    subscription.below_floor.add(origin)
                    return SnapshotRequired(data_set_id, *origin, floor)
                records = self._source.records(data_set_id, origin, sent, SLICE_RECORDS_MAX, SLICE_BYTES_MAX)
                subscription.sent[origin] = sent + len(records)
                return Records(data_set_id, *origin, sent + 1, records)
        return None
