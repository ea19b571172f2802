"""A template alone, without a world: the regions and parameters that it would be tried with."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from terrella.check.source import declared, listing, mapping
from terrella.stack import Template

ASSUMED_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
_CHOOSERS = ("Failover", "Weight", "Region", "MultiValueAnswer", "GeoLocation", "GeoProximityLocation")
_SHOWS_SEVERAL = frozenset({"AWS::Route53::HealthCheck", "AWS::RDS::GlobalCluster", "AWS::Events::Endpoint"})
_EXAMPLES = {
    "Number": "1",
    "AWS::EC2::Subnet::Id": "subnet-00000000",
    "AWS::EC2::VPC::Id": "vpc-00000000",
    "AWS::Route53::HostedZone::Id": "Z0000000000000",
}


def assumed_regions(template: Template) -> tuple[str, ...]:
    """The regions that the template itself names as its table's replicas; else three that are far apart."""
    for one in declared(template.source):
        if one.type == "AWS::DynamoDB::GlobalTable":
            named = [mapping(replica).get("Region") for replica in listing(one.properties.get("Replicas"))]
            regions = [region for region in named if isinstance(region, str)]
            if len(regions) > 1:
                return tuple(dict.fromkeys(regions))
    return ASSUMED_REGIONS


def shows_several_regions(template: Template) -> bool:
    """Whether the template is plainly meant for several regions: a table with replicas, or DNS that chooses."""
    for one in declared(template.source):
        if one.type in _SHOWS_SEVERAL:
            return True
        if one.type == "AWS::DynamoDB::GlobalTable" and len(listing(one.properties.get("Replicas"))) > 1:
            return True
        members = listing(one.properties.get("RecordSets")) if one.type.endswith("::RecordSetGroup") else []
        records = [one.properties] if one.type == "AWS::Route53::RecordSet" else members
        if any(name in mapping(record) for record in records for name in _CHOOSERS):
            return True
    return False


def with_values(template: Template) -> Template:
    """The template with a value for each parameter that has none, and without constraints on them.

    It is for judging only: the values are made up (``Parameter-of-NAME``), and what comes of them is nobody's mistake.
    """
    parameters = {name: _declaration(name, one) for name, one in mapping(template.source, "Parameters").items()}
    if not parameters:
        return template
    return replace(template, source={**template.source, "Parameters": parameters}, digest=f"{template.digest}-alone")


def is_made_up(value: Any) -> bool:
    """Whether a value came from a parameter without one."""
    return isinstance(value, str) and ("Parameter-of-" in value or value in _EXAMPLES.values())


def _declaration(name: str, declaration: Any) -> Mapping[str, Any]:
    given = mapping(declaration)
    kind = str(given.get("Type", "String"))
    allowed = listing(given.get("AllowedValues"))
    value = given.get("Default")
    if value is None:
        inner = re.sub(r"^(?:List|AWS::SSM::Parameter::Value)<(.*)>$", r"\1", kind)
        value = allowed[0] if allowed else _EXAMPLES.get(inner, f"Parameter-of-{name}")
    return {"Type": kind, "Default": value}
