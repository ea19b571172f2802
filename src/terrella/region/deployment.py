"""Applying a stack to this region: what each resource becomes in which room, in one visible table."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from terrella.journal import DataSet, Lane, data_set_id
from terrella.kernel import Clock, TerrellaError
from terrella.region.configuration import RegionConfiguration
from terrella.services.functions import Functions, FunctionSpec
from terrella.services.gateway import Gateway, GatewayResource
from terrella.services.tables import TableDefinition, Tables
from terrella.stack import Instruction, Resource, Stack, plan

_log = logging.getLogger(__name__)

TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
FUNCTION = "AWS::Lambda::Function"
API_TYPES = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")
GATEWAY_PREFIXES = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::")
_FIRST_GENERATION = 1


@dataclass(frozen=True, slots=True)
class Deployed:
    """What an apply did, and how long it took (milliseconds)."""

    version: str
    changes: tuple[Instruction, ...]
    took_ms: float
    warnings: tuple[str, ...] = field(default=())


class Deployment:
    """This region's stack as it is in force; ``apply`` takes it to another one.

    What is wrong with a stack is found before anything is changed: every definition is read first, then tables, functions
    and APIs are changed in this order, so that nothing points at what is not there yet.
    """

    def __init__(
        self, configuration: RegionConfiguration, tables: Tables, functions: Functions, gateway: Gateway, clock: Clock
    ) -> None:
        self._configuration = configuration
        self._tables = tables
        self._functions = functions
        self._gateway = gateway
        self._clock = clock
        self.current: Stack | None = None
        self.last: Deployed | None = None

    @property
    def version(self) -> str:
        """The code version in force; empty before the first apply."""
        return self.current.version if self.current is not None else ""

    async def apply(self, stacks: Mapping[str, Stack]) -> Deployed:
        """Bring this region to its stack in ``stacks`` (all regions' stacks, by region). Raises ``TerrellaError``."""
        started_s = self._clock.monotonic()
        desired = stacks[self._configuration.region]
        changes = plan(self.current, desired)
        tables = self._wanted_tables(stacks)
        functions = [self._function_spec(desired, one) for one in desired.of_type(FUNCTION)]
        apis = [
            GatewayResource(one.type, one.physical_id, one.properties, one.logical_id)
            for one in desired.resources.values()
            if one.type.startswith(GATEWAY_PREFIXES)
        ]
        for definition, data_set in tables.values():
            await self._tables.ensure_table(definition, data_set)
        for spec in functions:
            await self._functions.ensure_function(spec)
        self._gateway.load(apis)
        await self._remove(changes)
        self.current = desired
        took_ms = (self._clock.monotonic() - started_s) * 1000
        self.last = Deployed(desired.version, tuple(changes), took_ms)
        return self.last

    def _wanted_tables(self, stacks: Mapping[str, Stack]) -> dict[str, tuple[TableDefinition, DataSet]]:
        """Tables that this region's stack makes, and replicas here of global tables that other regions' stacks make.

        Every region derives the same answer from the same template, so a replica exists before its maker is even up.
        """
        wanted: dict[str, tuple[TableDefinition, DataSet]] = {}
        made_by: dict[str, str] = {}
        for maker, stack in stacks.items():
            for resource in stack.of_type(*TABLE_TYPES):
                definition = TableDefinition.from_cloudformation(resource.type, resource.properties, resource.physical_id)
                if resource.type != GLOBAL_TABLE and maker != self._configuration.region:
                    continue
                members = self._members(maker, resource, definition)
                if self._configuration.region not in members:
                    continue
                if definition.name in made_by and GLOBAL_TABLE == resource.type:
                    raise TerrellaError(
                        f"the global table {definition.name} is made by the stacks of both {made_by[definition.name]} "
                        f"and {maker}; one region's stack makes it, by a Condition, and lists the replicas"
                    )
                made_by[definition.name] = maker
                wanted[definition.name] = (definition, self._data_set(maker, resource, definition, members))
        return wanted

    def _members(self, maker: str, resource: Resource, definition: TableDefinition) -> tuple[str, ...]:
        if resource.type != GLOBAL_TABLE:
            return (maker,)
        return tuple(sorted(name for name in definition.replica_regions if name in self._configuration.regions))

    def _data_set(
        self, maker: str, resource: Resource, definition: TableDefinition, members: tuple[str, ...]
    ) -> DataSet:
        """The stack's name is the same in all regions, so a local table's id names its region as well."""
        lane = Lane.ASYNC if len(members) > 1 else Lane.LOCAL
        stack = self._configuration.stack_name if lane is Lane.ASYNC else f"{self._configuration.stack_name}/{maker}"
        identity = data_set_id(self._configuration.world, stack, resource.logical_id, _FIRST_GENERATION)
        return DataSet(identity, definition.name, lane, members)

    def _function_spec(self, stack: Stack, resource: Resource) -> FunctionSpec:
        return FunctionSpec.from_cloudformation(
            resource.logical_id, self._configuration.stack_name, resource.properties, stack.code_path(resource.logical_id)
        )

    async def _remove(self, changes: list[Instruction]) -> None:
        for change in changes:
            if change.action != "delete":
                continue
            if change.type == FUNCTION:
                await self._functions.remove_function(change.physical_id)
            elif change.type in TABLE_TYPES:
                _log.warning(
                    "the template no longer has the table %s; it is kept, with its data, until it is deleted by hand",
                    change.physical_id,
                )

    def contribution(self) -> dict[str, Any]:
        """What this region's stack says of names and health, as others are told of it."""
        return contribution_of(self.current) if self.current is not None else {}


def contribution_of(stack: Stack) -> dict[str, Any]:
    """A stack's records, health checks and APIs as plain JSON values."""
    return {
        "version": stack.version,
        "resources": [
            {
                "logical_id": one.logical_id,
                "type": one.type,
                "physical_id": one.physical_id,
                "properties": one.properties,
            }
            for one in stack.resources.values()
            if one.type.startswith("AWS::Route53::")
        ],
        "apis": [one.physical_id for one in stack.resources.values() if one.type in API_TYPES],
    }
