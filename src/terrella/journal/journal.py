"""The journal of one region: what its services write to and read from."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import apsw

from terrella.journal.admission import StandingChange
from terrella.journal.applying import replaying
from terrella.journal.committer import Committer
from terrella.journal.errors import JournalError, StoreUnavailableError
from terrella.journal.expiry import STEP_ITEMS, expire_due
from terrella.journal.housekeeping import housekeeping
from terrella.journal.joining import begin_join, begin_leaving, end_leaving, giving_up, once
from terrella.journal.locking import FileLock
from terrella.journal.maintenance import declaring, dropping, resuming, stepwise
from terrella.journal.model import Change, Conflict, DataSet, Dot, Entry, IndexEntry, Indexer, Parked, Version
from terrella.journal.reading import Reader, latest_first
from terrella.journal.salvage import Failed, Salvaged, mark_failed, recover, recover_if_failed
from terrella.journal.schema import open_connection
from terrella.journal.status import JournalStatus, journal_status
from terrella.journal.store import LOG_BYTES_MAX, Store
from terrella.journal.takeover import begin_draining
from terrella.journal.transaction import JudgedElsewhere, Transaction
from terrella.kernel import SKEW_BOUND_MS, Clock, Ids

_log = logging.getLogger(__name__)
T = TypeVar("T")
HOUSEKEEPING_INTERVAL_S = 2.0


class Quorum(Protocol):
    """The lane ``sync``, as it runs beside the journal."""

    async def write(self, data_set_id: str, judge: Callable[[Transaction], T]) -> T:
        """See ``Journal.write``."""
        ...

    async def catch_up(self, data_set_id: str) -> None:
        """Return when all that was acknowledged anywhere before the call can be read here."""
        ...


class Journal:
    """One region's durable state in one SQLite file: data sets of items, and the log that other regions pull.

    Writes are acknowledged after an fsynced commit, shared by all that wait. Reads see what is committed.
    Every data set must be declared after each ``open`` before it is used.
    """

    def __init__(self, store: Store, committer: Committer, connections: list[apsw.Connection], lock: FileLock) -> None:
        self.store = store
        self.committer = committer
        self.reader = Reader(connections[1], store)
        self._connections = connections
        self._lock = lock
        self._listeners: list[Callable[[], None]] = []
        self._standing_listeners: list[Callable[[StandingChange], None]] = []
        self.quorum: Quorum | None = None
        self._closed = False
        self._housekeeper: asyncio.Task[None] | None = None
        self.salvaged: Salvaged | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        region: str,
        clock: Clock,
        ids: Ids,
        on_fatal: Callable[[BaseException], None] | None = None,
        *,
        housekeeping_interval_s: float = HOUSEKEEPING_INTERVAL_S,
        log_bytes_max: int = LOG_BYTES_MAX,
        tombstone_grace_ms: int = SKEW_BOUND_MS,
    ) -> "Journal":
        """Open or create the store at ``path``. ``on_fatal`` is told when the disk has failed: the process has to end.

        Every ``housekeeping_interval_s`` it acknowledges and drops what is due. ``log_bytes_max`` bounds the records
        that are kept for peers. Deletions are remembered for ``tombstone_grace_ms``: clocks may differ by that.

        A file that failed when it was last used, or that is damaged, is moved aside; what opens is a verified copy of
        it, or what could be saved (``salvaged`` says which). That takes as long as reading it, and nothing else goes on
        meanwhile: nobody is served before the store is open.

        Raises ``StoreInUseError`` if another process has it open, ``JournalError`` for a file of another version.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            salvaged = recover_if_failed(path)
            try:
                connections, store = _open_store(path, region, clock, ids)
            except Failed as error:
                mark_failed(path, str(error))
                salvaged = recover(path, str(error))
                connections, store = _open_store(path, region, clock, ids)
        except BaseException:
            lock.close()
            raise
        store.log_bytes_max = log_bytes_max
        store.tombstone_grace_ms = tombstone_grace_ms

        def fatal(error: BaseException) -> None:
            try:
                mark_failed(path, str(error))
            except OSError as unwritten:
                _log.error("the failed store could not be marked as such: %s", unwritten)
            (on_fatal or _log_fatal)(error)

        committer = Committer(store, connections[2], clock, fatal)
        journal = cls(store, committer, connections, lock)
        journal.salvaged = salvaged
        if salvaged is not None:
            _tell(path, salvaged)
        committer.on_commit = journal.changed
        try:
            await committer.step(stepwise(resuming))
        except JournalError:
            journal.abandon()  # whoever tries again finds the file free
            raise
        journal._housekeeper = asyncio.create_task(journal._keep_house(housekeeping_interval_s))
        journal._housekeeper.add_done_callback(_log_failure)
        return journal

    async def close(self) -> None:
        """Finish the writes under way, refuse new ones, and close the file. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._housekeeper is not None:
            self._housekeeper.cancel()
        await self.persist_acknowledgements()
        await self.committer.close()
        for connection in self._connections:
            connection.close()
        self._lock.close()

    def hold_full(self, full: bool) -> None:
        """Behave as if the disk were full, or no longer: reading goes on, writes raise ``StoreUnavailableError``."""
        self.committer.hold_full(full)

    def abandon(self) -> None:
        """Let go of the file as a crash does: what is not committed is gone, and nobody is told."""
        self._closed = True
        for connection in self._connections:
            connection.close()
        self._lock.close()

    # data sets

    async def declare(
        self,
        data_set: DataSet,
        indexer: Indexer | None = None,
        indexes: Mapping[str, str] | None = None,
        *,
        changes: bool = False,
    ) -> None:
        """Make a data set usable; idempotent, and needed after each ``open``.

        ``indexer`` says what the indexes hold of each item. ``indexes`` names them, each with a fingerprint of its
        definition: one that is new or whose fingerprint has changed is filled from the stored items before this returns
        (the others stay readable meanwhile), one that is missing is deleted. Without ``indexes`` nothing is filled or
        deleted. With ``changes`` each change of an item is noted from now on, for those who follow them.
        """
        await self.committer.step(stepwise(lambda store: declaring(store, data_set, indexer, indexes, changes=changes)))
        self.changed()

    async def set_members(
        self, data_set_id: str, epoch: int, members: Sequence[str], joining: Sequence[str] = ()
    ) -> None:
        """Take over who holds a data set, as it was decided in ``epoch``; an earlier decision changes nothing."""

        def step(store: Store) -> bool:
            store.set_members(store.catalog.declared(data_set_id), epoch, members, joining)
            return False

        await self.committer.step(step)
        self.changed()

    async def take_snapshot(self, data_set_id: str, source: str | None = None) -> None:
        """Give up what is stored here for a snapshot of ``source`` (None: of whichever member is there first).

        Returns when that is decided and durable. First others are given what only this region holds; until all is done,
        the region's own clients are refused (``DataSetJoiningError``).
        """
        await self.committer.slice(once(lambda s: begin_join(s, s.catalog.declared(data_set_id), source)))
        self.changed()

    async def drain(self, data_set_id: str, region: str) -> None:
        """Take over what a region that joins again wrote while it was evicted; told (``on_standing``) when all is.

        For exactly one member to do, as the control state decides.
        """
        await self.committer.slice(once(lambda s: begin_draining(s, s.catalog.declared(data_set_id), region)))
        self.changed()

    async def leave(self, data_set_id: str) -> None:
        """Take no more writes, and tell (``on_standing``) when the other holders have all that is here."""
        await self.committer.slice(once(lambda s: begin_leaving(s, s.catalog.declared(data_set_id))))
        self.changed()

    async def stay(self, data_set_id: str) -> None:
        """Take back ``leave``: writes are taken again."""
        await self.committer.slice(once(lambda s: end_leaving(s, s.catalog.declared(data_set_id))))
        self.changed()

    async def give_up(self, data_set_id: str) -> None:
        """Delete what is stored of a data set that others hold and this region does not; it may be joined again."""
        await self.committer.step(stepwise(lambda store: giving_up(data_set_id, store)))
        self.changed()

    def on_standing(self, listener: Callable[[StandingChange], None]) -> None:
        """Call ``listener`` when this region has joined a data set, recovered by a snapshot, or may leave it."""
        self._standing_listeners.append(listener)

    def standing_changed(self, change: StandingChange) -> None:
        """Tell the listeners."""
        for listener in self._standing_listeners:
            listener(change)

    async def drop(self, data_set_id: str) -> None:
        """Forget a data set and everything in it; a replicated one cannot be declared again under the same id."""
        await self.committer.step(stepwise(lambda store: dropping(store, data_set_id)))
        self.changed()

    # writing

    async def write(self, judge: Callable[[Transaction], T]) -> T:
        """Judge and write. ``judge`` runs on the loop against the state of the open batch and stages puts and deletes.

        Its result is delivered after the commit; if it raises, nothing of it is written, and the exception is delivered
        after the commit of the batch that it saw. Raises ``StoreUnavailableError`` (nothing was written) or
        ``OutcomeUnknownError``.

        In the lane ``sync``, ``judge`` may run several times, on committed state; what it staged is written if a
        majority takes it and nothing that it looked at has changed since (``WriteConflictError``, if another region
        was first). If it raises, or stages nothing, that is so of a state that no earlier write of any region misses.
        """
        try:
            result: T = await self.committer.judge(judge)
        except JudgedElsewhere as elsewhere:
            if self.quorum is None:
                raise StoreUnavailableError("the lane sync does not run in this region: nothing was written") from None
            return await self.quorum.write(elsewhere.data_set_id, judge)
        return result

    async def expire(self, data_set_id: str, index_name: str, since: bytes, now: bytes, limit: int = 1000) -> int:
        """End up to ``limit`` items whose entries in an index of moments lie between ``since`` and ``now``.

        Answers how many it has ended. Each goes only if it is still as the index has it when its turn comes.
        """
        ended = 0

        def step(store: Store) -> bool:
            nonlocal ended
            state = store.catalog.serving(data_set_id, writing=True)
            count = expire_due(store, state, index_name, since, now, min(STEP_ITEMS, limit - ended))
            ended += count
            return count == STEP_ITEMS and ended < limit

        await self.committer.step(step)
        return ended

    # reading

    async def catch_up(self, data_set_id: str) -> None:
        """In the lane ``sync``: wait until nothing is missing here that was acknowledged in any region before the call.

        Raises ``StoreUnavailableError`` if no majority can be reached.
        """
        if self.quorum is None:
            raise StoreUnavailableError("the lane sync does not run in this region")
        await self.quorum.catch_up(data_set_id)

    async def read_strong(self, data_set_id: str, key: bytes) -> Version | None:
        """The live item at a key of the lane ``sync``, which no write that was acknowledged anywhere misses.

        Raises ``StoreUnavailableError`` if no majority can be reached.
        """
        await self.catch_up(data_set_id)
        return self.read(data_set_id, key)

    def read(self, data_set_id: str, key: bytes) -> Version | None:
        """The committed live item at a key; None for an absent or deleted one."""
        return self.reader.get(self.store.catalog.serving(data_set_id, writing=False), key)

    def read_together(self, places: Sequence[tuple[str, bytes]]) -> list[Version | None]:
        """As ``read``, of several places (data set, key) as they are at one moment."""
        catalog = self.store.catalog
        return self.reader.get_together(
            [(catalog.serving(data_set_id, writing=False), key) for data_set_id, key in places]
        )

    def scan(
        self,
        data_set_id: str,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
        start_exclusive: bool = False,
        reverse: bool = False,
        limit: int,
    ) -> list[Entry]:
        """Up to ``limit`` live entries in key order, beginning at ``start`` (inclusive unless ``start_exclusive``).

        ``reverse`` walks down from ``start``, the high end. ``end`` is exclusive going up and inclusive going down: the
        range [low, high) is walked down with ``start=high, start_exclusive=True, end=low``.
        """
        state = self.store.catalog.serving(data_set_id, writing=False)
        return self.reader.scan(state, start, end, start_exclusive, reverse, limit)

    def scan_index(
        self,
        data_set_id: str,
        index_name: str,
        *,
        start: tuple[bytes, bytes] | None = None,
        end: tuple[bytes, bytes] | None = None,
        start_exclusive: bool = False,
        reverse: bool = False,
        limit: int,
    ) -> list[IndexEntry]:
        """As ``scan``, in the order of an index; bounds are ``(index_key, item_key)``. An unknown index is empty."""
        state = self.store.catalog.serving(data_set_id, writing=False)
        return self.reader.scan_index(state, index_name, start, end, start_exclusive, reverse, limit)

    def count(self, data_set_id: str) -> tuple[int, int]:
        """Live items, and bytes of their keys and values; kept up at write time."""
        state = self.store.catalog.declared(data_set_id)
        return state.committed_items, state.committed_bytes

    def digests(self, data_set_id: str) -> list[int] | None:
        """256 numbers by which two replicas that have applied the same find where they differ, see ``bucket_of``.

        Kept up as items are written. None for a while if they have to be built first, or too much waits to be dropped;
        and for what is this region's alone.
        """
        return self.reader.digests(self.store.catalog.declared(data_set_id))

    def digest(self, data_set_id: str) -> str:
        """A hash of everything in the data set: equal on two members if and only if they are equal byte for byte.

        Covers dots, times, the conflict log, and the tombstones that may not go yet. Reads all of it in one go: for
        verifying.
        """
        state = self.store.catalog.declared(data_set_id)
        return self.reader.digest(state)

    def conflicts(self, data_set_id: str | None = None, limit: int = 1000) -> list[Conflict]:
        """The conflict log, of one data set or of all that are declared: the latest winners first.

        Of data sets that were dropped, too: the writes of other regions that came afterwards.
        """
        data_sets = self.store.catalog.data_sets
        if data_set_id is not None and not (data_set_id in data_sets and data_sets[data_set_id].dropped):
            return self.reader.conflicts(self.store.catalog.declared(data_set_id), limit)
        states = [
            state
            for state in data_sets.values()
            if (state.declared or state.dropped) and data_set_id in (None, state.definition.id)
        ]
        return latest_first([conflict for state in states for conflict in self.reader.conflicts(state, limit)])[:limit]

    def parked(self, data_set_id: str | None = None, limit: int = 1000) -> list[Parked]:
        """The records that cannot be applied, of one data set or of all that are declared, each with the reason."""
        if data_set_id is not None:
            return self.reader.parked(self.store.catalog.declared(data_set_id), limit)
        states = [state for state in self.store.catalog.data_sets.values() if state.declared and state.parked]
        return [parked for state in states for parked in self.reader.parked(state, limit)][:limit]

    async def replay_parked(self, dots: Collection[Dot] | None = None) -> list[Dot]:
        """Try to apply parked records again, all or those named; answers which were. The others say why they were not.

        A dot is tried in every data set in which it is parked.
        """
        done: list[Dot] = []

        def begin(store: Store) -> Iterator[None]:
            for state in list(store.catalog.data_sets.values()):
                if state.declared and state.parked:
                    yield from replaying(store, state, dots, done)

        await self.committer.step(stepwise(begin))
        return done

    def changes(self, data_set_id: str, after_position: int, limit: int) -> list[Change]:
        """What commits here changed of a data set that was declared with ``changes``, in their order, for a day."""
        return self.reader.changes(self.store.catalog.declared(data_set_id), after_position, limit)

    def changes_span(self, data_set_id: str) -> tuple[int, int] | None:
        """The positions of the first and the last change that are still there; None if there is none."""
        return self.reader.changes_span(self.store.catalog.declared(data_set_id))

    def status(self) -> JournalStatus:
        """What is stored and applied, and what of it no other region has yet."""
        return journal_status(self.store, self.committer.unavailable)

    # housekeeping

    async def keep_house(self) -> None:
        """One round of housekeeping, now: acknowledge what tombstones wait for, drop those that may go."""
        await self.committer.step(stepwise(housekeeping))

    async def _keep_house(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.keep_house()
            except JournalError as error:
                _log.warning("housekeeping is put off: %s", error)

    # for the replicator

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit, and after data sets were declared or dropped."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener()

    async def persist_acknowledgements(self) -> None:
        """Write down what peers have acknowledged, if no batch has done so already."""
        if self.store.dirty_acknowledgements and self.committer.unavailable is None:
            await self.committer.step(_touch)


def _touch(store: Store) -> bool:
    store.dirty = True
    return False


def _open_store(path: Path, region: str, clock: Clock, ids: Ids) -> tuple[list[apsw.Connection], Store]:
    """Three connections (to write, to read, to checkpoint), and the store on the first."""
    connections: list[apsw.Connection] = []
    try:
        connections.extend(open_connection(path) for _ in range(3))
        return connections, Store(connections[0], region, clock, ids)
    except BaseException:
        for connection in connections:
            connection.close()
        raise


def _tell(path: Path, salvaged: Salvaged) -> None:
    if salvaged.sound:
        _log.error("%s had failed (%s); all of it could be copied", path, salvaged.reason)
        return
    _log.critical(
        "%s was damaged (%s) and is now %s; %d records that no other region has were saved",
        path,
        salvaged.reason,
        salvaged.quarantined.name,
        salvaged.records,
    )
    for lost in salvaged.lost:
        _log.critical("lost: %s", lost)


def _log_failure(housekeeper: "asyncio.Task[None]") -> None:
    if not housekeeper.cancelled() and (error := housekeeper.exception()) is not None:
        _log.critical("housekeeping has ended, logs and tombstones will grow: %r", error)


def _log_fatal(error: BaseException) -> None:
    _log.critical("the store failed; this process should end: %s", error)
