"""A region that clients are sent to by a name which it does not answer to."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView, canonical, listed

_DOMAINS = ("AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName")


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    lacking: dict[tuple[int, str], list[str]] = defaultdict(list)
    for record in view.records():
        if record.properties.get("Type") not in ("A", "AAAA", "CNAME") or not _leads_to_an_api(record):
            continue
        for region in view.regions_of_record(record) & view.stacks.keys():
            if not {record.name, f"*.{record.name.partition('.')[2]}"} & _answered(view, region):
                lacking[view.line(*record.path, "Name"), record.name].append(region)
    for (line, name), regions in lacking.items():
        yield line, f"{name} leads to API Gateway in {listed(set(regions))}, where no custom domain has that name"


def _leads_to_an_api(record: Record) -> bool:
    targets = [record.properties.get("AliasTarget", {}).get("DNSName"), *record.properties.get("ResourceRecords", [])]
    return any(".execute-api." in str(target) for target in targets if target)


def _answered(view: WorldView, region: str) -> set[str]:
    """The names that API Gateway answers to in a region (one with a star answers for all names beside it)."""
    return {canonical(one.physical_id) for one in view.stacks[region].of_type(*_DOMAINS)}


RULE = Rule(
    id="region-without-domain",
    number=9115,
    severity=Severity.ERROR,
    alone=Severity.WARNING,
    explanation="API Gateway knows its APIs by the name that the client asks for. Where a region has no custom "
    "domain of that name, TLS fails or the answer is 403, although the health check, which asks by "
    "the regional name, is green.",
    fix="Make an `AWS::ApiGateway::DomainName` (REGIONAL) of that name, with its mapping, in every "
    "region, and point the record at its RegionalDomainName.",
    find=_find,
)
