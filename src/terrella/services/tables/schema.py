"""From the parameters of CreateTable to the fields of a definition, with AWS's complaints in AWS's order."""

from collections.abc import Iterable, Mapping
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.parts import (
    NO_THROUGHPUT,
    ON_DEMAND,
    PROVISIONED,
    IndexDefinition,
    KeyAttributes,
    Projection,
    Throughput,
)
from terrella.services.tables.values import invalid, invalid_parameters

GLOBAL_INDEXES_MAX = 20
LOCAL_INDEXES_MAX = 5
PROJECTED_ATTRIBUTES_MAX = 100
UNITS_MAX = 1_000_000_000_000


def fields_from_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateTable's parameters (or a template's, in the same shape) declare, as fields of a ``TableDefinition``.

    Raises ``AwsError``.
    """
    billing_mode = params.get("BillingMode", PROVISIONED)
    throughput = _read_table_throughput(params, billing_mode)
    types = {each["AttributeName"]: each["AttributeType"] for each in params.get("AttributeDefinitions", ())}
    if "KeySchema" not in params:
        raise _missing("keySchema")
    if "AttributeDefinitions" not in params:
        raise _missing("attributeDefinitions")
    key = read_key(params["KeySchema"], types, listed=len(params["AttributeDefinitions"]))
    local = [_read_index(each, types, True, billing_mode) for each in params.get("LocalSecondaryIndexes", ())]
    glob = [_read_index(each, types, False, billing_mode) for each in params.get("GlobalSecondaryIndexes", ())]
    _check_local(params, key, local)
    check_global(glob, declared="GlobalSecondaryIndexes" in params)
    check_index_names([*local, *glob])
    check_attributes_used(types, key, [*local, *glob])
    return {
        "name": params["TableName"],
        "attribute_types": types,
        "key": key,
        "indexes": (*local, *glob),
        "billing_mode": billing_mode,
        "throughput": throughput,
        "table_class": params.get("TableClass", ""),
        "deletion_protection": params.get("DeletionProtectionEnabled", False),
        "tags": {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())},
    }


def _missing(parameter: str) -> AwsError:
    return invalid(
        f"1 validation error detected: Value null at '{parameter}' failed to satisfy constraint: "
        "Member must not be null"
    )


def _read_table_throughput(params: Mapping[str, Any], billing_mode: str) -> Throughput:
    given = params.get("ProvisionedThroughput")
    if billing_mode == ON_DEMAND:
        if given:
            raise invalid_parameters(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return NO_THROUGHPUT
    if not given:
        raise invalid_parameters(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    return read_throughput(given)


def read_throughput(given: Mapping[str, Any]) -> Throughput:
    """ProvisionedThroughput; raises ``AwsError`` if it is out of bounds."""
    for unit in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if given[unit] > UNITS_MAX:
            raise invalid(f"Given value {given[unit]} for {unit} is out of bounds")
    return Throughput(given["ReadCapacityUnits"], given["WriteCapacityUnits"])


def read_key(schema: list[dict[str, str]], types: Mapping[str, str], listed: int | None = None) -> KeyAttributes:
    """A KeySchema; ``listed`` is the number of attribute definitions, for a table's own. Raises ``AwsError``."""
    names = [element["AttributeName"] for element in schema]
    if len(schema) > 2:
        if listed is None:
            raise invalid("terrella does not implement keys of several attributes for global secondary indexes yet")
        shown = ", ".join(
            f"KeySchemaElement(attributeName={each['AttributeName']}, keyType={each['KeyType']})" for each in schema
        )
        raise invalid(
            f"1 validation error detected: Value '[{shown}]' at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    if listed is not None and len(names) > listed:
        raise invalid("Invalid KeySchema: Some index key attribute have no definition")
    undefined = [name for name in names if name not in types]
    if undefined:
        raise invalid_parameters(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    if len(set(names)) < len(names):
        raise invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    if schema[0]["KeyType"] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) > 1 and schema[1]["KeyType"] != "RANGE":
        raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    return KeyAttributes(*names)


def _read_index(given: Mapping[str, Any], types: Mapping[str, str], local: bool, billing_mode: str) -> IndexDefinition:
    name = given["IndexName"]
    throughput = NO_THROUGHPUT
    if not local:
        throughput = read_index_throughput(given, billing_mode)
    return IndexDefinition(name, read_key(given["KeySchema"], types), _read_projection(given), local, throughput)


def read_index_throughput(given: Mapping[str, Any], billing_mode: str) -> Throughput:
    """A global index's ProvisionedThroughput, as the table's billing mode wants it; raises ``AwsError``."""
    name, units = given["IndexName"], given.get("ProvisionedThroughput")
    if billing_mode == ON_DEMAND:
        if units:
            raise invalid_parameters(
                f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )
        return NO_THROUGHPUT
    if not units:
        raise invalid_parameters(f"ProvisionedThroughput must be specified for index: {name}")
    return read_throughput(units)


def read_global_index(given: Mapping[str, Any], types: Mapping[str, str], billing_mode: str) -> IndexDefinition:
    """The index that an UpdateTable creates; raises ``AwsError``."""
    return _read_index(given, types, False, billing_mode)


def _read_projection(given: Mapping[str, Any]) -> Projection:
    projection = given["Projection"]
    kind = projection.get("ProjectionType")
    if kind is None:
        raise invalid_parameters("Unknown ProjectionType: null")
    attributes = tuple(projection.get("NonKeyAttributes", ()))
    if attributes and kind != "INCLUDE":
        raise invalid_parameters(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not attributes:
        raise invalid_parameters("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    return Projection(kind, attributes)


def _check_local(params: Mapping[str, Any], key: KeyAttributes, indexes: list[IndexDefinition]) -> None:
    if "LocalSecondaryIndexes" not in params:
        return
    if not indexes:
        raise invalid_parameters("List of LocalSecondaryIndexes is empty")
    if key.sort is None:
        raise invalid_parameters(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    for index in indexes:
        if index.key.sort is None:
            raise invalid_parameters(f"Index KeySchema does not have a range key for index: {index.name}")
        if index.key.partition != key.partition:
            raise invalid_parameters(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{index.name}. index hash key: {index.key.partition}, table hash key: {key.partition}"
            )
    if len(indexes) > LOCAL_INDEXES_MAX:
        raise invalid_parameters(f"Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}")


def check_global(indexes: list[IndexDefinition], declared: bool) -> None:
    """The rules for the list of global indexes; raises ``AwsError``."""
    if declared and not indexes:
        raise invalid_parameters("List of GlobalSecondaryIndexes is empty")
    if len(indexes) > GLOBAL_INDEXES_MAX:
        raise invalid_parameters(f"GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}")


def check_index_names(indexes: list[IndexDefinition]) -> None:
    """No two indexes of one name, not too many projected attributes; raises ``AwsError``."""
    seen: set[str] = set()
    for index in indexes:
        if index.name in seen:
            raise invalid_parameters(f"Duplicate index name: {index.name}")
        seen.add(index.name)
    projected = sum(len(index.projection.attributes) for index in indexes)
    if projected > PROJECTED_ATTRIBUTES_MAX:
        raise invalid_parameters(
            f"Number of projected attributes in all indexes exceeds limit of {PROJECTED_ATTRIBUTES_MAX}"
        )


def check_attributes_used(types: Mapping[str, str], key: KeyAttributes, indexes: Iterable[IndexDefinition]) -> None:
    """Every defined attribute is part of a key; raises ``AwsError``."""
    listed = list(indexes)
    used = {name for each in (key, *(index.key for index in listed)) for name in each.names}
    if set(types) <= used:
        return
    if not listed:
        raise invalid_parameters(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    raise invalid_parameters(
        "Some AttributeDefinitions are not used. "
        f"AttributeDefinitions: [{', '.join(types)}], keys used: [{', '.join(name for name in types if name in used)}]"
    )
