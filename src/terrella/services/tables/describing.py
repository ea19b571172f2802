"""A table as DescribeTable shows it. What is not true here (streams, encryption, backups) is left out."""

from typing import Any

from terrella.journal import DataSetDroppedError, UnknownDataSetError
from terrella.services.tables.engine import Engine
from terrella.services.tables.parts import ON_DEMAND, IndexDefinition, KeyAttributes, Throughput
from terrella.services.tables.table import Table

GLOBAL_TABLE_VERSION = "2019.11.21"


def describe_table(engine: Engine, table: Table, status: str = "ACTIVE") -> dict[str, Any]:
    """A ``TableDescription``."""
    definition, record = table.definition, table.record
    arn = engine.table_arn(table.name)
    items, size_bytes = _count(engine, table)
    created_s = record.created_ms / 1000
    described: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in definition.attribute_types.items()
        ],
        "TableName": table.name,
        "KeySchema": describe_key(definition.key),
        "TableStatus": status,
        "CreationDateTime": created_s,
        "ProvisionedThroughput": _throughput(definition.throughput),
        "TableSizeBytes": size_bytes,
        "ItemCount": items,
        "TableArn": arn,
        "TableId": record.table_id,
        "DeletionProtectionEnabled": definition.deletion_protection,
    }
    if definition.billing_mode == ON_DEMAND:
        described["BillingModeSummary"] = {
            "BillingMode": ON_DEMAND,
            "LastUpdateToPayPerRequestDateTime": created_s,
        }
    if definition.table_class:
        described["TableClassSummary"] = {"TableClass": definition.table_class}
    for kind, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        indexes = [_index(index, arn, status) for index in definition.indexes if index.local is local]
        if indexes:
            described[kind] = indexes
    if definition.replicas:
        described["GlobalTableVersion"] = GLOBAL_TABLE_VERSION
        described["Replicas"] = [
            {"RegionName": region, "ReplicaStatus": "ACTIVE"}
            for region in definition.replicas
            if region in record.members
        ]
    return described


def describe_key(key: KeyAttributes) -> list[dict[str, str]]:
    """A ``KeySchema``."""
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(key.names, ("HASH", "RANGE"), strict=False)]


def _count(engine: Engine, table: Table) -> tuple[int, int]:
    try:
        return engine.journal.count(table.data_set_id)
    except (UnknownDataSetError, DataSetDroppedError):  # it was deleted just now
        return 0, 0


def _throughput(throughput: Throughput) -> dict[str, Any]:
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": throughput.read_units,
        "WriteCapacityUnits": throughput.write_units,
    }


def _index(index: IndexDefinition, table_arn: str, status: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection.kind}
    if index.projection.attributes:
        projection["NonKeyAttributes"] = list(index.projection.attributes)
    described = {
        "IndexName": index.name,
        "KeySchema": describe_key(index.key),
        "Projection": projection,
        "IndexArn": f"{table_arn}/index/{index.name}",
    }
    if not index.local:
        described |= {"IndexStatus": status, "ProvisionedThroughput": _throughput(index.throughput)}
    return described
