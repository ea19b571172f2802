"""Evidence without the time in which the machine was too busy: would it have held? Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace

from terrella.gameday.evidence import Evidence
from terrella.gameday.machine import Span

AFTERMATH_S = 2.0
"""For so long what a busy machine held up is still being made up for: connections, health checks, what queued."""


def without(evidence: Evidence, busy: Sequence[Span]) -> Evidence:
    """As if time had stood still meanwhile and for ``AFTERMATH_S``: what was under way or seen then does not count.

    What was lost, is there twice or differs between replicas stays so: no busy machine excuses it.
    """
    spans = _joined([(from_s, until_s + AFTERMATH_S) for from_s, until_s in busy])

    def moved(at_s: float) -> float:
        gone_s = sum(min(at_s, until_s) - from_s for from_s, until_s in spans if from_s < at_s)
        return at_s if math.isinf(at_s) else at_s - gone_s

    def counts(begun_s: float, ended_s: float) -> bool:
        return not any(begun_s < until_s and ended_s >= from_s for from_s, until_s in spans)

    return replace(
        evidence,
        samples=[
            replace(one, intended_s=moved(one.intended_s), ended_s=moved(one.ended_s))
            for one in evidence.samples
            if counts(one.intended_s, one.ended_s)
        ],
        looks=[replace(one, at_s=moved(one.at_s)) for one in evidence.looks if counts(one.at_s, one.at_s)],
        windows=[replace(one, from_s=moved(one.from_s), until_s=moved(one.until_s)) for one in evidence.windows],
        load_until_s=moved(evidence.load_until_s),
    )


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for from_s, until_s in sorted(spans):
        if joined and from_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until_s))
        else:
            joined.append((from_s, until_s))
    return joined
