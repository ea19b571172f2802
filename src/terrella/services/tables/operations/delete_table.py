"""DeleteTable: a table of this region alone, with everything in it. A global table goes with its template."""

from typing import Any

from terrella.services.tables.catalog import check_deletable
from terrella.services.tables.describing import describe_table
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.describe_table import find_table


async def delete_table(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DeleteTable."""
    table = find_table(engine, params["TableName"])
    check_deletable(table)
    described = describe_table(engine, table, "DELETING")
    await engine.catalog.remove(table.name)
    return {"TableDescription": described}
