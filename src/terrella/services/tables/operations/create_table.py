"""CreateTable: a table of this region alone. It can be used at once; the answer says CREATING, as on AWS."""

from typing import Any

from terrella.services.tables.definition import TableDefinition
from terrella.services.tables.describing import describe_table
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.values import invalid

# What changes how the table behaves, and is not here yet; a false success would be found out too late.
_MISSING = {
    "ResourcePolicy": "resource policies",
    "GlobalTableSourceArn": "global tables by API (declare an AWS::DynamoDB::GlobalTable)",
    "VectorIndexes": "vector indexes",
}


def check_table_name(params: dict[str, Any]) -> None:
    """AWS asks for the name ahead of everything else; raises ``AwsError``."""
    if "TableName" not in params:
        raise invalid("The parameter 'TableName' is required but was not present in the request")


def refuse_streams(params: dict[str, Any]) -> None:
    """Raises ``AwsError`` if a stream is asked for."""
    if params.get("StreamSpecification", {}).get("StreamEnabled"):
        raise invalid("terrella does not implement DynamoDB Streams yet: StreamSpecification cannot be enabled")


async def create_table(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, CreateTable."""
    name = engine.table_name(params["TableName"], shortest=3)
    refuse_streams(params)
    for parameter, words in _MISSING.items():
        if parameter in params:
            raise invalid(f"terrella does not implement {words} yet: {parameter} cannot be honoured")
    definition = TableDefinition.from_parameters(params | {"TableName": name})
    table = await engine.catalog.create(definition)
    return {"TableDescription": describe_table(engine, table, "CREATING")}
