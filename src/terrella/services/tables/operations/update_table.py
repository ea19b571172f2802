"""UpdateTable: billing, throughput, table class, deletion protection, replicas, and global indexes.

Indexes are filled before the answer.
"""

from dataclasses import replace
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.describing import describe_replicas, describe_table
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.create_table import refuse_streams
from terrella.services.tables.operations.describe_table import find_table
from terrella.services.tables.operations.replica_updates import in_use, update_replicas
from terrella.services.tables.parts import ON_DEMAND, PROVISIONED, IndexDefinition, Throughput
from terrella.services.tables.schema import (
    check_attributes_used,
    check_global,
    check_index_names,
    read_global_index,
    read_throughput,
)
from terrella.services.tables.table import Table
from terrella.services.tables.values import invalid, invalid_parameters

_DONE = (
    "ProvisionedThroughput",
    "BillingMode",
    "GlobalSecondaryIndexUpdates",
    "TableClass",
    "DeletionProtectionEnabled",
)
_IGNORED = ("TableName", "AttributeDefinitions", "StreamSpecification")


async def update_table(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, UpdateTable."""
    table = find_table(engine, params["TableName"])
    if "ReplicaUpdates" in params:
        return await update_replicas(engine, table, params)
    group = engine.replication.group(table.data_set_id)
    if group is not None and group.changing:
        raise in_use()
    refuse_streams(params)
    for parameter in params:
        if parameter not in _DONE and parameter not in _IGNORED:
            raise invalid(f"terrella does not implement UpdateTable's parameter {parameter} yet")
    if not any(parameter in params for parameter in _DONE):
        raise invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    if "GlobalSecondaryIndexUpdates" in params:
        _refuse_if_replicated(engine, table)

    def changed(definition: TableDefinition) -> TableDefinition:
        definition = _with_settings(definition, params)
        return _with_indexes(definition, params) if "GlobalSecondaryIndexUpdates" in params else definition

    updated = await engine.catalog.update(table.name, changed)
    return {"TableDescription": describe_table(engine, updated, "UPDATING")}


def _with_settings(definition: TableDefinition, params: dict[str, Any]) -> TableDefinition:
    mode = params.get("BillingMode", definition.billing_mode)
    given = params.get("ProvisionedThroughput")
    throughput = definition.throughput
    if mode == ON_DEMAND:
        if given:
            raise invalid_parameters(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        throughput = Throughput()
    elif given:
        throughput = read_throughput(given)
    elif definition.billing_mode != PROVISIONED:
        raise invalid_parameters("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
    return replace(
        definition,
        billing_mode=mode,
        throughput=throughput,
        table_class=params.get("TableClass", definition.table_class),
        deletion_protection=params.get("DeletionProtectionEnabled", definition.deletion_protection),
    )


def _refuse_if_replicated(engine: Engine, table: Table) -> None:
    replicas = describe_replicas(engine, table)
    if replicas:
        listed = ", ".join(one["RegionName"] for one in replicas)
        raise invalid(f"Table {table.name} has replicas in {listed} as well: its indexes are changed in its template")


def _with_indexes(definition: TableDefinition, params: dict[str, Any]) -> TableDefinition:
    types = dict(definition.attribute_types)
    types |= {each["AttributeName"]: each["AttributeType"] for each in params.get("AttributeDefinitions", ())}
    indexes = {index.name: index for index in definition.indexes}
    touched: set[str] = set()
    for update in params["GlobalSecondaryIndexUpdates"]:
        if len(update) != 1:
            raise invalid_parameters(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        ((action, given),) = update.items()
        name = given["IndexName"]
        if name in touched:
            raise invalid_parameters(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        touched.add(name)
        _apply(action, given, definition, indexes, types)
    kept = tuple(indexes.values())
    used = {name for each in (definition.key, *(index.key for index in kept)) for name in each.names}
    if "AttributeDefinitions" in params:
        check_attributes_used(
            {name: kind for name, kind in types.items() if name in used or name not in definition.attribute_types},
            definition.key,
            kept,
        )
    check_global([index for index in kept if not index.local], declared=False)
    check_index_names(list(kept))
    return replace(
        definition, indexes=kept, attribute_types={name: kind for name, kind in types.items() if name in used}
    )


def _apply(
    action: str,
    given: dict[str, Any],
    definition: TableDefinition,
    indexes: dict[str, IndexDefinition],
    types: dict[str, str],
) -> None:
    name = given["IndexName"]
    existing = indexes.get(name)
    if action == "Create":
        if existing is not None:
            raise invalid(f"Attempting to create an index which already exists: {name}")
        indexes[name] = read_global_index(given, types, definition.billing_mode)
        return
    if existing is None or existing.local:
        raise AwsError("ResourceNotFoundException", f"Requested resource not found: Index: {name} not found")
    if action == "Delete":
        del indexes[name]
    elif "ProvisionedThroughput" in given:
        indexes[name] = replace(existing, throughput=read_throughput(given["ProvisionedThroughput"]))
