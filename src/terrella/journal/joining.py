"""The store's side of joining: from something, or nothing, to a snapshot of what a member has; resumable at any point.

Each step is work for one batch, and what it did is written down in the same transaction (``Join``). So wherever a
crash falls, what is durable is what was written down, and the next step follows from that alone.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from terrella.journal.acknowledging import acknowledge
from terrella.journal.applying import note_conflict
from terrella.journal.errors import JournalError, ProtocolError, RecordError
from terrella.journal.maintenance import sweep, throw_away_index
from terrella.journal.merging import drop_deleted, merge_or_park, set_cursor, take_cursors
from terrella.journal.model import NO_CONTEXT, PULLED, Origin, Vector
from terrella.journal.protocol import SnapshotChunk, SnapshotEnd, SnapshotStart, flatten, unflatten
from terrella.journal.pulling import Work
from terrella.journal.reading import Reader
from terrella.journal.records import ConflictRecord, decode_record
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK, pack_dots, unpack_dots
from terrella.journal.snapshot import Chunk, ConflictsBody, ItemRow, ItemsBody, version_in
from terrella.journal.standing import Join, Phase, Stage, Start, pack_start, unpack_start
from terrella.journal.state import DataSetState
from terrella.journal.store import Store

_ANY_BEHIND = "select 1 from items where data_set = ? and key >= ? limit 1"
_change = msgspec.structs.replace


# beginning


def is_pristine(state: DataSetState) -> bool:
    """Whether nothing was ever stored here."""
    return not state.items and not any(stream.applied for stream in state.streams.values())


def begin_join(store: Store, state: DataSetState, wanted_source: str | None = None) -> None:
    """A snapshot is to be taken: at once into what is empty, else once others hold what is here."""
    epoch = state.definition.epoch
    if state.join is not None and state.join.on_the_way_in and not state.join.merging:
        store.set_join(state, _change(state.join, wanted_source=wanted_source))
        return
    phase = Phase.COPYING if is_pristine(state) else Phase.DRAINING
    closed = store.region not in state.definition.members
    store.set_join(state, Join(phase, epoch, wanted_source, closed=closed))


def begin_anew(store: Store, state: DataSetState) -> None:
    """What was copied is of no use any more: for a while nobody kept for us what it lacks."""
    join = state.join
    assert join is not None
    renew = join.phase is Phase.JOINED
    required = join.required if join.epoch == state.definition.epoch else []
    epoch = state.definition.epoch
    kept = Join(Phase.DISCARDING, epoch, join.wanted_source, required=required, renew=renew, attempt=join.attempt)
    store.set_join(state, kept)


def begin_merging(store: Store, state: DataSetState, wanted_source: str | None) -> None:
    """A member lacks what no log has any more: it takes what another has besides what it has itself.

    Nothing has to go for it, and nobody has to be whole: each replica is the sum of the records that its vector covers,
    and of two sums with their vectors follows that of both (see ``merging.py``).
    """
    attempt = state.join.attempt if state.join is not None else 0
    _set_start(store, state, None)
    epoch = state.definition.epoch
    store.set_join(state, Join(Phase.COPYING, epoch, wanted_source, attempt=attempt + 1, merging=True))


def end_merging(store: Store, state: DataSetState) -> None:
    """It is broken off: what was taken in already is later than the vector says, as anything that comes twice is."""
    if state.join is not None and state.join.merging:
        store.set_join(state, None)


def missing_elsewhere(join: Join, own: Vector, theirs: Vector) -> Vector:
    """What is here and neither there nor taken over already."""
    drained = unflatten(join.drained)
    return {
        origin: sequence
        for origin, sequence in own.items()
        if sequence > max(theirs.get(origin, 0), drained.get(origin, 0))
    }


def begin_discarding(store: Store, state: DataSetState, theirs: Vector) -> bool:
    """Others hold it all: what is here may go. False if something came in meanwhile that they do not hold."""
    join = state.join
    own = {stream.origin: stream.applied for stream in state.streams.values() if stream.applied}
    if join is None or join.phase is not Phase.DRAINING or missing_elsewhere(join, own, theirs):
        return False
    # What was taken over by a member is in that member's own stream, and not to be had as it was here.
    required = {origin: sequence for origin, sequence in own.items() if sequence <= theirs.get(origin, 0)}
    required |= {origin: max(required.get(origin, 0), last) for origin, last in unflatten(join.required).items()}
    renew = state.own is not None and state.own.applied > theirs.get(state.own.origin, 0)
    store.set_join(state, _change(join, phase=Phase.DISCARDING, required=flatten(required), renew=renew))
    return True


def discarding(data_set_id: str, store: Store) -> Iterator[None]:
    """Delete items, conflicts, the log and the cursors; of this incarnation's own stream nothing, if it goes on."""
    state = store.catalog.declared(data_set_id)
    if state.join is None or state.join.phase is not Phase.DISCARDING:
        return
    for name, number in list(state.indexes.items()):
        yield from _emptying(store, state, name, number)
    yield from sweep(store, "items", "id", f"data_set = {state.number}")
    yield from sweep(store, "conflicts", "loser", f"data_set = {state.number}")
    yield from sweep(store, "parked", "dot", f"data_set = {state.number}")
    for stream in list(state.streams.values()):
        if stream is state.own and not state.join.renew:
            continue
        yield from sweep(store, "log", "dot", f"dot between {stream.dot(0)} and {stream.dot(SEQUENCE_MASK)}")
        store.count_log_bytes(stream, -stream.log_bytes)
        stream.parked.clear()
        set_cursor(store, stream, 0)
    if state.join.renew:
        store.renew_incarnation()
    state.conflicts = state.parked = 0
    store.reset_counts(state)
    _set_start(store, state, None)
    store.set_join(
        state, _change(state.join, phase=Phase.COPYING, stage=Stage.ITEMS, after=None, attempt=state.join.attempt + 1)
    )


def giving_up(data_set_id: str, store: Store) -> Iterator[None]:
    """Others hold it, and this region does no more: what is here goes, and may be taken in anew one day."""
    state = store.catalog.data_sets.get(data_set_id)
    if state is None or state.dropped:
        return
    state.declared = True  # what a crash has cut short is finished before anybody declares it
    if store.region in state.definition.holders:
        raise JournalError(f"data set {state.definition.name}: {store.region} holds it")
    store.set_join(state, Join(Phase.DISCARDING, state.definition.epoch, renew=True))
    yield
    yield from discarding(data_set_id, store)
    store.set_join(state, None)
    state.declared, state.indexer = False, None


def _emptying(store: Store, state: DataSetState, name: str, number: int) -> Iterator[None]:
    """An index begins anew under another number, with the fingerprint that it has; the old entries go."""
    fingerprint = store.execute("select fingerprint from indexes where number = ?", (number,)).get
    del state.indexes[name]
    entries = throw_away_index(store, number)
    again = store.index_number(state, name)
    store.execute("update indexes set fingerprint = ?, ready = 1 where number = ?", (fingerprint, again))
    yield from entries


# leaving


def begin_leaving(store: Store, state: DataSetState) -> None:
    """The region is to go: it takes no more writes from now on."""
    if state.join is not None:
        raise JournalError(f"data set {state.definition.name}: {store.region} is {state.join.phase.name.lower()}")
    store.set_join(state, Join(Phase.LEAVING, state.definition.epoch))


def end_leaving(store: Store, state: DataSetState) -> None:
    """The region stays."""
    if state.join is not None and state.join.phase in (Phase.LEAVING, Phase.LEFT):
        store.set_join(state, None)


# copying


def start_copying(store: Store, state: DataSetState, start: SnapshotStart, source: Origin) -> int:
    """Note where a snapshot starts. Another source, or the same one later: of all vectors the pointwise minimum.

    Answers the number of the attempt.
    """
    join = _copying(state)
    heads = {(head.region, head.incarnation): head for head in start.streams}
    own = state.own
    # What has gone from here has to come back.
    if own is not None and not join.merging and (own.origin not in heads or heads[own.origin].applied < own.applied):
        raise ProtocolError(f"{source[0]} lacks records of {own.region}, which nobody else could send it here again")
    hlc = start.hlc
    earlier = _start(store, state)
    if earlier is not None:
        hlc = max(hlc, earlier.hlc)
        before = {(head.region, head.incarnation): head for head in earlier.streams}
        heads = {
            origin: min(head, before[origin], key=lambda one: one.applied)
            for origin, head in heads.items()
            if origin in before
        }
    _set_start(store, state, Start(hlc, list(heads.values())))
    after = join.after if join.source == source or join.stage is Stage.ITEMS else None
    store.set_join(state, _change(join, source=source, after=after, attempt=join.attempt + 1))
    return join.attempt + 1


def _set_start(store: Store, state: DataSetState, start: Start | None) -> None:
    store.execute("update joins set start = ? where data_set = ?", (start and pack_start(start), state.number))


def _start(store: Store, state: DataSetState) -> Start | None:
    column: bytes | None = store.ask("select start from joins where data_set = ?", (state.number,))
    return None if column is None else unpack_start(column)


class StartWork:
    """The start of a snapshot, as work for the committer; what follows from the same source belongs to its attempt.

    ``covered`` is what the source had applied when it started.
    """

    __slots__ = ("_source", "_start", "attempt", "covered")

    def __init__(self, start: SnapshotStart, source: Origin) -> None:
        self._start = start
        self._source = source
        self.attempt = 0
        self.covered: Vector = {(head.region, head.incarnation): head.applied for head in start.streams}

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """In one piece."""
        del out_of_time
        state = store.catalog.declared(self._start.data_set_id)
        self.attempt = start_copying(store, state, self._start, self._source)
        return True

    def outcome(self) -> None:
        """Nothing but that it is durable."""

    def of(self, state: DataSetState) -> Join | None:
        """The join, if this attempt still goes on."""
        join = state.join
        going_on = join is not None and join.phase is Phase.COPYING and join.attempt == self.attempt
        return join if going_on else None


class ChunkWork:
    """A chunk of a snapshot, as work for the committer: what is in a batch is noted in the same batch."""

    __slots__ = ("_body", "_chunk", "_next", "_start")

    def __init__(self, start: StartWork, chunk: SnapshotChunk, body: ItemsBody | ConflictsBody) -> None:
        self._start = start
        self._chunk = chunk
        self._body = body
        self._next = 0

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Take in as much as fits in the time."""
        chunk = self._chunk
        state = store.catalog.declared(chunk.data_set_id)
        join = self._start.of(state)
        if join is None:
            return True
        if chunk.stage == Stage.CONFLICTS:
            if join.merging and join.stage is Stage.ITEMS:
                drop_deleted(store, state, self._start.covered, join.after, None)
            after = self._conflicts(store, state)
        elif chunk.after is not None and (join.after is None or join.after < chunk.after):
            raise ProtocolError(f"a chunk behind {chunk.after!r} where {join.after!r} is what is here of the snapshot")
        else:
            after = self._items(store, state, join, out_of_time)
        store.set_join(state, _change(join, stage=Stage(chunk.stage), after=after))
        return after >= chunk.through

    def outcome(self) -> None:
        """Nothing but that it is durable."""

    def _items(self, store: Store, state: DataSetState, join: Join, out_of_time: Callable[[], bool]) -> bytes:
        body = self._body
        assert isinstance(body, ItemsBody)
        after = join.after
        # What an earlier attempt had under way may have come in since this one asked.
        while after is not None and self._next < len(body.rows) and body.rows[self._next][0] <= after:
            self._next += 1
        if self._next == len(body.rows):
            return max(after or b"", self._chunk.through)
        passed = after
        unused = store.ask(_ANY_BEHIND, (state.number, body.rows[self._next][0])) is None
        try:
            streams = [store.stream(state, *origin) for origin in body.origins]
            while self._next < len(body.rows):
                key, value, origin, sequence, hlc, context, ended = body.rows[self._next]
                expires = None if ended is None else streams[ended[0]].dot(ended[1])
                dots = [streams[context[place]].dot(context[place + 1]) for place in range(0, len(context), 2)]
                if join.merging and (passed == after or not unused):  # else there is nothing in between
                    drop_deleted(store, state, self._start.covered, passed, key)
                passed = key
                known = not unused and store.lookup(state, key) is not None
                if join.merging and not known and sequence <= streams[origin].complete:
                    pass  # it was here, and is not: it was deleted, and the deletion was forgotten
                elif not known:
                    entries = store.index_changes(state, key, None, value)
                    row = (value, streams[origin].dot(sequence), hlc, pack_dots(dots) if dots else None, expires)
                    store.put_row(state, key, None, row, entries)
                else:
                    covered = self._start.covered if join.merging else NO_CONTEXT
                    merge_or_park(store, state, key, version_in(body, body.rows[self._next]), covered)
                self._next += 1
                if not self._next & 7 and out_of_time():
                    break
        except IndexError:
            raise ProtocolError("a chunk names an origin that it does not list") from None
        if self._next < len(body.rows):
            return body.rows[self._next - 1][0]
        if join.merging and self._chunk.through > body.rows[-1][0]:
            drop_deleted(store, state, self._start.covered, passed, self._chunk.through + b"\0")
        return self._chunk.through

    def _conflicts(self, store: Store, state: DataSetState) -> bytes:
        body = self._body
        assert isinstance(body, ConflictsBody)
        for data in body.records:
            record = decode_record(data)
            if not isinstance(record, ConflictRecord):
                raise RecordError("a snapshot has a record among its conflicts that is none")
            note_conflict(store, state, record, data)
        return self._chunk.through


def _replace_cursors(store: Store, state: DataSetState, start: Start) -> None:
    """What is here is what the source had applied; but for this region's own stream, which goes on."""
    for head in start.streams:
        stream = store.stream(state, head.region, head.incarnation)
        if stream is not state.own:
            if stream.floor <= stream.applied:
                store.trim(stream, stream.applied)  # it was this region's own when the others' were discarded
            stream.predecessor, stream.predecessor_last = head.predecessor, head.predecessor_last
            store.note_acknowledged(state, stream, unflatten(head.acknowledged))
            set_cursor(store, stream, head.applied)


def end_copying(store: Store, state: DataSetState, end: SnapshotEnd, started: StartWork) -> None:
    """All is durable: the start's vector becomes the cursors, and what the source has now is to be reached."""
    join = started.of(state)
    if join is None:
        return
    start = _start(store, state)
    if start is None:
        raise ProtocolError("a snapshot ended before it started")
    if not join.merging:
        _replace_cursors(store, state, start)
    else:
        if join.stage is Stage.ITEMS:
            drop_deleted(store, state, started.covered, join.after, None)
        take_cursors(store, state, start)
    # Later than whatever the source has dropped since; a clock that is wrong by more than the bound is followed too.
    store.hlc.tick(start.hlc)
    _set_start(store, state, None)
    store.set_join(state, _change(join, phase=Phase.CATCHING_UP, target=end.vector, stage=Stage.ITEMS, after=None))


def has_caught_up(state: DataSetState) -> bool:
    """Whether what was copied while it changed is a consistent state now; what no holder can send is not waited for."""
    join = state.join
    if join is None or join.phase is not Phase.CATCHING_UP:
        return False
    holders = state.definition.holders
    here = {stream.origin: stream.applied for stream in state.streams.values()}
    wanted = [*join.target, *join.required]
    return all(here.get((region, life), 0) >= sequence for region, life, sequence in wanted if region in holders)


def finish_join(store: Store, state: DataSetState) -> None:
    """The region may serve: at once if it is a member, else when it is made one.

    What it writes from now on has seen all that the source had applied, tombstones that are gone by now included.
    """
    assert state.join is not None
    acknowledge(store, state)
    joining = store.region in state.definition.joining
    store.set_join(state, _change(state.join, phase=Phase.JOINED) if joining else None)


def _copying(state: DataSetState) -> Join:
    if state.join is None or state.join.phase is not Phase.COPYING:
        raise JournalError(f"data set {state.definition.name} takes no snapshot at the moment")
    return state.join


# both sides, as the parts of a connection see them


class _Once:
    """Work in one piece."""

    __slots__ = ("_act", "_result")

    def __init__(self, act: Callable[[Store], object]) -> None:
        self._act = act
        self._result: object = None

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        del out_of_time
        self._result = self._act(store)
        return True

    def outcome(self) -> object:
        return self._result


def once(act: Callable[[Store], object]) -> Work:
    """Work in one piece; its outcome is what ``act`` returns."""
    return _Once(act)


class Stepwise:
    """Work that stops after each small step: a generator that is made when it begins."""

    __slots__ = ("_begin", "_steps")

    def __init__(self, begin: Callable[[Store], Iterator[None]]) -> None:
        self._begin = begin
        self._steps: Iterator[None] | None = None

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Step until done or out of time."""
        if self._steps is None:
            self._steps = self._begin(store)
        return all(not out_of_time() for _ in self._steps)

    def outcome(self) -> None:
        """Nothing but that it is durable."""


class StoreTarget:
    """The store into which snapshots are taken."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def copying(self) -> Mapping[str, Join]:
        """The data sets that wait for a snapshot, or are in the middle of one."""
        return {
            data_set_id: state.committed_join
            for data_set_id, state in self._store.catalog.data_sets.items()
            if state.committed_join is not None and state.committed_join.phase is Phase.COPYING and state.declared
        }

    def is_source(self, data_set_id: str, peer: str) -> bool:
        """Whether the peer is a member of the data set."""
        definition = self._store.catalog.declared(data_set_id).definition
        return peer in definition.members and self._store.region in definition.holders

    def starting(self, start: SnapshotStart, source: Origin) -> StartWork:
        """Note where a snapshot starts."""
        return StartWork(start, source)

    def applying(self, start: StartWork, chunk: SnapshotChunk, body: ItemsBody | ConflictsBody) -> Work:
        """Take in a chunk."""
        return ChunkWork(start, chunk, body)

    def ending(self, start: StartWork, end: SnapshotEnd) -> Work:
        """Make the vector of the start the cursors."""
        return once(lambda store: end_copying(store, store.catalog.declared(end.data_set_id), end, start))


class StoreSource:
    """The committed state that is copied to others."""

    def __init__(self, store: Store, reader: Reader, rows_max: int, bytes_max: int) -> None:
        self._store = store
        self._reader = reader
        self._rows_max = rows_max
        self._bytes_max = bytes_max

    def refusal(self, peer: str, data_set_id: str) -> str | None:
        """Why the peer may not have a snapshot from here; None if it may."""
        region = self._store.region
        state = self._store.catalog.data_sets.get(data_set_id)
        if state is None or not state.declared or state.dropped or state.definition.lane not in PULLED:
            return f"{region} has no such data set that is replicated"
        definition = state.definition
        join = state.join
        if join is not None and join.phase is Phase.DRAINING and join.closed and peer in definition.members:
            return None  # what is here is final, and a member takes over what nobody else has
        if region not in definition.members or (join is not None and join.on_the_way_in and not join.merging):
            return f"{region} is itself no member with a whole state"
        if peer not in definition.holders:
            return f"{peer} does not join, as far as {region} knows (epoch {definition.epoch})"
        return None

    def vector(self, data_set_id: str) -> Vector:
        """What is applied and committed."""
        return self._store.catalog.declared(data_set_id).vector

    def start(self, data_set_id: str) -> SnapshotStart:
        """What a snapshot that begins now starts with."""
        state = self._store.catalog.declared(data_set_id)
        heads = self._reader.stream_heads(state)
        return SnapshotStart(data_set_id, heads, self._store.hlc.last, state.definition.epoch)

    def chunk(self, data_set_id: str, stage: Stage, after: bytes | None) -> Chunk | None:
        """A chunk's worth of what is stored behind ``after``; None if there is nothing."""
        state = self._store.catalog.declared(data_set_id)
        if stage is Stage.CONFLICTS:
            behind = int.from_bytes(after, "big") if after else 0
            entries = self._reader.conflicts_after(state, behind, self._rows_max, self._bytes_max)
            if not entries:
                return None
            return Chunk(entries[-1][0].to_bytes(8, "big"), ConflictsBody([record for _, record in entries]))
        items = self._reader.items_after(state, after, self._rows_max, self._bytes_max)
        if not items:
            return None
        places: dict[int, int] = {}
        rows: list[ItemRow] = []
        for key, value, dot, hlc, context, expires in items:
            place = places.setdefault(dot >> SEQUENCE_BITS, len(places))
            seen: list[int] = []
            if context is not None:
                for known in unpack_dots(context):
                    seen += (places.setdefault(known >> SEQUENCE_BITS, len(places)), known & SEQUENCE_MASK)
            row: ItemRow = (key, value, place, dot & SEQUENCE_MASK, hlc, seen, None)
            if expires is not None:
                ended = places.setdefault(expires >> SEQUENCE_BITS, len(places))
                row = (*row[:6], (ended, expires & SEQUENCE_MASK))
            rows.append(row)
        streams = self._store.catalog.streams
        return Chunk(items[-1][0], ItemsBody([streams[stream].origin for stream in places], rows))
