"""DescribeLimits: AWS's default quotas of an account. They are not enforced here."""

from typing import Any

from terrella.services.tables.engine import Answer, Engine


async def describe_limits(_engine: Engine, _params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DescribeLimits."""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }
