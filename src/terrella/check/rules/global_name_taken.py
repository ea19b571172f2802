"""A name that is unique in the whole world or account, given to one thing in every region."""

import re
from collections.abc import Iterator, Mapping

from terrella.check.findings import Rule, Severity
from terrella.check.source import ELSEWHERE, Declared, literal, mapping, references
from terrella.check.view import WorldView, listed

_NAMES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "AWS::S3::Bucket": (("BucketName",), "names of buckets are unique in the whole world"),
    "AWS::IAM::Role": (("RoleName",), "roles belong to the account, not to a region"),
    "AWS::IAM::User": (("UserName",), "users belong to the account, not to a region"),
    "AWS::IAM::Group": (("GroupName",), "groups belong to the account, not to a region"),
    "AWS::IAM::ManagedPolicy": (("ManagedPolicyName",), "policies belong to the account, not to a region"),
    "AWS::IAM::InstanceProfile": (("InstanceProfileName",), "profiles belong to the account, not to a region"),
    "AWS::CloudFront::OriginAccessControl": (("OriginAccessControlConfig", "Name"), "CloudFront is global"),
    "AWS::CloudFront::CachePolicy": (("CachePolicyConfig", "Name"), "CloudFront is global"),
    "AWS::CloudFront::ResponseHeadersPolicy": (("ResponseHeadersPolicyConfig", "Name"), "CloudFront is global"),
    "AWS::CloudFront::OriginRequestPolicy": (("OriginRequestPolicyConfig", "Name"), "CloudFront is global"),
    "AWS::CloudFront::Function": (("Name",), "CloudFront is global"),
}
_DIFFERS = frozenset({"AWS::Region", "AWS::StackId", ELSEWHERE})
_GIVEN = re.compile(r"region|prefix|suffix|name|unique|random|id$|namespace|bucket", re.IGNORECASE)


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for one in view.declared(*_NAMES):
        path, why = _NAMES[one.type]
        value = mapping(one.properties, *path[:-1]).get(path[-1])
        if value is None or not view.is_made_in_several(one) or _may_differ(view, one, value):
            continue
        line = view.line(*one.path, *path)
        regions = listed(view.regions_making(one))
        yield line, f"{one.logical_id} is named {literal(value)} in {regions}, but {why}"


def _may_differ(view: WorldView, one: Declared, value: object) -> bool:
    """Whether the name is another one in each region, as far as can be known."""
    names = references(value)
    if names & _DIFFERS or not isinstance(value, str | Mapping):
        return True
    if names and not view.is_assumed:
        known = [
            view.stacks[region].resources[one.logical_id]
            for region in view.regions_making(one)
            if region in view.stacks
        ]
        return len({resource.physical_id for resource in known}) > 1
    given = {name for name in names if not name.startswith("AWS::")}
    return "AWS::StackName" in names or any(_GIVEN.search(name) for name in given)


RULE = Rule(
    id="global-name-taken",
    number=9121,
    severity=Severity.ERROR,
    alone=Severity.NOTE,
    explanation="The first region's stack takes the name, and the next one's fails to make its own.",
    fix="Leave the name out, or put `${AWS::Region}` into it, or give the resource a Condition that "
    "holds in one region.",
    find=_find,
)
