"""UntagResource."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.list_tags_of_resource import tagged_table


async def untag_resource(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, UntagResource."""
    table = tagged_table(engine, params)
    tags = {key: value for key, value in table.definition.tags.items() if key not in params["TagKeys"]}
    await engine.catalog.update(table.name, replace(table.definition, tags=tags))
    return b""
