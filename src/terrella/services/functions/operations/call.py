"""What every operation is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API: parameters by the model's names, the request's id, and the X-Ray header that came with it."""

    params: dict[str, Any]
    request_id: str
    trace_id: str = ""


Operation = Callable[[FunctionCore, Call], Awaitable[dict[str, Any]]]
"""Answers the output's members by the model's names; raises ``AwsError``."""


def not_implemented(name: str) -> Operation:
    """An operation that the model knows and terrella does not: it says so."""

    async def refuse(_core: FunctionCore, _call: Call) -> dict[str, Any]:
        raise AwsError("UnknownOperationException", f"terrella does not implement lambda:{name} yet", 404)

    return refuse
