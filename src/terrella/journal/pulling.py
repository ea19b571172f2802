"""The pulling side of one connection, without its socket.

The runner (or the simulator) hands in what the server says, the passing of time, and that something was committed
here; each answers what is to be done: send a message, apply records.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from terrella.journal.errors import ProtocolError
from terrella.journal.model import Origin, Vector
from terrella.journal.protocol import (
    KEEPALIVE_S,
    PROTOCOL,
    SILENCE_MAX_S,
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


class Target(Protocol):
    """The state into which is pulled."""

    region: str

    @property
    def incarnation(self) -> str:
        """This opening's."""
        ...

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        """What is applied and committed of each declared, replicated data set that the peer is a member of too."""
        ...

    def cursors(self, peer: str) -> Mapping[str, Vector]:
        """The same of those that are to be pulled from the peer: not while a snapshot is taken in, for one."""
        ...


@dataclass(frozen=True, slots=True)
class Send:
    """Send this."""

    message: Message


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply these records, after those that were handed out before."""

    records: Records


class Work(Protocol):
    """Something to do with the store in a batch, in as many pieces as its time demands."""

    def run(self, store: Any, out_of_time: Callable[[], bool]) -> bool:
        """Do a piece; True when all is done."""
        ...

    def outcome(self) -> Any:
        """What became of it, once it is committed."""
        ...


@dataclass(frozen=True, slots=True)
class Perform:
    """Do this work after what was handed out before; when it is durable, ``done(outcome, now)`` says what follows.

    If it fails, the connection ends.
    """

    work: Work
    done: "Callable[[Any, float], Sequence[Effect]]"


Effect = Send | Apply | Perform


class PullerPart(Protocol):
    """Something else that goes on over the same connection, at the side that opened it."""

    def step(self, puller: "Puller", now: float) -> Sequence[Effect]:
        """Something was committed here, or time passes; only called once the server has agreed."""
        ...

    def receive(self, message: Message, now: float) -> Sequence[Effect] | None:
        """The server says something that is not for the puller; None if it is not for this part either."""
        ...

    def closed(self) -> None:
        """The connection has ended."""
        ...


class Puller:
    """Pulls from one peer over one connection: first ``start``, then what comes.

    Each method raises ``ProtocolError`` with the reason if the connection has to end. ``stopped`` names the data sets
    that are not pulled any more, each with the reason.
    """

    def __init__(
        self,
        target: Target,
        world: str,
        peer: str,
        stopped: dict[str, str] | None = None,
        parts: Sequence[PullerPart] = (),
    ) -> None:
        self._target = target
        self._parts = parts
        self._world = world
        self.peer = peer
        self.peer_incarnation: str | None = None
        self.heads: dict[str, dict[Origin, int]] = {}
        self.heads_clock_ms: int | None = None
        self.below_floor: dict[tuple[str, Origin], int] = {}
        self.stopped = {} if stopped is None else stopped
        self.last_heard = 0.0
        self._last_sent = 0.0
        self._acknowledged: dict[str, Vector] = {}
        self._pulled: set[str] = set()

    @property
    def welcome(self) -> bool:
        """Whether the server has agreed."""
        return self.peer_incarnation is not None

    def start(self, now: float) -> list[Effect]:
        """The connection is open."""
        self.last_heard = now
        target = self._target
        return self._send([Hello(PROTOCOL, self._world, target.region, self.peer, target.incarnation)], now)

    def receive(self, message: Message, now: float) -> list[Effect]:
        """The server says something."""
        self.last_heard = now
        if isinstance(message, Refusal):
            raise ProtocolError(f"{self.peer} refused: {message.reason}")
        if not self.welcome:
            if not isinstance(message, Welcome) or message.protocol != PROTOCOL or message.region != self.peer:
                raise ProtocolError(f"{self.peer} answered Hello with {message!r}")
            self.peer_incarnation = message.incarnation
            return self.changed(now)
        if isinstance(message, Records):
            if message.region != self.peer:
                raise ProtocolError(f"{self.peer} sent records of {message.region}, for which it was not asked")
            return [Apply(message)] if message.data_set_id in self._pulled else []
        if isinstance(message, Heads):
            self.heads_clock_ms = message.clock_ms
            for data_set_id, vector in message.vectors:
                self.heads[data_set_id] = unflatten(vector)
        elif isinstance(message, SnapshotRequired):
            self.below_floor[(message.data_set_id, (message.region, message.incarnation))] = message.floor
        else:
            return self._for_a_part(message, now)
        return []

    def changed(self, now: float) -> list[Effect]:
        """Something was committed or declared here: ask for what is new, acknowledge what is durable."""
        if not self.welcome:
            return []
        vectors = self._target.vectors(self.peer)
        cursors = self._target.cursors(self.peer)
        messages: list[Message] = []
        for data_set_id in self._pulled - cursors.keys():
            self._pulled.discard(data_set_id)
            self._acknowledged.pop(data_set_id, None)
            self._forget_floors(data_set_id)
            messages.append(Stop(data_set_id))
        for data_set_id, vector in cursors.items():
            if data_set_id not in self._pulled and data_set_id not in self.stopped:
                self._pulled.add(data_set_id)
                messages.append(Pull(data_set_id, [self.peer], self._cursors(vector)))
        acknowledged = []
        for data_set_id, vector in vectors.items():
            theirs = {origin: sequence for origin, sequence in vector.items() if origin[0] != self._target.region}
            if theirs != self._acknowledged.get(data_set_id):
                self._acknowledged[data_set_id] = theirs
                acknowledged.append((data_set_id, flatten(theirs)))
        if acknowledged:
            messages.append(Acknowledgement(acknowledged))
        return self._send(messages, now) + self._step_parts(now)

    def stop(self, data_set_id: str, reason: str, now: float) -> list[Effect]:
        """Pull no more of a data set: it has a record that cannot be applied."""
        self.stopped[data_set_id] = reason
        if data_set_id not in self._pulled:
            return []
        self._pulled.discard(data_set_id)
        return self._send([Stop(data_set_id)], now)

    def tick(self, now: float) -> list[Effect]:
        """Time passes."""
        if now - self.last_heard > SILENCE_MAX_S:
            raise ProtocolError(f"nothing was heard of {self.peer} for {SILENCE_MAX_S:g} s")
        if not self.welcome:
            return []
        effects = self._step_parts(now)
        if now - self._last_sent > KEEPALIVE_S:
            effects += self._send([Acknowledgement([])], now)
        return effects

    def closed(self) -> None:
        """The connection has ended."""
        for part in self._parts:
            part.closed()

    @property
    def records_behind(self) -> int | None:
        """Records of the peer's that it holds and that are not applied here; None before it has said what it holds."""
        if self.heads_clock_ms is None:
            return None
        vectors = self._target.vectors(self.peer)
        return sum(
            max(0, held - vectors[data_set_id].get(origin, 0))
            for data_set_id, heads in self.heads.items()
            if data_set_id in vectors
            for origin, held in heads.items()
            if origin[0] == self.peer
        )

    def _forget_floors(self, data_set_id: str) -> None:
        for place in [place for place in self.below_floor if place[0] == data_set_id]:
            del self.below_floor[place]

    def _for_a_part(self, message: Message, now: float) -> list[Effect]:
        for part in self._parts:
            effects = part.receive(message, now)
            if effects is not None:
                return list(effects)
        raise ProtocolError(f"{type(message).__name__} is not for a puller")

    def _step_parts(self, now: float) -> list[Effect]:
        return [effect for part in self._parts for effect in part.step(self, now)]

    def _cursors(self, vector: Vector) -> list[tuple[str, str, int]]:
        return flatten({origin: sequence for origin, sequence in vector.items() if origin[0] == self.peer})

    def _send(self, messages: list[Message], now: float) -> list[Effect]:
        if messages:
            self._last_sent = now
        return [Send(message) for message in messages]
