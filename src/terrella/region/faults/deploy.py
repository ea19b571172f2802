"""A bad deploy: functions that raise in a share of their invocations."""

from collections.abc import Sequence
from functools import partial

from terrella.kernel import Ids
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Deploy
from terrella.region.faults.zones import check_function
from terrella.services.functions import Configuration, Functions


class BadDeploy:
    """The handler is not called: the invocation ends as if it had raised at once, whoever invoked it."""

    def __init__(self, functions: Functions, ids: Ids) -> None:
        self._functions = functions
        self._ids = ids

    def check(self, fault: ActiveFault[Deploy]) -> None:
        """The function must be there."""
        check_function(self._functions, fault.parameters.function)

    def apply(self, faults: Sequence[ActiveFault[Deploy]]) -> None:
        """Stand before invocations while there is any such fault."""
        self._functions.sabotage = partial(self._raised, faults) if faults else None

    def _raised(self, faults: Sequence[ActiveFault[Deploy]], called: Configuration) -> tuple[str, str] | None:
        for fault in faults:
            wanted = fault.parameters
            if wanted.function in (called.name, called.logical_id) and self._ids.fraction() < wanted.rate:
                fault.hits += 1
                return "InjectedError", f"raised on purpose: {fault.id}"
        return None
