"""DescribeTimeToLive: by which attribute items expire, if they do."""

from typing import Any

from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.describe_table import find_table


async def describe_time_to_live(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DescribeTimeToLive."""
    attribute = find_table(engine, params["TableName"]).definition.time_to_live
    if not attribute:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}}
