"""An edge-optimised domain name, of which there can be only one in the world."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.bare import is_made_up
from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    makers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for region, one in view.resources("AWS::ApiGateway::DomainName"):
        types = one.properties.get("EndpointConfiguration", {}).get("Types") or ["EDGE"]
        if "EDGE" in types:
            makers[one.logical_id, one.physical_id].add(region)
    for (logical_id, name), regions in makers.items():
        if len(regions) > 1 and not (view.is_assumed and is_made_up(name)):
            line = view.line("Resources", logical_id)
            yield line, f"the edge-optimised domain {name} is made by the stacks of {listed(regions)}"


RULE = Rule(
    id="edge-domain-made-twice",
    number=9117,
    severity=Severity.ERROR,
    alone=Severity.NOTE,
    explanation="An edge-optimised domain name is an alias of a CloudFront distribution, of which the whole "
    "world has one: the second region's stack fails. It could not fail over either.",
    fix="Use `EndpointConfiguration: {Types: [REGIONAL]}` with a RegionalCertificateArn (SAM: `Domain: "
    "{EndpointConfiguration: REGIONAL}`).",
    find=_find,
)
