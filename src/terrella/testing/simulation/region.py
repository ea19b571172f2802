"""One region of a simulated world: a disk, a clock, and one process after the other that runs the real journal."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from terrella.journal import (
    Conflict,
    Dot,
    Journal,
    JournalError,
    Replicator,
    StandingChange,
    StoreUnavailableError,
    Transaction,
    UnknownDataSetError,
    Vector,
    Version,
)
from terrella.testing.ids import SeededIds
from terrella.testing.simulation.disk import Disk, Watch
from terrella.testing.simulation.history import Answer, History, Operation
from terrella.testing.simulation.loop import VirtualLoop
from terrella.testing.simulation.membership import Group, Membership
from terrella.testing.simulation.network import Network
from terrella.testing.simulation.plan import WORLD, Plan
from terrella.testing.simulation.schedule import RegionClock, Schedule, SimulatedCrash
from terrella.testing.simulation.schema import EXPIRY_INDEX, Schema

PORT = 4567
_SWEEP_S = 0.3

# What a client asks for in one write: keys and their new values, None to delete.
Wishes = list[tuple[str, bytes, bytes | None]]


class SimulatedRegion:
    """Up or down; what is committed is on its disk whatever happens."""

    def __init__(
        self,
        schedule: Schedule,
        network: Network,
        history: History,
        name: str,
        plan: Plan,
        clock: RegionClock,
        folder: Path,
        tell: Callable[[str], None],
        membership: Membership,
    ) -> None:
        self.membership = membership
        self.left: set[str] = set()
        self.name = name
        self.plan = plan
        self.peers = tuple(peer for peer in plan.regions if peer != name)
        self.clock = clock
        self.disk = Disk(folder)
        self.schemas: dict[str, Schema] = {}
        self.dropped: set[str] = set()
        self.slow_disk = False
        self.chokes = False
        self.life: Life | None = None
        self.on_death: Callable[[SimulatedRegion], None] = lambda _: None
        self.schedule = schedule
        self.network = network
        self.history = history
        self.tell = tell
        self.ids = SeededIds(schedule.random.getrandbits(32))

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self.life is not None

    def boot(self) -> None:
        """Start its process."""
        if self.life is None:
            self.life = Life(self)
            self.network.is_up(self.name, self.life.loop)

    def kill(self, *, silently: bool = False) -> None:
        """Everything that is not on the disk is gone at once."""
        life, self.life = self.life, None
        if life is not None:
            life.loop.kill()
            self.network.is_down(self.name, silently)
            # Not from inside the statement or callback in which it died.
            self.schedule.soon(self._bury, life)

    def _bury(self, life: "Life") -> None:
        life.bury()
        self.on_death(self)

    @property
    def store(self) -> Any:
        """The running store; only for tests and transcripts."""
        return self._journal().store

    # what transcripts and checkers ask

    def stored(self, data_set_id: str, key: bytes) -> Version | None:
        """What is stored at a key, a tombstone included."""
        journal = self._journal()
        return journal.reader.stored(journal.store.catalog.declared(data_set_id), key)

    def conflicts(self, data_set_id: str) -> list[Conflict]:
        """The conflict log."""
        return self._journal().conflicts(data_set_id)

    def vector(self, data_set_id: str) -> Vector | None:
        """What is applied and committed; None if that cannot be said."""
        if self.life is None or self.life.journal is None:
            return None
        state = self.life.journal.store.catalog.data_sets.get(data_set_id)
        if state is None or not state.declared or state.dropped or state.join is not None:
            return None
        return state.vector

    def _journal(self) -> Journal:
        journal = self.life.journal if self.life is not None else None
        assert journal is not None, f"{self.name} is down"
        return journal


class Life:
    """One process of a region, from its start to its crash.

    ``faults`` are asked before each piece of disk work and each statement of a batch; they break them.
    """

    def __init__(self, region: SimulatedRegion) -> None:
        self.region = region
        self.loop = VirtualLoop(region.schedule, self._disk_work, region.name)
        self.journal: Journal | None = None
        self.insisting = 0
        self.replicator: Replicator | None = None
        self.statements_until: int | None = None
        self.statement_fault: Callable[[], None] | None = None
        self.commit_fault: Callable[[], str] | None = None
        self._watch: Watch | None = None
        self._following = asyncio.Lock()
        self._drains: set[tuple[str, str, int]] = set()
        self.spawn_later(self._live)

    async def _live(self) -> None:
        try:
            await self._start()
        except (JournalError, OSError, apsw.Error) as error:
            if self.loop.alive:
                self.region.tell(f"{self.region.name}: cannot start: {error}")
                self.region.kill()

    async def _start(self) -> None:
        region = self.region
        journal = await Journal.open(
            region.disk.path,
            region.name,
            region.clock,
            region.ids,
            self._fatal,
            housekeeping_interval_s=region.plan.housekeeping_interval_s,
            log_bytes_max=region.plan.log_bytes_max,
            tombstone_grace_ms=region.plan.tombstone_grace_ms,
        )
        self.journal = journal
        for data_set_id in sorted(region.dropped):
            await self.drop(data_set_id)
        for schema in list(region.schemas.values()):
            await self.declare(schema)
        journal.on_standing(self._standing_changed)
        self.replicator = Replicator(
            journal,
            region.network.connector(region.name, self.loop),
            region.peers,
            PORT,
            region.clock,
            region.ids,
            world=WORLD,
        )
        await self.replicator.start(region.name)
        region.tell(f"{region.name}: up as {journal.store.incarnation[:4]}")
        if region.plan.expiring:
            self.spawn(self._expire(journal))

    # who holds what

    def _standing_changed(self, change: StandingChange) -> None:
        """The region has arrived somewhere, or may go: whoever decides is told, and again until it is decided."""
        region = self.region
        region.tell(f"{region.name}: has {change.event.value} {change.data_set_id[:6]}, epoch {change.epoch}")
        if not region.membership.told(region.name, change):
            self.loop.call_later(0.4, self._standing_changed, change)

    async def follow(self) -> None:
        """Act on what was decided last."""
        journal = self.journal
        if journal is None or self.replicator is None:
            return
        async with self._following:
            for group in list(self.region.membership.groups.values()):
                with suppress(StoreUnavailableError, UnknownDataSetError):
                    await self._follow(journal, group)

    async def _follow(self, journal: Journal, group: Group) -> None:
        region, data_set_id = self.region, group.definition.id
        state = journal.store.catalog.data_sets.get(data_set_id)
        if data_set_id in region.schemas and state is not None and state.declared:
            await journal.set_members(data_set_id, group.epoch, group.members, group.joining)
        elif region.name in group.holders and (
            region.name not in group.definition.members or data_set_id in region.left
        ):
            region.schemas[data_set_id] = schema = Schema(group.decided)
            await self.declare(schema)
        if region.name in group.leaving and state is not None and state.join is None:
            await journal.leave(data_set_id)
        if data_set_id in region.schemas and region.name not in (*group.holders, *group.evicted):
            region.tell(f"{region.name}: gives up {group.definition.name}")
            del region.schemas[data_set_id]
            region.left.add(data_set_id)
            await journal.give_up(data_set_id)
        for returner in group.joining:
            order = (data_set_id, returner, group.epoch)
            if group.sources.get(returner) == region.name and order not in self._drains:
                await journal.drain(data_set_id, returner)
                self._drains.add(order)

    async def _expire(self, journal: Journal) -> None:
        """End what its time to live has run out for, as a service does."""
        region = self.region
        while True:
            await asyncio.sleep(_SWEEP_S)
            for data_set_id in list(region.schemas):
                with suppress(JournalError):
                    await journal.expire(data_set_id, EXPIRY_INDEX, b"0", b"%015d" % region.clock.now_ms())

    async def replay_parked(self) -> None:
        """Try again what could not be applied."""
        journal = self.journal
        if journal is not None and journal.parked():
            await self._insist(journal.replay_parked, lambda: True)

    def bury(self) -> None:
        """The process is dead: nothing that it holds is of any use to it."""
        if self._watch is not None:
            self._watch.close()
        if self.journal is not None:
            self.journal.abandon()
        self.loop.bury()

    def _fatal(self, error: BaseException) -> None:
        self.region.tell(f"{self.region.name}: the store failed ({error}), the process ends")
        self.region.kill()

    # the disk

    def _disk_work(self, work: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        schedule = self.region.schedule
        slow_s = 0.2 if self.region.slow_disk else 0.004
        schedule.after(0.0003 + slow_s * schedule.random.random() ** 2, self._do, work, future, owner=self.loop)

    def _do(self, work: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        verdict = self.commit_fault() if self.commit_fault is not None else ""
        if verdict == "die before":
            self.region.kill()
            return
        error: Exception | None = None
        result = None
        if verdict == "fail before":
            error = apsw.IOError("simulated: nothing was committed")
        elif verdict == "full":
            error = apsw.FullError("simulated: no room")
        else:
            try:
                result = work()
            except Exception as failure:  # noqa: BLE001 - it is the outcome of the work
                error = failure
            self._observe()
            if verdict == "fail after":
                error = apsw.IOError("simulated: it was committed")
            elif verdict == "die after":
                self.region.kill()
                return
        self.region.schedule.after(0.0001, self._told, future, result, error, owner=self.loop)

    def _observe(self) -> None:
        region = self.region
        if not region.disk.exists:
            return  # the store has not been made yet
        if self._watch is None:
            self._watch = Watch(region.disk, region.name)
        region.history.committed(region.name, self._watch.news())
        region.history.moved.update((region.name, data_set_id) for data_set_id in self._watch.moving())

    @staticmethod
    def _told(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def break_statement(self, number: int, fault: Callable[[], None], *, reads: bool = True) -> None:
        """Call ``fault``, which raises, in the place of the writer's ``number``-th statement from now."""
        if self.journal is None:
            return
        left = number

        def trace(_cursor: Any, sql: str, _bindings: Any) -> bool:
            nonlocal left
            if reads or not sql.startswith(("select", "rollback")):
                left -= 1
            if left < 0:
                connection.exec_trace = None
                fault()
            return True

        connection = self.journal.store.connection
        connection.exec_trace = trace

    def die_in_statement(self) -> None:
        """A fault for ``break_statement``."""
        self.region.tell(f"{self.region.name}: dies between two statements")
        self.region.kill()
        raise SimulatedCrash

    # what is asked of it

    def spawn(self, coroutine: Any) -> None:
        """Run something in this process, for as long as it lives."""
        self.loop.create_task(coroutine)

    def spawn_later(self, begin: Callable[..., Any], *arguments: Any) -> None:
        """Run something in this process, in its own turn."""
        self.region.schedule.soon(lambda: self.spawn(begin(*arguments)), owner=self.loop)

    async def declare(self, schema: Schema) -> None:
        """Declare a data set, or change its indexes."""
        journal, region = self.journal, self.region
        if journal is not None:
            await self._insist(
                lambda: journal.declare(schema.definition, schema.entries, schema.indexes),
                lambda: region.schemas.get(schema.definition.id) is schema,
            )

    async def drop(self, data_set_id: str) -> None:
        """Forget a data set."""
        journal = self.journal
        if journal is not None:
            await self._insist(lambda: journal.drop(data_set_id), lambda: True)

    async def _insist(self, attempt: Callable[[], Coroutine[Any, Any, object]], wanted: Callable[[], bool]) -> None:
        """Try again while the disk is full."""
        while wanted():
            try:
                await attempt()
            except StoreUnavailableError:
                self.insisting += 1
                await asyncio.sleep(0.2)
                self.insisting -= 1
            except JournalError as error:
                self.region.tell(f"{self.region.name}: {error}")
                return
            else:
                return

    async def write(self, wishes: Wishes, expected: bytes | None = b"any") -> None:
        """A client's write of one or more items; on the condition that the first now has the value ``expected``."""
        journal, region = self.journal, self.region
        if journal is None:
            return
        operations: list[Operation] = []
        shown: list[Answer] = []

        def judge(transaction: Transaction) -> bool:
            catalog = journal.store.catalog
            for number, (data_set_id, key, value) in enumerate(wishes):
                state = catalog.declared(data_set_id)
                present = transaction.get(data_set_id, key)
                if present is not None:
                    shown.append(Answer(region.name, data_set_id, key, present))
                if not number and expected != b"any" and (present.value if present else None) != expected:
                    return False
                if value is None:
                    transaction.delete(data_set_id, key)
                else:
                    transaction.put(data_set_id, key, value)
                if value is not None or present is not None:
                    seen = {stream.origin: stream.applied for stream in state.streams.values()}
                    unseen = {
                        Dot(*stream.origin, sequence) for stream in state.streams.values() for sequence in stream.parked
                    }
                    operations.append(Operation(region.name, data_set_id, key, value, seen, unseen, operations))
            for operation in operations:
                region.history.judged(journal.store.incarnation, operation)
            return True

        try:
            await journal.write(judge)
        except StoreUnavailableError:
            for operation in operations:
                operation.failed = True
            return
        except JournalError as error:
            region.tell(f"{region.name}: {error}")
            return
        if not self.loop.alive:
            return
        region.history.answers += shown
        for operation in operations:
            operation.answered = True
            stored = region.stored(operation.data_set_id, operation.key)
            region.history.own_reads.append((operation, stored))

    def read(self, data_set_id: str, key: bytes) -> None:
        """A client's read."""
        if self.journal is None:
            return
        try:
            found = self.journal.read(data_set_id, key)
        except JournalError:
            return
        if found is not None:
            self.region.history.answers.append(Answer(self.region.name, data_set_id, key, found))
