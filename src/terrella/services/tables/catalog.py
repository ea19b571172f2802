"""Which tables there are: a data set of the journal's that is never replicated, and the same in memory.

Keys: ``table`` + name holds a ``TableRecord``; ``generation`` + identity the last generation that was used, so that a
table that is deleted and made again is another data set; ``dropping`` + id a data set that is to be dropped, from
before its table's record goes until after the drop, so that a crash between the two leaves no data behind; ``leaving``
+ id a replica that this region gives up, so that one which has left is known from one which was thrown out.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from terrella.journal import DataSet, Journal, Lane, Transaction, data_set_id
from terrella.kernel import AwsError, Clock, Ids, TerrellaError
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.ports import Replication
from terrella.services.tables.replicas import (
    Standing,
    data_set_of,
    identity_of,
    read_replica_definition,
    refusal,
    standing_of,
)
from terrella.services.tables.strong import check_strong
from terrella.services.tables.table import Table, TableRecord

_log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(TableRecord).decode

STACKLESS = "terrella:tables"
_DROPPED, _GIVEN_UP = b"{}", b"given up"


def _key(kind: str, *names: str) -> bytes:
    return "\0".join((kind, *names)).encode()


def _after(kind: str) -> tuple[bytes, bytes]:
    return f"{kind}\0".encode(), f"{kind}\1".encode()


class Catalog:
    """The tables of one region."""

    def __init__(
        self, journal: Journal, region: str, world: str, clock: Clock, ids: Ids, replication: Replication
    ) -> None:
        self._journal = journal
        self._replication = replication
        self._region = region
        self._world = world
        self._clock = clock
        self._ids = ids
        self._tables: dict[str, Table] = {}
        self._serving: dict[str, Table] = {}
        self._declared: set[str] = set()
        self._data_set = DataSet(
            data_set_id(world, STACKLESS, f"catalog of {region}", 1), "tables", Lane.LOCAL, (region,)
        )

    async def start(self) -> None:
        """Read what there is, declare it to the journal, and finish drops that a crash cut short."""
        await self._journal.declare(self._data_set)
        for record in self._stored_records():
            await self._declare(Table(record))
        for data_set in self._stored_names("dropping"):
            await self._drop(data_set)

    def find(self, name: str) -> Table | None:
        """A table by name."""
        return self._tables.get(name)

    def serving(self, name: str) -> Table | None:
        """A table by name, if its items can be read and written here."""
        return self._serving.get(name)

    def refusal(self, name: str) -> AwsError:
        """Why items of a table that does not serve cannot be read or written here."""
        table = self._tables.get(name)
        if table is None:
            return AwsError("ResourceNotFoundException", "Requested resource not found")
        return refusal(name, self.standing(table), self._replication.group(table.data_set_id), self._region)

    def standing(self, table: Table) -> Standing:
        """What this region is to a table."""
        return standing_of(self._replication.group(table.data_set_id), self._region)

    def all(self) -> list[Table]:
        """Every table, by name."""
        return [self._tables[name] for name in sorted(self._tables)]

    async def create(self, definition: TableDefinition) -> Table:
        """A table of this region alone; raises ``AwsError`` ResourceInUseException."""

        def judge(transaction: Transaction) -> TableRecord:
            if transaction.get(self._data_set.id, _key("table", definition.name)) is not None:
                raise AwsError("ResourceInUseException", f"Table already exists: {definition.name}")
            generation = self._next_generation(transaction, STACKLESS, definition.name)
            called = f"{definition.name} of {self._region}"
            record = TableRecord(
                definition=definition,
                data_set_id=data_set_id(self._world, STACKLESS, called, generation),
                lane=Lane.LOCAL,
                members=(self._region,),
                table_id=self._ids.uuid(),
                created_ms=self._clock.now_ms(),
                generation=generation,
                called=identity_of(STACKLESS, called),
            )
            self._put(transaction, record)
            return record

        return await self._declare(Table(await self._journal.write(judge)))

    async def ensure(
        self,
        definition: TableDefinition,
        *,
        stack: str,
        logical_id: str,
        members: Sequence[str],
        generation: int | None,
        lane: Lane,
        every_s: float,
    ) -> str | None:
        """The table of a stack's resource, made or brought up to date; see ``Tables.ensure_table``.

        Answers its data set, if that is held by others and was not given to this region (yet).
        """
        lane = lane if definition.replicas else Lane.LOCAL
        check_strong(definition, lane)
        group = self._replication.group_called(identity_of(stack, logical_id)) if definition.replicas else None
        held = ""
        if group is not None and self._region not in group.holders:
            return group.data_set_id
        if group is not None and definition.name not in self._tables:
            told = read_replica_definition(group.definition)
            generation = told.generation if told is not None else generation
            held = group.data_set_id
        own = () if self._region == definition.witness else (self._region,)
        regions = tuple(sorted({*members, *own})) if definition.replicas else own

        def judge(transaction: Transaction) -> TableRecord:
            stored = transaction.get(self._data_set.id, _key("table", definition.name))
            if stored is not None and stored.value is not None:
                record = _updated(_decode_record(stored.value), definition, stack, logical_id, lane, regions)
            else:
                used = generation or self._next_generation(transaction, stack, logical_id)
                record = TableRecord(
                    definition=definition,
                    data_set_id=held or data_set_id(self._world, stack, logical_id, used),
                    lane=lane,
                    members=regions,
                    table_id=self._ids.uuid(),
                    created_ms=self._clock.now_ms(),
                    generation=used,
                    stack=stack,
                    logical_id=logical_id,
                )
                if used != self._last_generation(transaction, stack, logical_id):
                    transaction.put(self._data_set.id, _key("generation", stack, logical_id), str(used).encode())
            if definition.replicas:
                record = replace(record, lane=lane, every_s=every_s, witness=definition.witness)
            self._put(transaction, record)
            return record

        await self._declare(Table(await self._journal.write(judge)))
        return None

    def elsewhere(self, stack: str, logical_id: str) -> str | None:
        """The data set of a stack's table that other regions hold, and this one does not."""
        group = self._replication.group_called(identity_of(stack, logical_id))
        return group.data_set_id if group is not None and self._region not in group.holders else None

    async def adopt(self, data_set: str) -> None:
        """Make a table that another region has, and that this one is to hold as well.

        Raises ``TerrellaError`` if there is another of its name, or if nothing was told of it.
        """
        group = self._replication.group(data_set)
        told = read_replica_definition(group.definition) if group is not None else None
        if group is None or told is None:
            raise TerrellaError(f"nothing was told of the data set {data_set} that this region is to hold")

        def judge(transaction: Transaction) -> TableRecord:
            name = told.definition.name
            stored = transaction.get(self._data_set.id, _key("table", name))
            if stored is not None and stored.value is not None:
                raise TerrellaError(f"there is another table {name} in {self._region}")
            record = TableRecord(
                definition=told.definition,
                data_set_id=data_set,
                lane=told.lane,
                members=group.members,
                table_id=self._ids.uuid(),
                created_ms=self._clock.now_ms(),
                generation=told.generation,
                stack=told.stack,
                logical_id=told.logical_id,
                every_s=told.every_s,
                called=group.identity,
            )
            self._put(transaction, record)
            return record

        await self._declare(Table(await self._journal.write(judge)))

    async def make_global(self, name: str) -> Table:
        """Keep a log of a table from now on, so that other regions can hold it as well; raises ``AwsError``."""

        def judge(transaction: Transaction) -> TableRecord:
            record = self._stored(transaction, name)
            if not record.replicated:
                record = replace(record, lane=Lane.ASYNC, members=(self._region,))
                self._put(transaction, record)
            return record

        return await self._declare(Table(await self._journal.write(judge)))

    async def refresh(self) -> None:
        """Who holds what was decided anew: tell the journal, open and close tables, give up those that were left."""
        for table in self.all():
            group = self._replication.group(table.data_set_id)
            if group is None:
                continue
            standing = standing_of(group, self._region)
            if table.data_set_id in self._declared:
                await self._journal.set_members(table.data_set_id, group.epoch, group.members, group.joining)
                self._open_or_close(table)
            elif standing is not Standing.AWAY:
                await self._declare(table)
            if standing is Standing.DELETING:
                await self._mark_leaving(table.data_set_id)
            elif standing is Standing.AWAY and table.data_set_id in self._stored_names("leaving"):
                _log.info("the table %s has left %s: the others hold all of it", table.name, self._region)
                await self.remove(table.name)

    async def update(self, name: str, change: Callable[[TableDefinition], TableDefinition]) -> Table:
        """Another definition for a table that stays the same data set; raises ``AwsError``, also from ``change``.

        ``change`` is given the definition as it stands when its turn has come, so that no other change is lost.
        """

        def judge(transaction: Transaction) -> TableRecord:
            record = self._stored(transaction, name)
            record = replace(record, definition=change(record.definition))
            self._put(transaction, record)
            return record

        return await self._declare(Table(await self._journal.write(judge)))

    async def remove(self, name: str) -> Table:
        """Forget a table and drop its data; raises ``AwsError`` ResourceNotFoundException.

        A replica that others hold as well is only given up: one day it may be made here again.
        """
        group = self._replication.group(self._tables[name].data_set_id) if name in self._tables else None
        how = _GIVEN_UP if group is not None and self._region not in group.holders else _DROPPED

        def judge(transaction: Transaction) -> TableRecord:
            record = self._stored(transaction, name)
            transaction.delete(self._data_set.id, _key("table", name))
            transaction.delete(self._data_set.id, _key("leaving", record.data_set_id))
            transaction.put(self._data_set.id, _key("dropping", record.data_set_id), how)
            return record

        record = await self._journal.write(judge)
        table = self._tables.pop(name, None) or Table(record)
        self._serving.pop(name, None)
        self._declared.discard(record.data_set_id)
        await self._drop(record.data_set_id)
        return table

    async def _drop(self, data_set: str) -> None:
        marked = self._journal.read(self._data_set.id, _key("dropping", data_set))
        if marked is not None and marked.value == _GIVEN_UP:
            await self._journal.give_up(data_set)
        else:
            await self._journal.drop(data_set)
        await self._journal.write(lambda transaction: transaction.delete(self._data_set.id, _key("dropping", data_set)))

    async def _declare(self, table: Table) -> Table:
        group = self._replication.group(table.data_set_id)
        if table.record.witness == self._region:
            # It votes, and keeps the log: there is nothing of the table that one could read or write here.
            await self._journal.declare(data_set_of(table.record, group))
            return table
        if standing_of(group, self._region) is Standing.AWAY:
            self._tables[table.name] = table
            self._serving.pop(table.name, None)
            return table
        # An index that is new is filled before this returns; until then requests see the table as it was.
        data_set = data_set_of(table.record, group)
        await self._journal.declare(data_set, table.indexer(), table.index_fingerprints())
        self._declared.add(data_set.id)
        self._tables[table.name] = table
        self._open_or_close(table)
        return table

    def _open_or_close(self, table: Table) -> None:
        if self.standing(table) is Standing.ACTIVE:
            self._serving[table.name] = table
        else:
            self._serving.pop(table.name, None)

    async def _mark_leaving(self, data_set: str) -> None:
        key = _key("leaving", data_set)
        if self._journal.read(self._data_set.id, key) is None:
            await self._journal.write(lambda transaction: transaction.put(self._data_set.id, key, b"{}"))

    def _put(self, transaction: Transaction, record: TableRecord) -> None:
        transaction.put(self._data_set.id, _key("table", record.definition.name), _encode(record))

    def _stored(self, transaction: Transaction, name: str) -> TableRecord:
        stored = transaction.get(self._data_set.id, _key("table", name))
        if stored is None or stored.value is None:
            raise table_not_found(name)
        return _decode_record(stored.value)

    def _next_generation(self, transaction: Transaction, stack: str, logical_id: str) -> int:
        generation = self._last_generation(transaction, stack, logical_id) + 1
        transaction.put(self._data_set.id, _key("generation", stack, logical_id), str(generation).encode())
        return generation

    def _last_generation(self, transaction: Transaction, stack: str, logical_id: str) -> int:
        stored = transaction.get(self._data_set.id, _key("generation", stack, logical_id))
        return 0 if stored is None or stored.value is None else int(stored.value)

    def _stored_records(self) -> list[TableRecord]:
        start, end = _after("table")
        found = self._journal.scan(self._data_set.id, start=start, end=end, limit=100_000)
        return [_decode_record(entry.version.value) for entry in found if entry.version.value is not None]

    def _stored_names(self, kind: str) -> list[str]:
        start, end = _after(kind)
        found = self._journal.scan(self._data_set.id, start=start, end=end, limit=100_000)
        return [entry.key.decode().partition("\0")[2] for entry in found]


def table_not_found(name: str) -> AwsError:
    """As the operations on tables (not those on items) word it."""
    return AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def _updated(
    record: TableRecord,
    definition: TableDefinition,
    stack: str,
    logical_id: str,
    lane: Lane,
    members: tuple[str, ...],
) -> TableRecord:
    name, kept = definition.name, record.definition
    if (record.stack, record.logical_id) != (stack, logical_id):
        owner = f"stack {record.stack} ({record.logical_id})" if record.stack else "a CreateTable call"
        raise TerrellaError(f"table {name} already exists: {owner} made it, not {logical_id} of stack {stack}")
    types = [[each.attribute_types[name] for name in each.key.names] for each in (kept, definition)]
    if kept.key != definition.key or types[0] != types[1]:
        raise TerrellaError(
            f"table {name} cannot change its key schema in place: give it another TableName or logical id"
        )
    if kept.replicas or definition.replicas:
        record = replace(record, members=members)
    elif record.replicated:
        return replace(record, definition=definition)  # made a global table by UpdateTable, which its template allows
    if (lane is Lane.SYNC) != (record.lane == Lane.SYNC):
        raise TerrellaError(
            f"table {name} cannot change between eventual and strong consistency in place: give it another logical id"
        )
    if (lane is Lane.LOCAL) != (record.lane == Lane.LOCAL):
        raise TerrellaError(
            f"table {name} cannot turn from a table into a global table, or back, in place: give it another logical id"
        )
    return replace(record, definition=definition)
