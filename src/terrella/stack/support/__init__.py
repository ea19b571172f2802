"""What becomes of each resource type and property here: data, one small file per family of services."""

from terrella.stack.support import functions, gateway, others, permissions, tables, traffic, watching
from terrella.stack.support.model import Kind, Property, ResourceType, Verdict

FAMILIES = {
    "DynamoDB": tables,
    "Lambda": functions,
    "API Gateway": gateway,
    "Route 53": traffic,
    "Permissions and certificates": permissions,
    "Logs, alarms and networks": watching,
    "Not built yet": others,
}
RESOURCE_TYPES: dict[str, ResourceType] = {known.name: known for family in FAMILIES.values() for known in family.TYPES}

UNKNOWN = "terrella does not know this resource type"


def resource_type(name: str) -> ResourceType:
    """What is known of a resource type; one that is in no table is refused."""
    known = RESOURCE_TYPES.get(name)
    if known is not None:
        return known
    reason = "custom resources are not built" if name.startswith("Custom::") else UNKNOWN
    return ResourceType(name, Verdict.REFUSED, reason)


__all__ = ["FAMILIES", "RESOURCE_TYPES", "UNKNOWN", "Kind", "Property", "ResourceType", "Verdict", "resource_type"]
