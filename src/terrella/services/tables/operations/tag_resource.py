"""TagResource."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.list_tags_of_resource import tagged_table
from terrella.services.tables.values import invalid

TAGS_MAX = 50


async def tag_resource(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, TagResource."""
    table = tagged_table(engine, params)
    added = {tag["Key"]: tag["Value"] for tag in params["Tags"]}

    def tagged(definition: TableDefinition) -> TableDefinition:
        tags = definition.tags | added
        if len(tags) > TAGS_MAX:
            raise invalid(f"Too many tags: a table has at most {TAGS_MAX}")
        return replace(definition, tags=tags)

    await engine.catalog.update(table.name, tagged)
    return b""
