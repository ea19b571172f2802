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
_WITH_CODE: Mapping[str, tuple[str, ...]] = {
    "AWS::Serverless::Function": ("CodeUri", "InlineCode"),
    "AWS::Lambda::Function": ("Code",),
}
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
    """The template with a value for each parameter that has none, without constraints on them, and without code.

    It is for judging only: the values are made up (``Parameter-of-NAME``), and what comes of them is nobody's mistake;
    nor is it that the code has not been built yet.
    """
    source = _without_imports(template.source)
    if "Parameters" in source:
        source["Parameters"] = {name: _declaration(name, one) for name, one in mapping(source, "Parameters").items()}
    everywhere = mapping(source, "Globals", "Function")
    if isinstance(everywhere, dict):
        everywhere.pop("CodeUri", None)
    for resource in source["Resources"].values():
        properties = resource.get("Properties")
        if (
            resource.get("Type") in _WITH_CODE
            and isinstance(properties, dict)
            and not _is_image(properties, everywhere)
        ):
            for name in _WITH_CODE[resource["Type"]]:
                properties.pop(name, None)
            is_sam = resource["Type"].startswith("AWS::Serverless::")
            properties |= {"InlineCode": "-"} if is_sam else {"Code": {"ZipFile": "-"}}
    return replace(template, source=source, digest=f"{template.digest}-alone")


def _without_imports(value: Any) -> Any:
    """A copy of a tree in which what other stacks export is made up."""
    if isinstance(value, Mapping):
        if "Fn::ImportValue" in value:
            return "Parameter-of-another-stack"
        return {name: _without_imports(part) for name, part in value.items()}
    return [_without_imports(part) for part in value] if isinstance(value, list) else value


def _is_image(properties: Mapping[str, Any], everywhere: Mapping[str, Any]) -> bool:
    return "Image" in (properties.get("PackageType"), everywhere.get("PackageType")) or "ImageUri" in properties


def is_made_up(value: Any) -> bool:
    """Whether a value came from a parameter without one."""
    return isinstance(value, str) and "parameter-of-" in value.lower()


def _declaration(name: str, declaration: Any) -> Mapping[str, Any]:
    given = mapping(declaration)
    kind = str(given.get("Type", "String"))
    allowed = listing(given.get("AllowedValues"))
    value = given.get("Default")
    if value is None:
        inner = re.sub(r"^(?:List|AWS::SSM::Parameter::Value)<(.*)>$", r"\1", kind)
        value = allowed[0] if allowed else _EXAMPLES.get(inner, f"Parameter-of-{name}")
    return {"Type": kind, "Default": value}
