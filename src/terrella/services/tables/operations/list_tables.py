"""ListTables: names in order, a page at a time."""

from typing import Any

from terrella.services.tables.engine import Answer, Engine

PAGE_MAX = 100


async def list_tables(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, ListTables."""
    after, limit = params.get("ExclusiveStartTableName", ""), params.get("Limit", PAGE_MAX)
    names = [table.name for table in engine.catalog.all() if table.name > after]
    answer: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer
