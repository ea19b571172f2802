"""Messages that wait in a region for as long as it is away."""

import re
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import texts
from terrella.check.view import WorldView

_LEFTOVERS = re.compile(r"dead|dlq|fail|error|retry|poison", re.IGNORECASE)


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    if len(view.regions) < 2:
        return
    leftovers = _dead_letter_queues(view)
    for one in view.declared("AWS::SQS::Queue", "AWS::Kinesis::Stream"):
        is_leftover = one.logical_id in leftovers or _LEFTOVERS.search(one.logical_id)
        if view.regions_making(one) and not is_leftover:
            kind = "queue" if one.type == "AWS::SQS::Queue" else "stream"
            line = view.line("Resources", one.logical_id)
            yield (
                line,
                f"{one.logical_id} is a {kind} of one region: what it holds waits there while the region is away",
            )


def _dead_letter_queues(view: WorldView) -> set[str]:
    """The queues that another resource names as the place for what could not be done."""
    names = ("RedrivePolicy", "DeadLetterQueue", "DeadLetterConfig", "OnFailure", "DestinationConfig")
    found: set[str] = set()
    for one in view.declared():
        for path, text in texts(one.properties):
            if any(name in path for name in names):
                found.add(text.partition(".")[0])
    return found


RULE = Rule(
    id="messages-stay-in-region",
    number=9120,
    severity=Severity.NOTE,
    alone=Severity.NOTE,
    explanation="SQS and Kinesis replicate nothing: what a region has accepted and not yet processed is done "
    "when the region is back, or never. That may well be right, but it counts as acknowledged work "
    "at risk.",
    fix="Write to a replicated table first and treat the message as a hint; or accept it, and say so.",
    find=_find,
)
