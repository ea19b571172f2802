"""DeleteTable: a table with everything in it. Of a global table this region's replica, once the others have it all."""

from typing import Any

from terrella.kernel import AwsError, TerrellaError
from terrella.services.tables.describing import describe_replicas, describe_table
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.describe_table import find_table
from terrella.services.tables.replicas import Standing
from terrella.services.tables.values import invalid


async def delete_table(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DeleteTable."""
    table = find_table(engine, params["TableName"], unfinished=True)
    standing = engine.catalog.standing(table)
    group = engine.replication.group(table.data_set_id)
    if standing is not Standing.DELETING and group is not None and group.changing:
        raise AwsError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table: {table.name} is being used.",
        )
    if table.definition.deletion_protection:
        raise invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    described = describe_table(engine, table, "DELETING")
    try:
        if standing is Standing.DELETING:
            pass  # it is under way: AWS answers no error
        elif describe_replicas(engine, table):
            await engine.replication.remove_replica(table.data_set_id, engine.region)
        else:
            await engine.replication.forget(table.data_set_id, engine.region)
            await engine.catalog.remove(table.name)
    except TerrellaError as error:
        raise AwsError("InternalServerError", str(error), 500) from error
    return {"TableDescription": described}
