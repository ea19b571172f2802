"""TagResource."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.list_tags_of_resource import tagged_table
from terrella.services.tables.values import invalid

TAGS_MAX = 50


async def tag_resource(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, TagResource."""
    table = tagged_table(engine, params)
    tags = table.definition.tags | {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    if len(tags) > TAGS_MAX:
        raise invalid(f"Too many tags: a table has at most {TAGS_MAX}")
    await engine.catalog.update(table.name, replace(table.definition, tags=tags))
    return b""
