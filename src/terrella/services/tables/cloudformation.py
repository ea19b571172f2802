"""From a template's resolved properties to the fields of a definition.

CloudFormation writes numbers and booleans as text too.
"""

from collections.abc import Mapping
from typing import Any

from terrella.kernel import AwsError, TerrellaError
from terrella.services.tables.parts import PROVISIONED, ReplicaSettings
from terrella.services.tables.schema import fields_from_parameters

TABLE = "AWS::DynamoDB::Table"
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"

NOT_ACTING = {
    "StreamSpecification": "there is no stream of changes here yet",
    "KinesisStreamSpecification": "changes are not sent to Kinesis here",
    "SSESpecification": "what is stored is not encrypted here",
    "PointInTimeRecoverySpecification": "there are no backups here",
    "ContributorInsightsSpecification": "there are no contributor insights here",
    "OnDemandThroughput": "throughput is not limited here",
    "WarmThroughput": "throughput is not limited here",
    "ResourcePolicy": "policies are not enforced here",
    "WriteProvisionedThroughputSettings": "capacity is neither limited nor scaled here",
    "WriteOnDemandThroughputSettings": "throughput is not limited here",
    "ReadOnDemandThroughputSettings": "throughput is not limited here",
}
_REFUSED = {"ImportSourceSpecification": "tables are not filled from S3 here"}
_COPIED = ("AttributeDefinitions", "KeySchema", "BillingMode", "TableClass", "LocalSecondaryIndexes")


def fields_from_cloudformation(resource_type: str, properties: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """The fields of a ``TableDefinition``; raises ``TerrellaError``."""
    if resource_type not in (TABLE, GLOBAL_TABLE):
        raise TerrellaError(f"{resource_type} is not a DynamoDB table")
    given = _plain(properties)
    table = given.get("TableName") or name
    if not table:
        raise TerrellaError(f"{resource_type} has no TableName, and no physical name was given")
    for refused, why in _REFUSED.items():
        if refused in given:
            raise TerrellaError(f"table {table}: {refused} cannot be honoured: {why}")
    params = {"TableName": table} | {key: given[key] for key in _COPIED if key in given}
    params["AttributeDefinitions"] = params.get("AttributeDefinitions", [])
    params["DeletionProtectionEnabled"] = given.get("DeletionProtectionEnabled", False)
    if resource_type == TABLE:
        params["Tags"] = given.get("Tags", [])
    _add_throughput(params, given)
    try:
        fields = fields_from_parameters(params)
    except AwsError as error:
        raise TerrellaError(f"table {table}: {error.message}") from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise TerrellaError(
            f"table {table}: its properties are not shaped as {resource_type} wants: {error}"
        ) from error
    fields["replicas"] = _replicas(table, given) if resource_type == GLOBAL_TABLE else {}
    fields["consistency"] = given.get("MultiRegionConsistency", "EVENTUAL")
    fields["witness"] = _witness(table, given)
    fields["time_to_live"] = _time_to_live(table, given)
    fields["declared"] = {key: given[key] for key in NOT_ACTING if _means_something(given.get(key))}
    fields["not_acting"] = tuple(f"{key}: {NOT_ACTING[key]}" for key in fields["declared"])
    return fields


def _plain(value: Any) -> Any:
    """Texts that stand for numbers and booleans, as JSON's own, where a property wants one."""
    if isinstance(value, Mapping):
        return {key: _scalar(key, _plain(inner)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _scalar(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key.endswith("Enabled"):
        return value.lower() == "true"
    if key.endswith("CapacityUnits") and value.isdigit():
        return int(value)
    return value


def _means_something(declared: Any) -> bool:
    """``{"Enabled": false}`` declares nothing."""
    if not isinstance(declared, Mapping):
        return bool(declared)
    switches = [inner for key, inner in declared.items() if key.endswith("Enabled")]
    return bool(declared) and (not switches or any(switches))


def _add_throughput(params: dict[str, Any], given: Mapping[str, Any]) -> None:
    """A global table has no throughput of one number; it is scaled, so the least that it scales to is shown."""
    provisioned = given.get("BillingMode", PROVISIONED) == PROVISIONED
    if "GlobalSecondaryIndexes" in given:
        params["GlobalSecondaryIndexes"] = [dict(index) for index in given["GlobalSecondaryIndexes"]]
    if not provisioned:
        return
    params["ProvisionedThroughput"] = given.get("ProvisionedThroughput") or _least(given)
    for index in params.get("GlobalSecondaryIndexes", ()):
        index.setdefault("ProvisionedThroughput", _least(index))


def _least(given: Mapping[str, Any]) -> dict[str, int]:
    settings = given.get("WriteProvisionedThroughputSettings", {}).get("WriteCapacityAutoScalingSettings", {})
    return {"ReadCapacityUnits": 1, "WriteCapacityUnits": int(settings.get("MinCapacity", 1))}


def _witness(table: str, given: Mapping[str, Any]) -> str:
    witnesses = given.get("GlobalTableWitnesses") or []
    regions = [one.get("Region") for one in witnesses]
    if len(regions) > 1 or not all(regions):
        raise TerrellaError(f"table {table}: GlobalTableWitnesses has one Region at most; found {regions}")
    if regions and given.get("MultiRegionConsistency") != "STRONG":
        raise TerrellaError(f"table {table}: GlobalTableWitnesses needs MultiRegionConsistency STRONG")
    return str(regions[0]) if regions else ""


def _time_to_live(table: str, given: Mapping[str, Any]) -> str:
    specification = given.get("TimeToLiveSpecification") or {}
    if not specification.get("Enabled"):
        return ""
    attribute = specification.get("AttributeName")
    if not isinstance(attribute, str) or not attribute:
        raise TerrellaError(f"table {table}: TimeToLiveSpecification needs an AttributeName")
    return attribute


def _replicas(table: str, given: Mapping[str, Any]) -> dict[str, ReplicaSettings]:
    found: dict[str, ReplicaSettings] = {}
    for replica in given.get("Replicas", ()):
        region = replica.get("Region")
        if not region or region in found:
            raise TerrellaError(f"table {table}: each of Replicas has a Region of its own; found {region!r}")
        tags = {tag["Key"]: tag["Value"] for tag in replica.get("Tags", ())}
        found[region] = ReplicaSettings(tags, bool(replica.get("DeletionProtectionEnabled", False)))
    if not found:
        raise TerrellaError(f"table {table}: a global table has at least one of Replicas")
    return found
