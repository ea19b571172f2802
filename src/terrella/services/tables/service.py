"""The door of the room: requests in, answers out; tables that stacks declare."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from terrella.journal import (
    DataSetDroppedError,
    DataSetStandingError,
    Journal,
    JournalError,
    Lane,
    StoreClosedError,
    StoreUnavailableError,
    UnknownDataSetError,
    WriteConflictError,
)
from terrella.kernel import AwsError, Clock, Ids
from terrella.services.tables.catalog import Catalog
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.describing import count
from terrella.services.tables.engine import Engine
from terrella.services.tables.operations import BEFORE_CONSTRAINTS, OPERATIONS
from terrella.services.tables.ports import Alone, Interference, Replication
from terrella.services.tables.replicas import replica_definition
from terrella.services.tables.requests import named_tables
from terrella.services.tables.strong import write_conflict
from terrella.services.tables.table import encode_item
from terrella.services.tables.time_to_live import Sweeper
from terrella.services.tables.tokens import Tokens
from terrella.services.tables.values import MalformedValueError
from terrella.wire.aws import JsonOperation, JsonRules, JsonService, decode_body, error_response, json_headers
from terrella.wire.http import Request, Response

_log = logging.getLogger(__name__)

_NAMESPACE = "com.amazonaws.dynamodb.v20120810"
_RULES = JsonRules(
    namespace=_NAMESPACE,
    trusted=frozenset(("AttributeValue",)),
    enum_order={
        "ReturnValue": ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"),
        "ReturnItemCollectionMetrics": ("SIZE", "NONE"),
        "ScalarAttributeType": ("B", "N", "S"),
        "Select": ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
    },
    before_constraints=BEFORE_CONSTRAINTS,
)


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A table for ``terrella status``.

    ``size_bytes`` of keys and items as stored; ``lane`` local, async or batch; ``standing`` ACTIVE, CREATING (joining),
    DELETING (leaving) or AWAY (held no more). ``members`` are the regions that hold it, of which ``leaving`` are on
    their way out; ``joining`` are on their way in. ``not_acting`` says what was declared and does nothing here.
    """

    name: str
    data_set_id: str
    items: int
    size_bytes: int
    lane: str
    standing: str
    members: tuple[str, ...]
    joining: tuple[str, ...]
    leaving: tuple[str, ...]
    not_acting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """A table as the regions speak of it; ``members`` are those that its template gives it.

    Those of a ``strong`` one (strongly consistent between its regions) do not change.
    """

    data_set_id: str
    name: str
    identity: str
    members: tuple[str, ...]
    standing: str
    strong: bool


class _RequestIds:
    """Ids in the form that DynamoDB gives them, 52 characters: drawn once, then counted, for a draw costs 5 µs."""

    def __init__(self, ids: Ids) -> None:
        self._start = ids.token(36).upper()
        self._count = 0

    def draw(self) -> str:
        self._count += 1
        return f"{self._start}{self._count:016X}"


class Tables:
    """DynamoDB in one region."""

    def __init__(
        self,
        journal: Journal,
        region: str,
        account: str,
        world: str,
        clock: Clock,
        ids: Ids,
        replication: Replication | None = None,
    ) -> None:
        replication = replication or Alone()
        self._replication = replication
        self._catalog = Catalog(journal, region, world, clock, ids, replication)
        self._tokens = Tokens(journal, region, world, clock)
        self._engine = Engine(journal, self._catalog, region, account, clock, ids, replication, self._tokens)
        self._service = JsonService("dynamodb", _RULES)
        self._request_ids = _RequestIds(ids)
        self._region = region
        self._account = account
        self.interference: Interference | None = None
        self.sweeper = Sweeper(journal, self._catalog, self._tokens, clock)

    async def start(self) -> None:
        """Make the tables that the catalog holds usable again, and let items expire from now on."""
        await self._catalog.start()
        await self._tokens.start()
        self.sweeper.start()

    async def stop(self) -> None:
        """Let items expire no more; to be called before the journal closes."""
        await self.sweeper.stop()

    async def handle(self, request: Request) -> Response:
        """Answer a request to DynamoDB's wire API."""
        request_id = self._request_ids.draw()
        if request.method != "POST":
            return self._without_operation(request, request_id)
        try:
            operation = self._service.operation(request.header("x-amz-target"))
            body = await self._answer(operation, request)
        except AwsError as error:
            return error_response(error, _NAMESPACE, request_id)
        except JournalError as error:
            return error_response(_journal_error(error), _NAMESPACE, request_id)
        return Response(200, json_headers(body, request_id), body)

    async def _answer(self, operation: JsonOperation | None, request: Request) -> bytes:
        if operation is None:
            raise AwsError("UnknownOperationException", "")
        run = OPERATIONS.get(operation.name)
        if run is None:
            words = f"terrella does not implement DynamoDB's {operation.name} yet"
            raise AwsError("UnknownOperationException", words)
        params = operation.read(request.body)
        if self.interference is not None:
            await self.interference(operation.name, named_tables(params))
        try:
            answer = await run(self._engine, params)
        except MalformedValueError:
            # The request has a value that is none. The slow walk says which; if it only cleans, the second try decides.
            answer = await run(self._engine, operation.explain(decode_body(request.body)))
        return answer if type(answer) is bytes else encode_item(answer)

    def _without_operation(self, request: Request, request_id: str) -> Response:
        if request.method == "GET" and request.path == "/":
            body = f"healthy: dynamodb.{self._region}.amazonaws.com ".encode()
            return Response(200, json_headers(body, request_id, "text/plain"), body)
        return error_response(AwsError("UnknownOperationException", "", 404), _NAMESPACE, request_id)

    # for stacks

    async def ensure_table(
        self,
        definition: TableDefinition,
        *,
        stack: str,
        logical_id: str,
        members: Sequence[str],
        generation: int | None = None,
        lane: Lane = Lane.ASYNC,
        every_s: float = 0.0,
    ) -> str | None:
        """Make the table of a stack's resource, or bring it up to date; idempotent.

        Answers None, or the data set that it waits for: other regions hold it, and this one does not (yet).

        ``members`` are the regions of the world that hold a global table (of another table: ignored). ``generation``
        tells a table that was removed and declared anew from its predecessor; left out, it is counted here.
        ``lane`` is how a global table is replicated, ``every_s`` the interval of the lane ``batch``. Raises
        ``TerrellaError`` for a change that cannot be made in place, or a name that is taken.
        """
        settings = definition.replicas.get(self._region)
        if settings is not None:
            definition = definition.for_replica(settings)
        return await self._catalog.ensure(
            definition,
            stack=stack,
            logical_id=logical_id,
            members=members,
            generation=generation,
            lane=lane,
            every_s=every_s,
        )

    def elsewhere(self, stack: str, logical_id: str) -> str | None:
        """The data set of a stack's table that other regions hold, and this one does not (yet)."""
        return self._catalog.elsewhere(stack, logical_id)

    async def remove_table(self, name: str) -> None:
        """Remove a stack's table from this region, with everything in it; without effect if there is none."""
        if self._catalog.find(name) is not None:
            await self._catalog.remove(name)

    # for the region: who holds what

    async def membership_changed(self) -> None:
        """Something was decided: open, close and give up tables accordingly."""
        await self._catalog.refresh()

    async def adopt(self, data_set_id: str) -> None:
        """Make a table that this region is to hold and whose template it lacks. Raises ``TerrellaError``."""
        await self._catalog.adopt(data_set_id)

    def told_definition(self, data_set_id: str) -> bytes:
        """What another region needs to make a table; empty for one that is not here."""
        table = next((one for one in self._catalog.all() if one.data_set_id == data_set_id), None)
        return replica_definition(table.record) if table is not None else b""

    def replicated(self) -> list[ReplicatedTable]:
        """The tables here that other regions may hold as well, by name."""
        return [
            ReplicatedTable(
                table.data_set_id,
                table.name,
                table.record.identity,
                table.record.members,
                self._catalog.standing(table),
                table.strong,
            )
            for table in self._catalog.all()
            if table.record.replicated
        ]

    def status(self) -> list[TableStatus]:
        """Every table, by name."""
        found = []
        for table in self._catalog.all():
            items, size_bytes = count(self._engine, table)
            record = table.record
            group = self._replication.group(table.data_set_id)
            found.append(
                TableStatus(
                    name=table.name,
                    data_set_id=record.data_set_id,
                    items=items,
                    size_bytes=size_bytes,
                    lane=record.lane,
                    standing=self._catalog.standing(table),
                    members=group.members if group is not None else record.members,
                    joining=group.joining if group is not None else (),
                    leaving=group.leaving if group is not None else (),
                    not_acting=table.definition.not_acting,
                )
            )
        return found


def _journal_error(error: JournalError) -> AwsError:
    if isinstance(error, DataSetDroppedError | UnknownDataSetError):  # deleted while the request was under way
        return AwsError("ResourceNotFoundException", "Requested resource not found")
    if isinstance(error, WriteConflictError):
        return write_conflict()
    if isinstance(error, StoreUnavailableError | StoreClosedError | DataSetStandingError):
        return AwsError("ServiceUnavailable", str(error), 503)
    _log.error("a request failed in the journal: %s", error)
    return AwsError("InternalServerError", str(error), 500)
