"""DynamoDB tables."""

from terrella.stack.support.model import (
    ANY,
    BOOLEAN,
    TEXT,
    TEXTS,
    Kind,
    ResourceType,
    Verdict,
    each,
    honoured,
    inert,
    refused,
)

_CAPACITY = inert("capacity is not limited here")
_LATER = "not acting yet"
_KEY_SCHEMA = honoured(members={"AttributeName": TEXT, "KeyType": TEXT})
_PROJECTION = honoured(members={"ProjectionType": TEXT, "NonKeyAttributes": TEXTS})
_LOCAL_INDEX = {"IndexName": TEXT, "KeySchema": _KEY_SCHEMA, "Projection": _PROJECTION}
_GLOBAL_INDEX = _LOCAL_INDEX | {"WarmThroughput": _CAPACITY}

_REPLICATED_CAPACITY = (
    "WriteProvisionedThroughputSettings WriteOnDemandThroughputSettings"
    " ReadProvisionedThroughputSettings ReadOnDemandThroughputSettings"
)

_COMMON = {
    "TableName": TEXT,
    "AttributeDefinitions": honoured(members={"AttributeName": TEXT, "AttributeType": TEXT}),
    "KeySchema": _KEY_SCHEMA,
    "LocalSecondaryIndexes": honoured(members=_LOCAL_INDEX),
    "BillingMode": honoured(Kind.TEXT, note="reported; nothing is billed"),
    "StreamSpecification": inert(f"streams are {_LATER}"),
    "TimeToLiveSpecification": honoured(members={"AttributeName": TEXT, "Enabled": BOOLEAN}),
    "SSESpecification": inert("the store is not encrypted here"),
    "WarmThroughput": _CAPACITY,
    "VectorIndexes": refused("vector indexes are not built"),
}
_ATTRIBUTES = {
    "Arn": "arn:{partition}:dynamodb:{region}:{account}:table/{id}",
    "StreamArn": "arn:{partition}:dynamodb:{region}:{account}:table/{id}/stream/2024-01-01T00:00:00.000",
}
_IDENTITY = frozenset({"TableName", "KeySchema", "LocalSecondaryIndexes"})

TYPES = [
    ResourceType(
        "AWS::DynamoDB::Table",
        Verdict.HONOURED,
        named_by="TableName",
        attributes=_ATTRIBUTES,
        replaced_by=_IDENTITY,
        properties=_COMMON
        | {
            "GlobalSecondaryIndexes": honoured(
                members=_GLOBAL_INDEX
                | each("ProvisionedThroughput OnDemandThroughput", _CAPACITY)
                | {"ContributorInsightsSpecification": inert("nothing is metered here")}
            ),
            "ProvisionedThroughput": _CAPACITY,
            "OnDemandThroughput": _CAPACITY,
            "DeletionProtectionEnabled": BOOLEAN,
            "PointInTimeRecoverySpecification": inert("there are no backups here"),
            "ContributorInsightsSpecification": inert("nothing is metered here"),
            "TableClass": honoured(Kind.TEXT, note="reported; nothing is billed"),
            "ResourcePolicy": inert("access is not judged here"),
            "KinesisStreamSpecification": refused("there is no Kinesis here"),
            "ImportSourceSpecification": refused("there is no import from S3 here"),
            "Tags": ANY,
        },
    ),
    ResourceType(
        "AWS::DynamoDB::GlobalTable",
        Verdict.HONOURED,
        named_by="TableName",
        attributes=_ATTRIBUTES | {"TableId": "{uuid}"},
        replaced_by=_IDENTITY,
        properties=_COMMON
        | {
            "GlobalSecondaryIndexes": honoured(members=_GLOBAL_INDEX | each(_REPLICATED_CAPACITY, _CAPACITY)),
            "Replicas": honoured(
                members={
                    "Region": TEXT,
                    "DeletionProtectionEnabled": BOOLEAN,
                    "PointInTimeRecoverySpecification": inert("there are no backups here"),
                    "ContributorInsightsSpecification": inert("nothing is metered here"),
                    "TableClass": inert("nothing is billed here"),
                    "SSESpecification": inert("the store is not encrypted here"),
                    "ResourcePolicy": inert("access is not judged here"),
                    "ReplicaStreamSpecification": inert("access is not judged here"),
                    "GlobalSecondaryIndexes": _CAPACITY,
                    "ReadProvisionedThroughputSettings": _CAPACITY,
                    "ReadOnDemandThroughputSettings": _CAPACITY,
                    "KinesisStreamSpecification": refused("there is no Kinesis here"),
                    "GlobalTableSettingsReplicationMode": refused("not built yet"),
                    "DisassociationProtectionEnabled": inert("a replica leaves only with the template here"),
                    "Tags": ANY,
                }
            ),
            "MultiRegionConsistency": honoured(Kind.TEXT),
            "GlobalTableWitnesses": honoured(members={"Region": TEXT}),
            "GlobalTableSourceArn": refused("replicas are made by the table's own stack here"),
            "TableType": refused("not built"),
            **each(_REPLICATED_CAPACITY, _CAPACITY),
        },
    ),
]
