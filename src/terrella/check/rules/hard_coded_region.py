"""A region that is written out in the template."""

import re
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.regions import INTENDED, is_region, pinned
from terrella.check.source import Declared, texts
from terrella.check.view import WorldView

_MEANT = frozenset(
    {"Replicas", "ReplicaRegions", "ReplicationConfiguration", "Regions", "GeoLocation", "GeoProximityLocation"}
    | {"Condition", "Fn::Equals", "Description", "Tags", "InlineCode", "ZipFile", "Comment", "Metadata", "CopyActions"}
    | {"DistributionConfig", "ViewerCertificate", "HealthCheckTags", "HostedZoneTags", "Fn::If", "servers", "example"}
    | {"examples", "description", "EventPattern", "Pattern", "Fn::FindInMap", "CertificateArn", "DestinationRegion"}
)
"""Where a region is named because that one is meant, or to be read by people; and code, which has a rule of its own."""
_SEVERAL = re.compile(r"cross.?region|secondary|fail_?over|replica|region[-_]?[a-d1-9]$", re.IGNORECASE)
_OWN_REGION = ("AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup", "AWS::Route53::HealthCheck")
_GLOBAL = (
    "AWS::CloudFront::",
    "AWS::IAM::ServiceLinkedRole",
    "AWS::CloudFormation::StackSet",
    "AWS::GlobalAccelerator::",
)


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for one in view.declared():
        if one.type.startswith(_GLOBAL):
            continue
        seen: set[int] = set()
        for path, text in texts(one.properties):
            what = _pinned(one, path, text)
            line = view.line(*one.path, *path)
            if what is not None and line not in seen:
                seen.add(line)
                yield line, f"{one.logical_id}: {what}"


def _pinned(one: Declared, path: tuple[str | int, ...], text: str) -> str | None:
    if any(step in _MEANT for step in path):
        return None
    for found, region in pinned(text):
        if _SEVERAL.search(f"{found} {one.logical_id}"):
            continue
        if ":layer:" in found:
            return f"{found} is a layer in {region}: a function can only use layers of its own region"
        return f"{found} is in {region}, wherever the stack is"
    name = next((str(step) for step in reversed(path) if isinstance(step, str) and not step.startswith("Fn::")), "")
    if is_region(text) and one.type not in _OWN_REGION and not INTENDED.search(f"{name} {one.logical_id}"):
        return f"{name} is {text}, wherever the stack is"
    return None


RULE = Rule(
    id="hard-coded-region",
    number=9122,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="In every other region this still leads to the one that is written there: calls cross regions, "
    "fail when that one is down, or the stack cannot be made at all.",
    fix="Write `${AWS::Region}` (`!Sub arn:${AWS::Partition}:SERVICE:${AWS::Region}:…`), refer to the "
    "resource, or keep a Mapping by region.",
    find=_find,
)
