"""The figures of replication: for each data set and each peer, how far this region is behind it, and it behind us.

What cannot be known (the peer is not heard) is None, beside what was known last and how long ago that was. All is as of
the last commit.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial, reduce

from terrella.journal.lag import Lags
from terrella.journal.model import NO_CONTEXT, Lane, Origin, Vector
from terrella.journal.protocol import SILENCE_MAX_S
from terrella.journal.pulling import Puller
from terrella.journal.reading import Reader
from terrella.journal.records import ConflictRecord, decode_record
from terrella.journal.sources import Sources
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Store
from terrella.journal.vectors import join
from terrella.journal.volume import LogWindow
from terrella.kernel import Clock, hlc_milliseconds


@dataclass(frozen=True, slots=True)
class Behind:
    """How far this region is behind one peer in one data set: what the peer originated and is not here.

    ``lag_ms``, ``records`` and ``bytes`` are None while the peer is not heard; then ``last_lag_ms`` is what was known
    ``known_ms_ago``, and ``records_at_least`` what is certainly missing, because some region has said that it exists.
    Everything of the peer's is here that was written until ``complete_ms_ago``: so the lag, known or not, is no more
    than that. ``p50_ms`` and ``p99_ms`` are of the last thousand slices of records. ``bytes_exact`` is False where a
    part of the bytes is an estimate.
    """

    lag_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    records: int | None
    records_at_least: int | None
    bytes: int | None
    bytes_exact: bool
    last_lag_ms: float | None
    known_ms_ago: float | None
    complete_ms_ago: float | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """What of this region's own records one peer has not acknowledged, as far as it has said.

    ``writes`` leaves out records that are no writes of items; ``bytes`` are of all records (None: not counted yet), an
    estimate unless ``bytes_exact``. ``oldest_ms`` is how long the oldest of them has been waiting (None: none is).
    """

    writes: int
    bytes: int | None
    bytes_exact: bool
    oldest_ms: float | None


@dataclass(frozen=True, slots=True)
class PairFigures:
    """One data set and one peer. ``theirs`` is what the peer holds, as it said ``behind.known_ms_ago``.

    ``via`` is who relays the peer's records, ``stopped`` why they are not taken any more; with ``snapshot_required``
    the peer has trimmed what is missing here. ``parked`` records of the peer's are held and cannot be applied.
    """

    behind: Behind
    lacking: Lacking
    theirs: dict[Origin, int]
    via: str | None
    parked: int
    stopped: str | None
    snapshot_required: bool


@dataclass(frozen=True, slots=True)
class ReplicaFigures:
    """One replicated data set here. ``at_risk`` own writes are acknowledged here and by no other holder."""

    id: str
    name: str
    lane: Lane
    members: tuple[str, ...]
    joining: tuple[str, ...]
    own: dict[Origin, int]
    floor: dict[Origin, int]
    items: int
    bytes: int
    conflicts: int
    parked: int
    at_risk: int
    peers: dict[str, PairFigures]


class ReplicationReport:
    """Told by the replicator whom it hears and whom it does not; asked by whoever wants figures.

    What was heard is kept over reconnections, and ages.
    """

    def __init__(self, store: Store, reader: Reader, sources: Sources, lags: Lags, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._sources = sources
        self._lags = lags
        self._clock = clock
        self._pullers: dict[str, Puller] = {}
        self._lost: set[str] = set()
        self._last_lags_ms: dict[tuple[str, str], float | None] = {}
        self._windows: dict[tuple[str, int], LogWindow] = {}
        self._oldest: dict[tuple[str, int], tuple[int, int]] = {}

    # what happens

    def heard(self, peer: str, puller: Puller) -> None:
        """The peer has said what it holds."""
        self._pullers[peer] = puller
        self._lost.discard(peer)
        assert puller.offer is not None, "heads come after the welcome"
        for data_set_id, heads in puller.offer.heads.items():
            state = self._state(data_set_id)
            if state is not None:
                self._lag_ms(peer, state, _missing(state, heads, peer))

    def lost(self, peer: str) -> None:
        """The connection to the peer has ended: what it holds is not known any more."""
        self._lost.add(peer)

    # what is told

    async def counted(self) -> tuple[ReplicaFigures, ...]:
        """The figures, after counting what peers have not acknowledged, a slice at a time."""
        for peer, state, stream in list(self._backlogs()):
            if state.dropped:
                continue
            while not self._count(peer, stream):  # noqa: ASYNC110 - nothing is awaited: others are given their turn
                await asyncio.sleep(0)
        return self.figures()

    def figures(self) -> tuple[ReplicaFigures, ...]:
        """The figures now, with the bytes as far as they have been counted."""
        return tuple(self._data_set(state) for state in self._states())

    def lags_ms(self) -> dict[tuple[str, str], float | None]:
        """By table and peer, how far this region is behind now (None: unknown). Cheap to ask for."""
        return {
            (state.definition.name, peer): self._lag_now_ms(peer, state)
            for state in self._states()
            for peer in state.definition.holders
            if peer != self._store.region
        }

    def waiting_ms(self) -> dict[tuple[str, str], float | None]:
        """By table and peer, how long the oldest write waits that the peer has not acknowledged (None: none does)."""
        return {
            (state.definition.name, peer): self._lacking(peer, state).oldest_ms
            for state in self._states()
            for peer in state.definition.holders
            if peer != self._store.region
        }

    def _data_set(self, state: DataSetState) -> ReplicaFigures:
        definition, region = state.definition, self._store.region
        peers = {peer: self._figures_of(peer, state) for peer in definition.holders if peer != region}
        own = [stream for stream in state.streams.values() if stream.region == region]
        return ReplicaFigures(
            id=definition.id,
            name=definition.name,
            lane=definition.lane,
            members=definition.members,
            joining=definition.joining,
            own=dict(state.vector),
            floor={stream.origin: stream.floor for stream in state.streams.values() if stream.committed},
            items=state.committed_items,
            bytes=state.committed_bytes,
            conflicts=state.conflicts,
            parked=state.parked,
            at_risk=sum(
                min(stream.writes_after(self._acknowledged(peer, stream)) for peer in peers) for stream in own if peers
            ),
            peers=peers,
        )

    def _figures_of(self, peer: str, state: DataSetState) -> PairFigures:
        data_set_id = state.definition.id
        choice = self._sources.choices.get(data_set_id)
        source = choice.regions.get(peer) if choice is not None else None
        return PairFigures(
            behind=self._behind(peer, state),
            lacking=self._lacking(peer, state),
            theirs=dict(self._heads(peer, data_set_id) or {}),
            via=None if source == peer else source,
            parked=sum(len(stream.parked) for stream in state.streams.values() if stream.region == peer),
            stopped=self._sources.stopped.get((data_set_id, peer)),
            snapshot_required=any(one == data_set_id for one, _ in self._floors(peer)),
        )

    def _behind(self, peer: str, state: DataSetState) -> Behind:
        data_set_id = state.definition.id
        meter = self._lags.of_data_set(peer, data_set_id)
        heads = self._heads(peer, data_set_id)
        silent_s = None if heads is None else self._clock.monotonic() - self._pullers[peer].last_heard
        records = _missing(state, heads, peer) if heads is not None and self._is_heard(peer) else None
        lag_ms = None if records is None else self._lag_ms(peer, state, records)
        bytes_, exact = self._bytes_behind(peer, data_set_id) if records else (records, records == 0)
        everyone = [said for other in self._pullers if (said := self._heads(other, data_set_id)) is not None]
        complete_ms = meter.complete_ms
        return Behind(
            lag_ms=lag_ms,
            p50_ms=meter.percentile_ms(0.5),
            p99_ms=meter.percentile_ms(0.99),
            records=records,
            records_at_least=_missing(state, reduce(join, everyone, NO_CONTEXT), peer) if everyone else None,
            bytes=bytes_,
            bytes_exact=exact,
            last_lag_ms=self._last_lags_ms.get((peer, data_set_id)),
            known_ms_ago=None if silent_s is None else silent_s * 1000,
            complete_ms_ago=None if complete_ms is None else max(0.0, float(self._clock.now_ms() - complete_ms)),
        )

    def _is_heard(self, peer: str) -> bool:
        puller = self._pullers.get(peer)
        return (
            puller is not None
            and peer not in self._lost
            and self._clock.monotonic() - puller.last_heard <= SILENCE_MAX_S
        )

    def _lag_now_ms(self, peer: str, state: DataSetState) -> float | None:
        heads = self._heads(peer, state.definition.id) if self._is_heard(peer) else None
        return None if heads is None else self._lag_ms(peer, state, _missing(state, heads, peer))

    def _lag_ms(self, peer: str, state: DataSetState, missing: int) -> float | None:
        """The lag behind a peer that is heard; remembered, for the time when it is not."""
        meter = self._lags.of_data_set(peer, state.definition.id)
        lag_ms = meter.lag_ms(missing, self._clock.now_ms(), self._clock.monotonic())
        self._last_lags_ms[peer, state.definition.id] = lag_ms
        return lag_ms

    def _heads(self, peer: str, data_set_id: str) -> dict[Origin, int] | None:
        """What a peer has said to hold, in this connection or the last; None if it has said nothing."""
        puller = self._pullers.get(peer)
        return puller.offer.heads.get(data_set_id) if puller is not None and puller.offer is not None else None

    def _floors(self, peer: str) -> Iterable[tuple[str, Origin]]:
        puller = self._pullers.get(peer)
        return puller.offer.floors if puller is not None and puller.offer is not None else ()

    def _bytes_behind(self, peer: str, data_set_id: str) -> tuple[int | None, bool]:
        """As those who serve the peer's records to us have counted them."""
        connected = [puller for name, puller in self._pullers.items() if name not in self._lost]
        said = [volume for puller in connected if (volume := puller.bytes_behind(data_set_id, peer)) is not None]
        return (sum(bytes_ for bytes_, _ in said), all(exact for _, exact in said)) if said else (None, False)

    def _lacking(self, peer: str, state: DataSetState) -> Lacking:
        writes, bytes_, exact, oldest_ms = 0, 0, True, None
        known = True
        for stream in state.streams.values():
            if stream.region != self._store.region:
                continue
            after = self._acknowledged(peer, stream)
            missing = stream.writes_after(after)
            writes += missing
            window = self._windows.get((peer, stream.id))
            volume, counted = (window or LogWindow()).bytes(after, stream.committed)
            exact = exact and counted
            known = known and volume is not None
            bytes_ += volume or 0
            written_ms = self._written_ms(peer, stream, after) if missing else None
            if written_ms is not None:
                oldest_ms = max(oldest_ms or 0.0, float(self._clock.now_ms() - written_ms))
        return Lacking(writes, bytes_ if known else None, exact and known, oldest_ms)

    def _written_ms(self, peer: str, stream: Stream, after: int) -> int | None:
        """When the record after a sequence was written. Remembered, for a peer that is cut off asks again and again."""
        remembered = self._oldest.get((peer, stream.id))
        if remembered is not None and remembered[0] == after:
            return remembered[1]
        if after + 1 < stream.floor:
            return None
        records = self._reader.log(stream, after, 1, 1)
        if not records:
            return None
        record = decode_record(records[0])
        hlc = record.winner.hlc if isinstance(record, ConflictRecord) else record.hlc
        written_ms = hlc_milliseconds(hlc)
        self._oldest[(peer, stream.id)] = (after, written_ms)
        return written_ms

    # parts

    def _state(self, data_set_id: str) -> DataSetState | None:
        state = self._store.catalog.data_sets.get(data_set_id)
        return state if state is not None and state.declared and state.replicated else None

    def _states(self) -> list[DataSetState]:
        return [state for state in self._store.catalog.data_sets.values() if state.declared and state.replicated]

    def _acknowledged(self, peer: str, stream: Stream) -> int:
        return self._store.acknowledged.get(peer, {}).get(stream.id, 0)

    def _count(self, peer: str, stream: Stream) -> bool:
        """Count some of what the peer has not acknowledged of a stream; True once all of it is counted."""
        window = self._windows.setdefault((peer, stream.id), LogWindow())
        count = partial(self._reader.log_bytes, stream)
        return window.step(self._acknowledged(peer, stream), stream.committed, count)

    def _backlogs(self) -> Iterator[tuple[str, DataSetState, Stream]]:
        for state in self._states():
            for peer in state.definition.holders:
                for stream in state.streams.values():
                    if peer != self._store.region and stream.region == self._store.region:
                        yield peer, state, stream


def _missing(state: DataSetState, heads: Vector, region: str) -> int:
    """Records of a region that somebody holds and that are not here."""
    missing = 0
    for origin, held in heads.items():
        if origin[0] == region:
            stream = state.streams.get(origin)
            missing += max(0, held - (stream.committed if stream is not None else 0))
    return missing
