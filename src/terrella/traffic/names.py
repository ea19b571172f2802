"""Domain names as Route 53 compares them: lower case, no dot at the end, an asterisk for its octal escape."""

import re

from terrella.traffic.errors import TrafficError

_LABEL = re.compile(r"[a-z0-9_!\"#$%&'()*+,\-/:;<=>?@\[\\\]^`{|}~]{1,63}")


def normal_name(name: str) -> str:
    """The form in which names are compared; raises ``TrafficError`` for one that cannot stand in a zone."""
    plain = name.replace("\\052", "*").lower().removesuffix(".")
    labels = plain.split(".")
    if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TrafficError(f"{name!r} is not a domain name")
    if "*" in plain and ("*" in "".join(labels[1:]) or labels[0] != "*"):
        raise TrafficError(f"{name!r}: an asterisk stands for a whole label, the first one")
    return plain


def is_below(name: str, zone: str) -> bool:
    """Whether ``name`` is ``zone`` or lies below it; both in normal form."""
    return name == zone or name.endswith("." + zone)


def parent_name(name: str) -> str:
    """The name without its first label; empty above a top-level domain."""
    return name.partition(".")[2]
