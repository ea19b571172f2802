"""DescribeTable."""

from typing import Any

from terrella.services.tables.catalog import table_not_found
from terrella.services.tables.describing import describe_table as describe
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.replicas import Standing
from terrella.services.tables.table import Table


def find_table(engine: Engine, given: str, *, unfinished: bool = False) -> Table:
    """A table by name or ARN, for operations on tables; raises ``AwsError``.

    A replica that is still being made is found only with ``unfinished``, as on AWS.
    """
    name = engine.table_name(given)
    table = engine.catalog.find(name)
    if table is None or (engine.catalog.standing(table) is Standing.CREATING and not unfinished):
        raise table_not_found(name)
    return table


async def describe_table(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DescribeTable."""
    return {"Table": describe(engine, find_table(engine, params["TableName"], unfinished=True))}
