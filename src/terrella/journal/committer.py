"""Group commit: the one writer. Work runs on the loop against an open batch; a thread waits for the disk.

Work that arrives while a commit is under way is gathered into the next batch. A batch takes work for about 2 ms, so
that the loop stays responsive; what an operation answers is delivered after the commit of the batch whose state it saw.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import apsw

from terrella.journal.errors import JournalError, OutcomeUnknownError, StoreClosedError, StoreUnavailableError
from terrella.journal.store import Store
from terrella.journal.transaction import Transaction
from terrella.kernel import Clock

_log = logging.getLogger(__name__)

SLICE_S = 0.002
# While longer work is waiting and no local write is, a batch takes in several slices, each a turn of the loop: so the
# disk is waited for once for all of them.
BATCH_S_MAX = 0.010
BATCH_OPERATIONS_MAX = 512
DISK_FULL_RETRY_S = 1.0
WAL_FRAMES_MAX = 4000  # 16 MB of WAL before a checkpoint is worth its flush


class Work(Protocol):
    """Something to do in a batch, in as many pieces as its time demands."""

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Do a piece; True when all is done. An exception ends the work and is its outcome."""
        ...

    def outcome(self) -> Any:
        """What the caller is given once the batch is committed."""
        ...


class Judged:
    """A local write: the judge decides on the state of the open batch, and what it staged is written at once."""

    __slots__ = ("_judge", "_result")

    def __init__(self, judge: Callable[[Transaction], Any]) -> None:
        self._judge = judge
        self._result: Any = None

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Judge, then write."""
        transaction = Transaction(store)
        self._result = self._judge(transaction)
        transaction.apply()
        return True

    def outcome(self) -> Any:
        """What the judge returned."""
        return self._result


class Sliced:
    """Longer work: a callable that is called until it answers False, within each batch's time."""

    __slots__ = ("_step",)

    def __init__(self, step: Callable[[Store], bool]) -> None:
        self._step = step

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Step until done or out of time; at least one step a batch."""
        while self._step(store):
            if out_of_time():
                return False
        return True

    def outcome(self) -> Any:
        """Nothing."""
        return None


# Work, and the future by which its caller waits for it.
_Queued = tuple[Work, "asyncio.Future[Any]"]


class Committer:
    """Drives the store: one batch after the other, for as long as there is work.

    ``on_commit`` is called after each commit that changed something, ``on_fatal`` once when the disk has failed: then
    the process has to end, because what is on the disk is unknown.
    """

    def __init__(
        self,
        store: Store,
        checkpointer: apsw.Connection,
        clock: Clock,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._checkpointer = checkpointer
        self._clock = clock
        self.on_commit: Callable[[], None] = _nothing
        self._on_fatal = on_fatal
        self._loop = asyncio.get_running_loop()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal-commit")
        self._background = ThreadPoolExecutor(1, thread_name_prefix="journal-checkpoint")
        self._operations: deque[_Queued] = deque()
        self._slices: deque[_Queued] = deque()
        self._batch: list[tuple[Work, asyncio.Future[Any], Exception | None]] = []
        self._busy = False
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: JournalError | None = None
        self._full_until = 0.0
        self._held_full = False
        self._checkpoint: asyncio.Future[None] | None = None
        self._restart_wal = False
        self.batches = 0
        self.operations = 0
        self._wal_frames = 0
        store.connection.set_wal_hook(self._note_wal)

    def judge(self, judge: Callable[[Transaction], Any]) -> "asyncio.Future[Any]":
        """Queue a local write."""
        return self._queue(self._operations, Judged(judge))

    def slice(self, work: Work) -> "asyncio.Future[Any]":
        """Queue longer work; such work is done in the order in which it came, beside the local writes of each batch."""
        return self._queue(self._slices, work)

    def step(self, step: Callable[[Store], bool]) -> "asyncio.Future[Any]":
        """Queue longer work that is a callable, called until it answers False."""
        return self._queue(self._slices, Sliced(step))

    def _queue(self, queue: deque[_Queued], work: Work) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = self._loop.create_future()
        refusal = self._refusal()
        if refusal is not None:
            future.set_exception(refusal)
            return future
        queue.append((work, future))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._gather)
        return future

    def hold_full(self, full: bool) -> None:
        """Refuse what comes as if the disk were full, or take it again; what is under way is done."""
        self._held_full = full
        self._full_until = math.inf if full else 0.0

    @property
    def unavailable(self) -> str | None:
        """Why nothing can be written at the moment; None if it can."""
        refusal = self._refusal()
        return None if refusal is None else str(refusal)

    async def close(self) -> None:
        """Finish what was queued; refuse what comes now."""
        self._closing = True
        await self._idle.wait()
        if self._checkpoint is not None:
            with contextlib.suppress(apsw.Error):
                await self._checkpoint
        self._disk.shutdown()
        self._background.shutdown()

    def _refusal(self) -> JournalError | None:
        if self._failure is not None:
            return self._failure
        if self._closing:
            return StoreClosedError("the journal is closed")
        if self._full_until and self._clock.monotonic() < self._full_until:
            return StoreUnavailableError("the disk is full: nothing can be written until there is room")
        return None

    def _note_wal(self, _connection: apsw.Connection, _name: str, frames: int) -> int:
        self._wal_frames = frames
        return apsw.SQLITE_OK

    def _gather(self) -> None:
        """Run waiting work against a new batch, then hand the batch to the disk."""
        if not self._operations and not self._slices:
            self._busy = False
            self._idle.set()
            return
        try:
            self._store.begin()
        except apsw.Error as error:
            self._failed(error)
            return
        self._fill(self._clock.monotonic() + BATCH_S_MAX)

    def _fill(self, deadline: float) -> None:
        """Run a turn's worth of work against the open batch; then another turn, or the batch is done."""
        store = self._store
        try:
            wrote = self._run_operations()
            self._run_slices()
            if self._slices and not wrote and self._clock.monotonic() < deadline:
                self._loop.call_soon(self._fill, deadline)
                return
            changed = store.dirty
            if changed:
                store.flush()
            else:
                store.rollback()
        except apsw.Error as error:
            self._failed(error)
            return
        if changed:
            self._loop.run_in_executor(self._disk, self._commit).add_done_callback(self._committed)
            return
        self._deliver()
        self._loop.call_soon(self._gather)

    def _run_operations(self) -> bool:
        """Run local writes; whether there were any."""
        out_of_time = self._timer()
        waiting = bool(self._operations)
        for count in range(min(len(self._operations), BATCH_OPERATIONS_MAX)):
            if not count & 7 and out_of_time():
                break
            queued = self._operations.popleft()
            if not queued[1].done():  # else its caller has gone
                self._run(queued, out_of_time)
        return waiting

    def _run_slices(self) -> None:
        out_of_time = self._timer()
        while self._slices and self._run(self._slices[0], out_of_time):
            self._slices.popleft()
            if out_of_time():
                break

    def _timer(self) -> Callable[[], bool]:
        monotonic = self._clock.monotonic
        deadline = monotonic() + SLICE_S
        return lambda: monotonic() >= deadline

    def _run(self, queued: _Queued, out_of_time: Callable[[], bool]) -> bool:
        """Run work; True when there is nothing left of it to do."""
        work, future = queued
        try:
            done = work.run(self._store, out_of_time)
        except apsw.Error:
            self._batch.append((work, future, None))  # it is told of the whole batch's failure
            raise
        except Exception as error:  # noqa: BLE001 - delivered to the caller, after the commit
            self._batch.append((work, future, error))
            return True
        if done:
            self._batch.append((work, future, None))
        return done

    def _commit(self) -> None:
        self._store.commit()
        if self._restart_wal:
            # Little is left to copy after the background checkpoint; when it is done the WAL begins anew. The commit
            # stands, whatever becomes of this: what could not be copied is in the WAL, and is tried again.
            self._restart_wal = False
            try:
                self._store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.Error as error:
                _log.warning("checkpoint failed: %s", error)

    def _committed(self, commit: "asyncio.Future[None]") -> None:
        error = commit.exception()
        if error is not None:
            self._failed(error)
            return
        self._full_until = math.inf if self._held_full else 0.0
        self._store.committed()
        self.batches += 1
        self.operations += len(self._batch)
        self._deliver()
        if self._wal_frames >= WAL_FRAMES_MAX and self._checkpoint is None and not self._restart_wal:
            self._checkpoint = self._loop.run_in_executor(self._background, self._copy_wal)
            self._checkpoint.add_done_callback(self._checkpointed)
        # The callers wake up before the next batch is gathered: what they ask for next can be part of it.
        self._loop.call_soon(self._gather)
        self.on_commit()

    def _copy_wal(self) -> None:
        self._checkpointer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _checkpointed(self, checkpoint: "asyncio.Future[None]") -> None:
        self._checkpoint = None
        error = checkpoint.exception()
        if error is None:
            self._restart_wal = True
        else:
            _log.warning("checkpoint failed: %s", error)

    def _deliver(self) -> None:
        for work, future, error in self._batch:
            if future.done():  # the caller has gone
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(work.outcome())
        self._batch.clear()

    def _failed(self, error: BaseException) -> None:
        """The batch is lost. A full disk passes; any other failure leaves unknown what is on the disk."""
        try:
            self._store.rollback()
        except apsw.Error as worse:
            # What is in memory may have nothing to do with the file any more: going on would spread that.
            error = worse
        outcome: JournalError
        if isinstance(error, apsw.FullError):
            _log.error("the disk is full; reading goes on, writing is tried again")
            outcome = StoreUnavailableError("the disk is full: nothing was written")
            self._full_until = math.inf if self._held_full else self._clock.monotonic() + DISK_FULL_RETRY_S
        else:
            _log.error("the store failed: %s", error)
            outcome = self._failure = OutcomeUnknownError(
                f"the store failed, and what is on the disk is unknown: {error}"
            )
        waiting = [future for _, future, _ in self._batch] + [
            future for _, future in (*self._operations, *self._slices)
        ]
        for future in waiting:
            if not future.done():
                future.set_exception(outcome)
        self._batch.clear()
        self._operations.clear()
        self._slices.clear()
        self._busy = False
        self._idle.set()
        if self._failure is not None:
            self._on_fatal(error)


def _nothing() -> None:
    """What is called after commits until someone wants to be told of them."""
