"""What AWS's host names say about regions."""

import re

_REGION = re.compile(r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov|us-iso[bef]?)-(?:[a-z]+)-[1-9]")
_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".api.aws")
_JOINED = ("s3-website-", "s3-")


def region_of_hostname(name: str) -> str | None:
    """The region that an AWS host name leads to: ``d-x.execute-api.us-east-1.amazonaws.com`` → ``us-east-1``.

    None for a name of another kind, or one that names no region (``bucket.s3.amazonaws.com``). A closing dot and
    capitals do not matter.
    """
    name = name.lower().removesuffix(".")
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), None)
    if suffix is None:
        return None
    for label in reversed(name.removesuffix(suffix).split(".")):
        for prefix in _JOINED:
            label = label.removeprefix(prefix)
        if _REGION.fullmatch(label):
            return label
    return None
