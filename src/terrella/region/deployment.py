"""Applying a stack to this region: what each resource becomes in which room, in one visible table."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from terrella.journal import DataSet, Journal, Lane, data_set_id
from terrella.kernel import AwsError, Clock, TerrellaError
from terrella.region.configuration import LaneSettings, RegionConfiguration
from terrella.region.desk import contribution_of
from terrella.region.membership import ReplicaChange
from terrella.services.functions import Functions, FunctionSpec
from terrella.services.gateway import Gateway, GatewayResource
from terrella.services.tables import STRONG, TableDefinition, Tables
from terrella.stack import Action, Instruction, Resource, Stack, plan

_log = logging.getLogger(__name__)

TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
FUNCTION = "AWS::Lambda::Function"
GATEWAY_PREFIXES = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::")
_KEY = b"stacks"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What an apply did, how long it took (milliseconds), and which replicas are to come and go."""

    version: str
    changes: tuple[Instruction, ...]
    took_ms: float
    replicas: tuple[ReplicaChange, ...] = ()


@dataclass(frozen=True, slots=True)
class _WantedTable:
    definition: TableDefinition
    resource: Resource
    maker: str
    stack: str
    members: tuple[str, ...]
    lane: Lane = Lane.LOCAL
    every_s: float = 0.0


class Deployment:
    """This region's stack as it is in force; ``apply`` takes it to another one.

    What is wrong with a stack is found before anything is changed: every definition is read first, then tables,
    functions and APIs are changed in this order, so that nothing points at what is not there yet. ``regions`` answers
    those that hold what a new table's template gives them: the world's, without those that are leaving.
    """

    def __init__(
        self,
        configuration: RegionConfiguration,
        journal: Journal,
        tables: Tables,
        functions: Functions,
        gateway: Gateway,
        clock: Clock,
        regions: Callable[[], Collection[str]],
    ) -> None:
        self._configuration = configuration
        self._tables = tables
        self._functions = functions
        self._gateway = gateway
        self._clock = clock
        self._journal = journal
        region = configuration.region
        self._data_set = DataSet(data_set_id("", region, "deployment", 1), "deployment", Lane.LOCAL, (region,))
        self._regions = regions
        self.current: Stack | None = None
        self.stacks: dict[str, Stack] = {}
        self.waiting: dict[str, str] = {}
        """By data set, the name of each table that the template wants here and that other regions hold."""

    async def start(self) -> None:
        """Make what was deployed last readable."""
        await self._journal.declare(self._data_set)

    @property
    def version(self) -> str:
        """The code version in force; empty before the first apply."""
        return self.current.version if self.current is not None else ""

    def remembered(self) -> dict[str, Stack] | None:
        """The stacks of all regions as they were when this region applied last; None if it never did."""
        version = self._journal.read(self._data_set.id, _KEY)
        if version is None or version.value is None:
            return None
        try:
            return msgspec.json.decode(version.value, type=dict[str, Stack], dec_hook=lambda kind, value: kind(value))
        except msgspec.DecodeError:
            _log.warning("what was deployed last was written by another version of terrella: it is taken as unknown")
            return None

    async def apply(self, stacks: Mapping[str, Stack], *, resumed: bool = False) -> Deployed:
        """Bring this region to its stack in ``stacks`` (all regions' stacks, by region). Raises ``TerrellaError``.

        ``resumed`` says that they are what ``remembered`` answered: tables and functions are then in the journal.
        """
        started_s = self._clock.monotonic()
        desired = stacks[self._configuration.region]
        before = self.current or self._before_this_life(desired)
        changes = plan(before, desired)
        tables = self._wanted_tables(stacks)
        functions = [(one, self._function_spec(one)) for one in desired.of_type(FUNCTION)]
        apis = [
            GatewayResource(one.type, one.physical_id, one.properties, one.logical_id)
            for one in desired.resources.values()
            if one.type.startswith(GATEWAY_PREFIXES)
        ]
        self._gateway.check(apis)
        self.waiting.clear()
        for wanted in tables.values():
            if not resumed:
                await self._ensure_table(wanted)
            elif (elsewhere := self._tables.elsewhere(wanted.stack, wanted.resource.logical_id)) is not None:
                self.waiting[elsewhere] = wanted.definition.name
        for resource, spec in functions if not resumed else ():
            with self._located(resource):
                await self._functions.ensure_function(spec)
        self._gateway.load(apis)
        await self._remove(changes, {spec.name for _, spec in functions})
        self.current, self.stacks = desired, dict(stacks)
        await self._remember()
        replicas = tuple(self._replica_changes(before, tables)) if not resumed else ()
        return Deployed(desired.version, tuple(changes), (self._clock.monotonic() - started_s) * 1000, replicas)

    async def make_waiting(self) -> None:
        """Make the tables that were given to this region since they were first asked for."""
        waiting, self.waiting = set(self.waiting.values()), {}
        for wanted in self._wanted_tables(self.stacks).values():
            if wanted.definition.name in waiting:
                await self._ensure_table(wanted)

    async def _ensure_table(self, wanted: _WantedTable) -> None:
        with self._located(wanted.resource):
            data_set = await self._tables.ensure_table(
                wanted.definition,
                stack=wanted.stack,
                logical_id=wanted.resource.logical_id,
                members=wanted.members,
                lane=wanted.lane,
                every_s=wanted.every_s,
            )
        if data_set is not None:
            self.waiting[data_set] = wanted.definition.name

    def _replica_changes(self, before: Stack | None, tables: Mapping[str, _WantedTable]) -> Iterator[ReplicaChange]:
        """What this region's own stack changes in the Replicas of the global tables that it makes."""
        ids = {one.name: one.data_set_id for one in self._tables.replicated() if not one.strong}
        for name, wanted in tables.items():
            earlier = before.resources.get(wanted.resource.logical_id) if before is not None else None
            if wanted.maker != self._configuration.region or name not in ids or earlier is None:
                continue
            if earlier.type == GLOBAL_TABLE == wanted.resource.type:
                had = self._wanted_table(wanted.maker, earlier).definition.replicas.keys()
                has = wanted.definition.replicas.keys()
                yield from (ReplicaChange(ids[name], region) for region in sorted(has - had))
                yield from (ReplicaChange(ids[name], region, remove=True) for region in sorted(had - has))

    def _before_this_life(self, desired: Stack) -> Stack | None:
        """What the process before this one had deployed: what left the template meanwhile has to go."""
        before = (self.remembered() or {}).get(desired.region)
        return before if before is not None and before.name == desired.name else None

    @contextmanager
    def _located(self, resource: Resource) -> Iterator[None]:
        """What is wrong with a resource is told with the template's line."""
        try:
            yield
        except (TerrellaError, AwsError) as error:
            place = f"{self._configuration.template}:{resource.line}"
            raise TerrellaError(f"{place}: {resource.logical_id}: {error}") from error

    def _wanted_tables(self, stacks: Mapping[str, Stack]) -> dict[str, _WantedTable]:
        """Tables that this region's stack makes, and replicas here of global tables that other regions' stacks make.

        Every region derives the same answer from the same template, so a replica exists before its maker is even up.
        """
        wanted: dict[str, _WantedTable] = {}
        makers: dict[str, str] = {}
        for maker, stack in stacks.items():
            for resource in stack.of_type(*TABLE_TYPES):
                table = self._wanted_table(maker, resource)
                name = table.definition.name
                if self._configuration.region not in (*table.members, table.definition.witness):
                    continue
                if name in makers:
                    raise TerrellaError(
                        f"{self._configuration.template}:{resource.line}: "
                        f"the table {name} is made by the stacks of both {makers[name]} and {maker}; "
                        "one region's stack makes a global table, by a Condition, and lists the replicas"
                    )
                makers[name] = maker
                wanted[name] = table
        return wanted

    def _wanted_table(self, maker: str, resource: Resource) -> _WantedTable:
        """The stack's name is the same in all regions, so a table that is not global is told apart by its region."""
        with self._located(resource):
            definition = TableDefinition.from_cloudformation(resource.type, resource.properties, resource.physical_id)
        stack = self._configuration.stack_name
        if resource.type != GLOBAL_TABLE:
            return _WantedTable(definition, resource, maker, f"{stack}/{maker}", (maker,))
        members = tuple(name for name in self._regions() if name in definition.replicas)
        lanes = self._configuration.lanes
        chosen = lanes.get(resource.logical_id) or lanes.get(definition.name)
        settings = chosen or LaneSettings(Lane.ASYNC)
        if settings.mode == Lane.LOCAL:
            own = self._configuration.region
            members = (own,) if own in members else ()
        lane = Lane(settings.mode) if settings.mode in (Lane.BATCH, Lane.SYNC) else Lane.ASYNC
        if definition.consistency == STRONG:
            lane = self._strong_lane(resource, definition, chosen is not None and settings.mode != Lane.SYNC)
        return _WantedTable(definition, resource, maker, stack, members, lane, settings.every_s)

    def _strong_lane(self, resource: Resource, definition: TableDefinition, otherwise: bool) -> Lane:
        """The template's word stands: world.yaml cannot weaken it; and each region that it names has to be there."""
        with self._located(resource):
            if otherwise:
                raise TerrellaError(
                    f"world.yaml gives the table {definition.name} a lane, but its template wants "
                    "MultiRegionConsistency STRONG, which is the lane sync"
                )
            missing = [one for one in (*definition.replicas, definition.witness) if one and one not in self._regions()]
            if missing:
                raise TerrellaError(
                    f"table {definition.name} has MultiRegionConsistency STRONG: all of its regions take part in each "
                    f"write, and this world lacks {', '.join(missing)}"
                )
        return Lane.SYNC

    def _function_spec(self, resource: Resource) -> FunctionSpec:
        properties = {**resource.properties, "FunctionName": resource.physical_id}
        with self._located(resource):
            return FunctionSpec.from_cloudformation(
                resource.logical_id, self._configuration.stack_name, properties, resource.code_path
            )

    async def _remove(self, changes: list[Instruction], functions: set[str]) -> None:
        """What left the template, or goes on under another name; ``functions`` are the names that are in use now."""
        for change in changes:
            gone = change.before
            if change.action is Action.RETAIN or gone is None:
                continue
            if change.action is not Action.DELETE and gone.physical_id == change.resource.physical_id:
                continue
            if change.type == FUNCTION and gone.physical_id not in functions:
                await self._functions.remove_function(gone.physical_id)
            elif change.type in TABLE_TYPES:
                _log.warning(
                    "the template no longer has the table %s; it is kept, with its data, until it is deleted by hand",
                    gone.physical_id,
                )

    async def _remember(self) -> None:
        content = msgspec.json.encode(self.stacks, enc_hook=str)
        await self._journal.write(lambda transaction: transaction.put(self._data_set.id, _KEY, content))

    def contribution(self) -> dict[str, Any]:
        """What this region's stack says of names and health, as others are told of it."""
        return contribution_of(self.current) if self.current is not None else {}
