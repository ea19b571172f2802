"""AWS's own host names, as far as the world stands in for them."""

import re

_REGIONAL = re.compile(r"[a-z0-9_.*-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com\.?", re.IGNORECASE)


def region_of_hostname(name: str) -> str | None:
    """The region that a name of the form ``*.<region>.amazonaws.com`` belongs to; None for every other name."""
    found = _REGIONAL.fullmatch(name)
    return found[1].lower() if found else None
