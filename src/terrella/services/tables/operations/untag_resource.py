"""UntagResource."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.list_tags_of_resource import tagged_table


async def untag_resource(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, UntagResource."""
    table = tagged_table(engine, params)
    gone = frozenset(params["TagKeys"])

    def untagged(definition: TableDefinition) -> TableDefinition:
        return replace(definition, tags={key: value for key, value in definition.tags.items() if key not in gone})

    await engine.catalog.update(table.name, untagged)
    return b""
