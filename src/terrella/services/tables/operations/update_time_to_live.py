"""UpdateTimeToLive: from now on items expire by an attribute, or no more; stored ones are indexed before the answer."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.describing import describe_replicas
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.describe_table import find_table
from terrella.services.tables.values import invalid


async def update_time_to_live(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, UpdateTimeToLive."""
    table = find_table(engine, params["TableName"])
    specification = params["TimeToLiveSpecification"]
    enabled, attribute = specification["Enabled"], specification["AttributeName"]
    replicas = describe_replicas(engine, table)
    if replicas:
        listed = ", ".join(one["RegionName"] for one in replicas)
        raise invalid(
            f"Table {table.name} has replicas in {listed} as well: its time to live is changed in its template"
        )

    def changed(definition: TableDefinition) -> TableDefinition:
        current = definition.time_to_live
        if not enabled and not current:
            raise invalid("TimeToLive is already disabled")
        if enabled and current == attribute:
            raise invalid("TimeToLive is already enabled")
        if current and current != attribute:
            raise invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {current}")
        return replace(definition, time_to_live=attribute if enabled else "")

    await engine.catalog.update(table.name, changed)
    return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}
