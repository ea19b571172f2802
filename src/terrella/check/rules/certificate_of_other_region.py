"""A certificate that is not in the region that is to show it."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.regions import pinned
from terrella.check.view import WorldView, listed

_EDGE_REGION = "us-east-1"


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    wrong: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for region, one in view.resources("AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName"):
        given: list[tuple[str, str, tuple[str | int, ...]]] = []
        if "RegionalCertificateArn" in one.properties:
            given.append((region, str(one.properties["RegionalCertificateArn"]), ("RegionalCertificateArn",)))
        if "CertificateArn" in one.properties:
            given.append((_EDGE_REGION, str(one.properties["CertificateArn"]), ("CertificateArn",)))
        for index, settings in enumerate(one.properties.get("DomainNameConfigurations", [])):
            given.append(
                (
                    region,
                    str(settings.get("CertificateArn", "")),
                    ("DomainNameConfigurations", index, "CertificateArn"),
                )
            )
        for wanted, arn, path in given:
            for text, found in pinned(arn):
                if found != wanted and text.startswith("arn:"):
                    line = view.line("Resources", one.logical_id, "Properties", *path)
                    wrong[line, one.logical_id, found].append(wanted)
    for (line, name, elsewhere), needed in wrong.items():
        yield line, f"{name} needs a certificate in {listed(set(needed))}, and is given one in {elsewhere}"


RULE = Rule(
    id="certificate-of-other-region",
    number=9116,
    severity=Severity.ERROR,
    alone=Severity.WARNING,
    explanation="A regional endpoint can only show a certificate of its own region (an edge-optimised one, of "
    "us-east-1): in any other region the stack fails.",
    fix="Make the certificate in the same template, or give its ARN by a parameter with another value in every region.",
    find=_find,
)
