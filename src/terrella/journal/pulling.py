"""The pulling side of one connection, without its socket.

The runner (or the simulator) hands in what the server says, the passing of time, and that something was committed
here; each answers what is to be done: send a message, apply records. What is pulled from which peer is decided for all
connections together, by the ``Sources`` that they share; each connection learns of it when it is next asked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from terrella.journal.errors import ProtocolError
from terrella.journal.model import Lane, Origin, Vector
from terrella.journal.protocol import (
    KEEPALIVE_S,
    LIVES_TOLD_MAX,
    PROTOCOL,
    SILENCE_MAX_S,
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
    unflatten,
    unpack,
)
from terrella.journal.schema import SEQUENCE_MASK
from terrella.journal.sources import NOTHING, Holdings, Life, Offer, Sources, Wanted

# What is said of held records is gathered for so long.
ACKNOWLEDGEMENT_PAUSE_S = 0.02
# Records were asked for anew, and for so long only later ones have come.
RESENT_WITHIN_S = 15.0
ORIGINS_MAX = 200_000


class Target(Holdings, Protocol):
    """The state into which is pulled."""

    def lives(self) -> Collection[str]:
        """Every incarnation of this region that its file knows."""
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
    """Pulls from one peer over one connection: first ``start``, then what comes, at last ``closed``.

    Each method raises ``ProtocolError`` with the reason if the connection has to end. Without ``sources``, everything
    that the peer holds is pulled from it. ``lost_lives`` are those of the peer's own records of which less is there
    than here: its disk was lost or restored from an old image.
    """

    def __init__(
        self,
        target: Target,
        world: str,
        peer: str,
        sources: Sources | None = None,
        parts: Sequence[PullerPart] = (),
    ) -> None:
        self._parts = parts
        self._target = target
        self._world = world
        self.peer = peer
        self.sources = Sources(target) if sources is None else sources
        self.offer: Offer | None = None
        self.heads_clock_ms: int | None = None
        self.lost_lives: set[str] = set()
        self.last_heard = 0.0
        self._volumes: dict[tuple[str, str], tuple[int, bool]] = {}
        self._taken: dict[tuple[str, str], int] = {}
        self._last_sent = 0.0
        self._last_acknowledged = -ACKNOWLEDGEMENT_PAUSE_S
        self._acknowledged: dict[str, Vector] = {}
        self._seen: dict[str, Vector] = {}
        self._asked: dict[str, Wanted] = {}
        self._ever_asked: dict[str, set[str | Origin]] = {}
        self._expected: dict[tuple[str, Origin], int] = {}
        # Since when later records than the next one came and were dropped, and what would follow the last of them.
        self._skipping: dict[tuple[str, Origin], tuple[float, int]] = {}
        self._anew: set[str] = set()
        self._revision = -1

    @property
    def welcome(self) -> bool:
        """Whether the server has agreed."""
        return self.offer is not None

    @property
    def peer_incarnation(self) -> str | None:
        """The peer's present incarnation, once the server has agreed."""
        return None if self.offer is None else self.offer.incarnation

    @property
    def heads(self) -> Mapping[str, Mapping[Origin, int]]:
        """What the peer holds of each data set, as far as it has said."""
        return {} if self.offer is None else self.offer.heads

    @property
    def below_floor(self) -> Mapping[Life, int]:
        """Whose records it has trimmed beyond what is here, and where its log begins."""
        return {} if self.offer is None else self.offer.floors

    def start(self, now: float) -> list[Effect]:
        """The connection is open."""
        self.last_heard = now
        target = self._target
        lives = sorted(target.lives())
        known = lives if len(lives) <= LIVES_TOLD_MAX else None
        return self._send([Hello(PROTOCOL, self._world, target.region, self.peer, target.incarnation, known)], now)

    def closed(self, now: float) -> None:
        """The connection has ended: what was pulled over it is pulled from another, if there is one."""
        if self.offer is not None:
            self.sources.leave(self.offer, now)
        for part in self._parts:
            part.closed()

    def receive(self, message: Message, now: float) -> list[Effect]:
        """The server says something."""
        self.last_heard = now
        if isinstance(message, Refusal):
            raise ProtocolError(f"{self.peer} refused: {message.reason}")
        if self.offer is None:
            if not isinstance(message, Welcome) or message.protocol != PROTOCOL or message.region != self.peer:
                raise ProtocolError(f"{self.peer} answered Hello with {_brief(message)}")
            self.offer = Offer(self.peer, message.incarnation, now)
            self.sources.join(self.offer)
            return self.changed(now)
        if isinstance(message, PackedRecords):
            message = unpack(message)
        if isinstance(message, Records):
            effects = self._asked_by_a_part(message, now)
            return self._records(message, now) if effects is None else effects
        if isinstance(message, Heads):
            self._heads(self.offer, message)
        elif isinstance(message, SnapshotRequired):
            self._below_floor(self.offer, message)
        elif isinstance(message, Excluded):
            self.offer.excluded[message.data_set_id] = message.epoch
            self.sources.heard([message.data_set_id])
        else:
            return self._for_a_part(message, now)
        return []

    def changed(self, now: float) -> list[Effect]:
        """Something was committed or declared here, or pulled elsewhere: ask for what is wanted, say what is held."""
        if self.offer is None:
            return []
        self.sources.review(now)
        vectors, cursors = self._target.vectors(self.peer), self._target.cursors(self.peer)
        messages: list[Message] = []
        if self.offer.floors:
            self._forget_floors(self.offer, cursors)
        if self._anew or self._revision != self.sources.revision or self._asked.keys() - cursors.keys():
            self._revision = self.sources.revision
            self._ask(cursors, messages)
        if now - self._last_acknowledged >= ACKNOWLEDGEMENT_PAUSE_S:
            self._acknowledge(vectors, messages, now)
        return self._send(messages, now) + [effect for part in self._parts for effect in part.step(self, now)]

    def again(self, data_set_id: str) -> None:
        """Records that had come were lost on the way to the store: with the next tick, ask for them anew."""
        if data_set_id in self._asked:
            self._anew.add(data_set_id)

    def stop(self, data_set_id: str, region: str, reason: str, now: float) -> list[Effect]:
        """Pull no more of a region's records of a data set: the next cannot be applied, whoever sends it."""
        self.sources.stop(data_set_id, region, reason)
        return self.changed(now)

    def tick(self, now: float) -> list[Effect]:
        """Time passes."""
        if now - self.last_heard > SILENCE_MAX_S:
            raise ProtocolError(f"nothing was heard of {self.peer} for {SILENCE_MAX_S:g} s")
        for (data_set_id, origin), (since, _) in self._skipping.items():
            if now - since > RESENT_WITHIN_S:
                raise ProtocolError(
                    f"{self.peer} sends later records of {origin[0]} ({origin[1]}) in {data_set_id} than the "
                    f"{self._expected[data_set_id, origin]} that it was asked for"
                )
        effects = self.changed(now)
        if self.welcome and now - self._last_sent > KEEPALIVE_S:
            effects += self._send([Acknowledgement([])], now)
        return effects

    @property
    def records_behind(self) -> int | None:
        """Records of the peer's that it holds and that are not held here; None before it has said what it holds."""
        if self.heads_clock_ms is None or self.offer is None:
            return None
        return sum(
            self.offer.behind(data_set_id, self.peer, own)
            for data_set_id, own in self._target.vectors(self.peer).items()
        )

    def took(self, records: Records) -> None:
        """These are applied and committed."""
        pair = (records.data_set_id, records.region)
        self._taken[pair] = self._taken.get(pair, 0) + sum(map(len, records.records))

    def bytes_behind(self, data_set_id: str, region: str) -> tuple[int, bool] | None:
        """Bytes of a region's records that are still to come over this connection, and whether all were counted.

        None if the server has not said so.
        """
        said = self._volumes.get((data_set_id, region))
        return None if said is None else (max(0, said[0] - self._taken.get((data_set_id, region), 0)), said[1])

    # what the server says

    def _records(self, message: Records, now: float) -> list[Effect]:
        """Hand out what follows; what was asked for earlier, or comes a second time, is dropped."""
        origin = (message.region, message.incarnation)
        asked = self._ever_asked.get(message.data_set_id, ())
        if message.region not in asked and origin not in asked:
            raise ProtocolError(
                f"{self.peer} sent records of {message.region} ({message.incarnation}) in {message.data_set_id}, "
                "for which it was not asked"
            )
        regions, lives = self._asked.get(message.data_set_id, ((), ()))
        if message.region not in regions and origin not in lives:
            return []  # they were under way when another became their source
        place = (message.data_set_id, origin)
        expected = self._expected.get(place, 1)
        following = message.first + len(message.records)
        since, skipped = self._skipping.get(place, (now, 0))
        if message.first > expected:
            # Under way since before they were asked for anew, from an earlier one on.
            self._skipping[place] = (since, max(skipped, following))
            return []
        if following <= expected:
            return []
        if following >= skipped:
            self._skipping.pop(place, None)
        else:
            self._skipping[place] = (now, skipped)  # it is on its way
        self._expected[place] = following
        return [Apply(message)]

    def _heads(self, offer: Offer, message: Heads) -> None:
        self.heads_clock_ms = message.clock_ms
        for data_set_id, region, volume, exact in message.volumes:
            if data_set_id in self._asked:
                self._volumes[data_set_id, region] = (volume, exact)
        if not message.vectors:
            return
        vectors = self._target.vectors(self.peer)
        for data_set_id, flat in message.vectors:
            heads = offer.heads[data_set_id] = unflatten(flat)
            offer.excluded.pop(data_set_id, None)
            self._note_lost_lives(offer, vectors.get(data_set_id, {}), heads)
        if sum(map(len, offer.heads.values())) + len(offer.heads) > ORIGINS_MAX:
            raise ProtocolError(f"{self.peer} says that it holds more than {ORIGINS_MAX} streams")
        self.sources.heard(data_set_id for data_set_id, _ in message.vectors)

    def _note_lost_lives(self, offer: Offer, own: Vector, heads: Vector) -> None:
        """Only an earlier life can tell: the present one may have grown since these heads were sent."""
        for origin, held in own.items():
            if origin[0] == self.peer and origin[1] != offer.incarnation:
                if heads.get(origin, 0) < held:
                    self.lost_lives.add(origin[1])
                else:
                    self.lost_lives.discard(origin[1])

    def _below_floor(self, offer: Offer, message: SnapshotRequired) -> None:
        offer.floors[message.data_set_id, (message.region, message.incarnation)] = message.floor
        if len(offer.floors) > ORIGINS_MAX:
            raise ProtocolError(f"{self.peer} refused more than {ORIGINS_MAX} streams")
        self.sources.heard([message.data_set_id])

    def _asked_by_a_part(self, message: Message, now: float) -> list[Effect] | None:
        for part in self._parts:
            effects = part.receive(message, now)
            if effects is not None:
                return list(effects)
        return None

    def _for_a_part(self, message: Message, now: float) -> list[Effect]:
        effects = self._asked_by_a_part(message, now)
        if effects is None:
            raise ProtocolError(f"{_brief(message)} is not for a puller")
        return effects

    # what is said to it

    def _forget_floors(self, offer: Offer, cursors: Mapping[str, Vector]) -> None:
        """What was below a floor, and has since come from elsewhere up to it, is asked for anew."""
        for data_set_id, origin in list(offer.floors):
            own = cursors.get(data_set_id)
            if own is None or offer.serves(data_set_id, origin, own.get(origin, 0)):
                del offer.floors[data_set_id, origin]
                self.sources.heard([data_set_id])
                self.again(data_set_id)

    def _ask(self, cursors: Mapping[str, Vector], messages: list[Message]) -> None:
        for data_set_id in self._asked.keys() - cursors.keys():
            self._acknowledged.pop(data_set_id, None)
            self._seen.pop(data_set_id, None)
            self._ask_for(data_set_id, NOTHING, {}, messages)
        for data_set_id, own in cursors.items():
            wanted = self.sources.wanted(self.peer, data_set_id)
            if wanted != self._asked.get(data_set_id, NOTHING) or (data_set_id in self._anew and wanted != NOTHING):
                self._ask_for(data_set_id, wanted, own, messages)
        self._anew.clear()

    def _ask_for(self, data_set_id: str, wanted: Wanted, own: Vector, messages: list[Message]) -> None:
        """Ask for all that is wanted of a data set, from the cursors on, in place of what was asked for before."""
        for place in [place for place in self._expected if place[0] == data_set_id]:
            del self._expected[place]
        for place in [place for place in self._skipping if place[0] == data_set_id]:
            del self._skipping[place]
        for counted in (self._volumes, self._taken):  # from now on the server counts from these cursors
            for pair in [pair for pair in counted if pair[0] == data_set_id]:
                del counted[pair]
        regions, lives = wanted
        if wanted == NOTHING:
            self._asked.pop(data_set_id, None)
            messages.append(Stop(data_set_id))
            return
        cursors = {origin: sequence for origin, sequence in own.items() if _is_of(origin, wanted)}
        for origin, sequence in cursors.items():
            self._expected[data_set_id, origin] = sequence + 1
        self._asked[data_set_id] = wanted
        self._ever_asked.setdefault(data_set_id, set()).update(regions, lives)
        definition = self._target.definitions().get(data_set_id)
        packed = definition is not None and definition.lane is Lane.BATCH
        messages.append(Pull(data_set_id, list(regions), flatten(cursors), list(lives), packed))

    def _acknowledge(self, vectors: Mapping[str, Vector], messages: list[Message], now: float) -> None:
        present = (self._target.region, self._target.incarnation)
        news = []
        for data_set_id, vector in vectors.items():
            if self._seen.get(data_set_id) is vector:
                continue
            self._seen[data_set_id] = vector
            # Of its present life a region has all there is; of an earlier one perhaps nothing any more.
            held = {**vector, present: SEQUENCE_MASK}
            if held != self._acknowledged.get(data_set_id):
                self._acknowledged[data_set_id] = held
                news.append((data_set_id, flatten(held)))
        if news:
            self._last_acknowledged = now
            messages.append(Acknowledgement(news))

    def _send(self, messages: list[Message], now: float) -> list[Effect]:
        if messages:
            self._last_sent = now
        return [Send(message) for message in messages]


def _is_of(origin: Origin, wanted: Wanted) -> bool:
    return origin[0] in wanted[0] or origin in wanted[1]


def _brief(message: Message) -> str:
    """A message as an error shows it, however long it is."""
    text = repr(message)
    return text if len(text) <= 200 else f"{text[:200]}..."
