"""The journal's checkers, which every game day ends with whether its file names them or not."""

from terrella.gameday.bounds import show_seconds
from terrella.gameday.evidence import Evidence
from terrella.gameday.verdict import Finding


def judge_replicas(evidence: Evidence) -> list[Finding]:
    """All replicas equal byte for byte, conflict logs included; and nothing that a region could not apply."""
    equal = evidence.equal_after_s is not None
    measured = (
        f"equal {show_seconds(evidence.equal_after_s)} after the load" if evidence.equal_after_s is not None else ""
    )
    last = evidence.looks[-1].regions.values() if evidence.looks else []
    parked = sum(region.parked for region in last)
    return [
        Finding("", "replicas", "equal in every region", measured or f"not equal: {evidence.unequal}", equal),
        Finding("", "records set aside", "0", f"{parked:,}", bool(last) and parked == 0),
    ]
