"""Calls to a table or a function that take longer, or are answered with an error, at a given rate."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

from terrella.kernel import AwsError, Ids, TerrellaError
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Errors
from terrella.region.faults.zones import check_function
from terrella.services.functions import Functions
from terrella.services.tables import Tables
from terrella.wire.aws import load_service_model

# Every service of AWS may answer these ("Common Errors" in each API reference), whatever its model says.
_COMMON = {
    "AccessDeniedException": 400,
    "InternalFailure": 500,
    "RequestExpired": 400,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
}


class Dependencies:
    """Stands before the calls of tables and of functions while there is anything to spoil."""

    def __init__(self, tables: Tables, functions: Functions, ids: Ids) -> None:
        self._tables = tables
        self._functions = functions
        self._ids = ids

    def check(self, fault: ActiveFault[Errors]) -> None:
        """The table or function must be there, and its service must know the error."""
        wanted = fault.parameters
        if wanted.service == "lambda":
            check_function(self._functions, wanted.resource)
        elif wanted.resource not in (names := [each.name for each in self._tables.status()]):
            region = self._functions.region
            raise TerrellaError(
                f"there is no table {wanted.resource} in {region}; there are {', '.join(names) or 'none'}"
            )
        if wanted.error:
            status_of(wanted.service, wanted.error)

    def apply(self, faults: Sequence[ActiveFault[Errors]]) -> None:
        """Stand in the way of those that are spoilt, and only of them."""
        of_tables = [fault for fault in faults if fault.parameters.service == "dynamodb"]
        of_functions = [fault for fault in faults if fault.parameters.service == "lambda"]
        self._tables.interference = partial(self._interfere, of_tables) if of_tables else None
        self._functions.interference = partial(self._interfere, of_functions) if of_functions else None

    async def _interfere(
        self, faults: Sequence[ActiveFault[Errors]], operation: str, resources: Collection[str]
    ) -> None:
        for fault in faults:
            wanted = fault.parameters
            if wanted.resource not in resources or (wanted.operations and operation not in wanted.operations):
                continue
            if wanted.service == "lambda" and operation not in ("Invoke", "InvokeAsync", "InvokeWithResponseStream"):
                continue
            if self._ids.fraction() >= wanted.rate:
                continue
            fault.hits += 1
            delay_s = wanted.delay_s + wanted.jitter_s * (2 * self._ids.fraction() - 1)
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if wanted.error:
                status = status_of(wanted.service, wanted.error)
                raise AwsError(wanted.error, f"injected on purpose: {fault.id}", status)


def status_of(service: str, code: str) -> int:
    """The HTTP status that goes with an error. Raises ``TerrellaError`` for one that the service does not have."""
    if code in _COMMON:
        return _COMMON[code]
    known = {name: shape for name, shape in load_service_model(service).shapes.items() if shape.get("exception")}
    if code not in known:
        there_are = ", ".join(sorted({*known, *_COMMON}))
        raise TerrellaError(f"found the error {code}, expected one of {service}: {there_are}")
    status = known[code].get("error", {}).get("httpStatusCode")
    if status is not None:
        return int(status)
    return 500 if known[code].get("fault") else 400
