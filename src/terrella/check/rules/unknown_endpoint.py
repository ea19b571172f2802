"""A host name of API Gateway that belongs to no API of the world: usually copied from a console."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, canonical
from terrella.wire.hostnames import region_of_hostname

_APIS = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    known = {f"{api.physical_id}.execute-api.{region}.amazonaws.com" for region, api in view.resources(*_APIS)}
    for line, owner, name in _named(view):
        region = region_of_hostname(name)
        is_api = ".execute-api." in name and not canonical(name).startswith("d-")
        if region in view.stacks and is_api and canonical(name) not in known:
            yield line, f"{owner} names {name}, but no stack of this world makes such an API in {region}"


def _named(view: WorldView) -> Iterator[tuple[int, str, str]]:
    """Line, resource and host name, wherever a record or health check names a host."""
    for _, check in view.resources("AWS::Route53::HealthCheck"):
        name = check.properties.get("HealthCheckConfig", {}).get("FullyQualifiedDomainName", "")
        path = ("Resources", check.logical_id, "Properties", "HealthCheckConfig", "FullyQualifiedDomainName")
        yield view.line(*path), check.logical_id, name
    for record in view.records():
        owner = record.resource.logical_id
        for index, name in enumerate(record.properties.get("ResourceRecords", [])):
            yield view.line(*record.path, "ResourceRecords", index), owner, name
        alias = record.properties.get("AliasTarget", {}).get("DNSName", "")
        yield view.line(*record.path, "AliasTarget", "DNSName"), owner, alias


RULE = Rule(
    id="unknown-endpoint",
    number=9106,
    severity=Severity.WARNING,
    alone=None,
    explanation="A host name written out by hand goes stale when its API is made anew, and is another in every region.",
    fix="Name the API by reference: `!Sub ${Api}.execute-api.${AWS::Region}.amazonaws.com`.",
    find=_find,
)
