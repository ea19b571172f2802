"""Calls to other regions that are forbidden."""

from collections.abc import Sequence
from functools import partial

from terrella.region.endpoint import AwsEndpoint
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Nothing


class ForbiddenCalls:
    """What a handler, or anyone, asks of another region through this one's endpoint is refused at once."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self._endpoint = endpoint

    def check(self, fault: ActiveFault[Nothing]) -> None:
        """They can always be."""

    def apply(self, faults: Sequence[ActiveFault[Nothing]]) -> None:
        """Forbidden while there is any fault that says so."""
        self._endpoint.forbidden = partial(self._refuse, faults) if faults else None

    def _refuse(self, faults: Sequence[ActiveFault[Nothing]]) -> str:
        for fault in faults:
            fault.hits += 1
        return f"calls to other regions are forbidden on purpose: {faults[0].id}"
