"""A table as DescribeTable shows it. What is not true here (streams, encryption, backups) is left out."""

from typing import Any

from terrella.journal import DataSetDroppedError, UnknownDataSetError
from terrella.services.tables.definition import EVENTUAL, STRONG
from terrella.services.tables.engine import Engine
from terrella.services.tables.parts import ON_DEMAND, IndexDefinition, KeyAttributes, Throughput
from terrella.services.tables.ports import ReplicaGroup
from terrella.services.tables.replicas import Standing
from terrella.services.tables.table import Table

GLOBAL_TABLE_VERSION = "2019.11.21"


def describe_table(engine: Engine, table: Table, status: str = "") -> dict[str, Any]:
    """A ``TableDescription``; without ``status``, as the table stands here."""
    status = status or _status(engine, table)
    definition, record = table.definition, table.record
    arn = engine.table_arn(table.name)
    items, size_bytes = count(engine, table)
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
    replicas = describe_replicas(engine, table)
    if replicas:
        described |= {
            "GlobalTableVersion": GLOBAL_TABLE_VERSION,
            "MultiRegionConsistency": STRONG if table.strong else EVENTUAL,
            "Replicas": replicas,
        }
    if record.witness:
        described["GlobalTableWitnesses"] = [{"RegionName": record.witness, "WitnessStatus": "ACTIVE"}]
    return described


def describe_replicas(engine: Engine, table: Table) -> list[dict[str, str]]:
    """The other regions' replicas, as AWS lists them: the table's own region is not among them."""
    record, group = table.record, engine.replication.group(table.data_set_id)
    group = group or ReplicaGroup("", "", 0, record.members if record.replicated else ())
    members, joining, leaving = group.members, group.joining, group.leaving
    if engine.region not in (*members, *joining):
        return []
    order = list(table.definition.replicas)
    found: dict[str, str] = {name: "DELETING" if name in leaving else "ACTIVE" for name in members}
    found |= dict.fromkeys(joining, "CREATING")
    found.pop(engine.region, None)
    return [
        {"RegionName": name, "ReplicaStatus": found[name]}
        for name in sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name))
    ]


def _status(engine: Engine, table: Table) -> str:
    """A region that was thrown out of a table cannot say so in DynamoDB's words; the nearest are these."""
    standing = engine.catalog.standing(table)
    return "REPLICATION_NOT_AUTHORIZED" if standing is Standing.AWAY else standing.value


def describe_key(key: KeyAttributes) -> list[dict[str, str]]:
    """A ``KeySchema``."""
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(key.names, ("HASH", "RANGE"), strict=False)]


def count(engine: Engine, table: Table) -> tuple[int, int]:
    """Items, and the bytes that they take; none where the data is not held."""
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
