"""ListTagsOfResource."""

from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.table import Table
from terrella.services.tables.values import invalid_parameters


def tagged_table(engine: Engine, params: dict[str, Any]) -> Table:
    """The table that a ResourceArn names; raises ``AwsError``."""
    arn = params["ResourceArn"]
    if not arn.startswith("arn:"):
        raise invalid_parameters(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    table = engine.catalog.find(engine.table_name(arn))
    if table is None:
        words = f"Requested resource not found: ResourcArn: {arn} not found"
        raise AwsError("ResourceNotFoundException", words)
    return table


async def list_tags_of_resource(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, ListTagsOfResource."""
    table = tagged_table(engine, params)
    return {"Tags": [{"Key": key, "Value": value} for key, value in table.definition.tags.items()]}
