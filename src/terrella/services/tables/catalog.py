"""Which tables there are: a data set of the journal's that is never replicated, and the same in memory.

Keys: ``table`` + name holds a ``TableRecord``; ``generation`` + identity the last generation that was used, so that a
table that is deleted and made again is another data set; ``dropping`` + id a data set that is to be dropped, from
before its table's record goes until after the drop, so that a crash between the two leaves no data behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from terrella.journal import DataSet, Journal, Lane, Transaction, data_set_id
from terrella.kernel import AwsError, Clock, Ids, TerrellaError
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.table import Table, TableRecord
from terrella.services.tables.values import invalid

_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(TableRecord).decode

STACKLESS = "terrella:tables"


def _key(kind: str, *names: str) -> bytes:
    return "\0".join((kind, *names)).encode()


def _after(kind: str) -> tuple[bytes, bytes]:
    return f"{kind}\0".encode(), f"{kind}\1".encode()


class Catalog:
    """The tables of one region."""

    def __init__(self, journal: Journal, region: str, world: str, clock: Clock, ids: Ids) -> None:
        self._journal = journal
        self._region = region
        self._world = world
        self._clock = clock
        self._ids = ids
        self._tables: dict[str, Table] = {}
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

    def all(self) -> list[Table]:
        """Every table, by name."""
        return [self._tables[name] for name in sorted(self._tables)]

    async def create(self, definition: TableDefinition) -> Table:
        """A table of this region alone; raises ``AwsError`` ResourceInUseException."""

        def judge(transaction: Transaction) -> TableRecord:
            if transaction.get(self._data_set.id, _key("table", definition.name)) is not None:
                raise AwsError("ResourceInUseException", f"Table already exists: {definition.name}")
            generation = self._next_generation(transaction, STACKLESS, definition.name)
            identity = f"{definition.name} of {self._region}"
            record = TableRecord(
                definition=definition,
                data_set_id=data_set_id(self._world, STACKLESS, identity, generation),
                lane=Lane.LOCAL,
                members=(self._region,),
                table_id=self._ids.uuid(),
                created_ms=self._clock.now_ms(),
                generation=generation,
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
    ) -> Table:
        """The table of a stack's resource, made or brought up to date; see ``Tables.ensure_table``."""
        lane = lane if definition.replicas else Lane.LOCAL
        regions = tuple(sorted({*members, self._region})) if definition.replicas else (self._region,)

        def judge(transaction: Transaction) -> TableRecord:
            stored = transaction.get(self._data_set.id, _key("table", definition.name))
            if stored is not None and stored.value is not None:
                record = _updated(_decode_record(stored.value), definition, stack, logical_id, lane, regions)
            else:
                used = generation or self._next_generation(transaction, stack, logical_id)
                record = TableRecord(
                    definition=definition,
                    data_set_id=data_set_id(self._world, stack, logical_id, used),
                    lane=lane,
                    members=regions,
                    table_id=self._ids.uuid(),
                    created_ms=self._clock.now_ms(),
                    generation=used,
                    stack=stack,
                    logical_id=logical_id,
                )
            record = replace(record, lane=lane, every_s=every_s)
            self._put(transaction, record)
            return record

        return await self._declare(Table(await self._journal.write(judge)))

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
        """Forget a table and drop its data; raises ``AwsError`` ResourceNotFoundException."""

        def judge(transaction: Transaction) -> TableRecord:
            record = self._stored(transaction, name)
            transaction.delete(self._data_set.id, _key("table", name))
            transaction.put(self._data_set.id, _key("dropping", record.data_set_id), b"{}")
            return record

        record = await self._journal.write(judge)
        table = self._tables.pop(name, None) or Table(record)
        await self._drop(record.data_set_id)
        return table

    async def _drop(self, data_set: str) -> None:
        await self._journal.drop(data_set)
        await self._journal.write(lambda transaction: transaction.delete(self._data_set.id, _key("dropping", data_set)))

    async def _declare(self, table: Table) -> Table:
        record = table.record
        data_set = DataSet(record.data_set_id, table.name, Lane(record.lane), record.members, every_s=record.every_s)
        # An index that is new is filled before this returns; until then requests see the table as it was.
        await self._journal.declare(data_set, table.indexer(), table.index_fingerprints())
        self._tables[table.name] = table
        return table

    def _put(self, transaction: Transaction, record: TableRecord) -> None:
        transaction.put(self._data_set.id, _key("table", record.definition.name), _encode(record))

    def _stored(self, transaction: Transaction, name: str) -> TableRecord:
        stored = transaction.get(self._data_set.id, _key("table", name))
        if stored is None or stored.value is None:
            raise table_not_found(name)
        return _decode_record(stored.value)

    def _next_generation(self, transaction: Transaction, stack: str, logical_id: str) -> int:
        key = _key("generation", stack, logical_id)
        stored = transaction.get(self._data_set.id, key)
        generation = 1 if stored is None or stored.value is None else int(stored.value) + 1
        transaction.put(self._data_set.id, key, str(generation).encode())
        return generation

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
    if (lane is Lane.LOCAL) != (record.lane == Lane.LOCAL):
        raise TerrellaError(
            f"table {name} cannot turn from a table into a global table, or back, in place: give it another logical id"
        )
    return replace(record, definition=definition, members=members)


def check_deletable(table: Table) -> None:
    """Raises ``AwsError`` for a table that DeleteTable may not delete."""
    if table.definition.deletion_protection:
        raise invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    if table.definition.replicas:
        raise invalid(
            f"Table {table.name} has replicas in {', '.join(table.definition.replicas)}: a global table is deleted by "
            "removing it from its template"
        )
