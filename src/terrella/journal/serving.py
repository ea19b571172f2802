"""The serving side of one pulling connection, without its socket.

The runner (or the simulator) hands in what the peer says (``receive``) and takes out, as fast as the peer's
connection allows, what is to be sent next (``next``): first answers, then a heartbeat that is due, then records.
"""

from collections import deque
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from terrella.journal.errors import ProtocolError
from terrella.journal.holding import HeldBack
from terrella.journal.model import Origin, Vector
from terrella.journal.protocol import (
    HEARTBEAT_S,
    PROTOCOL,
    SLICE_BYTES_MAX,
    SLICE_RECORDS_MAX,
    Acknowledgement,
    Excluded,
    Heads,
    Hello,
    Message,
    PackedRecords,
    Pull,
    Records,
    Refusal,
    SnapshotRequired,
    Stop,
    Welcome,
    flatten,
    pack,
    unflatten,
)
from terrella.journal.volume import SentVolume

SUBSCRIPTIONS_MAX = 10_000


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

    def log_bytes(self, data_set_id: str, origin: Origin, after: int, upto: int) -> int:
        """The bytes of the committed records after one sequence and up to another."""
        ...

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        """The peer holds this much."""
        ...

    def decided(self) -> int:
        """The last epoch in which it was decided who holds a data set that is held here; 0 if it never was."""
        ...

    def excluded(self, peer: str, data_set_id: str) -> int | None:
        """The epoch since when a peer is no holder of a data set that is held here; None if that is not so."""
        ...

    def lives_of(self, region: str) -> Collection[str]:
        """Every incarnation of a region of which records are held here."""
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
    lives: frozenset[Origin]
    sent: dict[Origin, int]
    volume: SentVolume
    packed: bool = False
    below_floor: set[Origin] = field(default_factory=set)
    refused: bool = False
    # The committed vector of which everything has been sent, and that of which all bytes are counted. It is the same
    # object until more is committed: so what stands still costs nothing.
    served: Vector | None = None
    counted: Vector | None = None
    volumes: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def includes(self, origin: Origin) -> bool:
        return (origin[0] in self.regions or origin in self.lives) and origin not in self.below_floor


class PullServer:
    """Serves one peer over one connection. ``peer`` is None until it has said who it is.

    ``peers`` are those who may be it, as they stand at any time: who is none any more is refused, served or not.
    ``proven`` are the regions that it may say to be, by its certificate; None takes it at its word. ``unknown_lives``
    are incarnations of the peer of which records are held here, and of which its own file does not know: that is an
    old image, or new. ``hold_s`` is how long what is written here waits before it is sent; heads tell of it at once.
    """

    def __init__(
        self,
        source: Source,
        world: str,
        peers: Container[str],
        parts: Sequence[ServerPart] = (),
        *,
        proven: frozenset[str] | None = None,
        hold_s: float = 0.0,
    ) -> None:
        self._source = source
        self._parts = parts
        self._parts_turn = False
        self._world = world
        self._peers = peers
        self._proven = proven
        self.peer: str | None = None
        self.unknown_lives: tuple[str, ...] = ()
        self.last_heard = 0.0
        self._answers: deque[Message] = deque()
        self._subscriptions: dict[str, _Subscription] = {}
        self._said: dict[str, Vector] = {}
        self._said_volumes: dict[tuple[str, str], tuple[int, bool]] = {}
        self._acknowledgements: dict[str, Vector] = {}
        self._next_heads = 0.0
        self._held_back = HeldBack(hold_s)

    def receive(self, message: Message, now: float) -> None:
        """Take in what the peer says; raises ``ProtocolError`` with the reason if the connection has to end."""
        self.last_heard = now
        if self.peer is None:
            if not isinstance(message, Hello):
                raise ProtocolError(f"{type(message).__name__} before Hello")
            self._greet(message, now)
        elif isinstance(message, Pull):
            self._subscribe(message)
        elif isinstance(message, Stop):
            self._subscriptions.pop(message.data_set_id, None)
            self._held_back.forget(message.data_set_id)
        elif isinstance(message, Acknowledgement):
            for data_set_id, vector in message.vectors:
                self._acknowledged(self.peer, data_set_id, unflatten(vector))
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
            return self._part(now) or self._slice(vectors, now)
        return self._slice(vectors, now) or self._part(now)

    @property
    def wake_at(self) -> float:
        """When the next heartbeat is due, or what was held back."""
        return min(self._next_heads, self._held_back.due_at)

    def _greet(self, hello: Hello, now: float) -> None:
        source = self._source
        if hello.protocol != PROTOCOL:
            raise ProtocolError(f"{hello.from_region} speaks protocol {hello.protocol}, {source.region} {PROTOCOL}")
        if hello.world != self._world:
            raise ProtocolError(f"{hello.from_region} is of world {hello.world!r}, {source.region} of {self._world!r}")
        if hello.to_region != source.region:
            raise ProtocolError(f"{hello.from_region} looks for {hello.to_region}, but this is {source.region}")
        if self._proven is not None and hello.from_region not in self._proven:
            names = ", ".join(sorted(self._proven))
            raise ProtocolError(f"it says to be {hello.from_region}, and has a certificate of {names}")
        self._admit(hello.from_region)
        if hello.lives is not None:
            known = {*hello.lives, hello.incarnation}
            self.unknown_lives = tuple(sorted(life for life in source.lives_of(hello.from_region) if life not in known))
        self.peer = hello.from_region
        self._answers.append(Welcome(PROTOCOL, source.region, source.incarnation))
        self._next_heads = now

    def _admit(self, region: str) -> None:
        if region not in self._peers:
            source, epoch = self._source, self._source.decided()
            since = f": no data set is held by both, as was last decided in epoch {epoch}" if epoch else ""
            raise ProtocolError(f"{region!r} is no peer of {source.region}{since}")

    def _subscribe(self, pull: Pull) -> None:
        if pull.data_set_id not in self._subscriptions and len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise ProtocolError(f"{self.peer} asks for more than {SUBSCRIPTIONS_MAX} data sets")
        lives = frozenset((region, incarnation) for region, incarnation in pull.lives)
        cursors = unflatten(pull.cursors)
        volume = SentVolume(dict(cursors))
        self._subscriptions[pull.data_set_id] = _Subscription(
            frozenset(pull.regions), lives, cursors, volume, pull.packed
        )
        for pair in [pair for pair in self._said_volumes if pair[0] == pull.data_set_id]:
            del self._said_volumes[pair]
        self._exclude(pull.data_set_id)

    def _exclude(self, data_set_id: str) -> None:
        """Tell a peer, once for each time that it asks, that it is no holder of what it asks for."""
        subscription = self._subscriptions[data_set_id]
        if self.peer is not None and not subscription.refused:
            epoch = self._source.excluded(self.peer, data_set_id)
            if epoch is not None:
                subscription.refused = True
                self._answers.append(Excluded(data_set_id, epoch))

    def _acknowledged(self, peer: str, data_set_id: str, vector: Vector) -> None:
        source = self._source
        present = (source.region, source.incarnation)
        claimed = vector.get(present, 0)
        held = source.vectors(peer).get(data_set_id)
        if held is not None and claimed > held.get(present, 0):
            raise ProtocolError(
                f"{peer} acknowledges record {claimed} in {data_set_id}, of which {source.region} has written "
                f"{held.get(present, 0)}"
            )
        self._acknowledgements[data_set_id] = vector
        if len(self._acknowledgements) > SUBSCRIPTIONS_MAX:
            raise ProtocolError(f"{peer} acknowledges more than {SUBSCRIPTIONS_MAX} data sets")
        source.acknowledge(peer, data_set_id, vector)

    def _heads(self, vectors: Mapping[str, Vector], now: float) -> Heads:
        assert self.peer is not None
        self._admit(self.peer)  # it may have been removed since
        for data_set_id in self._subscriptions.keys() - vectors.keys():
            self._exclude(data_set_id)
        changed = [
            (data_set_id, flatten(vector))
            for data_set_id, vector in vectors.items()
            if self._said.get(data_set_id) is not vector and self._said.get(data_set_id) != vector
        ]
        for data_set_id, _ in changed:
            acknowledged = self._acknowledgements.get(data_set_id)
            if acknowledged and vectors[data_set_id].keys() - self._said.get(data_set_id, {}).keys():
                # What it had acknowledged of these origins was of no use before there was anything of theirs here.
                self._source.acknowledge(self.peer, data_set_id, acknowledged)
        self._said = dict(vectors)
        self._next_heads = now + HEARTBEAT_S
        return Heads(self._source.clock_ms(), changed, self._volumes(vectors))

    def _part(self, now: float) -> Message | None:
        assert self.peer is not None
        for part in self._parts:
            message = part.next(self.peer, now)
            if message is not None:
                return message
        return None

    def _volumes(self, vectors: Mapping[str, Vector]) -> list[tuple[str, str, int, bool]]:
        """What has changed of how much there is to send, or was."""
        volumes: dict[tuple[str, str], tuple[int, bool]] = {}
        for data_set_id, subscription in self._subscriptions.items():
            held = vectors.get(data_set_id, {})
            if held is not subscription.counted:
                asked = {origin: last for origin, last in held.items() if subscription.includes(origin)}
                count = partial(self._source.log_bytes, data_set_id)
                subscription.volumes = subscription.volume.until(asked, count)
                all_counted = all(exact for _, exact in subscription.volumes.values())
                subscription.counted = held if all_counted else None
            for region, volume in subscription.volumes.items():
                volumes[data_set_id, region] = volume
        changed = [(*pair, *volume) for pair, volume in volumes.items() if self._said_volumes.get(pair) != volume]
        self._said_volumes = volumes
        return changed

    def _slice(self, vectors: Mapping[str, Vector], now: float) -> Records | PackedRecords | SnapshotRequired | None:
        own = (self._source.region, self._source.incarnation)
        for data_set_id, subscription in self._subscriptions.items():
            vector = vectors.get(data_set_id, {})
            if vector is subscription.served:
                continue
            released = self._held_back.released(data_set_id, vector.get(own, 0), now)
            for origin, last in vector.items():
                held = released if origin == own else last
                sent = subscription.sent.get(origin, 0)
                if sent >= held or not subscription.includes(origin):
                    continue
                # Whoever is served goes to the end of the line, so that one long backlog does not hold up the others.
                self._subscriptions[data_set_id] = self._subscriptions.pop(data_set_id)
                floor = self._source.floor(data_set_id, origin)
                if sent + 1 < floor:
                    subscription.below_floor.add(origin)
                    return SnapshotRequired(data_set_id, *origin, floor)
                records_max = min(SLICE_RECORDS_MAX, held - sent)
                records = self._source.records(data_set_id, origin, sent, records_max, SLICE_BYTES_MAX)
                subscription.sent[origin] = sent + len(records)
                subscription.volume.sent(origin, sent, records)
                message = Records(data_set_id, *origin, sent + 1, records)
                return pack(message) if subscription.packed else message
            if released == vector.get(own, 0):
                subscription.served = vector
        return None
