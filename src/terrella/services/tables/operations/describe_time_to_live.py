"""DescribeTimeToLive: nothing expires here yet, so it is always disabled, whatever a template declares."""

from typing import Any

from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.describe_table import find_table


async def describe_time_to_live(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DescribeTimeToLive."""
    find_table(engine, params["TableName"])
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
