"""DescribeContinuousBackups: there are no backups here, and that is what it says."""

from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.engine import Answer, Engine


async def describe_continuous_backups(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DescribeContinuousBackups."""
    name = engine.table_name(params["TableName"])
    if engine.catalog.find(name) is None:
        raise AwsError("TableNotFoundException", f"Table not found: {name}")
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "DISABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
    }
