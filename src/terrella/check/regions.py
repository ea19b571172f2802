"""Region codes in text: in ARNs, in host names, alone."""

import re
from collections.abc import Iterator

from terrella.kernel import known_regions
from terrella.wire.hostnames import region_of_hostname

_CODES = "|".join(sorted(known_regions(), key=len, reverse=True))
CODE = rf"(?P<region>{_CODES})"
_ARN = re.compile(rf"arn:aws[\w-]*:(?P<service>[a-z0-9-]+):{CODE}:(?P<account>[^:\s\"']*)(?P<rest>[^\s\"',]*)")
_HOST = re.compile(r"[\w.${}-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws|api\.aws)(?![\w.-]*\w)")
_ALONE = re.compile(rf"{CODE}[a-f]?")
_DOCUMENTATION_ACCOUNTS = frozenset(
    {"123456789012", "111122223333", "111111111111", "222222222222", "000000000000", "012345678901", "123412341234"}
)
_ANYWHERE_SERVICES = frozenset({"serverlessrepo", "cloudfront", "iam"})
"""Applications of the serverless repository are named by the region that published them, wherever they are used."""

INTENDED = re.compile(
    r"primary|secondary|source|replica|peer|remote|other|target|owner|backup|fail_?over|dest|table_?region|dr_|cross"
    r"|home|standby|main|central|origin|allowed|supported",
    re.IGNORECASE,
)
"""Names that say which region of several is meant: the same one wherever the name is read."""


def is_region(text: str) -> bool:
    """Whether a text is nothing but the code of a region, or of one of its availability zones."""
    return _ALONE.fullmatch(text) is not None


def pinned(text: str) -> Iterator[tuple[str, str]]:
    """What in a text leads to one region only, and which one: ``arn:aws:sqs:us-east-1:…``, ``x.us-east-1.on.aws``.

    ARNs of the accounts that AWS's documentation uses are placeholders, and lead nowhere.
    """
    for match in _ARN.finditer(text):
        if match["service"] in _ANYWHERE_SERVICES or match["account"].lstrip(":") in _DOCUMENTATION_ACCOUNTS:
            continue
        if match["service"] == "wafv2" and ":global/" in match["rest"]:
            continue
        yield match[0], match["region"]
    for match in _HOST.finditer(text):
        region = region_of_hostname(match[0].rpartition("}.")[2])
        if region is not None and not match[0].startswith("arn:"):
            yield match[0], region
